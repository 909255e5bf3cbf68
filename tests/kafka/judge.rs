//! What must hold whatever was done to the stages: a chain says what a batch, and what an undisturbed chain, would say.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use journey_tests::oracle::sessionize;
use serde_json::Value;

use crate::{
    Kafka,
    auditor::{Isolation, Record},
    disturb::assert_nothing_diverged,
    lane::{ENGAGEMENT_RAW, Lane, WEB_RAW},
    load::replay,
    marks::assert_marks_keep_their_word,
    stage::STAGES,
    truth::{Day, assert_same_visits, ended},
};

/// What a replay promises to say again, byte for byte.
const PROMISED: [&str; 4] = [
    "journey.visits",
    "journey.events",
    "journey.offers",
    "web.events.dead-letter",
];

/// Nothing lost, nothing doubled, nothing ended early; and said as an undisturbed chain would have said it.
pub(crate) fn assert_unharmed(kafka: &Kafka, lane: &Lane, day: &Day) {
    assert_unharmed_but_for(0, kafka, lane, day);
}

/// The same of a load of which so many events at the most never reached the raw topic.
pub(crate) fn assert_unharmed_but_for(most: usize, kafka: &Kafka, lane: &Lane, day: &Day) {
    assert_nothing_diverged(lane);
    let lost = assert_forwarded_once(lane, day);
    assert!(lost.records <= most, "the load lost {lost:?}");
    assert_marks_keep_their_word(lane);
    assert_visits_of_a_batch(lane, day, &lost);
    assert_conserved(lane);
    assert_same_said(&undisturbed(kafka, lane), lane);
}

/// `web.events` holds every event and report of the raw topics that ingest must pass on, exactly once. Says what of the load
/// they lack.
pub(crate) fn assert_forwarded_once(lane: &Lane, day: &Day) -> Lost {
    let web_events = lane.each_value("web.events");
    let (reports, passed_on): (Vec<_>, Vec<_>) = web_events
        .map(|event| (event["kind"] == "engagement", id(&event, "/eventId")))
        .partition(|(is_report, _)| *is_report);
    let (reports, passed_on) = (in_order(reports), in_order(passed_on));
    let mut reported = raw_ids(lane, ENGAGEMENT_RAW);
    reported.sort_unstable();
    assert!(!reported.is_empty(), "no report was sent");
    assert_same_ids("report", &reports, &reported);
    let raw = raw_ids(lane, WEB_RAW);
    let forwarded = day.forwarded();
    let lost = lost_on_the_way(lane, &forwarded, &raw);
    let forwarded: BTreeSet<&str> = forwarded.into_iter().collect();
    let mut expected = raw;
    expected.retain(|id| forwarded.contains(id.as_str()));
    expected.sort_unstable();
    assert_same_ids("event", &passed_on, &expected);
    lost
}

/// The event ids that a raw topic holds, each as often as it does.
fn raw_ids(lane: &Lane, topic: &str) -> Vec<String> {
    let raw = lane.records(topic);
    let raw = raw.iter().filter_map(|record| record.value.as_deref());
    let raw = raw.filter_map(|value| serde_json::from_slice::<Value>(value).ok());
    raw.filter_map(|event| event["eventId"].as_str().map(str::to_owned))
        .collect()
}

/// What of the load never reached the raw topic.
#[derive(Debug, Default)]
pub(crate) struct Lost {
    pub(crate) records: usize,
    /// Events of which no record did.
    events: BTreeSet<String>,
}

/// What was sent more often than the raw topic holds it. What it holds more often is said and nobody's fault here: a broker that
/// dies may forget what an idempotent producer has sent, and take it again.
fn lost_on_the_way(lane: &Lane, forwarded: &[&str], raw: &[String]) -> Lost {
    let mut more = BTreeMap::<&str, i64>::new();
    for id in raw {
        *more.entry(id).or_default() += 1;
    }
    for id in forwarded {
        *more.entry(id).or_default() -= 1;
    }
    let sent: BTreeSet<&str> = forwarded.iter().copied().collect();
    more.retain(|id, more| *more != 0 && sent.contains(id));
    if !more.is_empty() {
        println!(
            "{}: more or less than sent, before ingest: {more:?}",
            lane.prefix
        );
    }
    more.retain(|_, more| *more < 0);
    let arrived: BTreeSet<&str> = raw.iter().map(String::as_str).collect();
    let gone = more.keys().filter(|id| !arrived.contains(*id));
    Lost {
        records: more.values().map(|more| more.unsigned_abs() as usize).sum(),
        events: gone.map(|id| (*id).to_owned()).collect(),
    }
}

