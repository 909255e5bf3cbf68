//! Live time: the broker's clock moves on though nobody sends, and stands still while ingest is away.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::{
    kafka,
    lane::{Lane, WEB_RAW},
    stage::PATIENCE,
    wait_until,
};

/// A deployment whose visits end soon.
pub(crate) const DEPLOYMENT: &str = r#"{"kind": "deployment", "id": "live", "owner": "o", "purpose": "p", "contact": "c@live.example",
    "consent": {"mode": "not_needed"}, "visitTimeoutMinutes": 1, "awaySeconds": 55}"#;

const TIMEOUT: i64 = 60_000;
const GRACE: i64 = 2_000;

/// Milliseconds since 1970, by this machine's clock.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    since.as_millis() as i64
}

/// A page view that happens now, and when that is.
pub(crate) fn page_view(visitor: &str) -> (String, i64) {
    let at = now();
    let date = journey::Timestamp(at).to_string();
    let event = json!({
        "eventId": format!("{visitor}-{at}"), "deploymentId": "live", "customerCookieId": visitor,
        "eventName": "page_viewed", "page": {"url": format!("https://live.example/{visitor}")},
        "createdDate": date, "sentDate": date,
    });
    (event.to_string(), at)
}

/// Sends a page view that happens now; when that is.
pub(crate) fn view(lane: &Lane, visitor: &str) -> i64 {
    let (event, at) = page_view(visitor);
    let mut producer = lane.producer();
    producer.send(WEB_RAW, Some(visitor), event.as_bytes(), None);
    producer.flush();
    at
}

/// Every ended visit: its entry page, itself, and when its record was appended.
fn ended(lane: &Lane) -> Vec<(String, Value, i64)> {
    let records = lane.records("journey.visits");
    let decoded = records
        .iter()
        .map(|record| (lane.auditor.decode(record), record.timestamp));
    let ended = decoded.filter(|(value, _)| value["kind"] == "ended");
    ended
        .map(|(value, appended)| {
            let page = value["visit"]["firstPage"]["pathname"]
                .as_str()
                .expect("a page")
                .to_owned();
            (page, value["visit"].clone(), appended)
        })
        .collect()
}

/// When a visit's last event happened by the log's clock, which is soon after it was sent.
fn last_event(visit: &Value, sent: i64) -> i64 {
    let last = visit["lastEventDate"].as_i64().expect("a time");
    assert!(
        (sent..sent + 5_000).contains(&last),
        "sent {sent}, last {last}"
    );
    last
}

fn until(clock: Instant, second: u64) {
    let due = Duration::from_secs(second);
    std::thread::sleep(due.saturating_sub(clock.elapsed()));
}

#[test]
fn a_silent_visit_ends_by_itself_and_none_ends_early_while_ingest_is_away() {
    let Some(kafka) = kafka() else { return };
    let lane = Lane::new(&kafka, "live", false);
    lane.define(&[DEPLOYMENT]);
    let mut sessionizer = lane.start("sessionizer", "a", &[]);
    let mut ingest = lane.start("ingest", "a", &["--grace", "2s"]);
    ingest.until_ready();
    sessionizer.until_ready();

    let clock = Instant::now();
    let silent = view(&lane, "silent");
    until(clock, 20);
    let gone = view(&lane, "gone");
    let back = view(&lane, "back");
    let (_, visit, appended) = wait_until(
        "the silent visit to end",
        PATIENCE + Duration::from_secs(60),
        || {
            ended(&lane)
                .into_iter()
                .find(|(page, ..)| page == "/silent")
        },
    );
    let last = last_event(&visit, silent);
    assert_eq!(visit["endedDate"], last + TIMEOUT);
    let after = appended - (last + TIMEOUT + GRACE);
    println!("the silent visit's end came {after} ms after its deadline and grace");
    assert!(after > 0, "it ended {} ms too early", -after);
    assert_eq!(ended(&lane).len(), 1, "nothing else ends");

    // The deadlines of the others pass while ingest is away; one of them comes back in that time.
    until(clock, 65);
    ingest.stop();
    let away = now();
    until(clock, 74);
    let returned = view(&lane, "back");
    assert!(
        returned - back < TIMEOUT,
        "this machine is too slow for this test"
    );
    std::thread::sleep(
        Duration::from_secs(20).saturating_sub(Duration::from_millis((now() - away) as u64)),
    );
    assert!(
        now() > gone + TIMEOUT + GRACE,
        "the deadline passed while ingest was away"
    );
    assert_eq!(ended(&lane).len(), 1, "nothing ends while ingest is away");

    let _ingest = lane.start("ingest", "a", &["--grace", "2s"]);
    let all = wait_until("the other visits to end", PATIENCE * 2, || {
        let ended = ended(&lane);
        (ended.len() >= 3).then_some(ended)
    });
    let of = |page: &str| {
        &all.iter()
            .find(|(other, ..)| other == page)
            .expect("ended")
            .1
    };
    let last = last_event(of("/gone"), gone);
    assert_eq!(of("/gone")["endedDate"], last + TIMEOUT);
    last_event(of("/back"), returned);
    assert_eq!(of("/back")["eventCount"], 2);
    assert_eq!(all.len(), 3);
}
