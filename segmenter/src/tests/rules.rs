//! Segments and outcomes: what a visit is in, and when.

use super::story::{Story, at};

/// Segments of these patterns.
fn segment(id: &str, patterns: &str) -> String {
    format!(
        r#"{{"kind":"segment","id":"{id}","displayName":"{id}","journey":{{"patterns":[{patterns}]}}}}"#
    )
}

fn on(path: &str, rest: &str) -> String {
    format!(
        r#"{{"criteria":[{{"key":"page.pathname","operator":"equal","values":["{path}"]}}]{rest}}}"#
    )
}

/// Tells `story` under `definitions`: everything that is said after the visit's start.
fn check(definitions: &[String], story: impl FnOnce(&mut Story), expected: &[&str]) {
    let mut told = Story::new(&format!("[{}]", definitions.join(",")));
    story(&mut told);
    assert_eq!(
        told.said()
            .into_iter()
            .filter(|line| line != "0 started")
            .collect::<Vec<_>>(),
        expected
    );
}

#[test]
fn a_segment_is_assigned_once_and_stays() {
    let pricing = segment("pricing", &on("/pricing", ""));
    check(
        &[pricing],
        |story| {
            story
                .page(0, "/")
                .page(5, "/pricing")
                .page(9, "/")
                .page(12, "/pricing");
        },
        &["5 assigned pricing by e2"],
    );
}

#[test]
fn patterns_are_met_in_the_order_defined() {
    let both = segment("both", &format!("{},{}", on("/a", ""), on("/b", "")));
    check(
        std::slice::from_ref(&both),
        |story| _ = story.page(0, "/b").page(1, "/a"),
        &[],
    );
    check(
        &[both],
        |story| _ = story.page(0, "/b").page(1, "/a").page(2, "/b"),
        &["2 assigned both by e2 e3"],
    );
}

#[test]
fn one_event_may_meet_a_pattern_and_the_next() {
    let both = segment(
        "both",
        &format!(r#"{},{{"eventName":"page_viewed"}}"#, on("/a", "")),
    );
    check(
        &[both],
        |story| _ = story.page(0, "/a"),
        &["0 assigned both by e1"],
    );
}

#[test]
fn a_count_counts_events_and_no_event_twice() {
    let thrice = segment("thrice", &on("/a", r#","count":3"#));
    check(
        &[thrice],
        |story| {
            _ = story
                .page(0, "/a")
                .page(1, "/b")
                .page(2, "/a")
                .event(3, "clicked", "/a")
        },
        &["3 assigned thrice by e1 e3 e4"],
    );
}

#[test]
fn an_event_that_meets_a_pattern_counts_once_in_the_next() {
    let visits = segment(
        "three",
        &format!("{},{}", on("/a", ""), on("/a", r#","count":2"#)),
    );
    check(
        &[visits],
        |story| _ = story.page(0, "/a").page(1, "/b").page(2, "/a"),
        &["2 assigned three by e1 e3"],
    );
}

#[test]
fn a_ping_meets_no_pattern() {
    let twice = segment("twice", &on("/a", r#","count":2"#));
    check(
        &[twice],
        |story| _ = story.page(0, "/a").ping(10).ping(20),
        &[],
    );
}

#[test]
fn a_context_is_looked_at_when_the_visit_looks_different() {
    let context = |id: &str, rest: &str| {
        format!(
            r#"{{"kind":"segment","id":"{id}","displayName":"{id}","context":{{"patterns":[{{"criteria":
                [{{"key":"authenticated","operator":"equal","values":["true"]}}]}}]}}{rest}}}"#
        )
    };
    let journey = format!(r#","journey":{{"patterns":[{}]}}"#, on("/a", ""));
    let definitions = [context("known", ""), context("known-on-a", &journey)];
    let story = |story: &mut Story| {
        story.page(0, "/a").page(1, "/b");
        story.visit.authenticated = true;
        story.page(2, "/c").page(3, "/a");
    };
    check(
        &definitions,
        story,
        &["2 assigned known by e3", "2 assigned known-on-a by e1"],
    );
}

#[test]
fn an_outcome_is_achieved_once_with_the_value_of_the_event_that_achieved_it() {
    let order = r#"{"kind":"outcome","id":"order","displayName":"Order","journey":{"patterns":[{"eventName":"bought"}]},
        "associatedValueField":{"dataType":"Number","name":"price"}}"#;
    let story = |story: &mut Story| {
        story.attributes = vec![("price", "12.5".to_owned())];
        story
            .page(0, "/")
            .event(1, "bought", "/cart")
            .event(2, "bought", "/cart");
    };
    check(
        &[order.to_owned()],
        story,
        &["1 achieved order worth 12.5 after 0 offers"],
    );
}