/// The visits are those of a batch over the same events, but for what never arrived, and what came too late to any visit, which
/// is kept apart. Says what that was.
pub(crate) fn assert_visits_of_a_batch(lane: &Lane, day: &Day, lost: &Lost) -> BTreeSet<String> {
    let mut letters = BTreeMap::<String, usize>::new();
    for letter in &lane.records("web.events.dead-letter") {
        assert_eq!(letter.header("dead-letter.reason"), "late");
        let event = lane.auditor.decode(letter);
        *letters.entry(id(&event, "/eventId")).or_default() += 1;
    }
    assert_no_letter_without_a_copy(lane, &letters);
    let too_late: BTreeSet<String> = letters.into_keys().collect();
    println!("{}: {} late", lane.prefix, too_late.len());
    let ended_visits: Vec<Value> = lane
        .each_value("journey.visits")
        .filter(|told| told["kind"] == "ended")
        .collect();
    let left_out = lost.events.union(&too_late).cloned().collect();
    assert_same_visits(&ended(&ended_visits), &sessionize(&day.events(&left_out)));
    too_late
}

/// Of a late event no visit knows, so that each copy of it is late again. None is more often than it stands in `web.events`.
fn assert_no_letter_without_a_copy(lane: &Lane, letters: &BTreeMap<String, usize>) {
    let mut left: BTreeMap<&str, usize> = letters
        .iter()
        .filter(|(_, times)| **times > 1)
        .map(|(id, times)| (id.as_str(), *times))
        .collect();
    if left.is_empty() {
        return;
    }
    for event in lane.each_value("web.events") {
        if let Some(times) = event["eventId"].as_str().and_then(|id| left.get_mut(id)) {
            *times = times.saturating_sub(1);
        }
    }
    left.retain(|_, times| *times > 0);
    assert!(left.is_empty(), "late more often than they came: {left:?}");
}

/// Nothing disappears after ingest, and nothing is told twice, as the topics alone say: of what `web.events` holds the copies are
/// dropped, or late again, and every other event opened or joined a visit or was too late to; and of those that did `journey.events` tells, but
/// for heartbeats and pages that are only counted.
pub(crate) fn assert_conserved(lane: &Lane) {
    let mut passed_on = ByKind::new();
    for event in lane.each_value("web.events") {
        passed_on
            .entry(kind(&event))
            .or_default()
            .push(id(&event, "/eventId"));
    }
    let mut accounted = ByKind::new();
    let mut published = Vec::new();
    for told in lane.each_value("journey.visits") {
        let became = match told["kind"].as_str() {
            Some("activity") => "web",
            Some("engagement") => "engagement",
            _ => continue,
        };
        let cause = id(&told, "/cause/eventId");
        let only_counted = told["cause"]["pageClass"] == "count_only";
        if became == "web" && told["ping"] == false && !only_counted {
            published.push(cause.clone());
        }
        accounted.entry(became.to_owned()).or_default().push(cause);
    }
    let letters = lane.each_value("web.events.dead-letter");
    let letters: BTreeSet<_> = letters
        .map(|letter| (kind(&letter), id(&letter, "/eventId")))
        .collect();
    for (kind, id) in letters {
        accounted.entry(kind).or_default().push(id);
    }
    for kind in ["web", "engagement"] {
        let of = |ids: &mut ByKind| {
            let mut ids = ids.remove(kind).unwrap_or_default();
            ids.sort_unstable();
            ids
        };
        let (mut distinct, accounted) = (of(&mut passed_on), of(&mut accounted));
        distinct.dedup();
        assert_same_ids(kind, &accounted, &distinct);
    }
    published.sort_unstable();
    let journey = lane.each_value("journey.events");
    let journey = journey.filter(|event| !event["webEvent"].is_null());
    let mut told: Vec<_> = journey.map(|event| id(&event, "/correlationId")).collect();
    told.sort_unstable();
    assert_same_ids("WebEvent", &told, &published);
}

/// Event ids, by the kind of the event.
type ByKind = BTreeMap<String, Vec<String>>;

fn kind(event: &Value) -> String {
    event["kind"].as_str().expect("a kind").to_owned()
}

/// The id that a record holds at a place.
fn id(record: &Value, at: &str) -> String {
    let id = record.pointer(at).and_then(Value::as_str);
    id.expect("an id").to_owned()
}

fn in_order(ids: Vec<(bool, String)>) -> Vec<String> {
    let mut ids: Vec<_> = ids.into_iter().map(|(_, id)| id).collect();
    ids.sort_unstable();
    ids
}

/// Both, in order, hold the same; else says where they part.
fn assert_same_ids(what: &str, found: &[String], expected: &[String]) {
    let same = found
        .iter()
        .zip(expected)
        .take_while(|(a, b)| a == b)
        .count();
    let (next, wanted) = (found.get(same), expected.get(same));
    assert!(
        found == expected,
        "{what}: {} of {}; the first to differ are {next:?} and {wanted:?}",
        found.len(),
        expected.len()
    );
}

