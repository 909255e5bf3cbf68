//! The zombie: a process that stood still for longer than the group waits, and wakes when its partitions are another's.
//! Whatever it was about to commit is refused, and time is not pushed forward by what it believes.

use std::{thread, time::Duration};

use serde_json::Value;

use crate::{
    disturb::{committed, until_all_beyond},
    judge::assert_unharmed,
    kafka,
    lane::{Lane, SINGLE, WEB_RAW},
    live,
    load::under_load,
    marks::assert_marks_keep_their_word,
    rounds,
    stage::{PATIENCE, STAGES, Stage, tail},
    truth::Day,
    wait_until,
};

/// Where it stands still: with a batch that it has not begun to send, in the middle of a transaction, right before its commit.
/// Of the first only the group's generation tells that it is too late: its producer is as good as new.
const POINTS: [&str; 3] = ["before_begin", "after_produce", "after_send_offsets"];

/// What a zombie says when it is refused: by the group, which knows its member no more, or by the transactions' coordinator,
/// which has ended what it left open.
const REFUSED: [&str; 3] = [
    "the assignment is somebody else's",
    "fenced",
    "the broker has ended",
];

/// Freezes a stage's process at a point, lets another take over, wakes it. Gives both; one that ended is started again.
fn haunt(lane: &Lane, name: &str, round: usize, point: &str) -> [Stage; 2] {
    let (zombie, heir) = (format!("zombie{round}"), format!("heir{round}"));
    let failpoint = format!("{point}:10:freeze");
    let mut first = lane.start_dying(name, &zombie, SINGLE, &failpoint);
    first.until_frozen();
    let frozen_at = committed(lane, name);
    let mut second = lane.start(name, &heir, SINGLE);
    second.until_ready();
    until_all_beyond(lane, name, &frozen_at);

    first.thaw();
    let what = format!("{name}, frozen at {point}, to be refused");
    let refused = wait_until(&what, PATIENCE, || {
        let printed = first.printed();
        REFUSED.iter().find(|words| printed.contains(*words))
    });
    println!("{}: {name}, frozen at {point}: {refused}", lane.prefix);
    if point == "before_begin" {
        // As it wakes it sends, and learns of nothing before.
        assert_eq!(*refused, REFUSED[0], "{}", tail(&first.log));
    }
    let woken_at = committed(lane, name);
    until_all_beyond(lane, name, &woken_at);
    if !first.is_running() {
        first = lane.start(name, &zombie, SINGLE);
        first.until_ready();
    }
    [first, second]
}

#[test]
fn a_process_that_stood_still_while_another_took_over_commits_nothing_when_it_wakes() {
    let Some(kafka) = kafka() else { return };
    let rounds = rounds();
    let day = Day::new(2, 400 + 100 * rounds as u32);
    let lane = Lane::new(&kafka, "zombies", true);
    lane.define_demo();
    // A zombie takes records, not time alone: of them there must be some to the end, on a slow machine too.
    let over = Duration::from_secs(40 * rounds as u64 - 20);
    under_load(&lane, &day, over, || {
        thread::scope(|scope| {
            let haunted = STAGES.iter().enumerate().map(|(i, name)| {
                let lane = &lane;
                scope.spawn(move || {
                    let mut running = None;
                    for round in 0..rounds {
                        // Those of the last round have gone before the next begins.
                        drop(running.take());
                        running = Some(haunt(lane, name, round, POINTS[(i + round) % 3]));
                    }
                    running
                })
            });
            let haunted: Vec<_> = haunted.collect();
            let haunted = haunted.into_iter();
            haunted
                .map(|s| s.join().expect("haunted"))
                .collect::<Vec<_>>()
        })
    });
    assert_unharmed(&kafka, &lane, &day);
}

/// When the first raw event was received that ingest has not passed on yet, and when the last was.
fn unpassed(lane: &Lane) -> Option<(i64, i64)> {
    let passed = lane.values("web.events");
    let is_passed = |raw: &Value| {
        passed
            .iter()
            .any(|event| event["eventId"] == raw["eventId"])
    };
    let raw = lane.records(WEB_RAW);
    let last = raw.iter().map(|record| record.timestamp).max()?;
    let waiting = raw.iter().filter(|record| {
        let value = record.value.as_deref().expect("a value");
        !is_passed(&serde_json::from_slice(value).expect("JSON"))
    });
    Some((waiting.map(|record| record.timestamp).min()?, last))
}

/// Views from everywhere, so that every partition has some.
fn views(lane: &Lane) {
    for visitor in 0..8 {
        live::view(lane, &format!("visitor-{visitor}"));
    }
}

/// Long enough for a loaded machine to look before another takes over.
const PATIENT: [&str; 2] = ["--session-timeout", "30s"];

#[test]
fn an_ingest_that_stands_still_holds_time_and_pushes_nothing_forward_when_it_wakes() {
    let Some(kafka) = kafka() else { return };
    let lane = Lane::new(&kafka, "held", false);
    lane.define(&[live::DEPLOYMENT]);
    let [mut sleeper, mut other] =
        ["sleeper", "other"].map(|instance| lane.start("ingest", instance, &PATIENT));
    sleeper.until_ready();
    other.until_ready();
    views(&lane);
    let web_events = lane.topic("web.events");
    let frontier = || lane.auditor.frontier(&web_events);
    wait_until("time to begin", PATIENCE, frontier);

    sleeper.freeze();
    sleeper.until_frozen();
    // The frontier first: what it claimed had been passed on by then, whatever the other passes on meanwhile.
    let (held_at, first, last) = wait_until("views to wait for three seconds", PATIENCE, || {
        views(&lane);
        let held_at = frontier()?;
        let (first, last) = unpassed(&lane)?;
        (last - first > 3_000).then_some((held_at, first, last))
    });
    println!(
        "{}: time was held {} ms before the last view",
        lane.prefix,
        last - held_at
    );
    assert!(
        held_at <= first,
        "{} ms were claimed that nobody had passed on",
        held_at - first
    );

    wait_until("the other to pass on what waited", PATIENCE, || {
        frontier().filter(|frontier| *frontier > last)
    });
    let asleep = sleeper.printed().len();
    sleeper.thaw();
    wait_until("the sleeper to be refused", PATIENCE, || {
        views(&lane);
        let printed = sleeper.printed().split_off(asleep);
        let learnt = REFUSED.iter().chain(&["partitions revoked"]);
        learnt.copied().find(|words| printed.contains(words))
    });
    let raw = lane.records(WEB_RAW);
    let woken_at = raw
        .iter()
        .map(|record| record.timestamp)
        .max()
        .expect("views");
    wait_until("time to go on", PATIENCE, || {
        frontier().filter(|frontier| *frontier > woken_at)
    });
    assert_eq!(lane.values("web.events").len(), raw.len(), "each view once");
    assert_marks_keep_their_word(&lane);
}
