use std::sync::Arc;

use journey::{Millis, Quarters, TaskTime, TimeMark, Timestamp, definitions::DefinitionSet};

mod aged;
mod counting;
mod formats;
mod half_done;
mod limit;
pub(crate) mod raw;
mod switch;

pub(crate) use self::counting::{Counting, CountingOf};
use super::*;
use crate::{
    changelog::Changelog,
    dead_letter::SentBefore,
    log::{Restored, TaskPosition},
    outbox::Destination,
    processor::{MarksInto, Processor, Refusal, Stage, TaskContext, Timer, Timers, Topology},
    state_record::{self, Position, TASK_KEY},
};

const CONTEXT: TaskContext = TaskContext {
    input: 0,
    partition: 2,
    partition_count: 4,
};

pub(crate) fn sets(effective: &[i64]) -> Arc<[Arc<DefinitionSet>]> {
    let set = |(version, at): (usize, &i64)| {
        Arc::new(DefinitionSet {
            version: version as i64,
            effective_at: Timestamp(*at),
            ..DefinitionSet::default()
        })
    };
    effective.iter().enumerate().map(set).collect()
}

fn addresses() -> Addresses {
    Addresses {
        topology: Counting::TOPOLOGY,
        input_partitions: vec![4],
        partitions: vec![4],
        schema_ids: vec![None],
        dead_letter_partitions: vec![4],
        dead_letter_bytes: true,
    }
}

/// A task with its batch, and how it is restored from what it captured.
struct Bench {
    task: Task<Counting>,
    batch: Batch,
    changelog: std::collections::BTreeMap<Vec<u8>, Vec<u8>>,
    /// How many are expected at the next commit.
    divergences: u64,
}

impl Bench {
    fn new(effective: &[i64]) -> Bench {
        let restored = Restored {
            partition_count: 4,
            ..Restored::default()
        };
        let task = Task::restore(Counting::default(), CONTEXT, sets(effective), restored);
        Bench {
            task: task.expect("nothing to restore"),
            batch: Batch::default(),
            changelog: Default::default(),
            divergences: 0,
        }
    }

    fn take(&mut self, offset: i64, value: Option<&str>, mark: Option<&TimeMark>) -> Taken {
        let json = mark.map(TimeMark::to_json);
        let record = PolledRecord {
            task: TaskId {
                input: 0,
                partition: 2,
            },
            offset,
            appended_at: Timestamp(0),
            key: None,
            value: value.map(str::as_bytes),
            mark: json.as_deref(),
            before: SentBefore::default(),
        };
        self.task
            .take(&record, &mut self.batch, &addresses())
            .expect("readable")
    }

    /// Takes what should not have come yet.
    fn take_behind(&mut self, offset: i64) -> Result<Taken, LogError> {
        let behind = PolledRecord {
            task: self.task.id(),
            offset,
            appended_at: Timestamp(0),
            key: None,
            value: Some(b"1@50"),
            mark: None,
            before: SentBefore::default(),
        };
        self.task.take(&behind, &mut self.batch, &addresses())
    }

    fn input(&mut self, offset: i64, value: &str) {
        self.take(offset, Some(value), None);
    }

    fn mark(&mut self, offset: i64, frontier: i64) -> Taken {
        let mark = TimeMark {
            grace: Millis(10),
            sources: vec![("raw".into(), 0, Timestamp(frontier))],
            of: [("raw".into(), 1)].into(),
            passed: None,
        };
        self.take(offset, None, Some(&mark))
    }

    /// Fires what is due, at most so many outputs.
    fn go_on(&mut self, most: usize) -> Taken {
        self.task.go_on(&mut self.batch, &addresses(), |batch| {
            batch.record_count() >= most
        })
    }

    /// Commits: what was said, and how far the task has come.
    fn commit(&mut self) -> (Vec<String>, TaskPosition) {
        self.commit_with(true)
    }

    fn commit_with(&mut self, capture: bool) -> (Vec<String>, TaskPosition) {
        let position = self.task.capture(capture, &mut self.batch, &addresses());
        let mut said = Vec::new();
        for record in self.batch.records() {
            let value = self.batch.value(record).map(<[u8]>::to_vec);
            match (record.destination, value) {
                (Destination::Changelog(_), Some(value)) => {
                    self.changelog
                        .insert(self.batch.key(record).expect("keyed").to_vec(), value);
                }
                (Destination::Changelog(_), None) => {
                    self.changelog
                        .remove(self.batch.key(record).expect("keyed"));
                }
                (_, Some(value)) => said.push(String::from_utf8(value).expect("text")),
                (_, None) => {}
            }
        }
        self.batch.clear();
        assert_eq!(self.task.take_divergences(), self.divergences);
        (said, position)
    }

