//! What holds of every story: random events, silences, reports, merges and marks under random definitions.

use std::collections::{BTreeMap, BTreeSet};

use journey::{
    Text, Timestamp,
    web_event::{Activity, Attribute, Page},
};
use proptest::prelude::*;

use super::story::{Story, at, set};
use crate::{
    compile::Compiled,
    fields::Facts,
    input::Deed,
    progress::{Hit, Seen},
    rule::Rule,
    state::Memory,
    visit::Visit,
};

/// One step of a story: how long after the one before, and what.
#[derive(Clone, Copy, Debug)]
enum Step {
    Page(usize),
    Event(usize),
    Ping,
    Away,
    Report(usize, usize),
    Merge,
    Mark,
    NextVisit,
    Withdraw,
}

const PATHS: [&str; 4] = ["/a", "/b", "/a/c", "/"];
const REPORTS: [&str; 9] = [
    "accepted",
    "rejected",
    "timedout",
    "ignored",
    "started",
    "engaged",
    "abandoned",
    "completed",
    "offered",
];

fn step() -> impl Strategy<Value = (i64, Step)> {
    let step = prop_oneof![
        6 => (0..PATHS.len()).prop_map(Step::Page),
        3 => (0..PATHS.len()).prop_map(Step::Event),
        2 => Just(Step::Ping),
        2 => Just(Step::Away),
        6 => (0..REPORTS.len(), 0..3usize).prop_map(|(state, offer)| Step::Report(state, offer)),
        1 => Just(Step::Merge),
        4 => Just(Step::Mark),
        1 => Just(Step::NextVisit),
        1 => Just(Step::Withdraw),
    ];
    (
        prop_oneof![4 => 0..40i64, 2 => 40..400i64, 1 => 400..20_000i64],
        step,
    )
}

const DEFINITIONS: &str = r#"[
    {"kind":"routePath","id":"r","queueId":"q","mediaType":"message","timeZone":"Europe/London"},
    {"kind":"segment","id":"s1","displayName":"S1","journey":{"patterns":[
        {"criteria":[{"key":"page.pathname","operator":"startsWith","values":["/a"]}],"count":2},
        {"eventName":"clicked"}]}},
    {"kind":"segment","id":"s2","displayName":"S2","journey":{"patterns":[
        {"criteria":[{"key":"page.pathname","operator":"equal","values":["/b"]}],"dwellSeconds":30,"presence":true}]}},
    {"kind":"outcome","id":"o1","displayName":"O1","journey":{"patterns":[{"eventName":"clicked","count":3}]}},
    {"kind":"actionMap","id":"m1","displayName":"M1","action":{"mediaType":"x","routePathId":"r"},"weight":1,
        "triggerWithEventConditions":[{"key":"page.pathname","operator":"equal","values":["/"]}]},
    {"kind":"actionMap","id":"m2","displayName":"M2","action":{"mediaType":"x","routePathId":"r"},
        "triggerWithSegments":["s1","s2"],"pageUrlConditions":[{"operator":"containsAny","values":["/a","/b"]}]},
    {"kind":"actionMap","id":"m3","displayName":"M3","action":{"mediaType":"x","routePathId":"r"},"offerLifeSeconds":600,
        "triggerWithEventConditions":[{"key":"page.pathname","operator":"equal","values":["/a"],"dwellSeconds":20}]}]"#;

/// Tells a story; `inspect` is called after every step.
fn tell(steps: &[(i64, Step)], restores: bool, inspect: impl FnMut(&Story)) -> Story {
    let mut story = Story::new(DEFINITIONS);
    story.restores = restores;
    go_on(story, steps, inspect)
}

fn go_on(mut story: Story, steps: &[(i64, Step)], mut inspect: impl FnMut(&Story)) -> Story {
    let (mut now, mut visits) = (0, 0);
    for (after, step) in steps {
        now += after;
        match step {
            Step::Page(path) => _ = story.page(now, PATHS[*path]),
            Step::Event(path) => _ = story.event(now, "clicked", PATHS[*path]),
            Step::Ping => _ = story.ping(now),
            Step::Away if story.is_started() => _ = story.away(now),
            Step::Mark => _ = story.mark(now),
            Step::Report(state, back) => {
                let ids: BTreeSet<_> = story.offers().map(|offer| offer.id.0.clone()).collect();
                if let Some(id) = ids.iter().rev().nth(*back) {
                    story.report_on(now, REPORTS[*state], id);
                }
            }
            Step::Merge if story.is_started() => {
                story.merged_into(now, &format!("v{}", visits + 1));
                visits += 1;
                story.next_visit(&format!("v{visits}"));
            }
            Step::NextVisit if story.is_started() => {
                story.end(now);
                visits += 1;
                story.next_visit(&format!("v{visits}"));
            }
            Step::Withdraw if story.is_started() => {
                _ = story.control_of(now, "consent_withdrawn", &["contact"])
            }
            _ => {}
        }
        inspect(&story);
    }
    story.mark(now + 100_000);
    inspect(&story);
    story
}

