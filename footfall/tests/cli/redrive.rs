//! Dead letters are settled once: sent again to where they came from, or dropped. Against a real Kafka.

use journey::Timestamp;
use pipeline::{
    dead_letter::header,
    kafka::write::{Out, Writer},
};
use serde_json::Value;

use super::kafka::TestLane;

/// A dead letter: the topic it came from, its offset in partition 1 there, its reason, how often it was sent again, when it was
/// received first (an older release does not say).
struct Dead {
    topic: &'static str,
    offset: i64,
    reason: &'static str,
    attempts: u32,
    received: Option<&'static str>,
    bytes: Option<&'static [u8]>,
}

impl Dead {
    fn headers(&self) -> Vec<(String, Vec<u8>)> {
        let attempts = self.attempts.to_string();
        let offset = self.offset.to_string();
        let size = self.bytes.unwrap_or(b"rubbish").len().to_string();
        let headers = [
            (header::STAGE, "test"),
            (header::REASON, self.reason),
            (header::MESSAGE, "for a test"),
            (header::TOPIC, self.topic),
            (header::PARTITION, "1"),
            (header::OFFSET, &offset),
            (header::SIZE, &size),
            (header::DEPLOYMENT, "shop"),
            (header::ATTEMPTS, &attempts),
        ];
        let headers = headers.iter();
        let received = self.received.iter().map(|at| (header::RECEIVED, *at));
        headers
            .copied()
            .chain(received)
            .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
            .collect()
    }
}

/// One of each kind: to be had from the raw topic, sent again too often, gone, with its own bytes; and a stranger.
fn write_letters(lane: &TestLane) {
    let raw = |offset, attempts| Dead {
        topic: "web.events.raw",
        offset,
        reason: "not_json",
        attempts,
        received: None,
        bytes: None,
    };
    let late = Dead {
        topic: "web.events",
        offset: 7,
        reason: "late",
        attempts: 1,
        received: Some("1764000000000"),
        bytes: Some(b"bytes"),
    };
    let mut writer = Writer::open(&lane.settings).expect("a producer");
    let mut write = |topic: &str, value: Option<&[u8]>, headers: &[(String, Vec<u8>)]| {
        let topic = lane.settings.lane.topic(topic);
        let out = Out {
            topic: &topic,
            partition: 1,
            key: value.map(|_| &b"k"[..]),
            value,
            timestamp: None,
        };
        writer.send_with(&out, headers).expect("queued");
    };
    write("web.events.raw", Some(b"rubbish"), &[]);
    for letter in [raw(0, 0), raw(0, 3), raw(99, 0), late] {
        let topic = format!("{}.dead-letter", letter.topic);
        write(&topic, letter.bytes, &letter.headers());
    }
    write("web.events.dead-letter", Some(b"a stranger's"), &[]);
    writer.finish().expect("delivered");
}

fn settle(lane: &TestLane, arguments: &[&str]) -> Value {
    let command = ["--output", "json", "dead-letters"];
    let said = lane.run(&[&command, arguments].concat()).with(0);
    serde_json::from_str(&said).expect("JSON")
}

/// How many are still listed, by reason.
fn listed(lane: &TestLane) -> Vec<(String, u64)> {
    let said = settle(lane, &["list"]);
    let kinds = said.as_array().expect("a list").iter();
    let mut kinds: Vec<_> = kinds
        .map(|kind| {
            let reason = kind["reason"].as_str().expect("text").to_owned();
            (reason, kind["count"].as_u64().expect("a number"))
        })
        .collect();
    kinds.sort();
    kinds
}

