use journey::{
    CustomerId, DeploymentId, EventId, Millis, TaskTime, WebEvent,
    web_event::{
        Activity, Browser, Control, MktCampaign, PAGE_VIEWED, Page, Referrer, control_action,
    },
};
use proptest::prelude::*;

use pipeline::Processor as _;

use super::*;
use crate::{Sessionizer, event::Event};

fn text() -> impl Strategy<Value = Text> {
    prop::sample::select(vec![
        "",
        "a",
        "shop.example",
        "/pricing/plans",
        "äö",
        "https",
    ])
    .prop_map(Text::from)
}

fn page() -> impl Strategy<Value = Page> {
    let texts = prop::collection::vec(text(), 7);
    (
        texts,
        prop::option::of(text()),
        prop::option::of(text()),
        prop::collection::vec(text(), 0..3),
    )
        .prop_map(|(texts, query_string, fragment, breadcrumb)| Page {
            url: Text::from(format!("https://{}{}", texts[0], texts[1])),
            title: Some(texts[2].clone()),
            domain: texts[3].clone(),
            hostname: texts[4].clone(),
            pathname: texts[5].clone(),
            keywords: Some(texts[6].clone()),
            lang: None,
            query_string,
            fragment,
            breadcrumb,
        })
}

/// Events of one visitor, with all that a visit keeps, an hour wide and in any order.
fn events() -> impl Strategy<Value = Vec<WebEvent>> {
    let event = (
        0..3_600_000i64,
        page(),
        prop::option::of(text()),
        prop::option::of(text()),
        any::<[bool; 4]>(),
    );
    let event = event.prop_map(|(at, page, term, campaign, flags)| WebEvent {
        event_id: EventId::from(format!("e{at}")),
        customer_id: CustomerId::from("k1.visitor"),
        deployment_id: DeploymentId::from("shop"),
        occurred_at: Timestamp(at),
        received_at: Timestamp(at),
        bot: flags[0],
        authenticated: flags[1],
        page_class: Text::from(if flags[2] { "no_offer" } else { "none" }),
        reply_to: term.clone(),
        policy: journey::web_event::Policy {
            visit_timeout: Millis::from_mins(2),
            ..Default::default()
        },
        web_event: Some(Activity {
            event_name: Text::from(match (flags[3], at % 3) {
                (false, _) => journey::web_event::PING,
                (true, 0) => "form_submitted",
                (true, 1) => "form_abandoned",
                (true, _) => PAGE_VIEWED,
            }),
            page,
            browser: campaign.clone().map(|family| Browser {
                family,
                ..Browser::default()
            }),
            referrer: term.clone().map(|url| Referrer {
                url,
                ..Referrer::default()
            }),
            mkt_campaign: campaign.map(|name| MktCampaign {
                name: Some(name),
                ..MktCampaign::default()
            }),
            form_name: term.clone(),
            search_query: term,
            ..Activity::default()
        }),
        ..WebEvent::default()
    });
    prop::collection::vec(event, 1..20)
}

/// The visitor takes back what consent is for, some of it.
fn withdraw(mut visitor: Visitor, at: i64, purposes: Vec<Text>) -> Visitor {
    let asked = Control {
        action: control_action::CONSENT_WITHDRAWN.into(),
        purposes,
    };
    visitor.narrow_consent(&TaskTime::UNKNOWN, &asked, Timestamp(at));
    visitor
}

