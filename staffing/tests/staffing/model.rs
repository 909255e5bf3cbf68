//! Whatever comes in whatever order, with marks and restores wherever they fall: the last revisions are the sums.

use std::collections::{BTreeMap, BTreeSet};

use journey::{
    Millis, Timestamp,
    demand::{DemandSignal, field},
    staffing::{Actual, INTERVAL, StaffingInterval, status},
};
use proptest::prelude::*;

use crate::timeline::{Task, WHOLE, definitions, signal};

const ROUTE_PATHS: [&str; 3] = ["a", "b", "c"];
const FIELDS: [&str; 4] = [
    field::QUALIFIED,
    field::INVITATIONS_TIMED_OUT,
    field::INVITATIONS_ACCEPTED,
    field::BLOCKED,
];
const REASONS: [&str; 3] = ["FrequencyCap", "VisitorAway", ""];
const DAY: Timestamp = Timestamp(1_795_392_000_000);

#[derive(Clone, Debug)]
enum Step {
    Signal(DemandSignal),
    /// The frontier moves on by so much, and a mark says so.
    Mark(i64),
    Restore,
}

fn signals() -> impl Strategy<Value = DemandSignal> {
    let of = |choices: &'static [&'static str]| proptest::sample::select(choices);
    (
        of(&ROUTE_PATHS),
        0..8i64,
        of(&FIELDS),
        of(&REASONS),
        prop_oneof![4 => 1..4i64, 1 => -2..0i64],
    )
        .prop_map(
            |(route_path, interval, field, reason, delta)| DemandSignal {
                reason: (field == field::BLOCKED && !reason.is_empty()).then(|| reason.into()),
                ..signal(
                    route_path,
                    DAY + Millis(interval * INTERVAL.0),
                    field,
                    delta,
                )
            },
        )
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => signals().prop_map(Step::Signal),
        3 => prop_oneof![1..2_000i64, 1..60_000i64, 1..1_800_000i64].prop_map(Step::Mark),
        1 => Just(Step::Restore),
    ];
    proptest::collection::vec(step, 1..120)
}

/// Plays the steps, then lets two hours and a half go by, within which every interval becomes final.
fn play(steps: &[Step], grace: Millis) -> Task {
    let mut task = Task::new(WHOLE, definitions(Timestamp(0), &ROUTE_PATHS[..2]), grace);
    let mut frontier = DAY;
    for step in steps {
        match step {
            Step::Signal(signal) => task.signal(signal.clone()),
            Step::Mark(by) => {
                frontier = frontier + Millis(*by);
                task.mark(frontier);
            }
            Step::Restore => task.restore(),
        }
    }
    task.mark(frontier + Millis::from_mins(150));
    task
}

type Revisions = BTreeMap<(String, Timestamp), Vec<StaffingInterval>>;

fn by_interval(task: &Task) -> Revisions {
    let mut revisions = Revisions::new();
    for interval in &task.told {
        let key = (interval.route_path_id.to_string(), interval.interval_start);
        revisions.entry(key).or_default().push(interval.clone());
    }
    revisions
}

/// By field and reason.
type Sums<'a> = BTreeMap<(&'a str, &'a str), i64>;

/// What must have been told in the end, by adding up.
fn sums(steps: &[Step]) -> BTreeMap<(String, Timestamp), Actual> {
    let mut sums: BTreeMap<(String, Timestamp), Sums<'_>> = BTreeMap::new();
    for step in steps {
        if let Step::Signal(signal) = step {
            let reason = if signal.field == field::BLOCKED {
                signal.reason.as_deref().unwrap_or("other")
            } else {
                ""
            };
            let counts = sums
                .entry((signal.route_path_id.to_string(), signal.interval_start))
                .or_default();
            *counts.entry((signal.field.as_str(), reason)).or_default() += signal.delta;
        }
    }
    let actual = |counts: Sums<'_>| {
        let sum = |field: &str| counts.get(&(field, "")).copied().unwrap_or(0).max(0);
        let blocked = counts
            .iter()
            .filter(|((name, _), sum)| *name == field::BLOCKED && **sum > 0);
        Actual {
            qualified: sum(field::QUALIFIED),
            invitations_timed_out: sum(field::INVITATIONS_TIMED_OUT),
            invitations_accepted: sum(field::INVITATIONS_ACCEPTED),
            blocked: blocked
                .map(|((_, reason), sum)| ((*reason).into(), *sum))
                .collect(),
            ..Actual::default()
        }
    };
    sums.into_iter()
        .map(|(key, counts)| (key, actual(counts)))
        .collect()
}

