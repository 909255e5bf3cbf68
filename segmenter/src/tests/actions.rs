//! Action maps: what is offered, and what stands in the way.

mod reports;
mod withdrawals;

use journey::Offer;
use schemas::{Record as _, to_bytes};

use super::story::{Story, at, texts};

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

/// A map that is triggered by five minutes on the page `/b`.
const DWELL: &str = r#"{"kind":"actionMap","id":"m","displayName":"m","action":{"mediaType":"contentOffer"},
    "triggerWithEventConditions":[{"key":"page.pathname","operator":"equal","values":["/b"],"dwellSeconds":300}]}"#;

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
    let for_visits_alone = |story: &mut Story| story.visit.consent.purposes = vec!["visits".into()];
    blocked("", for_visits_alone, "NoConsent");
}

#[test]
fn consent_that_lists_personalisation_or_lists_nothing_is_for_offers_too() {
    for purposes in [&[][..], &["visits", "personalisation"]] {
        let told = |story: &mut Story| {
            story.visit.consent.purposes = texts(purposes);
            story.page(0, "/a");
        };
        check(&[map("m", "")], told, &OFFERED);
    }
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
    let silent = |story: &mut Story| _ = story.page(0, "/b").away(60).mark(301);
    check(
        &[DWELL.to_owned()],
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
        &[DWELL.to_owned()],
        stopped,
        &["70 away", "300 m qualified", "300 m blocked VisitorAway"],
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
