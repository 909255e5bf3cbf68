//! What clients are made with. The properties that exactly-once rests on are ours; every other may be set.

use std::time::Duration;

use journey::topics::Lane;
use rdkafka::ClientConfig;

use crate::log::LogError;

/// How to reach the cluster, and who we are there.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `host:port,…`.
    pub brokers: String,
    /// librdkafka properties that a person set.
    pub properties: Vec<(String, String)>,
    /// The lane.
    pub lane: Lane,
    /// A stable name of this process: in transactional ids and static membership.
    pub instance: String,
    /// How long a transaction may stay open before the broker aborts it.
    pub transaction_timeout: Duration,
    /// How long the group waits for a member that is gone. Above `transaction_timeout`.
    pub session_timeout: Duration,
    /// The longest that one call to the cluster may take.
    pub call_timeout: Duration,
}

/// What a partition's records weigh, keys and values, when they leave as a batch: librdkafka's default. Compressed it is to stay below a
/// topic's `max.message.bytes`, 1 MiB by default.
const BATCH_BYTES: usize = 1_000_000;

/// Properties that exactly-once rests on: set by us, refused from a person.
const OURS: &[&str] = &[
    "bootstrap.servers",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "auto.offset.reset",
    "isolation.level",
    "enable.idempotence",
    "transactional.id",
    "transaction.timeout.ms",
    "session.timeout.ms",
    "acks",
    "max.in.flight.requests.per.connection",
    "partition.assignment.strategy",
];

impl Settings {
    /// For these brokers, with the design's timeouts.
    pub fn new(brokers: &str, lane: Lane, instance: &str) -> Settings {
        Settings {
            brokers: brokers.to_owned(),
            properties: Vec::new(),
            lane,
            instance: instance.to_owned(),
            transaction_timeout: Duration::from_secs(10),
            session_timeout: Duration::from_secs(12),
            call_timeout: Duration::from_secs(30),
        }
    }

    /// Refuses properties that exactly-once rests on.
    pub fn check(&self) -> Result<(), LogError> {
        for (name, _) in &self.properties {
            if OURS.contains(&name.as_str()) {
                return Err(LogError::new(format!(
                    "--kafka-property {name} cannot be set: exactly-once rests on it, and Footfall sets it itself"
                )));
            }
        }
        if self.session_timeout <= self.transaction_timeout {
            return Err(LogError::new(format!(
                "the session timeout ({:?}) must be longer than the transaction timeout ({:?}): a partition may only move \
                 once what its last owner left open is over",
                self.session_timeout, self.transaction_timeout
            )));
        }
        Ok(())
    }

    fn base(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", format!("footfall-{}", self.instance));
        config
            .set("log.connection.close", "false")
            .set("reconnect.backoff.max.ms", "1000")
            // A leader that was not known when it was asked for is not asked for again before: by default, after five minutes.
            .set("topic.metadata.refresh.interval.ms", "10000");
        config
    }

    fn finish(&self, mut config: ClientConfig) -> ClientConfig {
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config
    }

    /// A client of no particular kind.
    pub fn plain(&self) -> ClientConfig {
        self.finish(self.base())
    }

    /// The group of a stage in this lane.
    pub fn group(&self, stage: &str) -> String {
        format!("{}footfall.{stage}", self.lane.prefix())
    }

    /// A stage's consumer: its group, committed records only, nothing committed by itself.
    pub fn group_consumer(&self, stage: &str, worker: usize) -> ClientConfig {
        let mut config = self.base();
        config
            .set("group.id", self.group(stage))
            .set("group.instance.id", format!("{}.{worker}", self.instance))
            .set("group.protocol", "classic")
            .set("partition.assignment.strategy", "range")
            .set(
                "session.timeout.ms",
                self.session_timeout.as_millis().to_string(),
            )
            .set(
                "heartbeat.interval.ms",
                (self.session_timeout.as_millis() / 4).to_string(),
            )
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            // How long a broker holds a fetch that finds nothing; one that finds something is answered at once.
            .set("fetch.wait.max.ms", "50")
            .set("fetch.queue.backoff.ms", "5")
            // For the last stable offset, which nothing else tells.
            .set("statistics.interval.ms", "1000")
            .set("fetch.message.max.bytes", "4194304")
            // What lies ready is to be found in the processor's caches when its turn comes.
            .set("queued.max.messages.kbytes", "8192");
        self.finish(config)
    }

