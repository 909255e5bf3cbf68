//! Exactly once, shown: the chain under kills and rebalances says what a calm one, and a batch, would say.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use journey_tests::oracle::sessionize;
use serde_json::Value;

use crate::{
    Kafka,
    auditor::{Isolation, Record},
    disturb::{self, Kill, assert_disturbed, disturb},
    kafka, kills,
    lane::{ENGAGEMENT_RAW, Lane, RAW, WEB_RAW},
    stage::STAGES,
    truth::{Day, assert_same_visits, ended},
};

const HOUR: i64 = 3_600_000;

/// Small transactions, so that there are many, and that a mark with many timers goes over several of them.
const SMALL: &[&str] = &["--workers", "2", "--batch-records", "50"];

/// What the stages after ingest write in every transaction.
const WRITTEN: [&str; 6] = [
    "journey.visits",
    "journey.events",
    "journey.demand",
    "web.events.sessionizer.changelog",
    "journey.visits.segmenter.changelog",
    "journey.demand.staffing.changelog",
];

/// So long is fed, that all that is done to the stages is done under load.
fn feeding() -> Duration {
    Duration::from_secs(20 + 8 * kills() as u64)
}

fn visitors() -> u32 {
    let visitors = std::env::var("FOOTFALL_TEST_VISITORS").ok();
    visitors.map_or(2_000, |visitors| visitors.parse().expect("a number"))
}

/// A whole chain that was disturbed in every stage, and what it was fed.
struct Disturbed {
    lane: Lane,
    day: Day,
}

/// The one disturbed run that several tests look at.
fn disturbed(kafka: &Kafka) -> &'static Disturbed {
    static DISTURBED: OnceLock<Disturbed> = OnceLock::new();
    DISTURBED.get_or_init(|| run_disturbed(kafka))
}

fn run_disturbed(kafka: &Kafka) -> Disturbed {
    let day = Day::biting(1, visitors());
    let lane = Lane::new(kafka, "chain", true);
    lane.define_demo();
    let end = thread::scope(|scope| {
        let feeder = scope.spawn(|| feed(&lane, &day));
        let stages: Vec<_> = STAGES
            .iter()
            .enumerate()
            .map(|(i, name)| {
                let (lane, plan) = (&lane, disturb::plan(i, kills()));
                scope.spawn(move || disturb(lane, name, SMALL, &plan))
            })
            .collect();
        let end = feeder.join().expect("fed");
        let _running: Vec<_> = stages
            .into_iter()
            .map(|s| s.join().expect("disturbed"))
            .collect();
        lane.until_all_done("ingest", end);
        end
    });
    println!(
        "{}: the whole day, {} events, until {end}",
        lane.prefix,
        day.sent.len()
    );
    Disturbed { lane, day }
}

/// Sends the day at an even pace. For three hours of it one topic's time stands still: the mark after them has much to do.
fn feed(lane: &Lane, day: &Day) -> i64 {
    let mut loader = lane.producer();
    let (first, last) = (
        day.sent[0].send_at.0,
        day.sent[day.sent.len() - 1].send_at.0,
    );
    let pace = feeding().as_millis() as f64 / (last - first) as f64;
    let silence = first + 9 * HOUR..first + 12 * HOUR;
    let started = Instant::now();
    for sent in &day.sent {
        let at = sent.send_at.0;
        let due = Duration::from_millis(((at - first) as f64 * pace) as u64);
        if let Some(early) = due.checked_sub(started.elapsed()) {
            thread::sleep(early);
        }
        loader.send(WEB_RAW, sent.key.as_deref(), sent.json.as_bytes(), Some(at));
        let topics = if silence.contains(&at) {
            &[WEB_RAW][..]
        } else {
            &RAW
        };
        loader.tick_by_the_minute(topics);
    }
    for hour in 1..=26 {
        loader.tick(&[WEB_RAW, ENGAGEMENT_RAW], last + hour * HOUR);
    }
    loader.flush();
    loader.now()
}

#[test]
fn every_raw_event_stands_in_web_events_exactly_once_though_ingest_dies() {
    let Some(kafka) = kafka() else { return };
    let Disturbed { lane, day } = disturbed(&kafka);
    let web_events = lane.values("web.events");
    let mut ids: Vec<&str> = web_events
        .iter()
        .filter_map(|e| e["eventId"].as_str())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids.len(), web_events.len());
    assert!(
        ids == day.forwarded(),
        "{} ids, expected {}",
        ids.len(),
        day.forwarded().len()
    );

    let (suppressed, expected_dead) = day.refused();
    let dead_letters = lane.records(&format!("{WEB_RAW}.dead-letter"));
    let mut places = BTreeSet::new();
    let mut dead = BTreeMap::<String, usize>::new();
    for letter in &dead_letters {
        *dead.entry(letter.header("dead-letter.reason")).or_default() += 1;
        let place = (
            letter.header("dead-letter.partition"),
            letter.header("dead-letter.offset"),
        );
        assert!(places.insert(place), "one record was dead-lettered twice");
    }
    let dead: BTreeMap<&str, usize> = dead
        .iter()
        .map(|(reason, n)| (reason.as_str(), *n))
        .collect();
    assert_eq!(dead, expected_dead);
    let raw = lane
        .auditor
        .read(&lane.topic(WEB_RAW), Isolation::Uncommitted);
    let raw = raw.iter().filter(|record| !record.is_time()).count();
    let suppressed: usize = suppressed.values().sum();
    assert_eq!(
        raw,
        web_events.len() + dead_letters.len() + suppressed,
        "nothing disappears"
    );
    assert_disturbed(lane, &["web.events"]);
}

