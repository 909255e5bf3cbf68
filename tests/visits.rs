//! Visits against their oracle: the same in every order, wherever marks fall, from every restored state; and the timelines of
//! `docs/semantics.md`, which are read and run.

#[path = "src/mixed.rs"]
mod mixed;
#[path = "src/timeline.rs"]
mod timeline;
#[path = "src/traffic.rs"]
mod traffic;

use std::collections::BTreeMap;

use journey::{CustomerId, EventId, Millis, Timestamp, Visit, VisitEvent, VisitId, visit::kind};
use journey_tests::oracle::{self, Attention, EndedVisit};
use proptest::prelude::*;
use sessionizer::{Event, Happening, Output};
use timeline::Timeline;
use traffic::{Arrival, arrivals, delays, draws, record};

const TIMEOUT: i64 = 20 * 60_000;
const GRACE: i64 = 15 * 60_000;

#[test]
fn the_document_is_the_test() {
    let document = include_str!("../docs/semantics.md");
    let timelines = Timeline::all_of(document);
    assert!(
        timelines.len() >= 75,
        "the seven cases of other engines, and 68 of our own"
    );
    let mut wrong = String::new();
    for (line, timeline) in timelines {
        let (text, right) = timeline.play(false);
        assert_eq!(
            timeline.play(true).0,
            text,
            "restored at every step, line {line} says the same"
        );
        if !right {
            wrong.push_str(&format!(
                "docs/semantics.md, line {line}, should read:\n\n{text}\n"
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Everything said, by visitor; each record's outputs apart, so that fates can be counted.
#[derive(Debug, Default)]
struct Said {
    all: Vec<(String, VisitEvent)>,
    suppressed: usize,
    late: usize,
    fates: usize,
}

impl Said {
    fn hear(&mut self, visitor: Option<&str>, out: Vec<Output>) {
        for output in out {
            match output {
                Output::Visit(happening) => {
                    self.fates += usize::from(happening.kind == kind::ACTIVITY);
                    self.all
                        .push((visitor.unwrap_or_default().to_owned(), told(&happening)));
                }
                Output::Suppressed(_) => {
                    (self.suppressed, self.fates) = (self.suppressed + 1, self.fates + 1)
                }
                Output::Late(_) => (self.late, self.fates) = (self.late + 1, self.fates + 1),
            }
        }
    }

    fn ended(&self) -> Vec<EndedVisit> {
        self.of_each_ended(summary)
    }

    fn attention(&self) -> Vec<Attention> {
        self.of_each_ended(attention)
    }

    fn of_each_ended<T: Ord>(&self, say: fn(&str, &Visit, &VisitEvent) -> T) -> Vec<T> {
        let ended = self
            .all
            .iter()
            .filter(|(_, happening)| happening.kind == kind::ENDED);
        let mut ended: Vec<_> = ended
            .map(|(visitor, happening)| say(visitor, visit(happening), happening))
            .collect();
        ended.sort();
        ended
    }
}

/// The record as its readers see it.
fn told(happening: &Happening) -> VisitEvent {
    let key = CustomerId::default();
    happening.record(&key).expect("what is told can be read")
}

fn visit(happening: &VisitEvent) -> &Visit {
    happening
        .visit
        .as_ref()
        .expect("there is no report and no control record here")
}

fn attention(visitor: &str, visit: &Visit, ended: &VisitEvent) -> Attention {
    Attention {
        visitor: visitor.to_owned(),
        first: visit.created_date.0,
        page_since: ended.last_page_date.expect("a visit has a last page").0,
        on_last_page: visit.last_page_millis.expect("every visit tells it"),
        engaged: visit.engaged_millis.expect("every visit tells it"),
    }
}

fn summary(visitor: &str, visit: &Visit, _: &VisitEvent) -> EndedVisit {
    EndedVisit {
        visitor: visitor.to_owned(),
        first: visit.created_date.0,
        last: visit.last_event_date.0,
        event_count: visit.event_count,
        pageview_count: visit.pageview_count,
        entry_page: visit.first_page.url.to_string(),
        exit_page: visit.last_page.url.to_string(),
    }
}

/// As [`run_where`], at a deployment whose pings extend visits.
fn run(arrivals: &[Arrival], marks: &[bool], restores: &[bool]) -> Said {
    run_where(true, arrivals, marks, restores)
}

/// Runs the sessionizer over what arrives where pings extend visits or do not, with a mark where `marks` says so (by index, round
/// and round), and restored from bytes where `restores` says so. Checks what holds of any input.
fn run_where(pings_extend: bool, arrivals: &[Arrival], marks: &[bool], restores: &[bool]) -> Said {
    let (mut fold, mut said) = (timeline::fold(), Said::default());
    let mut owners: BTreeMap<VisitId, String> = BTreeMap::new();
    let turn = |choices: &[bool], i: usize| {
        choices
            .get(i % choices.len().max(1))
            .copied()
            .unwrap_or(false)
    };
    for (i, arrival) in arrivals.iter().enumerate() {
        let mut out = Vec::new();
        fold.apply(Event::from(&record(arrival, pings_extend)), &mut out);
        owners.extend(out.iter().filter_map(|output| match output {
            Output::Visit(happening) => Some((
                visit(&told(happening)).id.clone(),
                arrival.1.visitor.clone(),
            )),
            _ => None,
        }));
        said.hear(Some(&arrival.1.visitor), out);
        if turn(marks, i) {
            let mut out = Vec::new();
            timeline::mark(&mut fold, Timestamp(arrival.0), Millis(GRACE), &mut out);
            hear_timers(&mut said, &owners, out);
        }
        if turn(restores, i) {
            fold = timeline::restored(&fold);
        }
    }
    let mut out = Vec::new();
    timeline::mark(&mut fold, Timestamp(i64::MAX), Millis(GRACE), &mut out);
    hear_timers(&mut said, &owners, out);
    assert!(fold.is_empty(), "state returns to empty");
    check_always(arrivals, &said);
    said
}

fn hear_timers(said: &mut Said, owners: &BTreeMap<VisitId, String>, out: Vec<Output>) {
    for output in out {
        let Output::Visit(happening) = &output else {
            panic!("a timer only speaks of visits")
        };
        let owner = owners.get(&visit(&told(happening)).id).cloned();
        said.hear(owner.as_deref(), vec![output]);
    }
}

/// What holds of any input, however late.
fn check_always(arrivals: &[Arrival], said: &Said) {
    assert_eq!(
        said.fates,
        arrivals.len(),
        "every event ends as exactly one of forwarded, suppressed, dead-lettered"
    );
    check_stories(said.all.iter().map(|(_, happening)| happening));
    for pair in said.ended().windows(2) {
        assert!(
            pair[0].visitor != pair[1].visitor || pair[0].last < pair[1].first,
            "visits never overlap: {pair:?}"
        );
    }
}

/// What is told of each visit is a whole story; reports and control records are none of it.
fn check_stories<'a>(told: impl Iterator<Item = &'a VisitEvent>) {
    let mut stories: BTreeMap<&VisitId, Vec<&VisitEvent>> = BTreeMap::new();
    for happening in told {
        if !matches!(happening.kind.as_str(), kind::ENGAGEMENT | kind::CONTROL) {
            let story = stories.entry(&visit(happening).id).or_default();
            story.push(happening);
        }
    }
    stories.values().for_each(|story| check_story(story));
}

/// What is told of one visit begins, turns and ends as it should, and its transitions never go back in time.
fn check_story(story: &[&VisitEvent]) {
    assert_eq!(story[0].kind, kind::STARTED);
    let (mut presence, mut over, mut last) = ("active", false, story[0].time);
    for happening in &story[1..] {
        assert!(!over, "nothing follows a visit's last record");
        match (happening.kind.as_str(), presence) {
            (kind::ACTIVITY, _) => continue,
            (kind::IDLE, "active") => presence = "idle",
            (kind::AWAY, "idle") => presence = "away",
            (kind::RESUMED, "idle" | "away") => presence = "active",
            (kind::ENDED | kind::MERGED, _) => over = true,
            (other, presence) => panic!("{other} while {presence}"),
        }
        assert!(
            happening.time >= last,
            "a transition is never before the one before it"
        );
        last = happening.time;
    }
    assert!(over, "every visit ends, or goes into another");
}

/// What became of visits that went into others: the visit in which each is in the end.
fn homes<'a>(
    told: impl DoubleEndedIterator<Item = &'a VisitEvent>,
) -> BTreeMap<&'a VisitId, &'a VisitId> {
    let mut homes = BTreeMap::new();
    // From the last on: where a visit goes, that may go on later.
    for event in told.rev() {
        if let (Some(visit), Some(other)) = (&event.visit, &event.merged_into) {
            let home = homes.get(other).copied().unwrap_or(other);
            homes.insert(&visit.id, home);
        }
    }
    homes
}

/// No event in two visits, and no silence inside a visit beyond the timeout, which no ping breaks where it extends nothing.
fn check_silence(said: &Said, pings_extend: bool) {
    let homes = homes(said.all.iter().map(|(_, happening)| happening));
    let mut events: BTreeMap<(&String, &EventId), (&VisitEvent, i64)> = BTreeMap::new();
    for (visitor, happening) in &said.all {
        if let Some(event) = &happening.cause {
            let known = events.insert((visitor, &event.event_id), (happening, event.occurred_at.0));
            assert!(known.is_none(), "no event in two visits");
        }
    }
    let mut times: BTreeMap<&VisitId, Vec<i64>> = BTreeMap::new();
    let breaks = |happening: &VisitEvent| pings_extend || !happening.ping;
    for (happening, at) in events.into_values().filter(|(told, _)| breaks(told)) {
        let id = &visit(happening).id;
        let home = homes.get(id).copied().unwrap_or(id);
        times.entry(home).or_default().push(at);
    }
    for times in times.values_mut() {
        times.sort_unstable();
        assert!(
            times.windows(2).all(|pair| pair[1] - pair[0] <= TIMEOUT),
            "no silence beyond the timeout"
        );
    }
}

/// What was said, as it can be compared between runs whose marks fall in the same places.
fn lines(said: &Said) -> Vec<String> {
    said.all
        .iter()
        .map(|(visitor, happening)| format!("{visitor} {happening:?}"))
        .collect()
}

fn choices() -> impl Strategy<Value = Vec<bool>> {
    prop::collection::vec(any::<bool>(), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn within_grace_visits_are_those_of_the_oracle(
        draws in draws(GRACE), marks in choices(), pings_extend in any::<bool>(),
    ) {
        let arrivals = arrivals(&draws);
        let said = run_where(pings_extend, &arrivals, &marks, &[]);
        let mut events: Vec<_> = arrivals.iter().map(|(_, event)| event.clone()).collect();
        if pings_extend {
            prop_assert_eq!(said.attention(), oracle::attention(&events));
            prop_assert_eq!(said.late, 0);
        } else {
            events = oracle::without_pings(&events);
        }
        prop_assert_eq!(said.ended(), oracle::sessionize(&events));
        check_silence(&said, pings_extend);
    }

    #[test]
    fn within_grace_the_place_of_marks_and_the_order_of_events_do_not_matter(
        draws in draws(GRACE), one in choices(), other in choices(), seed in any::<u64>(),
    ) {
        let arrivals = arrivals(&draws);
        let mut shuffled = arrivals.clone();
        shuffled.sort_by_key(|(_, event)| (event.at ^ seed as i64).wrapping_mul(0x9e37_79b9_7f4a_7c15u64 as i64));
        let ended = run(&arrivals, &one, &[]).ended();
        prop_assert_eq!(&run(&arrivals, &other, &[]).ended(), &ended);
        prop_assert_eq!(&run(&shuffled, &[], &[]).ended(), &ended);
    }

    #[test]
    fn within_grace_it_does_not_matter_which_event_takes_how_long_to_arrive(
        mut draws in draws(GRACE), delays in delays(), one in choices(), other in choices(),
    ) {
        let said = run(&arrivals(&draws), &one, &[]);
        draws.iter_mut().zip(delays).for_each(|(draw, delay)| draw.delay = delay);
        let shuffled = run(&arrivals(&draws), &other, &[]);
        prop_assert_eq!(shuffled.ended(), said.ended());
        prop_assert_eq!(shuffled.attention(), said.attention());
    }

    #[test]
    fn duplicates_do_not_matter(mut draws in draws(GRACE), marks in choices()) {
        let with = run(&arrivals(&draws), &marks, &[]).ended();
        draws.iter_mut().for_each(|draw| draw.duplicate = None);
        prop_assert_eq!(run(&arrivals(&draws), &marks, &[]).ended(), with);
    }

    #[test]
    fn restoring_at_any_point_changes_nothing(draws in draws(3 * GRACE), marks in choices(), restores in choices()) {
        let arrivals = arrivals(&draws);
        prop_assert_eq!(lines(&run(&arrivals, &marks, &restores)), lines(&run(&arrivals, &marks, &[])));
    }

    #[test]
    fn however_late_events_come_visits_never_overlap_and_nothing_disappears(
        draws in draws(4 * GRACE), marks in choices(), pings_extend in any::<bool>(),
    ) {
        run_where(pings_extend, &arrivals(&draws), &marks, &[]);
    }
}
