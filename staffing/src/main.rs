//! `staffing`: demand in, staffing numbers per route path and interval out.

use std::process::ExitCode;

use clap::Parser;
use pipeline::{
    config::{KafkaArgs, StageArgs},
    run::{Extras, stage_main},
};
use staffing::Staffing;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Counts what proactive offers ask of each queue, per 15 minutes, in revisions.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    stage: StageArgs,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    stage_main(
        &cli.kafka,
        &cli.stage,
        Extras {
            unhurried: true,
            ..Extras::default()
        },
        Staffing::new,
    )
}
