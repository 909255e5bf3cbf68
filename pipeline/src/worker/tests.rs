use std::sync::Arc;

use journey::{Millis, TimeMark, topics::Lane};

use super::*;
mod align;
mod formats;
use crate::{
    TaskContext,
    memory::{Faults, MemoryBroker, MemoryLog, Stored},
    names::Names,
    pace::Pace,
    task::tests::{Counting, CountingOf, sets},
};

const KEYS: i64 = 100;
const NOW: Duration = Duration::ZERO;

fn names() -> Names {
    Names::new(&Counting::TOPOLOGY, &Lane::default())
}

/// Two partitions. In the first a hundred keys, the mark that ends them all, and one of them again; in the second a key.
fn broker() -> MemoryBroker {
    let broker = MemoryBroker::new();
    let names = names();
    for topic in [&names.inputs, &names.outputs, &names.changelogs].into_iter() {
        topic.iter().for_each(|name| broker.create(name, 2));
    }
    broker.create(&names.dead_letters[0], 2);
    let input = |partition: u32, value: String| {
        broker.append("in", partition, None, Some(value.as_bytes()));
    };
    (0..KEYS).for_each(|key| input(0, format!("{key}@{key}")));
    let mark = TimeMark {
        grace: Millis(10),
        sources: vec![("raw".into(), 0, Timestamp(1_000))],
        of: [("raw".into(), 1)].into(),
        passed: None,
    };
    broker.append_mark("in", 0, &mark);
    input(0, "7@2000".into());
    input(1, "1@0".into());
    broker
}

/// A worker with ten outputs to a transaction.
fn worker(broker: &MemoryBroker) -> Worker<Counting, MemoryLog> {
    let log = MemoryLog::open(broker, Counting::TOPOLOGY, names(), Faults::default(), 0);
    worker_over(log, broker, None)
}

/// A worker of a release that knows so many formats.
fn worker_over<const NEWEST: u8>(
    log: MemoryLog,
    broker: &MemoryBroker,
    state_format: Option<u8>,
) -> Worker<CountingOf<NEWEST>, MemoryLog> {
    let parts = Parts {
        state_format,
        ..parts(broker, |_| CountingOf::default())
    };
    Worker::new(log, parts)
}

/// What a worker of any stage is made of here.
fn parts<S: Stage + 'static>(broker: &MemoryBroker, make: fn(TaskContext) -> S) -> Parts<S> {
    Parts {
        make: Box::new(make),
        definitions: Definitions::new(sets(&[i64::MIN])),
        schemas: Box::new(broker.clone()),
        addresses: broker.addresses(&S::TOPOLOGY, &names()),
        metrics: Arc::new(Metrics::new(S::TOPOLOGY)),
        pace: Pace {
            at_least: Duration::ZERO,
            quiet: Duration::ZERO,
            outputs: 10,
            ..Pace::default()
        },
        state_limit: None,
        state_format: None,
        grace: Millis(0),
        align_sources: true,
    }
}

fn drain<S: Stage>(worker: &mut Worker<S, MemoryLog>) {
    while worker.turn(NOW).expect("no faults") == Turn::Worked {}
}

/// Turns until the mark is half done, and so many more.
fn turn_into_the_mark(worker: &mut Worker<Counting, MemoryLog>, more: usize) {
    while worker.in_mark.is_empty() {
        assert_eq!(worker.turn(NOW).expect("no faults"), Turn::Worked);
    }
    for _ in 0..more {
        worker.turn(NOW).expect("no faults");
    }
    assert!(!worker.in_mark.is_empty(), "still in the middle of it");
}

fn said(broker: &MemoryBroker) -> Vec<Arc<Stored>> {
    broker.records("out", 0)
}

/// A record's value and headers.
type Said = (Option<Vec<u8>>, Vec<(String, Vec<u8>)>);

fn values(broker: &MemoryBroker) -> Vec<Said> {
    let said = said(broker);
    said.iter()
        .map(|record| (record.value.clone(), record.headers.clone()))
        .collect()
}

#[test]
fn the_loop_comes_back_between_the_transactions_of_a_mark() {
    let broker = broker();
    let mut worker = worker(&broker);
    turn_into_the_mark(&mut worker, 0);
    let (mut turns, mut before) = (0, said(&broker).len());
    while !worker.in_mark.is_empty() {
        worker.turn(NOW).expect("no faults");
        let after = said(&broker).len();
        assert!(
            after - before <= 12,
            "a transaction a turn: {}",
            after - before
        );
        (turns, before) = (turns + 1, after);
    }
    assert!(
        turns >= 8,
        "a hundred outputs, ten at a time, in {turns} turns"
    );
}

