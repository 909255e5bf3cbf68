//! The load: a producer of a lane's input, which keeps the order and the time of what it sends.

use std::time::{Duration, Instant};

use rdkafka::{
    ClientConfig, ClientContext, Message,
    error::{KafkaError, RDKafkaErrorCode},
    message::{DeliveryResult, Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer, ProducerContext},
};

use crate::{Kafka, auditor::Record, lane::PARTITIONS, stage::PATIENCE};

/// A load that did not arrive says so: what is missing later is missed from what did.
struct Acknowledged;

impl ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, message)) = result {
            let (topic, partition) = (message.topic(), message.partition());
            eprintln!("load: {topic}-{partition}: not delivered: {error}");
        }
    }
}

/// Writes raw records and ticks; in a backfill lane with the greatest time so far.
pub(crate) struct Loader {
    producer: BaseProducer<Acknowledged>,
    prefix: String,
    now: i64,
    ticked: i64,
    turn: u32,
}

impl Loader {
    /// A producer of the lane with this prefix.
    pub(crate) fn new(kafka: &Kafka, prefix: &str) -> Loader {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", &kafka.brokers)
            .set("enable.idempotence", "true")
            // As the stages: a leader missed once is looked for again soon.
            .set("topic.metadata.refresh.interval.ms", "5000")
            .set("linger.ms", "5")
            .set("message.max.bytes", "13000000")
            .set("queue.buffering.max.messages", "1000000")
            .create_with_context(Acknowledged)
            .expect("a producer");
        Loader {
            producer,
            prefix: prefix.to_owned(),
            now: i64::MIN,
            ticked: i64::MIN,
            turn: 0,
        }
    }

    /// The greatest time so far.
    pub(crate) fn now(&self) -> i64 {
        self.now
    }

    /// The partition of a key; records without one take turns.
    fn partition(&mut self, key: Option<&str>) -> u32 {
        match key {
            Some(key) => {
                key.bytes()
                    .fold(7u32, |h, b| h.wrapping_mul(31).wrapping_add(b.into()))
                    % PARTITIONS
            }
            None => {
                self.turn = (self.turn + 1) % PARTITIONS;
                self.turn
            }
        }
    }

    /// Sends at a time of sending; without one the broker stamps it.
    pub(crate) fn send(&mut self, topic: &str, key: Option<&str>, value: &[u8], at: Option<i64>) {
        if let Some(at) = at {
            self.now = self.now.max(at);
        }
        let partition = self.partition(key);
        let timestamp = at.map(|_| self.now);
        let topic = format!("{}{topic}", self.prefix);
        let key = key.map(str::as_bytes);
        self.write(&topic, partition as i32, key, Some(value), timestamp, &[]);
    }

    /// Lets the data's time pass without events: a tick into every partition of these topics.
    pub(crate) fn tick(&mut self, topics: &[&str], at: i64) {
        self.now = self.now.max(at);
        self.ticked = self.now;
        for topic in topics {
            let topic = format!("{}{topic}", self.prefix);
            for partition in 0..PARTITIONS {
                let now = Some(self.now);
                self.write(&topic, partition as i32, None, None, now, &[]);
            }
        }
    }

    /// Ticks if the last were more than a minute of data ago.
    pub(crate) fn tick_by_the_minute(&mut self, topics: &[&str]) {
        if self.now >= self.ticked.saturating_add(60_000) || self.ticked == i64::MIN {
            self.tick(topics, self.now);
        }
    }

    /// Appends to a topic of definitions, or of anything else that has keys.
    pub(crate) fn send_to(&mut self, topic: &str, partition: i32, key: Option<&str>, value: &[u8]) {
        let topic = format!("{}{topic}", self.prefix);
        let key = key.map(str::as_bytes);
        self.write(&topic, partition, key, Some(value), None, &[]);
    }

    /// Takes a key of a compacted topic away.
    pub(crate) fn delete(&mut self, topic: &str, partition: i32, key: &str) {
        let topic = format!("{}{topic}", self.prefix);
        let key = Some(key.as_bytes());
        self.write(&topic, partition, key, None, None, &[]);
    }

    /// Appends a record that another topic holds.
    pub(crate) fn copy(&mut self, topic: &str, record: &Record) {
        let Record {
            partition,
            key,
            value,
            headers,
            ..
        } = record;
        let topic = format!("{}{topic}", self.prefix);
        self.write(
            &topic,
            *partition,
            key.as_deref(),
            value.as_deref(),
            None,
            headers,
        );
    }

    fn write(
        &mut self,
        topic: &str,
        partition: i32,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        timestamp: Option<i64>,
        headers: &[(String, Vec<u8>)],
    ) {
        let mut record = BaseRecord::<[u8], [u8]>::to(topic).partition(partition);
        record.key = key;
        record.payload = value;
        record.timestamp = timestamp;
        if !headers.is_empty() {
            let start = OwnedHeaders::new();
            let add = |all: OwnedHeaders, (key, value): &(String, Vec<u8>)| {
                all.insert(Header {
                    key,
                    value: Some(value),
                })
            };
            record = record.headers(headers.iter().fold(start, add));
        }
        loop {
            match self.producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    self.producer.poll(Duration::from_millis(10));
                }
                Err((error, _)) => panic!("{topic}: {error}"),
            }
        }
        self.producer.poll(Duration::ZERO);
    }

    /// Until everything is acknowledged.
    pub(crate) fn flush(&self) {
        let started = Instant::now();
        while self.producer.in_flight_count() > 0 {
            self.producer.poll(Duration::from_millis(5));
            assert!(
                started.elapsed() < PATIENCE,
                "the broker does not acknowledge"
            );
        }
    }
}
