//! `staffing`: demand in, staffing numbers per route path and interval out.

use std::process::ExitCode;

use clap::Parser;
use journey::topics;
use pipeline::{
    config::{KafkaArgs, PublicArgs, StageArgs},
    run::{Extras, stage_main},
};
use staffing::{Config, Source, Staffing};

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
    #[command(flatten)]
    public: PublicArgs,
    /// Where the lane's facts come from: live, or backfill for history in a lane of its own
    #[arg(long, env = "FOOTFALL_SOURCE", default_value = "live", value_parser = Source::parse)]
    source: Source,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let config = Config {
        source: cli.source,
        format: cli.public.output_format,
    };
    let extras = Extras {
        unhurried: true,
        unframed: cli
            .public
            .unframed(&[topics::STAFFING, topics::STAFFING_REVISIONS]),
        ..Extras::default()
    };
    stage_main(&cli.kafka, &cli.stage, extras, move |context| {
        Staffing::with(config, context)
    })
}
