//! `footfall send`: JSON lines into a raw topic, live at a given speed, or as a backfill with the time that they carry.
//!
//! A line is sent as it is, JSON or not: what is wrong with it is for `ingest` to say. Blank lines are no lines. Sending is
//! open-loop: line n is due at n ÷ rate, however long those before it took, and what falls behind is said.

mod lines;
mod pace;

use std::{
    io::{IsTerminal, stderr},
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Context;
use clap::ValueEnum;
use footfall::backfill::{BackfillLoader, Envelope, Loaded, Options, Placement, Raw};
use journey::Timestamp;
use pipeline::{
    config::{KafkaArgs, duration},
    kafka::{
        Settings,
        admin::Admin,
        write::{Out, Writer},
    },
};
use serde_json::{Value, json};

use self::{
    lines::Lines,
    pace::{Pace, Rate},
};
use crate::{
    Output,
    audit::{Audit, Caller},
};

/// What the raw topics take, less what a record has around its value.
const LINE_LIMIT: usize = (12 << 20) - 4096;

/// Arguments of `footfall send`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    kafka: KafkaArgs,
    /// JSON lines, gzip or not; `-` is standard input
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Which entrance
    #[arg(long, env = "FOOTFALL_SEND_TOPIC", default_value = "web")]
    topic: Entrance,
    /// Lines a second, as 1000 or 1000/s [default: as fast as they go]
    #[arg(long, env = "FOOTFALL_RATE")]
    rate: Option<Rate>,
    /// Write history: a line's own time (`sentDate`, else `createdDate`; the greatest so far) becomes the record's, and
    /// ticks in every partition of both raw topics let time pass. Into a lane made with `topics apply --backfill`
    #[arg(long, env = "FOOTFALL_BACKFILL")]
    backfill: bool,
    /// Backfill: how far apart ticks are in the data's time
    #[arg(long, env = "FOOTFALL_TICK_EVERY", default_value = "10s", value_parser = duration)]
    tick_every: Duration,
    /// Backfill: how far past the last line time goes on, so that every visit ends
    #[arg(long, env = "FOOTFALL_CLOSE_AFTER", default_value = "26h", value_parser = duration)]
    close_after: Duration,
    /// The JSON field that says whose an event is: the record's key
    #[arg(long, env = "FOOTFALL_KEY_FIELD", default_value = "customerCookieId")]
    key_field: String,
    /// Read and count everything, send nothing
    #[arg(long, env = "FOOTFALL_DRY_RUN")]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Entrance {
    /// web.events.raw
    Web,
    /// engagement.events.raw
    Engagement,
}

impl From<Entrance> for Raw {
    fn from(entrance: Entrance) -> Raw {
        match entrance {
            Entrance::Web => Raw::Web,
            Entrance::Engagement => Raw::Engagement,
        }
    }
}

