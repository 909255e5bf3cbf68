//! The rules of `docs/staffing.md`, each a timeline: what happens, and every revision that is told.

use journey::{Millis, TaskTime, Timestamp, staffing::StaffingInterval};
use pipeline::TaskContext;

use crate::timeline::{Task, WHOLE, at, definitions, signal};

const GRACE: Millis = Millis::from_mins(15);

/// Steps: `mark 14:00:00.200`; `14:00 qualified +1` (a signal of `support` for the interval of 14:00).
fn play(task: &mut Task, steps: &[&str]) {
    for step in steps {
        let words: Vec<&str> = step.split_whitespace().collect();
        match words[..] {
            ["mark", frontier] => task.mark(at(frontier)),
            [start, field, delta] => {
                let (field, reason) = field.split_once(':').unwrap_or((field, ""));
                let mut signal = signal(
                    "support",
                    at(start),
                    field,
                    delta.parse().expect("a number"),
                );
                signal.reason = (!reason.is_empty()).then(|| reason.into());
                task.signal(signal);
            }
            _ => panic!("no step: {step}"),
        }
    }
}

/// `14:00 r2 provisional qualified=1 [actual.qualified]`
fn line(interval: &StaffingInterval) -> String {
    let start = interval.interval_start.to_string();
    let mut line = format!(
        "{} r{} {}",
        &start[11..16],
        interval.revision,
        interval.status
    );
    let actual = &interval.actual;
    for (name, count) in [
        ("qualified", actual.qualified),
        ("offered", actual.invitations_offered),
        ("accepted", actual.invitations_accepted),
        ("timedOut", actual.invitations_timed_out),
    ] {
        if count != 0 {
            line += &format!(" {name}={count}");
        }
    }
    for (reason, count) in &actual.blocked {
        line += &format!(" {reason}={count}");
    }
    line += &format!(" [{}]", interval.changed.join(","));
    line
}

fn task() -> Task {
    Task::new(WHOLE, definitions(Timestamp(0), &["support"]), GRACE)
}

fn check(steps: &[&str], told: &[&str]) -> Task {
    let mut task = task();
    play(&mut task, steps);
    let lines: Vec<String> = task.told.iter().map(line).collect();
    assert_eq!(lines, told, "{steps:#?}");
    task
}

#[test]
fn an_empty_interval_is_told_when_the_frontier_enters_it_and_when_it_is_final() {
    check(
        &[
            "mark 14:00:00.200",
            "mark 14:00:10.200",
            "mark 14:14:59",
            "mark 14:30",
            "mark 14:30:00.001",
        ],
        &[
            "14:00 r1 provisional []",
            "14:15 r1 provisional []",
            "14:30 r1 provisional []",
            "14:00 r2 final [status]",
        ],
    );
}

#[test]
fn the_first_fact_is_told_at_the_next_mark_and_later_ones_at_multiples_of_ten_seconds() {
    check(
        &[
            "mark 14:00:01",
            "14:00 qualified +1",
            "mark 14:00:01.200",
            "14:00 qualified +1",
            "mark 14:00:01.400",
            "14:00 invitationsOffered +1",
            "mark 14:00:10",
            "mark 14:00:10.001",
            "mark 14:00:25",
        ],
        &[
            "14:00 r1 provisional []",
            "14:00 r2 provisional qualified=1 [actual.qualified]",
            "14:00 r3 provisional qualified=2 offered=1 [actual.qualified,actual.invitationsOffered]",
        ],
    );
}

#[test]
fn a_fact_on_a_beat_is_told_once_the_frontier_has_passed_it() {
    check(
        &[
            "mark 14:00:01",
            "14:00 qualified +1",
            "mark 14:00:10",
            "14:00 qualified +1",
            "mark 14:00:10.200",
        ],
        &[
            "14:00 r1 provisional []",
            "14:00 r2 provisional qualified=1 [actual.qualified]",
            "14:00 r3 provisional qualified=2 [actual.qualified]",
        ],
    );
}

#[test]
fn what_was_taken_back_before_it_was_told_is_no_revision() {
    check(
        &[
            "mark 14:00:01",
            "14:00 qualified +1",
            "14:00 qualified -1",
            "mark 14:00:01.200",
            "mark 14:00:30",
        ],
        &["14:00 r1 provisional []"],
    );
}

#[test]
fn a_pair_moves_a_fact_from_one_count_to_another_in_one_revision() {
    check(
        &[
            "mark 14:00:01",
            "14:00 invitationsTimedOut +1",
            "mark 14:00:02",
            "14:00 invitationsTimedOut -1",
            "14:00 invitationsAccepted +1",
            "mark 14:00:11",
        ],
        &[
            "14:00 r1 provisional []",
            "14:00 r2 provisional timedOut=1 [actual.invitationsTimedOut]",
            "14:00 r3 provisional accepted=1 [actual.invitationsAccepted,actual.invitationsTimedOut]",
        ],
    );
}

