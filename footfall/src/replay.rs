//! `footfall replay`: what stands in `web.events`, or a window of it, once more into a lane of its own, whose stages then say
//! the same; with `--late`, what they would have said had no event been late.
//!
//! Keys, values and headers go over as they are, each partition in its order: events carry when they were received, marks
//! carry time, and no stage reads a clock. Offers of the lane stand on a topic of the lane: no chat engine reads that.

mod lane;
mod late;
mod partition;
mod report;
mod source;
mod window;

use std::{collections::BTreeMap, ops::Range, process::ExitCode};

use anyhow::Context;
use footfall::backfill::CLOSE_AFTER;
use journey::{Timestamp, WebEvent, mark, topics};
use pipeline::{
    config::KafkaArgs,
    kafka::{
        Settings,
        admin::Admin,
        read::TopicReader,
        write::{Out, Writer},
    },
    registry::Registry,
};

use self::{
    lane::Target,
    partition::{Entry, Partition, closing_mark},
    report::Report,
    source::Source,
    window::Window,
};
use crate::{
    Output, UsageError,
    audit::{Audit, Caller},
    dead_letters::time_or_ago,
    records::Records,
};

/// Arguments of `footfall replay`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    kafka: KafkaArgs,
    /// The prefix of the lane that is made and filled, as `replay.`
    #[arg(long, env = "FOOTFALL_INTO", value_name = "PREFIX")]
    into: String,
    /// Only what was received since a time (2026-11-23T14:00:00Z) or for so long (2h) [default: all that is retained]
    #[arg(long, env = "FOOTFALL_FROM", value_parser = time_or_ago)]
    from: Option<Timestamp>,
    /// Only what was received before a time [default: all there is now]
    #[arg(long, env = "FOOTFALL_UNTIL", value_parser = time_or_ago)]
    until: Option<Timestamp>,
    /// Put every late event where it is not late any more, just before the time mark that made it so: the visits are then
    /// those of a batch over all events
    #[arg(long, env = "FOOTFALL_LATE")]
    late: bool,
    /// End every visit: a last time mark beyond every timeout and grace [default: time stays where the source's stands]
    #[arg(long, env = "FOOTFALL_FINISH")]
    finish: bool,
    /// Leave journey.definitions empty, for others that you apply
    #[arg(long, env = "FOOTFALL_WITHOUT_DEFINITIONS")]
    without_definitions: bool,
    /// Copies of every record of the lane [default: as many as the source's web.events]
    #[arg(long, env = "FOOTFALL_REPLICATION", value_parser = clap::value_parser!(i32).range(1..=100))]
    replication: Option<i32>,
    /// Read and count everything, create and write nothing
    #[arg(long, env = "FOOTFALL_DRY_RUN")]
    dry_run: bool,
}

/// Runs `footfall replay`.
pub(crate) fn run(args: &Args, output: Output, caller: &Caller) -> anyhow::Result<ExitCode> {
    let source = crate::settings(&args.kafka)?;
    let target = lane::settings(&args.kafka, &args.into)?;
    if let (Some(from), Some(until)) = (args.from, args.until)
        && until <= from
    {
        let wrong = format!("--until {until} must be later than --from {from}");
        return Err(UsageError(wrong).into());
    }
    Admin::connect(&source)?;
    let extents = TopicReader::extents(&source, &source.lane.topic(topics::WEB_EVENTS));
    let extents = extents.with_context(|| {
        let prefix = source.lane.prefix();
        format!("the lane {prefix:?} cannot be replayed: name another with --topic-prefix")
    })?;
    let partitions = extents.len() as u32;
    let target = Target::look(&source, target, partitions, args.replication)?;
    let replay = Replay::begin(args, &source, &extents)?;
    let report = if args.dry_run {
        play(args, &source, &target, replay)?
    } else {
        let audit = Audit::creating(&target.settings, caller, "replay");
        let played = target.create();
        let played = played.and_then(|()| play(args, &source, &target, replay));
        audit.end(played, Report::value)?
    };
    output.print(report.text(), || report.value())?;
    Ok(ExitCode::SUCCESS)
}

