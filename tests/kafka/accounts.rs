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

#[test]
fn a_flood_costs_no_other_deployment_an_event_and_the_accounts_add_up_through_a_crash() {
    let Some(kafka) = kafka() else { return };
    let lane = Lane::new(&kafka, "accounts", true);
    lane.define(&[FLOODING, CALM]);
    let mut first = lane.start("ingest", "a", &["--batch-records", "50"]);
    let mut loader = lane.producer();
    for i in 0..FLOOD {
        if i == FLOOD / 2 {
            loader.flush();
            wait_until("the first events", PATIENCE, || {
                let arrived = lane.records("web.events").into_iter();
                (arrived.filter(|record| record.value.is_some()).count() > 100).then_some(())
            });
            first.kill();
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
    let end = AT + 5 * 60_000;
    loader.tick(&RAW, end);
    loader.flush();
    let _second = lane.start("ingest", "a", &[]);
    lane.until_done("ingest", Some("web.events"), end);

    let (from, until) = (
        journey::Timestamp(AT).to_string(),
        journey::Timestamp(end - 60_000).to_string(),
    );
    let window = [
        "completeness",
        "--since",
        &from,
        "--until",
        &until,
        "--output",
        "json",
    ];
    let balance: Value = serde_json::from_str(&lane.tool_ok(&window)).expect("JSON");
    let calm = FLOOD / EVERY;
    let strangers = FLOOD / 1000;
    assert_eq!(balance["cameIn"], FLOOD + calm + strangers);
    let sum = |deployment: &str, what: &str| -> i64 {
        let rows = balance["accounts"].as_array().expect("rows").iter();
        let rows = rows.filter(|row| row["deploymentId"] == deployment);
        rows.filter_map(|row| row["counts"].pointer(what)?.as_i64())
            .sum()
    };
    assert_eq!(sum("calm", "/forwarded"), calm);
    assert_eq!(sum("calm", "/in"), calm);
    let (forwarded, refused) = (
        sum("flooding", "/forwarded"),
        sum("flooding", "/suppressed/quota_deployment"),
    );
    assert_eq!(forwarded + refused, FLOOD);
    assert!(forwarded < FLOOD && refused > 0, "{balance}");
    assert_eq!(sum("", "/deadLettered/unknown_deployment"), strangers);
    let arrived = lane
        .records("web.events")
        .into_iter()
        .filter(|record| record.value.is_some());
    assert_eq!(arrived.count() as i64, calm + forwarded);

    let list: Value = serde_json::from_str(&lane.tool_ok(&[
        "deployments",
        "list",
        "--since",
        &from,
        "--output",
        "json",
    ]))
    .expect("JSON");
    assert_eq!(
        (&list[0]["id"], &list[0]["events"]),
        (&json!("calm"), &json!(calm))
    );
    let unknown = lane.tool(&["deployments", "unknown", "--output", "json"]);
    assert_eq!(unknown.status.code(), Some(1));
    let unknown: Value = serde_json::from_slice(&unknown.stdout).expect("JSON");
    assert_eq!(
        (
            &unknown[0]["deploymentId"],
            &unknown[0]["host"],
            &unknown[0]["count"]
        ),
        (
            &json!("d-91ac"),
            &json!("d-91ac.example"),
            &json!(strangers)
        )
    );
}
