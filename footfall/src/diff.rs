//! `footfall diff`: whether two lanes say the same: byte for byte, each partition in its order, and visit by visit.

mod compare;
mod report;

use std::process::ExitCode;

use journey::{JourneyEvent, VisitEvent, topics, topics::Lane, visit::kind};
use pipeline::{
    config::KafkaArgs,
    kafka::{
        Settings,
        read::{From, ReadRecord, TopicReader},
    },
    log::LogError,
    registry::Registry,
};
use schemas::to_bytes;

use self::{
    compare::{Told, compare},
    report::{Report, are_same},
};
use crate::{Output, UsageError, records::Records};

/// Arguments of `footfall diff`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    kafka: KafkaArgs,
    /// One lane, by its prefix; '' is the live one. (--topic-prefix plays no part here)
    #[arg(value_name = "A")]
    a: String,
    /// The other lane, by its prefix
    #[arg(value_name = "B")]
    b: String,
    /// The topic, without a prefix: visits are also compared one by one, and so are journey events
    #[arg(long, env = "FOOTFALL_TOPIC", default_value = topics::VISITS)]
    topic: String,
    /// Only as far as both have come: up to the time that both have passed where the topic has time marks, else up to the
    /// end of the shorter one
    #[arg(long, env = "FOOTFALL_COMMON")]
    common: bool,
    /// How many ids of each kind of difference are printed
    #[arg(long, env = "FOOTFALL_LIMIT", default_value_t = 10)]
    limit: usize,
}

/// Runs `footfall diff`.
pub(crate) fn run(args: &Args, output: Output) -> anyhow::Result<ExitCode> {
    if args.a == args.b {
        let wrong = format!("both lanes are {:?}: name two", args.a);
        return Err(UsageError(wrong).into());
    }
    let settings = crate::reach(&args.kafka)?;
    let of = |prefix: &str| {
        let lane = Lane::new(prefix);
        let settings = settings.clone();
        Settings { lane, ..settings }
    };
    let (a, b) = (of(&args.a), of(&args.b));
    let (topic_a, topic_b) = (a.lane.topic(&args.topic), b.lane.topic(&args.topic));
    let counts = [(&a, &topic_a), (&b, &topic_b)]
        .map(|(settings, topic)| TopicReader::extents(settings, topic));
    let [count_a, count_b] = counts.map(|extents| extents.map(|extents| extents.len()));
    let (count_a, count_b) = (count_a?, count_b?);
    anyhow::ensure!(
        count_a == count_b,
        "{topic_a} has {count_a} partitions and {topic_b} has {count_b}: only lanes of as many partitions can say the same"
    );
    let mut teller = Teller::new(&args.topic, Registry::open(&args.kafka.registry)?);
    let mut partitions = Vec::new();
    for partition in 0..count_a as u32 {
        let mut a = TopicReader::open_partition(&a, &topic_a, partition, From::Beginning)?;
        let mut b = TopicReader::open_partition(&b, &topic_b, partition, From::Beginning)?;
        let mut tell = |record: &ReadRecord| teller.told(record);
        partitions.push(compare(
            &mut || a.next_there(),
            &mut || b.next_there(),
            &mut tell,
            args.common,
        )?);
    }
    let report = Report::new(args, teller.noun(), &partitions);
    output.print(report.text(), || report.value())?;
    Ok(if are_same(&partitions) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What is compared one by one: visits that ended, by their id; journey events, by theirs; of other topics nothing.
enum Teller {
    Visits(Records<VisitEvent>),
    JourneyEvents(Records<JourneyEvent>),
    Nothing,
}

impl Teller {
    fn new(topic: &str, registry: Registry) -> Teller {
        match topic {
            topics::VISITS => Teller::Visits(Records::new(registry)),
            topics::JOURNEY_EVENTS => Teller::JourneyEvents(Records::new(registry)),
            _ => Teller::Nothing,
        }
    }

    fn noun(&self) -> Option<&'static str> {
        match self {
            Teller::Visits(_) => Some("visits"),
            Teller::JourneyEvents(_) => Some("journey events"),
            Teller::Nothing => None,
        }
    }

    fn told(&mut self, record: &ReadRecord) -> Result<Option<Told>, LogError> {
        let Some(value) = &record.value else {
            return Ok(None);
        };
        Ok(match self {
            Teller::Visits(records) => records
                .read(value)?
                .filter(|event| event.kind == kind::ENDED)
                .and_then(|event| {
                    let id = event.visit.as_ref()?.id.as_str().to_owned();
                    Some((id, to_bytes(&event)))
                }),
            Teller::JourneyEvents(records) => records
                .read(value)?
                .map(|event| (event.id.to_string(), to_bytes(&event))),
            Teller::Nothing => None,
        })
    }
}
