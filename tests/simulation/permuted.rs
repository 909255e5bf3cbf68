//! Whatever order events come in within grace: the visits that end are the same to the byte, but for the id, which is that of
//! whichever event came first.

use std::collections::BTreeSet;

use footfall::{chain::Chain, shop::LoadGenerator};
use journey::{Millis, Timestamp, VisitEvent, topics, visit};
use pipeline::memory::Random;
use schemas::Avro;
use serde_json::Value;

use crate::{PARTITIONS, config, judge::decode, sets};

const EVENTS: i64 = 1_500;
const APART: Millis = Millis::from_secs(15);
const START: Timestamp = Timestamp(1_795_392_000_000);
const MINUTE: Millis = Millis::from_mins(1);

/// An event, its sender's key, and when it gets there.
struct Sent {
    json: Value,
    cookie: String,
    arrives: Timestamp,
}

/// The same events, each on its way for up to the grace, in order of arrival.
fn traffic(seed: u64) -> Vec<Sent> {
    let mut load = LoadGenerator::browsing(1, 25);
    let (mut random, mut json) = (Random(seed), Vec::new());
    let mut all: Vec<_> = (0..EVENTS)
        .map(|n| {
            let at = START + Millis(n * APART.0);
            let cookie = load.next(at, &mut json).to_owned();
            let delay = random.below(Millis::from_mins(15).0 as u64);
            let arrives = at + Millis(delay as i64);
            let mut json: Value = serde_json::from_slice(&json).expect("JSON");
            json["sentDate"] = arrives.to_string().into();
            Sent {
                json,
                cookie,
                arrives,
            }
        })
        .collect();
    all.sort_by_key(|sent| sent.arrives);
    all
}

/// Plays them, and gives the visits that ended, as bytes, without their ids.
fn ended(traffic: &[Sent]) -> BTreeSet<Vec<u8>> {
    let mut chain = Chain::new(&config(1, sets(false)));
    let mut now = START;
    chain.tick(now);
    for sent in traffic {
        while now + MINUTE <= sent.arrives {
            now = now + MINUTE;
            chain.tick(now);
            chain.settle(now).expect("nothing goes wrong");
        }
        let (key, json) = (sent.cookie.as_bytes(), sent.json.to_string());
        chain.send(
            topics::WEB_EVENTS_RAW,
            Some(key),
            json.as_bytes(),
            sent.arrives,
        );
    }
    for hour in 1..=27 {
        chain
            .finish(now + Millis::from_mins(60 * hour))
            .expect("nothing goes wrong");
    }
    let records = (0..PARTITIONS).flat_map(|p| chain.broker().records(topics::VISITS, p));
    let events = records.filter_map(|record| Some(decode::<VisitEvent>(record.value.as_deref()?)));
    let ended = events.filter(|event| event.kind == visit::kind::ENDED);
    let bytes = ended.filter_map(|event| {
        let mut visit = event.visit?;
        // What goes by the order in which the log opened and counted the visitor's visits.
        visit.id = journey::VisitId::from("");
        (visit.visit_number, visit.first_seen_date) = (None, None);
        (visit.total_event_count, visit.total_pageview_count) = (None, None);
        let mut bytes = event.customer_id.as_str().as_bytes().to_vec();
        visit.write(&mut bytes);
        Some(bytes)
    });
    bytes.collect()
}

#[test]
fn the_order_of_events_within_grace_changes_no_byte_of_a_visit_that_ended() {
    let orders = [1, 2, 3].map(traffic);
    let came = |order: &[Sent]| -> Vec<String> {
        order
            .iter()
            .map(|sent| sent.json["eventId"].to_string())
            .collect()
    };
    assert_ne!(came(&orders[0]), came(&orders[1]));
    let [first, others @ ..] = orders.map(|order| ended(&order));
    assert!(first.len() > 100, "only {} visits", first.len());
    for other in others {
        assert!(
            first == other,
            "{} visits differ",
            first.difference(&other).count()
        );
    }
}
