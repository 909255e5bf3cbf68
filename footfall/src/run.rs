//! `footfall run FILE`: the whole chain over the memory log, no Kafka at all. A first look, a segment author's bench, a bug
//! report.

mod data_time;
mod records;

use std::{
    io::{BufRead, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context;
use clap::Args as ClapArgs;
use ingest::{Config, UnknownDeployments, VisitorKeys};
use journey::{Timestamp, definitions::DefinitionSet, topics};
use pipeline::{config::duration, memory::Faults};

use self::{data_time::DataTime, records::Records};
use crate::{
    backfill::Envelope,
    chain::{Chain, ChainConfig},
    definitions_dir, source_file,
    summary::Summary,
};

/// Runs an events file through the whole chain in this process.
#[derive(ClapArgs, Clone, Debug)]
pub struct Args {
    /// Raw web events, one JSON object a line, gzip or not; `-` reads stdin
    pub file: PathBuf,
    /// Definitions: a folder of JSON files. Without it every deployment is taken as known and consent as not needed
    #[arg(long)]
    pub definitions: Option<PathBuf>,
    /// How long after its happening an event may arrive and still count as in order
    #[arg(long, default_value = "15m", value_parser = duration)]
    pub grace: std::time::Duration,
    /// Where to write the records that came out, one JSON object a line; `-` writes to stdout
    #[arg(long)]
    pub records: Option<PathBuf>,
    /// Which topics' records are written
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "journey.events,journey.offers,journey.staffing"
    )]
    pub topics: Vec<String>,
    /// Partitions of every topic
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub partitions: u32,
}

/// What a run made.
#[derive(Debug)]
pub struct Ran {
    /// Lines sent.
    pub events: u64,
    /// Counted from the topics.
    pub summary: Summary,
    /// The chain as it stands: its broker holds every record.
    pub chain: Chain,
}

impl Ran {
    /// Whether every line is accounted for, and all that came of them could be read.
    pub fn adds_up(&self) -> bool {
        self.summary.adds_up(self.events)
    }
}

/// Runs the lines through a new chain.
pub fn run(args: &Args) -> anyhow::Result<Ran> {
    let config = chain_config(args)?;
    let mut chain = Chain::new(&config);
    let mut time = DataTime::new(&config.sets);
    let (mut events, mut waiting) = (0, Vec::new());
    for line in source_file::open(&args.file)?.split(b'\n') {
        let line = line.with_context(|| format!("{} cannot be read", args.file.display()))?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        if events == 0
            && let Some(advice) = source_file::no_line_of_its_own(&line)
        {
            anyhow::bail!("{}: {advice}", args.file.display());
        }
        let envelope = Envelope::read(&line, "customerCookieId");
        events += 1;
        let sent_at = envelope.sent_at.filter(|at| at.0 > 0);
        waiting.push((envelope, line));
        if time.advance(&mut chain, sent_at)? {
            for (envelope, line) in waiting.drain(..) {
                send(&mut chain, &envelope, &line, time.now());
            }
        }
    }
    for (envelope, line) in waiting {
        send(&mut chain, &envelope, &line, time.now());
    }
    time.close(&mut chain)?;
    let mut summary = Summary::default();
    summary.take_metrics(&chain.metrics()[0]);
    for topic in [
        topics::VISITS,
        topics::JOURNEY_EVENTS,
        topics::OFFERS,
        topics::STAFFING,
    ] {
        for partition in 0..args.partitions {
            for record in chain.broker().records(topic, partition) {
                summary.take(topic, record.value.as_deref());
            }
        }
    }
    Ok(Ran {
        events,
        summary,
        chain,
    })
}

fn send(chain: &mut Chain, envelope: &Envelope, line: &[u8], at: Timestamp) {
    let key = envelope.key.as_deref().map(str::as_bytes);
    chain.send(topics::WEB_EVENTS_RAW, key, line, at);
}

/// Runs, writes the records that were asked for, and says what came out. Fails if that is not all that went in.
pub fn command(args: &Args, as_json: bool) -> anyhow::Result<ExitCode> {
    let records = Records::open(args)?;
    let ran = run(args)?;
    if let Some(records) = records {
        records.write(&ran)?;
    }
    let mut out: Box<dyn Write> = if args.records.as_deref() == Some(Path::new("-")) {
        Box::new(std::io::stderr().lock())
    } else {
        Box::new(std::io::stdout().lock())
    };
    if as_json {
        writeln!(out, "{}", ran.summary.to_json(ran.events))?;
    } else {
        write!(out, "{}", ran.summary.render(ran.events))?;
        if !ran.summary.intervals.is_empty() {
            write!(out, "\n{}", ran.summary.render_staffing(12))?;
        }
    }
    Ok(if ran.adds_up() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn chain_config(args: &Args) -> anyhow::Result<ChainConfig> {
    let (sets, unknown): (Arc<[Arc<DefinitionSet>]>, _) = match &args.definitions {
        None => {
            let empty = DefinitionSet {
                effective_at: Timestamp::MIN,
                ..DefinitionSet::default()
            };
            ([Arc::new(empty)].into(), UnknownDeployments::Accept)
        }
        Some(path) => {
            let set = Arc::new(DefinitionSet::first(definitions_dir::valid(path)?));
            ([set].into(), UnknownDeployments::Refuse)
        }
    };
    Ok(ChainConfig {
        partitions: args.partitions,
        ingest: Arc::new(Config::new(VisitorKeys::development(), unknown)),
        sets,
        grace: args.grace.into(),
        faults: Faults::default(),
        seed: 0,
        batch: 50_000,
        state_records: 100_000,
        align_sources: false,
    })
}

#[cfg(test)]
mod tests;
