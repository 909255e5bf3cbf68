//! A backlog on the raw topic, and what each stage costs to work it off.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::ensure;
use footfall::{
    backfill::{BackfillLoader, Options, Raw},
    lane::{Cluster, Process, stage_args},
    shop::LoadGenerator,
};
use journey::{Millis, Timestamp, topics};
use pipeline::kafka::admin::{Admin, Difference, TopicSpec};

use crate::{
    pass_through,
    process::{cpu_seconds, resident_mib, thread_cpu_seconds},
    report::StageRow,
};

/// The backlog's lane.
pub(crate) const PREFIX: &str = "bench.";
/// When the backlog begins.
pub(crate) const START: Timestamp = Timestamp(1_790_000_000_000);
/// How long a stage may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often it is asked how far it is: each answer is CPU time of the stage.
const ASK_EVERY: Duration = Duration::from_millis(100);
pub(crate) const PARTITIONS: usize = 4;

/// Raw events in even steps of time.
#[derive(Debug)]
pub(crate) struct Backlog {
    pub(crate) events: u64,
    /// From the first to the last.
    pub(crate) length: Millis,
    pub(crate) generator: LoadGenerator,
}

impl Backlog {
    /// The event of this number, written into `json`: when it happens, and its record's key.
    pub(crate) fn next(&mut self, n: u64, json: &mut Vec<u8>) -> (Timestamp, Vec<u8>) {
        let at = START + Millis((n * self.length.0 as u64 / self.events) as i64);
        let key = self.generator.next(at, json).as_bytes().to_vec();
        (at, key)
    }
}

/// Fills the raw topic. Gives the time of the last ticks.
pub(crate) fn fill(cluster: &Cluster, mut backlog: Backlog) -> anyhow::Result<Timestamp> {
    let events = backlog.events;
    println!("filling {events} raw events");
    let settings = cluster.settings(PREFIX);
    let mut loader = BackfillLoader::open(
        &settings,
        &Options {
            tick_every: Millis(1_000),
            ..Options::default()
        },
    )?;
    let mut json = Vec::new();
    for n in 0..events {
        let (at, key) = backlog.next(n, &mut json);
        loader.record(Raw::Web, Some(&key), &json, Some(at))?;
    }
    let loaded = loader.finish()?;
    Ok(loaded.until.unwrap_or(START))
}

/// Lets each stage work the backlog off, one after the other, the pass-through stage beside them.
pub(crate) fn measure(cluster: &Cluster, until: Timestamp) -> anyhow::Result<Vec<StageRow>> {
    let mut rows = vec![stage(cluster, "ingest", 2 * PARTITIONS, until)?];
    rows.push(floor(cluster, false, until)?);
    rows.push(floor(cluster, true, until)?);
    for name in ["sessionizer", "segmenter", "staffing"] {
        rows.push(stage(cluster, name, PARTITIONS, until)?);
    }
    Ok(rows)
}

fn stage(
    cluster: &Cluster,
    name: &str,
    tasks: usize,
    until: Timestamp,
) -> anyhow::Result<StageRow> {
    let process = Process::spawn(cluster, name, &stage_args(name, PREFIX, true))?;
    work_off(cluster, process, name, tasks, until)
}

/// The floor: a stage that copies; `keep`: and keeps a state of 300 bytes for every visitor, written in every commit.
fn floor(cluster: &Cluster, keep: bool, until: Timestamp) -> anyhow::Result<StageRow> {
    let name = pass_through::name(keep);
    let settings = cluster.settings(PREFIX);
    let topic = |name: String, compact: bool| TopicSpec {
        name: settings.lane.topic(&name),
        partitions: PARTITIONS as u32,
        may_grow: false,
        settings: [(
            "cleanup.policy",
            if compact { "compact" } else { "delete" }.to_owned(),
        )]
        .into(),
    };
    let changelog = topics::changelog(topics::WEB_EVENTS, name);
    let missing = [
        topic(pass_through::copy(keep).to_owned(), false),
        topic(changelog, true),
    ]
    .map(Difference::Missing);
    Admin::connect(&settings)?.apply_now(&missing, 1)?;
    let mut args = vec!["pass-through".to_owned()];
    args.extend(stage_args(name, PREFIX, true));
    if keep {
        args.extend(["--keep", "--state-age", "0s"].map(str::to_owned));
    }
    let program = std::env::current_exe()?;
    let process = Process::spawn_as(cluster, name, &program, &args)?;
    work_off(cluster, process, name, PARTITIONS, until)
}

/// From readiness until every task knows it to be `until`.
fn work_off(
    cluster: &Cluster,
    mut process: Process,
    name: &str,
    tasks: usize,
    until: Timestamp,
) -> anyhow::Result<StageRow> {
    println!("measuring {name}");
    process.wait_ready()?;
    let (began, cpu, broker) = (
        Instant::now(),
        cpu_seconds(process.id())?,
        broker_cpu(&cluster.dir)?,
    );
    let end = until.0 as f64 / 1000.0 - 1.0;
    while process
        .frontier(tasks)?
        .is_none_or(|frontier| frontier < end)
    {
        process.check()?;
        ensure!(
            began.elapsed() < PATIENCE,
            "{name} did not work the backlog off within {PATIENCE:?}"
        );
        std::thread::sleep(ASK_EVERY);
    }
    let row = StageRow {
        stage: name.to_owned(),
        records: consumed(&process.metrics()?),
        cpu_seconds: cpu_seconds(process.id())? - cpu,
        wall_seconds: began.elapsed().as_secs_f64(),
        worker_cpu_seconds: thread_cpu_seconds(process.id(), &format!("{name}-0")),
        broker_cpu_seconds: broker_cpu(&cluster.dir)? - broker,
        resident_mib: resident_mib(process.id()),
    };
    process.terminate()?;
    process.wait()?;
    Ok(row)
}

fn consumed(metrics: &str) -> u64 {
    let lines = metrics
        .lines()
        .filter(|line| line.starts_with("footfall_records_consumed_total{"));
    lines
        .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
        .sum::<f64>() as u64
}

pub(crate) fn broker_cpu(dir: &Path) -> anyhow::Result<f64> {
    let wanted = format!("footfall.kafka={}", dir.canonicalize()?.display());
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&line).contains(&wanted) {
            return cpu_seconds(pid);
        }
    }
    Ok(0.0)
}
