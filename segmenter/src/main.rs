//! `segmenter`: visits in; journey events, offers and demand out.

use std::process::ExitCode;

use clap::Parser;
use pipeline::{
    config::{KafkaArgs, StageArgs},
    run::{Extras, stage_main},
};
use segmenter::Segmenter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Matches segments, outcomes and action maps, and makes offers.
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
    stage_main(&cli.kafka, &cli.stage, Extras::default(), Segmenter::new)
}
