//! Real traffic of a small site, bots included: the chain's visits are those of a batch.

use std::{collections::BTreeSet, fs::File, io::Read, path::Path};

use journey_tests::oracle::{Event, sessionize};
use serde_json::Value;

use crate::{
    kafka,
    lane::{Lane, RAW, WEB_RAW},
    stage::STAGES,
    truth::{assert_same_visits, customer_id, ended},
};

const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../shared/data/semicomplete-2015.web-events.jsonl.gz"
);

const DEPLOYMENT: &str = r#"{"kind": "deployment", "id": "semicomplete", "owner": "o", "purpose": "p",
    "contact": "c@semicomplete.example", "consent": {"mode": "not_needed"}}"#;

const HOUR: i64 = 3_600_000;

#[test]
fn the_visits_of_real_traffic_are_those_of_a_batch_visitor_by_visitor() {
    let Some(kafka) = kafka() else { return };
    let Some(lines) = lines(Path::new(FILE)) else {
        println!("{FILE} is not here: real traffic was not looked at");
        return;
    };
    let lane = Lane::new(&kafka, "real", true);
    lane.define(&[DEPLOYMENT]);
    let _stages = STAGES.map(|name| lane.start(name, "a", &[]));
    let mut loader = lane.producer();
    let mut events = Vec::new();
    for line in &lines {
        let event: Value = serde_json::from_str(line).expect("JSON");
        let text = |name: &str| event[name].as_str().expect(name).to_owned();
        let at = journey::Timestamp::parse(&text("createdDate"))
            .expect("a date")
            .0;
        let cookie = text("customerCookieId");
        loader.send(WEB_RAW, Some(&cookie), line.as_bytes(), Some(at));
        loader.tick_by_the_minute(&RAW);
        events.push(Event {
            visitor: customer_id("semicomplete", &cookie),
            id: text("eventId"),
            at,
            page: path(event["page"]["url"].as_str().expect("a URL")),
            page_view: true,
            ping: false,
            timeout: HOUR / 3,
        });
    }
    for _ in 1..=26 {
        loader.tick(&RAW, loader.now() + HOUR);
    }
    loader.flush();
    lane.until_all_done("ingest", loader.now());

    let visits = lane.values("journey.visits");
    let visitors: BTreeSet<&str> = events.iter().map(|event| event.visitor.as_str()).collect();
    let found = ended(&visits);
    println!(
        "{} events, {} visitors, {} visits",
        events.len(),
        visitors.len(),
        found.len()
    );
    assert_same_visits(&found, &sessionize(&events));
    let bots = visits
        .iter()
        .filter(|v| v["kind"] == "ended" && v["visit"]["bot"] == true);
    assert!(bots.count() > 0, "bots are visitors, too");
}

fn lines(path: &Path) -> Option<Vec<String>> {
    let file = File::open(path).ok()?;
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(file)
        .read_to_string(&mut text)
        .expect("gzip");
    Some(text.lines().map(str::to_owned).collect())
}

/// The path of a URL.
fn path(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("/", |at| &rest[at..]);
    path.split(['?', '#']).next().unwrap_or("/").to_owned()
}
