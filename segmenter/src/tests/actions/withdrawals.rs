//! What takes an offer back: the page, the visitor, the end, and the visitor's own no.

use super::{DWELL, OFFERED, check, check_after_offer, map, one_map, story, triggered};
use crate::tests::story::{Story, at};

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
fn a_visit_that_a_new_source_ended_offers_nothing_any_more_and_what_it_offered_goes() {
    let mut story = one_map();
    story.page(0, "/a");
    story.next_visit("v2");
    story.page(5, "/b");
    let said = story.said();
    assert!(
        said.contains(&"offer m withdrawn visit_ended".to_owned()),
        "{said:?}"
    );
    assert_eq!(story.open_offers(), Some(0.0));

    let dwelling = |leaves: bool| {
        let mut story = Story::new(&format!("[{DWELL}]"));
        story.page(0, "/b");
        if leaves {
            story.next_visit("v2");
            story.page(5, "/a");
        }
        story.mark(1_000);
        story.offers().count()
    };
    assert_eq!((dwelling(false), dwelling(true)), (1, 0));
}

#[test]
fn a_straggler_of_a_visit_that_a_new_source_ended_brings_nothing_of_it_back() {
    let straggles = |definition: String, path: &str| {
        let mut story = story(&[definition]);
        story.page(0, "/x");
        let left = story.visit.clone();
        story.next_visit("v2");
        story.page(10, "/y");
        story.go_on_in(left);
        story.page(9, path).mark(1_000);
        story.said()
    };
    let dwelt = straggles(DWELL.to_owned(), "/b");
    assert_eq!(dwelt, ["0 started", "10 started"]);
    let blocked = straggles(map("m", ""), "/a");
    let expected = ["9 m qualified", "9 m blocked VisitorAway"];
    assert_eq!(blocked[2..], expected, "the visitor is somewhere else");
}

#[test]
fn a_visit_that_lives_on_for_one_that_was_left_was_left_itself() {
    let mut story = story(&[map("m", "")]);
    story.page(100, "/x");
    let (left, since) = (story.visit.clone(), story.since);
    story.next_visit("v2");
    story.page(110, "/y");
    // A straggler opens a visit before it, and the two become one.
    story.next_visit("v0");
    story.page(50, "/z");
    let survivor = story.visit.clone();
    (story.visit, story.since) = (left, since);
    story.merged_into(50, "v0");
    story.go_on_in(survivor);
    story.page(105, "/a");
    let said = story.said();
    let blocked = "105 m blocked VisitorAway".to_owned();
    assert!(said.contains(&blocked), "{said:?}");
}

#[test]
fn a_visit_that_reaches_back_to_an_earlier_event_ends_what_went_on_there() {
    let mut story = one_map();
    story.page(0, "/x");
    story.next_visit("v2");
    story.page(4_000, "/y");
    // What began at 4,000 s began at 10 s, as is known now.
    story.visit.created_date = at(10);
    story.page(4_001, "/y");
    let left = story.state().map(|visitor| visitor.visits[0].left_at);
    assert_eq!(left, Some(Some(at(10))));
}

#[test]
fn each_of_several_open_offers_stands_or_falls_by_itself() {
    let on = |id: &str, path: &str, urls: &str| {
        let rest =
            format!(r#","pageUrlConditions":[{{"operator":"containsAny","values":[{urls}]}}]"#);
        triggered(id, path, &rest)
    };
    let withdrawn = |next: &str| {
        let mut story = story(&[on("x", "/a", r#""/a","/p""#), on("y", "/b", r#""/b","/q""#)]);
        story.page(0, "/b");
        let survivor = story.visit.clone();
        story.visit.id = "other".into();
        story.page(10, "/a").merged_into(12, "visit");
        story.go_on_in(survivor);
        story.page(13, next);
        let said = story.said().into_iter();
        said.filter(|line| line.starts_with("offer") && line.contains("withdrawn"))
            .collect::<Vec<_>>()
    };
    assert_eq!(withdrawn("/p"), ["offer y withdrawn page_left"]);
    assert_eq!(withdrawn("/q"), ["offer x withdrawn page_left"]);
    let both = ["offer y withdrawn page_left", "offer x withdrawn page_left"];
    assert_eq!(withdrawn("/r"), both);
}

#[test]
fn what_a_page_takes_back_is_told_after_what_it_assigns_and_before_what_it_offers() {
    let here = r#","pageUrlConditions":[{"operator":"containsAny","values":["/a"]}]"#;
    let thanks = r#"{"kind":"segment","id":"s","displayName":"S","journey":{"patterns":[
        {"criteria":[{"key":"page.pathname","operator":"equal","values":["/thanks"]}]}]}}"#;
    let lines = [
        "5 assigned s by e2",
        "offer m withdrawn page_left",
        "5 m withdrawn",
        "5 n qualified",
        "offer n offered",
        "5 n offered",
    ];
    check(
        &[
            map("m", here),
            thanks.to_owned(),
            triggered("n", "/thanks", ""),
        ],
        |story| _ = story.page(0, "/a").page(5, "/thanks"),
        &[&OFFERED[..], &lines].concat(),
    );
}

#[test]
fn an_offer_is_shown_as_open_until_it_is_withdrawn() {
    let mut story = one_map();
    story.page(0, "/b");
    assert_eq!(story.open_offers(), Some(0.0));
    story.page(1, "/a");
    assert_eq!(story.open_offers(), Some(1.0));
    story.end(5);
    assert_eq!(story.open_offers(), Some(0.0));
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
fn no_offer_is_made_any_more_once_consent_for_personalisation_is_withdrawn() {
    for restores in [false, true] {
        let told = |story: &mut Story| {
            story.restores = restores;
            story.page(0, "/b");
            // As the sessionizer shows it from then on.
            story.visit.consent.purposes = vec!["visits".into()];
            story
                .control_of(100, "consent_withdrawn", &["personalisation"])
                .mark(301);
        };
        let said = [
            "100 consent withdrawn",
            "300 m qualified",
            "300 m blocked NoConsent",
        ];
        check(&[DWELL.to_owned()], told, &said);
    }
}

#[test]
fn an_open_offer_goes_with_the_consent_that_the_next_page_no_longer_gives() {
    let mut story = one_map();
    story.page(0, "/a");
    assert_eq!(story.open_offers(), Some(1.0));
    story.visit.consent.purposes = vec!["visits".into()];
    story.page(1, "/a");
    assert_eq!(story.open_offers(), Some(0.0));
    let withdrawn = "offer m withdrawn consent_withdrawn".to_owned();
    assert!(story.said().contains(&withdrawn), "{:?}", story.said());
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
