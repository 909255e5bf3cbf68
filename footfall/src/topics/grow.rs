//! `footfall topics grow`: more partitions for the raw topics, and nothing else.

use std::process::ExitCode;

use anyhow::Context;
use journey::topics as names;
use pipeline::{
    config::KafkaArgs,
    kafka::{
        Settings,
        admin::{Admin, Difference},
    },
};

use super::{Report, once_seen};
use crate::{
    Output, UsageError,
    audit::{Audit, Caller},
};

/// The topics that may grow: nothing is kept by their partitions.
const RAW: [&str; 2] = [names::WEB_EVENTS_RAW, names::ENGAGEMENT_EVENTS_RAW];

/// What is to be done once they have grown.
const RESTART: &str = "\nrestart ingest: stop all of it until its group is empty, which takes a --session-timeout, then start it. It \
                       counts raw partitions when it starts, and a member that comes back sooner gets the partitions that it had";

/// Arguments of `footfall topics grow`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    kafka: KafkaArgs,
    /// Partitions that the raw topics shall have; never fewer than they have
    #[arg(long, env = "FOOTFALL_RAW_PARTITIONS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    raw_partitions: u32,
    /// Change nothing: print what would be grown. Exits 1 if anything would
    #[arg(long, env = "FOOTFALL_DRY_RUN")]
    dry_run: bool,
}

pub(super) fn run(args: &Args, output: Output, caller: &Caller) -> anyhow::Result<ExitCode> {
    let settings = crate::settings(&args.kafka)?;
    let admin = Admin::connect(&settings)?;
    let to_do = plan(&settings, &admin, args.raw_partitions)?;
    let mut report = Report {
        settings: &settings,
        replication: 0,
        topic_count: RAW.len(),
        to_do,
        left: Vec::new(),
        done: false,
    };
    if !args.dry_run && !report.to_do.is_empty() {
        let audit = Audit::begin(&settings, caller, "topics grow")?;
        let grown = admin.apply_now(&report.to_do, 1);
        let grown = grown.map_err(anyhow::Error::from).and_then(|()| {
            once_seen(|| {
                let left = plan(&settings, &admin, args.raw_partitions)?;
                Ok((left.is_empty(), left))
            })
        });
        report.done = true;
        report.left = audit.end(grown, |_| report.json())?;
    }
    let mut text = report.text();
    if report.done {
        text += RESTART;
    }
    output.print(text, || report.json())?;
    Ok(if report.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What is to grow. Raw topics that have more partitions already are no mistake of the lane's, but of whoever asks.
fn plan(settings: &Settings, admin: &Admin, wanted: u32) -> anyhow::Result<Vec<Difference>> {
    let counts = admin.partition_counts()?;
    let mut to_do = Vec::new();
    for name in RAW.map(|name| settings.lane.topic(name)) {
        let found = *counts.get(&name).with_context(|| {
            format!("topic {name} is missing: create the lane with `footfall topics apply`")
        })?;
        if found > wanted {
            let wrong = format!(
                "{name} has {found} partitions, and a topic never shrinks: say --raw-partitions {found} or more"
            );
            return Err(UsageError(wrong).into());
        }
        if found < wanted {
            to_do.push(Difference::Grow {
                name,
                from: found,
                to: wanted,
            });
        }
    }
    Ok(to_do)
}
