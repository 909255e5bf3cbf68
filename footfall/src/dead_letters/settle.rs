//! `footfall dead-letters redrive | drop`: once the cause is mended, the bytes go back to where they came from; what nobody
//! will mend is done with. Each is settled once, whoever calls how often: the copy and the verdict stand in one transaction,
//! and of two calls at once the later takes the topic away from the earlier.

use std::{collections::BTreeMap, process::ExitCode};

use journey::topics;
use pipeline::{
    config::KafkaArgs,
    dead_letter::{DeadLetter, header},
    kafka::{
        Settings,
        admin::Admin,
        read::{ReadRecord, TopicReader},
        write::{Out, SoleWriter, WithHeaders},
    },
};
use serde_json::{Value, json};

use super::{
    Filter, INPUTS,
    letter::Letter,
    origin,
    settled::{Settled, Verdict, verdict},
};
use crate::{
    Output,
    audit::{Audit, Caller},
};

/// How often a record is sent again at the most.
const ATTEMPTS: u32 = 3;
/// Dead letters of one transaction: it holds the readers of the topics that it writes to.
const BATCH: usize = 500;
/// Bytes of one transaction, as dead letters tell them.
const BATCH_BYTES: u64 = 16 << 20;

/// Arguments of `footfall dead-letters redrive` and `drop`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    filter: Filter,
    /// Do it; without this it is only counted. No environment variable says it: one in a profile would arm every call
    #[arg(long)]
    yes: bool,
    /// Change nothing: the same as without --yes
    #[arg(long, env = "FOOTFALL_DRY_RUN")]
    dry_run: bool,
}

/// What becomes of a dead letter that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    /// As asked: sent again, or dropped.
    Settled,
    /// An earlier call did it.
    SettledBefore,
    /// It was sent again as often as anything may be.
    Exhausted,
    /// Nobody holds its bytes any more.
    Gone,
    /// It does not say where it came from.
    Foreign,
}

/// Topic, reason, deployment.
type Kind = (String, String, String);

/// How many of each kind met which fate.
#[derive(Debug, Default)]
struct Tally(BTreeMap<(Kind, Fate), u64>);

/// One call.
struct Call<'a> {
    settings: &'a Settings,
    filter: &'a Filter,
    verdict: Verdict,
    writes: bool,
}

pub(super) fn run(
    args: &Args,
    verdict: Verdict,
    output: Output,
    caller: &Caller,
) -> anyhow::Result<ExitCode> {
    let settings = crate::settings(&args.kafka)?;
    let call = Call {
        settings: &settings,
        filter: &args.filter,
        verdict,
        writes: args.yes && !args.dry_run,
    };
    let tally = if call.writes {
        let command = match verdict {
            Verdict::Redriven => "dead-letters redrive",
            Verdict::Dropped => "dead-letters drop",
        };
        let audit = Audit::begin(&settings, caller, command)?;
        audit.end(call.settle(), |tally| tally.json(&call))?
    } else {
        call.settle()?
    };
    output.print(tally.text(&call), || tally.json(&call))?;
    Ok(ExitCode::SUCCESS)
}

impl Call<'_> {
    fn settle(&self) -> anyhow::Result<Tally> {
        if self.verdict == Verdict::Redriven {
            refuse_backfill(self.settings)?;
        }
        let mut tally = Tally::default();
        for topic in self.filter.topics(self.settings)? {
            self.settle_topic(&topic, &mut tally)?;
        }
        Ok(tally)
    }

    fn settle_topic(&self, topic: &str, tally: &mut Tally) -> anyhow::Result<()> {
        // Taken over before anything is read: whoever took it over before writes nothing any more.
        let writer = self.writes.then(|| SoleWriter::open(self.settings, topic));
        let writer = writer.transpose()?;
        let settled = Settled::read(self.settings, topic, self.filter.from())?;
        let topic_names = [topic.to_owned()];
        let mut reader = TopicReader::open(self.settings, &topic_names, self.filter.from())?;
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while let Some(record) = reader.next_there()? {
            let letter = Letter::new(record);
            if letter.is_verdict() || !self.filter.wants(&letter) {
                continue;
            }
            match self.fate(&letter, &settled) {
                Fate::Settled => {
                    bytes += letter.cause.as_ref().map_or(0, |cause| cause.size);
                    batch.push(letter);
                }
                fate => tally.add(&letter, self.settings, fate),
            }
            if batch.len() >= BATCH || bytes >= BATCH_BYTES {
                self.settle_batch(&std::mem::take(&mut batch), writer.as_ref(), tally)?;
                bytes = 0;
            }
        }
        self.settle_batch(&batch, writer.as_ref(), tally)
    }

    /// What can be said without looking for its bytes.
    fn fate(&self, letter: &Letter, settled: &Settled) -> Fate {
        if settled.holds(&letter.record) {
            return Fate::SettledBefore;
        }
        match self.verdict {
            Verdict::Dropped => Fate::Settled,
            Verdict::Redriven => redrivable(letter, self.settings),
        }
    }

    fn settle_batch(
        &self,
        batch: &[Letter],
        writer: Option<&SoleWriter>,
        tally: &mut Tally,
    ) -> anyhow::Result<()> {
        let found = match self.verdict {
            Verdict::Redriven => origin::bytes(self.settings, batch)?,
            Verdict::Dropped => batch
                .iter()
                .map(|letter| Some(letter.record.clone()))
                .collect(),
        };
        let mut records: Vec<WithHeaders<'_>> = Vec::new();
        let mut offsets: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
        let origins = batch
            .iter()
            .map(|letter| letter.origin_topic(self.settings));
        let origins: Vec<String> = origins.collect();
        for ((letter, found), origin) in batch.iter().zip(&found).zip(&origins) {
            let Some(found) = found else {
                tally.add(letter, self.settings, Fate::Gone);
                continue;
            };
            if let (Verdict::Redriven, Some(cause)) = (self.verdict, &letter.cause) {
                records.push(again(origin, cause, found));
            }
            let settled = offsets.entry(letter.record.partition).or_default();
            settled.push(letter.record.offset);
            tally.add(letter, self.settings, Fate::Settled);
        }
        let Some((writer, first)) = writer.zip(batch.first()) else {
            return Ok(());
        };
        let verdicts: Vec<_> = offsets
            .into_iter()
            .map(|(partition, offsets)| (partition, verdict(self.verdict, offsets)))
            .collect();
        records.extend(verdicts.iter().map(|(partition, (headers, value))| {
            let out = Out {
                topic: &first.record.topic,
                partition: *partition,
                key: None,
                value: Some(value),
                timestamp: None,
            };
            (out, headers.clone())
        }));
        if records.is_empty() {
            return Ok(());
        }
        Ok(writer.write_with(&records)?)
    }
}

