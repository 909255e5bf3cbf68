//! `segmenter`: visits in; journey events, offers and demand out.

use std::process::ExitCode;

use clap::Parser;
use journey::topics;
use pipeline::{
    config::{KafkaArgs, PublicArgs, StageArgs},
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
    #[command(flatten)]
    public: PublicArgs,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let extras = Extras {
        unframed: cli.public.unframed(&[topics::OFFERS]),
        ..Extras::default()
    };
    let format = cli.public.output_format;
    stage_main(&cli.kafka, &cli.stage, extras, move |_| {
        Segmenter::writing(format)
    })
}
