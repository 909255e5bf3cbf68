//! Whatever may come of a visitor, all of it drawn: traffic sources, caps, pings that extend or not, robots, searches, forms,
//! withdrawals, erasures, reports; late or not; in transactions of any size and restored in the middle of a mark.

use std::collections::BTreeMap;

use journey::{
    CustomerId, DeploymentId, EventId, Millis, Text, Timestamp, Visit, VisitEvent, VisitId,
    WebEvent,
    visit::kind,
    web_event::{
        Activity, Consent, Control, Engagement, MktCampaign, PAGE_VIEWED, PING, Page, Policy,
        Referrer, control_action, purpose,
    },
};
use journey_tests::oracle::{self, EndedVisit, Record};
use pipeline::Fold;
use proptest::prelude::*;
use sessionizer::{Event, Output, Sessionizer};

use crate::{GRACE, TIMEOUT, check_stories, choices, homes, summary, timeline, told, traffic::gap};

/// One record as it is drawn.
#[derive(Clone, Debug)]
struct Draw {
    gap: i64,
    delay: i64,
    what: &'static str,
    page: u8,
    campaign: Option<u8>,
    /// Under which of the policies drawn.
    policy: prop::sample::Index,
    /// How much later it comes once more.
    duplicate: Option<i64>,
}

const EVENTS: [&str; 6] = [
    PAGE_VIEWED,
    PAGE_VIEWED,
    PING,
    "search_performed",
    "contact_submitted",
    "contact_abandoned",
];
const CONTROLS: [&str; 2] = [control_action::CONSENT_WITHDRAWN, control_action::ERASE];
const REPORT: &str = "report";
/// Consent is withdrawn for a purpose other than visits.
const WITHDRAW_ONE: &str = "withdraw one";

fn draws(delay: i64, what: Vec<&'static str>) -> impl Strategy<Value = Vec<Draw>> {
    let draw = (
        prop_oneof![2 => gap(), 1 => 0..30_000i64],
        prop_oneof![Just(0), Just(delay), 0..=delay],
        prop::sample::select(what),
        0..3u8,
        prop::option::weighted(0.3, 0..3u8),
        any::<prop::sample::Index>(),
        prop::option::weighted(0.1, 0..4 * GRACE),
    );
    let draw = draw.prop_map(
        |(gap, delay, what, page, campaign, policy, duplicate)| Draw {
            gap,
            delay,
            what,
            page,
            campaign,
            policy,
            duplicate,
        },
    );
    prop::collection::vec(draw, 1..50)
}

/// A deployment's policy, or several, when its definition changes while events come in.
fn policies() -> impl Strategy<Value = Vec<Policy>> {
    let bounds = prop::sample::select(vec![(1, 40), (3, 40), (5, 40), (10_000, 24 * 60)]);
    let timeouts = prop::sample::select(vec![TIMEOUT, TIMEOUT, 60_000, 2 * TIMEOUT, 6 * TIMEOUT]);
    let policy = (any::<[bool; 3]>(), bounds, timeouts).prop_map(
        |([extend, split, robots], (events, minutes), timeout)| Policy {
            visit_timeout: Millis(timeout),
            pings_extend: extend,
            split_on_source: split,
            bot_rate_events: if robots { 2 } else { 300 },
            max_events: events,
            max_duration: Millis::from_mins(minutes),
            ..Policy::default()
        },
    );
    prop::collection::vec(policy, 1..=3)
}

/// The records in the order in which they arrive, and when.
fn arrivals(draws: &[Draw], policies: &[Policy]) -> Vec<(i64, WebEvent)> {
    let mut at = 0;
    let mut arrivals = Vec::new();
    for (number, draw) in draws.iter().enumerate() {
        at += draw.gap;
        let event = record(number, at, draw, draw.policy.get(policies));
        let again = draw
            .duplicate
            .map(|more| (at + draw.delay + more, event.clone()));
        arrivals.push((at + draw.delay, event));
        arrivals.extend(again);
    }
    arrivals.sort_by_key(|(arrival, _)| *arrival);
    for (arrival, event) in &mut arrivals {
        event.received_at = Timestamp(*arrival);
    }
    arrivals
}

