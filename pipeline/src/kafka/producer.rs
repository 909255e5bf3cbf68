//! One transaction: produce everything, see every delivery report, send the offsets, commit. And what became of it.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext, Message, Offset, TopicPartitionList,
    config::FromClientConfigAndContext,
    consumer::ConsumerGroupMetadata,
    error::KafkaError,
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, DeliveryResult, Producer, ProducerContext},
};

use super::{
    caller::Caller,
    failpoint,
    failure::{Failure, classify, fatal},
    native,
    settings::Settings,
};
use crate::{
    changelog::{CommitMetadata, OffsetNote},
    log::{LogError, TaskId, Transaction},
    names::Names,
};

mod produce;

use produce::Topics;

/// How long a look for delivery reports waits before the next: the least that librdkafka's flush can.
const FLUSH: Duration = Duration::from_millis(1);

/// When no delivery report has come for so long, everything is flushed.
const STALLED: Duration = Duration::from_millis(20);

/// What the delivery reports of one attempt said.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    failed: AtomicU64,
    first_failure: Mutex<Option<String>>,
    /// By task record, in order: the offset it got.
    positions: Mutex<Vec<i64>>,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    /// 0, or one more than the index of a task record.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, task_record: usize) {
        match result {
            Ok(message) if task_record > 0 => {
                let mut positions = self
                    .positions
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                if let Some(position) = positions.get_mut(task_record - 1) {
                    *position = message.offset();
                }
            }
            Ok(_) => {}
            Err((error, message)) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                let mut first = self
                    .first_failure
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert_with(|| {
                    format!("{}-{}: {error}", message.topic(), message.partition())
                });
            }
        }
    }
}

/// A worker's transactional producer.
pub(super) struct Transactions {
    producer: Arc<BaseProducer<Deliveries>>,
    topics: Topics,
    /// See [`Settings::batch_bytes`].
    batch_bytes: usize,
    timeout: Duration,
    /// Sends offsets.
    caller: Caller<Result<(), KafkaError>>,
    /// How long sending offsets is waited for: longer than a transaction lasts.
    patience: Duration,
}

/// What is committed of a task: the next input offset, where its changelog ends, and what stands beside.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) task: TaskId,
    pub(super) next_offset: i64,
    pub(super) end: i64,
    floor: i64,
    note: OffsetNote,
}

impl Transactions {
    /// Fences every earlier holder of the transactional id and ends what it left open.
    pub(super) fn open(
        settings: &Settings,
        stage: &str,
        worker: usize,
    ) -> Result<Transactions, LogError> {
        let config = settings.transactional_producer(stage, worker);
        let broken =
            |e: KafkaError| LogError::new(format!("the transactional producer cannot start: {e}"));
        let producer = BaseProducer::from_config_and_context(&config, Deliveries::default())
            .map_err(broken)?;
        let caller = Caller::start(&format!("{stage}-{worker}-calls"));
        let opened = Transactions {
            producer: Arc::new(producer),
            topics: Topics::default(),
            batch_bytes: settings.batch_bytes(),
            timeout: settings.call_timeout,
            caller: caller.map_err(|e| LogError::new(format!("no thread for calls: {e}")))?,
            patience: settings.transaction_timeout * 2,
        };
        let deadline = Instant::now() + settings.call_timeout * 2;
        loop {
            match opened.producer.init_transactions(settings.call_timeout) {
                Ok(()) => return Ok(opened),
                Err(KafkaError::Transaction(e))
                    if e.is_retriable() && Instant::now() < deadline =>
                {
                    opened.producer.poll(Duration::from_millis(100));
                }
                Err(e) => {
                    return Err(LogError::new(format!(
                        "transactions cannot be initialised: {e}; check that the brokers at {} answer, that this principal may \
                         use the transactional id, and transaction.max.timeout.ms",
                        settings.brokers
                    )));
                }
            }
        }
    }

