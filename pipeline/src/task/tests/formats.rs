//! States in more than one format: what a rolling upgrade and its rollback rest on.

use super::*;

/// The state of a key as format 1 and format 2 have it: format, fold version, position, a count and the last time.
const FORMATS: [[u8; 6]; 2] = [[1, 1, 2, 0, 2, 40], [2, 1, 2, 0, 40, 2]];

fn captured(format: u8) -> Bench {
    let mut bench = Bench::new(&[i64::MIN]);
    bench.task.write_format(format);
    bench.input(0, "1@20");
    bench.commit();
    bench
}

fn formats(bench: &Bench) -> Vec<u8> {
    bench.changelog.values().map(|value| value[0]).collect()
}

#[test]
fn the_format_before_the_newest_is_written_until_told_otherwise() {
    let mut bench = Bench::new(&[i64::MIN]);
    for (offset, (told, written)) in [(None, 1), (Some(2), 2), (Some(9), 2)]
        .into_iter()
        .enumerate()
    {
        told.into_iter()
            .for_each(|format| bench.task.write_format(format));
        bench.input(offset as i64, "1@20");
        bench.commit();
        assert_eq!(formats(&bench), [written; 2], "told {told:?}");
    }
}

#[test]
fn every_format_is_written_as_it_always_was_and_read() {
    for (format, state) in (1..).zip(FORMATS) {
        let bench = captured(format);
        let last = bench.changelog.values().last().expect("a state");
        assert_eq!(*last, state, "format {format}");
        let restored = bench.restored(Some(1), &[i64::MIN]).expect("restorable");
        assert_eq!(restored.fold.states(), [(&1, &(1, 20))], "format {format}");
    }
}

#[test]
fn what_stands_in_a_newer_format_than_is_written_is_written_anew_though_nothing_changes() {
    let mut bench = captured(2);
    bench.task = bench.restored(Some(1), &[i64::MIN]).expect("restorable");
    assert!(
        !bench.task.is_uncaptured(),
        "an upgrade writes nothing anew"
    );
    bench.task.write_format(1);
    assert!(bench.task.is_uncaptured());
    bench.commit();
    assert_eq!(formats(&bench), [1; 2]);
    assert_eq!(
        bench.changelog.values().last().map(Vec::as_slice),
        Some(&FORMATS[0][..])
    );
}

#[test]
fn what_stands_in_an_older_format_stays_until_it_changes() {
    let mut bench = captured(1);
    bench.task = bench.restored(Some(1), &[i64::MIN]).expect("restorable");
    bench.task.write_format(2);
    assert!(!bench.task.is_uncaptured());
}

#[test]
fn a_newer_format_is_refused_and_says_what_to_do() {
    let mut bench = captured(2);
    for value in bench.changelog.values_mut() {
        value[0] = Counting::STATE_FORMAT + 1;
    }
    let refused = bench
        .restored(Some(1), &[i64::MIN])
        .expect_err("not known yet");
    let words =
        "it has format 3, and this release reads formats up to 2: run the release that wrote it";
    assert!(refused.message.contains(words), "{refused}");
}

#[test]
fn of_each_key_the_last_record_counts_and_what_it_took_the_place_of_need_not_be_readable() {
    let mut bench = captured(1);
    bench.input(1, "2@30");
    bench.commit();
    let (own, states): (Vec<_>, Vec<_>) = bench
        .changelog
        .iter()
        .partition(|(key, _)| *key == TASK_KEY);
    let [(one, first), (other, second)] = states[..] else {
        panic!("two states: {states:?}");
    };
    let mut newer = first.clone();
    newer[0] = Counting::STATE_FORMAT + 1;
    let mut older = second.clone();
    older[5] += 2;
    let changelog = |records: &[(&Vec<u8>, Option<&Vec<u8>>)]| {
        let mut changelog = Changelog::default();
        for (key, value) in records {
            changelog.push(key, value.map(Vec::as_slice));
        }
        for (key, value) in &own {
            changelog.push(key, Some(value));
        }
        changelog
    };
    let of_both = |task: &Task<Counting>| {
        let states = task.fold.states().into_iter();
        states
            .map(|(key, state)| (*key, *state))
            .collect::<Vec<_>>()
    };
    let restored = |records: &[(&Vec<u8>, Option<&Vec<u8>>)]| {
        bench.restored_of(Some(2), &[i64::MIN], changelog(records))
    };
    let both = [(one, Some(first)), (other, Some(second))];
    let (newer, older, gone) = ((one, Some(&newer)), (other, Some(&older)), (one, None));
    let task = restored(&[newer, older, gone, both[1], both[0]]).expect("restorable");
    assert_eq!(of_both(&task), [(1, (1, 20)), (2, (1, 30))]);
    assert_eq!(task.newest_found, 1, "the format of those that count");
    let task = restored(&[both[1], both[0], newer, gone]).expect("restorable");
    assert_eq!(of_both(&task), [(2, (1, 30))]);
    let refused = restored(&[both[1], both[0], newer]).expect_err("not known yet");
    assert!(refused.message.contains("it has format 3"), "{refused}");
    let strange = vec![2, 2];
    let task = restored(&[both[0], both[1], (&strange, newer.1), (&strange, None)]);
    assert_eq!(
        of_both(&task.expect("restorable")),
        [(1, (1, 20)), (2, (1, 30))],
        "a key that only a newer release could read is gone"
    );
    let refused = restored(&[both[0], both[1], (&strange, newer.1)]).expect_err("not known yet");
    assert!(refused.message.contains("it has format 3"), "{refused}");
    let refused = restored(&[both[0], both[1], (&strange, both[0].1)]).expect_err("no key");
    assert!(
        refused.message.contains("its bytes cannot be read"),
        "{refused}"
    );
}

#[test]
fn states_without_the_tasks_own_record_are_refused_though_there_was_one_once() {
    let bench = captured(1);
    let mut without: Changelog = bench.changelog.iter().collect();
    without.push(TASK_KEY, None);
    let refused = bench.restored_of(Some(1), &[i64::MIN], without);
    let words = "the changelog has states but no record of the task itself";
    let refused = refused.expect_err("nobody knows its time");
    assert!(refused.message.contains(words), "{refused}");
}
