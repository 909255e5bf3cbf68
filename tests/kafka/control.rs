//! Erasure and withdrawal of consent, through all four stages: visits that are open end, offers that are open are taken back,
//! states and personal data are gone, and what the visitor does afterwards begins anew, as consent allows.

use serde_json::{Value, json};

use crate::{
    auditor::{Isolation, Record},
    kafka,
    lane::{Lane, RAW, WEB_RAW},
    loader::Loader,
    stage::{PATIENCE, STAGES},
    truth::customer_id,
    wait_until,
};

const START: i64 = 1_795_434_000_000;
const SECOND: i64 = 1_000;

/// Where the stages remember a visitor.
const MEMORIES: [&str; 2] = [
    "web.events.sessionizer.changelog",
    "journey.visits.segmenter.changelog",
];

/// What a visitor sends.
struct Says<'a> {
    loader: &'a mut Loader,
}

impl Says<'_> {
    fn event(&mut self, visitor: &str, name: &str, path: &str, consent: &str, second: i64) {
        let at = START + second * SECOND;
        let date = journey::Timestamp(at).to_string();
        let purposes: &[&str] = match consent {
            "granted" => &["visits", "personalisation", "staffing", "contact"],
            _ => &[],
        };
        let event = json!({
            "eventId": format!("{visitor}-{second}"), "deploymentId": "shop", "customerCookieId": visitor, "eventName": name,
            "page": {"url": format!("https://shop.example{path}"), "title": "T"}, "createdDate": date, "sentDate": date,
            "attributes": {"customerEmail": {"value": format!("{visitor}@mail.example"), "dataType": "string"}},
            "consent": {"state": consent, "purposes": purposes, "source": "test"},
        });
        let event = event.to_string();
        self.loader
            .send(WEB_RAW, Some(visitor), event.as_bytes(), Some(at));
    }
}

/// The last value that a compacted topic holds of each key that speaks of a visitor.
fn remembered(records: &[Record], visitor: &str) -> Vec<bool> {
    let speaks = |record: &&Record| {
        let key = record.key.as_deref().unwrap_or_default();
        key.windows(visitor.len())
            .any(|part| part == visitor.as_bytes())
    };
    let mut last = std::collections::BTreeMap::new();
    for record in records.iter().filter(speaks) {
        last.insert(record.key.clone(), record.value.is_some());
    }
    last.into_values().collect()
}

fn of<'a>(values: &'a [Value], visitor: &str) -> Vec<&'a Value> {
    let about = values.iter().filter(|value| {
        value["customerId"] == visitor || value["journeyContext"]["customer"]["id"] == visitor
    });
    about.collect()
}

/// Lets data time go on, by more than lies between two marks, until these memories hold these visitors, or hold them no more:
/// a state that has aged is captured with a later commit.
fn until_remembered(
    lane: &Lane,
    loader: &mut Loader,
    memories: &[&str],
    visitors: &[&str],
    are_there: bool,
) {
    wait_until("what the changelogs hold of visitors", PATIENCE, || {
        loader.tick(&RAW, loader.now() + SECOND / 4);
        loader.flush();
        let as_wanted = memories.iter().all(|topic| {
            let records = lane.auditor.read(&lane.topic(topic), Isolation::Committed);
            visitors.iter().all(|visitor| {
                let remembered = remembered(&records, visitor);
                !remembered.is_empty() && remembered.iter().all(|is_there| *is_there == are_there)
            })
        });
        as_wanted.then_some(())
    });
}

