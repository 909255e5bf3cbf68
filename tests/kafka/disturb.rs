//! What is done to running stages: killed under load, some in the middle of a transaction, joined by an instance that goes
//! again. And the proof that it was really done.

use std::{fs, os::unix::process::ExitStatusExt, process::ExitStatus};

use crate::{
    auditor::Isolation,
    lane::{INPUTS, Lane},
    stage::{PATIENCE, Stage},
    wait_until, wait_while_it_moves,
};

/// While it lives, every third transaction is cleanly aborted and sent again.
const ABORTS: &str = "abort_every:3";
/// While it lives, one is aborted so often that a new producer sends it.
const ABORTS_IN_A_ROW: &str = "abort_every:15:3";

/// How a process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kill {
    /// SIGKILL by its own hand, the n-th time that it comes by.
    At(&'static str, u32),
    /// SIGKILL, once it has passed something on.
    Signal,
}

/// Everywhere that a transaction can be interrupted. Whoever dies before the commit leaves one open.
const EVERYWHERE: [Kill; 5] = [
    Kill::At("after_send_offsets", 3),
    Kill::Signal,
    Kill::At("after_produce", 4),
    Kill::At("in_commit", 5),
    Kill::At("after_commit", 3),
];

/// So many kills, each stage beginning at another.
pub(crate) fn plan(stage: usize, kills: usize) -> Vec<Kill> {
    EVERYWHERE
        .into_iter()
        .cycle()
        .skip(stage)
        .take(kills)
        .collect()
}

/// Kills a stage as planned, then lets a second instance join and leave. Gives the process that goes on.
pub(crate) fn disturb(lane: &Lane, name: &str, extra: &[&str], plan: &[Kill]) -> Stage {
    for kill in plan {
        match kill {
            Kill::At(point, count) => {
                let failpoint = format!("{point}:{count}");
                let mut stage = lane.start_dying(name, "a", extra, &failpoint);
                let status = until_dead(lane, &mut stage);
                let printed = crate::stage::tail(&stage.log);
                assert_eq!(status.signal(), Some(9), "{name} at {failpoint}: {printed}");
            }
            Kill::Signal => {
                let mut stage = lane.start_dying(name, "a", extra, ABORTS);
                stage.until_ready();
                until_progress(lane, name);
                stage.kill();
            }
        }
    }
    let mut first = lane.start_dying(name, "a", extra, ABORTS_IN_A_ROW);
    first.until_ready();
    let mut second = lane.start(name, "b", extra);
    second.until_ready();
    until_progress(lane, name);
    second.stop();
    first
}

/// The offsets that a stage has committed of its first input, by partition.
pub(crate) fn committed(lane: &Lane, name: &str) -> Vec<i64> {
    let inputs = INPUTS.iter().find(|(stage, _)| *stage == name);
    let input = lane.topic(inputs.expect("a stage").1[0]);
    let group = lane.topic(&format!("footfall.{name}"));
    lane.auditor.committed(&group, &input)
}

fn until_progress(lane: &Lane, name: &str) {
    let sum = || committed(lane, name).iter().sum::<i64>();
    let before = sum();
    let what = format!("{name} to go on");
    wait_until(&what, PATIENCE, || (sum() > before).then_some(()));
}

/// Waits for a stage to die, and as long as any stage goes on: it dies in a transaction, and has none while those before it, which
/// are killed too, give it nothing to do.
fn until_dead(lane: &Lane, stage: &mut Stage) -> ExitStatus {
    let what = format!("{} to die", stage.name);
    wait_while_it_moves(&what, PATIENCE, || {
        stage.ends_soon().ok_or_else(|| all_committed(lane))
    })
}

/// How much of its first input each stage has committed.
fn all_committed(lane: &Lane) -> [i64; INPUTS.len()] {
    INPUTS.map(|(name, _)| committed(lane, name).iter().sum())
}

/// Until a stage has got further in every partition than here: each has an owner that works.
pub(crate) fn until_all_beyond(lane: &Lane, name: &str, here: &[i64]) {
    let what = format!("{name} to go on in every partition from {here:?}");
    wait_while_it_moves(&what, PATIENCE, || {
        let now = committed(lane, name);
        if now.iter().zip(here).all(|(now, here)| now > here) {
            return Ok(());
        }
        Err(now)
    });
}

/// The run must have seen what it is a test of: a transaction that was aborted, one that another producer sent again, a
/// rebalance, and a mark over at least three transactions.
pub(crate) fn assert_disturbed(lane: &Lane, outputs: &[&str]) {
    let appended_and_taken_back: usize = outputs
        .iter()
        .map(|output| {
            let topic = lane.topic(output);
            let all = lane.auditor.read(&topic, Isolation::Uncommitted).len();
            all - lane.auditor.read(&topic, Isolation::Committed).len()
        })
        .sum();
    let logs = logs(lane);
    let revoked = logs.matches("partitions revoked").count();
    let sent_again = logs.matches("sending it again").count();
    let by_another = logs.matches("a new producer sends it").count();
    let longest = lane.auditor.longest_mark(&lane.topic("journey.visits"));
    println!(
        "{}: {appended_and_taken_back} records of aborted transactions, {by_another} sent by a new producer, {revoked} \
         revocations, longest mark over {longest} transactions",
        lane.prefix
    );
    assert!(appended_and_taken_back > 0, "no transaction was aborted");
    assert!(sent_again > 0, "no transaction was aborted and sent again");
    assert!(by_another > 0, "no producer was given up");
    assert!(revoked > 0, "nothing was rebalanced");
    assert!(longest >= 3, "no mark went over three transactions");
    assert_nothing_diverged(lane);
}

/// Every task that was restored came to what was committed.
pub(crate) fn assert_nothing_diverged(lane: &Lane) {
    let logs = logs(lane);
    let diverged = logs.matches("restored to something else").count();
    assert_eq!(diverged, 0, "restored to something else");
}

fn logs(lane: &Lane) -> String {
    let files = fs::read_dir(&lane.directory).expect("the logs").flatten();
    let read = |file: fs::DirEntry| fs::read_to_string(file.path()).unwrap_or_default();
    files.map(read).collect()
}
