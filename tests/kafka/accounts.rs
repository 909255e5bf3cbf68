//! One deployment floods: another's events all arrive, and the accounts add up though ingest dies in between.

use serde_json::{Value, json};

use crate::{
    kafka,
    lane::{Lane, RAW, WEB_RAW},
    stage::PATIENCE,
    wait_until,
};

const AT: i64 = 1_795_434_000_000;
const FLOOD: i64 = 8_000;
const EVERY: i64 = 40;

const FLOODING: &str = r#"{"kind": "deployment", "id": "flooding", "owner": "o", "purpose": "p", "contact": "c@flooding.example",
    "consent": {"mode": "not_needed"}, "eventsPerSecond": 40, "eventBurst": 400}"#;
const CALM: &str = r#"{"kind": "deployment", "id": "calm", "owner": "o", "purpose": "p", "contact": "c@calm.example",
    "consent": {"mode": "not_needed"}}"#;

fn event(deployment: &str, number: i64) -> Vec<u8> {
    let date = journey::Timestamp(AT).to_string();
    json!({
        "eventId": format!("{deployment}-{number}"), "deploymentId": deployment,
        "customerCookieId": format!("visitor-{}", number % 50), "eventName": "page_viewed",
        "page": {"url": format!("https://{deployment}.example/")}, "createdDate": date, "sentDate": date,
    })
    .to_string()
    .into_bytes()
}

/// Events of the calm deployment, one to so many of the flood, and of one that nobody defined.
const CALMS: i64 = FLOOD / EVERY;
const STRANGERS: i64 = FLOOD / 1000;

/// Sends the flood and the others' events, and in the middle of it kills an ingest that has passed some of it on.
fn flood(lane: &Lane, end: i64) {
    let mut ingest = lane.start("ingest", "a", &["--batch-records", "50"]);
    let mut loader = lane.producer();
    for i in 0..FLOOD {
        if i == FLOOD / 2 {
            loader.flush();
            wait_until("the first events", PATIENCE, || {
                let arrived = lane.records("web.events").into_iter();
                (arrived.filter(|record| record.value.is_some()).count() > 100).then_some(())
            });
            ingest.kill();
        }
        let at = Some(AT + i * 10);
        let key = i.to_string();
        loader.send(WEB_RAW, Some(&key), &event("flooding", i), at);
        if i % EVERY == 0 {
            loader.send(WEB_RAW, Some(&key), &event("calm", i), at);
        }
        if i % 1000 == 0 {
            loader.send(WEB_RAW, Some(&key), &event("d-91ac", i), at);
        }
    }
    loader.tick(&RAW, end);
    loader.flush();
}

/// What the tool answers, as JSON, with this exit code.
fn ask(lane: &Lane, args: &[&str], code: i32) -> Value {
    let answer = lane.tool(&[args, &["--output", "json"]].concat());
    assert_eq!(answer.status.code(), Some(code), "{args:?}");
    serde_json::from_slice(&answer.stdout).expect("JSON")
}

/// What came in is what was sent, and each deployment's share is accounted for; how much of the flood was passed on.
fn assert_adds_up(balance: &Value) -> i64 {
    assert_eq!(balance["cameIn"], FLOOD + CALMS + STRANGERS);
    let sum = |deployment: &str, what: &str| -> i64 {
        let rows = balance["accounts"].as_array().expect("rows").iter();
        let rows = rows.filter(|row| row["deploymentId"] == deployment);
        rows.filter_map(|row| row["counts"].pointer(what)?.as_i64())
            .sum()
    };
    assert_eq!(sum("calm", "/forwarded"), CALMS);
    assert_eq!(sum("calm", "/in"), CALMS);
    let forwarded = sum("flooding", "/forwarded");
    let refused = sum("flooding", "/suppressed/quota_deployment");
    assert_eq!(forwarded + refused, FLOOD);
    assert!(forwarded < FLOOD && refused > 0, "{balance}");
    assert_eq!(sum("", "/deadLettered/unknown_deployment"), STRANGERS);
    forwarded
}

#[test]
fn a_flood_costs_no_other_deployment_an_event_and_the_accounts_add_up_through_a_crash() {
    let Some(kafka) = kafka() else { return };
    let lane = Lane::new(&kafka, "accounts", true);
    lane.define(&[FLOODING, CALM]);
    let end = AT + 5 * 60_000;
    flood(&lane, end);
    let _second = lane.start("ingest", "a", &[]);
    lane.until_done("ingest", Some("web.events"), end);

    let from = journey::Timestamp(AT).to_string();
    let until = journey::Timestamp(end - 60_000).to_string();
    let window = ["completeness", "--since", &from, "--until", &until];
    let forwarded = assert_adds_up(&ask(&lane, &window, 0));
    let arrived = lane.records("web.events").into_iter();
    let arrived = arrived.filter(|record| record.value.is_some()).count();
    assert_eq!(arrived as i64, CALMS + forwarded);

    let listed = ask(&lane, &["deployments", "list", "--since", &from], 0);
    let first = (&listed[0]["id"], &listed[0]["events"]);
    assert_eq!(first, (&json!("calm"), &json!(CALMS)));
    let unknown = ask(&lane, &["deployments", "unknown"], 1);
    let stranger = ["deploymentId", "host", "count"].map(|member| &unknown[0][member]);
    let expected = [json!("d-91ac"), json!("d-91ac.example"), json!(STRANGERS)];
    assert_eq!(stranger, expected.each_ref());
    let of_strangers = ["--reason", "unknown_deployment", "--yes"];
    ask(
        &lane,
        &[&["dead-letters", "drop"][..], &of_strangers].concat(),
        0,
    );
    assert_eq!(ask(&lane, &["deployments", "unknown"], 0), json!([]));
}