proptest! {
    #[test]
    fn the_sequence_of_a_visit_has_no_gap_and_every_id_is_its_own(steps in prop::collection::vec(step(), 1..60)) {
        let story = tell(&steps, false, |_| {});
        let mut last: BTreeMap<Text, i64> = BTreeMap::new();
        let mut ids = BTreeSet::new();
        for event in story.events() {
            let last = last.entry(event.session.id.clone()).or_insert(0);
            prop_assert_eq!(event.sequence, *last + 1);
            *last = event.sequence;
            prop_assert!(ids.insert(event.id.clone()));
        }
        for signal in story.signals() {
            prop_assert!(ids.insert(signal.id.clone()));
        }
    }

    #[test]
    fn no_visit_ever_makes_a_second_offer_while_one_is_open(steps in prop::collection::vec(step(), 1..60)) {
        tell(&steps, false, |story| {
            for memory in story.state().into_iter().flat_map(|state| &state.visits) {
                let open = memory.offers.iter().filter_map(|offer| offer.open.as_ref());
                let sessions: Vec<_> = open.map(|offer| &offer.journey_context.customer_session.id).collect();
                let distinct: BTreeSet<_> = sessions.iter().collect();
                assert_eq!(distinct.len(), sessions.len(), "only a merge brings two together");
            }
        });
    }

    #[test]
    fn a_restore_at_any_point_does_not_matter(steps in prop::collection::vec(step(), 1..60)) {
        let calm = tell(&steps, false, |_| {});
        let disturbed = tell(&steps, true, |_| {});
        prop_assert_eq!(format!("{:?}", calm.out), format!("{:?}", disturbed.out));
        prop_assert_eq!(calm.state(), disturbed.state());
    }

    #[test]
    fn what_an_activity_leaves_to_its_event_and_what_it_opens_are_heard_all_the_same(
        steps in prop::collection::vec(step(), 1..60),
        restores: bool,
    ) {
        let at_length = tell(&steps, false, |_| {});
        let mut story = Story::new(DEFINITIONS);
        (story.condenses, story.restores) = (true, restores);
        let condensed = go_on(story, &steps, |_| {});
        prop_assert_eq!(format!("{:?}", at_length.out), format!("{:?}", condensed.out));
        prop_assert_eq!(at_length.state(), condensed.state());
    }

    #[test]
    fn demand_is_never_less_than_nothing_and_every_visitor_is_forgotten(steps in prop::collection::vec(step(), 1..60)) {
        let mut story = tell(&steps, false, |story| assert!(story.demand().values().all(|sum| *sum > 0)));
        story.page(9_000_000, "/z").end(10_000_000);
        story.mark(20_000_000);
        prop_assert!(story.state().is_none());
    }

    #[test]
    fn what_the_index_finds_is_what_matches(
        rules in prop::collection::vec(rule(), 1..12),
        events in prop::collection::vec(event(), 1..20),
    ) {
        let set = set(1, &format!("[{}]", rules.iter().enumerate().map(|(i, r)| segment(i, r)).collect::<Vec<_>>().join(",")));
        let compiled = Compiled::new(&set);
        let (mut memory, mut naive) = (Memory::default(), vec![Naive::default(); compiled.rules.len()]);
        for event in &events {
            let id = "e".into();
            let encoded = schemas::to_bytes(event);
            let deed = Deed::of(&encoded);
            let facts = Facts::Event(&deed);
            let seen = Seen { facts, event_id: &id, at: at(0), current: true, counts: true };
            let hits = compiled.see(&mut memory, &Visit::default(), seen);
            let found: Vec<_> = hits.iter().map(|hit| hit.rule).collect();
            let expected: Vec<_> = (0..naive.len()).filter(|rule| naive[*rule].take(&compiled.rules[*rule], &facts)).collect();
            prop_assert_eq!(found, expected);
            assign(&compiled, &mut memory, &hits);
        }
    }
}

