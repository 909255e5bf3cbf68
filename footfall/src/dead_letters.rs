//! `footfall dead-letters`: what no stage could use, how much of it and why, and the bytes themselves.
//!
//! `ingest` keeps no bytes of what it could not use: they are read from the raw topic as long as that holds them.

mod letter;
mod list;
mod show;

use std::process::ExitCode;

use clap::Subcommand;
use journey::{Millis, Timestamp, topics};
use pipeline::{
    config::{KafkaArgs, duration},
    kafka::{
        Settings,
        admin::Admin,
        read::{From, TopicReader},
        settings::wall_clock,
    },
};

use self::letter::Letter;
use crate::Output;

/// The topics whose records may become dead letters.
const INPUTS: &[&str] = &[
    topics::WEB_EVENTS_RAW,
    topics::ENGAGEMENT_EVENTS_RAW,
    topics::WEB_EVENTS,
    topics::VISITS,
    topics::DEMAND,
];

/// Arguments of `footfall dead-letters`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Count them by topic, reason and deployment. Exits 1 if there are none.
    List {
        #[command(flatten)]
        kafka: KafkaArgs,
        #[command(flatten)]
        filter: Filter,
    },
    /// Print one, or some: headers and bytes. Exits 1 if none is found.
    Show(show::Args),
}

/// Which dead letters.
#[derive(Debug, Clone, Default, clap::Args)]
struct Filter {
    /// Only with this reason
    #[arg(long, env = "FOOTFALL_REASON")]
    reason: Option<String>,
    /// Only of this deployment
    #[arg(long, env = "FOOTFALL_DEPLOYMENT")]
    deployment: Option<String>,
    /// Only since a time (2026-11-23T14:00:00Z) or for so long (2h)
    #[arg(long, env = "FOOTFALL_SINCE", value_parser = time_or_ago)]
    since: Option<Timestamp>,
}

/// A time, or how long ago.
pub(crate) fn time_or_ago(text: &str) -> Result<Timestamp, String> {
    if let Some(at) = Timestamp::parse(text) {
        return Ok(at);
    }
    let ago = duration(text).map_err(|_| {
        format!("{text:?} is neither a time nor a duration: write 2026-11-23T14:00:00Z or 2h")
    })?;
    Ok(wall_clock() - Millis::from(ago))
}

impl Filter {
    fn wants(&self, letter: &Letter) -> bool {
        let same = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        same(&self.reason, Some(letter.reason()))
            && same(&self.deployment, letter.deployment())
            && self
                .since
                .is_none_or(|since| letter.record.timestamp >= since)
    }
}

/// Runs `footfall dead-letters`.
pub(crate) fn run(args: &Args, output: Output) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::List { kafka, filter } => list::run(&crate::settings(kafka)?, filter, output),
        Command::Show(args) => show::run(args, output),
    }
}

/// Reads every dead letter of the lane, topic by topic, until `each` says that it is enough.
fn read_all(settings: &Settings, mut each: impl FnMut(Letter) -> bool) -> anyhow::Result<()> {
    let counts = Admin::connect(settings)?.partition_counts()?;
    let names = INPUTS.iter();
    let names = names.map(|input| settings.lane.topic(&topics::dead_letter(input)));
    let present: Vec<String> = names.filter(|name| counts.contains_key(name)).collect();
    anyhow::ensure!(
        !present.is_empty(),
        "there are no dead-letter topics with the prefix {:?}: check --topic-prefix, or create the lane with `footfall \
         topics apply`",
        settings.lane.prefix()
    );
    for topic in present {
        let mut reader = TopicReader::open(settings, &[topic], From::Beginning)?;
        while !reader.is_at_end() {
            let Some(record) = reader.next(std::time::Duration::from_millis(20))? else {
                continue;
            };
            if reader.was_there(&record) && !each(Letter::new(record)) {
                return Ok(());
            }
        }
    }
    Ok(())
}