    /// A consumer of partitions that it is told, committed records only.
    pub fn reader(&self) -> ClientConfig {
        let mut config = self.base();
        config
            .set("group.id", format!("{}footfall.reader", self.lane.prefix()))
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "error")
            .set("fetch.wait.max.ms", "20")
            .set("fetch.queue.backoff.ms", "5")
            .set("fetch.message.max.bytes", "16777216");
        self.finish(config)
    }

    /// A consumer that reads changelogs back: much at once, as a restore waits for nothing else.
    pub fn changelog_reader(&self) -> ClientConfig {
        let mut config = self.reader();
        for (property, value) in [
            ("fetch.max.bytes", "67108864"),
            ("queued.min.messages", "1000000"),
            ("queued.max.messages.kbytes", "262144"),
        ] {
            let by_hand = self.properties.iter().any(|(name, _)| name == property);
            if !by_hand {
                config.set(property, value);
            }
        }
        config
    }

    /// A stage's transactional producer.
    pub fn transactional_producer(&self, stage: &str, worker: usize) -> ClientConfig {
        let mut config = self.base();
        let id = format!(
            "{}footfall.{stage}.{}.{worker}",
            self.lane.prefix(),
            self.instance
        );
        config
            .set("transactional.id", id)
            .set(
                "transaction.timeout.ms",
                self.transaction_timeout.as_millis().to_string(),
            )
            .set(
                "message.timeout.ms",
                self.transaction_timeout.as_millis().to_string(),
            )
            .set("batch.size", BATCH_BYTES.to_string())
            .set("compression.type", "lz4")
            .set("message.max.bytes", "12582912")
            .set("batch.num.messages", "100000")
            .set("queue.buffering.max.messages", "1000000")
            .set("queue.buffering.max.kbytes", "1048576");
        // All of a transaction is produced at once and then flushed: what is sent before are whole batches only. Shorter than
        // a message's own timeout, as librdkafka wants it.
        let timeout = self.by_hand(&["message.timeout.ms", "delivery.timeout.ms"]);
        let timeout = timeout.map_or(self.transaction_timeout, Duration::from_millis);
        let linger = (timeout / 2).min(Duration::from_secs(1));
        config.set("linger.ms", linger.as_millis().to_string());
        self.finish(config)
    }

    /// How many bytes of a partition's records leave as a batch without being flushed.
    pub(super) fn batch_bytes(&self) -> usize {
        self.by_hand(&["batch.size"])
            .map_or(BATCH_BYTES, |bytes| bytes as usize)
    }

    /// A number that a person set, under any of its names.
    fn by_hand(&self, names: &[&str]) -> Option<u64> {
        let set = self.properties.iter().rev();
        let mut of_name = set.filter(|(name, _)| names.contains(&name.as_str()));
        of_name.find_map(|(_, value)| value.parse().ok())
    }

    /// A producer outside transactions: ticks, `footfall send`.
    pub fn plain_producer(&self) -> ClientConfig {
        let mut config = self.base();
        config
            .set("enable.idempotence", "true")
            .set("linger.ms", "2")
            .set("compression.type", "lz4")
            .set("message.max.bytes", "13000000")
            .set("queue.buffering.max.messages", "500000")
            .set("queue.buffering.max.kbytes", "262144");
        self.finish(config)
    }
}

/// The wall clock: for metadata and metrics, never for what a stage does.
#[allow(clippy::disallowed_methods, reason = "the shell is where the clock is")]
pub fn wall_clock() -> journey::Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    journey::Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(properties: &[(&str, &str)]) -> Settings {
        let mut settings = Settings::new("localhost:9092", Lane::new(""), "0");
        let set = properties.iter();
        settings.properties = set
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        settings
    }

    #[test]
    fn a_message_lingers_for_less_than_it_may_live() {
        for (properties, linger) in [
            (&[][..], "1000"),
            (&[("message.timeout.ms", "300")], "150"),
            (&[("delivery.timeout.ms", "300")], "150"),
            (&[("linger.ms", "7")], "7"),
        ] {
            let producer = with(properties).transactional_producer("ingest", 0);
            assert_eq!(producer.get("linger.ms"), Some(linger), "{properties:?}");
        }
    }

    #[test]
    fn a_batch_is_as_large_as_a_person_says() {
        assert_eq!(with(&[]).batch_bytes(), BATCH_BYTES);
        let said = with(&[("batch.size", "1"), ("batch.size", "2000")]);
        assert_eq!(said.batch_bytes(), 2_000, "the last holds");
    }
}
