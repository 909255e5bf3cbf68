//! `footfall dead-letters`: what no stage could use, how much of it and why, and the bytes themselves.
//!
//! `ingest` keeps no bytes of what it could not use: they are read from the raw topic as long as that holds them.

mod letter;
mod list;
mod origin;
mod settle;
mod settled;
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

pub(crate) use self::letter::Letter;
use self::settled::{Settled, Verdict};
use crate::{Output, UsageError, audit::Caller, tail::in_lane};

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
    /// Count those that are not settled, by topic, reason and deployment.
    List {
        #[command(flatten)]
        kafka: KafkaArgs,
        #[command(flatten)]
        filter: Filter,
    },
    /// Print one, or some: headers and bytes. Exits 1 if none is found.
    Show(show::Args),
    /// Send them again to where they came from, three times at the most. Only counts them unless --yes is said.
    Redrive(settle::Args),
    /// Say that nothing more is to be done about them. Only counts them unless --yes is said.
    Drop(settle::Args),
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
    /// Only until a time (2026-11-23T15:00:00Z) or until so long ago (1h)
    #[arg(long, env = "FOOTFALL_UNTIL", value_parser = time_or_ago)]
    until: Option<Timestamp>,
    /// Only those of this input topic, or in this dead-letter topic
    #[arg(long = "topic", env = "FOOTFALL_TOPIC")]
    of_topic: Option<String>,
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
            && self
                .until
                .is_none_or(|until| letter.record.timestamp < until)
    }

    /// Where to begin to read.
    fn from(&self) -> From {
        self.since.map_or(From::Beginning, From::Since)
    }

    /// The dead-letter topics of the lane that are asked for.
    fn topics(&self, settings: &Settings) -> anyhow::Result<Vec<String>> {
        let wanted = self.of_topic.as_deref().map(|name| in_lane(settings, name));
        let is_wanted = |name: &String| {
            let wanted = wanted.as_ref();
            wanted.is_none_or(|wanted| name == wanted || *name == topics::dead_letter(wanted))
        };
        let names = INPUTS.iter();
        let names = names.map(|input| settings.lane.topic(&topics::dead_letter(input)));
        let names: Vec<String> = names.filter(is_wanted).collect();
        if names.is_empty() {
            let wrong = format!(
                "--topic has no dead letters: say one of {}",
                INPUTS.join(", ")
            );
            return Err(UsageError(wrong).into());
        }
        let counts = Admin::connect(settings)?.partition_counts()?;
        let present: Vec<String> = names
            .into_iter()
            .filter(|n| counts.contains_key(n))
            .collect();
        anyhow::ensure!(
            !present.is_empty(),
            "there are no dead-letter topics with the prefix {:?}: check --topic-prefix, or create the lane with `footfall \
             topics apply`",
            settings.lane.prefix()
        );
        Ok(present)
    }
}

/// Runs `footfall dead-letters`.
pub(crate) fn run(args: &Args, output: Output, caller: &Caller) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::List { kafka, filter } => list::run(&crate::settings(kafka)?, filter, output),
        Command::Show(args) => show::run(args, output),
        Command::Redrive(args) => settle::run(args, Verdict::Redriven, output, caller),
        Command::Drop(args) => settle::run(args, Verdict::Dropped, output, caller),
    }
}

/// Reads every dead letter that is asked for, topic by topic, with what its topic says of those that are settled, until
/// `each` says that it is enough.
fn read_all(
    settings: &Settings,
    filter: &Filter,
    mut each: impl FnMut(Letter, bool) -> bool,
) -> anyhow::Result<()> {
    for topic in filter.topics(settings)? {
        if !read_topic(settings, &topic, filter.from(), &mut each)? {
            break;
        }
    }
    Ok(())
}

/// Reads those of one topic as `read_all` does; whether `each` wanted all of them.
pub(crate) fn read_topic(
    settings: &Settings,
    topic: &str,
    from: From,
    mut each: impl FnMut(Letter, bool) -> bool,
) -> anyhow::Result<bool> {
    let settled = Settled::read(settings, topic, from)?;
    let mut reader = TopicReader::open(settings, &[topic.to_owned()], from)?;
    while let Some(record) = reader.next_there()? {
        let letter = Letter::new(record);
        if letter.is_verdict() {
            continue;
        }
        let is_settled = settled.holds(&letter.record);
        if !each(letter, is_settled) {
            return Ok(false);
        }
    }
    Ok(true)
}