fn record(number: usize, at: i64, draw: &Draw, policy: &Policy) -> WebEvent {
    let mut event = WebEvent {
        event_id: EventId::from(format!("e{}", (number * 7) % 50)),
        customer_id: CustomerId::from("k1.visitor"),
        deployment_id: DeploymentId::from("shop"),
        policy: policy.clone(),
        occurred_at: Timestamp(at),
        consent: Consent {
            purposes: purpose::ALL[..4 - usize::from(draw.page)]
                .iter()
                .map(|purpose| Text::from(*purpose))
                .collect(),
            ..Consent::default()
        },
        ..WebEvent::default()
    };
    match draw.what {
        REPORT => event.engagement = Some(Engagement::default()),
        WITHDRAW_ONE => {
            event.control = Some(Control {
                action: control_action::CONSENT_WITHDRAWN.into(),
                purposes: vec![purpose::ALL[1 + usize::from(draw.page)].into()],
            });
        }
        what if CONTROLS.contains(&what) => {
            event.control = Some(Control {
                action: what.into(),
                purposes: Vec::new(),
            });
        }
        name => event.web_event = Some(activity(name, draw)),
    }
    event
}

fn activity(name: &str, draw: &Draw) -> Activity {
    let text = |number: u8| Text::from(format!("{number}"));
    Activity {
        event_name: name.into(),
        page: Page {
            url: Text::from(format!("/{}", draw.page)),
            ..Page::default()
        },
        search_query: (name == "search_performed").then(|| text(draw.page)),
        form_name: name.starts_with("contact").then(|| text(draw.page)),
        mkt_campaign: draw.campaign.map(|campaign| MktCampaign {
            name: Some(text(campaign)),
            ..MktCampaign::default()
        }),
        referrer: draw.campaign.map(|campaign| Referrer {
            domain: text(campaign),
            ..Referrer::default()
        }),
        ..Activity::default()
    }
}

/// Runs the sessionizer over what arrives, with a mark where `marks` says so; restored from bytes where `restores` says so,
/// between records and in the middle of marks.
fn run(arrivals: &[(i64, WebEvent)], marks: &[bool], restores: &[bool]) -> Vec<Output> {
    let (mut fold, mut out, mut steps) = (timeline::fold(), Vec::new(), 0..);
    let mut restores = |fold: &mut Fold<Sessionizer>| {
        let step: usize = steps.next().unwrap_or_default();
        if !restores.is_empty() && restores[step % restores.len()] {
            *fold = timeline::restored(fold);
        }
    };
    let last = arrivals.iter().map(|_| false).chain([true]);
    let times = arrivals.iter().map(|(arrival, _)| *arrival);
    for (i, (at, is_last)) in times.chain([i64::MAX]).zip(last).enumerate() {
        if let Some((_, event)) = arrivals.get(i) {
            fold.apply(Event::from(event), &mut out);
            restores(&mut fold);
        }
        if is_last || marks[i % marks.len()] {
            fold.set_time(journey::TaskTime::new(Timestamp(at), Millis(GRACE)));
            while fold.fire_next(&mut out).is_some() {
                restores(&mut fold);
            }
        }
    }
    assert!(fold.is_empty(), "state returns to empty");
    check_stories(said(&out).0.iter().filter(|event| event.visit.is_some()));
    out
}

/// What was said of visits, in order; and how many records were accounted for.
fn said(out: &[Output]) -> (Vec<VisitEvent>, usize) {
    let visits = out.iter().filter_map(|output| match output {
        Output::Visit(happening) => Some(told(happening)),
        _ => None,
    });
    let visits: Vec<_> = visits.collect();
    let passed = [kind::ACTIVITY, kind::ENGAGEMENT, kind::CONTROL];
    let passed = visits
        .iter()
        .filter(|event| passed.contains(&event.kind.as_str()));
    (visits.clone(), out.len() - visits.len() + passed.count())
}

fn ended(visits: &[VisitEvent]) -> Vec<(EndedVisit, Visit)> {
    let ended = visits.iter().filter(|event| event.kind == kind::ENDED);
    let mut ended: Vec<_> = ended
        .filter_map(|event| {
            let visit = event.visit.clone()?;
            Some((summary("", &visit, event), visit))
        })
        .collect();
    ended.sort_by(|(one, _), (other, _)| one.cmp(other));
    ended
}

/// No event in two visits, be it sent twice. (A ping that extends none does not say how far its visit goes.)
fn check_events(visits: &[VisitEvent], homes: &BTreeMap<&VisitId, &VisitId>) {
    let mut places = BTreeMap::new();
    for event in visits {
        if event.kind == kind::ACTIVITY
            && !event.ping
            && let (Some(visit), Some(cause)) = (&event.visit, &event.cause)
        {
            let home = homes.get(&visit.id).copied().unwrap_or(&visit.id);
            let known = places.entry(&cause.event_id).or_insert(home);
            assert_eq!(*known, home, "{} is in two visits", cause.event_id);
        }
    }
}

