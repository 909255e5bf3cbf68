//! What was recorded once more in a lane of its own: the same bytes; with the late events, the visits that they belong to; and
//! a comparison that sees a single changed record.

use std::{
    collections::BTreeSet,
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use footfall::shop::{Shop, ShopConfig};
use journey::VisitEvent;
use journey_tests::oracle::sessionize;
use serde_json::{Value, json};

use crate::{
    Kafka,
    auditor::{Isolation, Record},
    kafka,
    lane::{Lane, RAW, WEB_RAW},
    loader::Loader,
    stage::{STAGES, Stage},
    truth::{Day, assert_same_visits, ended},
};

const START: i64 = 1_795_434_000_000;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

const DEPLOYMENT: &str = r#"{"kind": "deployment", "id": "shop", "owner": "o", "purpose": "p",
    "contact": "c@shop.example", "consent": {"mode": "not_needed"}}"#;

/// `footfall diff` of two lanes: how it ended, and what it said.
fn diff(a: &Lane, b: &Lane, more: &[&str]) -> (i32, String) {
    let args = [&["diff", &a.prefix, &b.prefix], more].concat();
    let output = a.tool(&args);
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.code().expect("not killed"), said)
}

/// `footfall replay` of one lane into another; what it said.
fn replay(from: &Lane, into: &Lane, more: &[&str]) -> String {
    from.tool_ok(&[&["replay", "--into", &into.prefix], more].concat())
}

/// A day as four stages saw it, and what they were fed.
struct Played {
    lane: Lane,
    day: Day,
    /// The last tick.
    end: i64,
}

/// The one played day that several tests look at.
fn played(kafka: &Kafka) -> &'static Played {
    static PLAYED: OnceLock<Played> = OnceLock::new();
    PLAYED.get_or_init(|| {
        let lane = Lane::new(kafka, "played", true);
        lane.define_demo();
        let mut stages = STAGES.map(|name| lane.start(name, "a", &[]));
        stages.iter_mut().for_each(Stage::until_ready);
        let mut loader = lane.producer();
        let day = feed(&mut loader, Duration::from_secs(6));
        loader.flush();
        let end = loader.now();
        lane.until_all_done("ingest", end);
        Played { lane, day, end }
    })
}

#[test]
fn a_replay_says_the_same_byte_for_byte() {
    let Some(kafka) = kafka() else { return };
    let Played { lane, end, .. } = played(&kafka);
    let again = Lane::without_topics(&kafka, "again", true);
    println!("{}", replay(lane, &again, &[]));
    let refused = lane.tool(&["replay", "--into", &again.prefix]);
    assert_eq!(refused.status.code(), Some(1));
    let refused = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.contains("is not empty"), "{refused}");

    let _stages: Vec<_> = STAGES[1..]
        .iter()
        .map(|name| again.start(name, "a", &[]))
        .collect();
    again.until_all_done("sessionizer", *end);
    for topic in ["journey.visits", "journey.events", "journey.offers"] {
        let (code, said) = diff(lane, &again, &["--topic", topic]);
        println!("{said}");
        let same = format!("{topic} 4 of 4 partitions are the same byte for byte");
        assert!(code == 0 && said.contains(&same), "{said}");
    }
}

/// A day, at an even pace: so that time marks stand everywhere between the events, and some of these are late.
fn feed(loader: &mut Loader, length: Duration) -> Day {
    let config = ShopConfig::biting(7, 150);
    let sent: Vec<_> = Shop::new(config.clone()).collect();
    let day = Day { sent, config };
    let started = Instant::now();
    for (i, sent) in day.sent.iter().enumerate() {
        let due = length.mul_f64(i as f64 / day.sent.len() as f64);
        if let Some(early) = due.checked_sub(started.elapsed()) {
            thread::sleep(early);
        }
        let at = Some(sent.send_at.0);
        loader.send(WEB_RAW, sent.key.as_deref(), sent.json.as_bytes(), at);
        loader.tick_by_the_minute(&RAW);
    }
    for _ in 1..=26 {
        loader.tick(&RAW, loader.now() + HOUR);
    }
    day
}

#[test]
fn with_late_events_a_replay_s_visits_are_those_of_a_batch() {
    let Some(kafka) = kafka() else { return };
    let Played { lane, day, end } = played(&kafka);
    let refused = lane.records("web.events.dead-letter").len();
    assert!(refused >= 10, "{refused} are not enough to prove anything");
    let rebuilt = Lane::without_topics(&kafka, "batch", true);
    println!("{}", replay(lane, &rebuilt, &["--late"]));
    let _stage = rebuilt.start("sessionizer", "a", &[]);
    rebuilt.until_done("sessionizer", Some("journey.visits"), *end);
    let expected = sessionize(&day.events(&BTreeSet::new()));
    assert_same_visits(&ended(&rebuilt.values("journey.visits")), &expected);
    assert_eq!(rebuilt.records("web.events.dead-letter").len(), 0);
}