    /// One attempt. `ends` are the changelog ends of tasks that read nothing in this transaction.
    pub(super) fn attempt(
        &mut self,
        transaction: &Transaction<'_>,
        names: &Names,
        metadata: &Arc<ConsumerGroupMetadata>,
        known_end: impl Fn(TaskId) -> i64,
    ) -> Result<Vec<End>, Failure> {
        let context = Arc::clone(self.producer.context());
        context.failed.store(0, Ordering::Relaxed);
        *context
            .first_failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
        let task_records: Vec<usize> = transaction
            .tasks
            .iter()
            .filter_map(|t| t.task_record)
            .collect();
        *context
            .positions
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = vec![-1; task_records.len()];
        failpoint::reach("before_begin");
        let began = Instant::now();
        self.producer.begin_transaction().map_err(classify)?;
        let last = self.produce(transaction, names, &task_records)?;
        let produced = began.elapsed();
        // With records on the broker, as a transaction that is cut off leaves them.
        failpoint::reach_after("after_produce", || {
            native::send_now(&self.producer, Duration::from_millis(100));
        });
        self.drain(last)?;
        let delivered = began.elapsed();
        if context.failed.load(Ordering::Relaxed) > 0 {
            let first = context
                .first_failure
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            return Err(Failure::Abortable(format!(
                "not delivered: {}",
                first.unwrap_or_default()
            )));
        }
        if failpoint::aborts() {
            return Err(Failure::Abortable("as the failpoint says".to_owned()));
        }
        let ends = self.ends(transaction, &known_end)?;
        let offsets = offsets(&ends, names).map_err(classify)?;
        self.send_offsets(&offsets, metadata)?;
        let offsets_sent = began.elapsed();
        failpoint::reach("after_send_offsets");
        failpoint::reach_soon("in_commit");
        self.commit()?;
        tracing::debug!(records = transaction.batch.record_count(), ?produced, ?delivered, ?offsets_sent, committed = ?began.elapsed(), "transaction");
        failpoint::reach("after_commit");
        Ok(ends)
    }

    /// Waits for every delivery report. Not by the bindings' `flush`, which blocks for 100 ms at a time.
    ///
    /// Whole batches leave by themselves, and are not flushed before no more than the `last` are left: in a flush librdkafka's thread
    /// asks for what can leave without a pause, and until a partition's batch is answered its next cannot.
    fn drain(&self, last: Option<usize>) -> Result<(), Failure> {
        let deadline = Instant::now() + self.timeout;
        let mut moved = Instant::now();
        loop {
            let left = self.producer.in_flight_count();
            if left == 0 {
                break;
            }
            // One poll takes in one report, and a report covers one partition's batch.
            self.producer.poll(Duration::ZERO);
            if self.producer.in_flight_count() < left {
                moved = Instant::now();
                continue;
            }
            if Instant::now() > deadline {
                return Err(Failure::Unknown(
                    "deliveries were not reported in time".to_owned(),
                ));
            }
            // librdkafka may cut batches where nobody expects it.
            let are_last = last.is_none_or(|last| left as usize <= last);
            if are_last || moved.elapsed() >= STALLED {
                native::send_now(&self.producer, FLUSH);
            } else {
                // The bindings' poll of a millisecond asks without a pause for most of it.
                thread::sleep(FLUSH);
            }
        }
        self.producer.poll(Duration::ZERO);
        Ok(())
    }

    /// Where each task's changelog ends, from this attempt's own delivery reports.
    fn ends(
        &self,
        transaction: &Transaction<'_>,
        known_end: impl Fn(TaskId) -> i64,
    ) -> Result<Vec<End>, Failure> {
        let positions = self
            .producer
            .context()
            .positions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut reported = positions.iter();
        let mut ends = Vec::with_capacity(transaction.tasks.len());
        for position in transaction.tasks {
            let end = match position.task_record {
                None => known_end(position.task),
                Some(_) => match reported.next() {
                    Some(offset) if *offset >= 0 => offset + 1,
                    _ => {
                        return Err(Failure::Abortable(
                            "a delivery report came without an offset".to_owned(),
                        ));
                    }
                },
            };
            // Nothing read and nothing ever committed: an offset of 0 may lie before what the topic still holds.
            let has_begun = position.next_offset > 0 || position.note.cursor.is_some();
            if has_begun || position.task_record.is_some() {
                ends.push(End {
                    task: position.task,
                    next_offset: position.next_offset,
                    end,
                    floor: position.floor,
                    note: position.note.clone(),
                });
            }
        }
        Ok(ends)
    }