#[test]
fn what_the_timers_of_a_mark_change_is_captured_before_it_is_too_much_for_one_transaction() {
    let broker = broker();
    let mut parts = parts(&broker, |_| Counting::default());
    parts.pace.state_records = 25;
    let log = MemoryLog::open(&broker, Counting::TOPOLOGY, names(), Faults::default(), 0);
    let mut worker = Worker::new(log, parts);
    turn_into_the_mark(&mut worker, 0);
    let captured = || broker.records(&names().changelogs[0], 0).len();
    let mut before = captured();
    let mut captures = Vec::new();
    while !worker.in_mark.is_empty() {
        worker.turn(NOW).expect("no faults");
        captures.extend(Some(captured() - before).filter(|records| *records > 0));
        before = captured();
    }
    assert!(
        captures.len() >= 3,
        "in the middle of the mark: {captures:?}"
    );
    let largest = captures.into_iter().max();
    assert!(largest <= Some(25 + 10 + 1), "{largest:?} in a transaction");
}

/// `footfall_frontier_timestamp_seconds` of a partition, as a scrape shows it.
fn frontier_shown(worker: &Worker<Counting, MemoryLog>, partition: u32) -> Option<f64> {
    let text = worker.metrics.render();
    let name =
        format!("footfall_frontier_timestamp_seconds{{partition=\"{partition}\",topic=\"in\"");
    let line = text.lines().find(|line| line.starts_with(&name))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

#[test]
fn the_frontier_is_shown_once_all_that_a_mark_makes_due_is_said() {
    let broker = broker();
    let mut worker = worker(&broker);
    turn_into_the_mark(&mut worker, 2);
    assert_ne!(frontier_shown(&worker, 0), Some(1.0));
    drain(&mut worker);
    assert_eq!(frontier_shown(&worker, 0), Some(1.0));
}

#[test]
fn other_tasks_go_on_in_the_middle_of_a_mark_and_the_marks_own_waits() {
    let broker = broker();
    let mut worker = worker(&broker);
    turn_into_the_mark(&mut worker, 3);
    let states = |worker: &Worker<Counting, MemoryLog>, partition: u32| {
        let mut tasks = worker.tasks.values();
        let task = tasks.find(|task| task.id().partition == partition);
        let states = task.expect("its task").states();
        states
            .into_iter()
            .map(|(key, state)| (*key, *state))
            .collect::<Vec<_>>()
    };
    assert_eq!(states(&worker, 1), [(1, (1, 0))], "taken in the meantime");
    assert!(states(&worker, 0).iter().all(|(_, (_, last))| *last < 100));
    drain(&mut worker);
    assert_eq!(
        states(&worker, 0),
        [(7, (1, 2_000))],
        "begun anew behind the mark"
    );
}

#[test]
fn a_mark_that_is_stopped_in_the_middle_goes_on_byte_for_byte() {
    let undisturbed = broker();
    drain(&mut worker(&undisturbed));
    let expected = values(&undisturbed);
    assert_eq!(
        expected.len(),
        KEYS as usize + 1,
        "each key's end, and the mark"
    );

    for orderly in [true, false] {
        let broker = broker();
        let mut first = worker(&broker);
        turn_into_the_mark(&mut first, 2);
        if orderly {
            first.stop(NOW).expect("no faults");
        }
        drop(first);
        let heard = said(&broker).len();
        assert!(heard > 0 && heard < expected.len(), "{heard}");
        drain(&mut worker(&broker));
        assert_eq!(values(&broker), expected, "stopped in order: {orderly}");
    }
}

#[test]
fn the_dead_letter_of_a_record_that_was_sent_again_carries_the_attempts_on() {
    use crate::dead_letter::{DeadLetter, header};

    let broker = broker();
    broker.append("in", 1, None, Some(b"rubbish"));
    broker.append_with("in", 1, b"rubbish", (header::ATTEMPTS, b"2"));
    drain(&mut worker(&broker));
    let letters = broker.records(&names().dead_letters[0], 1);
    let attempts = letters.iter().map(|letter| {
        let headers = letter.headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.as_slice()));
        let letter = DeadLetter::from_headers(headers).expect("a stage wrote it");
        (letter.offset, letter.before.attempts)
    });
    assert_eq!(attempts.collect::<Vec<_>>(), [(1, 0), (2, 2)]);
    let names = letters[0].headers.iter();
    assert!(
        names.clone().all(|(name, _)| name != header::ATTEMPTS),
        "the first time there is nothing to say"
    );
}
