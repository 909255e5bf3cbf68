//! Ordinary traffic, drawn: events of three visitors, at gaps that the rules speak of, each on its way for some time, some twice.

use std::collections::BTreeMap;

use journey::{
    CustomerId, DeploymentId, EventId, Text, Timestamp, WebEvent,
    web_event::{Activity, PAGE_VIEWED, PING, Page, Policy},
};
use journey_tests::oracle;
use proptest::prelude::*;

use crate::{GRACE, TIMEOUT};

/// One event as it is drawn: how long after the visitor's last one, how long it takes to arrive, how long its duplicate takes.
#[derive(Clone, Debug)]
pub(crate) struct Draw {
    pub(crate) visitor: u8,
    pub(crate) gap: i64,
    pub(crate) delay: i64,
    pub(crate) duplicate: Option<i64>,
    pub(crate) name: &'static str,
    pub(crate) page: u8,
}

/// An event on its way: when it arrives, and what it is.
pub(crate) type Arrival = (i64, oracle::Event);

/// Gaps that are often just at, just under and just over what the rules speak of.
pub(crate) fn gap() -> impl Strategy<Value = i64> {
    prop_oneof![
        3 => prop::sample::select(vec![TIMEOUT, TIMEOUT + 1, TIMEOUT - 1]),
        2 => prop::sample::select(vec![0, 1, 45_000, 45_001, 60_000, 60_001, 2 * TIMEOUT]),
        2 => 0..60_000i64,
        3 => 0..TIMEOUT,
        1 => TIMEOUT..3 * TIMEOUT,
    ]
}

/// Other delays for the same events.
pub(crate) fn delays() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(prop_oneof![Just(0), Just(GRACE), 0..=GRACE], 40)
}

pub(crate) fn draws(delay: i64) -> impl Strategy<Value = Vec<Draw>> {
    let name = prop::sample::select(vec![PAGE_VIEWED, PAGE_VIEWED, "add_to_cart", PING]);
    let delay = prop_oneof![Just(0), Just(delay), 0..=delay];
    let duplicate = prop::option::weighted(0.2, 0..9 * 60_000i64);
    let draw = (0..3u8, gap(), delay, duplicate, name, 0..3u8).prop_map(
        |(visitor, gap, delay, duplicate, name, page)| Draw {
            visitor,
            gap,
            delay,
            duplicate,
            name,
            page,
        },
    );
    prop::collection::vec(draw, 1..40)
}

/// The drawn events in the order in which they arrive.
pub(crate) fn arrivals(draws: &[Draw]) -> Vec<Arrival> {
    let mut clocks = BTreeMap::new();
    let mut arrivals = Vec::new();
    for (number, draw) in draws.iter().enumerate() {
        let at = clocks.entry(draw.visitor).or_insert(0i64);
        *at += draw.gap;
        let event = oracle::Event {
            visitor: format!("k1.{}", draw.visitor),
            id: format!("e{}", (number * 7) % 40),
            at: *at,
            page: format!("/{}", draw.page),
            page_view: draw.name == PAGE_VIEWED,
            ping: draw.name == PING,
            timeout: TIMEOUT,
        };
        arrivals.push((*at + draw.delay, event.clone()));
        arrivals.extend(draw.duplicate.map(|more| (*at + draw.delay + more, event)));
    }
    arrivals.sort_by_key(|(arrival, _)| *arrival);
    arrivals
}

/// The record of it, by a deployment whose pings extend visits or do not.
pub(crate) fn record((received_at, event): &Arrival, pings_extend: bool) -> WebEvent {
    let name = match event {
        event if event.ping => PING,
        event if event.page_view => PAGE_VIEWED,
        _ => "add_to_cart",
    };
    let page = Page {
        url: Text::from(event.page.as_str()),
        ..Page::default()
    };
    WebEvent {
        event_id: EventId::from(event.id.as_str()),
        customer_id: CustomerId::from(event.visitor.as_str()),
        deployment_id: DeploymentId::from("shop"),
        occurred_at: Timestamp(event.at),
        received_at: Timestamp(*received_at),
        policy: Policy {
            pings_extend,
            ..Policy::default()
        },
        web_event: Some(Activity {
            event_name: Text::from(name),
            page,
            ..Activity::default()
        }),
        ..WebEvent::default()
    }
}
