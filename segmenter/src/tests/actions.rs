//! Action maps: what is offered, what stands in the way, what is taken back, and what the chat engine makes of it.

use journey::Offer;
use schemas::{Record as _, to_bytes};

use super::story::{Story, at};

/// A map that is triggered by the page `/a`, with more fields.
fn map(id: &str, rest: &str) -> String {
    triggered(id, "/a", rest)
}

fn triggered(id: &str, path: &str, rest: &str) -> String {
    format!(
        r#"{{"kind":"actionMap","id":"{id}","displayName":"{id}","action":{{"mediaType":"webMessagingOffer","routePathId":"r"}},
            "triggerWithEventConditions":[{{"key":"page.pathname","operator":"equal","values":["{path}"]}}]{rest}}}"#
    )
}

const ROUTE_PATH: &str = r#"{"kind":"routePath","id":"r","queueId":"q","mediaType":"message","timeZone":"Europe/London"}"#;

pub(super) fn story(definitions: &[String]) -> Story {
    Story::new(&format!("[{ROUTE_PATH},{}]", definitions.join(",")))
}

pub(super) fn one_map() -> Story {
    story(&[map("m", "")])
}

/// Tells `told` under `definitions`: everything that is said after the visit's start.
fn check(definitions: &[String], told: impl FnOnce(&mut Story), expected: &[&str]) {
    let mut story = story(definitions);
    told(&mut story);
    assert_eq!(
        story
            .said()
            .into_iter()
            .filter(|line| !line.ends_with(" started") || line.contains('m'))
            .collect::<Vec<_>>(),
        expected
    );
}

#[test]
fn what_is_open_is_taken_back_from_a_visitor_who_is_let_go() {
    let mut story = one_map();
    story.page(0, "/a");
    story.evict();
    assert_eq!(story.state(), None);
    assert_eq!(
        story.said(),
        ["offer m withdrawn visit_ended", "1 m withdrawn"]
    );
}

const OFFERED: [&str; 3] = ["0 m qualified", "offer m offered", "0 m offered"];

fn check_after_offer(told: impl FnOnce(&mut Story), expected: &[&str]) {
    let told = |story: &mut Story| told(story.page(0, "/a"));
    check(&[map("m", "")], told, &[&OFFERED[..], expected].concat());
}

#[test]
fn qualified_and_offered_are_two_events_once_per_visit() {
    check_after_offer(|story| _ = story.page(1, "/b").page(2, "/a"), &[]);
}

#[test]
fn an_offer_says_what_it_came_of_and_when_it_expires() {
    let mut story = one_map();
    story.visit.reply_to = Some("sock-7".into());
    story.page(0, "/a");
    let offer = story.offers().next().expect("an offer").clone();
    assert_eq!(
        (offer.sequence, offer.offered_date, offer.expires_date),
        (1, at(0), at(60))
    );
    assert_eq!(
        (
            offer.trigger.kind.as_str(),
            offer.trigger.event_id.as_deref()
        ),
        ("event", Some("e1"))
    );
    assert_eq!(
        offer.route_path.as_ref().map(|path| path.queue_id.as_str()),
        Some("q")
    );
    assert_eq!(offer.reply_to.as_deref(), Some("sock-7"));
    assert_eq!(offer.journey_context.customer_session.id, "visit");
    let json = schemas::to_json(Offer::schema(), &to_bytes(&offer)).expect("an offer");
    let customer = &json["journeyContext"]["customer"];
    assert_eq!(
        customer["idType"], "cookie",
        "as Genesys calls it: {customer}"
    );
    let qualified = story
        .events()
        .find_map(|event| event.web_action_event.clone())
        .expect("qualified");
    assert_eq!(qualified.action_id, offer.id.0);
}

#[test]
fn a_segment_triggers_and_so_does_a_dwell() {
    let segment = r#"{"kind":"segment","id":"s","displayName":"S","journey":{"patterns":[
        {"criteria":[{"key":"page.pathname","operator":"equal","values":["/b"]}],"dwellSeconds":30}]}}"#;
    let by_segment = r#"{"kind":"actionMap","id":"m","displayName":"m","triggerWithSegments":["x","s"],
        "action":{"mediaType":"contentOffer"}}"#;
    let told = |story: &mut Story| {
        story.page(0, "/b").mark(31);
        let offer = story.offers().next().expect("an offer");
        assert_eq!(
            (offer.trigger.kind.as_str(), offer.trigger.received_date),
            ("segment", at(30))
        );
        assert_eq!(
            offer.reasons.iter().map(|r| r.as_str()).collect::<Vec<_>>(),
            ["is in segment S"]
        );
        assert_eq!(offer.route_path, None);
    };
    let expected = [
        "30 assigned s by e1",
        "30 m qualified",
        "offer m offered",
        "30 m offered",
    ];
    check(
        &[segment.to_owned(), by_segment.to_owned()],
        told,
        &expected,
    );
    let by_dwell = r#"{"kind":"actionMap","id":"m","displayName":"m","action":{"mediaType":"contentOffer"},
        "triggerWithEventConditions":[{"key":"page.pathname","operator":"equal","values":["/b"],"dwellSeconds":300}]}"#;
    let told = |story: &mut Story| {
        story.page(0, "/b").mark(301);
        assert_eq!(
            story.offers().next().expect("an offer").trigger.kind,
            "dwell"
        );
    };
    check(
        &[by_dwell.to_owned()],
        told,
        &["300 m qualified", "offer m offered", "300 m offered"],
    );
}

