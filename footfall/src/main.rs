//! `footfall`, the tool: whatever a person does with the pipeline, from a first look to 3 am.
//!
//! One module per command; this file lists them and says how they end: 0 all is well, 1 it found something or could not
//! go on, 2 the command line was wrong.

mod accounts;
mod audit;
mod busiest;
mod completeness;
#[allow(unreachable_pub, reason = "it belongs to the library")]
mod dead_letters;
mod definitions_cmd;
mod demo;
mod deployments_cmd;
mod dev;
mod diff;
mod pages_cmd;
mod records;
mod replay;
mod schemas_cmd;
mod send;
mod tail;
mod topics;

use std::{
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};

use clap::{Parser, Subcommand, ValueEnum};
use footfall::{generate, import};
use pipeline::{
    config::KafkaArgs,
    kafka::{Settings, admin::Admin},
};
use serde_json::Value;

use self::audit::Caller;

/// The tool of the Footfall pipeline.
#[derive(Debug, Parser)]
#[command(name = "footfall", version, arg_required_else_help = true)]
struct Cli {
    /// What to print: lines for people, or JSON for programs.
    #[arg(long, global = true, env = "FOOTFALL_OUTPUT", default_value = "text")]
    output: Output,
    /// Who does this: stands in the record that every write leaves on journey.audit [default: user@host]
    #[arg(long, global = true, env = "FOOTFALL_ACTOR")]
    actor: Option<String>,
    #[command(subcommand)]
    command: Command,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Lines for people.
    Text,
    /// One JSON value.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The whole chain in this process, over a log in memory: events and definitions in, summary and records out.
    Run(footfall::run::Args),
    /// The whole pipeline on this machine, with a simulated day and live traffic.
    Demo(demo::Args),
    /// A local Apache Kafka and schema registry, without Docker.
    Dev(dev::Args),
    /// The topics of a lane: what Kafka must have.
    Topics(topics::Args),
    /// The Avro schemas in the registry.
    Schemas(schemas_cmd::Args),
    /// Deployments, segments, outcomes, action maps, route paths: as files, and on their topic.
    Definitions(definitions_cmd::Args),
    /// Who answers for which snippet and what it sends, and snippets that nobody answers for.
    Deployments(deployments_cmd::Args),
    /// How a page is treated, and by which pattern.
    Pages(pages_cmd::Args),
    /// What came in against what became of it, by deployment. Exits 1 if it does not add up.
    Completeness(completeness::Args),
    /// Simulated traffic of a web shop, as JSON lines.
    Generate(generate::Args),
    /// What others have recorded, as raw events for `footfall send --backfill`.
    Import(import::Args),
    /// Send JSON lines into a raw topic, live or as a backfill.
    Send(send::Args),
    /// Print the records of any topic as JSON lines.
    Tail(tail::Args),
    /// What no stage could use, and why.
    DeadLetters(dead_letters::Args),
    /// What web.events holds, or a window of it, once more: into a lane of its own.
    Replay(replay::Args),
    /// Compare what two lanes say: byte for byte, and visit by visit. Exits 1 if something differs.
    Diff(diff::Args),
}

impl Output {
    /// Prints one result.
    pub(crate) fn print(self, text: impl Display, value: impl FnOnce() -> Value) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match self {
            Output::Text => writeln!(out, "{text}"),
            Output::Json => writeln!(out, "{}", value()),
        }
    }
}

/// A command line that no parser could see was wrong.
#[derive(Debug)]
pub(crate) struct UsageError(pub(crate) String);

impl Display for UsageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// The settings that a person's options make.
pub(crate) fn settings(kafka: &KafkaArgs) -> Result<Settings, UsageError> {
    kafka
        .settings("tool")
        .map_err(|wrong| UsageError(wrong.message))
}

/// The same, once a broker has answered: a plain reader would wait for one for a minute, and not say where.
pub(crate) fn reach(kafka: &KafkaArgs) -> anyhow::Result<Settings> {
    let settings = settings(kafka)?;
    Admin::connect(&settings)?;
    Ok(settings)
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let caller = Caller::new(cli.actor.as_deref());
    let result = match &cli.command {
        Command::Run(args) => footfall::run::command(args, cli.output == Output::Json),
        Command::Demo(args) => demo::run(args),
        Command::Dev(args) => dev::run(args, cli.output),
        Command::Topics(args) => topics::run(args, cli.output, &caller),
        Command::Schemas(args) => schemas_cmd::run(args, cli.output, &caller),
        Command::Definitions(args) => definitions_cmd::run(args, cli.output, &caller),
        Command::Deployments(args) => deployments_cmd::run(args, cli.output),
        Command::Pages(args) => pages_cmd::run(args, cli.output),
        Command::Completeness(args) => completeness::run(args, cli.output),
        Command::Generate(args) => generate::run(args).map(|()| ExitCode::SUCCESS),
        Command::Import(args) => import::command(args, cli.output == Output::Json),
        Command::Send(args) => send::run(args, cli.output, &caller),
        Command::Tail(args) => tail::run(args),
        Command::DeadLetters(args) => dead_letters::run(args, cli.output, &caller),
        Command::Replay(args) => replay::run(args, cli.output, &caller),
        Command::Diff(args) => diff::run(args, cli.output),
    };
    result.unwrap_or_else(|error| ended_by(&error))
}

/// How a command ends that could not go on.
fn ended_by(error: &anyhow::Error) -> ExitCode {
    let is_broken_pipe = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
    if error
        .downcast_ref::<io::Error>()
        .is_some_and(is_broken_pipe)
    {
        // Who reads only the first lines has what was asked for; what else there is to say goes where it is still read.
        if error.chain().count() > 1 {
            footfall::say(format_args!("footfall: {error}"));
        }
        return ExitCode::SUCCESS;
    }
    footfall::say(format_args!("footfall: {error:#}"));
    if error.is::<UsageError>() {
        ExitCode::from(2)
    } else {
        ExitCode::FAILURE
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clap::{Arg, CommandFactory};

    use super::Cli;

    /// What an option is, and what it takes.
    fn meaning(option: &Arg) -> String {
        let values = option.get_possible_values();
        let values: Vec<_> = values.iter().map(|value| value.get_name()).collect();
        format!("--{} {values:?}", option.get_long().unwrap_or_default())
    }

    fn look(command: &clap::Command, path: &str, seen: &mut BTreeMap<String, (String, String)>) {
        for option in command.get_arguments() {
            let Some(variable) = option.get_env() else {
                continue;
            };
            let variable = variable.to_string_lossy().into_owned();
            let (first, known) = seen
                .entry(variable.clone())
                .or_insert_with(|| (path.to_owned(), meaning(option)));
            assert_eq!(
                *known,
                meaning(option),
                "{variable} of {first} and of {path}"
            );
        }
        for inner in command.get_subcommands() {
            look(inner, &format!("{path} {}", inner.get_name()), seen);
        }
    }

    #[test]
    fn a_variable_of_the_environment_means_the_same_in_every_command() {
        let mut seen = BTreeMap::new();
        look(&Cli::command(), "footfall", &mut seen);
        assert!(seen.len() > 30, "{}", seen.len());
        assert!(
            !seen.contains_key("FOOTFALL_YES"),
            "it arms what nobody asked for"
        );
    }
}
