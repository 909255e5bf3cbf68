//! `footfall tail`: the records of any topic as JSON lines, committed ones only, each partition in its order.

mod decode;

use std::{
    io::{self, BufWriter, Write},
    process::ExitCode,
    time::Duration,
};

use clap::ValueEnum;
use pipeline::{
    config::KafkaArgs,
    kafka::{
        Settings,
        read::{From, ReadRecord, TopicReader},
    },
    registry::Registry,
};

pub(crate) use self::decode::{Decoder, bytes};

/// How long to wait for a record before what was printed is shown.
const WAIT: Duration = Duration::from_millis(100);

/// Arguments of `footfall tail`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    kafka: KafkaArgs,
    /// The topic, with or without the lane's prefix
    topic: String,
    /// Stop where the topic ended when this began
    #[arg(long, env = "FOOTFALL_UNTIL_END")]
    until_end: bool,
    /// Where to begin [default: end; with --until-end, beginning]
    #[arg(long, env = "FOOTFALL_TAIL_FROM")]
    from: Option<Start>,
    /// Only records with this key
    #[arg(long, env = "FOOTFALL_KEY")]
    key: Option<String>,
    /// Stop after so many
    #[arg(long, env = "FOOTFALL_LIMIT")]
    limit: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Start {
    /// At the first record that is still there
    Beginning,
    /// With what comes from now on
    End,
}

/// Runs `footfall tail`.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let settings = crate::reach(&args.kafka)?;
    let registry = Registry::open(&args.kafka.registry)?;
    let mut decoder = Decoder::new(registry, settings.lane.clone());
    let topic = in_lane(&settings, &args.topic);
    let from = match args.from {
        Some(Start::Beginning) => From::Beginning,
        Some(Start::End) => From::End,
        None if args.until_end => From::Beginning,
        None => From::End,
    };
    let mut reader = TopicReader::open(&settings, &[topic], from)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut printed = 0;
    while args.limit.is_none_or(|limit| printed < limit) {
        let Some(record) = reader.next(WAIT)? else {
            out.flush()?;
            if args.until_end && reader.is_at_end() {
                break;
            }
            continue;
        };
        if args.until_end && !reader.was_there(&record) {
            if reader.is_at_end() {
                break;
            }
            continue;
        }
        if args.wants(&record) {
            serde_json::to_writer(&mut out, &decoder.line(&record)?).map_err(io::Error::from)?;
            out.write_all(b"\n")?;
            printed += 1;
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

impl Args {
    fn wants(&self, record: &ReadRecord) -> bool {
        let wanted = self.key.as_ref().map(String::as_bytes);
        wanted.is_none() || wanted == record.key.as_deref()
    }
}

/// A topic's full name, however it was written.
pub(crate) fn in_lane(settings: &Settings, topic: &str) -> String {
    if topic.starts_with(settings.lane.prefix()) {
        topic.to_owned()
    } else {
        settings.lane.topic(topic)
    }
}