#[test]
fn the_visits_of_a_disturbed_chain_are_those_of_a_batch() {
    let Some(kafka) = kafka() else { return };
    let Disturbed { lane, day } = disturbed(&kafka);
    let dead_letters = lane.records("web.events.dead-letter");
    let mut too_late = BTreeSet::new();
    for letter in &dead_letters {
        assert_eq!(letter.header("dead-letter.reason"), "late");
        let event = lane.auditor.decode(letter);
        let id = event["eventId"].as_str().expect("an id").to_owned();
        assert!(too_late.insert(id), "one event was late twice");
    }
    let visits = lane.values("journey.visits");
    println!(
        "{} late, {} records of visits",
        too_late.len(),
        visits.len()
    );
    let expected = sessionize(&day.events(&too_late));
    assert_same_visits(&ended(&visits), &expected);
    assert_disturbed(lane, &WRITTEN);
}

#[test]
fn over_one_recorded_log_the_stages_say_the_same_disturbed_or_not() {
    let Some(kafka) = kafka() else { return };
    let recorded = &disturbed(&kafka).lane;
    let log = recorded
        .auditor
        .read(&recorded.topic("web.events"), Isolation::Committed);
    let end = recorded
        .auditor
        .frontier(&recorded.topic("web.events"))
        .expect("marks");

    let calm = Lane::new(&kafka, "calm", true);
    calm.define_demo();
    let stages: Vec<_> = STAGES[1..]
        .iter()
        .map(|name| calm.start(name, "a", &[]))
        .collect();
    replay(&calm, &log, Duration::ZERO);
    calm.until_all_done("sessionizer", end);
    drop(stages);

    let rough = Lane::new(&kafka, "rough", true);
    rough.define_demo();
    thread::scope(|scope| {
        let feeder = scope.spawn(|| replay(&rough, &log, feeding()));
        let stages: Vec<_> = STAGES[1..]
            .iter()
            .enumerate()
            .map(|(i, name)| {
                let mut plan = disturb::plan(i + 3, kills());
                if *name == "sessionizer" {
                    plan[0] = Kill::At("mid_mark", 2);
                }
                let lane = &rough;
                scope.spawn(move || disturb(lane, name, SMALL, &plan))
            })
            .collect();
        feeder.join().expect("fed");
        let _running: Vec<_> = stages
            .into_iter()
            .map(|s| s.join().expect("disturbed"))
            .collect();
        rough.until_all_done("sessionizer", end);
    });
    for topic in [
        "journey.visits",
        "journey.events",
        "journey.offers",
        "web.events.dead-letter",
    ] {
        let read = |lane: &Lane| lane.auditor.read(&lane.topic(topic), Isolation::Committed);
        assert_same_contents(topic, &read(&calm), &read(&rough));
    }
    assert_disturbed(&rough, &WRITTEN);
    let (calm, rough) = (last_revisions(&calm), last_revisions(&rough));
    assert!(!calm.is_empty());
    for (key, interval) in &calm {
        assert_eq!(Some(interval), rough.get(key), "the last revision of {key}");
    }
    assert_eq!(calm.len(), rough.len());
}

/// Appends a recorded log, record by record, to the same partitions of another lane, at an even pace.
fn replay(lane: &Lane, log: &[Record], over: Duration) {
    // In the order of time, so that no partition runs far ahead of the others.
    let mut log: Vec<&Record> = log.iter().collect();
    log.sort_by_key(|record| (record.timestamp, record.partition, record.offset));
    let mut loader = lane.producer();
    let started = Instant::now();
    for (i, record) in log.iter().enumerate() {
        let due = over.mul_f64(i as f64 / log.len() as f64);
        if let Some(early) = due.checked_sub(started.elapsed()) {
            thread::sleep(early);
        }
        loader.copy("web.events", record);
    }
    loader.flush();
}

fn assert_same_contents(topic: &str, calm: &[Record], rough: &[Record]) {
    let partitions: BTreeSet<i32> = calm.iter().map(|record| record.partition).collect();
    for partition in partitions {
        let of = |records: &'_ [Record]| -> Vec<Record> {
            records
                .iter()
                .filter(|r| r.partition == partition)
                .cloned()
                .collect()
        };
        let (calm, rough) = (of(calm), of(rough));
        for (at, (a, b)) in calm.iter().zip(&rough).enumerate() {
            assert_eq!(
                a.contents(),
                b.contents(),
                "{topic}-{partition}, record {at}"
            );
        }
        assert_eq!(calm.len(), rough.len(), "{topic}-{partition}");
    }
    println!("{topic}: {} records, byte for byte the same", calm.len());
}

/// By key: the status and the counts that stand in the end.
fn last_revisions(lane: &Lane) -> BTreeMap<String, (Value, Value)> {
    let records = lane.records("journey.staffing");
    let last = records.iter().map(|record| {
        let key = String::from_utf8_lossy(record.key.as_deref().expect("a key")).into_owned();
        let interval = lane.auditor.decode(record);
        (
            key,
            (interval["status"].clone(), interval["actual"].clone()),
        )
    });
    last.collect()
}