/// Runs `footfall send`.
pub(crate) fn run(args: &Args, output: Output, caller: &Caller) -> anyhow::Result<ExitCode> {
    let settings = crate::settings(&args.kafka)?;
    let lines = Lines::open(&args.file)?;
    let report = if args.dry_run {
        send_all(lines, &settings, args)?
    } else {
        let audit = Audit::begin(&settings, caller, "send")?;
        audit.end(send_all(lines, &settings, args), Report::value)?
    };
    let sent = report.sent;
    output.print(report.text(), || report.value())?;
    Ok(if sent.too_large == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn send_all(lines: Lines, settings: &Settings, args: &Args) -> anyhow::Result<Report> {
    let mut sink = Sink::open(settings, args)?;
    let sent = send(lines, &mut sink, args)?;
    Ok(Report {
        sent,
        loaded: sink.finish()?,
        dry_run: args.dry_run,
    })
}

/// What became of the lines.
#[derive(Debug, Clone, Copy, Default)]
struct Sent {
    lines: u64,
    bytes: u64,
    too_large: u64,
    took: Duration,
    behind: Duration,
}

fn send(mut lines: Lines, sink: &mut Sink, args: &Args) -> anyhow::Result<Sent> {
    let mut sent = Sent::default();
    let mut pace = Pace::new(args.rate.filter(|_| !args.dry_run), Instant::now());
    let mut progress = Progress::new();
    let mut line = Vec::new();
    while lines
        .next(&mut line)
        .with_context(|| format!("{} lines were sent before that", sent.lines))?
    {
        if line.len() > LINE_LIMIT {
            sent.too_large += 1;
            continue;
        }
        let envelope = Envelope::read(&line, &args.key_field);
        pace.wait(sent.lines, || sink.poll());
        sink.send(&line, &envelope)?;
        sent.lines += 1;
        sent.bytes += line.len() as u64;
        progress.show(&sent, &pace);
    }
    sink.flush()?;
    sent.took = pace.elapsed();
    sent.behind = pace.worst();
    Ok(sent)
}

/// Where lines go.
enum Sink {
    Live {
        writer: Option<Writer>,
        topic: String,
        placement: Placement,
    },
    Backfill {
        loader: BackfillLoader,
        raw: Raw,
    },
}

impl Sink {
    fn open(settings: &Settings, args: &Args) -> anyhow::Result<Sink> {
        let raw = Raw::from(args.topic);
        if args.backfill {
            let options = Options {
                tick_every: args.tick_every.into(),
                close_after: args.close_after.into(),
                dry_run: args.dry_run,
            };
            let loader = BackfillLoader::open(settings, &options)?;
            return Ok(Sink::Backfill { loader, raw });
        }
        let topic = settings.lane.topic(raw.topic());
        let counts = Admin::connect(settings)?.partition_counts()?;
        let partitions = counts.get(&topic).with_context(|| {
            format!("topic {topic} is missing: create it with `footfall topics apply`")
        })?;
        Ok(Sink::Live {
            writer: if args.dry_run {
                None
            } else {
                Some(Writer::open(settings)?)
            },
            placement: Placement::new(*partitions),
            topic,
        })
    }

    fn send(&mut self, line: &[u8], envelope: &Envelope) -> anyhow::Result<()> {
        let key = envelope.key.as_ref().map(String::as_bytes);
        match self {
            Sink::Backfill { loader, raw } => loader.record(*raw, key, line, envelope.sent_at)?,
            Sink::Live {
                writer,
                topic,
                placement,
            } => {
                let out = Out {
                    topic,
                    partition: placement.of(key),
                    key,
                    value: Some(line),
                    timestamp: None,
                };
                if let Some(writer) = writer {
                    writer.send(&out)?;
                }
            }
        }
        Ok(())
    }

    /// Lets delivery reports come in.
    fn poll(&mut self) {
        if let Sink::Live {
            writer: Some(writer),
            ..
        } = self
        {
            writer.poll();
        }
    }

    /// Waits until everything is acknowledged.
    fn flush(&mut self) -> anyhow::Result<()> {
        match self {
            Sink::Live {
                writer: Some(writer),
                ..
            } => Ok(writer.finish()?),
            _ => Ok(()),
        }
    }

    /// Ends a backfill: the last ticks.
    fn finish(self) -> anyhow::Result<Option<Loaded>> {
        match self {
            Sink::Live { .. } => Ok(None),
            Sink::Backfill { loader, .. } => Ok(Some(loader.finish()?)),
        }
    }
}

/// A line on a terminal while it runs.
struct Progress {
    shown: Instant,
    to_terminal: bool,
}

impl Progress {
    fn new() -> Progress {
        Progress {
            shown: Instant::now(),
            to_terminal: stderr().is_terminal(),
        }
    }

    fn show(&mut self, sent: &Sent, pace: &Pace) {
        let every = Duration::from_secs(if self.to_terminal { 1 } else { 10 });
        if sent.lines.is_multiple_of(64) && self.shown.elapsed() >= every {
            self.shown = Instant::now();
            let rate = pace::per_second(sent.lines, pace.elapsed());
            let behind = pace.behind(sent.lines).as_millis();
            footfall::say(format_args!(
                "{} · {rate}/s · behind schedule {behind} ms",
                sent.lines
            ));
        }
    }
}

/// What is printed at the end.
struct Report {
    sent: Sent,
    loaded: Option<Loaded>,
    dry_run: bool,
}

impl Report {
    fn text(&self) -> String {
        let Sent { lines, took, .. } = self.sent;
        let seconds = took.as_secs_f64();
        let mut text = if self.dry_run {
            format!("{lines} events would be sent")
        } else {
            let rate = pace::per_second(lines, took);
            let behind = self.sent.behind.as_millis();
            format!("{lines} events in {seconds:.1} s · {rate}/s · behind schedule {behind} ms")
        };
        if let Some(Loaded {
            ticks,
            from: Some(from),
            until: Some(until),
            ..
        }) = self.loaded
        {
            text += &format!(" · {ticks} ticks · data's time {from} to {until}");
        }
        if self.sent.too_large > 0 {
            text += &format!(
                "\n{} lines are larger than a raw topic takes ({LINE_LIMIT} bytes) and were left out",
                self.sent.too_large
            );
        }
        text
    }

    fn value(&self) -> Value {
        let time = |at: fn(Loaded) -> Option<Timestamp>| {
            let at = self.loaded.and_then(at);
            at.map(|at| at.to_string())
        };
        json!({
            "events": self.sent.lines, "bytes": self.sent.bytes, "tooLarge": self.sent.too_large,
            "seconds": self.sent.took.as_secs_f64(),
            "eventsPerSecond": pace::per_second(self.sent.lines, self.sent.took),
            "behindScheduleMillis": self.sent.behind.as_millis() as u64,
            "ticks": self.loaded.map(|loaded| loaded.ticks),
            "from": time(|loaded| loaded.from), "until": time(|loaded| loaded.until),
            "sent": !self.dry_run,
        })
    }
}
