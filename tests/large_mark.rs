//! A mark of any size: every open visit ends at one mark, in transactions of bounded size; killed in the middle, the next
//! process goes on where this one stopped, byte for byte.
//!
//! `VISITS=1000000 cargo test --release -p journey-tests --test large_mark` takes more visits than the default.

use std::{sync::Arc, time::Duration};

use journey::{
    DeploymentId, EventId, Millis, Text, TimeMark, Timestamp, WebEvent,
    definitions::Sets,
    topics::{self, Lane},
    web_event::{Activity, PAGE_VIEWED, Page, kind},
};
use pipeline::{
    Stage,
    definitions::Definitions,
    memory::{Faults, MemoryBroker, MemoryLog},
    metrics::Metrics,
    names::Names,
    pace::Pace,
    worker::{Parts, Turn, Worker},
};
use schemas::Record as _;
use sessionizer::Sessionizer;
use sha2::{Digest, Sha256};

const NOW: Duration = Duration::ZERO;
/// Records of one transaction.
const OUTPUTS: usize = 5_000;
const START: i64 = 1_790_000_000_000;

fn visits() -> u32 {
    let asked = std::env::var("VISITS").ok();
    asked.map_or(30_000, |n| n.parse().expect("VISITS is a number"))
}

fn names() -> Names {
    Names::new(&Sessionizer::TOPOLOGY, &Lane::default())
}

fn view(visitor: u32) -> WebEvent {
    let url = format!("https://shop.example/products/{}", visitor % 977);
    let page = Page {
        pathname: url[20..].into(),
        url: url.into(),
        hostname: "shop.example".into(),
        domain: "shop.example".into(),
        ..Page::default()
    };
    let activity = Activity {
        event_name: Text::from(PAGE_VIEWED),
        page,
        ..Activity::default()
    };
    let at = Timestamp(START + i64::from(visitor % 50_000));
    WebEvent {
        kind: Text::from(kind::WEB),
        event_id: EventId::from(format!("e{visitor}")),
        customer_id: format!("k1.{visitor:08}").as_str().into(),
        deployment_id: DeploymentId::from("shop"),
        occurred_at: at,
        received_at: at,
        web_event: Some(activity),
        ..WebEvent::default()
    }
}

fn mark(at: i64) -> TimeMark {
    TimeMark {
        grace: Millis::from_mins(15),
        sources: vec![("raw".into(), 0, Timestamp(at))],
        of: [("raw".into(), 1)].into(),
        passed: None,
    }
}

/// One event of each visitor, and an hour later the mark that ends them all.
fn broker(visits: u32) -> MemoryBroker {
    let broker = MemoryBroker::new();
    let names = names();
    let topics = [
        &names.inputs,
        &names.outputs,
        &names.dead_letters,
        &names.changelogs,
    ];
    for name in topics.into_iter().flatten() {
        broker.create(name, 1);
    }
    let schema = broker.schema_id(WebEvent::SCHEMA);
    broker.append_mark(topics::WEB_EVENTS, 0, &mark(START));
    for visitor in 0..visits {
        let event = view(visitor);
        let mut value = Vec::new();
        schemas::frame(schema, &mut value);
        value.extend(schemas::to_bytes(&event));
        let key = event.customer_id.as_str().as_bytes();
        broker.append(topics::WEB_EVENTS, 0, Some(key), Some(&value));
    }
    broker.append_mark(topics::WEB_EVENTS, 0, &mark(START + 3_600_000));
    broker
}

fn worker(broker: &MemoryBroker) -> Worker<Sessionizer, MemoryLog> {
    let topology = Sessionizer::TOPOLOGY;
    let log = MemoryLog::open(broker, topology, names(), Faults::default(), 0);
    let parts = Parts {
        make: Box::new(Sessionizer::new),
        definitions: Definitions::new(Sets::default().in_order().expect("one").into()),
        schemas: Box::new(broker.clone()),
        addresses: broker.addresses(&topology, &names()),
        metrics: Arc::new(Metrics::new(topology)),
        pace: Pace {
            at_least: Duration::ZERO,
            quiet: Duration::ZERO,
            outputs: OUTPUTS,
            ..Pace::default()
        },
        state_limit: None,
        state_format: None,
        grace: Millis(0),
        align_sources: false,
    };
    Worker::new(log, parts)
}

fn turn(worker: &mut Worker<Sessionizer, MemoryLog>) -> Turn {
    worker.turn(NOW).expect("no faults")
}

/// How many records `journey.visits` holds, and what they are.
fn said(broker: &MemoryBroker) -> (usize, [u8; 32]) {
    let records = broker.records(topics::VISITS, 0);
    let mut digest = Sha256::new();
    for record in &records {
        let headers = record.headers.iter().map(|(_, value)| value);
        for bytes in record.key.iter().chain(&record.value).chain(headers) {
            digest.update(bytes.len().to_be_bytes());
            digest.update(bytes);
        }
    }
    (records.len(), digest.finalize().into())
}

/// All of it, in one go, or killed once so many records have been said and again after each of the next transactions. With the
/// states that are left.
fn play(visits: u32, killed_at: Option<usize>) -> ((usize, [u8; 32]), usize) {
    let broker = broker(visits);
    let mut current = worker(&broker);
    let mut largest = (0, 0);
    let mut killed_after = 0;
    while turn(&mut current) == Turn::Worked {
        let heard = broker.records(topics::VISITS, 0).len();
        largest = (heard, largest.1.max(heard - largest.0));
        let is_middle = killed_at.is_some_and(|at| (at..at + 3 * OUTPUTS).contains(&heard));
        if is_middle && heard > killed_after {
            current = worker(&broker);
            killed_after = heard;
        }
    }
    assert!(largest.1 <= 2 * OUTPUTS, "{} records in a turn", largest.1);
    (
        said(&broker),
        current.tasks().map(|task| task.state_count()).sum(),
    )
}

#[test]
fn all_visits_end_at_one_mark_and_a_kill_in_the_middle_of_it_changes_no_byte() {
    let visits = visits();
    let (undisturbed, left) = play(visits, None);
    assert_eq!(left, visits as usize, "a lifetime of each visitor");
    assert!(undisturbed.0 >= 4 * visits as usize, "{}", undisturbed.0);
    // One record for each visitor's event; idle, away and ended are the mark's.
    let middle = visits as usize + 3 * visits as usize / 2;
    let (killed, left_then) = play(visits, Some(middle));
    assert_eq!((killed, left_then), (undisturbed, left));
}
