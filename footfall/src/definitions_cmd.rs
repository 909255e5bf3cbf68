//! `footfall definitions`: files are validated, and applied as one set in one transaction.
//!
//! What is invalid never reaches the topic. Whoever applies takes the topic over before reading it, so of two people who
//! apply at once one is told so, and neither's set is lost.

mod next;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::Subcommand;
use footfall::definitions_dir::{self, Checked};
use journey::{
    Timestamp,
    definitions::{Definition, Mistake},
    topics,
};
use pipeline::{
    config::KafkaArgs,
    kafka::{Settings, admin::Admin, settings::wall_clock, write::SoleWriter},
    run::read_definitions,
};
use serde_json::{Value, json};

use self::next::Next;
use crate::{
    Output,
    audit::{Audit, Caller},
};

/// Arguments of `footfall definitions`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print every mistake with its path. Exits 1 if there is one. Needs no Kafka.
    Validate {
        /// A folder of JSON files, or one file
        dir: PathBuf,
        /// Members that no definition has are mistakes in segments, outcomes and action maps, too
        #[arg(long, env = "FOOTFALL_STRICT")]
        strict: bool,
    },
    /// Validate, then make these definitions the set in force, in one transaction. What the folder does not hold is no
    /// longer in force.
    Apply {
        #[command(flatten)]
        kafka: KafkaArgs,
        /// A folder of JSON files, or one file
        dir: PathBuf,
        /// Members that no definition has are mistakes in segments, outcomes and action maps, too
        #[arg(long, env = "FOOTFALL_STRICT")]
        strict: bool,
        /// From when on: an RFC 3339 time, `now`, or `beginning` [default: beginning for the first set, else in 10 s, when
        /// every instance has read it]
        #[arg(long, env = "FOOTFALL_EFFECTIVE_AT", value_parser = effective)]
        effective_at: Option<Effective>,
        /// Write nothing, say what would be written
        #[arg(long, env = "FOOTFALL_DRY_RUN")]
        dry_run: bool,
    },
}

/// From when on a set is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effective {
    Beginning,
    Now,
    At(Timestamp),
}

fn effective(text: &str) -> Result<Effective, String> {
    match text {
        "beginning" => Ok(Effective::Beginning),
        "now" => Ok(Effective::Now),
        _ => Timestamp::parse(text).map(Effective::At).ok_or_else(|| {
            format!("{text:?} is no time: write 2026-11-23T14:00:00Z, now or beginning")
        }),
    }
}

/// Runs `footfall definitions`.
pub(crate) fn run(args: &Args, output: Output, caller: &Caller) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Validate { dir, strict } => {
            let checked = check(dir, *strict);
            if checked.mistakes.is_empty() {
                let count = checked.definitions.len();
                let text = format!("{count} definitions, no mistakes");
                output.print(text, || {
                    json!({"definitions": count, "mistakes": [], "warnings": values(&checked.strange)})
                })?;
                return Ok(ExitCode::SUCCESS);
            }
            refuse(output, &checked)
        }
        Command::Apply {
            kafka,
            dir,
            strict,
            effective_at,
            dry_run,
        } => {
            let checked = check(dir, *strict);
            if !checked.mistakes.is_empty() {
                return refuse(output, &checked);
            }
            let definitions = checked.definitions;
            let settings = crate::settings(kafka)?;
            let audit = match dry_run {
                true => None,
                false => Some(Audit::begin(&settings, caller, "definitions apply")?),
            };
            let applied = apply(&settings, definitions, *effective_at, *dry_run);
            let next = match audit {
                Some(audit) => audit.end(applied, |next| next.value(false))?,
                None => applied?,
            };
            output.print(next.text(*dry_run), || next.value(*dry_run))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Reads and checks them, and warns of members that may be misspelt.
fn check(dir: &Path, strict: bool) -> Checked {
    let mut checked = definitions_dir::check(dir);
    if strict {
        checked.mistakes.append(&mut checked.strange);
    }
    for strange in &checked.strange {
        footfall::say(format_args!("warning: {strange}"));
    }
    checked
}

fn refuse(output: Output, checked: &Checked) -> anyhow::Result<ExitCode> {
    let mistakes = &checked.mistakes;
    let mut lines: Vec<_> = mistakes.iter().map(Mistake::to_string).collect();
    lines.push(match mistakes.len() {
        1 => "1 mistake".to_owned(),
        count => format!("{count} mistakes"),
    });
    output.print(
        lines.join("\n"),
        || json!({"mistakes": values(mistakes), "warnings": values(&checked.strange)}),
    )?;
    Ok(ExitCode::FAILURE)
}

fn values(mistakes: &[Mistake]) -> Value {
    let each = mistakes.iter();
    each.map(|m| json!({"path": m.path, "what": m.what}))
        .collect()
}

fn apply(
    settings: &Settings,
    definitions: Vec<Definition>,
    effective_at: Option<Effective>,
    dry_run: bool,
) -> anyhow::Result<Next> {
    let topic = settings.lane.topic(topics::DEFINITIONS);
    let counts = Admin::connect(settings)?.partition_counts()?;
    counts.get(&topic).with_context(|| {
        format!(
            "topic {topic} is missing: create it with `footfall topics apply`, then apply again"
        )
    })?;
    let writer = if dry_run {
        None
    } else {
        Some(SoleWriter::open(settings, &topic)?)
    };
    let sets = read_definitions(settings, &topic)?;
    let next = Next::new(&sets, definitions, effective_at, wall_clock())?;
    if let Some(writer) = writer.filter(|_| next.changes()) {
        writer.write(&next.applied.records)?;
    }
    Ok(next)
}
