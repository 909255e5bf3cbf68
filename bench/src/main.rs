//! `footfall-bench`: what every stage costs, beside a pass-through stage in the same run, and how long an event takes from
//! its arrival to a reader. Real Kafka, exactly once, everything on this machine.
//!
//! Throughput: a backlog stands on the input topic; the stage starts, and its own CPU time (user and system, of all its
//! threads) is divided by the records it read, from its readiness to its end. Latency: an open-loop generator sends by
//! schedule, and a reader of committed records compares its clock with the record's arrival.

mod backlog;
mod ingest_work;
mod own_work;
mod pass_through;
mod peers;
mod process;
mod recovery;
mod report;
mod sessionizer_work;
mod state_size;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;
use clap::{Parser, Subcommand, ValueEnum};
use footfall::{
    lane::{Cluster, Lane, STAGES},
    live::{self, Beside, Load},
    shop::LoadGenerator,
};
use journey::Millis;
use pipeline::config::{KafkaArgs, StageArgs, duration};

use self::{
    backlog::Backlog,
    ingest_work::Variety,
    process::cpu_seconds,
    report::{LatencyRow, Report, WorkRow},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DEFINITIONS: &str = "footfall/definitions";
/// What one visitor sends of all events, where there is a hot key.
const HOT_SHARE: f64 = 0.3;
/// How many records that tell nothing come with each event, where a deployment's snippet is broken.
const RUBBISH: u64 = 3;
const HOUR: Millis = Millis::from_mins(60);
/// How far apart a visitor's events are, on average.
const BETWEEN_EVENTS: Millis = Millis::from_secs(30);

/// Measures Footfall on this machine.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Where Kafka's data and logs lie
    #[arg(long, default_value = "target/footfall-bench")]
    dir: PathBuf,
    /// Raw events of the backlog; 0 leaves the cost of the stages out
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Who sends the backlog
    #[arg(long, value_enum, default_value_t = Traffic::Browsing)]
    traffic: Traffic,
    /// The backlog of so many visitors at once, whose visits all stay open; 0: as the traffic says, for an hour
    #[arg(long, default_value_t = 0)]
    open_visits: u64,
    /// Other engines on the sessionizer's input, in the same run (needs Java 17 and Maven)
    #[arg(long)]
    peers: bool,
    /// Rates at which latency is measured; 0 is left out
    #[arg(long, value_delimiter = ',', default_value = "1000,10000")]
    rates: Vec<u64>,
    /// How long each rate is sent before it is measured: a broker's JVM compiles what it runs in its first minute
    #[arg(long, default_value = "60s", value_parser = duration)]
    warm_up: Duration,
    /// How long each rate is sent and measured
    #[arg(long, default_value = "30s", value_parser = duration)]
    live: Duration,
    /// Measure each rate again with one visitor more who sends 30 % of all events: how long the others' take then
    #[arg(long)]
    hot_key: bool,
    /// Measure each rate again with three times as many records besides that are dead-lettered, of other deployments
    #[arg(long)]
    rubbish: bool,
    /// Where the figures go as JSON
    #[arg(long, default_value = "target/bench.json")]
    json: PathBuf,
}

/// How the backlog's hour of events comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Traffic {
    /// Visits of eight events, 30 s apart on average
    Browsing,
    /// A tenth as many visitors as events, each event from any of them, minutes apart: idle, away and back at nearly every one
    Returning,
}

