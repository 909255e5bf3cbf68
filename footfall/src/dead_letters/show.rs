//! `footfall dead-letters show`: the cause in full, and the bytes, wherever they still are.

use std::{fmt::Write as _, process::ExitCode};

use journey::topics;
use pipeline::{
    config::KafkaArgs,
    dead_letter::header,
    kafka::{
        Settings,
        read::{ReadRecord, TopicReader},
    },
    registry::Registry,
};
use serde_json::{Map, Value, json};

use super::{Filter, letter::Letter, read_all, settled};
use crate::{
    Output, UsageError,
    tail::{Decoder, bytes, in_lane},
};

/// A value is printed for people up to here; JSON holds all of it.
const SHOWN: usize = 4000;

/// Arguments of `footfall dead-letters show`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    kafka: KafkaArgs,
    /// A dead-letter topic, or the topic where the record stood before it became one
    #[arg(requires_all = ["partition", "offset"])]
    topic: Option<String>,
    /// The partition there
    partition: Option<u32>,
    /// The offset there
    offset: Option<i64>,
    #[command(flatten)]
    filter: Filter,
    /// At most so many
    #[arg(long, env = "FOOTFALL_LIMIT", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
}

/// Where a dead letter's bytes are.
enum Found {
    /// In the dead letter.
    Kept(ReadRecord),
    /// Where it came from.
    AtOrigin(ReadRecord),
    /// Nowhere: in words.
    Nowhere(String),
}

