//! What a person types: the options that all stages share.

use std::{net::SocketAddr, time::Duration};

use clap::Args;
use journey::topics::Lane;
use schemas::Format;

use crate::{kafka::Settings, log::LogError, pace::Pace};

/// How to reach Kafka and the registry.
#[derive(Args, Clone, Debug)]
pub struct KafkaArgs {
    /// Kafka's brokers, host:port, comma-separated
    #[arg(long, env = "FOOTFALL_BROKERS", default_value = "127.0.0.1:9092")]
    pub brokers: String,
    /// The schema registry's address (Confluent's API)
    #[arg(
        long,
        env = "FOOTFALL_REGISTRY",
        hide_env_values = true,
        default_value = "http://127.0.0.1:8081/apis/ccompat/v7"
    )]
    pub registry: String,
    /// The lane: a prefix for every topic, group and transactional id
    #[arg(
        long,
        env = "FOOTFALL_TOPIC_PREFIX",
        default_value = "",
        hide_default_value = true
    )]
    pub topic_prefix: String,
    /// Any other librdkafka property, key=value (repeatable; or several with commas between them: a comma begins another one
    /// where a name and = follow)
    #[arg(
        long = "kafka-property",
        env = "FOOTFALL_KAFKA_PROPERTY",
        hide_env_values = true,
        value_name = "KEY=VALUE"
    )]
    pub kafka_property: Vec<String>,
}

impl KafkaArgs {
    /// As checked settings, for this instance.
    pub fn settings(&self, instance: &str) -> Result<Settings, LogError> {
        let mut settings = Settings::new(&self.brokers, Lane::new(&self.topic_prefix), instance);
        for given in &self.kafka_property {
            settings.properties.extend(properties(given)?);
        }
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        if !self.topic_prefix.chars().all(legal) {
            return Err(LogError::new(format!(
                "--topic-prefix {:?}: letters, digits, dots and hyphens only, as `backfill-2026.`",
                self.topic_prefix
            )));
        }
        settings.check()?;
        Ok(settings)
    }
}

/// The properties of `key=value,key=value`.
///
/// # Errors
/// If the first is none. What cannot be read is not repeated: it may be a password.
pub fn properties(given: &str) -> Result<Vec<(String, String)>, LogError> {
    let mut properties: Vec<(String, String)> = Vec::new();
    for part in given.split(',').filter(|_| !given.trim().is_empty()) {
        match (part.split_once('='), properties.last_mut()) {
            (Some((key, value)), _) if is_property(key.trim()) => {
                properties.push((key.trim().to_owned(), value.to_owned()));
            }
            (_, Some((_, value))) => {
                value.push(',');
                value.push_str(part);
            }
            (_, None) => {
                return Err(LogError::new(
                    "--kafka-property: write it as key=value, as security.protocol=ssl".to_owned(),
                ));
            }
        }
    }
    Ok(properties)
}

/// Whether this may be a property's name in librdkafka.
fn is_property(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_');
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(legal)
}

/// What stands where something is not shown.
pub const HIDDEN: &str = "***";

/// `https://user:password@registry` without user and password.
pub fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let authority = rest.split('/').next().unwrap_or_default();
    // A password with a slash in it ends there what can be read as an authority.
    let user = authority.rsplit_once('@').or_else(|| rest.rsplit_once('@'));
    match user {
        Some((user, _)) => format!("{scheme}://{HIDDEN}{}", &rest[user.len()..]),
        None => url.to_owned(),
    }
}

/// How a stage runs.
#[derive(Args, Clone, Debug)]
pub struct StageArgs {
    /// A name for this process that stays the same over restarts; every process of a stage has its own
    #[arg(long, env = "FOOTFALL_INSTANCE", default_value = "0", value_parser = name)]
    pub instance: String,
    /// Worker threads: each has a consumer, a producer and its share of the partitions
    #[arg(long, env = "FOOTFALL_WORKERS", default_value_t = 1, value_parser = at_least_one)]
    pub workers: usize,
    /// Where /metrics, /livez and /readyz listen (port 0: any)
    #[arg(long, env = "FOOTFALL_METRICS_ADDRESS", default_value = "127.0.0.1:0")]
    pub metrics_address: SocketAddr,
    /// Register schemas that the registry does not have yet (production: let `footfall schemas register` do it)
    #[arg(long, env = "FOOTFALL_REGISTER_SCHEMAS")]
    pub register_schemas: bool,
    /// How long the group waits for a process that is gone
    #[arg(long, env = "FOOTFALL_SESSION_TIMEOUT", default_value = "12s", value_parser = duration)]
    pub session_timeout: Duration,
    /// How long a transaction may stay open; shorter than the session timeout
    #[arg(long, env = "FOOTFALL_TRANSACTION_TIMEOUT", default_value = "10s", value_parser = duration)]
    pub transaction_timeout: Duration,
    /// The least time between commits: latency against the broker's work
    #[arg(long, env = "FOOTFALL_COMMIT_AT_LEAST", default_value = "10ms", value_parser = duration)]
    pub commit_at_least: Duration,
    /// The longest that a record waits for its commit under load
    #[arg(long, env = "FOOTFALL_COMMIT_AT_MOST", default_value = "100ms", value_parser = duration)]
    pub commit_at_most: Duration,
    /// How old a state may get before it is written to the changelog; what is younger is folded again from the input on
    /// restore (0s: written in every commit)
    #[arg(long, env = "FOOTFALL_STATE_AGE", default_value = "10s", value_parser = duration)]
    pub state_age: Duration,
    /// Keys (visitors, intervals) that each partition may remember; beyond it those silent longest are let go, their visits
    /// ended with the reason `limit` (0: no limit)
    #[arg(long, env = "FOOTFALL_STATE_LIMIT", default_value_t = 500_000)]
    pub state_limit: usize,
    /// The format in which states are written (0: the one before this release's newest, which the release before it can read;
    /// name the newest once no rollback is wanted)
    #[arg(long, env = "FOOTFALL_STATE_FORMAT", default_value_t = 0)]
    pub state_format: u8,
    /// Outgoing records of one transaction
    #[arg(long, env = "FOOTFALL_BATCH_RECORDS", default_value_t = 100_000, value_parser = at_least_one)]
    pub batch_records: usize,
}