impl Cli {
    fn backlog(&self) -> Backlog {
        let events = self.events;
        let (generator, length) = match (self.open_visits, self.traffic) {
            (0, Traffic::Browsing) => (LoadGenerator::browsing(1, events / 120), HOUR),
            (0, Traffic::Returning) => (LoadGenerator::new(1, events / 10), HOUR),
            (open, _) => {
                let length = events as i64 * BETWEEN_EVENTS.0 / open as i64;
                (LoadGenerator::browsing(1, open), Millis(length))
            }
        };
        Backlog {
            events,
            length,
            generator,
        }
    }
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one, read once")]
enum Command {
    /// The whole chain over the memory log, without Kafka, and what every stage writes
    OwnWork,
    /// Ingest alone, over raw events that stand ready in memory
    IngestWork {
        /// How often they are read; 0: once, as they are made, and what memory is held while they come by is said
        #[arg(long, default_value_t = 5)]
        rounds: u32,
        /// So many user agents; 0: those of the load generator
        #[arg(long, default_value_t = 0)]
        agents: u64,
        /// So many pages and so many referrers; 0: those of the load generator
        #[arg(long, default_value_t = 0)]
        addresses: u64,
    },
    /// The sessionizer alone, over web events that stand ready in memory
    SessionizerWork {
        /// How often they are read
        #[arg(long, default_value_t = 5)]
        rounds: u32,
    },
    /// What an open visit costs: bytes on the changelog over a file of raw events, and memory
    StateSize {
        /// Raw events, one JSON object a line; .gz too
        file: PathBuf,
        /// How many open visits memory is filled with
        #[arg(long, value_delimiter = ',', default_value = "500000,1000000")]
        visits: Vec<usize>,
    },
    /// How long a sessionizer takes after a SIGKILL: restored, first right output, caught up
    Recovery {
        /// How many visits are open
        #[arg(long, value_delimiter = ',', default_value = "10000,100000,1000000")]
        visits: Vec<u64>,
    },
    /// The pass-through stage: reads web events and writes them back as they are. The floor.
    #[command(hide = true)]
    PassThrough {
        #[command(flatten)]
        kafka: KafkaArgs,
        #[command(flatten)]
        stage: StageArgs,
        /// Keeps a state of 300 bytes for every visitor, which every record changes
        #[arg(long)]
        keep: bool,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    if let Some(Command::PassThrough { kafka, stage, keep }) = &cli.command {
        return Ok(pass_through::run(kafka, stage, *keep));
    }
    match &cli.command {
        Some(Command::OwnWork) => {
            own_work::run(cli.backlog(), Path::new(DEFINITIONS))?;
            return Ok(ExitCode::SUCCESS);
        }
        Some(Command::IngestWork {
            rounds,
            agents,
            addresses,
        }) => {
            let variety = Variety {
                agents: *agents,
                addresses: *addresses,
            };
            let (backlog, definitions) = (cli.backlog(), Path::new(DEFINITIONS));
            match rounds {
                0 => ingest_work::run_long(backlog, variety, definitions)?,
                _ => ingest_work::run(backlog, variety, *rounds, definitions)?,
            }
            return Ok(ExitCode::SUCCESS);
        }
        Some(Command::SessionizerWork { rounds }) => {
            sessionizer_work::run(cli.backlog(), *rounds, Path::new(DEFINITIONS))?;
            return Ok(ExitCode::SUCCESS);
        }
        Some(Command::StateSize { file, visits }) => {
            state_size::run(file, visits)?;
            return Ok(ExitCode::SUCCESS);
        }
        Some(Command::Recovery { visits }) => {
            begin_afresh(&cli.dir)?;
            let (cluster, said) = Cluster::up(&cli.dir)?;
            println!("{said}");
            let result = recovery::run(&cluster, visits);
            Cluster::down(&cli.dir)?;
            return result.map(|()| ExitCode::SUCCESS);
        }
        _ => {}
    }
    begin_afresh(&cli.dir)?;
    let result = measure(&cli);
    let down = Cluster::down(&cli.dir);
    let report = result?;
    down?;
    println!("{}", report.render());
    let json = serde_json::to_vec_pretty(&report).context("plain numbers")?;
    std::fs::write(&cli.json, json)
        .with_context(|| format!("{} cannot be written", cli.json.display()))?;
    println!("written to {}", cli.json.display());
    Ok(ExitCode::SUCCESS)
}

/// What a bench that was killed left would be measured as this one's.
fn begin_afresh(dir: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(
        !Cluster::runs(dir),
        "another bench runs in {0}, or was killed there: wait for its end, or stop its Kafka with `footfall dev down --dir {0} --delete`",
        dir.display()
    );
    Cluster::down(dir)
}

fn measure(cli: &Cli) -> anyhow::Result<Report> {
    let (cluster, said) = Cluster::up_for_long(&cli.dir)?;
    println!("{said}");
    let definitions = PathBuf::from(DEFINITIONS);
    anyhow::ensure!(
        definitions.is_dir(),
        "run the bench from the root of the checkout: {DEFINITIONS} is read"
    );
    let traffic = match cli.open_visits {
        0 => format!("{:?}", cli.traffic).to_lowercase(),
        open => format!("{open} visitors at once"),
    };
    let mut report = Report::new(cli.events, traffic);
    if cli.events > 0 {
        Lane::prepare(&cluster, backlog::PREFIX, true, &definitions)?;
        let until = backlog::fill(&cluster, cli.backlog())?;
        report.throughput = backlog::measure(&cluster, until)?;
        if cli.peers {
            report.peers = peers::measure(&cluster)?;
        }
    }
    for rate in cli.rates.iter().filter(|rate| **rate > 0) {
        let hot_key = cli.hot_key.then_some(Beside::HotKey(HOT_SHARE));
        let rubbish = cli.rubbish.then_some(Beside::Rubbish(RUBBISH));
        for beside in [Beside::Nobody].into_iter().chain(hot_key).chain(rubbish) {
            let load = Load {
                rate: *rate,
                warm_up: cli.warm_up,
                length: cli.live,
                seed: 1,
                visitors: 20_000,
                beside,
            };
            measure_latency(&cluster, &load, &definitions, &mut report)?;
        }
    }
    Ok(report)
}

/// Sends at a rate, and adds to the report how long it took and what each stage did.
fn measure_latency(
    cluster: &Cluster,
    load: &Load,
    definitions: &Path,
    report: &mut Report,
) -> anyhow::Result<()> {
    let Load { rate, length, .. } = *load;
    let (lane, names) = match load.beside {
        Beside::Nobody => ("live", ["raw to journey event", "raw to offer"]),
        Beside::HotKey(_) => (
            "hot",
            ["events beside a hot key", "offers beside a hot key"],
        ),
        Beside::Rubbish(_) => (
            "rubbish",
            ["events beside rubbish", "offers beside rubbish"],
        ),
    };
    let prefix = format!("bench-{lane}-{rate}.");
    let mut lane = Lane::start(cluster, &prefix, false, definitions)?;
    println!("latency at {rate} events/s for {} s", length.as_secs());
    let latencies = live::measure(cluster, &mut lane, load, &mut |_| {})?;
    let measured = [&latencies.events, &latencies.offers];
    for (name, histogram) in names.into_iter().zip(measured) {
        report.latency.push(LatencyRow::new(rate, name, histogram));
    }
    for stage in STAGES {
        let process = lane.stage(stage)?;
        let cpu_seconds = cpu_seconds(process.id())?;
        let row = WorkRow::new(rate, stage, &process.metrics()?, cpu_seconds);
        report.work.push(row);
    }
    lane.stop()?;
    Ok(())
}