#[test]
fn a_count_below_zero_is_told_as_zero() {
    check(
        &[
            "mark 14:00:01",
            "14:00 invitationsTimedOut -1",
            "14:00 qualified +1",
            "mark 14:00:02",
        ],
        &[
            "14:00 r1 provisional []",
            "14:00 r2 provisional qualified=1 [actual.qualified]",
        ],
    );
}

#[test]
fn blocked_offers_are_told_by_reason() {
    check(
        &[
            "mark 14:00:01",
            "14:00 blocked:VisitorAway +2",
            "14:00 blocked:FrequencyCap +1",
            "mark 14:00:02",
        ],
        &[
            "14:00 r1 provisional []",
            "14:00 r2 provisional FrequencyCap=1 VisitorAway=2 [actual.blocked]",
        ],
    );
}

#[test]
fn an_interval_is_provisional_until_the_watermark_has_passed_its_end_then_final_then_corrected() {
    let task = check(
        &[
            "mark 14:14:50",
            "14:00 qualified +1",
            "mark 14:15:00",
            "14:00 qualified +1",
            "mark 14:15:05",
            "14:00 qualified +1",
            "mark 14:30:01",
            "14:00 qualified +1",
            "mark 14:30:10.200",
            "14:00 qualified +1",
            "mark 14:30:20.200",
        ],
        &[
            "14:00 r1 provisional []",
            "14:00 r2 provisional qualified=1 [actual.qualified]",
            "14:15 r1 provisional []",
            "14:00 r3 provisional qualified=2 [actual.qualified]",
            "14:30 r1 provisional []",
            "14:00 r4 final qualified=3 [status,actual.qualified]",
            "14:00 r5 corrected qualified=4 [status,actual.qualified]",
            "14:00 r6 corrected qualified=5 [actual.qualified]",
        ],
    );
    let causes: Vec<Option<&str>> = task
        .told
        .iter()
        .map(|interval| interval.cause.as_deref())
        .collect();
    assert_eq!(
        causes,
        [
            None,
            None,
            None,
            None,
            None,
            None,
            Some("late_report"),
            Some("late_report")
        ]
    );
}

#[test]
fn completeness_is_one_once_the_frontier_has_passed_the_end() {
    let task = check(
        &[
            "mark 14:14:50",
            "14:00 qualified +1",
            "mark 14:14:59.999",
            "14:00 qualified +1",
            "mark 14:15:00.200",
        ],
        &[
            "14:00 r1 provisional []",
            "14:00 r2 provisional qualified=1 [actual.qualified]",
            "14:15 r1 provisional []",
            "14:00 r3 provisional qualified=2 [actual.qualified]",
        ],
    );
    let told: Vec<f64> = task
        .told
        .iter()
        .map(|interval| interval.completeness)
        .collect();
    assert_eq!(told, [0.0, 0.0, 0.0, 1.0]);
}

#[test]
fn a_revision_says_when_it_was_made_and_of_which_route_path() {
    let task = check(&["mark 14:00:00.200"], &["14:00 r1 provisional []"]);
    let interval = &task.told[0];
    let time = TaskTime {
        frontier: interval.revised_date,
        watermark: interval.watermark,
    };
    assert_eq!(time, TaskTime::new(at("14:00:00.200"), GRACE));
    assert_eq!(interval.route_path.queue_name, "Queue of support");
    assert_eq!(
        (
            interval.interval_seconds,
            &*interval.basis,
            &*interval.source
        ),
        (900, "increment", "live")
    );
}

#[test]
fn a_fact_ahead_of_the_frontier_makes_its_interval_and_entering_it_does_not_tell_it_again() {
    check(
        &[
            "mark 13:59:59",
            "14:00 qualified +1",
            "mark 13:59:59.500",
            "mark 14:00:00.500",
        ],
        &[
            "13:45 r1 provisional []",
            "14:00 r1 provisional qualified=1 [actual.qualified]",
        ],
    );
}

#[test]
fn the_first_mark_brings_the_running_interval_only() {
    check(
        &["14:00 qualified +1", "mark 14:20"],
        &[
            "14:00 r1 provisional qualified=1 [actual.qualified]",
            "14:15 r1 provisional []",
        ],
    );
}

#[test]
fn an_interval_that_first_hears_of_a_fact_behind_the_watermark_is_final_at_once() {
    check(
        &[
            "mark 14:31",
            "14:00 qualified +1",
            "mark 14:31:00.200",
            "14:00 qualified +1",
            "mark 14:31:10.200",
        ],
        &[
            "14:30 r1 provisional []",
            "14:00 r1 final qualified=1 [actual.qualified]",
            "14:00 r2 corrected qualified=2 [status,actual.qualified]",
        ],
    );
}

#[test]
fn a_frontier_that_jumps_brings_every_interval_it_passed() {
    check(
        &["mark 14:00:01", "14:00 qualified +1", "mark 14:46"],
        &[
            "14:00 r1 provisional []",
            "14:15 r1 final []",
            "14:30 r1 provisional []",
            "14:45 r1 provisional []",
            "14:00 r2 final qualified=1 [status,actual.qualified]",
        ],
    );
}

