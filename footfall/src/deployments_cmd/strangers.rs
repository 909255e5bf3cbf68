//! `footfall deployments unknown`: who sends under a name that no definition knows. `ingest` keeps their events apart; what
//! these say of their page is read where they still lie.

use std::{collections::BTreeMap, process::ExitCode};

use journey::{Timestamp, topics};
use pipeline::{
    dead_letter::DeadLetter,
    kafka::{
        Settings,
        admin::Admin,
        read::{From, ReadRecord, TopicReader},
    },
};
use serde_json::{Value, json};
use url::Url;

use super::Options;
use crate::Output;

/// As `ingest` says it.
const UNKNOWN: &str = ingest::RejectReason::UnknownDeployment.as_str();
/// A page is looked up for so many of them, the busiest first: each is a read of its own.
const LOOKED_UP: usize = 50;
const DAY: f64 = 86_400_000.0;

/// What is known of one.
#[derive(Debug)]
struct Stranger {
    count: u64,
    first: Timestamp,
    last: Timestamp,
    /// Where its last record lies, if its dead letter does not hold the bytes.
    origin: DeadLetter,
    bytes: Option<Vec<u8>>,
    host: Option<String>,
}

/// By the name that they give.
type Strangers = BTreeMap<String, Stranger>;

pub(super) fn run(options: &Options, output: Output) -> anyhow::Result<ExitCode> {
    let settings = crate::settings(&options.kafka)?;
    let mut strangers = Strangers::new();
    let counts = Admin::connect(&settings)?.partition_counts()?;
    for input in [topics::WEB_EVENTS_RAW, topics::ENGAGEMENT_EVENTS_RAW] {
        let topic = settings.lane.topic(&topics::dead_letter(input));
        anyhow::ensure!(
            counts.contains_key(&topic),
            "topic {topic} is missing: check --topic-prefix, or create it with `footfall topics apply`"
        );
        let mut reader = TopicReader::open(&settings, &[topic], From::Since(options.since))?;
        while let Some(record) = reader.next_there()? {
            take(&mut strangers, record);
        }
    }
    let mut all: Vec<(String, Stranger)> = strangers.into_iter().collect();
    all.sort_by_key(|(_, stranger)| std::cmp::Reverse(stranger.count));
    for (_, stranger) in all.iter_mut().take(LOOKED_UP) {
        stranger.host = host(&settings, stranger)?;
    }
    output.print(text(&all), || value(&all))?;
    Ok(if all.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn take(strangers: &mut Strangers, record: ReadRecord) {
    let headers = record.headers.iter();
    let headers = headers.map(|(name, value)| (name.as_str(), value.as_slice()));
    let Some(origin) = DeadLetter::from_headers(headers) else {
        return;
    };
    let (UNKNOWN, Some(id)) = (origin.reason.as_str(), origin.deployment.clone()) else {
        return;
    };
    let at = record.timestamp;
    let known = strangers.remove(&id);
    let (count, first) = known.map_or((0, at), |known| (known.count, known.first.min(at)));
    let stranger = Stranger {
        count: count + 1,
        first,
        last: at,
        origin,
        bytes: record.value,
        host: None,
    };
    strangers.insert(id, stranger);
}

/// The host of the page that the last record names.
fn host(settings: &Settings, stranger: &Stranger) -> anyhow::Result<Option<String>> {
    let origin = &stranger.origin;
    let bytes = match &stranger.bytes {
        Some(bytes) => Some(bytes.clone()),
        None => {
            let topic = settings.lane.topic(&origin.topic);
            let read = TopicReader::read_one(settings, &topic, origin.partition, origin.offset)?;
            read.and_then(|record| record.value)
        }
    };
    Ok(bytes.as_deref().and_then(page_host))
}

fn page_host(event: &[u8]) -> Option<String> {
    let event: Value = serde_json::from_slice(event).ok()?;
    let url = Url::parse(event["page"]["url"].as_str()?).ok()?;
    url.host_str().map(str::to_owned)
}

impl Stranger {
    /// How many a day, over the time that it has been seen.
    fn per_day(&self) -> f64 {
        let days = ((self.last - self.first).0 as f64 / DAY).max(1.0);
        self.count as f64 / days
    }
}

fn text(all: &[(String, Stranger)]) -> String {
    if all.is_empty() {
        return "no unknown deployment sends".to_owned();
    }
    let lines = all.iter().map(|(id, stranger)| {
        format!(
            "{id} {} {} · {:.0}/day since {} · last {} · no owner",
            stranger.host.as_deref().unwrap_or("-"),
            stranger.count,
            stranger.per_day(),
            stranger.first,
            stranger.last
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn value(all: &[(String, Stranger)]) -> Value {
    let each = all.iter().map(|(id, stranger)| {
        json!({
            "deploymentId": id, "host": stranger.host, "count": stranger.count, "perDay": stranger.per_day(),
            "firstSeen": stranger.first.to_string(), "lastSeen": stranger.last.to_string(),
        })
    });
    Value::Array(each.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