/// The record as it stood, to be sent once more.
fn again<'a>(
    topic: &'a str,
    cause: &DeadLetter,
    found: &'a ReadRecord,
) -> (Out<'a>, Vec<(String, Vec<u8>)>) {
    let out = Out {
        topic,
        partition: cause.partition,
        key: found.key.as_deref(),
        value: found.value.as_deref(),
        timestamp: None,
    };
    let attempts = (cause.before.attempts + 1).to_string();
    // Only those of raw records say, and those of an older release do not. Where the bytes stand, they stood not long after.
    let received = cause.before.received_at.unwrap_or(found.timestamp);
    let headers = vec![
        (header::ATTEMPTS.to_owned(), attempts.into()),
        (header::RECEIVED.to_owned(), received.0.to_string().into()),
    ];
    (out, headers)
}

/// Whether it may be sent again: to the one topic whose dead letters these are, and not for ever.
fn redrivable(letter: &Letter, settings: &Settings) -> Fate {
    match &letter.cause {
        Some(cause)
            if INPUTS.contains(&cause.topic.as_str())
                && settings.lane.topic(&topics::dead_letter(&cause.topic))
                    == letter.record.topic =>
        {
            if cause.before.attempts < ATTEMPTS {
                Fate::Settled
            } else {
                Fate::Exhausted
            }
        }
        _ => Fate::Foreign,
    }
}

/// In a backfill lane time is what the loader writes, and it has come to its end: what is sent now, into whichever of its topics, would
/// be far ahead of it. A lane without raw topics is no such lane.
fn refuse_backfill(settings: &Settings) -> anyhow::Result<()> {
    let admin = Admin::connect(settings)?;
    let raw = settings.lane.topic(topics::WEB_EVENTS_RAW);
    if !admin.partition_counts()?.contains_key(&raw) {
        return Ok(());
    }
    let kept = admin.setting_now(&raw, "message.timestamp.type")?;
    anyhow::ensure!(
        kept != "CreateTime",
        "topic {raw} has message.timestamp.type={kept}: in a backfill lane nothing is sent again; mend the file and load it \
         into a new lane"
    );
    Ok(())
}

impl Tally {
    fn add(&mut self, letter: &Letter, settings: &Settings, fate: Fate) {
        let kind = (
            settings.lane.bare(&letter.record.topic).to_owned(),
            letter.reason().to_owned(),
            letter.deployment().unwrap_or("-").to_owned(),
        );
        *self.0.entry((kind, fate)).or_insert(0) += 1;
    }

    fn of(&self, fate: Fate) -> u64 {
        let counts = self.0.iter().filter(|((_, of), _)| *of == fate);
        counts.map(|(_, count)| count).sum()
    }

    fn text(&self, call: &Call<'_>) -> String {
        if self.0.is_empty() {
            return "no such dead letters: `footfall dead-letters list` says what there is"
                .to_owned();
        }
        let mut lines: Vec<String> = Vec::new();
        for (((topic, reason, owner), fate), count) in &self.0 {
            let fate = fate.text(call);
            lines.push(format!("{reason} {count} {owner} {topic} {fate}"));
        }
        let word = call.verdict.as_str();
        lines.push(if call.writes {
            format!("{} {word}", self.of(Fate::Settled))
        } else {
            format!("{} would be {word}: say --yes", self.of(Fate::Settled))
        });
        lines.join("\n")
    }

    fn json(&self, call: &Call<'_>) -> Value {
        json!({
            "dryRun": !call.writes, call.verdict.as_str(): self.of(Fate::Settled),
            "settledBefore": self.of(Fate::SettledBefore), "exhausted": self.of(Fate::Exhausted),
            "gone": self.of(Fate::Gone), "withoutHeaders": self.of(Fate::Foreign),
        })
    }
}

impl Fate {
    fn text(self, call: &Call<'_>) -> String {
        match self {
            Fate::Settled if call.writes => call.verdict.as_str().to_owned(),
            Fate::Settled => format!("would be {}", call.verdict.as_str()),
            Fate::SettledBefore => "settled before".to_owned(),
            Fate::Exhausted => format!("left: sent again {ATTEMPTS} times already"),
            Fate::Gone => "left: the raw topic no longer holds the bytes".to_owned(),
            Fate::Foreign => "left: it does not say where it came from".to_owned(),
        }
    }
}