/// Where a rule stands, by the words of `docs/segments.md`: no index, no state to encode.
#[derive(Clone, Copy, Debug, Default)]
struct Naive {
    step: usize,
    count: u32,
    met: bool,
}

impl Naive {
    /// Takes an event in: each pattern in turn, as long as the event meets it, once. Whether the rule is met now.
    fn take(&mut self, rule: &Rule, facts: &Facts<'_>) -> bool {
        for at in self.step..rule.steps.len() {
            let step = &rule.steps[at];
            if self.met || at != self.step || step.dwell.is_some() || !step.meets(facts) {
                return false;
            }
            self.count += 1;
            if self.count == step.count {
                (self.step, self.count) = (at + 1, 0);
            }
        }
        let met = !self.met && self.step == rule.steps.len();
        self.met |= met;
        met
    }
}

/// Remembers what was met, as the stage does.
fn assign(compiled: &Compiled, memory: &mut Memory, hits: &[Hit]) {
    for hit in hits {
        let segment = compiled.rules[hit.rule].definition.clone();
        memory
            .segments
            .push(journey::journey_event::SegmentAssignment {
                segment,
                assigned_date: Timestamp(0),
            });
    }
}

type Criterion = (&'static str, &'static str, Vec<&'static str>, bool);

fn criterion() -> impl Strategy<Value = Criterion> {
    let keys = prop::sample::select(vec![
        "page.url",
        "eventName",
        "attributes.n.value",
        "attributes.t.value",
        "page.title",
    ]);
    let operators = prop::sample::select(vec![
        "equal",
        "notEqual",
        "containsAny",
        "containsAll",
        "notContainsAny",
        "notContainsAll",
        "startsWith",
        "endsWith",
        "greaterThan",
        "greaterThanOrEqual",
        "lessThan",
        "lessThanOrEqual",
    ]);
    let values = prop::sample::select(vec![
        "a",
        "B",
        "ab",
        "1",
        "1.0",
        "2",
        "page_viewed",
        "",
        "Ä",
    ]);
    (
        keys,
        operators,
        prop::collection::vec(values, 0..3),
        any::<bool>(),
    )
}

type Pattern = (Vec<Criterion>, Option<&'static str>, u32, bool);

fn rule() -> impl Strategy<Value = Vec<Pattern>> {
    let name = prop::option::of(prop::sample::select(vec!["page_viewed", "a", "b"]));
    prop::collection::vec(
        (
            prop::collection::vec(criterion(), 0..3),
            name,
            1..3u32,
            any::<bool>(),
        ),
        1..4,
    )
}

fn segment(index: usize, patterns: &[Pattern]) -> String {
    let patterns = patterns.iter().map(|(criteria, name, count, dwells)| {
        let criteria: Vec<_> = criteria.iter().map(|(key, operator, values, fold)| serde_json::json!(
            {"key": key, "operator": operator, "values": values, "shouldIgnoreCase": fold})).collect();
        let dwell = (*dwells && *count == 2).then_some(5);
        serde_json::json!({"criteria": criteria, "eventName": name, "count": count, "dwellSeconds": dwell})
    });
    serde_json::json!({"kind": "segment", "id": format!("s{index:02}"), "displayName": "S",
        "journey": {"patterns": patterns.collect::<Vec<_>>()}})
    .to_string()
}

fn event() -> impl Strategy<Value = Activity> {
    let text = || {
        prop::sample::select(vec![
            "", "a", "b", "B", "AB", "ab", "1", "1.0", "2.5", "-1", "x", "ä", "bab",
        ])
    };
    let name = prop::sample::select(vec!["page_viewed", "a", "b"]);
    (
        name,
        text(),
        prop::option::of(text()),
        prop::option::of(text()),
        prop::option::of(text()),
    )
        .prop_map(|(name, url, title, n, t)| {
            let attribute = |name: &str, value: &str| {
                (
                    Text::from(name),
                    Attribute {
                        data_type: "string".into(),
                        value: value.into(),
                    },
                )
            };
            let attributes = n
                .map(|v| attribute("n", v))
                .into_iter()
                .chain(t.map(|v| attribute("t", v)))
                .collect();
            let page = Page {
                url: url.into(),
                title: title.map(Text::from),
                ..Page::default()
            };
            Activity {
                event_name: name.into(),
                page,
                attributes,
                ..Activity::default()
            }
        })
}
