//! The engine by its reports.

use serde_json::Value;

use super::*;

fn seen(id: usize, status: &str) -> OfferSeen {
    OfferSeen {
        offer_id: Text::from(format!("offer-{id}")),
        session_id: "visit".into(),
        customer_id: "k1.abc".into(),
        deployment_id: "shop".into(),
        expires_date: Timestamp(1_800_000),
        status: status.into(),
        conversation: true,
    }
}

fn reports(offers: impl Iterator<Item = usize>) -> Vec<Sent> {
    let mut engine = ChatEngine::new(ChatConfig::plausible(1));
    for id in offers {
        engine.offer(Timestamp(0), &seen(id, "offered"));
    }
    let sent = engine.due(Timestamp::MAX);
    assert_eq!(engine.next_due(), None);
    sent
}

fn states(sent: &[Sent]) -> BTreeMap<String, usize> {
    let mut ids = BTreeSet::new();
    let mut states = BTreeMap::new();
    for report in sent {
        let json: Value = serde_json::from_str(&report.json).expect("JSON");
        assert_eq!(
            json["actionState"] == "completed",
            json["handleTimeSeconds"].is_i64()
        );
        assert!(json["createdDate"].as_str() <= json["sentDate"].as_str());
        if ids.insert(json["eventId"].to_string()) {
            *states
                .entry(json["actionState"].as_str().expect("text").to_owned())
                .or_default() += 1;
        }
    }
    assert!(ids.len() < sent.len(), "some are sent twice");
    states
}

#[test]
fn what_becomes_of_an_offer_does_not_depend_on_the_order_of_offers() {
    assert!(reports(0..500) == reports((0..500).rev()));
}

#[test]
fn an_offer_that_is_seen_twice_is_answered_once() {
    assert!(reports(0..50) == reports((0..50).chain(0..50)));
}

#[test]
fn offers_meet_all_fates_in_about_the_shares_configured() {
    let states = states(&reports(0..10_000));
    for state in [
        "offered", "accepted", "rejected", "timedout", "ignored", "errored", "started", "engaged",
    ] {
        assert!(
            states.get(state).is_some_and(|count| *count > 50),
            "{state}: {states:?}"
        );
    }
    assert_eq!(states["offered"], 10_000);
    assert!((2000..2400).contains(&states["accepted"]), "{states:?}");
    assert!(
        states["started"] > states["accepted"],
        "some acceptances are never reported: {states:?}"
    );
    assert!(
        states["engaged"] + states["abandoned"] == states["started"],
        "{states:?}"
    );
    assert!(
        states["completed"] < states["engaged"],
        "some ends are never reported: {states:?}"
    );
}

#[test]
fn reports_come_in_order_of_sending_and_not_before_they_are_due() {
    let mut engine = ChatEngine::new(ChatConfig::plausible(2));
    (0..200).for_each(|id| engine.offer(Timestamp(0), &seen(id, "offered")));
    let mut last = Timestamp(0);
    while let Some(next) = engine.next_due() {
        assert!(next >= last && engine.due(next - Millis(1)).is_empty());
        assert!(engine.due(next).iter().all(|sent| sent.send_at == next));
        last = next;
    }
}

#[test]
fn a_withdrawal_takes_back_what_is_not_answered() {
    let mut engine = ChatEngine::new(ChatConfig::plausible(3));
    (0..500).for_each(|id| engine.offer(Timestamp(0), &seen(id, "offered")));
    let shown = engine.due(Timestamp(1_000)).len();
    (0..500).for_each(|id| engine.offer(Timestamp(1_000), &seen(id, "withdrawn")));
    let after = states(&engine.due(Timestamp::MAX));
    assert!(shown > 400);
    assert!(
        after.get("rejected").is_none_or(|count| *count < 20),
        "only what was answered by then: {after:?}"
    );
}

#[test]
fn an_expired_offer_is_not_shown() {
    let mut engine = ChatEngine::new(ChatConfig::plausible(3));
    engine.offer(Timestamp(1_800_000), &seen(1, "offered"));
    assert_eq!(engine.next_due(), None);
}
