use journey::{
    DeploymentId, EventId, Millis, Text, WebEvent,
    visit::end_reason,
    web_event::{Activity, MktCampaign, PAGE_VIEWED, Page, Policy},
};
use pipeline::Timer;

use super::*;
use crate::sizes;

mod hot;
mod source;

const MINUTE: i64 = 60_000;

/// A page view at a minute, under a policy.
fn view(minute: i64, policy: &Policy) -> WebEvent {
    let activity = Activity {
        event_name: Text::from(PAGE_VIEWED),
        page: Page {
            url: Text::from(format!("/{minute}")),
            ..Page::default()
        },
        ..Activity::default()
    };
    WebEvent {
        event_id: EventId::from(format!("e{minute}")),
        deployment_id: DeploymentId::from("shop"),
        policy: policy.clone(),
        occurred_at: Timestamp(minute * MINUTE),
        received_at: Timestamp(minute * MINUTE),
        web_event: Some(activity),
        ..WebEvent::default()
    }
}

fn by_campaign(minute: i64, name: &str, policy: &Policy) -> WebEvent {
    let mut event = view(minute, policy);
    if let Some(activity) = &mut event.web_event {
        activity.mkt_campaign = Some(MktCampaign {
            name: Some(Text::from(name)),
            ..MktCampaign::default()
        });
    }
    event
}

/// Takes an event, and says what came of it in a word each.
fn take(visitor: &mut Visitor, watermark: i64, event: WebEvent) -> Vec<&'static str> {
    let watermark = Timestamp(watermark * MINUTE);
    let mut out = Vec::new();
    let time = TaskTime {
        frontier: watermark,
        watermark,
    };
    let (key, event) = (CustomerId::from("k1.visitor"), Event::from(&event));
    visitor.take(&time, &key, event, &mut out);
    out.iter()
        .map(|output| match output {
            Output::Visit(happening) => happening.reason.unwrap_or(happening.kind),
            Output::Late(_) => "late",
            Output::Suppressed(reason) => *reason,
        })
        .collect()
}

/// Whatever is over at this deadline ends.
fn end_due(visitor: &mut Visitor, deadline: Timestamp) {
    let due = Timer {
        deadline,
        kind: timer::END,
        by: By::Watermark,
    };
    visitor.fire(due, &mut Vec::new());
}

/// The bounds of each open visit in minutes, in order of time.
fn bounds(visitor: &Visitor) -> Vec<(i64, i64)> {
    let minute = |at: Timestamp| at.0 / MINUTE;
    let visits = visitor.visits.iter().map(|visit| &visit.visit);
    let mut bounds: Vec<_> = visits
        .map(|visit| (minute(visit.created_date), minute(visit.last_event_date)))
        .collect();
    bounds.sort_unstable();
    bounds
}

#[test]
fn a_late_event_does_not_cross_the_end_of_a_visit_that_ended_while_this_one_was_open() {
    let policy = Policy {
        visit_timeout: Millis::from_mins(10),
        ..Policy::default()
    };
    let mut visitor = Visitor::default();
    take(&mut visitor, 0, view(10, &policy));
    take(&mut visitor, 0, view(25, &policy));
    end_due(&mut visitor, Timestamp(20 * MINUTE));
    assert_eq!(take(&mut visitor, 21, view(16, &policy)), ["activity"]);
    assert_eq!(take(&mut visitor, 21, view(10, &policy)), ["late"]);
    assert_eq!(take(&mut visitor, 21, view(11, &policy)), ["activity"]);
    assert_eq!(bounds(&visitor), [(11, 25)]);
}

#[test]
fn what_ends_at_a_new_source_keeps_nothing_out_from_there_on_whatever_pings_it_had() {
    let policy = Policy {
        split_on_source: true,
        pings_extend: false,
        max_events: 1,
        ..Policy::default()
    };
    for ended in [false, true] {
        let mut visitor = Visitor::default();
        take(&mut visitor, 0, view(10, &policy));
        let mut ping = view(15, &policy);
        if let Some(activity) = &mut ping.web_event {
            activity.event_name = Text::from(journey::web_event::PING);
        }
        take(&mut visitor, 0, ping);
        take(&mut visitor, 0, by_campaign(12, "spring", &policy));
        take(&mut visitor, 0, view(13, &policy));
        take(&mut visitor, 0, view(34, &Policy::default()));
        if ended {
            end_due(&mut visitor, Timestamp(12 * MINUTE));
        }
        assert_eq!(visitor.visits.len(), 2 - usize::from(ended));
        assert_eq!(take(&mut visitor, 12, view(14, &policy)), ["activity"]);
        assert_eq!(bounds(&visitor).last(), Some(&(14, 34)));
    }
}