    fn commit(&self) -> Result<(), Failure> {
        let deadline = Instant::now() + self.timeout * 2;
        loop {
            match self.producer.commit_transaction(self.timeout) {
                Ok(()) => return Ok(()),
                Err(KafkaError::Transaction(e)) if e.is_retriable() => {
                    if Instant::now() > deadline {
                        return Err(Failure::Unknown(format!("the commit did not answer: {e}")));
                    }
                }
                Err(KafkaError::Flush(e)) => {
                    return Err(Failure::Unknown(format!("the commit could not flush: {e}")));
                }
                Err(e) => return Err(classify(e)),
            }
        }
    }

    /// Sends until it succeeds or fails for good: a retriable error means the same call with the same arguments. librdkafka
    /// keeps to no timeout here (its issue 5456): it asks three times who coordinates the group, which is over in half a
    /// second, and if nobody does it waits until some connection goes or comes. The producer is left to it then.
    fn send_offsets(
        &self,
        offsets: &TopicPartitionList,
        metadata: &Arc<ConsumerGroupMetadata>,
    ) -> Result<(), Failure> {
        let deadline = Instant::now() + self.timeout;
        loop {
            let (producer, offsets, metadata) = (
                Arc::clone(&self.producer),
                offsets.clone(),
                Arc::clone(metadata),
            );
            let timeout = self.timeout;
            let sent = self.caller.call(self.patience, move || {
                producer.send_offsets_to_transaction(&offsets, &metadata, timeout)
            });
            match sent {
                Some(Ok(())) => return Ok(()),
                Some(Err(KafkaError::Transaction(e)))
                    if e.is_retriable() && Instant::now() < deadline =>
                {
                    self.producer.poll(Duration::from_millis(20));
                }
                Some(Err(e)) => return Err(classify(e)),
                None => {
                    return Err(Failure::Unknown(
                        "sending the offsets did not come back".to_owned(),
                    ));
                }
            }
        }
    }

    /// Ends an attempt that failed. If this fails too, nobody can say how the attempt ended.
    pub(super) fn abort(&self) -> Result<(), Failure> {
        let deadline = Instant::now() + self.timeout;
        loop {
            match self.producer.abort_transaction(Duration::from_millis(50)) {
                Ok(()) => return Ok(()),
                Err(KafkaError::Transaction(e)) if e.is_fatal() => {
                    return Err(Failure::Fatal(fatal(&e)));
                }
                Err(e) if Instant::now() > deadline => {
                    return Err(Failure::Unknown(format!("the abort failed: {e}")));
                }
                Err(_) => self.producer.poll(Duration::ZERO),
            }
        }
    }
}

/// Headers as rdkafka takes them.
pub(super) fn owned_headers<'k, 'v>(
    headers: impl Iterator<Item = (&'k str, &'v [u8])>,
) -> OwnedHeaders {
    headers.fold(OwnedHeaders::new(), |headers, (key, value)| {
        headers.insert(Header {
            key,
            value: Some(value),
        })
    })
}

fn offsets(ends: &[End], names: &Names) -> Result<TopicPartitionList, KafkaError> {
    let mut offsets = TopicPartitionList::with_capacity(ends.len());
    let at = super::settings::wall_clock().0;
    for of in ends {
        let topic = &names.inputs[of.task.input];
        let mut element = offsets.add_partition(topic, of.task.partition as i32);
        element.set_offset(Offset::Offset(of.next_offset))?;
        let metadata = CommitMetadata {
            end: of.end,
            at,
            floor: of.floor,
            note: of.note.clone(),
        };
        element.set_metadata(metadata.to_text());
    }
    Ok(offsets)
}

#[cfg(test)]
mod tests;