fn visitor(events: Vec<WebEvent>) -> Visitor {
    let mut visitor = Visitor::default();
    for event in events {
        let key = event.customer_id.clone();
        visitor.take(
            &TaskTime::UNKNOWN,
            &key,
            Event::from(&event),
            &mut Vec::new(),
        );
    }
    visitor
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_state_reads_back_as_written(
        events in events(), withdrawn in prop::option::of((0..3_600_000i64, prop::collection::vec(text(), 1..99))),
    ) {
        let visitor = visitor(events);
        let visitor = withdrawn.into_iter().fold(visitor, |visitor, (at, purposes)| withdraw(visitor, at, purposes));
        for format in [1, 2] {
            let mut bytes = Vec::new();
            Sessionizer::write_state(&Box::new(visitor.clone()), format, &mut bytes);
            prop_assert!(bytes.len() <= visitor.weight(), "it weighs no more than is said");
            prop_assert_eq!(&Sessionizer::read_state(format, &bytes), &Ok(Box::new(visitor.clone())));
        }
    }

    #[test]
    fn bytes_that_are_no_state_are_refused(events in events(), format in 1..=2u8, at in any::<prop::sample::Index>(), flip in 1..=255u8) {
        let mut bytes = Vec::new();
        Sessionizer::write_state(&Box::new(visitor(events)), format, &mut bytes);
        let cut = at.index(bytes.len());
        prop_assert!(Sessionizer::read_state(format, &bytes[..cut]).is_err());
        bytes[cut] ^= flip;
        let _ = Sessionizer::read_state(format, &bytes);
    }

    #[test]
    fn what_is_told_first_and_last_is_the_same_in_every_order(events in events(), seed in any::<u64>()) {
        let mut events = events;
        events.sort_by_key(|event| event.occurred_at);
        events.dedup_by_key(|event| event.occurred_at);
        let mut shuffled = events.clone();
        shuffled.sort_by_key(|event| (event.occurred_at.0 as u64 ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        prop_assert_eq!(tellings(&visitor(events)), tellings(&visitor(shuffled)));
    }
}

/// What is promised of a visit whatever the order, in order of time.
fn tellings(visitor: &Visitor) -> Vec<VisitSoFar> {
    let kept = |open: &OpenVisit| VisitSoFar {
        id: Default::default(),
        number: 0,
        presence: Presence::default(),
        ..VisitSoFar::clone(&open.visit)
    };
    let mut visits: Vec<_> = visitor.visits.iter().map(kept).collect();
    visits.sort_by_key(|visit| visit.created_date);
    visits
}

#[test]
fn a_visitor_of_whom_only_the_lifetime_is_left_costs_few_bytes() {
    let mut visitor = visitor(vec![WebEvent {
        occurred_at: Timestamp(1_800_000_000_000),
        web_event: Some(Activity::default()),
        ..WebEvent::default()
    }]);
    let end = visitor.timers().watermark.expect("the visit ends");
    let timer = |(deadline, kind)| pipeline::Timer {
        deadline,
        kind,
        by: pipeline::By::Watermark,
    };
    visitor.fire(timer(end), &mut Vec::new());
    assert!(schemas::to_bytes(&visitor).len() <= 25);
    let last = visitor.timers().watermark.expect("the lifetime ends");
    assert_eq!(
        last.0 - Timestamp(1_800_000_000_000),
        Millis::from_mins(90 * 24 * 60)
    );
    visitor.fire(timer(last), &mut Vec::new());
    assert!(visitor.is_empty());
}

#[test]
fn the_twentieth_search_term_is_the_last_that_is_kept_and_the_earliest_stay() {
    let search = |minute: i64, term: i64| WebEvent {
        event_id: EventId::from(format!("{minute}")),
        occurred_at: Timestamp(minute),
        web_event: Some(Activity {
            search_query: Some(Text::from(format!("term {term}"))),
            ..Activity::default()
        }),
        ..WebEvent::default()
    };
    let mut searches: Vec<_> = (0..30).rev().map(|n| search(n, n % 25)).collect();
    searches.rotate_left(7);
    let visitor = visitor(searches);
    let expected: Vec<_> = (0..20).map(|n| Text::from(format!("term {n}"))).collect();
    let kept = visitor.visits[0].visit.kept.get(Part::SearchTerms);
    assert_eq!(schemas::from_bytes(kept), Ok(expected));
}

/// States as a format has them, a line each, as they were written when the format was new: never to be written again.
fn fixture(format: u8) -> Vec<String> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
    let text = std::fs::read_to_string(format!("{directory}/state-{format}.hex"));
    let text = text.expect("every format has a fixture");
    text.lines().map(str::to_owned).collect()
}

/// What the fixtures hold: two visits of a visitor, a minute of one and an event of the other, under other rules; and the same once
/// consent was withdrawn for a purpose.
fn fixed() -> [Box<Visitor>; 2] {
    let event = |second: i64, id: &str, url: &str| WebEvent {
        event_id: EventId::from(id),
        customer_id: CustomerId::from("k1.visitor"),
        deployment_id: DeploymentId::from("shop"),
        occurred_at: Timestamp(1_800_000_000_000 + second * 1_000),
        web_event: Some(Activity {
            event_name: PAGE_VIEWED.into(),
            page: Page {
                url: url.into(),
                ..Page::default()
            },
            search_query: (second == 30).then(|| "shoes".into()),
            ..Activity::default()
        }),
        ..WebEvent::default()
    };
    let mut later = event(9_000, "later", "https://shop.example/");
    later.policy.max_events = 7;
    let visits = visitor(vec![
        event(
            0,
            "eae02b3e-dbb9-5f0c-b48e-27da56259dd3",
            "https://shop.example/",
        ),
        event(30, "e2", "https://shop.example/shoes"),
        event(
            60,
            "d6c06710-a59e-5bd9-b3dc-41be848ae116",
            "https://shop.example/shoes/red",
        ),
        later,
    ]);
    let withdrawn = withdraw(visits.clone(), 1_800_000_090_000, vec!["contact".into()]);
    [visits, withdrawn].map(Box::new)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16).expect("hex") as u8;
    let pairs = hex.as_bytes().chunks_exact(2);
    pairs
        .map(|pair| digit(pair[0]) * 16 + digit(pair[1]))
        .collect()
}

#[test]
fn every_format_that_ever_was_is_read_and_written_as_it_was() {
    let states = fixed();
    assert_eq!(states.each_ref().map(|state| state.visits.len()), [2, 2]);
    let formats = 1..=Sessionizer::STATE_FORMAT;
    let written = |format| {
        let states = states.iter().map(|state| {
            let mut written = Vec::new();
            Sessionizer::write_state(state, format, &mut written);
            hex(&written)
        });
        states.collect::<Vec<_>>()
    };
    let fixtures: Vec<_> = formats.clone().map(fixture).collect();
    assert_eq!(formats.clone().map(written).collect::<Vec<_>>(), fixtures);
    for (format, fixture) in formats.zip(fixtures) {
        for (state, fixture) in states.iter().zip(fixture) {
            let read = Sessionizer::read_state(format, &bytes(&fixture));
            assert_eq!(read.as_ref(), Ok(state), "format {format}");
        }
    }
}
