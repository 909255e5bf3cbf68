//! `footfall deployments unknown`: who sends under a name that no definition knows. `ingest` keeps their events apart; what
//! these say of their page is read where they still lie. Whose name is defined by now is no stranger any more, and what was
//! sent again or dropped is settled.

use std::{collections::BTreeSet, process::ExitCode};

use journey::topics::{self, Lane};
use pipeline::kafka::{
    Settings,
    admin::Admin,
    read::{From, TopicReader},
};
use serde_json::{Value, json};
use url::Url;

use super::{Options, defined};
use crate::{
    Output,
    busiest::{Busiest, Counted, Seen},
    dead_letters::{Letter, read_topic},
};

/// As `ingest` says it.
const UNKNOWN: &str = ingest::RejectReason::UnknownDeployment.as_str();
/// A page is looked up for so many of them, the busiest first: each is a read of its own.
const LOOKED_UP: usize = 50;
const DAY: f64 = 86_400_000.0;

/// What is known of one, beside when it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stranger {
    /// Where the bytes of its last record lie: topic, partition, offset.
    bytes_at: (String, u32, i64),
    /// How many they are.
    size: u64,
    host: Option<String>,
}

/// By the name that they give.
type Strangers = Counted<String, Stranger>;

pub(super) fn run(options: &Options, output: Output) -> anyhow::Result<ExitCode> {
    let settings = crate::settings(&options.kafka)?;
    let counts = Admin::connect(&settings)?.partition_counts()?;
    let known = defined(&settings)?.into_iter();
    let known = known.map(|deployment| deployment.id.to_string()).collect();
    let mut strangers = Busiest::default();
    for input in [topics::WEB_EVENTS_RAW, topics::ENGAGEMENT_EVENTS_RAW] {
        let topic = settings.lane.topic(&topics::dead_letter(input));
        anyhow::ensure!(
            counts.contains_key(&topic),
            "topic {topic} is missing: check --topic-prefix, or create it with `footfall topics apply`"
        );
        let since = From::Since(options.since);
        read_topic(&settings, &topic, since, |letter, is_settled| {
            let stranger = stranger(&letter, is_settled, &settings.lane, &known);
            if let Some((id, stranger)) = stranger {
                strangers.take(id, letter.record.timestamp, stranger);
            }
            true
        })?;
    }
    let mut all = strangers.counted();
    for (_, _, stranger) in all.names.iter_mut().take(LOOKED_UP) {
        stranger.host = host(&settings, stranger)?;
    }
    output.print(text(&all), || value(&all))?;
    Ok(if all.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Who wrote what became this dead letter, if nobody knows, and nothing was done about it yet.
fn stranger(
    letter: &Letter,
    is_settled: bool,
    lane: &Lane,
    known: &BTreeSet<String>,
) -> Option<(String, Stranger)> {
    let cause = letter.cause.as_ref()?;
    let id = letter.deployment()?;
    if is_settled || cause.reason != UNKNOWN || known.contains(id) {
        return None;
    }
    let record = &letter.record;
    let (bytes_at, size) = match &record.value {
        Some(value) => (
            (record.topic.clone(), record.partition, record.offset),
            value.len() as u64,
        ),
        None => (
            (lane.topic(&cause.topic), cause.partition, cause.offset),
            cause.size,
        ),
    };
    let stranger = Stranger {
        bytes_at,
        size,
        host: None,
    };
    Some((id.to_owned(), stranger))
}

/// The host of the page that the last record names.
fn host(settings: &Settings, stranger: &Stranger) -> anyhow::Result<Option<String>> {
    let (topic, partition, offset) = &stranger.bytes_at;
    let record = TopicReader::read_one(settings, topic, *partition, *offset)?;
    let bytes = record.and_then(|record| record.value);
    Ok(bytes.and_then(|bytes| stranger.host_in(&bytes)))
}

impl Stranger {
    /// The host of the page that these bytes name, if they are the last record's: a topic that was made anew has others there.
    fn host_in(&self, bytes: &[u8]) -> Option<String> {
        let is_its = bytes.len() as u64 == self.size;
        is_its.then(|| page_host(bytes)).flatten()
    }
}

fn page_host(event: &[u8]) -> Option<String> {
    let event: Value = serde_json::from_slice(event).ok()?;
    let url = Url::parse(event["page"]["url"].as_str()?).ok()?;
    url.host_str().map(str::to_owned)
}

/// How many a day, over the time that it has been seen.
fn per_day(seen: &Seen) -> f64 {
    let days = ((seen.last - seen.first).0 as f64 / DAY).max(1.0);
    seen.count as f64 / days
}

fn text(all: &Strangers) -> String {
    if all.is_empty() {
        return "no unknown deployment sends".to_owned();
    }
    let lines = all.names.iter().map(|(id, seen, stranger)| {
        format!(
            "{id} {} {} · {:.0}/day since {} · last {} · no owner",
            stranger.host.as_deref().unwrap_or("-"),
            seen.count,
            per_day(seen),
            seen.first,
            seen.last
        )
    });
    let lines: Vec<String> = lines.chain(all.others_text()).collect();
    lines.join("\n")
}

fn value(all: &Strangers) -> Value {
    let each = all.names.iter().map(|(id, seen, stranger)| {
        json!({
            "deploymentId": id, "host": stranger.host, "count": seen.count, "perDay": per_day(seen),
            "firstSeen": seen.first.to_string(), "lastSeen": seen.last.to_string(),
        })
    });
    Value::Array(each.chain(all.others_value()).collect())
}

#[cfg(test)]
mod tests {
    use journey::Timestamp;
    use pipeline::{
        dead_letter::{DeadLetter, SentBefore},
        kafka::read::ReadRecord,
    };

    use super::*;

    /// A dead letter of an event that named this deployment.
    fn letter(id: &str, reason: &str, value: Option<&[u8]>) -> Letter {
        Letter {
            record: ReadRecord {
                topic: "lane.web.events.raw.dead-letter".to_owned(),
                partition: 1,
                offset: 5,
                timestamp: Timestamp(0),
                key: None,
                value: value.map(<[u8]>::to_vec),
                headers: Vec::new(),
            },
            cause: Some(DeadLetter {
                stage: "ingest".to_owned(),
                reason: reason.to_owned(),
                message: String::new(),
                topic: topics::WEB_EVENTS_RAW.to_owned(),
                partition: 2,
                offset: 7,
                size: 2,
                deployment: Some(id.to_owned()),
                before: SentBefore::default(),
            }),
        }
    }

    #[test]
    fn whoever_is_defined_by_now_or_settled_is_no_stranger_any_more() {
        let known = BTreeSet::from(["shop".to_owned()]);
        let of = |letter: &Letter, is_settled| {
            let found = stranger(letter, is_settled, &Lane::new("lane."), &known);
            found.map(|(id, stranger)| (id, stranger.bytes_at))
        };
        assert_eq!(of(&letter("shop", UNKNOWN, None), false), None);
        assert_eq!(of(&letter("d-91ac", "not_json", None), false), None);
        let there = letter("d-91ac", UNKNOWN, None);
        assert_eq!(of(&there, true), None);
        let in_raw = ("lane.web.events.raw".to_owned(), 2, 7);
        assert_eq!(of(&there, false), Some(("d-91ac".to_owned(), in_raw)));
        let kept = ("lane.web.events.raw.dead-letter".to_owned(), 1, 5);
        let with_bytes = letter("d-91ac", UNKNOWN, Some(b"{}"));
        assert_eq!(of(&with_bytes, false), Some(("d-91ac".to_owned(), kept)));
    }

    #[test]
    fn strangers_that_are_not_told_are_said_to_be_there() {
        let others = |others| Counted {
            names: Vec::new(),
            others,
        };
        assert_eq!(text(&others(0)), "no unknown deployment sends");
        assert_eq!(text(&others(3)), "and 3 more records of others");
        assert_eq!(value(&others(3)), json!([{"others": 3}]));
    }

    #[test]
    fn the_page_of_an_event_says_where_a_stranger_is() {
        let event =
            br#"{"deploymentId":"d-91ac","page":{"url":"https://pricing.old-site.example/x"}}"#;
        assert_eq!(
            page_host(event).as_deref(),
            Some("pricing.old-site.example")
        );
        for event in [
            &b"{}"[..],
            b"",
            b"{\"page\":{\"url\":5}}",
            b"{\"page\":{\"url\":\"x\"}}",
            b"[1]",
        ] {
            assert_eq!(page_host(event), None);
        }
    }

    #[test]
    fn the_page_of_another_event_says_nothing_of_a_stranger() {
        let known = BTreeSet::new();
        let found = stranger(
            &letter("d-91ac", UNKNOWN, None),
            false,
            &Lane::new(""),
            &known,
        );
        let (_, mut stranger) = found.expect("nobody knows it");
        let event = br#"{"page":{"url":"https://shop.example/"}}"#;
        assert_eq!(stranger.host_in(event), None);
        stranger.size = event.len() as u64;
        assert_eq!(stranger.host_in(event).as_deref(), Some("shop.example"));
    }
}