#[test]
fn one_changed_record_is_seen() {
    let Some(kafka) = kafka() else { return };
    let played = &played(&kafka).lane;
    let mut visits = played
        .auditor
        .read(&played.topic("journey.visits"), Isolation::Committed);
    let is_ended = |record: &&mut Record| {
        !record.is_time() && played.auditor.decode(record)["kind"] == "ended"
    };
    let changed = visits
        .iter_mut()
        .find(is_ended)
        .expect("a visit that ended");
    let (frame, body) = changed.value.as_ref().expect("a value").split_at(5);
    let mut event: VisitEvent = schemas::from_bytes(body).expect("a visit event");
    let visit = event.visit.as_mut().expect("a visit");
    visit.event_count += 1;
    let id = visit.id.as_str().to_owned();
    changed.value = Some([frame, &schemas::to_bytes(&event)].concat());
    let offset = changed.offset;

    let other = Lane::new(&kafka, "changed", true);
    let loader = &mut other.producer();
    for record in &visits {
        loader.copy("journey.visits", record);
    }
    loader.flush();
    let (code, said) = diff(played, &other, &[]);
    println!("{said}");
    assert_eq!(code, 1, "{said}");
    let at = format!("@{offset} and ");
    for words in [
        "· 1 changed · 0 missing · 0 added",
        "3 of 4 partitions are the same byte for byte",
        "differ first: value",
        &id,
        &at,
    ] {
        assert!(said.contains(words), "{words:?} is not in:\n{said}");
    }
}

/// A page view at `created`, sent at `sent` by a clock that is right.
fn view(id: &str, created: i64, sent: i64) -> String {
    let iso = |at: i64| journey::Timestamp(at).to_string();
    json!({
        "eventId": id, "deploymentId": "shop", "customerCookieId": "v", "eventName": "page_viewed",
        "page": {"url": format!("https://shop.example/{id}"), "title": "T"},
        "createdDate": iso(created), "sentDate": iso(sent),
    })
    .to_string()
}

#[test]
fn a_replay_with_late_events_puts_them_into_the_visit_that_they_belong_to() {
    let Some(kafka) = kafka() else { return };
    let lane = Lane::new(&kafka, "late", true);
    lane.define(&[DEPLOYMENT]);
    let stages = ["ingest", "sessionizer"].map(|name| lane.start(name, "a", &[]));
    let mut loader = lane.producer();
    let mut send = |id: &str, created: i64, sent: i64| {
        let event = view(id, created, sent);
        loader.send(WEB_RAW, Some("v"), event.as_bytes(), Some(sent));
        loader.tick(&RAW, sent + 1);
        loader.flush();
        lane.until_done("ingest", Some("web.events"), sent + 1);
    };
    send("first", START, START);
    send("third", START + 10 * MINUTE, START + 10 * MINUTE);
    send("other", START + 2 * HOUR, START + 2 * HOUR);
    // From the middle of a visit that ended long ago.
    send("second", START + 5 * MINUTE, START + 2 * HOUR + MINUTE);
    loader.tick(&RAW, START + 30 * HOUR);
    loader.flush();
    let end = loader.now();
    lane.until_done("ingest", Some("web.events"), end);
    lane.until_done("sessionizer", Some("journey.visits"), end);
    drop(stages);
    let event_counts = |lane: &Lane| -> Vec<Value> {
        let visits = lane.values("journey.visits");
        let ended = visits.iter().filter(|visit| visit["kind"] == "ended");
        ended
            .map(|visit| visit["visit"]["eventCount"].clone())
            .collect()
    };
    assert_eq!(event_counts(&lane), [2, 1]);
    assert_eq!(lane.records("web.events.dead-letter").len(), 1);

    let rebuilt = Lane::without_topics(&kafka, "rebuilt", true);
    let dry = replay(&lane, &rebuilt, &["--late", "--dry-run"]);
    assert!(dry.contains("would hold 4 events"), "{dry}");
    let said = replay(&lane, &rebuilt, &["--late"]);
    println!("{said}");
    assert!(said.contains("late ones put where they are not late: 1"));
    let stage = rebuilt.start("sessionizer", "a", &[]);
    rebuilt.until_done("sessionizer", Some("journey.visits"), end);
    drop(stage);
    assert_eq!(event_counts(&rebuilt), [3, 1]);
    assert_eq!(rebuilt.records("web.events.dead-letter").len(), 0);
    let (code, said) = diff(&lane, &rebuilt, &[]);
    println!("{said}");
    // The other counts one event more of the visitor before it.
    let expected = "visits 0 same · 2 changed · 0 missing · 0 added";
    assert!(code == 1 && said.contains(expected), "{said}");
    a_window_ends_where_it_is_told(&kafka, &lane);
}

/// The first hour alone, and with it every visit ends.
fn a_window_ends_where_it_is_told(kafka: &Kafka, lane: &Lane) {
    let hour = Lane::without_topics(kafka, "hour", true);
    let at = |ms: i64| journey::Timestamp(ms).to_string();
    let (from, until) = (at(START + MINUTE), at(START + HOUR));
    let window = ["--from", &from, "--until", &until];
    let said = replay(lane, &hour, &[&window[..], &["--finish"]].concat());
    println!("{said}");
    let events = hour.values("web.events");
    let ids: Vec<&Value> = events.iter().map(|event| &event["eventId"]).collect();
    assert_eq!(ids, ["third"]);
    let frontier = hour.auditor.frontier(&hour.topic("web.events"));
    assert!(frontier >= Some(START + 27 * HOUR), "{frontier:?}");
    let stage = hour.start("sessionizer", "a", &[]);
    hour.until_done("sessionizer", Some("journey.visits"), START + 27 * HOUR);
    drop(stage);
    let visits = hour.values("journey.visits");
    let ended = visits.iter().filter(|visit| visit["kind"] == "ended");
    assert_eq!(ended.count(), 1);
}
