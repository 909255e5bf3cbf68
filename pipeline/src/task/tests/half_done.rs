//! Marks that are half done when a task is committed, and killed: they are folded again to where they were, and go on.

use super::*;
use crate::changelog::Fingerprint;

/// Three keys, captured, and a mark at 3 that ends all of them.
fn three_and_a_mark(effective: &[i64]) -> Bench {
    let mut bench = Bench::new(effective);
    for (offset, key) in [(0, 1), (1, 2), (2, 3)] {
        bench.input(offset, &format!("{key}@{}", key * 10));
    }
    bench.commit();
    assert_eq!(bench.mark(3, 1_000), Taken::HalfDone);
    bench
}

fn ended(key: u32, version: usize) -> String {
    format!("{key} had 1 until {} under {version}", 100 + key * 10)
}

/// Ends so many of the mark's timers, and commits no state.
fn commit_after(bench: &mut Bench, timers: usize) -> TaskPosition {
    assert_eq!(bench.go_on(timers), Taken::HalfDone);
    let (said, position) = bench.commit_young();
    assert_eq!(said.len(), timers);
    assert_eq!(position.next_offset, 3, "the mark is read again");
    position
}

#[test]
fn a_half_done_mark_is_folded_again_to_its_cursor_and_goes_on_there() {
    for timers in [1, 2, 3] {
        let mut bench = three_and_a_mark(&[i64::MIN]);
        let position = commit_after(&mut bench, timers);
        assert_eq!(
            (position.floor, position.task_record),
            (3, None),
            "no state is written"
        );
        bench.killed(&position, &[i64::MIN]);
        assert_eq!(bench.go_on(usize::MAX), Taken::Yes, "not before it is read");
        assert_eq!(bench.mark(3, 1_000), Taken::HalfDone);
        assert!(bench.batch.is_empty(), "what was said is not said again");
        assert_eq!(bench.task.states().len(), 3 - timers);

        assert_eq!(bench.go_on(usize::MAX), Taken::Yes);
        let (said, after) = bench.commit_young();
        let left: Vec<_> = (1 + timers as u32..=3).map(|key| ended(key, 0)).collect();
        assert_eq!(said, left);
        assert!(after.task_record.is_some(), "it is not folded a third time");
        assert_eq!((after.next_offset, after.note.cursor), (4, None));
    }
}

#[test]
fn what_is_folded_again_of_a_mark_stays_under_its_definitions_as_does_the_rest() {
    let mut bench = three_and_a_mark(&[i64::MIN]);
    let position = commit_after(&mut bench, 1);
    bench.killed(&position, &[i64::MIN, 400]);
    bench.mark(3, 1_000);
    bench.go_on(usize::MAX);
    assert_eq!(bench.commit().0, [ended(2, 0), ended(3, 0)]);
}

#[test]
fn a_mark_that_is_captured_half_done_is_folded_again_from_there() {
    let mut bench = three_and_a_mark(&[i64::MIN]);
    bench.go_on(1);
    let (_, middle) = bench.commit();
    assert_eq!(middle.floor, 3);
    let later = commit_after(&mut bench, 1);
    assert_eq!(middle.note.cursor, None, "the changelog has it");
    assert!(later.note.cursor.is_some());
    let fingerprint = Fingerprint { states: 1, said: 1 };
    assert_eq!(later.note.fingerprint, Some(fingerprint));

    bench.killed(&later, &[i64::MIN]);
    assert_eq!(bench.go_on(usize::MAX), Taken::Yes, "not before it is read");
    assert_eq!(bench.mark(3, 1_000), Taken::HalfDone);
    bench.go_on(usize::MAX);
    assert_eq!(bench.commit_young().0, [ended(3, 0)]);
}