#[test]
fn a_dwell_is_met_with_no_event_arriving() {
    let dwell = segment("reader", &on("/a", r#","dwellSeconds":300"#));
    check(
        &[dwell],
        |story| _ = story.page(0, "/a").mark(300).mark(301),
        &["300 assigned reader by e1"],
    );
}

#[test]
fn a_dwell_is_not_met_once_the_page_is_left_nor_by_coming_back() {
    let dwell = segment("reader", &on("/a", r#","dwellSeconds":300"#));
    check(
        &[dwell],
        |story| {
            _ = story
                .page(0, "/a")
                .page(200, "/b")
                .page(250, "/a")
                .mark(549)
        },
        &[],
    );
}

#[test]
fn a_dwell_fires_before_the_record_that_leaves_the_page_after_it() {
    let dwell = segment("reader", &on("/a", r#","dwellSeconds":300"#));
    check(
        &[dwell],
        |story| _ = story.page(0, "/a").page(301, "/b"),
        &["300 assigned reader by e1"],
    );
}

#[test]
fn a_dwell_past_the_visits_own_end_is_met_only_if_the_visit_goes_on() {
    let dwell = segment("reader", &on("/a", r#","dwellSeconds":1500"#));
    check(
        std::slice::from_ref(&dwell),
        |story| _ = story.page(0, "/a").mark(5000),
        &[],
    );
    check(
        &[dwell],
        |story| _ = story.page(0, "/a").ping(600).mark(5000),
        &["1500 assigned reader by e1"],
    );
}

#[test]
fn a_dwell_without_presence_counts_on_while_the_visitor_is_away() {
    let dwell = segment("reader", &on("/a", r#","dwellSeconds":300"#));
    let story = |story: &mut Story| _ = story.page(0, "/a").away(60).mark(301);
    check(&[dwell], story, &["60 away", "300 assigned reader by e1"]);
}

#[test]
fn a_dwell_with_presence_stops_when_the_visitor_is_away_and_starts_anew_when_back() {
    let dwell = segment(
        "reader",
        &on("/a", r#","dwellSeconds":100,"presence":true"#),
    );
    let story = |story: &mut Story| {
        story
            .page(0, "/a")
            .away(60)
            .mark(400)
            .ping(500)
            .mark(600)
            .mark(601);
    };
    check(
        &[dwell],
        story,
        &["60 away", "500 resumed", "600 assigned reader by e1"],
    );
}

#[test]
fn one_stay_is_one_dwell() {
    let twice = segment("twice", &on("/a", r#","dwellSeconds":60,"count":2"#));
    let stays = |story: &mut Story| {
        _ = story
            .page(0, "/a")
            .ping(30)
            .mark(90)
            .event(95, "clicked", "/a")
            .mark(200)
    };
    check(std::slice::from_ref(&twice), stays, &[]);
    let back = |story: &mut Story| {
        _ = story
            .page(0, "/a")
            .mark(90)
            .page(95, "/b")
            .page(100, "/a")
            .mark(200)
    };
    check(&[twice], back, &["160 assigned twice by e1 e3"]);
}

#[test]
fn what_a_timer_says_carries_its_deadline() {
    let dwell = segment("reader", &on("/a", r#","dwellSeconds":300"#));
    let mut story = Story::new(&format!("[{dwell}]"));
    story.page(0, "/a").mark(900);
    let told = story.events().last().expect("the assignment");
    assert_eq!((told.created_date, told.received_date), (at(300), at(300)));
    assert_eq!(told.correlation_id.as_deref(), Some("e1"));
}

#[test]
fn another_version_starts_afresh_and_what_is_assigned_stays() {
    let version = |count: u32| {
        format!(
            "[{},{}]",
            segment("done", &on("/a", "")),
            segment("twice", &on("/a", &format!(r#","count":{count}"#)))
        )
    };
    let mut story = Story::new(&version(2));
    story.page(0, "/a");
    story.adopt(2, &version(2));
    story.page(1, "/a").page(2, "/a");
    story.check(&[
        "0 started",
        "0 assigned done by e1",
        "2 assigned twice by e2 e3",
    ]);
}

#[test]
fn a_merge_unites_assignments_drops_the_others_progress_and_arms_the_last_pages_dwell_again() {
    let definitions = [
        segment("a", &on("/a", "")),
        segment("both", &format!("{},{}", on("/a", ""), on("/c", ""))),
        segment("reader", &on("/b", r#","dwellSeconds":60"#)),
    ];
    let mut story = Story::new(&format!("[{}]", definitions.join(",")));
    story.page(0, "/c");
    let survivor = story.visit.clone();
    story.visit.id = "other".into();
    story.page(10, "/a").page(11, "/b").merged_into(12, "visit");
    story.visit = journey::Visit {
        last_page: story.visit.last_page.clone(),
        id: survivor.id,
        ..story.visit.clone()
    };
    // The event that joins the two is an older one: the page that the visit is on is the other's last.
    let (since, last_page) = (story.since, story.visit.last_page.clone());
    let mut cause = story.cause(5);
    cause.web_event = Some(journey::web_event::Activity {
        event_name: "clicked".into(),
        ..Default::default()
    });
    story.visit.last_page = last_page;
    story.tell("activity", 12, |event| {
        event.cause = Some(cause);
        event.last_page_date = since;
    });
    story
        .page(13, "/b")
        .mark(100)
        .page(101, "/c")
        .page(102, "/a");
    assert_eq!(
        story.said(),
        [
            "0 started",
            "10 assigned a by e2",
            "12 merged",
            "71 assigned reader by e4"
        ],
        "neither a nor both again: one is assigned, of the other /a must come before /c"
    );
}

#[test]
fn of_a_count_only_page_nothing_is_told_but_that_it_was_there() {
    let a = segment("a", &on("/a", ""));
    let mut story = Story::new(&format!("[{a}]"));
    story.page_class = "count_only".into();
    story.visit.page_class = "count_only".into();
    story.page(0, "/a").end(1200);
    story.check(&["0 started", "suppressed count_only", "1200 ended"]);
    let told = story
        .events()
        .last()
        .expect("the end")
        .visit
        .clone()
        .expect("the visit");
    assert!(told.last_page.url.is_empty());
}

#[test]
fn the_sequence_has_no_gap_and_ids_are_a_function_of_it() {
    let a = segment("a", &on("/a", ""));
    let mut story = Story::new(&format!("[{a}]"));
    story
        .page(0, "/a")
        .page(1, "/b")
        .away(61)
        .page(70, "/a")
        .end(1270);
    let sequence: Vec<_> = story.events().map(|event| event.sequence).collect();
    assert_eq!(sequence, (1..=sequence.len() as i64).collect::<Vec<_>>());
    let types: Vec<_> = story
        .events()
        .take(4)
        .map(|event| event.event_type.to_string())
        .collect();
    assert_eq!(
        types,
        [
            "SessionEvent",
            "WebEvent",
            "SegmentAssignmentEvent",
            "WebEvent"
        ]
    );
    assert!(
        story.state().is_none(),
        "a visit without offers is forgotten when it ends"
    );
}
