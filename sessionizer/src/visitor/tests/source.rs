//! A visit per source: which visit an event belongs to that came by another one.

use super::*;

/// A visit per source.
fn splitting() -> Policy {
    Policy {
        split_on_source: true,
        ..Policy::default()
    }
}

#[test]
fn a_new_source_between_two_visits_goes_to_the_later_and_seals_the_earlier() {
    let policy = splitting();
    let mut visitor = Visitor::default();
    take(&mut visitor, 0, view(10, &policy));
    take(&mut visitor, 0, view(40, &policy));
    assert_eq!(
        take(&mut visitor, 0, by_campaign(25, "spring", &policy)),
        ["activity"]
    );
    assert_eq!(bounds(&visitor), [(10, 10), (25, 40)]);
    assert_eq!(
        take(&mut visitor, 0, view(24, &policy)),
        ["activity"],
        "what came before belongs to the earlier"
    );
    assert_eq!(bounds(&visitor), [(10, 24), (25, 40)]);
    let due = visitor.timers().watermark;
    assert_eq!(
        due,
        Some((Timestamp(25 * MINUTE), timer::END)),
        "and the earlier ends where the later begins"
    );
}

#[test]
fn a_visit_that_a_new_source_ended_takes_nothing_in_from_then_on() {
    let policy = splitting();
    let mut visitor = Visitor::default();
    take(&mut visitor, 0, view(10, &policy));
    take(&mut visitor, 0, by_campaign(20, "spring", &policy));
    for (minute, id) in [(20, "same"), (20, "a"), (21, "next")] {
        let mut event = view(minute, &policy);
        event.event_id = EventId::from(id);
        assert_eq!(take(&mut visitor, 0, event).last(), Some(&"activity"));
    }
    assert_eq!(bounds(&visitor), [(10, 10), (20, 21)]);
    assert!(!visitor.visits[0].reaches_on_to(Timestamp(20 * MINUTE)));
    assert!(visitor.visits[0].reaches_on_to(Timestamp(20 * MINUTE - 1)));
}

#[test]
fn what_came_swapped_by_one_new_source_is_one_visit() {
    let policy = splitting();
    for (first, straggler, visits) in [
        ("spring", (19, "spring"), vec![(10, 18), (19, 20)]),
        ("spring", (19, "autumn"), vec![(10, 18), (19, 19), (20, 20)]),
    ] {
        let mut visitor = Visitor::default();
        take(&mut visitor, 0, view(10, &policy));
        take(&mut visitor, 0, by_campaign(20, first, &policy));
        let (minute, campaign) = straggler;
        take(&mut visitor, 0, by_campaign(minute, campaign, &policy));
        let last = take(&mut visitor, 0, view(18, &policy));
        assert_eq!(last, ["activity"], "what came before is the earlier's");
        assert_eq!(bounds(&visitor), visits);
        let sealed = visitor.visits[0].sealed;
        assert_eq!(sealed, Some(Timestamp(minute * MINUTE)), "{campaign}");
    }
}

#[test]
fn a_straggler_by_the_source_of_a_visit_that_is_too_far_begins_another() {
    let policy = |minutes| Policy {
        split_on_source: true,
        visit_timeout: Millis::from_mins(minutes),
        ..Policy::default()
    };
    let mut visitor = Visitor::default();
    take(&mut visitor, 0, view(10, &policy(20)));
    take(&mut visitor, 0, by_campaign(20, "spring", &policy(5)));
    for (minute, said) in [(14, "started"), (16, "activity"), (15, "activity")] {
        let event = by_campaign(minute, "spring", &policy(5));
        assert_eq!(take(&mut visitor, 0, event)[0], said, "{minute}");
    }
    assert_eq!(bounds(&visitor), [(10, 10), (14, 16), (20, 20)]);
}

#[test]
fn a_new_source_that_is_late_or_not_newer_or_a_ping_splits_nothing() {
    let policy = splitting();
    for (watermark, minute, ping) in [
        (26, 25, false),
        (0, 9, false),
        (0, 10, false),
        (0, 25, true),
    ] {
        let mut visitor = Visitor::default();
        take(&mut visitor, 0, view(10, &policy));
        let mut event = by_campaign(minute, "spring", &policy);
        event.event_id = EventId::from("another");
        if let Some(activity) = event.web_event.as_mut().filter(|_| ping) {
            activity.event_name = Text::from(journey::web_event::PING);
        }
        assert_eq!(take(&mut visitor, watermark, event), ["activity"]);
        assert_eq!(visitor.visits.len(), 1);
    }
}

#[test]
fn after_a_new_source_no_late_event_walks_back_into_the_visit_that_ended() {
    let policy = splitting();
    let mut visitor = Visitor::default();
    take(&mut visitor, 0, view(10, &policy));
    take(&mut visitor, 0, by_campaign(20, "spring", &policy));
    end_due(&mut visitor, Timestamp(20 * MINUTE));
    assert_eq!(take(&mut visitor, 21, view(15, &policy)), ["late"]);
    assert_eq!(bounds(&visitor), [(20, 20)]);
}