/// How a stage that writes for others writes.
#[derive(Args, Clone, Debug)]
pub struct PublicArgs {
    /// How journey.offers and journey.staffing are written: avro, or json (described in schemas/json)
    #[arg(long, env = "FOOTFALL_OUTPUT_FORMAT", default_value = "avro", value_parser = Format::parse)]
    pub output_format: Format,
}

impl PublicArgs {
    /// Those of `topics` that are written without a frame.
    pub fn unframed(&self, topics: &'static [&'static str]) -> &'static [&'static str] {
        match self.output_format {
            Format::Avro => &[],
            Format::Json => topics,
        }
    }
}

impl StageArgs {
    /// When to commit.
    pub fn pace(&self) -> Pace {
        Pace {
            at_least: self.commit_at_least,
            at_most: self.commit_at_most,
            records: self.batch_records,
            outputs: self.batch_records,
            state_age: self.state_age,
            ..Pace::default()
        }
    }
}

/// Reads `250ms`, `12s`, `15m`, `24h`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let split = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.parse().map_err(|_| wrong(text))?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return Err(wrong(text)),
    };
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong(text))
}

/// Reads a number that is not zero.
pub fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err(format!("{text:?}: write a whole number, 1 or more")),
        Ok(number) => Ok(number),
    }
}

/// Reads a name that is not empty.
pub fn name(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("it is empty: write a name".to_owned()),
        _ => Ok(text.to_owned()),
    }
}

fn wrong(text: &str) -> String {
    format!("{text:?} is no duration: write 250ms, 12s, 15m or 24h")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_begins_another_property_where_a_name_follows_and_what_cannot_be_read_is_not_repeated()
     {
        let read = |given: &str| {
            let read = properties(given).map_err(|error| error.to_string())?;
            Ok(read
                .into_iter()
                .map(|(key, value)| format!("{key}: {value}"))
                .collect::<Vec<_>>())
        };
        let expected = |parts: &[&str]| Ok(parts.iter().map(|part| (*part).to_owned()).collect());
        let several = "security.protocol=ssl, sasl.password=hun,ter2,=x,debug=broker,topic";
        let parts = [
            "security.protocol: ssl",
            "sasl.password: hun,ter2,=x",
            "debug: broker,topic",
        ];
        assert_eq!(read(several), expected(&parts));
        assert_eq!(read("sasl.password=a=b"), expected(&["sasl.password: a=b"]));
        assert_eq!(read(" "), expected(&[]), "as an empty variable gives it");
        let refused: Result<_, String> = read("hunter2");
        assert!(refused.is_err_and(|why| !why.contains("hunter2")));
    }

    #[test]
    fn an_address_is_shown_without_who_connects() {
        for (url, shown) in [
            (
                "https://me:p@ss@registry:8081/x@y",
                "https://***@registry:8081/x@y",
            ),
            ("https://me:p/ss@registry", "https://***@registry"),
            ("http://registry:8081/apis", "http://registry:8081/apis"),
            ("registry", "registry"),
        ] {
            assert_eq!(without_user(url), shown);
        }
    }

    #[test]
    fn a_number_that_must_not_be_zero_is_not() {
        assert_eq!(at_least_one("3"), Ok(3));
        for wrong in ["0", "-1", "many"] {
            assert!(at_least_one(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_name_is_not_empty() {
        assert_eq!(name("ingest-0"), Ok("ingest-0".to_owned()));
        for wrong in ["", " "] {
            assert!(name(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn durations_carry_their_unit() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("1.5h"), Ok(Duration::from_secs(5400)));
        for wrong in ["12", "s", "12 s", "-1s", "1d"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