/// Copies definitions and events.
fn play<'a>(
    args: &'a Args,
    source: &'a Settings,
    target: &'a Target,
    mut replay: Replay,
) -> anyhow::Result<Report<'a>> {
    let definitions = if args.without_definitions {
        None
    } else {
        target.copy_definitions(source, args.dry_run)?
    };
    replay.copy(args, source, &target.settings)?;
    Ok(Report::new(args, source, target, &replay, definitions))
}

/// A replay under way.
#[derive(Debug)]
struct Replay {
    partitions: Vec<Partition>,
    /// What they held when the replay began.
    extents: Vec<Range<i64>>,
    events: Records<WebEvent>,
    /// Time in the lane after a closing mark.
    closed_at: Option<Timestamp>,
}

impl Replay {
    fn begin(args: &Args, source: &Settings, extents: &[Range<i64>]) -> anyhow::Result<Replay> {
        let registry = Registry::open(&args.kafka.registry)?;
        let mut events = Records::new(registry);
        let mut late = if args.late {
            let source = Source::open(source, args.from, extents, "looking for late events")?;
            late::read(source, &mut events)?
        } else {
            BTreeMap::new()
        };
        let window = Window {
            from: args.from,
            until: args.until,
        };
        let partition = |(at, extent): (u32, &Range<i64>)| {
            let late = late.remove(&at).unwrap_or_default();
            let begins_in_the_middle = extent.start > 0 && args.from.is_none();
            Partition::new(window, late, begins_in_the_middle)
        };
        Ok(Replay {
            partitions: (0..).zip(extents).map(partition).collect(),
            extents: extents.to_vec(),
            events,
            closed_at: None,
        })
    }

    /// Reads all of the window and writes what becomes of it.
    fn copy(&mut self, args: &Args, source: &Settings, target: &Settings) -> anyhow::Result<()> {
        let to = target.lane.topic(topics::WEB_EVENTS);
        let mut writer = match args.dry_run {
            true => None,
            false => Some(Writer::open(target)?),
        };
        let mut write = |partition: u32, entries: &mut Vec<Entry>| -> anyhow::Result<()> {
            for entry in entries.drain(..) {
                let Some(writer) = &mut writer else { continue };
                let out = Out {
                    topic: &to,
                    partition,
                    key: entry.key.as_deref(),
                    value: entry.value.as_deref(),
                    timestamp: None,
                };
                writer.send_with(&out, &entry.headers)?;
            }
            Ok(())
        };
        self.read(args, source, &mut write)?;
        let mut entries = Vec::new();
        for (at, partition) in (0..).zip(&mut self.partitions) {
            partition.end(&mut entries);
            write(at, &mut entries)?;
        }
        if let Some(mark) = closing_mark(&self.partitions, CLOSE_AFTER).filter(|_| args.finish) {
            self.closed_at = mark.sources.first().map(|(_, _, at)| *at);
            for at in 0..self.partitions.len() as u32 {
                let headers = vec![(mark::HEADER.to_owned(), mark.to_json())];
                let (key, value) = (None, None);
                entries.push(Entry {
                    key,
                    value,
                    headers,
                });
                write(at, &mut entries)?;
            }
        }
        if let Some(mut writer) = writer {
            writer.finish()?;
        }
        Ok(())
    }

    fn read(
        &mut self,
        args: &Args,
        source: &Settings,
        write: &mut dyn FnMut(u32, &mut Vec<Entry>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut source = Source::open(source, args.from, &self.extents, "copying")?;
        let mut entries = Vec::new();
        while !self.partitions.iter().all(Partition::is_over) {
            let Some(record) = source.next()? else {
                break;
            };
            let (at, offset) = (record.partition, record.offset);
            let received_at = match &record.value {
                Some(value) => self.events.read(value)?.map(|event| event.received_at),
                None => None,
            };
            let partition = &mut self.partitions[at as usize];
            partition.take(record, received_at, &mut entries).map_err(|e| {
                anyhow::anyhow!(
                    "the time mark at {}-{at}@{offset} cannot be read ({e}): replay with the release that wrote it",
                    topics::WEB_EVENTS
                )
            })?;
            write(at, &mut entries)?;
        }
        Ok(())
    }
}