#[test]
fn who_is_erased_or_takes_consent_back_is_gone_from_every_stage() {
    let Some(kafka) = kafka() else { return };
    let lane = Lane::new(&kafka, "control", true);
    lane.define_demo();
    let _stages: Vec<_> = STAGES.map(|name| lane.start(name, "a", &[])).into();
    let mut loader = lane.producer();
    let (erased, withdrawn, stays) = ("erased", "withdrawn", "stays");
    let [erased_id, withdrawn_id, stays_id] =
        [erased, withdrawn, stays].map(|cookie| customer_id("shop", cookie));
    let mut says = Says {
        loader: &mut loader,
    };
    for visitor in [erased, withdrawn, stays] {
        says.event(visitor, "page_viewed", "/", "granted", 0);
        says.event(visitor, "page_viewed", "/pricing", "granted", 10);
    }
    // Five minutes on the pricing page: each has an open offer.
    loader.tick(&RAW, START + 320 * SECOND);
    let gone = [&*erased_id, &*withdrawn_id];
    until_remembered(&lane, &mut loader, &MEMORIES, &gone, true);
    let mut says = Says {
        loader: &mut loader,
    };
    says.event(erased, "footfall_erase", "/pricing", "granted", 330);
    says.event(withdrawn, "consent_withdrawn", "/pricing", "withdrawn", 330);
    loader.tick(&RAW, START + 331 * SECOND);
    // The sessionizer remembers for two hours up to when their events are forgotten, and nothing else.
    until_remembered(&lane, &mut loader, &MEMORIES[1..], &gone, false);
    let records = lane
        .auditor
        .read(&lane.topic(MEMORIES[0]), Isolation::Committed);
    assert!(
        remembered(&records, &stays_id).contains(&true),
        "who stays is remembered"
    );

    let mut says = Says {
        loader: &mut loader,
    };
    says.event(erased, "page_viewed", "/cart", "granted", 400);
    says.event(withdrawn, "page_viewed", "/cart", "denied", 401);
    says.event(stays, "page_viewed", "/cart", "granted", 402);
    for hour in 1..=26 {
        loader.tick(&RAW, START + hour * 3_600 * SECOND);
    }
    loader.flush();
    lane.until_all_done("ingest", loader.now());
    until_remembered(&lane, &mut loader, &MEMORIES, &gone[1..], false);

    let ids = [&*erased_id, &*withdrawn_id, &*stays_id];
    assert_ended_with_their_reason(&lane, ids);
    assert_offers_withdrawn(&lane, ids);
    assert_traits_taken_away(&lane, ids);
}

/// Visits end by what was asked for, and who was erased comes back as somebody new.
fn assert_ended_with_their_reason(lane: &Lane, [erased, withdrawn, stays]: [&str; 3]) {
    let visits = lane.values("journey.visits");
    let ended = |visitor: &str| -> Vec<(String, i64)> {
        let ended = of(&visits, visitor)
            .into_iter()
            .filter(|v| v["kind"] == "ended");
        let told = |v: &Value| {
            let reason = v["reason"].as_str().expect("a reason").to_owned();
            (reason, v["visit"]["eventCount"].as_i64().expect("a count"))
        };
        ended.map(told).collect()
    };
    let told = |reason: &str, count| (reason.to_owned(), count);
    assert_eq!(ended(erased), [told("erased", 2), told("timeout", 1)]);
    assert_eq!(ended(withdrawn), [told("consent_withdrawn", 2)]);
    assert_eq!(ended(stays), [told("timeout", 3)]);
}

fn assert_offers_withdrawn(lane: &Lane, [erased, withdrawn, stays]: [&str; 3]) {
    let offers = lane.values("journey.offers");
    let became = |visitor: &str| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let of = of(&offers, visitor).into_iter();
        of.map(|offer| (text(&offer["status"]), text(&offer["withdrawReason"])))
            .collect()
    };
    let pair = |status: &str, reason: &str| (status.to_owned(), reason.to_owned());
    for (visitor, reason) in [(erased, "erased"), (withdrawn, "consent_withdrawn")] {
        let expected = [pair("offered", ""), pair("withdrawn", reason)];
        assert_eq!(became(visitor), expected);
    }
    assert_eq!(became(stays)[0], pair("offered", ""));
}

fn assert_traits_taken_away(lane: &Lane, [erased, withdrawn, stays]: [&str; 3]) {
    let topic = lane.topic("journey.visitors");
    let traits = lane.auditor.read(&topic, Isolation::Committed);
    assert_eq!(remembered(&traits, stays), [true]);
    assert_eq!(remembered(&traits, withdrawn), [false]);
    // What was erased is what was known then: the visitor has come back and said it again.
    let of_erased = traits.iter().filter(|record| {
        let key = String::from_utf8_lossy(record.key.as_deref().unwrap_or_default());
        key.starts_with(erased)
    });
    let there: Vec<bool> = of_erased.map(|record| record.value.is_some()).collect();
    assert_eq!(there, [true, true, false, true]);
}
