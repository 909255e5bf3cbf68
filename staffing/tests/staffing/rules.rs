//! What is told, when and as what: the rules of `docs/staffing.md`, each a timeline.

use journey::{TaskTime, Timestamp};
use staffing::{Config, Source};

use crate::{
    script::{GRACE, check, play},
    timeline::{Task, WHOLE, at, definitions},
};

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

/// Grace is 15 minutes: what arrived up to 14:30 belongs to `final`, what arrived later corrects it.
#[test]
fn a_fact_that_arrived_after_end_and_grace_corrects_though_it_was_read_before_final() {
    check(
        &[
            "mark 14:14:50",
            "14:00 invitationsAccepted +1 at 14:30",
            "14:00 invitationsAccepted +1 at 14:30:00.001",
            "14:00 qualified +1 at 14:31",
            "mark 14:29:00",
            "mark 14:30:00.001",
        ],
        &[
            "14:00 r1 provisional []",
            "14:15 r1 provisional []",
            "14:00 r2 provisional accepted=1 [actual.invitationsAccepted]",
            "14:30 r1 provisional []",
            "14:00 r3 final accepted=1 [status]",
        ],
    );
    let told = check(
        &[
            "mark 14:14:50",
            "14:00 invitationsAccepted +1 at 14:30:00.001",
            "14:00 blocked:Bot +2 at 14:31",
            "mark 14:30:00.200",
        ],
        &[
            "14:00 r1 provisional []",
            "14:15 r1 provisional []",
            "14:30 r1 provisional []",
            "14:00 r2 final [status]",
            "14:00 r3 corrected accepted=1 Bot=2 [status,actual.invitationsAccepted,actual.blocked]",
        ],
    )
    .told;
    assert_eq!(told[4].cause.as_deref(), Some("late_report"));
}

#[test]
fn what_was_read_before_any_time_was_known_is_judged_once_it_is() {
    check(
        &[
            "14:00 qualified +1 at 14:05",
            "14:00 qualified +1 at 14:20",
            "14:00 qualified +1 at 14:40",
            "mark 14:10:00",
            "mark 14:31:00",
        ],
        &[
            "14:00 r1 provisional qualified=2 [actual.qualified]",
            "14:15 r1 provisional []",
            "14:30 r1 provisional []",
            "14:00 r2 final qualified=2 [status]",
            "14:00 r3 corrected qualified=3 [status,actual.qualified]",
        ],
    );
}

#[test]
fn a_backfill_lane_says_so() {
    let config = Config {
        source: Source::Backfill,
        ..Config::default()
    };
    let route_paths = definitions(Timestamp(0), &["support"]);
    let mut task = Task::with(config, WHOLE, route_paths, GRACE);
    play(
        &mut task,
        &[
            "mark 14:00:01",
            "mark 14:31",
            "14:00 qualified +1 at 14:32",
            "mark 14:33",
        ],
    );
    assert!(
        task.told
            .iter()
            .all(|interval| interval.source == "backfill")
    );
    let corrected = task.told.last().expect("a revision");
    assert_eq!(corrected.status, "corrected");
    assert_eq!(corrected.cause.as_deref(), Some("backfill"));
}