#[test]
fn of_several_the_heaviest_then_the_oldest_then_the_first_by_id_is_offered() {
    let maps = |first: &str, second: &str| [map("m1", first), map("m2", second)];
    let won = |winner: &str, loser: &str| {
        [
            format!("0 {winner} qualified"),
            format!("offer {winner} offered"),
            format!("0 {winner} offered"),
            format!("0 {loser} qualified"),
            format!("0 {loser} blocked MultipleSimultaneousOffers by {winner}"),
        ]
    };
    let tie = |first: &str, second: &str, winner: &str, loser: &str| {
        let expected = won(winner, loser);
        check(
            &maps(first, second),
            |story| _ = story.page(0, "/a"),
            &expected.each_ref().map(String::as_str),
        );
    };
    tie("", "", "m1", "m2");
    tie(r#","weight":1"#, r#","weight":3"#, "m2", "m1");
    tie("", r#","createdDate":"2020-01-01T00:00:00Z""#, "m2", "m1");
}

#[test]
fn while_an_offer_is_open_no_other_is_made() {
    let definitions = [map("m", ""), triggered("m2", "/b", "")];
    let blocked = ["1 m2 qualified", "1 m2 blocked AlreadyExistingOffer by m"];
    check(
        &definitions,
        |story| _ = story.page(0, "/a").page(1, "/b"),
        &[&OFFERED[..], &blocked].concat(),
    );
    let decided = [
        "1 m rejected after 1000 ms",
        "2 m2 qualified",
        "offer m2 offered",
        "2 m2 offered",
    ];
    let told = |story: &mut Story| _ = story.page(0, "/a").report(1, "rejected").page(2, "/b");
    check(&definitions, told, &[&OFFERED[..], &decided].concat());
}

#[test]
fn an_offer_that_is_due_is_blocked_with_its_reason() {
    let blocked = |rest: &str, change: fn(&mut Story), reason: &str| {
        let told = |story: &mut Story| {
            change(story);
            story.page(0, "/a");
        };
        check(
            &[map("m", rest)],
            told,
            &["0 m qualified", &format!("0 m blocked {reason}")],
        );
    };
    blocked(
        r#","startDate":"2030-01-01T00:00:00Z""#,
        |_| {},
        "TriggerDateInFuture",
    );
    blocked(
        r#","endDate":"1970-01-01T00:00:00Z""#,
        |_| {},
        "OfferedOutsideSchedule",
    );
    let elsewhere = r#","pageUrlConditions":[{"operator":"containsAny","values":["/b"]}]"#;
    blocked(elsewhere, |_| {}, "PageUrlConditionsNotMatching");
    for class in ["no_offer", "no_link"] {
        let regulated: fn(&mut Story) = match class {
            "no_offer" => |story| story.page_class = "no_offer".into(),
            _ => |story| story.page_class = "no_link".into(),
        };
        blocked("", regulated, "RegulatedPage");
    }
    blocked("", |story| story.visit.bot = true, "Bot");
}

#[test]
fn a_robot_is_served_where_its_deployment_says_so() {
    let told = |story: &mut Story| {
        story.visit.bot = true;
        story.visit.policy.serve_bots = true;
        story.page(0, "/a");
    };
    check(&[map("m", "")], told, &OFFERED);
}

#[test]
fn a_visitor_is_known_to_be_away_only_where_pings_have_stopped() {
    let dwell = r#"{"kind":"actionMap","id":"m","displayName":"m","action":{"mediaType":"contentOffer"},
        "triggerWithEventConditions":[{"key":"page.pathname","operator":"equal","values":["/b"],"dwellSeconds":300}]}"#;
    let silent = |story: &mut Story| _ = story.page(0, "/b").away(60).mark(301);
    check(
        &[dwell.to_owned()],
        silent,
        &[
            "60 away",
            "300 m qualified",
            "offer m offered",
            "300 m offered",
        ],
    );
    let stopped = |story: &mut Story| _ = story.page(0, "/b").ping(10).away(70).mark(301);
    check(
        &[dwell.to_owned()],
        stopped,
        &["70 away", "300 m qualified", "300 m blocked VisitorAway"],
    );
}

#[test]
fn an_offer_is_withdrawn_when_it_cannot_stand() {
    let withdrawn = |why: &str| format!("offer m withdrawn {why}");
    let page = map(
        "m",
        r#","pageUrlConditions":[{"operator":"containsAny","values":["/a"]}]"#,
    );
    let lines = [withdrawn("page_left"), "5 m withdrawn".to_owned()];
    let expected = [&OFFERED[..], &lines.each_ref().map(String::as_str)].concat();
    check(
        &[page],
        |story| {
            _ = story
                .page(0, "/a")
                .event(4, "clicked", "/a")
                .page(5, "/b")
                .page(6, "/c")
        },
        &expected,
    );
    check_after_offer(|story| _ = story.page(5, "/b"), &[]);
    let ended = ["20 ended", &withdrawn("visit_ended"), "20 m withdrawn"];
    check_after_offer(|story| _ = story.end(20), &ended);
    let away = ["65 away", &withdrawn("visitor_away"), "65 m withdrawn"];
    check_after_offer(|story| _ = story.ping(5).away(65), &away);
    check_after_offer(|story| _ = story.away(60), &["60 away"]);
    let control = [
        &withdrawn("consent_withdrawn"),
        "7 m withdrawn",
        "7 consent withdrawn",
    ];
    check_after_offer(|story| _ = story.control(7, "consent_withdrawn"), &control);
    check_after_offer(
        |story| _ = story.control(7, "erase"),
        &[&withdrawn("erased"), "7 m withdrawn", "7 consent erased"],
    );
    let regulated = |story: &mut Story| {
        story.page_class = "no_offer".into();
        story.page(8, "/health");
    };
    check_after_offer(regulated, &[&withdrawn("page_left"), "8 m withdrawn"]);
    let deactivated = |story: &mut Story| {
        story.adopt(2, "[]");
        story.page(9, "/b");
    };
    check_after_offer(
        deactivated,
        &[&withdrawn("definition_deactivated"), "9 m withdrawn"],
    );
}

#[test]
fn a_withdrawn_offer_is_the_same_offer_at_its_second_sequence() {
    let mut story = one_map();
    story.page(0, "/a").end(20);
    let offers: Vec<_> = story.offers().collect();
    assert_eq!(offers[0].id, offers[1].id);
    assert_eq!(
        (offers[1].status.as_str(), offers[1].sequence),
        ("withdrawn", 2)
    );
}

#[test]
fn control_forgets_the_visitor_whose_visit_may_still_be_told_to_have_ended() {
    let mut story = one_map();
    story.page(0, "/a").control(7, "erase");
    assert!(story.state().is_none());
    story.tell("ended", 7, |event| event.reason = Some("erased".into()));
    assert!(story.state().is_none());
    assert_eq!(
        story.said().last().map(String::as_str),
        Some("suppressed forgotten_visit")
    );
    let mut stranger = one_map();
    stranger.control(7, "consent_withdrawn");
    stranger.check(&["7 consent withdrawn"]);
}

#[test]
fn consent_withdrawn_for_other_purposes_takes_offers_back_and_leaves_the_visit_alone() {
    let mut story = one_map();
    story
        .page(0, "/a")
        .control_of(7, "consent_withdrawn", &["contact"])
        .page(9, "/b");
    let sequence: Vec<_> = story.events().map(|event| event.sequence).collect();
    assert_eq!(sequence, (1..=sequence.len() as i64).collect::<Vec<_>>());
    assert!(
        story
            .said()
            .contains(&"offer m withdrawn consent_withdrawn".to_owned())
    );
    let mut visits_too = one_map();
    visits_too.control_of(7, "consent_withdrawn", &["contact", "visits"]);
    assert!(visits_too.state().is_none());
}

#[test]
fn the_end_that_comes_before_control_leaves_the_consent_event_in_its_session() {
    let mut story = one_map();
    story.page(0, "/b");
    story.tell("ended", 7, |event| {
        event.reason = Some("consent_withdrawn".into())
    });
    story.control_of(7, "consent_withdrawn", &[]);
    story.check(&["0 started", "7 ended", "7 consent withdrawn"]);
    let consent = story.events().last().expect("the consent event");
    assert_eq!(
        (consent.session.id.as_str(), consent.sequence),
        ("visit", 4)
    );
    assert!(story.state().is_none());
}

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

#[test]
fn an_open_offer_moves_over_with_a_merge() {
    let mut story = story(&[map("m", ""), triggered("m2", "/b", "")]);
    story.page(0, "/b").report(1, "rejected");
    let survivor = story.visit.id.clone();
    story.visit.id = "other".into();
    story.page(10, "/a").merged_into(12, "visit");
    story.visit.id = survivor;
    story.page(13, "/c").report(14, "accepted");
    let last = story.events().last().expect("the report").clone();
    assert_eq!(last.session.id, "visit");
    assert_eq!(
        story.said().last().map(String::as_str),
        Some("14 m accepted after 4000 ms")
    );
}

#[test]
fn an_outcome_names_the_offers_that_preceded() {
    let order = r#"{"kind":"outcome","id":"o","displayName":"O","journey":{"patterns":[{"eventName":"bought"}]}}"#;
    let told = |story: &mut Story| _ = story.page(0, "/a").event(5, "bought", "/cart");
    check(
        &[map("m", ""), order.to_owned()],
        told,
        &[&OFFERED[..], &["5 achieved o after 1 offers"]].concat(),
    );
}
