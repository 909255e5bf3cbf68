//! Demand: what staffing is told of each fact, and when in which interval.

use super::{
    actions::one_map,
    story::{Story, texts},
};

/// Tells `story` under one action map with a route path: what demand adds up to.
fn check(told: impl FnOnce(&mut Story), expected: &[(&str, i64)]) {
    let mut story = one_map();
    told(&mut story);
    story.check_demand(expected);
}

const QUALIFIED: [(&str, i64); 2] = [("qualified @0", 1), ("visitsActive @0", 1)];

fn check_offered(told: impl FnOnce(&mut Story), expected: &[(&'static str, i64)]) {
    let mut expected = [&QUALIFIED[..], &[("invitationsOffered @0", 1)], expected].concat();
    expected.sort_unstable();
    check(|story| told(story.page(0, "/a")), &expected);
}

#[test]
fn an_invitation_counts_in_the_interval_of_its_offer() {
    check_offered(|_| {}, &[]);
    check_offered(
        |story| _ = story.report(899, "accepted"),
        &[("invitationsAccepted @0", 1)],
    );
    check_offered(
        |story| _ = story.report(905, "rejected"),
        &[("invitationsRejected @0", 1)],
    );
    check_offered(
        |story| _ = story.report(5, "ignored"),
        &[("invitationsIgnored @0", 1)],
    );
    check_offered(
        |story| _ = story.report(5, "errored"),
        &[("invitationsErrored @0", 1)],
    );
}

#[test]
fn an_interaction_counts_where_it_started_and_handling_where_it_was_completed() {
    let told = |story: &mut Story| {
        story
            .report(5, "accepted")
            .report(10, "started")
            .report(901, "engaged")
            .report(1801, "completed");
    };
    let counts = [
        ("interactionsAnswered @0", 1),
        ("interactionsHandled @30", 1),
        ("interactionsOffered @0", 1),
        ("invitationsAccepted @0", 1),
        ("totalHandleTimeSeconds @30", 240),
    ];
    check_offered(told, &counts);
}

#[test]
fn a_report_that_overrides_an_inferred_timeout_takes_it_back() {
    let mut story = one_map();
    story.page(0, "/a").mark(91);
    assert_eq!(story.demand().get("invitationsTimedOut @0"), Some(&1));
    story.report(80, "accepted");
    let last: Vec<_> = story
        .signals()
        .map(|signal| (signal.field.to_string(), signal.delta))
        .collect();
    assert_eq!(
        last[last.len() - 2..],
        [
            ("invitationsTimedOut".to_owned(), -1),
            ("invitationsAccepted".to_owned(), 1)
        ]
    );
}

#[test]
fn the_order_of_reports_does_not_matter_to_what_they_add_up_to() {
    let reports = [
        (5, "accepted"),
        (10, "started"),
        (901, "engaged"),
        (1801, "completed"),
    ];
    let told = |order: [usize; 4]| {
        let mut story = one_map();
        story.page(0, "/a");
        for at in order {
            story.report(reports[at].0, reports[at].1);
        }
        story.demand()
    };
    let calm = told([0, 1, 2, 3]);
    for order in [[3, 2, 1, 0], [1, 0, 3, 2], [2, 3, 0, 1], [3, 0, 1, 2]] {
        assert_eq!(told(order), calm, "{order:?}");
    }
}

#[test]
fn an_abandoned_conversation_is_neither_answered_nor_handled() {
    let abandoned = [
        ("interactionsAbandoned @0", 1),
        ("interactionsOffered @0", 1),
        ("invitationsAccepted @0", 1),
    ];
    check_offered(
        |story| {
            _ = story
                .report(5, "accepted")
                .report(10, "started")
                .report(40, "abandoned")
        },
        &abandoned,
    );
    check_offered(
        |story| {
            _ = story
                .report(5, "accepted")
                .report(10, "started")
                .report(41, "completed")
                .report(40, "abandoned")
        },
        &abandoned,
    );
}

#[test]
fn an_unresolved_conversation_counts_where_it_started_until_it_is_completed_after_all() {
    let five_hours = 5 * 3600;
    let unresolved = [
        ("interactionsOffered @0", 1),
        ("interactionsUnresolved @0", 1),
        ("invitationsAccepted @0", 1),
    ];
    check_offered(
        |story| _ = story.report(5, "started").mark(five_hours),
        &unresolved,
    );
    let handled = [
        ("interactionsAnswered @0", 1),
        ("interactionsHandled @300", 1),
        ("interactionsOffered @0", 1),
        ("invitationsAccepted @0", 1),
        ("totalHandleTimeSeconds @300", 240),
    ];
    check_offered(
        |story| {
            _ = story
                .report(5, "started")
                .mark(five_hours)
                .report(five_hours + 1, "completed")
        },
        &handled,
    );
}

#[test]
fn suppressed_demand_is_told_with_its_reason() {
    let told = |story: &mut Story| {
        story.page_class = "no_offer".into();
        story.page(0, "/a");
    };
    check(
        told,
        &[
            ("blocked RegulatedPage @0", 1),
            ("qualified @0", 1),
            ("visitsActive @0", 1),
        ],
    );
}

#[test]
fn a_visitor_whose_consent_is_for_other_purposes_makes_no_demand_until_an_offer_is_made() {
    let with = |purposes: &[&str]| {
        let purposes = texts(purposes);
        move |story: &mut Story| {
            story.visit.consent.purposes = purposes.clone();
            story.page(0, "/a");
        }
    };
    check(with(&["visits"]), &[]);
    check(with(&["personalisation"]), &[("invitationsOffered @0", 1)]);
    check(
        with(&["staffing"]),
        &[
            ("blocked NoConsent @0", 1),
            ("qualified @0", 1),
            ("visitsActive @0", 1),
        ],
    );
}

#[test]
fn a_robot_makes_no_demand() {
    let told = |story: &mut Story| {
        story.visit.bot = true;
        story.page(0, "/a");
    };
    check(told, &[]);
}

#[test]
fn a_signals_id_is_its_own() {
    let mut story = one_map();
    story
        .page(0, "/a")
        .mark(91)
        .report(80, "accepted")
        .report(85, "started")
        .report(90, "completed");
    let mut ids: Vec<_> = story.signals().map(|signal| signal.id.clone()).collect();
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all);
}
