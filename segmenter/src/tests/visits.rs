//! What is remembered of visits, and told of them: how much, of which page, and under which ids.

use journey::{Text, visit::end_reason};
use schemas::to_bytes;

use super::{
    actions::{one_map, story},
    story::{Story, at},
};
use crate::{Output, output::VISITS_FORGOTTEN_TOTAL};

#[test]
fn a_visitor_with_very_many_visits_stays_within_its_size_and_the_oldest_offers_are_forgotten() {
    let mut story = one_map();
    let long = Text::from(format!("https://shop.example/{}", "x".repeat(4_000)));
    for n in 0..200 {
        story.next_visit(&format!("visit-{n}"));
        story.visit.first_page.url = long.clone();
        story.page(n * 100, "/a").end(n * 100 + 50);
        let weight = story.state().map_or(0, |visitor| to_bytes(visitor).len());
        assert!(weight <= 256 * 1024, "{weight} bytes after {n} visits");
    }
    let forgotten = |output: &&Output| {
        matches!(output, Output::Count(counter, end_reason::TOO_LARGE)
            if std::ptr::eq(*counter, &raw const VISITS_FORGOTTEN_TOTAL))
    };
    let forgotten = story.out.iter().filter(forgotten).count();
    let known = story.state().map_or(0, |visitor| visitor.visits.len());
    assert_eq!(forgotten + known, 200);
    assert!(known > 40, "{known} are still known");

    let offers = story.offers().filter(|offer| offer.sequence == 1);
    let ids: Vec<_> = offers.map(|offer| offer.id.0.clone()).collect();
    let last = |story: &Story| story.said().last().cloned().unwrap_or_default();
    story.report_on(20_000, "accepted", &ids[0]);
    assert_eq!(last(&story), "dead letter unknown_offer");
    story.report_on(20_000, "accepted", &ids[199]);
    assert!(last(&story).contains("accepted"), "{}", last(&story));
}

#[test]
fn the_start_of_a_visit_is_on_the_page_that_opens_it() {
    for condenses in [false, true] {
        let mut story = one_map();
        story.condenses = condenses;
        story.page_class = "no_link".into();
        story.visit.page_class = "no_link".into();
        story.page(0, "/a");
        let classes: Vec<_> = story.events().map(|event| event.page_class).collect();
        assert!(
            classes.iter().all(|class| *class == "no_link"),
            "{classes:?}"
        );
    }
}

#[test]
fn a_page_that_is_only_counted_meets_no_rule_though_a_straggler_turns_back_to_it() {
    let dwell = r#"{"kind":"segment","id":"s","displayName":"S","journey":{"patterns":[
        {"criteria":[{"key":"page.pathname","operator":"equal","values":["/account"]}],"dwellSeconds":60}]}}"#;
    let assigned = |class: &str| {
        let mut story = story(&[dwell.to_owned()]);
        story.page(0, "/shop");
        story.page_class = class.into();
        story.visit.page_class = class.into();
        story.page(10, "/account");
        let account = (story.visit.clone(), story.since);
        story.page_class = "none".into();
        story.page(15, "/shop");
        // It came last, and happened before the visitor was on the account's page again.
        (story.visit, story.since) = (account.0, Some(at(20)));
        let cause = story.cause(16);
        story.tell("activity", 16, |event| event.cause = Some(cause));
        story.mark(200);
        story.said().iter().any(|line| line.contains("assigned s"))
    };
    assert!(assigned("none"));
    assert!(!assigned("count_only"));
}

#[test]
fn what_is_told_of_a_visit_that_was_let_go_has_ids_of_its_own() {
    let mut story = one_map();
    story.page(0, "/b");
    let told: Vec<_> = story.events().map(|event| event.id).collect();
    story.evict();
    story.end(1_800);
    let again = story.events().last().expect("the end");
    assert_eq!(
        (again.sequence, again.event_type.as_str()),
        (1, "SessionEvent")
    );
    assert!(!told.contains(&again.id), "the id of another event");
}
