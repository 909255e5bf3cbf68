//! What no stage can use: counted under its own reason, found again as far as consent allows.

use serde_json::json;

use crate::{
    auditor::Record,
    kafka,
    lane::{Lane, RAW, WEB_RAW},
    wait_until,
};

const AT: i64 = 1_795_434_000_000;

#[test]
fn what_is_bad_is_counted_by_reason_and_kept_apart_and_what_was_refused_leaves_nothing() {
    let Some(kafka) = kafka() else { return };
    let lane = Lane::new(&kafka, "bad", true);
    lane.define_demo();
    let mut ingest = lane.start("ingest", "a", &[]);
    ingest.until_ready();

    let date = journey::Timestamp(AT).to_string();
    let good = json!({
        "eventId": "good", "deploymentId": "shop", "customerCookieId": "visitor-1", "eventName": "page_viewed",
        "page": {"url": "https://shop.example/"}, "createdDate": date, "sentDate": date,
        "consent": {"state": "granted", "purposes": ["visits"], "source": "test"},
    });
    let with = |key: &str, value: serde_json::Value| {
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
    let large = with("padding", json!("x".repeat(10 << 20)));
    let mut null = whole.clone();
    null[20] = 0;
    let denied = json!({"state": "denied", "purposes": [], "source": "banner-of-the-refuser"});
    let dead: Vec<(&str, Vec<u8>)> = vec![
        ("not_json", b"this is no JSON".to_vec()),
        ("truncated", whole[..whole.len() / 2].to_vec()),
        ("too_large", large),
        ("wrong_type", with("eventName", json!(7))),
        ("missing_customer_cookie_id", without("customerCookieId")),
        ("missing_deployment_id", without("deploymentId")),
        ("null_byte", null),
        ("unknown_deployment", with("deploymentId", json!("nobodys"))),
    ];
    let suppressed = [
        ("consent_denied", with("consent", denied)),
        ("gpc", with("gpc", json!(true))),
    ];

    let mut loader = lane.producer();
    for (_, value) in &dead {
        loader.send(WEB_RAW, Some("k"), value, Some(AT));
    }
    for (_, value) in &suppressed {
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
    loader.send(WEB_RAW, Some("k"), &whole, Some(AT));
    loader.tick(&RAW, AT + 60_000);
    loader.flush();
    lane.until_done("ingest", Some("web.events"), AT + 60_000);

    let counted = |result: &str, reason: &str| {
        let labels = [
            format!("result=\"{result}\""),
            format!("reason=\"{reason}\""),
        ];
        let labels = labels.each_ref().map(String::as_str);
        ingest.metric("footfall_records_total", &labels)
    };
    wait_until("the counts", crate::stage::PATIENCE, || {
        let all = ingest.metric("footfall_records_total", &[]);
        (all as usize == dead.len() + suppressed.len() + 1).then_some(())
    });
    for (reason, _) in &dead {
        assert_eq!(
            counted("dead_lettered", reason),
            1.0,
            "{reason}:\n{:?}",
            ingest.metrics()
        );
    }
    for (reason, _) in &suppressed {
        assert_eq!(
            counted("suppressed", reason),
            1.0,
            "{reason}:\n{:?}",
            ingest.metrics()
        );
    }

    let raw = lane.records(WEB_RAW);
    let letters = lane.records(&format!("{WEB_RAW}.dead-letter"));
    assert_eq!(letters.len(), dead.len());
    for letter in &letters {
        let header = |name: &str| letter.header(&format!("dead-letter.{name}"));
        assert_eq!(
            (header("stage").as_str(), header("topic").as_str()),
            ("ingest", WEB_RAW)
        );
        assert!(
            letter.value.is_none(),
            "the bytes stay in the raw topic alone"
        );
        let at = (header("partition"), header("offset"));
        let origin = raw
            .iter()
            .find(|r| (r.partition.to_string(), r.offset.to_string()) == at);
        let value = origin
            .and_then(|origin| origin.value.as_ref())
            .expect("its origin");
        let (reason, _) = dead
            .iter()
            .find(|(_, sent)| sent == value)
            .expect("what was sent");
        assert_eq!(header("reason"), *reason);
        assert_eq!(header("size"), value.len().to_string());
        assert!(!header("message").is_empty());
    }

    let outputs = [
        "web.events",
        "journey.visitors",
        "web.events.raw.dead-letter",
    ];
    for topic in outputs {
        for record in lane.records(topic) {
            let all: Vec<u8> = [&record.key, &record.value]
                .into_iter()
                .flatten()
                .flatten()
                .copied()
                .collect();
            let headers = record
                .headers
                .iter()
                .map(|(_, value)| String::from_utf8_lossy(value).into_owned());
            let all = String::from_utf8_lossy(&all).into_owned() + &headers.collect::<String>();
            assert!(
                !all.contains("refuser"),
                "{topic} holds what a visitor refused"
            );
        }
    }
    assert_eq!(lane.records("web.events").len(), 1);

    let not_json = letters
        .iter()
        .find(|letter| letter.header("dead-letter.reason") == "not_json");
    let letter = not_json.expect("kept apart");
    let partition = letter.header("dead-letter.partition");
    let offset = letter.header("dead-letter.offset");
    let shown = lane.tool_ok(&["dead-letters", "show", WEB_RAW, &partition, &offset]);
    for word in ["not_json", "this is no JSON"] {
        assert!(shown.contains(word), "{word} is not in\n{shown}");
    }
    let listed = lane.tool_ok(&["dead-letters", "list"]);
    for (reason, _) in &dead {
        assert!(listed.contains(reason), "{reason} is not in\n{listed}");
    }
}
