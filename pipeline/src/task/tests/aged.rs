//! States that are not captured with every commit: what is younger than the changelog is folded again.

use super::*;
use crate::changelog::Fingerprint;

impl Bench {
    /// Commits without capturing, unless the task must.
    pub(super) fn commit_young(&mut self) -> (Vec<String>, TaskPosition) {
        self.commit_with(false)
    }

    /// Killed, and restored from what was committed.
    pub(super) fn killed(&mut self, committed: &TaskPosition, effective: &[i64]) {
        let task = self.restored_from(committed, effective);
        self.task = task.expect("restorable");
        self.batch.clear();
    }

    pub(super) fn restored_from(
        &self,
        committed: &TaskPosition,
        effective: &[i64],
    ) -> Result<Task<Counting>, LogError> {
        let restored = Restored {
            task: Some(self.task.id()),
            partition_count: 4,
            next_offset: Some(committed.next_offset),
            floor: Some(committed.floor),
            note: Some(committed.note.clone()),
            changelog: self.changelog.iter().collect(),
        };
        Task::restore(Counting::default(), CONTEXT, sets(effective), restored)
    }
}

#[test]
fn the_first_commit_captures_and_a_young_one_after_it_writes_nothing() {
    let mut bench = Bench::new(&[i64::MIN]);
    bench.input(4, "1@0");
    let (_, first) = bench.commit_young();
    assert_eq!((first.next_offset, first.floor), (5, 5));
    assert!(first.task_record.is_some());
    bench.input(5, "1@10");
    let (_, young) = bench.commit_young();
    assert_eq!((young.next_offset, young.floor), (6, 5));
    assert_eq!(young.task_record, None);
}

#[test]
fn what_is_younger_than_the_changelog_is_folded_again_and_nothing_is_said_twice() {
    let mut bench = Bench::new(&[i64::MIN]);
    bench.input(0, "1@0");
    bench.input(1, "2@0");
    bench.commit();
    bench.input(2, "1@10");
    bench.input(3, "2@900");
    bench.mark(5, 500);
    bench.go_on(usize::MAX);
    bench.input(6, "3@300");
    let (said, committed) = bench.commit_young();
    assert_eq!(said[0], "1 had 2 until 110 under 0");

    bench.killed(&committed, &[i64::MIN]);
    for (offset, value) in [(2, "1@10"), (3, "2@900")] {
        assert_eq!(bench.take(offset, Some(value), None), Taken::Replayed);
    }
    assert_eq!(bench.mark(5, 500), Taken::Replayed);
    assert_eq!(bench.take(6, Some("3@300"), None), Taken::Replayed);
    assert_eq!(bench.task.states(), [(&2, &(2, 900)), (&3, &(1, 300))]);
    assert_eq!(bench.task.time(), TaskTime::new(Timestamp(500), Millis(10)));
    let (said, after) = bench.commit_young();
    assert_eq!(said, Vec::<String>::new());
    assert_eq!(
        (after.next_offset, after.floor),
        (7, 7),
        "and captured at once: it is not folded a third time"
    );
}

#[test]
fn what_is_restored_to_something_else_than_was_committed_is_counted_once() {
    let committed = || {
        let mut bench = Bench::new(&[i64::MIN]);
        bench.input(0, "1@0");
        bench.commit();
        bench.input(1, "1@10");
        bench.mark(2, 500);
        bench.go_on(usize::MAX);
        let (_, committed) = bench.commit_young();
        (bench, committed)
    };
    // The input is not what it was: later, so that the mark does not end it.
    let (mut bench, position) = committed();
    bench.killed(&position, &[i64::MIN]);
    bench.take(1, Some("1@900"), None);
    assert_eq!(bench.task.take_divergences(), 0, "not there yet");
    bench.mark(2, 500);
    bench.divergences = 1;
    bench.commit_young();
    bench.divergences = 0;
    bench.input(3, "1@1000");
    bench.commit_young();

    // Fewer states than were committed.
    let (mut bench, mut position) = committed();
    position.next_offset = position.floor;
    let states = bench.changelog.len() as u64;
    position.note.fingerprint = Some(Fingerprint { states, said: 0 });
    bench.killed(&position, &[i64::MIN]);
    assert_eq!(bench.task.take_divergences(), 1);

    // As many states, and something else said.
    let (mut bench, mut position) = committed();
    let fingerprint = position.note.fingerprint.as_mut().expect("it has one");
    assert!(fingerprint.said > 0, "counted from the floor on");
    fingerprint.said += 1;
    bench.killed(&position, &[i64::MIN]);
    bench.take(1, Some("1@10"), None);
    bench.mark(2, 500);
    bench.divergences = 1;
    bench.commit_young();

    // Committed by a release that left no fingerprint.
    let (mut bench, mut position) = committed();
    position.note.fingerprint = None;
    bench.killed(&position, &[i64::MIN]);
    bench.take(1, Some("1@900"), None);
    bench.mark(2, 500);
    bench.commit_young();
}

#[test]
fn a_commit_in_the_middle_of_folding_again_keeps_what_was_committed() {
    let mut bench = Bench::new(&[i64::MIN]);
    bench.input(0, "1@0");
    bench.commit();
    bench.input(1, "1@10");
    bench.input(2, "1@20");
    let (_, committed) = bench.commit_young();
    bench.killed(&committed, &[i64::MIN]);
    bench.take(1, Some("1@10"), None);
    let (_, meanwhile) = bench.commit();
    assert_eq!(meanwhile, committed);
}

#[test]
fn what_is_folded_again_stays_under_the_definitions_it_was_folded_under() {
    let mut bench = Bench::new(&[i64::MIN]);
    bench.input(0, "1@0");
    bench.commit();
    bench.mark(1, 50);
    let (_, committed) = bench.commit_young();

    // Killed here. Meanwhile a set has been applied that was in effect before what is folded again.
    bench.killed(&committed, &[i64::MIN, 10]);
    assert_eq!(bench.mark(1, 50), Taken::Replayed);
    assert_eq!(bench.task.definitions_version(), 0);
    bench.mark(2, 1_000);
    bench.go_on(usize::MAX);
    assert_eq!(bench.commit().0[0], "1 had 1 until 100 under 1");
}

#[test]
fn what_is_folded_again_from_the_very_start_stays_without_definitions_too() {
    let mut bench = Bench::new(&[]);
    let (_, idle) = bench.commit_young();
    assert_eq!((idle.next_offset, idle.floor), (0, 0));
    bench.killed(&idle, &[]);
    bench.input(0, "1@0");
    bench.mark(1, 50);
    let (_, committed) = bench.commit_young();
    assert_eq!((committed.next_offset, committed.floor), (2, 0));
    assert!(bench.changelog.is_empty());

    // Killed here. Meanwhile the first sets have been applied, in effect since ever.
    bench.killed(&committed, &[10, i64::MIN]);
    assert_eq!(bench.task.definitions_version(), 0);
    assert_eq!(bench.take(0, Some("1@0"), None), Taken::Replayed);
    assert_eq!(bench.mark(1, 50), Taken::Replayed);
    assert_eq!(bench.task.definitions_version(), 0);
    bench.mark(2, 1_000);
    bench.go_on(usize::MAX);
    assert_eq!(bench.commit().0, ["1 had 1 until 100 under 1"]);
}
