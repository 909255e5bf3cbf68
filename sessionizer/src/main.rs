//! `sessionizer`: events by visitor in, visits out.

use std::process::ExitCode;

use clap::Parser;
use pipeline::{
    config::{KafkaArgs, StageArgs},
    run::{Extras, stage_main},
};
use sessionizer::Sessionizer;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Makes visits of web events: started, active, idle, away, resumed, ended, merged.
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
    stage_main(&cli.kafka, &cli.stage, Extras::default(), Sessionizer::new)
}
