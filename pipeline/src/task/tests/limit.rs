//! More keys than a task may remember.

use super::*;

fn keys(bench: &Bench) -> Vec<u32> {
    let states = bench.task.states();
    states.into_iter().map(|(key, _)| *key).collect()
}

/// Three keys, captured, and no more allowed; a young commit behind them.
fn full() -> (Bench, TaskPosition) {
    let mut bench = Bench::new(&[i64::MIN]);
    bench.task.limit_states(Some(3));
    for (offset, input) in [(0, "5@30"), (1, "6@20"), (2, "7@40")] {
        bench.input(offset, input);
    }
    bench.commit();
    bench.input(3, "6@60");
    let (_, committed) = bench.commit_with(false);
    assert_eq!((committed.next_offset, committed.floor), (4, 3));
    (bench, committed)
}

#[test]
fn the_key_that_was_silent_longest_goes_and_has_its_last_word() {
    let (mut bench, _) = full();
    bench.input(4, "8@50");
    assert_eq!(keys(&bench), [6, 7, 8], "6 spoke again, 5 did not");
    let (said, _) = bench.commit_with(false);
    assert_eq!(said, ["5 went with 1"]);
    assert_eq!(
        (bench.task.take_evicted(), bench.task.take_evicted()),
        (1, 0)
    );
}

#[test]
fn a_victim_of_the_state_limit_is_captured_in_the_same_commit() {
    let (mut bench, _) = full();
    bench.input(4, "8@50");
    let (_, committed) = bench.commit_with(false);
    assert_eq!((committed.next_offset, committed.floor), (5, 5));
    let restored = bench.restored(Some(5), &[i64::MIN]).expect("restorable");
    let states = restored.states();
    assert!(states.iter().all(|(key, _)| **key != 5), "{states:?}");
}

#[test]
fn nothing_is_let_go_while_folding_again_though_the_limit_was_lowered() {
    let (mut bench, committed) = full();
    let restored = Restored {
        task: Some(bench.task.id()),
        partition_count: 4,
        next_offset: Some(committed.next_offset),
        floor: Some(committed.floor),
        note: Some(committed.note),
        changelog: bench.changelog.iter().collect(),
    };
    let restored = Task::restore(Counting::default(), CONTEXT, sets(&[i64::MIN]), restored);
    bench.task = restored.expect("restorable");
    bench.task.limit_states(Some(2));
    assert_eq!(bench.take(3, Some("6@60"), None), Taken::Replayed);
    assert_eq!(keys(&bench), [5, 6, 7]);
    bench.input(4, "6@61");
    assert_eq!(keys(&bench), [6, 7]);
    assert_eq!(bench.commit_with(false).0, ["5 went with 1"]);
}

#[test]
fn a_large_limit_makes_room_for_more_than_one() {
    let mut bench = Bench::new(&[i64::MIN]);
    bench.task.limit_states(Some(128));
    for key in 0..=128 {
        bench.input(key, &format!("{key}@{key}"));
    }
    assert_eq!(keys(&bench), (3..=128).collect::<Vec<_>>());
}