    fn restored(
        &self,
        next_offset: Option<i64>,
        effective: &[i64],
    ) -> Result<Task<Counting>, LogError> {
        self.restored_of(next_offset, effective, self.changelog.iter().collect())
    }

    fn restored_of(
        &self,
        next_offset: Option<i64>,
        effective: &[i64],
        changelog: Changelog,
    ) -> Result<Task<Counting>, LogError> {
        let restored = Restored {
            task: Some(TaskId {
                input: 0,
                partition: 2,
            }),
            partition_count: 4,
            next_offset,
            changelog,
            floor: next_offset,
            note: None,
        };
        Task::restore(Counting::default(), CONTEXT, sets(effective), restored)
    }
}

#[test]
fn the_position_is_the_offset_after_the_last_record_read_and_gaps_do_not_matter() {
    let mut bench = Bench::new(&[i64::MIN]);
    bench.input(3, "1@0");
    bench.input(17, "2@0");
    let (_, position) = bench.commit();
    assert_eq!(position.next_offset, 18);
    for value in bench.changelog.values() {
        let head = state_record::read_head(value, Counting::STATE_FORMAT, Counting::FOLD_VERSION);
        assert_eq!(
            head.expect("ours").0.position,
            Position {
                next_offset: 18,
                cursor: None
            },
            "a record of the batch's end holds up to its end"
        );
    }
}

#[test]
fn the_tasks_own_record_is_the_last_of_its_commit() {
    let mut bench = Bench::new(&[i64::MIN]);
    bench.input(0, "1@0");
    let position = bench.task.capture(true, &mut bench.batch, &addresses());
    assert_eq!(position.task_record, Some(bench.batch.record_count() - 1));
    let last = bench.batch.records().last().expect("its own record");
    assert_eq!(bench.batch.key(last), Some(TASK_KEY));
}

#[test]
fn a_task_that_read_nothing_writes_no_record_and_keeps_its_position() {
    let mut bench = Bench::new(&[i64::MIN]);
    bench.input(5, "1@0");
    bench.commit();
    let (_, position) = bench.commit();
    assert_eq!((position.next_offset, position.task_record), (6, None));
}

#[test]
fn a_restored_task_knows_its_states_and_its_time_and_says_nothing() {
    let mut bench = Bench::new(&[i64::MIN]);
    bench.input(0, "1@0");
    bench.input(1, "2@900");
    bench.mark(2, 500);
    bench.go_on(usize::MAX);
    bench.commit();
    let task = bench.restored(Some(3), &[i64::MIN]).expect("restorable");
    assert_eq!(task.time(), TaskTime::new(Timestamp(500), Millis(10)));
    assert_eq!(task.states(), [(&2, &(1, 900))]);
    bench.task = task;
    assert_eq!(
        bench.commit().0,
        Vec::<String>::new(),
        "nothing fires because of a restore"
    );
}

#[test]
fn a_state_from_beyond_the_committed_offset_is_refused() {
    let mut bench = Bench::new(&[i64::MIN]);
    bench.input(9, "1@0");
    bench.commit();
    let refused = bench
        .restored(Some(9), &[i64::MIN])
        .expect_err("it holds up to 10");
    assert!(
        refused.message.contains("beyond the committed offset 9"),
        "{refused}"
    );
}

#[test]
fn state_of_another_fold_version_is_refused_and_says_what_to_do() {
    let mut bench = Bench::new(&[i64::MIN]);
    bench.input(0, "1@0");
    bench.commit();
    for value in bench.changelog.values_mut() {
        value[1] = Counting::FOLD_VERSION + 1;
    }
    let refused = bench
        .restored(Some(1), &[i64::MIN])
        .expect_err("made by another fold");
    assert!(refused.message.contains("fold version 2"), "{refused}");
    assert!(
        refused.message.contains("stop the old release cleanly"),
        "{refused}"
    );
}

#[test]
fn state_without_a_committed_offset_is_refused() {
    let mut bench = Bench::new(&[i64::MIN]);
    bench.input(0, "1@0");
    bench.commit();
    let refused = bench
        .restored(None, &[i64::MIN])
        .expect_err("whose state is it?");
    assert!(refused.message.contains("no committed offset"), "{refused}");
}