fn last_counts(task: &Task) -> BTreeMap<(String, Timestamp), Actual> {
    by_interval(task)
        .into_iter()
        .map(|(key, told)| (key, told.last().expect("some").actual.clone()))
        .collect()
}

fn graces() -> impl Strategy<Value = Millis> {
    proptest::sample::select(vec![Millis(0), Millis::from_secs(2), Millis::from_mins(15)])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn the_last_revision_is_the_sum_of_the_signals(steps in steps(), grace in graces()) {
        let task = play(&steps, grace);
        prop_assert!(task.refused.is_empty());
        let mut last = last_counts(&task);
        let sums = sums(&steps);
        last.retain(|key, counts| *counts != Actual::default() || sums.contains_key(key));
        prop_assert_eq!(last, sums);
    }

    #[test]
    fn the_order_of_signals_and_the_places_of_marks_do_not_matter(steps in steps(), seed in any::<u64>()) {
        let grace = Millis::from_secs(2);
        let mut shuffled: Vec<Step> = steps.iter().filter(|step| !matches!(step, Step::Mark(_))).cloned().collect();
        let mut random = seed | 1;
        for i in (1..shuffled.len()).rev() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(i, (random >> 33) as usize % (i + 1));
        }
        shuffled.insert(shuffled.len() / 2, Step::Mark(700_000));
        let told = |task: &Task| {
            let mut counts = last_counts(task);
            counts.retain(|_, counts| *counts != Actual::default());
            counts
        };
        prop_assert_eq!(told(&play(&steps, grace)), told(&play(&shuffled, grace)));
    }

    #[test]
    fn revisions_are_gapless_and_each_changes_something(steps in steps(), grace in graces()) {
        for (key, told) in by_interval(&play(&steps, grace)) {
            let numbers: Vec<i32> = told.iter().map(|interval| interval.revision).collect();
            prop_assert_eq!(&numbers, &(1..=told.len() as i32).collect::<Vec<_>>(), "{:?}", key);
            for pair in told.windows(2) {
                prop_assert!(!pair[1].changed.is_empty(), "{:?}", pair);
                prop_assert!(pair[0].revised_date <= pair[1].revised_date);
                prop_assert!(pair[0].status != pair[1].status || pair[0].actual != pair[1].actual);
            }
        }
    }

    #[test]
    fn an_interval_is_provisional_then_final_once_then_only_corrected(steps in steps(), grace in graces()) {
        let task = play(&steps, grace);
        let time = task.fold.time();
        for (key, told) in by_interval(&task) {
            let statuses: Vec<&str> = told.iter().map(|interval| interval.status.as_str()).collect();
            let over = key.1 + INTERVAL < time.watermark;
            prop_assert_eq!(statuses.iter().filter(|s| **s == status::FINAL).count(), usize::from(over));
            let last = statuses.iter().rposition(|s| *s == status::PROVISIONAL);
            let done = statuses.iter().position(|s| *s == status::FINAL);
            let corrected = statuses.iter().position(|s| *s == status::CORRECTED);
            prop_assert!(done.is_none_or(|done| last.is_none_or(|last| last < done)), "{:?}", statuses);
            prop_assert!(corrected.is_none_or(|at| done.is_some_and(|done| done < at)), "{:?}", statuses);
            for interval in &told {
                let passed = interval.interval_start + INTERVAL < interval.watermark;
                prop_assert_eq!(interval.status == status::PROVISIONAL, !passed, "{:?}", interval);
            }
        }
    }

    #[test]
    fn a_restore_anywhere_changes_nothing(steps in steps(), grace in graces()) {
        let calm: Vec<Step> = steps.iter().filter(|step| !matches!(step, Step::Restore)).cloned().collect();
        let disturbed: Vec<Step> = calm.iter().flat_map(|step| [step.clone(), Step::Restore]).collect();
        prop_assert_eq!(play(&calm, grace).told, play(&disturbed, grace).told);
    }

    #[test]
    fn the_grid_is_complete(steps in steps(), grace in graces()) {
        let task = play(&steps, grace);
        let now = task.fold.time().frontier;
        let marks = steps.iter().filter_map(|step| if let Step::Mark(by) = step { Some(*by) } else { None });
        let first = DAY + Millis(marks.into_iter().next().unwrap_or(0));
        let first = if first == DAY { now } else { first };
        let mut expected = BTreeSet::new();
        for id in &ROUTE_PATHS[..2] {
            let mut start = (first - Millis(1)).floor(INTERVAL);
            while start < now {
                expected.insert(((*id).to_owned(), start));
                start = start + INTERVAL;
            }
        }
        let told: BTreeSet<(String, Timestamp)> = by_interval(&task).into_keys().collect();
        prop_assert!(expected.is_subset(&told), "{:?}", expected.difference(&told));
    }

    #[test]
    fn how_far_a_source_runs_ahead_decides_neither_what_is_final_nor_what_is_corrected(
        arrivals in proptest::collection::vec((signals(), 0..7_200_000i64, 0..8usize), 1..60),
    ) {
        let grace = Millis::from_mins(15);
        let arrivals: Vec<(DemandSignal, usize)> = arrivals
            .into_iter()
            .map(|(mut signal, lag, ahead)| {
                signal.delta = signal.delta.abs();
                signal.time = signal.interval_start;
                signal.received_date = signal.interval_start + Millis(lag);
                (signal, ahead)
            })
            .collect();
        let in_time = among_marks(&arrivals, |_| 0);
        let ahead = among_marks(&arrivals, |ahead| ahead);
        prop_assert_eq!(judged(&play(&in_time, grace)), judged(&play(&ahead, grace)));
    }
}

