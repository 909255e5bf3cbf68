//! What others recorded, imported and sent as history: the visits are those that the log tells of.

use std::{fs, process::Command};

use serde_json::Value;

use crate::{
    kafka,
    lane::Lane,
    stage::{STAGES, binary},
};

const DEPLOYMENT: &str = r#"{"kind": "deployment", "id": "old", "owner": "o", "purpose": "p", "contact": "c@old.example",
    "consent": {"mode": "required"}}"#;

const VISITORS: i64 = 40;
const VISITS: i64 = 3;
const VIEWS: i64 = 4;
/// Between two views of a visit, and two visits of a visitor.
const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;

/// A combined access log: each visitor comes three times for four pages, with a picture and an error between them.
fn access_log() -> String {
    let mut lines = Vec::new();
    for visitor in 0..VISITORS {
        for view in 0..VISITS * VIEWS {
            let at = visitor + view / VIEWS * HOUR + view % VIEWS * MINUTE;
            let (hour, minute, second) = (10 + at / HOUR, at % HOUR / MINUTE, at % MINUTE);
            let line = |path: &str, status: u16| {
                format!(
                    r#"198.51.100.{visitor} - - [17/May/2015:{hour:02}:{minute:02}:{second:02} +0000] "GET {path} HTTP/1.1" {status} 512 "-" "Mozilla/5.0 (X11; Linux x86_64) Firefox/120.0""#
                )
            };
            lines.push((at, line(&format!("/page-{view}"), 200)));
            lines.push((at, line("/logo.png", 200)));
            lines.push((at, line("/gone", 404)));
        }
    }
    lines.sort();
    let lines: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
    lines.join("\n")
}

#[test]
fn an_access_log_that_is_imported_and_sent_becomes_its_visits() {
    let Some(kafka) = kafka() else { return };
    let lane = Lane::new(&kafka, "import", true);
    lane.define(&[DEPLOYMENT]);
    let log = lane.directory.join("access.txt");
    let events = lane.directory.join("events.jsonl");
    fs::write(&log, access_log()).expect("written");
    let import = Command::new(binary("footfall"))
        .args(["import", "access-log"])
        .arg(&log)
        .args(["--deployment", "old", "--origin", "https://old.example"])
        .args(["--salt", "0123456789abcdef", "--consent", "granted", "--to"])
        .arg(&events)
        .output()
        .expect("the tool runs");
    let said = String::from_utf8_lossy(&import.stderr);
    let views = VISITORS * VISITS * VIEWS;
    assert!(said.starts_with(&format!("{views} events")), "{said}");

    let _stages = STAGES.map(|name| lane.start(name, "a", &[]));
    lane.tool_ok(&["send", "--backfill", &events.display().to_string()]);
    lane.until_all_done("ingest", end_of_history());

    let visits = lane.values("journey.visits");
    let ended: Vec<&Value> = visits.iter().filter(|v| v["kind"] == "ended").collect();
    assert_eq!(ended.len() as i64, VISITORS * VISITS);
    for ended in ended {
        let visit = &ended["visit"];
        assert_eq!(visit["eventCount"], VIEWS, "{visit}");
        assert_eq!(visit["pageviewCount"], VIEWS);
        let lasted = visit["lastEventDate"]
            .as_i64()
            .zip(visit["createdDate"].as_i64());
        let lasted = lasted.map(|(last, first)| last - first);
        assert_eq!(lasted, Some((VIEWS - 1) * MINUTE * 1_000));
    }
}

/// A day after the log's last line, which `send` lets pass so that every visit ends.
fn end_of_history() -> i64 {
    let last = journey::Timestamp::parse("2015-05-17T12:03:39.000Z").expect("a date");
    last.0 + 24 * HOUR * 1_000
}
