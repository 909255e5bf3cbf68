//! A task of a raw topic, which anybody may write into.

use super::*;
use crate::dead_letter::SentBefore;

/// Passes every value on.
#[derive(Debug, Default)]
pub(crate) struct Entrance;

impl Processor for Entrance {
    type Key = u32;
    type Input = String;
    type State = (i64, i64);
    type Output = String;

    fn key(&self, _: &String) -> u32 {
        0
    }

    fn time(&self, _: &String) -> Timestamp {
        Timestamp::MIN
    }

    fn apply(
        &self,
        _: &TaskTime,
        _: &u32,
        _: Option<(i64, i64)>,
        input: String,
        out: &mut Vec<String>,
    ) -> Option<(i64, i64)> {
        out.push(input);
        None
    }

    fn timers(&self, _: &(i64, i64)) -> Timers {
        Timers::default()
    }

    fn on_timer(
        &self,
        _: &TaskTime,
        _: &u32,
        _: (i64, i64),
        _: Timer,
        _: &mut Vec<String>,
    ) -> Option<(i64, i64)> {
        None
    }
}

impl Stage for Entrance {
    const TOPOLOGY: Topology = Topology {
        time_from: TimeFrom::AppendTime,
        marks_into: MarksInto::EveryPartition(0),
        stateless: true,
        ..Counting::TOPOLOGY
    };

    fn decode(&mut self, record: &Record<'_>) -> Result<String, Refusal> {
        Ok(String::from_utf8_lossy(record.value.unwrap_or_default()).into_owned())
    }

    fn learn(&mut self, _: u32, _: &str) -> Result<(), schemas::Incompatible> {
        Ok(())
    }

    fn encode(&self, _: &u32, output: String, out: &mut Outbox<'_>) {
        super::counting::say(&output, out);
    }
}

fn task() -> Task<Entrance> {
    let nothing = Restored {
        partition_count: 4,
        ..Restored::default()
    };
    Task::restore(Entrance, CONTEXT, sets(&[i64::MIN]), nothing).expect("nothing to restore")
}

#[test]
fn what_a_stranger_writes_as_a_mark_is_a_tick() {
    let mut task = task();
    let mut batch = Batch::default();
    let far = mark_at(9_000_000);
    let marks: [&[u8]; 4] = [b"no JSON", b"", b"\xff\0", &far];
    for (offset, mark) in marks.into_iter().enumerate() {
        let at = Timestamp(1_000 + offset as i64);
        let record = PolledRecord {
            task: task.id(),
            offset: offset as i64,
            appended_at: at,
            key: None,
            value: None,
            mark: Some(mark),
            before: SentBefore::default(),
        };
        let taken = task.take(&record, &mut batch, &addresses());
        assert_eq!(taken.expect("nobody can stop us"), Taken::Yes);
        assert_eq!(task.time().frontier, at, "the broker's time, and no other");
    }
    assert!(
        batch.is_empty() && batch.counts().next().is_none(),
        "as ticks, they are told and counted nowhere"
    );
    assert_eq!(task.capture(true, &mut batch, &addresses()).next_offset, 4);
}

fn mark_at(at: i64) -> Vec<u8> {
    TimeMark {
        grace: Millis(10),
        sources: vec![("in".into(), 2, Timestamp(at))],
        of: [("in".into(), 4)].into(),
        passed: None,
    }
    .to_json()
}