/// How far apart the marks of [`among_marks`] are.
const MARK: i64 = 450_001;

/// Marks through the day, and each signal so many marks earlier than at the latest: before the first that lies past its
/// arrival, which says that all that arrived by then has been passed on.
fn among_marks(arrivals: &[(DemandSignal, usize)], ahead: impl Fn(usize) -> usize) -> Vec<Step> {
    let mut before: BTreeMap<usize, Vec<Step>> = BTreeMap::new();
    for (signal, by) in arrivals {
        let latest = ((signal.received_date - DAY).0 / MARK) as usize;
        let at = latest.saturating_sub(ahead(*by));
        before
            .entry(at)
            .or_default()
            .push(Step::Signal(signal.clone()));
    }
    let last = (8 * INTERVAL.0 + 7_200_000) / MARK;
    (0..=last as usize)
        .flat_map(|at| {
            let signals = before.remove(&at).unwrap_or_default();
            signals.into_iter().chain([Step::Mark(MARK)])
        })
        .collect()
}

/// Of each interval the counts of `final`, and the status and counts of the last revision.
type Judged = BTreeMap<(String, Timestamp), (Vec<Actual>, String, Actual)>;

fn judged(task: &Task) -> Judged {
    let judge = |(key, told): (_, Vec<StaffingInterval>)| {
        let finals = told
            .iter()
            .filter(|interval| interval.status == status::FINAL);
        let finals = finals.map(|interval| interval.actual.clone()).collect();
        let last = told.last().expect("some").clone();
        (key, (finals, last.status.to_string(), last.actual))
    };
    by_interval(task).into_iter().map(judge).collect()
}