#[test]
fn dead_letters_are_sent_again_once_each_and_never_in_a_circle() {
    let Some(lane) = TestLane::new("redrive") else {
        return;
    };
    lane.apply(&[]);
    write_letters(&lane);
    let dry = settle(&lane, &["redrive"]);
    assert_eq!(dry["redriven"], 2, "{dry}");
    assert_eq!((&dry["dryRun"], &dry["gone"]), (&true.into(), &1.into()));
    assert_eq!(dry["exhausted"], 1, "{dry}");
    assert_eq!(dry["withoutHeaders"], 1, "{dry}");
    let both = settle(&lane, &["redrive", "--yes", "--dry-run"]);
    assert_eq!(both, dry, "--dry-run wins");
    assert_eq!(lane.tail("web.events.raw", &[]).len(), 1);

    let redrive = ["redrive", "--yes", "--topic", "web.events.raw"];
    let done = settle(&lane, &redrive);
    assert_eq!((&done["redriven"], &done["gone"]), (&1.into(), &1.into()));
    let again = settle(&lane, &redrive);
    assert_eq!(again["redriven"], 0, "{again}");
    assert_eq!(again["settledBefore"], 1, "{again}");
    let raw = lane.tail("web.events.raw", &[]);
    assert_eq!(raw.len(), 2, "{raw:?}");
    assert_eq!(raw[1]["value"], "rubbish");
    assert_eq!(
        (&raw[1]["key"], &raw[1]["partition"]),
        (&"k".into(), &1.into())
    );
    assert_eq!(raw[1]["headers"][header::ATTEMPTS], "1");
    let received = raw[1]["headers"][header::RECEIVED].as_str().expect("text");
    let received: i64 = received.parse().expect("a number");
    let first = raw[0]["timestamp"].as_str().expect("a date");
    assert_eq!(
        Timestamp(received),
        Timestamp::parse(first).expect("a date")
    );

    let done = settle(&lane, &["redrive", "--yes", "--reason", "late"]);
    assert_eq!(done["redriven"], 1, "{done}");
    let events = lane.tail("web.events", &[]);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["headers"][header::ATTEMPTS], "2");
    assert_eq!(events[0]["headers"][header::RECEIVED], "1764000000000");
}

#[test]
fn what_is_dropped_is_no_longer_listed_and_never_sent_again() {
    let Some(lane) = TestLane::new("drop") else {
        return;
    };
    lane.apply(&[]);
    write_letters(&lane);
    let of = |reason: &str, count| (reason.to_owned(), count);
    assert_eq!(
        listed(&lane),
        [of("late", 1), of("not_json", 3), of("without_headers", 1)]
    );
    let early = settle(&lane, &["drop", "--yes", "--until", "1h"]);
    assert_eq!(early["dropped"], 0, "none is an hour old: {early}");
    let dry = settle(&lane, &["drop", "--reason", "not_json"]);
    assert_eq!((&dry["dropped"], listed(&lane).len()), (&3.into(), 3));
    let done = settle(&lane, &["drop", "--yes", "--deployment", "shop"]);
    assert_eq!(done["dropped"], 4, "{done}");
    assert_eq!(listed(&lane), [of("without_headers", 1)]);
    let again = settle(&lane, &["redrive", "--yes"]);
    assert_eq!(again["settledBefore"], 4, "{again}");
    assert_eq!(lane.tail("web.events.raw", &[]).len(), 1);
    let audit = lane.tail("journey.audit", &[]);
    let commands: Vec<_> = audit
        .iter()
        .map(|r| r["value"]["command"].clone())
        .collect();
    assert_eq!(
        commands,
        [
            "topics apply",
            "dead-letters drop",
            "dead-letters drop",
            "dead-letters redrive"
        ]
    );
    assert_eq!(audit[2]["value"]["details"]["dropped"], 4);
}

#[test]
fn in_a_backfill_lane_nothing_is_sent_again_into_any_of_its_topics() {
    let Some(lane) = TestLane::new("redrive-backfill") else {
        return;
    };
    lane.apply(&["--backfill"]);
    write_letters(&lane);
    for of in [
        &[][..],
        &["--topic", "web.events"],
        &["--reason", "late", "--topic", "web.events"],
    ] {
        let done = lane.run(&[&["dead-letters", "redrive", "--yes"], of].concat());
        assert_eq!(done.code, 1, "{of:?}: {}", done.out);
        assert!(done.err.contains("nothing is sent again"), "{}", done.err);
    }
    assert_eq!(lane.tail("web.events", &[]).len(), 0);
    assert_eq!(settle(&lane, &["drop", "--yes"])["dropped"], 5);
}
