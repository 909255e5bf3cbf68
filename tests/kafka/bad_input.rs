//! What no stage can use: counted under its own reason, found again as far as consent allows.

use serde_json::{Value, json};

use crate::{
    auditor::Record,
    kafka,
    lane::{Lane, RAW, WEB_RAW},
    native,
    stage::{PATIENCE, Stage},
    wait_until,
};

const AT: i64 = 1_795_434_000_000;

/// Values that ingest must not pass on, each with the reason that it must give.
type Bad = Vec<(&'static str, Vec<u8>)>;

/// What is good, what must be kept apart, and what must leave no more than a count.
struct Input {
    good: Vec<u8>,
    dead: Bad,
    suppressed: Bad,
}

fn input() -> Input {
    let date = journey::Timestamp(AT).to_string();
    let good = json!({
        "eventId": "good", "deploymentId": "shop", "customerCookieId": "visitor-1", "eventName": "page_viewed",
        "page": {"url": "https://shop.example/"}, "createdDate": date, "sentDate": date,
        "consent": {"state": "granted", "purposes": ["visits"], "source": "test"},
    });
    let with = |key: &str, value: Value| {
        let mut event = good.clone();
        event[key] = value;
        event.to_string().into_bytes()
    };
    let without = |key: &str| {
        let mut event = good.clone();
        event.as_object_mut().expect("an object").remove(key);
        event.to_string().into_bytes()
    };
    let whole = good.to_string().into_bytes();
    let mut null = whole.clone();
    null[20] = 0;
    let denied = json!({"state": "denied", "purposes": [], "source": "banner-of-the-refuser"});
    Input {
        dead: vec![
            ("not_json", b"this is no JSON".to_vec()),
            ("truncated", whole[..whole.len() / 2].to_vec()),
            ("too_large", with("padding", json!("x".repeat(10 << 20)))),
            ("wrong_type", with("eventName", json!(7))),
            ("missing_customer_cookie_id", without("customerCookieId")),
            ("missing_deployment_id", without("deploymentId")),
            ("null_byte", null),
            ("unknown_deployment", with("deploymentId", json!("nobodys"))),
        ],
        suppressed: vec![
            ("consent_denied", with("consent", denied)),
            ("gpc", with("gpc", json!(true))),
        ],
        good: whole,
    }
}

/// Sends all of it, the good last, and waits until ingest is through.
fn send(lane: &Lane, input: &Input) {
    let mut loader = lane.producer();
    for (_, value) in input.dead.iter().chain(&input.suppressed) {
        loader.send(WEB_RAW, Some("k"), value, Some(AT));
    }
    // A mark of a stranger's is a tick, and stops nobody.
    let stranger = Record {
        partition: 0,
        offset: 0,
        timestamp: AT,
        key: None,
        value: None,
        headers: vec![(journey::mark::HEADER.to_owned(), b"no JSON".to_vec())],
    };
    loader.copy(WEB_RAW, &stranger);
    loader.send(WEB_RAW, Some("k"), &input.good, Some(AT));
    loader.tick(&RAW, AT + 60_000);
    loader.flush();
    lane.until_done("ingest", Some("web.events"), AT + 60_000);
}

fn assert_counted_by_reason(ingest: &Stage, input: &Input) {
    let all = input.dead.len() + input.suppressed.len() + 1;
    wait_until("the counts", PATIENCE, || {
        let counted = ingest.metric("footfall_records_total", &[]);
        (counted as usize == all).then_some(())
    });
    for (result, bad) in [
        ("dead_lettered", &input.dead),
        ("suppressed", &input.suppressed),
    ] {
        for (reason, _) in bad {
            let labels = [
                format!("result=\"{result}\""),
                format!("reason=\"{reason}\""),
            ];
            let labels = labels.each_ref().map(String::as_str);
            let counted = ingest.metric("footfall_records_total", &labels);
            assert_eq!(counted, 1.0, "{reason}:\n{:?}", ingest.metrics());
        }
    }
}

/// Each letter says what of which record it speaks, and holds none of its bytes.
fn assert_kept_apart(lane: &Lane, letters: &[Record], dead: &Bad) {
    let raw = lane.records(WEB_RAW);
    assert_eq!(letters.len(), dead.len());
    for letter in letters {
        let header = |name: &str| letter.header(&format!("dead-letter.{name}"));
        let from = (header("stage"), header("topic"));
        assert_eq!((from.0.as_str(), from.1.as_str()), ("ingest", WEB_RAW));
        assert!(
            letter.value.is_none(),
            "the bytes stay in the raw topic alone"
        );
        let at = (header("partition"), header("offset"));
        let mut raw = raw.iter();
        let origin = raw.find(|r| (r.partition.to_string(), r.offset.to_string()) == at);
        let value = origin.and_then(|origin| origin.value.as_ref());
        let value = value.expect("its origin");
        let mut dead = dead.iter();
        let (reason, _) = dead.find(|(_, sent)| sent == value).expect("what was sent");
        assert_eq!(header("reason"), *reason);
        assert_eq!(header("size"), value.len().to_string());
        assert!(!header("message").is_empty());
    }
}

fn assert_nothing_left_of_who_refused(lane: &Lane) {
    for topic in [
        "web.events",
        "journey.visitors",
        "web.events.raw.dead-letter",
    ] {
        for record in lane.records(topic) {
            let parts = [record.key, record.value].into_iter().flatten();
            let headers = record.headers.into_iter().map(|(_, value)| value);
            let all = parts.chain(headers).collect::<Vec<_>>().concat();
            let all = String::from_utf8_lossy(&all);
            assert!(
                !all.contains("refuser"),
                "{topic} holds what a visitor refused"
            );
        }
    }
}

fn assert_found_again(lane: &Lane, letters: &[Record], dead: &Bad) {
    let mut letters = letters.iter();
    let not_json = letters.find(|letter| letter.header("dead-letter.reason") == "not_json");
    let letter = not_json.expect("kept apart");
    let partition = letter.header("dead-letter.partition");
    let offset = letter.header("dead-letter.offset");
    let shown = lane.tool_ok(&["dead-letters", "show", WEB_RAW, &partition, &offset]);
    for word in ["not_json", "this is no JSON"] {
        assert!(shown.contains(word), "{word} is not in\n{shown}");
    }
    let listed = lane.tool_ok(&["dead-letters", "list"]);
    for (reason, _) in dead {
        assert!(listed.contains(reason), "{reason} is not in\n{listed}");
    }
}

#[test]
fn what_is_bad_is_counted_by_reason_and_kept_apart_and_what_was_refused_leaves_nothing() {
    let Some(kafka) = kafka() else { return };
    let lane = Lane::new(&kafka, "bad", true);
    lane.define_demo();
    let mut ingest = lane.start("ingest", "a", &[]);
    ingest.until_ready();
    let input = input();
    send(&lane, &input);
    assert_counted_by_reason(&ingest, &input);
    let letters = lane.records(&format!("{WEB_RAW}.dead-letter"));
    assert_kept_apart(&lane, &letters, &input.dead);
    assert_nothing_left_of_who_refused(&lane);
    assert_eq!(lane.records("web.events").len(), 1);
    assert_found_again(&lane, &letters, &input.dead);
}

#[test]
fn a_record_whose_header_is_named_in_no_text_is_an_event_like_another() {
    let Some(kafka) = kafka() else { return };
    let lane = Lane::new(&kafka, "named", true);
    lane.define_demo();
    let mut ingest = lane.start("ingest", "a", &[]);
    let good = input().good;
    native::produce_with_header(&kafka, &lane.topic(WEB_RAW), &good, AT, b"\xff\xfe");
    let mut loader = lane.producer();
    loader.tick(&RAW, AT + 60_000);
    loader.flush();
    lane.until_done("ingest", Some("web.events"), AT + 60_000);
    assert!(ingest.is_running());
    assert_eq!(lane.records("web.events").len(), 1);
    let shown = lane.tool_ok(&["tail", WEB_RAW, "--until-end"]);
    assert!(shown.contains("page_viewed"), "{shown}");
}