#[test]
fn a_frontier_that_jumps_brings_no_more_than_48_hours() {
    let mut task = task();
    play(&mut task, &["mark 23T14:00:01", "mark 27T14:00:01"]);
    let first: Vec<Timestamp> = task
        .told
        .iter()
        .filter(|interval| interval.revision == 1)
        .map(|interval| interval.interval_start)
        .collect();
    assert_eq!(first.len(), 1 + 48 * 4);
    assert_eq!(first[1], at("25T14:15"));
    assert_eq!(first.last(), Some(&at("27T14:00")));
}

#[test]
fn an_interval_takes_facts_until_the_watermark_is_48_hours_past_its_end() {
    let mut task = task();
    play(
        &mut task,
        &[
            "mark 23T14:00:01",
            "mark 25T14:30:00",
            "23T14:00 qualified +1",
            "mark 25T14:30:00.001",
        ],
    );
    let corrected: Vec<String> = task
        .told
        .iter()
        .filter(|i| i.cause.is_some())
        .map(line)
        .collect();
    assert_eq!(
        corrected,
        ["14:00 r3 corrected qualified=1 [status,actual.qualified]"]
    );
    assert!(task.refused.is_empty());
    play(&mut task, &["23T14:00 qualified +1"]);
    assert_eq!(task.refused, ["interval_closed"]);
    let start = at("23T14:00");
    assert!(
        task.fold.states().iter().all(|(key, _)| key.start != start),
        "the state is gone"
    );
}

#[test]
fn a_correction_that_waits_for_its_beat_is_told_before_the_interval_is_forgotten() {
    let mut task = task();
    play(
        &mut task,
        &[
            "mark 23T14:00:01",
            "23T14:00 qualified +1",
            "mark 25T14:29:59",
            "23T14:00 qualified +1",
        ],
    );
    play(&mut task, &["mark 25T14:30:00.001"]);
    let last = task
        .told
        .iter()
        .rfind(|interval| interval.interval_start == at("23T14:00"))
        .map(line);
    assert_eq!(
        last.as_deref(),
        Some("14:00 r3 corrected qualified=2 [status,actual.qualified]")
    );
}

#[test]
fn a_signal_of_an_unknown_field_or_off_the_grid_is_kept_apart() {
    let task = check(
        &[
            "mark 14:00:01",
            "14:00 offered +1",
            "14:01 qualified +1",
            "mark 14:00:12",
        ],
        &["14:00 r1 provisional []"],
    );
    assert_eq!(task.refused, ["unknown_field", "interval_off_grid"]);
}

#[test]
fn a_route_path_without_a_definition_is_counted_without_words() {
    let mut task = Task::new(WHOLE, definitions(Timestamp(0), &[]), GRACE);
    play(
        &mut task,
        &["mark 14:00:01", "14:00 qualified +1", "mark 14:00:02"],
    );
    assert_eq!(
        task.told.iter().map(line).collect::<Vec<_>>(),
        ["14:00 r1 provisional qualified=1 [actual.qualified]"]
    );
    assert_eq!(
        task.told[0].route_path,
        journey::staffing::RoutePathSummary::default()
    );
}

#[test]
fn a_route_path_that_is_added_begins_with_the_interval_that_is_running() {
    let mut task = task();
    play(&mut task, &["mark 14:05"]);
    task.adopt(definitions(at("14:07"), &["sales", "support"]));
    play(&mut task, &["mark 14:07", "mark 14:08", "mark 14:15:01"]);
    let told: Vec<(String, &str)> = task
        .told
        .iter()
        .map(|interval| (line(interval), interval.route_path_id.as_str()))
        .collect();
    let r1 = |start: &str, id| (format!("{start} r1 provisional []"), id);
    assert_eq!(
        told,
        [
            r1("14:00", "support"),
            r1("14:00", "sales"),
            r1("14:15", "sales"),
            r1("14:15", "support")
        ]
    );
}

#[test]
fn each_route_path_has_its_intervals_in_one_partition() {
    let ids: Vec<String> = (0..40).map(|n| format!("route-path-{n}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut told = Vec::new();
    for partition in 0..4 {
        let context = TaskContext {
            input: 0,
            partition,
            partition_count: 4,
        };
        let mut task = Task::new(context, definitions(Timestamp(0), &ids), GRACE);
        task.mark(at("14:00:01"));
        assert!(
            task.told.len() > 1,
            "each of four partitions has some of forty"
        );
        let here = |id: &str| journey::partition::of_key(id.as_bytes(), 4) == partition;
        assert!(
            task.told
                .iter()
                .all(|interval| here(interval.route_path_id.as_str()))
        );
        told.extend(
            task.told
                .into_iter()
                .map(|interval| interval.route_path_id.to_string()),
        );
    }
    told.sort();
    let mut all = ids.clone();
    all.sort_unstable();
    assert_eq!(told, all);
}
