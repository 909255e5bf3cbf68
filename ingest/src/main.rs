//! `ingest`: raw events in; validated, consented, enriched events by visitor out.

use std::{path::PathBuf, process::ExitCode, sync::Arc, thread, time::Duration};

use clap::Parser;
use ingest::{
    Config, Ingest,
    geo::{GeoError, GeoFile},
};
use pipeline::{
    config::{KafkaArgs, StageArgs, duration},
    run::{Extras, stage_main},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Validates raw web events and engagement reports, and gives them their visitor and their time.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    stage: StageArgs,
    #[command(flatten)]
    ingest: ingest::Args,
    /// A backfill lane: time comes from the records and the loader's ticks, not from the clock
    #[arg(long, env = "FOOTFALL_NO_TICKS")]
    no_ticks: bool,
    /// How long after its happening an event may arrive and still count as in order
    #[arg(long, env = "FOOTFALL_GRACE", default_value = "15m", value_parser = duration)]
    grace: Duration,
    /// Keep the bytes of dead letters (without it they say where the raw topic holds them)
    #[arg(long, env = "FOOTFALL_DEAD_LETTER_BYTES")]
    dead_letter_bytes: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let geoip_db = cli.ingest.geoip_db.clone();
    let mut config = match Config::try_from(cli.ingest) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("ingest: {:#}", anyhow::Error::from(error));
            return ExitCode::from(2);
        }
    };
    if let Some(file) = geoip_db {
        match watched(file) {
            Ok(database) => config.geo = Some(database),
            Err(error) => {
                eprintln!("ingest: --geoip-db: {:#}", anyhow::Error::from(error));
                return ExitCode::from(2);
            }
        }
    }
    let config = Arc::new(config);
    let extras = Extras {
        ticks: !cli.no_ticks,
        grace: cli.grace.into(),
        dead_letter_bytes: cli.dead_letter_bytes,
        ..Extras::default()
    };
    stage_main(&cli.kafka, &cli.stage, extras, move |context| {
        Ingest::new(Arc::clone(&config), context)
    })
}

/// How often the file that says where addresses are is looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Opens that file, and reads it again whenever it changes.
fn watched(path: PathBuf) -> Result<Arc<ingest::geo::GeoDatabase>, GeoError> {
    let mut file = GeoFile::open(path)?;
    let database = file.database();
    thread::spawn(move || {
        loop {
            thread::sleep(LOOK_AGAIN);
            match file.reload_if_changed() {
                Ok(false) => {}
                Ok(true) => tracing::info!("read the file of addresses again"),
                Err(error) => {
                    let error = format!("{:#}", anyhow::Error::from(error));
                    tracing::warn!(
                        error,
                        "cannot use the new file of addresses, keeping the old one"
                    );
                }
            }
        }
    });
    Ok(database)
}
