//! What the chat engine makes of an offer, and what its silence means.

use super::{check_after_offer, one_map};
use crate::tests::story::Story;

#[test]
fn a_report_is_told_with_the_time_to_the_decision() {
    let expected = [
        "12 m accepted after 12000 ms",
        "15 m started",
        "20 m engaged",
        "300 m completed",
    ];
    check_after_offer(
        |story| {
            _ = story
                .report(12, "accepted")
                .report(15, "started")
                .report(20, "engaged")
                .report(300, "completed")
        },
        &expected,
    );
}

#[test]
fn a_report_is_told_once() {
    let expected = [
        "12 m accepted after 12000 ms",
        "suppressed duplicate_report",
        "suppressed duplicate_report",
    ];
    check_after_offer(
        |story| {
            _ = story
                .report(12, "accepted")
                .report(13, "accepted")
                .report(14, "offered")
        },
        &expected,
    );
    let mut story = one_map();
    story.page(0, "/a").report(5, "rejected");
    let before = story.state().cloned();
    let offer = story.offers().next().expect("an offer").id.clone();
    let engagement = journey::web_event::Engagement {
        offer_id: offer.0,
        action_state: "ignored".into(),
        ..Default::default()
    };
    let cause = journey::WebEvent {
        event_id: "e2".into(),
        engagement: Some(engagement),
        ..story.cause(6)
    };
    story.tell("engagement", 6, |event| event.cause = Some(cause));
    assert_eq!(
        story.said().last().map(String::as_str),
        Some("suppressed duplicate_report"),
        "the same event id"
    );
    assert_eq!(story.state().cloned(), before);
}

#[test]
fn what_a_report_implies_is_told_as_inferred() {
    let implied = [
        "300 m accepted (inferred)",
        "300 m started (inferred)",
        "300 m engaged (inferred)",
        "300 m completed",
    ];
    let silent = |story: &mut Story| _ = story.report(300, "completed");
    check_after_offer(
        silent,
        &[&["90 m timedout (inferred)"][..], &implied].concat(),
    );
}

#[test]
fn a_report_of_what_was_inferred_is_told_as_reported() {
    let expected = [
        "40 m accepted (inferred)",
        "40 m started",
        "30 m accepted after 30000 ms",
    ];
    check_after_offer(
        |story| _ = story.report(40, "started").report(30, "accepted"),
        &expected,
    );
}

#[test]
fn silence_is_a_timeout_half_a_minute_after_the_offer_expired() {
    check_after_offer(|story| _ = story.mark(90), &[]);
    check_after_offer(
        |story| _ = story.mark(91).mark(500),
        &["90 m timedout (inferred)"],
    );
    check_after_offer(
        |story| _ = story.mark(91).report(70, "accepted"),
        &["90 m timedout (inferred)", "70 m accepted after 70000 ms"],
    );
}

#[test]
fn an_acceptance_stands_against_a_later_refusal_and_overrides_an_earlier_one() {
    let later = [
        "5 m accepted after 5000 ms",
        "suppressed contradictory_report",
    ];
    check_after_offer(
        |story| _ = story.report(5, "accepted").report(6, "rejected"),
        &later,
    );
    let earlier = [
        "5 m timedout after 5000 ms",
        "suppressed contradictory_report",
        "7 m accepted after 7000 ms",
    ];
    check_after_offer(
        |story| {
            _ = story
                .report(5, "timedout")
                .report(6, "ignored")
                .report(7, "accepted")
        },
        &earlier,
    );
}

#[test]
fn a_conversation_that_nobody_ends_is_unresolved_after_four_hours() {
    let four_hours = 4 * 3600;
    let told = |story: &mut Story| {
        _ = story
            .report(5, "accepted")
            .report(10, "started")
            .end(1200)
            .mark(11 + four_hours)
            .mark(30 * 3600);
        assert!(
            story.state().is_none(),
            "a day after the visit it is forgotten"
        );
    };
    let expected = [
        "5 m accepted after 5000 ms",
        "10 m started",
        "1200 ended",
        "14410 m unresolved (inferred)",
    ];
    check_after_offer(told, &expected);
}

#[test]
fn an_offer_stays_known_a_day_after_its_visit() {
    let day = 24 * 3600;
    let told = |story: &mut Story| {
        _ = story
            .report(5, "accepted")
            .end(1200)
            .report(1200 + day, "started")
            .mark(1201 + day)
    };
    check_after_offer(
        told,
        &[
            "5 m accepted after 5000 ms",
            "1200 ended",
            "87600 m started",
        ],
    );
    let late = |story: &mut Story| {
        _ = story
            .report(5, "accepted")
            .end(1200)
            .mark(1201 + day)
            .report(1202 + day, "started")
    };
    check_after_offer(
        late,
        &[
            "5 m accepted after 5000 ms",
            "1200 ended",
            "dead letter unknown_offer",
        ],
    );
}

#[test]
fn a_conversation_that_starts_late_keeps_its_offer_known_until_it_is_resolved() {
    let started = 1200 + 23 * 3600;
    let told = |story: &mut Story| {
        story
            .end(1200)
            .report(started, "started")
            .mark(started + 5 * 3600);
        assert!(story.state().is_none());
    };
    let expected = [
        "90 m timedout (inferred)",
        "1200 ended",
        "84000 m accepted (inferred)",
        "84000 m started",
        "98400 m unresolved (inferred)",
    ];
    check_after_offer(told, &expected);
}

#[test]
fn a_report_on_no_known_offer_or_of_no_known_state_is_a_dead_letter() {
    check_after_offer(
        |story| _ = story.report_on(5, "accepted", "nothing"),
        &["dead letter unknown_offer"],
    );
    check_after_offer(
        |story| _ = story.report(5, "dreamt"),
        &["dead letter unknown_state"],
    );
}
