//! The load: a producer of a lane's input, which keeps the order and the time of what it sends.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, ClientContext, Message,
    error::{KafkaError, RDKafkaErrorCode},
    message::{DeliveryResult, Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, ProducerContext},
};

use crate::{Kafka, auditor::Record, lane::PARTITIONS, stage::PATIENCE};

/// A producer that has had nothing acknowledged for so long is given up. Of librdkafka's idempotent ones it was seen that they
/// never go on after their broker was killed and frozen, while the stages' did.
const GIVEN_UP: Duration = Duration::from_secs(30);

/// A record as it was handed over.
#[derive(Debug)]
struct Sent {
    topic: String,
    partition: i32,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    timestamp: Option<i64>,
    headers: Vec<(String, Vec<u8>)>,
}

impl Sent {
    fn record(&self, number: usize) -> BaseRecord<'_, [u8], [u8], usize> {
        let mut record = BaseRecord::with_opaque_to(&self.topic, number).partition(self.partition);
        record.key = self.key.as_deref();
        record.payload = self.value.as_deref();
        record.timestamp = self.timestamp;
        if self.headers.is_empty() {
            return record;
        }
        let mut headers = OwnedHeaders::new();
        for (key, value) in &self.headers {
            let value = Some(value);
            headers = headers.insert(Header { key, value });
        }
        record.headers(headers)
    }
}

/// What was sent and not acknowledged yet, in order, and when anything last was.
#[derive(Debug)]
struct Unacknowledged {
    sent: BTreeMap<usize, Arc<Sent>>,
    last: Instant,
}

/// Keeps what is under way. A load that did not arrive says so: what is missing later is missed from what did.
struct Acknowledged(Arc<Mutex<Unacknowledged>>);

impl ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        use RDKafkaErrorCode::{PurgeInflight, PurgeQueue};
        let mut unacknowledged = self.0.lock().expect("whole");
        match result {
            // Its producer is given up: the next one sends it again.
            Err((KafkaError::MessageProduction(PurgeInflight | PurgeQueue), _)) => return,
            Ok(_) => unacknowledged.last = Instant::now(),
            Err((error, message)) => {
                let (topic, partition) = (message.topic(), message.partition());
                eprintln!("load: {topic}-{partition}: not delivered: {error}");
            }
        }
        unacknowledged.sent.remove(&number);
    }
}

/// Writes raw records and ticks; in a backfill lane with the greatest time so far.
pub(crate) struct Loader {
    producer: BaseProducer<Acknowledged>,
    unacknowledged: Arc<Mutex<Unacknowledged>>,
    brokers: String,
    prefix: String,
    number: usize,
    now: i64,
    ticked: i64,
    turn: u32,
}

impl Loader {
    /// A producer of the lane with this prefix.
    pub(crate) fn new(kafka: &Kafka, prefix: &str) -> Loader {
        let unacknowledged = Arc::new(Mutex::new(Unacknowledged {
            sent: BTreeMap::new(),
            last: Instant::now(),
        }));
        Loader {
            producer: producer(&kafka.brokers, &unacknowledged),
            unacknowledged,
            brokers: kafka.brokers.clone(),
            prefix: prefix.to_owned(),
            number: 0,
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
        self.number += 1;
        let sent = Arc::new(Sent {
            topic: topic.to_owned(),
            partition,
            key: key.map(<[u8]>::to_vec),
            value: value.map(<[u8]>::to_vec),
            timestamp,
            headers: headers.to_vec(),
        });
        {
            let mut unacknowledged = self.unacknowledged.lock().expect("whole");
            if unacknowledged.sent.is_empty() {
                unacknowledged.last = Instant::now();
            }
            unacknowledged.sent.insert(self.number, Arc::clone(&sent));
        }
        self.hand_over(self.number, &sent);
        self.go_on(Duration::ZERO);
    }

    fn hand_over(&self, number: usize, sent: &Sent) {
        let mut record = sent.record(number);
        loop {
            match self.producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    self.producer.poll(Duration::from_millis(10));
                }
                Err((error, _)) => panic!("{}: {error}", sent.topic),
            }
        }
    }

    /// Hears what was acknowledged. If nothing was for too long, what was not goes out again in its order, by a producer anew.
    fn go_on(&mut self, wait: Duration) {
        self.producer.poll(wait);
        let again = {
            let mut unacknowledged = self.unacknowledged.lock().expect("whole");
            if unacknowledged.sent.is_empty() || unacknowledged.last.elapsed() < GIVEN_UP {
                return;
            }
            unacknowledged.last = Instant::now();
            unacknowledged.sent.clone()
        };
        println!("{}: {} records go out again", self.prefix, again.len());
        self.producer = producer(&self.brokers, &self.unacknowledged);
        for (number, sent) in &again {
            self.hand_over(*number, sent);
        }
    }

    /// Until everything is acknowledged.
    pub(crate) fn flush(&mut self) {
        let started = Instant::now();
        while !self.unacknowledged.lock().expect("whole").sent.is_empty() {
            self.go_on(Duration::from_millis(5));
            assert!(
                started.elapsed() < PATIENCE,
                "the broker does not acknowledge"
            );
        }
    }
}

/// An idempotent producer, which says there what was acknowledged.
fn producer(
    brokers: &str,
    unacknowledged: &Arc<Mutex<Unacknowledged>>,
) -> BaseProducer<Acknowledged> {
    ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("enable.idempotence", "true")
        // As the stages: a leader missed once is looked for again soon.
        .set("topic.metadata.refresh.interval.ms", "5000")
        .set("linger.ms", "5")
        .set("message.max.bytes", "13000000")
        .set("queue.buffering.max.messages", "1000000")
        .create_with_context(Acknowledged(unacknowledged.clone()))
        .expect("a producer")
}
