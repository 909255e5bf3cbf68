//! One visitor with far more events than any person has.

use journey::web_event::PING;

use super::*;

/// A visitor's event at a millisecond.
fn at(millis: i64, number: i64, policy: &Policy) -> WebEvent {
    WebEvent {
        event_id: EventId::from(format!("e{number}")),
        occurred_at: Timestamp(millis),
        received_at: Timestamp(millis),
        ..view(0, policy)
    }
}

/// What is said of them all, by what it is; the state is looked at now and then.
fn play(events: impl Iterator<Item = WebEvent>) -> (Visitor, Vec<Output>) {
    let (mut visitor, mut out) = (Visitor::default(), Vec::new());
    let key = CustomerId::from("k1.visitor");
    for (number, event) in events.enumerate() {
        visitor.take(&TaskTime::UNKNOWN, &key, Event::from(&event), &mut out);
        if number % 997 == 0 {
            assert!(schemas::to_bytes(&visitor).len() <= sizes::STATE);
            assert!(visitor.stubs.len() <= 2 && visitor.visits.len() <= 1_000);
        }
    }
    (visitor, out)
}

fn told(out: &[Output]) -> Vec<&Happening> {
    let told = out.iter().filter_map(|output| match output {
        Output::Visit(happening) => Some(happening),
        _ => None,
    });
    told.collect()
}

#[test]
fn a_hundred_thousand_events_of_one_visitor_are_flagged_capped_and_bounded() {
    let policy = Policy::default();
    let named = |number: i64, name: &str| {
        let mut event = at(number, number, &policy);
        if let Some(activity) = &mut event.web_event {
            activity.event_name = Text::from(name);
        }
        event
    };
    for name in [PAGE_VIEWED, PING] {
        let (visitor, out) = play((0..100_000).map(|number| named(number, name)));
        let told = told(&out);
        assert_eq!(told.len(), 10_002, "started, ten thousand, ended");
        let last = told.last().expect("the visit ended");
        assert_eq!(last.reason, Some(end_reason::MAX_EVENTS));
        assert!(last.visit.as_ref().is_some_and(|visit| visit.bot));
        assert!(told[1].visit.as_ref().is_some_and(|visit| !visit.bot));
        assert!(schemas::to_bytes(&visitor).len() <= 100);
    }
}

#[test]
fn a_robot_that_names_another_source_each_time_is_one_visit_once_it_is_known() {
    let policy = Policy {
        split_on_source: true,
        ..Policy::default()
    };
    let events = (0..20_000).map(|number| WebEvent {
        event_id: EventId::from(format!("e{number}")),
        occurred_at: Timestamp(number),
        ..by_campaign(0, &format!("campaign {number}"), &policy)
    });
    let (visitor, out) = play(events);
    let began = told(&out);
    let began = began.iter().filter(|told| told.kind == kind::STARTED);
    assert!(began.count() <= 301);
    assert!(out.len() <= 20_000 + 2 * 301);
    assert_eq!(visitor.stubs.len(), 1);
}

#[test]
fn a_visitor_who_splits_without_end_keeps_what_a_state_may_hold() {
    let policy = Policy {
        split_on_source: true,
        bot_rate_events: 0,
        ..Policy::default()
    };
    let events = (0..5_000).map(|number| WebEvent {
        event_id: EventId::from(format!("e{number}")),
        occurred_at: Timestamp(number),
        ..by_campaign(0, &format!("campaign {number}"), &policy)
    });
    let (visitor, _) = play(events);
    assert_eq!(visitor.stubs.len(), 1, "what is left of them is one");
    assert!(visitor.visits.len() > 100);
}