#[test]
fn a_capped_visit_leaves_a_stub_that_suppresses_until_the_visitor_has_been_silent() {
    let policy = Policy {
        max_events: 1,
        ..Policy::default()
    };
    let mut visitor = Visitor::default();
    take(&mut visitor, 0, view(100, &policy));
    assert_eq!(
        take(&mut visitor, 0, view(110, &policy)),
        ["max_events", "capped"]
    );
    for minute in [105, 90, 71, 130] {
        assert_eq!(
            take(&mut visitor, 0, view(minute, &policy)),
            ["capped"],
            "{minute}"
        );
    }
    assert_eq!(
        take(&mut visitor, 0, view(151, &policy)),
        ["started", "activity"]
    );
    assert_eq!(
        take(&mut visitor, 0, view(50, &policy)),
        ["started", "activity"],
        "71 - 20 is 51"
    );
    end_due(&mut visitor, Timestamp(150 * MINUTE));
    assert!(visitor.stubs.is_empty());
}

#[test]
fn a_visitor_whom_a_cap_silenced_for_months_was_seen_all_the_while() {
    let policy = Policy {
        max_events: 1,
        ..Policy::default()
    };
    let mut visitor = Visitor::default();
    let months = 91 * 24 * 60;
    for minute in (0..=months).step_by(20) {
        take(&mut visitor, 0, view(minute, &policy));
    }
    let deadline = Timestamp((months + 20) * MINUTE);
    assert_eq!(visitor.timers().watermark, Some((deadline, timer::END)));
    end_due(&mut visitor, deadline);
    let kept = visitor.timers().watermark;
    assert_eq!(
        kept,
        Some((
            Timestamp(2 * months * MINUTE - 24 * 60 * MINUTE),
            timer::LIFETIME
        )),
        "90 days from the last that was suppressed: no timer arms an earlier one"
    );
}

#[test]
fn a_capped_visit_lies_between_others_as_a_wall() {
    let open = Policy::default();
    let mut visitor = Visitor::default();
    take(
        &mut visitor,
        0,
        view(
            100,
            &Policy {
                max_events: 1,
                ..open.clone()
            },
        ),
    );
    take(&mut visitor, 0, view(101, &open));
    assert_eq!(
        visitor.stubs,
        [Stub {
            first: Timestamp(100 * MINUTE),
            last: Timestamp(101 * MINUTE),
            timeout: open.visit_timeout
        }]
    );
    take(&mut visitor, 0, view(75, &open));
    take(&mut visitor, 0, view(125, &open));
    assert_eq!(
        take(&mut visitor, 0, view(90, &open)),
        ["activity"],
        "an open visit comes before what is left of one"
    );
    assert_eq!(take(&mut visitor, 0, view(110, &open)), ["activity"]);
    assert_eq!(take(&mut visitor, 0, view(99, &open)), ["activity"]);
    assert_eq!(take(&mut visitor, 0, view(102, &open)), ["activity"]);
    let mut within = view(100, &open);
    within.event_id = EventId::from("within");
    assert_eq!(take(&mut visitor, 0, within), ["capped"]);
    assert_eq!(
        bounds(&visitor),
        [(75, 99), (102, 125)],
        "and no event joins the two across it"
    );
}

#[test]
fn a_merge_that_would_break_a_cap_ends_the_visit_that_came_of_it() {
    let policy = Policy {
        max_events: 2,
        ..Policy::default()
    };
    let mut visitor = Visitor::default();
    take(&mut visitor, 0, view(10, &policy));
    take(&mut visitor, 0, view(40, &policy));
    assert_eq!(
        take(&mut visitor, 0, view(25, &policy)),
        ["merged", "max_events", "capped"]
    );
}

#[test]
fn a_visitor_with_too_much_open_at_once_loses_the_earliest_visits() {
    let policy = Policy {
        visit_timeout: Millis::from_mins(1),
        ..Policy::default()
    };
    let mut visitor = Visitor::default();
    let mut said = Vec::new();
    for minute in (0..200).step_by(2) {
        let mut event = view(minute, &policy);
        if let Some(activity) = &mut event.web_event {
            activity.page.title = Some(Text::from("x".repeat(8_000)));
        }
        said.extend(take(&mut visitor, -100, event));
        assert!(schemas::to_bytes(&visitor).len() <= sizes::STATE);
    }
    assert!(said.contains(&end_reason::TOO_LARGE));
    assert_eq!(bounds(&visitor).last(), Some(&(198, 198)));
    assert!(bounds(&visitor)[0].0 > 0);
}

#[test]
fn stubs_become_one_with_the_nearest_alone() {
    let policy = Policy {
        max_events: 1,
        ..Policy::default()
    };
    let mut visitor = Visitor::default();
    for minute in [20, 41] {
        take(&mut visitor, 0, view(minute, &policy));
        take(&mut visitor, 0, view(minute, &policy));
    }
    take(&mut visitor, 0, view(40, &policy));
    take(&mut visitor, 0, view(62, &policy));
    assert_eq!(
        take(&mut visitor, 0, view(42, &policy)),
        ["max_events", "capped"],
        "near 62, and near what is left of 40"
    );
    assert_eq!(take(&mut visitor, 0, view(62, &policy)), ["capped"]);
}