#[test]
fn a_mark_that_is_over_is_folded_again_from_where_it_was_captured() {
    let mut bench = three_and_a_mark(&[i64::MIN]);
    bench.go_on(1);
    let (_, middle) = bench.commit();
    bench.killed(&middle, &[i64::MIN]);
    assert_eq!(bench.mark(3, 1_000), Taken::HalfDone);
    bench.go_on(usize::MAX);
    let (said, committed) = bench.commit_young();
    assert_eq!((committed.next_offset, committed.floor), (4, 3));
    assert_eq!(said.len(), 2, "the other two end");

    bench.killed(&committed, &[i64::MIN]);
    assert_eq!(bench.go_on(usize::MAX), Taken::Yes);
    assert_eq!(bench.mark(3, 1_000), Taken::Replayed);
    let (said, _) = bench.commit_young();
    assert_eq!(said, Vec::<String>::new());
    assert!(bench.task.states().is_empty());
}

#[test]
fn a_mark_of_which_no_timer_has_fired_yet_is_captured_as_no_cursor_can_say_that_it_began() {
    let mut bench = three_and_a_mark(&[i64::MIN]);
    assert_eq!(bench.go_on(0), Taken::HalfDone);
    let (said, position) = bench.commit_young();
    assert_eq!(said, Vec::<String>::new());
    assert!(position.task_record.is_some());
    assert_eq!(position.note.cursor, None);
}

#[test]
fn a_commit_before_the_mark_is_read_again_keeps_its_cursor() {
    let mut bench = three_and_a_mark(&[i64::MIN]);
    let position = commit_after(&mut bench, 2);
    bench.killed(&position, &[i64::MIN]);
    assert_eq!(bench.commit().1, position);
}

#[test]
fn a_half_done_mark_that_comes_to_something_else_is_counted_when_it_goes_on() {
    let mut bench = three_and_a_mark(&[i64::MIN]);
    let mut position = commit_after(&mut bench, 1);
    let fingerprint = position.note.fingerprint.as_mut().expect("it has one");
    fingerprint.said += 1;
    bench.killed(&position, &[i64::MIN]);
    bench.mark(3, 1_000);
    assert_eq!(bench.task.take_divergences(), 1);

    // Nothing of what was captured is there any more that could end.
    let mut bench = three_and_a_mark(&[i64::MIN]);
    let position = commit_after(&mut bench, 1);
    bench.changelog.retain(|key, _| key == TASK_KEY);
    bench.killed(&position, &[i64::MIN]);
    assert_eq!(bench.mark(3, 1_000), Taken::HalfDone);
    assert_eq!(bench.task.take_divergences(), 1);
    assert_eq!(bench.go_on(usize::MAX), Taken::Yes);
    assert_eq!(bench.batch.record_count(), 1, "the mark is passed on");
    bench.input(4, "7@2000");
    assert_eq!(bench.commit().1.next_offset, 5, "it goes on");
}

#[test]
fn a_half_done_mark_that_was_cut_from_the_input_is_an_error_that_says_so() {
    for captured_within in [false, true] {
        let mut bench = three_and_a_mark(&[i64::MIN]);
        if captured_within {
            bench.go_on(1);
            bench.commit();
        }
        let position = commit_after(&mut bench, 1);
        bench.killed(&position, &[i64::MIN]);
        let taken = bench.take_behind(9);
        let refused = taken.expect_err("the mark at 3 is gone").message;
        assert!(refused.contains("mark at input offset 3"), "{refused}");
        assert!(refused.contains("the next record is 9"), "{refused}");
    }
}

#[test]
fn a_record_of_its_own_that_is_further_in_a_mark_than_the_offset_says_is_refused() {
    let mut bench = three_and_a_mark(&[i64::MIN]);
    let position = commit_after(&mut bench, 1);
    bench.go_on(1);
    bench.commit();
    let task = bench.restored_from(&position, &[i64::MIN]);
    let refused = task.expect_err("captured later than committed").message;
    assert!(refused.contains("do not belong together"), "{refused}");
}
