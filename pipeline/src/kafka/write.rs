//! Plain writing for the tool: raw events at a given time, and sets of definitions in one transaction.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use journey::Timestamp;
use rdkafka::{
    ClientContext,
    config::FromClientConfigAndContext,
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext},
};

use super::{producer::owned_headers, settings::Settings};
use crate::log::LogError;

#[derive(Debug, Default)]
struct Failures {
    count: AtomicU64,
    first: Mutex<Option<String>>,
}

impl ClientContext for Failures {}

impl ProducerContext for Failures {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.count.fetch_add(1, Ordering::Relaxed);
            self.first
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get_or_insert_with(|| error.to_string());
        }
    }
}

/// A producer outside transactions.
pub struct Writer {
    producer: BaseProducer<Failures>,
    sent: u64,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("sent", &self.sent).finish()
    }
}

/// A record, and the headers that go with it.
pub type WithHeaders<'a> = (Out<'a>, Vec<(String, Vec<u8>)>);

/// What to write.
#[derive(Clone, Copy, Debug)]
pub struct Out<'a> {
    /// The topic's full name.
    pub topic: &'a str,
    /// The partition.
    pub partition: u32,
    /// The key, if any.
    pub key: Option<&'a [u8]>,
    /// The value, if any.
    pub value: Option<&'a [u8]>,
    /// The creator's time; the broker's if `None`.
    pub timestamp: Option<Timestamp>,
}

impl Writer {
    /// Connects.
    pub fn open(settings: &Settings) -> Result<Writer, LogError> {
        let producer =
            BaseProducer::from_config_and_context(&settings.plain_producer(), Failures::default())
                .map_err(|e| {
                    LogError::new(format!("no producer can be made with these settings: {e}"))
                })?;
        Ok(Writer { producer, sent: 0 })
    }

    /// Sends a record; waits while the queue is full.
    pub fn send(&mut self, out: &Out<'_>) -> Result<(), LogError> {
        self.send_with(out, &[])
    }

    /// Sends a record with headers; waits while the queue is full.
    pub fn send_with(
        &mut self,
        out: &Out<'_>,
        headers: &[(String, Vec<u8>)],
    ) -> Result<(), LogError> {
        let mut record = record(out, headers);
        loop {
            match self.producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    self.producer.poll(Duration::from_millis(5));
                }
                Err((e, _)) => {
                    return Err(LogError::new(format!(
                        "{} cannot be written: {e}",
                        out.topic
                    )));
                }
            }
        }
        self.sent += 1;
        if self.sent.is_multiple_of(1024) {
            self.producer.poll(Duration::ZERO);
        }
        Ok(())
    }

    /// Lets delivery reports come in, without waiting.
    pub fn poll(&mut self) {
        self.producer.poll(Duration::ZERO);
    }

    /// Waits until everything sent is acknowledged.
    pub fn finish(&mut self) -> Result<(), LogError> {
        let deadline = Instant::now() + Duration::from_secs(120);
        while self.producer.in_flight_count() > 0 {
            self.producer.poll(Duration::from_millis(2));
            if Instant::now() > deadline {
                return Err(LogError::new(
                    "the broker did not acknowledge what was sent within two minutes".to_owned(),
                ));
            }
        }
        self.producer.poll(Duration::ZERO);
        let failures = self.producer.context();
        match failures.count.load(Ordering::Relaxed) {
            0 => Ok(()),
            count => {
                let first = failures
                    .first
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone();
                Err(LogError::new(format!(
                    "{count} records were not delivered, first: {}",
                    first.unwrap_or_default()
                )))
            }
        }
    }
}

fn record<'a>(out: &Out<'a>, headers: &[(String, Vec<u8>)]) -> BaseRecord<'a, [u8], [u8]> {
    let mut record = BaseRecord::<[u8], [u8]>::to(out.topic).partition(out.partition as i32);
    if let Some(key) = out.key {
        record = record.key(key);
    }
    if let Some(value) = out.value {
        record = record.payload(value);
    }
    if let Some(at) = out.timestamp {
        record = record.timestamp(at.0);
    }
    if !headers.is_empty() {
        let headers = headers.iter();
        let headers = headers.map(|(key, value)| (key.as_str(), value.as_slice()));
        record = record.headers(owned_headers(headers));
    }
    record
}

/// The one writer of a topic: whoever opens it later takes it away from those before. So who opens it, then reads, then
/// writes what follows from that, knows that nobody wrote in between.
pub struct SoleWriter {
    producer: BaseProducer<Failures>,
    topic: String,
    timeout: Duration,
}

impl std::fmt::Debug for SoleWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SoleWriter")
            .field("topic", &self.topic)
            .finish()
    }
}

impl SoleWriter {
    /// Takes the topic over.
    pub fn open(settings: &Settings, topic: &str) -> Result<SoleWriter, LogError> {
        let mut config = settings.plain_producer();
        let timeout = settings.transaction_timeout.as_millis();
        config
            .set(
                "transactional.id",
                format!("{}footfall.tool.{topic}", settings.lane.prefix()),
            )
            // Should the tool die, nobody who reads what it writes waits for longer.
            .set("transaction.timeout.ms", timeout.to_string());
        let broken = |e: KafkaError| LogError::new(format!("{topic} cannot be written: {e}"));
        let producer =
            BaseProducer::from_config_and_context(&config, Failures::default()).map_err(broken)?;
        let timeout = settings.call_timeout;
        producer.init_transactions(timeout).map_err(broken)?;
        Ok(SoleWriter {
            producer,
            topic: topic.to_owned(),
            timeout,
        })
    }

    /// Writes records to partition 0 in one transaction: all or none. One without a value is a tombstone.
    pub fn write(self, records: &[(String, Option<Vec<u8>>)]) -> Result<(), LogError> {
        let records = records.iter().map(|(key, value)| {
            let out = Out {
                topic: &self.topic,
                partition: 0,
                key: Some(key.as_bytes()),
                value: value.as_deref(),
                timestamp: None,
            };
            record(&out, &[])
        });
        self.commit(records)
    }

    /// Writes records with headers, to this topic and to others, in one transaction: all or none.
    pub fn write_with(&self, records: &[WithHeaders<'_>]) -> Result<(), LogError> {
        self.commit(records.iter().map(|(out, headers)| record(out, headers)))
    }

    fn commit<'r>(
        &self,
        records: impl Iterator<Item = BaseRecord<'r, [u8], [u8]>>,
    ) -> Result<(), LogError> {
        let broken = |e: KafkaError| {
            LogError::new(format!(
                "{} cannot be written ({e}); nothing of it stands. If somebody else writes it too, try again",
                self.topic
            ))
        };
        self.producer.begin_transaction().map_err(broken)?;
        for record in records {
            self.producer.send(record).map_err(|(e, _)| broken(e))?;
        }
        self.producer
            .commit_transaction(self.timeout)
            .map_err(broken)
    }
}
