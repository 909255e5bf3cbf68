//! `footfall`, the tool: whatever a person does with the pipeline, from a first look to 3 am.
//!
//! One module per command; this file only lists them. A command returns what to exit with: 0 all is well, 1 it found
//! something, 2 the command line was wrong.

mod dev;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

/// The tool of the Footfall pipeline.
#[derive(Debug, Parser)]
#[command(name = "footfall", version, arg_required_else_help = true)]
struct Cli {
    /// What to print: lines for people, or JSON for programs.
    #[arg(long, global = true, env = "FOOTFALL_OUTPUT", default_value = "text")]
    output: Output,
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
    /// A local Apache Kafka and schema registry, without Docker.
    Dev(dev::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match &cli.command {
        Command::Dev(args) => dev::run(args, cli.output),
    };
    result.unwrap_or_else(|error| {
        eprintln!("footfall: {error:#}");
        ExitCode::FAILURE
    })
}
