//! How long a sessionizer takes after a SIGKILL, by how many visits were open: until it is restored, until the first right
//! output, and until it has caught up with what came meanwhile.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use footfall::{
    backfill::{BackfillLoader, Options, Raw},
    lane::{Cluster, Lane, Process, stage_args},
    shop::LoadGenerator,
};
use journey::{Millis, Timestamp, VisitEvent, topics, visit::kind};
use pipeline::kafka::read::{From, TopicReader};

use crate::{DEFINITIONS, backlog::START, process::resident_mib};

const PARTITIONS: usize = 4;
/// Events while the sessionizer is away.
const MISSED: u64 = 1_000;
/// All events lie in this much of the data's time: no visit ends.
const SPAN: i64 = 300_000;
const PATIENCE: Duration = Duration::from_secs(600);
/// Events to a visitor, on average: so many that nearly as many visits are open as are asked for.
const EVENTS: u64 = 2;

/// What a recovery took.
#[derive(Clone, Debug)]
struct Recovery {
    open: u64,
    /// From the start of the process until it is ready.
    ready: Duration,
    /// Of that, reading the changelog back.
    restored: f64,
    first: Duration,
    caught_up: Duration,
    resident_mib: f64,
}

/// Measures the recovery from each of these numbers of open visits.
pub(crate) fn run(cluster: &Cluster, visits: &[u64]) -> anyhow::Result<()> {
    let rows: Vec<Recovery> = visits
        .iter()
        .map(|visits| recover(cluster, *visits))
        .collect::<Result<_, _>>()?;
    println!(
        "{:>10} {:>9} {:>9} {:>13} {:>11} {:>9}",
        "visits", "restored", "ready", "first output", "caught up", "MiB"
    );
    for row in rows {
        println!(
            "{:>10} {:>7.2} s {:>7.2} s {:>11.2} s {:>9.2} s {:>9.0}",
            row.open,
            row.restored,
            row.ready.as_secs_f64(),
            row.first.as_secs_f64(),
            row.caught_up.as_secs_f64(),
            row.resident_mib
        );
    }
    Ok(())
}

/// Events and what is known of them: how many of each visitor were sent.
struct Sender {
    generator: LoadGenerator,
    sent: HashMap<String, i64>,
    json: Vec<u8>,
}

impl Sender {
    /// Loads events between two times, and ticks after them. By event: how many its visitor had sent with it.
    fn load(
        &mut self,
        cluster: &Cluster,
        prefix: &str,
        events: u64,
        from: Timestamp,
        length: i64,
    ) -> anyhow::Result<(HashMap<String, i64>, Timestamp)> {
        let options = Options {
            tick_every: Millis(1_000),
            close_after: Millis(1_000),
            ..Options::default()
        };
        let mut loader = BackfillLoader::open(&cluster.settings(prefix), &options)?;
        let mut numbers = HashMap::new();
        for n in 0..events {
            let at = from + Millis(n as i64 * length / events as i64);
            let cookie = self.generator.next(at, &mut self.json).to_owned();
            loader.record(Raw::Web, Some(cookie.as_bytes()), &self.json, Some(at))?;
            let number = self.sent.entry(cookie).or_default();
            *number += 1;
            if events <= MISSED {
                numbers.insert(event_id(&self.json)?, *number);
            }
        }
        let until = loader.finish()?.until.context("something was loaded")?;
        work_off(cluster, prefix, until)?;
        Ok((numbers, until))
    }
}

fn event_id(json: &[u8]) -> anyhow::Result<String> {
    let event: serde_json::Value = serde_json::from_slice(json)?;
    Ok(event["eventId"].as_str().context("an event id")?.to_owned())
}

/// Lets ingest take in what was loaded.
fn work_off(cluster: &Cluster, prefix: &str, until: Timestamp) -> anyhow::Result<()> {
    let mut ingest = Process::spawn(cluster, "ingest", &stage_args("ingest", prefix, true))?;
    ingest.wait_ready()?;
    wait_for(&mut ingest, 2 * PARTITIONS, until)?;
    ingest.terminate()?;
    ingest.wait()
}

