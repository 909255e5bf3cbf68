//! A rebalance storm: processes of every stage come and go, all the time and under load, some in good order and some killed.

use std::{thread, time::Duration};

use crate::{
    disturb::{committed, until_all_beyond},
    judge::assert_unharmed,
    kafka,
    lane::{Lane, SINGLE},
    load::under_load,
    rounds,
    stage::{PATIENCE, STAGES, Stage},
    truth::Day,
    wait_until,
};

/// How often one comes and goes, in each stage and each round.
const GUESTS: usize = 3;

/// Lets guests join a stage whose first process stays, each before the last has left. Gives the processes that go on.
fn storm(lane: &Lane, name: &str, guests: usize) -> Vec<Stage> {
    let mut host = lane.start(name, "host", SINGLE);
    host.until_ready();
    let mut here: Option<Stage> = None;
    for number in 0..guests {
        let mut guest = lane.start(name, &format!("guest{number}"), SINGLE);
        guest.until_ready();
        if let Some(mut last) = here.replace(guest) {
            if number % 2 == 0 {
                last.stop();
            } else {
                last.kill();
            }
        }
        let guest = here.as_ref().expect("a guest");
        wait_until(&format!("{name}'s guest to work"), PATIENCE, || {
            (guest.metric("footfall_records_produced_total", &[]) > 0.0).then_some(())
        });
    }
    let joined = host.metric("footfall_rebalances_total", &[]);
    println!("{}: {name} saw {joined} assignments", lane.prefix);
    assert!(
        joined >= guests as f64,
        "each guest takes a share of the host's"
    );
    let now = committed(lane, name);
    until_all_beyond(lane, name, &now);
    vec![host, here.expect("a guest")]
}

#[test]
fn processes_come_and_go_and_no_visit_is_lost_doubled_or_ended_early() {
    let Some(kafka) = kafka() else { return };
    let rounds = rounds();
    let day = Day::new(4, 400 + 100 * rounds as u32);
    let lane = Lane::new(&kafka, "storm", true);
    lane.define_demo();
    let over = Duration::from_secs(30 * rounds as u64);
    under_load(&lane, &day, over, || {
        thread::scope(|scope| {
            let lane = &lane;
            let storms = STAGES.map(|name| scope.spawn(move || storm(lane, name, GUESTS * rounds)));
            storms.map(|s| s.join().expect("a storm"))
        })
    });
    assert_unharmed(&kafka, &lane, &day);
}

#[test]
fn a_process_that_comes_back_in_time_takes_its_partitions_again_and_disturbs_nobody() {
    let Some(kafka) = kafka() else { return };
    let lane = Lane::new(&kafka, "static", false);
    lane.define_demo();
    let start = |instance| lane.start("ingest", instance, &["--session-timeout", "20s"]);
    let [mut stays, mut returns] = ["stays", "returns"].map(start);
    stays.until_ready();
    returns.until_ready();
    let begun = [0; 4];
    until_all_beyond(&lane, "ingest", &begun);
    let assignments = |stage: &Stage| stage.metric("footfall_rebalances_total", &[]);
    let before = wait_until("the share of both to be settled", PATIENCE, || {
        let owned = [&stays, &returns].map(|stage| stage.series("footfall_consumer_lag_records"));
        (owned == [4, 4]).then(|| assignments(&stays))
    });
    returns.kill();
    returns = start("returns");
    returns.until_ready();
    let now = committed(&lane, "ingest");
    until_all_beyond(&lane, "ingest", &now);
    assert_eq!(
        assignments(&stays),
        before,
        "the one that stayed was disturbed"
    );
}