/// A lane where the stages after ingest worked in peace over the log that this lane's ingest wrote.
pub(crate) fn undisturbed(kafka: &Kafka, recorded: &Lane) -> Lane {
    let topic = recorded.topic("web.events");
    let log = recorded.auditor.read(&topic, Isolation::Committed);
    let end = recorded.auditor.frontier(&topic).expect("marks");
    let calm = Lane::new(kafka, "calm", true);
    calm.define_demo();
    let stages = STAGES[1..]
        .iter()
        .map(|name| calm.start(name, "a", &[]))
        .collect::<Vec<_>>();
    replay(&calm, &log, Duration::ZERO);
    calm.until_all_done("sessionizer", end);
    drop(stages);
    calm
}

/// Both say the same: visits, journey events and offers byte for byte, and of staffing what stands in the end.
pub(crate) fn assert_same_said(calm: &Lane, rough: &Lane) {
    for topic in PROMISED {
        let read = |lane: &Lane| lane.auditor.read(&lane.topic(topic), Isolation::Committed);
        assert_same_contents(topic, &read(calm), &read(rough));
    }
    let (mut calm, mut rough) = (last_revisions(calm), last_revisions(rough));
    forget_what_came_before_time(&mut calm, &mut rough);
    assert!(!calm.is_empty());
    for (key, interval) in &calm {
        assert_eq!(Some(interval), rough.get(key), "the last revision of {key}");
    }
    assert_eq!(calm.len(), rough.len());
}

fn assert_same_contents(topic: &str, calm: &[Record], rough: &[Record]) {
    let all = calm.iter().chain(rough);
    let partitions: BTreeSet<i32> = all.map(|record| record.partition).collect();
    for partition in partitions {
        fn of(records: &[Record], partition: i32) -> Vec<&Record> {
            let records = records.iter();
            records.filter(|r| r.partition == partition).collect()
        }
        let (calm, rough) = (of(calm, partition), of(rough, partition));
        for (at, (a, b)) in calm.iter().zip(&rough).enumerate() {
            assert!(
                a.promised() == b.promised(),
                "{topic}-{partition}, record {at}:\n{a}\n{b}"
            );
        }
        assert_eq!(calm.len(), rough.len(), "{topic}-{partition}");
    }
    println!("{topic}: {} records, byte for byte the same", calm.len());
}

/// An interval in which nothing happened is told if time entered it, and time begins with a task's first mark: how much had
/// been read by then is not promised. Forgets, of both, the empty intervals of a route path before the later beginning.
fn forget_what_came_before_time(calm: &mut Revisions, rough: &mut Revisions) {
    fn split(key: &str) -> (&str, &str) {
        key.split_once('|').expect("a route path and a start")
    }
    let mut began = BTreeMap::<String, String>::new();
    for revisions in [&*calm, &*rough] {
        let mut firsts = BTreeMap::new();
        for (route_path, start) in revisions.keys().map(|key| split(key)) {
            firsts.entry(route_path).or_insert(start);
        }
        for (route_path, start) in firsts {
            let later = began.entry(route_path.to_owned()).or_default();
            *later = (*later).clone().max(start.to_owned());
        }
    }
    let told = |key: &str, interval: &Value| {
        let (route_path, start) = split(key);
        let counts = interval["actual"].as_object().expect("counts");
        let is_empty = counts
            .values()
            .all(|n| *n == 0 || *n == serde_json::json!({}));
        !is_empty || start >= began[route_path].as_str()
    };
    calm.retain(|key, revision| told(key, revision));
    rough.retain(|key, revision| told(key, revision));
}

/// By key: the interval as it stands in the end.
type Revisions = BTreeMap<String, Value>;

/// What depends on where batches fell: how often an interval was told, when, and what was new then.
const OF_THE_TELLING: [&str; 5] = ["revision", "revisedDate", "watermark", "cause", "changed"];

fn last_revisions(lane: &Lane) -> Revisions {
    let records = lane.records("journey.staffing");
    let last = records.iter().map(|record| {
        let key = String::from_utf8_lossy(record.key.as_deref().expect("a key")).into_owned();
        let mut interval = lane.auditor.decode(record);
        for member in OF_THE_TELLING {
            let members = interval.as_object_mut().expect("a record");
            assert!(members.remove(member).is_some(), "no {member}");
        }
        // Of an interval that time is still in it is how far the sources were when it was told.
        if interval["status"] == "provisional" {
            interval["completeness"] = Value::Null;
        }
        (key, interval)
    });
    last.collect()
}