fn wait_for(process: &mut Process, tasks: usize, until: Timestamp) -> anyhow::Result<()> {
    let (began, end) = (Instant::now(), until.0 as f64 / 1000.0);
    while process.frontier(tasks)?.is_none_or(|at| at < end) {
        process.check()?;
        ensure!(began.elapsed() < PATIENCE, "not done within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn recover(cluster: &Cluster, visits: u64) -> anyhow::Result<Recovery> {
    let prefix = format!("recovery-{visits}.");
    println!("{visits} visits: filling the lane");
    Lane::prepare(cluster, &prefix, true, DEFINITIONS.as_ref())?;
    let mut sender = Sender {
        generator: LoadGenerator::new(1, visits * 126 / 100),
        sent: HashMap::new(),
        json: Vec::new(),
    };
    let (_, until) = sender.load(cluster, &prefix, EVENTS * visits, START, SPAN)?;
    let args = stage_args("sessionizer", &prefix, true);
    let mut killed = Process::spawn(cluster, "sessionizer", &args)?;
    killed.wait_ready()?;
    wait_for(&mut killed, PARTITIONS, until)?;
    let open = total(&killed.metrics()?, "footfall_states{");
    killed.kill()?;
    let (numbers, _) = sender.load(cluster, &prefix, MISSED, until, 1_000)?;
    drop(sender);

    println!("{open} visits: killed, starting again");
    let settings = cluster.settings(&prefix);
    let topic = settings.lane.topic(topics::VISITS);
    let mut reader = TopicReader::open(&settings, &[topic], From::End)?;
    reader.next(Duration::from_millis(500))?;
    let started = Instant::now();
    let mut process = Process::spawn(cluster, "sessionizer", &args)?;
    process.wait_ready()?;
    let ready = started.elapsed();
    let (first, caught_up) = judge(&mut reader, &numbers, started)?;
    let restored = total(&process.metrics()?, "footfall_restore_duration_seconds_sum");
    let row = Recovery {
        open: open as u64,
        ready,
        restored,
        first,
        caught_up,
        resident_mib: resident_mib(process.id()),
    };
    process.terminate()?;
    process.wait()?;
    Ok(row)
}

/// Sees each event that was missed come out as part of the visit that it belongs to: the visit counts all events before.
fn judge(
    reader: &mut TopicReader,
    numbers: &HashMap<String, i64>,
    started: Instant,
) -> anyhow::Result<(Duration, Duration)> {
    let (mut first, mut seen) = (None, 0);
    while seen < numbers.len() {
        ensure!(
            started.elapsed() < PATIENCE,
            "{seen} of {} came",
            numbers.len()
        );
        let Some(record) = reader.next(Duration::from_millis(100))? else {
            continue;
        };
        let Some((_, body)) = record.value.as_deref().and_then(schemas::unframe) else {
            continue;
        };
        let event: VisitEvent = schemas::from_bytes(body)?;
        let Some((cause, visit)) = event
            .cause
            .zip(event.visit)
            .filter(|_| *event.kind == *kind::ACTIVITY)
        else {
            continue;
        };
        let Some(number) = numbers.get(cause.event_id.as_str()) else {
            continue;
        };
        let counted = visit.event_count + visit.ping_count;
        ensure!(
            counted == *number,
            "event {} of its visitor is event {counted} of its visit",
            number
        );
        first.get_or_insert_with(|| started.elapsed());
        seen += 1;
    }
    Ok((first.unwrap_or_default(), started.elapsed()))
}

/// The sum of a metric over its labels.
fn total(metrics: &str, name: &str) -> f64 {
    let lines = metrics.lines().filter(|line| line.starts_with(name));
    lines
        .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
        .sum()
}