pub(super) fn run(args: &Args, output: Output) -> anyhow::Result<ExitCode> {
    if args.topic.is_none() && args.filter.reason.is_none() && args.filter.deployment.is_none() {
        let usage = "say which: TOPIC PARTITION OFFSET, --reason or --deployment; `footfall dead-letters list` says what there is";
        return Err(UsageError(usage.to_owned()).into());
    }
    let settings = crate::settings(&args.kafka)?;
    let letters = args.find(&settings)?;
    if letters.is_empty() {
        output.print(
            "no such dead letter: `footfall dead-letters list` says what there is",
            || json!([]),
        )?;
        return Ok(ExitCode::FAILURE);
    }
    let registry = Registry::open(&args.kafka.registry)?;
    let mut decoder = Decoder::new(registry, settings.lane.clone());
    for letter in letters {
        let found = find_bytes(&settings, &letter)?;
        let shown = Shown::new(&letter, &found, &mut decoder);
        output.print(shown.text(), || shown.value())?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Args {
    fn find(&self, settings: &Settings) -> anyhow::Result<Vec<Letter>> {
        let position = self.topic.as_deref().zip(self.partition).zip(self.offset);
        let Some(((topic, partition), offset)) = position else {
            return self.search(settings, |letter| self.filter.wants(letter), self.limit);
        };
        let topic = in_lane(settings, topic);
        if topic.ends_with(&topics::dead_letter("")) {
            let record = TopicReader::read_one(settings, &topic, partition, offset)?;
            return Ok(record.into_iter().map(Letter::new).collect());
        }
        let bare = settings.lane.bare(&topic);
        let came_from_there = |letter: &Letter| {
            let cause = letter.cause.as_ref();
            cause.is_some_and(|c| {
                (c.topic.as_str(), c.partition, c.offset) == (bare, partition, offset)
            })
        };
        self.search(settings, came_from_there, 1)
    }

    fn search(
        &self,
        settings: &Settings,
        wants: impl Fn(&Letter) -> bool,
        limit: u64,
    ) -> anyhow::Result<Vec<Letter>> {
        let mut letters = Vec::new();
        read_all(settings, &self.filter, |letter, _| {
            if wants(&letter) {
                letters.push(letter);
            }
            (letters.len() as u64) < limit
        })?;
        Ok(letters)
    }
}

fn find_bytes(settings: &Settings, letter: &Letter) -> anyhow::Result<Found> {
    if letter.record.value.is_some() {
        return Ok(Found::Kept(letter.record.clone()));
    }
    let Some(cause) = &letter.cause else {
        return Ok(Found::Nowhere(
            "the dead letter has none, and does not say where it came from".to_owned(),
        ));
    };
    let topic = settings.lane.topic(&cause.topic);
    let record = TopicReader::read_one(settings, &topic, cause.partition, cause.offset)?;
    Ok(at_origin(letter, &topic, record))
}

/// What stands where it came from, if it is that.
fn at_origin(letter: &Letter, topic: &str, record: Option<ReadRecord>) -> Found {
    match record {
        Some(record) if letter.was(&record) => Found::AtOrigin(record),
        Some(_) => Found::Nowhere(format!(
            "{topic} no longer holds them: it was made anew, and another record has that offset now"
        )),
        None => Found::Nowhere(format!(
            "{topic} no longer holds them, its retention is over. To keep them, run ingest with --dead-letter-bytes"
        )),
    }
}

/// What is printed of one.
struct Shown<'a> {
    letter: &'a Letter,
    /// What was done with others, where it is no dead letter but says that.
    verdict: Option<Value>,
    /// Where the bytes are, or why not.
    source: String,
    key: Option<Value>,
    value: Option<Value>,
}

impl<'a> Shown<'a> {
    fn new(letter: &'a Letter, found: &Found, decoder: &mut Decoder) -> Shown<'a> {
        let verdict = settled::said(&letter.record).map(bytes);
        let (source, record) = match found {
            Found::Kept(record) if verdict.is_some() => ("this record".to_owned(), Some(record)),
            Found::Kept(record) => ("the dead letter".to_owned(), Some(record)),
            Found::AtOrigin(record) => (
                format!("{}-{}@{}", record.topic, record.partition, record.offset),
                Some(record),
            ),
            Found::Nowhere(why) => (why.clone(), None),
        };
        // The very bytes matter, except of Avro, which nobody reads.
        let mut value = |record: &ReadRecord| {
            let value = record.value.as_deref()?;
            Some(match std::str::from_utf8(value) {
                Ok(text) if !text.starts_with('\0') => Value::String(text.to_owned()),
                _ => decoder.guess(value),
            })
        };
        Shown {
            letter,
            verdict,
            source,
            key: record.and_then(|record| record.key.as_deref().map(bytes)),
            value: record.and_then(&mut value),
        }
    }

    fn text(&self) -> String {
        let record = &self.letter.record;
        let mut text = format!(
            "{}-{}@{} {} {}",
            record.topic,
            record.partition,
            record.offset,
            record.timestamp,
            self.what()
        );
        for (name, value) in &record.headers {
            let shown = ![header::REASON, header::DEPLOYMENT].contains(&name.as_str());
            if shown {
                let name = name.trim_start_matches("dead-letter.");
                let _ = write!(text, "\n  {name:9} {}", plain(&bytes(value)));
            }
        }
        let _ = write!(text, "\n  bytes     {}", self.source);
        for (name, value) in [("key", &self.key), ("value", &self.value)] {
            if let Some(value) = value {
                let _ = write!(text, "\n  {name:9} {}", plain(value));
            }
        }
        text
    }

    /// Why, and whose; of a verdict, that it is one.
    fn what(&self) -> String {
        match &self.verdict {
            None => {
                let owner = self.letter.deployment().unwrap_or("-");
                format!("{} {owner}", self.letter.reason())
            }
            Some(word) => format!(
                "is no dead letter: it says that those at the offsets below, of its partition, were {}",
                plain(word)
            ),
        }
    }

    fn value(&self) -> Value {
        let reason = self.verdict.is_none().then(|| self.letter.reason());
        let record = &self.letter.record;
        let headers = record.headers.iter();
        let headers: Map<String, Value> = headers
            .map(|(name, value)| (name.clone(), bytes(value)))
            .collect();
        json!({
            "topic": record.topic, "partition": record.partition, "offset": record.offset,
            "timestamp": record.timestamp.to_string(), "reason": reason,
            "verdict": self.verdict, "deploymentId": self.letter.deployment(), "headers": headers,
            "bytesFrom": self.source, "key": self.key, "value": self.value,
        })
    }
}

/// For people: on one line, without control characters, and not endless.
fn plain(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut shown: String = text
        .chars()
        .take(SHOWN)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        let _ = write!(
            shown,
            "… ({} bytes; all of it with --output json)",
            text.len()
        );
    }
    shown
}

#[cfg(test)]
mod tests {
    use journey::Timestamp;
    use pipeline::dead_letter::{DeadLetter, SentBefore};

    use super::*;

    fn record(topic: &str, offset: i64, value: Option<&[u8]>) -> ReadRecord {
        ReadRecord {
            topic: topic.to_owned(),
            partition: 1,
            offset,
            timestamp: Timestamp(0),
            key: None,
            value: value.map(<[u8]>::to_vec),
            headers: Vec::new(),
        }
    }

    #[test]
    fn another_record_at_the_same_offset_is_not_shown_for_it() {
        let letter = Letter {
            record: record("web.events.raw.dead-letter", 3, None),
            cause: Some(DeadLetter {
                stage: "ingest".to_owned(),
                reason: "not_json".to_owned(),
                message: String::new(),
                topic: topics::WEB_EVENTS_RAW.to_owned(),
                partition: 1,
                offset: 7,
                size: 7,
                deployment: None,
                before: SentBefore::default(),
            }),
        };
        let at = |value| record(topics::WEB_EVENTS_RAW, 7, value);
        let found = |record| at_origin(&letter, topics::WEB_EVENTS_RAW, record);
        let same = found(Some(at(Some(b"rubbish"))));
        assert!(matches!(same, Found::AtOrigin(record) if record.offset == 7));
        for (other, why) in [
            (Some(at(Some(b"another's"))), "made anew"),
            (Some(at(None)), "made anew"),
            (None, "retention is over"),
        ] {
            assert!(
                matches!(found(other), Found::Nowhere(said) if said.contains(why)),
                "{why}"
            );
        }
    }

    #[test]
    fn what_settles_others_is_no_dead_letter_and_shown_as_what_it_is() {
        let (headers, value) = settled::verdict(settled::Verdict::Dropped, vec![3, 5]);
        let letter = Letter::new(ReadRecord {
            headers,
            ..record("web.events.dead-letter", 9, Some(&value))
        });
        let registry = Registry::open("http://127.0.0.1:1").expect("an address");
        let mut decoder = Decoder::new(registry, journey::topics::Lane::new(""));
        let found = Found::Kept(letter.record.clone());
        let shown = Shown::new(&letter, &found, &mut decoder);
        let text = shown.text();
        assert!(text.contains("is no dead letter"), "{text}");
        assert!(text.contains("were dropped"), "{text}");
        assert!(text.contains(r#"{"offsets":[3,5]}"#), "{text}");
        assert!(!text.contains("without_headers"), "{text}");
        let value = shown.value();
        assert_eq!(
            (&value["reason"], &value["verdict"]),
            (&Value::Null, &json!("dropped"))
        );
    }

    #[test]
    fn what_is_shown_to_people_is_safe_and_not_endless() {
        assert_eq!(plain(&json!("a\u{0}\u{1b}[31m")), "a\u{fffd}\u{fffd}[31m");
        let long = plain(&json!("x".repeat(SHOWN + 1)));
        assert!(long.ends_with("(4001 bytes; all of it with --output json)"));
        assert!(!plain(&json!("x".repeat(SHOWN))).contains('…'));
    }
}
