//! The whole chain at its smallest.

use serde_json::{Value, json};

use crate::{
    kafka,
    lane::{ENGAGEMENT_RAW, Lane, RAW, WEB_RAW},
    loader::Loader,
    stage::STAGES,
};

pub(crate) const START: i64 = 1_795_434_000_000;

pub(crate) fn view(visitor: &str, id: &str, path: &str, at: i64) -> String {
    let date = iso(at);
    json!({
        "eventId": id, "deploymentId": "shop", "customerCookieId": visitor, "eventName": "page_viewed",
        "page": {"url": format!("https://shop.example{path}"), "title": "T"}, "createdDate": date, "sentDate": date,
        "consent": {"state": "granted", "purposes": ["visits", "personalisation", "staffing", "contact"], "source": "test"},
    })
    .to_string()
}

fn iso(at: i64) -> String {
    journey::Timestamp(at).to_string()
}

/// A visitor who lingers on pricing, and a report on an offer that nobody knows; then a day and more of silence.
pub(crate) fn linger(loader: &mut Loader) {
    for (id, path, second) in [("e1", "/", 0), ("e2", "/pricing", 10), ("e3", "/cart", 400)] {
        let at = START + second * 1000;
        loader.send(
            WEB_RAW,
            Some("v1"),
            view("v1", id, path, at).as_bytes(),
            Some(at),
        );
        loader.tick(&RAW, at + 1);
    }
    let report = json!({
        "eventId": "r1", "offerId": "nobody-knows", "customerCookieId": "v1", "deploymentId": "shop",
        "actionState": "accepted", "createdDate": iso(START + 401_000), "sentDate": iso(START + 401_000),
    });
    loader.send(
        ENGAGEMENT_RAW,
        Some("v1"),
        report.to_string().as_bytes(),
        Some(START + 401_000),
    );
    for hour in 1..=26 {
        loader.tick(&RAW, START + hour * 3_600_000);
    }
    loader.flush();
}

#[test]
fn a_visitor_who_lingers_on_pricing_gets_an_offer_and_is_counted() {
    let Some(kafka) = kafka() else { return };
    let lane = Lane::new(&kafka, "smoke", true);
    lane.define_demo();
    let _stages: Vec<_> = STAGES
        .map(|name| lane.start(name, "a", &["--workers", "2"]))
        .into();
    let mut loader = lane.producer();
    linger(&mut loader);
    lane.until_all_done("ingest", loader.now());

    let visits = lane.values("journey.visits");
    let ended: Vec<&Value> = visits
        .iter()
        .filter(|visit| visit["kind"] == "ended")
        .collect();
    assert_eq!(ended.len(), 1, "{visits:#?}");
    assert_eq!(ended[0]["visit"]["eventCount"], 3);
    let offers = lane.values("journey.offers");
    let offered: Vec<&Value> = offers
        .iter()
        .filter(|offer| offer["status"] == "offered")
        .collect();
    assert_eq!(offered.len(), 1, "{offers:#?}");
    assert_eq!(offered[0]["trigger"]["kind"], "dwell");
    assert_eq!(offered[0]["createdDate"], START + 310_000);
    let events = lane.values("journey.events");
    for kind in [
        "WebEvent",
        "SessionEvent",
        "SegmentAssignmentEvent",
        "WebActionEvent",
    ] {
        assert!(
            events.iter().any(|event| event["eventType"] == kind),
            "{kind}"
        );
    }
    let staffing = lane.values("journey.staffing");
    let last = staffing.iter().rfind(|interval| {
        interval["routePathId"] == "sales-chat-en" && interval["actual"]["qualified"] == 1
    });
    assert_eq!(
        last.expect("an interval")["status"],
        "final",
        "{staffing:#?}"
    );
}
