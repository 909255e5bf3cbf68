//! Which intervals there are, where and for how long: the rules of `docs/staffing.md`, each a timeline.

use journey::{Millis, Timestamp};
use pipeline::TaskContext;

use crate::{
    script::{GRACE, check, line, play, task},
    timeline::{Task, WHOLE, at, definitions},
};

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
    let mut task = Task::new(
        WHOLE,
        definitions(Timestamp(0), &["support"]),
        Millis::from_secs(2),
    );
    play(
        &mut task,
        &[
            "mark 23T14:00:01",
            "23T14:00 qualified +1",
            "mark 25T14:15:01",
            "23T14:00 qualified +1",
            "mark 25T14:15:20",
        ],
    );
    let start = at("23T14:00");
    let mut told = task.told.iter();
    let last = told
        .rfind(|interval| interval.interval_start == start)
        .map(line);
    assert_eq!(
        last.as_deref(),
        Some("14:00 r3 corrected qualified=2 [status,actual.qualified]")
    );
    assert!(
        task.fold.states().iter().all(|(key, _)| key.start != start),
        "the state is gone"
    );
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

#[test]
fn an_interval_that_is_let_go_has_its_last_word_unless_it_had_it() {
    let mut task = task();
    play(&mut task, &["mark 14:00:01", "14:00 qualified +1"]);
    task.evict_all();
    let told: Vec<String> = task.told.iter().map(line).collect();
    assert_eq!(
        told,
        [
            "14:00 r1 provisional []",
            "14:00 r2 final qualified=1 [status,actual.qualified]"
        ]
    );
    assert!(task.fold.states().is_empty());
    play(&mut task, &["mark 14:15:01", "mark 14:31"]);
    let count = task.told.len();
    let finals = |task: &Task| task.told.iter().filter(|i| &*i.status == "final").count();
    let before = finals(&task);
    task.evict_all();
    assert_eq!(task.told.len() - count, finals(&task) - before);
    assert!(task.told.len() > count, "the running one is closed");
}
