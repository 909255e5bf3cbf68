//! The broker dies and comes back, or stands still for longer than any session or transaction lasts, under load: the stages
//! go on by themselves, or by their supervisor, and nothing is lost, doubled or ended early.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    cluster::Cluster,
    disturb::{committed, until_all_beyond},
    judge::assert_unharmed_but_for,
    kafka,
    lane::{Lane, SMALL},
    load::{Disturbance, under_load},
    number, rounds,
    stage::{STAGES, Stage, tail},
    truth::Day,
};

/// Events of the load that may never have reached the raw topic: of one run with eight deaths it was one, and whether it had
/// been acknowledged is not known.
const LOST: usize = 2;

/// The broker stands still for so long: more than a session (6 s) and a transaction (5 s).
fn frozen() -> Duration {
    Duration::from_secs(number("FOOTFALL_FROZEN_SECONDS", 8) as u64)
}

/// Keeps every stage running for as long as `work` takes, as a supervisor does: one that ends is started again.
fn supervised(lane: &Lane, work: impl FnOnce()) -> Vec<Stage> {
    let disturbance = Disturbance::default();
    thread::scope(|scope| {
        let supervisor = scope.spawn(|| {
            let mut stages: Vec<_> = STAGES.map(|name| lane.start(name, "a", SMALL)).into();
            let mut ends = 0;
            while !disturbance.is_over() {
                for stage in stages.iter_mut().filter_map(Stage::if_ended) {
                    ends += 1;
                    println!("{}: ended\n{}", stage.name, tail(&stage.log));
                    *stage = lane.start(&stage.name, "a", SMALL);
                }
                thread::sleep(Duration::from_millis(100));
            }
            println!("{}: {ends} ends", lane.prefix);
            stages
        });
        disturbance.while_it(work);
        supervisor.join().expect("supervised")
    })
}

/// Until every stage has gone on in every partition.
fn until_all_go_on(lane: &Lane) {
    let here = STAGES.map(|name| committed(lane, name));
    for (name, here) in STAGES.iter().zip(here) {
        until_all_beyond(lane, name, &here);
    }
}

#[test]
fn a_broker_that_dies_or_stands_still_loses_and_doubles_nothing() {
    let Some(_) = kafka() else { return };
    let cluster = Cluster::start("broker");
    let rounds = rounds();
    let day = Day::new(5, 400 + 100 * rounds as u32);
    let lane = Lane::new(&cluster.kafka, "broker", true);
    lane.define_demo();
    let over = Duration::from_secs(120 * rounds as u64);
    let fault = |name: &str, fault: &dyn Fn()| {
        fault();
        let back = Instant::now();
        until_all_go_on(&lane);
        println!(
            "{}: {name}, all go on after {:?}",
            lane.prefix,
            back.elapsed()
        );
    };
    let _running = under_load(&lane, &day, over, || {
        supervised(&lane, || {
            until_all_go_on(&lane);
            for _ in 0..rounds {
                fault("killed", &|| {
                    cluster.kill_broker();
                    cluster.start_broker();
                });
                fault("frozen", &|| {
                    cluster.freeze_broker();
                    thread::sleep(frozen());
                    cluster.thaw_broker();
                });
            }
        })
    });
    assert_unharmed_but_for(LOST, &cluster.kafka, &lane, &day);
}
