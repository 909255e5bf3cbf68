//! What the chat engine and WFM get where they have no registry: JSON as `schemas/json/` describes it, and headers that say
//! what each record is.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    auditor::Record,
    json_schema::JsonSchema,
    kafka,
    lane::{Lane, RAW, WEB_RAW},
    stage::STAGES,
};

const START: i64 = 1_795_434_000_000;

/// Events of visitors who linger on the pricing page and leave it: offers are made and taken back.
fn play(lane: &Lane) -> i64 {
    let mut loader = lane.producer();
    for (path, second) in [("/", 0), ("/pricing", 10), ("/cart", 400), ("/", 700)] {
        let at = START + second * 1000;
        for visitor in ["v1", "v2", "v3"] {
            let date = journey::Timestamp(at).to_string();
            let event = json!({
                "eventId": format!("{visitor}-{second}"), "deploymentId": "shop", "customerCookieId": visitor,
                "eventName": "page_viewed", "createdDate": date, "sentDate": date,
                "page": {"url": format!("https://shop.example{path}"), "title": "T"},
                "consent": {"state": "granted", "source": "test",
                    "purposes": ["visits", "personalisation", "staffing", "contact"]},
            });
            loader.send(
                WEB_RAW,
                Some(visitor),
                event.to_string().as_bytes(),
                Some(at),
            );
        }
        loader.tick(&RAW, at + 1);
    }
    for hour in 1..=26 {
        loader.tick(&RAW, START + hour * 3_600_000);
    }
    loader.flush();
    loader.now()
}

/// Each record's value, which must be JSON as described, beside its headers.
fn described(lane: &Lane, topic: &str, schema: &str) -> Vec<(Value, Record)> {
    let schema = JsonSchema::named(schema);
    let records = lane.records(topic).into_iter().map(|record| {
        let value = record.value.as_deref().expect("no null in a public topic");
        let value: Value = serde_json::from_slice(value).expect("JSON");
        let faults = schema.faults(&value);
        assert!(faults.is_empty(), "{topic}: {faults:#?} in {value:#}");
        (value, record)
    });
    records.collect()
}

#[track_caller]
fn check_headers(record: &Record, id: &str, source: &str, kind: &str, time: &Value) {
    let expected = [
        ("ce_specversion", "1.0"),
        ("ce_id", id),
        ("ce_source", source),
        ("ce_type", kind),
        ("ce_time", time.as_str().expect("a time")),
        ("content-type", "application/json"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    assert_eq!(record.headers, expected);
}

#[test]
fn offers_and_staffing_are_json_where_asked_for_and_say_what_they_are() {
    let Some(kafka) = kafka() else { return };
    let lane = Lane::new(&kafka, "json", true);
    lane.define_demo();
    let _stages: Vec<_> = STAGES
        .map(|name| match name {
            "segmenter" | "staffing" => lane.start(name, "a", &["--output-format", "json"]),
            _ => lane.start(name, "a", &[]),
        })
        .into();
    let until = play(&lane);
    lane.until_all_done("ingest", until);

    let offers = described(&lane, "journey.offers", "offer");
    let statuses: BTreeSet<&str> = offers
        .iter()
        .filter_map(|o| o.0["status"].as_str())
        .collect();
    assert!(statuses.contains("offered"), "{offers:#?}");
    for (offer, record) in offers
        .iter()
        .filter(|(offer, _)| offer["status"] == "offered")
    {
        let id = format!(
            "{}/{}",
            offer["id"].as_str().expect("an id"),
            offer["sequence"]
        );
        let (kind, time) = ("footfall.offer.offered", &offer["offeredDate"]);
        check_headers(record, &id, "/footfall/segmenter", kind, time);
        assert_eq!(offer["journeyContext"]["customer"]["idType"], "cookie");
    }
    for topic in ["journey.staffing", "journey.staffing.revisions"] {
        let revisions = described(&lane, topic, "staffing_interval");
        assert!(
            revisions
                .iter()
                .any(|(interval, _)| interval["status"] == "final")
        );
        for (interval, record) in &revisions {
            let key = String::from_utf8_lossy(record.key.as_deref().expect("a key"));
            let id = format!("{key}/{}", interval["revision"]);
            let status = interval["status"].as_str().expect("a status");
            let kind = format!("footfall.staffing.{status}");
            check_headers(
                record,
                &id,
                "/footfall/staffing",
                &kind,
                &interval["revisedDate"],
            );
            assert_eq!(interval["source"], "backfill", "a backfill lane says so");
        }
    }
    let ids: BTreeSet<String> = offers.iter().map(|(_, r)| r.header("ce_id")).collect();
    assert_eq!(ids.len(), offers.len(), "no two records share an id");
    let tail = lane.tool_ok(&["tail", "journey.offers", "--until-end", "--limit", "1"]);
    let line: Value = serde_json::from_str(&tail).expect("a line is JSON");
    assert_eq!(line["value"]["status"], "offered", "{line:#}");
    assert!(
        !lane.values("journey.staffing").is_empty(),
        "the auditor reads it, too"
    );
}