#[test]
fn a_mark_that_spans_commits_goes_on_after_its_last_timer_and_under_its_own_definitions() {
    let mut bench = Bench::new(&[i64::MIN]);
    for (offset, key) in [(0, 1), (1, 2), (2, 3)] {
        bench.input(offset, &format!("{key}@{}", key * 10));
    }
    assert_eq!(bench.mark(3, 1_000), Taken::HalfDone);
    assert_eq!(bench.go_on(1), Taken::HalfDone);
    let (said, position) = bench.commit();
    assert_eq!(said, ["1 had 1 until 110 under 0"]);
    assert_eq!(position.next_offset, 3, "the mark is read again");

    // Killed here. Meanwhile a new set has been applied that is in effect already.
    let newer = [i64::MIN, 400];
    bench.task = bench.restored(Some(3), &newer).expect("restorable");
    assert_eq!(bench.mark(3, 1_000), Taken::HalfDone);
    assert_eq!(bench.go_on(usize::MAX), Taken::Yes);
    let (said, position) = bench.commit();
    assert_eq!(
        said[..2],
        ["2 had 1 until 120 under 0", "3 had 1 until 130 under 0"]
    );
    assert_eq!(position.next_offset, 4);

    // The next mark begins under the new ones.
    bench.input(4, "7@2000");
    bench.mark(5, 5_000);
    bench.go_on(usize::MAX);
    assert_eq!(bench.commit().0[0], "7 had 1 until 2100 under 1");
}

#[test]
fn what_lies_behind_a_half_done_mark_is_not_taken() {
    let mut bench = Bench::new(&[i64::MIN]);
    bench.input(0, "1@0");
    assert_eq!(bench.mark(1, 1_000), Taken::HalfDone);
    let taken = bench.take_behind(2);
    assert!(taken.expect_err("not yet").message.contains("half done"));
}

#[test]
fn a_mark_is_passed_on_when_the_frontier_rose_and_only_then() {
    let marks = |bench: &Bench| {
        let outputs = bench
            .batch
            .records()
            .iter()
            .filter(|r| r.destination == Destination::Output(0));
        outputs
            .filter(|r| bench.batch.key(r).is_none())
            .map(|r| r.partition)
            .collect::<Vec<_>>()
    };
    let mut bench = Bench::new(&[i64::MIN]);
    bench.mark(0, 1_000);
    assert_eq!(marks(&bench), [2], "into its own partition");
    bench.mark(1, 1_199);
    assert_eq!(marks(&bench), [2], "not 200 ms later");
    bench.mark(2, 1_200);
    assert_eq!(marks(&bench), [2, 2]);
}

#[test]
fn how_far_the_sources_are_is_heard_at_a_mark_passed_on_and_heard_again_after_a_restore() {
    let quarter = journey::staffing::INTERVAL.0;
    let heard = Quarters::of([Timestamp(2 * quarter)], 1);
    let mut bench = Bench::new(&[i64::MIN]);
    bench.mark(0, 2 * quarter + 7);
    assert_eq!(bench.task.stage_mut().heard, heard);
    let own = bench.batch.records()[0];
    let (_, mark) = bench.batch.headers(&own).next().expect("a mark");
    let mark = TimeMark::from_json(mark).expect("valid");
    assert_eq!(mark.passed.as_ref(), Some(&heard));
    bench.commit();
    let mut task = bench.restored(Some(1), &[i64::MIN]).expect("restorable");
    assert_eq!(task.stage_mut().heard, heard);
}

#[test]
fn a_record_that_cannot_be_read_is_kept_apart_with_its_bytes() {
    let mut bench = Bench::new(&[i64::MIN]);
    assert_eq!(bench.take(8, Some("rubbish"), None), Taken::Rejected);
    let letter = bench.batch.records()[0];
    assert_eq!(letter.destination, Destination::DeadLetter(0));
    assert_eq!(bench.batch.value(&letter), Some(&b"rubbish"[..]));
    let headers = bench.batch.headers(&letter).collect::<Vec<_>>();
    let read =
        crate::dead_letter::DeadLetter::from_headers(headers.into_iter()).expect("all headers");
    assert_eq!(
        (read.reason.as_str(), read.partition, read.offset, read.size),
        ("malformed", 2, 8, 7)
    );
}
