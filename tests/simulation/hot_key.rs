//! One visitor sends a third of everything: its visit is capped, what is remembered of it stays small, and the others' visits
//! are what they are without it.

use std::{collections::BTreeSet, sync::Arc};

use footfall::{
    chain::{Chain, ChainConfig, Part},
    shop::LoadGenerator,
};
use ingest::VisitorKeys;
use journey::{
    Millis, Timestamp, VisitEvent,
    definitions::{Definition, DefinitionSet},
    topics, visit,
};
use journey_tests::oracle::{self, Event};
use serde_json::Value;

use crate::{
    PARTITIONS, config, definitions,
    judge::{as_the_oracle_says, decode},
};

const EVENTS: i64 = 6_000;
/// Ten hours of them: on average nobody else is silent for less than the timeout, nor always for more.
const APART: Millis = Millis::from_secs(6);
const START: Timestamp = Timestamp(1_795_392_000_000);
/// A visit's most events here, so that a short run comes to it.
const MOST: i64 = 500;

/// The demo's definitions, with a lower cap.
fn capping() -> Arc<[Arc<DefinitionSet>]> {
    let mut all = definitions();
    for definition in &mut all {
        if let Definition::Deployment(deployment) = definition {
            deployment.max_visit_events = MOST;
        }
    }
    [Arc::new(DefinitionSet::first(all))].into()
}

fn visitor(cookie: &str) -> String {
    let id = VisitorKeys::development().customer_id("shop", cookie);
    id.to_string()
}

/// Sends everything, and lets it end. What a batch sessionization is told, and who the hot visitor is.
fn play(chain: &mut Chain) -> (Vec<Event>, String) {
    let mut load = LoadGenerator::new(1, 300).with_hot_key(0.3);
    let (mut events, mut json) = (Vec::new(), Vec::new());
    let at = |n: i64| START + Millis(n * APART.0);
    for n in 0..EVENTS {
        let cookie = load.next(at(n), &mut json).to_owned();
        events.push(told(&json, &cookie, at(n)));
        chain.send(
            topics::WEB_EVENTS_RAW,
            Some(cookie.as_bytes()),
            &json,
            at(n),
        );
        if n % 50 == 49 {
            chain.tick(at(n));
            chain.settle(at(n)).expect("no fault but simulated ones");
        }
    }
    for hour in 1..=27 {
        let at = at(EVENTS) + Millis::from_mins(60 * hour);
        chain.finish(at).expect("no fault but simulated ones");
    }
    (events, visitor(&load.hot_cookie()))
}

fn told(json: &[u8], cookie: &str, at: Timestamp) -> Event {
    let event: Value = serde_json::from_slice(json).expect("JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let url = text(&event["page"]["url"]);
    let after_host = url.splitn(4, '/').nth(3).unwrap_or_default();
    let path = after_host.split(['?', '#']).next().unwrap_or_default();
    let name = text(&event["eventName"]);
    Event {
        visitor: visitor(cookie),
        id: text(&event["eventId"]),
        at: at.0,
        page: format!("/{path}"),
        page_view: name == "page_viewed",
        ping: name == "ping",
        timeout: Millis::from_mins(20).0,
    }
}

/// The largest value that a topic holds of a visitor.
fn largest(chain: &Chain, topic: &str, visitor: &str) -> usize {
    let records = (0..PARTITIONS).flat_map(|p| chain.broker().records(topic, p));
    let of_visitor = records.filter(|record| {
        let key = record.key.as_deref().unwrap_or_default();
        key.windows(visitor.len())
            .any(|part| part == visitor.as_bytes())
    });
    let sizes = of_visitor.map(|record| record.value.as_ref().map_or(0, Vec::len));
    sizes.max().expect("something is remembered")
}

#[test]
fn a_hot_key_is_capped_and_its_neighbours_never_notice() {
    let mut chain = Chain::new(&ChainConfig {
        batch: 500,
        ..config(1, capping())
    });
    let (events, hot) = play(&mut chain);
    let of_hot = events.iter().filter(|event| event.visitor == hot).count() as i64;
    assert!(of_hot > 3 * MOST, "{of_hot} events are no hot key");

    let records = (0..PARTITIONS).flat_map(|p| chain.broker().records(topics::VISITS, p));
    let visits = records.filter_map(|record| Some(decode::<VisitEvent>(record.value.as_deref()?)));
    let visits: Vec<_> = visits
        .filter(|event| event.customer_id.as_str() == hot)
        .collect();
    let ended = visits
        .iter()
        .filter(|event| event.kind == visit::kind::ENDED);
    let ended: Vec<_> = ended.map(|event| event.reason.as_deref()).collect();
    assert_eq!(
        ended,
        [Some(visit::end_reason::MAX_EVENTS)],
        "and the rest of the day is a stub's"
    );
    let activities = visits
        .iter()
        .filter(|event| event.kind == visit::kind::ACTIVITY);
    assert_eq!(
        activities.count() as i64,
        MOST,
        "nothing is passed on beyond the cap"
    );
    let suppressed = chain.metrics()[1]
        .lines()
        .any(|line| line.contains("capped") && line.ends_with(&format!(" {}", of_hot - MOST)));
    assert!(
        suppressed,
        "what is suppressed is counted: {}",
        chain.metrics()[1]
    );

    for (topic, bound) in [
        (
            topics::changelog(topics::WEB_EVENTS, "sessionizer"),
            16 << 10,
        ),
        (topics::changelog(topics::VISITS, "segmenter"), 16 << 10),
    ] {
        let size = largest(&chain, &topic, &hot);
        println!("{topic}: {size} bytes at the most");
        assert!(
            size < bound,
            "{topic}: {size} bytes are remembered of one visitor"
        );
    }
    let oracle = oracle::sessionize(&events);
    as_the_oracle_says(chain.broker(), &oracle, |visitor| visitor != hot);
    let visitors: BTreeSet<_> = events.iter().map(|event| &event.visitor).collect();
    assert_eq!(
        chain.state_count_of(Part::Sessionizer),
        visitors.len(),
        "a lifetime of each visitor"
    );
}