/// What holds whatever comes: visits lie apart, caps hold, numbers are given once and in order.
fn check(visits: &[VisitEvent], policies: &[Policy]) {
    let started = visits.iter().filter(|event| event.kind == kind::STARTED);
    let numbers = started.filter_map(|event| Some(event.visit.as_ref()?.visit_number));
    let numbers: Vec<_> = numbers.collect();
    let homes = homes(visits.iter());
    check_events(visits, &homes);
    let began_anew = |pair: &[Option<i64>]| pair[1] == Some(1) || pair[1] > pair[0];
    assert!(numbers.windows(2).all(began_anew), "{numbers:?}");
    let ended = ended(visits);
    let most = policies.iter().map(|policy| policy.max_events).max();
    for pair in ended.windows(2) {
        assert!(
            pair[0].0.last < pair[1].0.first,
            "visits never overlap: {pair:?}"
        );
    }
    for (_, visit) in &ended {
        // Visits that merge have each as many as they may.
        let parts = 1 + homes.values().filter(|home| **home == &visit.id).count() as i64;
        assert!(Some(visit.event_count.max(visit.ping_count)) <= most.map(|most| parts * most));
        assert!(visit.engaged_millis <= Some((visit.last_activity_date - visit.created_date).0));
        assert!(visit.last_page_millis >= Some(0));
    }
}

fn anything() -> Vec<&'static str> {
    [&EVENTS[..], &CONTROLS, &[REPORT, REPORT, WITHDRAW_ONE]].concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_nothing_disappears_and_visits_lie_apart(
        draws in draws(4 * GRACE, anything()), policies in policies(), marks in choices(),
    ) {
        let arrivals = arrivals(&draws, &policies);
        let (visits, fates) = said(&run(&arrivals, &marks, &[]));
        prop_assert_eq!(fates, arrivals.len(), "every record has one fate");
        check(&visits, &policies);
    }

    #[test]
    fn whatever_comes_transactions_and_restores_change_nothing(
        draws in draws(3 * GRACE, anything()), policies in policies(), marks in choices(), restores in choices(),
    ) {
        let arrivals = arrivals(&draws, &policies);
        prop_assert_eq!(run(&arrivals, &marks, &restores), run(&arrivals, &marks, &[]));
    }

    #[test]
    fn within_grace_the_place_of_marks_changes_no_visit_whatever_the_policies(
        mut draws in draws(GRACE, EVENTS.to_vec()), policies in policies(), one in choices(), other in choices(),
    ) {
        draws.iter_mut().for_each(|draw| draw.duplicate = None);
        let arrivals = arrivals(&draws, &policies);
        let ended = |marks: &[bool]| {
            let (visits, _) = said(&run(&arrivals, marks, &[]));
            let ended = ended(&visits).into_iter();
            ended.map(|(ended, visit)| (ended, visit.id, visit.ended_date, visit.end_reason)).collect::<Vec<_>>()
        };
        prop_assert_eq!(ended(&one), ended(&other));
    }

    #[test]
    fn within_grace_the_place_of_marks_gives_no_consent_back(
        mut draws in draws(GRACE, [&EVENTS[..], &[WITHDRAW_ONE; 2]].concat()), policies in policies(), one in choices(), other in choices(),
    ) {
        draws.iter_mut().for_each(|draw| draw.duplicate = None);
        let arrivals = arrivals(&draws, &policies);
        let consents = |marks: &[bool]| {
            let (visits, _) = said(&run(&arrivals, marks, &[]));
            let of_events = visits.into_iter().filter(|event| event.kind == kind::ACTIVITY);
            let purposes = of_events.filter_map(|event| Some((event.cause?.event_id, event.visit?.consent.purposes)));
            purposes.collect::<Vec<_>>()
        };
        prop_assert_eq!(consents(&one), consents(&other));
    }

    #[test]
    fn controls_split_the_log_as_the_oracle_does(
        mut draws in draws(GRACE, [&EVENTS[..], &CONTROLS].concat()), marks in choices(),
    ) {
        draws.iter_mut().for_each(|draw| draw.duplicate = None);
        let arrivals = arrivals(&draws, &[Policy::default()]);
        let log: Vec<_> = arrivals.iter().map(|(_, event)| oracles(event)).collect();
        let (visits, _) = said(&run(&arrivals, &marks, &[]));
        let ended: Vec<_> = ended(&visits).into_iter().map(|(ended, _)| ended).collect();
        prop_assert_eq!(ended, oracle::sessionize_log(&log));
    }
}

/// The record as the oracle has it.
fn oracles(record: &WebEvent) -> Record {
    let at = record.occurred_at.0;
    let Some(activity) = &record.web_event else {
        return Record::Forget {
            visitor: String::new(),
            at,
        };
    };
    Record::Did(oracle::Event {
        visitor: String::new(),
        id: record.event_id.to_string(),
        at,
        page: activity.page.url.to_string(),
        page_view: activity.event_name == PAGE_VIEWED,
        ping: record.is_ping(),
        timeout: TIMEOUT,
    })
}
