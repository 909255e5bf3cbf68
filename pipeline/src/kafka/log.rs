//! A worker's view of Kafka: one consumer, one transactional producer, and the order in which they are used.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use journey::{Timestamp, mark};
use rdkafka::{
    Message, Timestamp as KafkaTimestamp, TopicPartitionList,
    config::FromClientConfigAndContext,
    consumer::{BaseConsumer, Consumer, ConsumerGroupMetadata},
    error::{KafkaError, RDKafkaErrorCode},
};

use super::{
    consumer::{Context, Event},
    native,
    producer::Transactions,
    settings::{Settings, wall_clock},
    ticks::Ticker,
};
use crate::{
    dead_letter::SentBefore,
    log::{Committed, Log, LogError, Polled, PolledRecord, TaskId, Transaction},
    metrics::Metrics,
    names::Names,
    processor::{TimeFrom, Topology},
};

mod assignment;
mod chores;
mod lag;
mod outcome;

use chores::Chores;
use lag::Owned;

/// Clean aborts in a row after which a worker gives up.
const ABORTS: u32 = 20;
/// Clean aborts in a row after which a new producer takes over: one may have lost a partition's leader, and not look for it
/// again, when the broker was away.
const RENEWED_AFTER: u32 = 3;
/// How long a rebalance that must be under way is waited for before the old assignment is restored.
const REBALANCE_WAIT: Duration = Duration::from_secs(3);
/// Append time may run ahead of our own clock by this much.
const CLOCK_AHEAD: i64 = 30_000;

/// A log over Kafka, for one worker.
pub struct KafkaLog {
    settings: Settings,
    topology: Topology,
    worker: usize,
    names: Names,
    metrics: Arc<Metrics>,
    consumer: BaseConsumer<Context>,
    transactions: Transactions,
    ticker: Option<Ticker>,
    metadata: Option<Arc<ConsumerGroupMetadata>>,
    tasks: BTreeMap<TaskId, Owned>,
    held: BTreeSet<TaskId>,
    must_unassign: bool,
    recover_since: Option<Instant>,
    chores: Chores,
    /// Since when tasks are restored that are not where they were committed yet.
    restoring_since: Option<Instant>,
    key: Vec<u8>,
    value: Vec<u8>,
    mark: Vec<u8>,
}

impl std::fmt::Debug for KafkaLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaLog")
            .field("stage", &self.topology.stage)
            .field("worker", &self.worker)
            .finish()
    }
}

/// What a fetch brought; the bytes lie in the log's buffers.
enum Fetched {
    Record {
        task: TaskId,
        offset: i64,
        appended_at: Timestamp,
        has_key: bool,
        has_value: bool,
        has_mark: bool,
        before: SentBefore,
    },
    Nothing,
    Event(Event),
}

impl KafkaLog {
    /// Joins the stage's group. With `ticks`, silent raw partitions are ticked and the broker's clock is checked.
    pub fn open(
        settings: &Settings,
        topology: Topology,
        worker: usize,
        ticks: bool,
        metrics: Arc<Metrics>,
    ) -> Result<KafkaLog, LogError> {
        let names = Names::new(&topology, &settings.lane);
        let config = settings.group_consumer(topology.stage, worker);
        let consumer = BaseConsumer::from_config_and_context(&config, Context::default())
            .map_err(|e| LogError::new(format!("the consumer cannot start: {e}")))?;
        let transactions = Transactions::open(settings, topology.stage, worker)?;
        let topics: Vec<&str> = names.inputs.iter().map(String::as_str).collect();
        consumer.subscribe(&topics).map_err(|e| {
            LogError::new(format!("cannot subscribe to {}: {e}", topics.join(", ")))
        })?;
        let ticks = ticks && topology.time_from == TimeFrom::AppendTime;
        Ok(KafkaLog {
            ticker: ticks
                .then(|| Ticker::open(&settings.plain_producer()))
                .transpose()?,
            settings: settings.clone(),
            topology,
            worker,
            names,
            metrics,
            consumer,
            transactions,
            metadata: None,
            tasks: BTreeMap::new(),
            held: BTreeSet::new(),
            must_unassign: false,
            recover_since: None,
            chores: Chores::default(),
            restoring_since: None,
            key: Vec::new(),
            value: Vec::new(),
            mark: Vec::new(),
        })
    }

    fn fetch(&mut self, wait: Duration) -> Result<Fetched, LogError> {
        let message = match self.consumer.poll(wait) {
            None => None,
            Some(Ok(message)) => Some(message),
            Some(Err(e)) if is_passing(&e) => {
                tracing::warn!(error = %e, "consumer");
                None
            }
            Some(Err(e)) => return Err(self.unreadable(&e)),
        };
        let Some(message) = message else {
            return Ok(self
                .consumer
                .context()
                .next_event()
                .map_or(Fetched::Nothing, Fetched::Event));
        };
        let Some(input) = self
            .names
            .inputs
            .iter()
            .position(|name| name == message.topic())
        else {
            return Ok(Fetched::Nothing);
        };
        let task = TaskId {
            input,
            partition: message.partition() as u32,
        };
        let (offset, appended_at) = (message.offset(), append_time(message.timestamp()));
        let has_key = copy(message.key(), &mut self.key);
        let has_value = copy(message.payload(), &mut self.value);
        let mut has_mark = false;
        let headers = native::Headers::of(&message);
        let texts = headers.map(|(name, value)| (name, value.unwrap_or_default()));
        let before = SentBefore::from_headers(texts);
        // Of a raw topic nobody believes a mark: anybody may write one.
        if !has_key && !has_value && self.topology.time_from == TimeFrom::Marks {
            let mark = { headers }.find(|(name, _)| *name == mark::HEADER.as_bytes());
            has_mark = copy(mark.and_then(|(_, value)| value), &mut self.mark);
        }
        Ok(Fetched::Record {
            task,
            offset,
            appended_at,
            has_key,
            has_value,
            has_mark,
            before,
        })
    }

    fn unreadable(&self, error: &KafkaError) -> LogError {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                LogError::new(format!(
                    "a committed offset of {} lies outside what the topic still holds ({error}): input was deleted before it was \
                     read. Raise the topic's retention; then begin anew, open visits forgotten: stop all of the stage, delete and \
                     recreate its changelog (`footfall topics apply`), and set the group's offsets with `kafka-consumer-groups.sh \
                     --reset-offsets` to where it shall go on. It is never reset by itself",
                    self.names.inputs.join(", ")
                ))
            }
            Some(RDKafkaErrorCode::FencedInstanceId) => LogError::new(format!(
                "fenced: another process with the same --instance has joined the group ({error}); give every process its own"
            )),
            _ => LogError::new(format!(
                "{} cannot be read: {error}",
                self.names.inputs.join(", ")
            )),
        }
    }
}

impl Log for KafkaLog {
    fn poll(&mut self, wait: Duration) -> Result<Polled<'_>, LogError> {
        if self.must_unassign {
            self.let_go()?;
        }
        if let Some(since) = self.recover_since {
            return match self.recover(since)? {
                Some(event) => self.act(event),
                None => Ok(Polled::Drained),
            };
        }
        match self.fetch(wait)? {
            Fetched::Nothing => {
                self.do_chores();
                Ok(Polled::Drained)
            }
            Fetched::Event(event) => self.act(event),
            Fetched::Record {
                task,
                offset,
                appended_at,
                has_key,
                has_value,
                has_mark,
                before,
            } => {
                self.check_clock(appended_at)?;
                if let Some(owned) = self.tasks.get_mut(&task) {
                    owned.read(offset, appended_at);
                }
                if let Some(ticker) = &mut self.ticker
                    && (has_key || has_value)
                {
                    ticker.delivered(task);
                }
                if self.chores.are_due_after_a_record() {
                    self.do_chores();
                }
                Ok(Polled::Record(PolledRecord {
                    task,
                    offset,
                    appended_at,
                    key: has_key.then_some(self.key.as_slice()),
                    value: has_value.then_some(self.value.as_slice()),
                    mark: has_mark.then_some(self.mark.as_slice()),
                    before,
                }))
            }
        }
    }

    fn commit(&mut self, transaction: &Transaction<'_>) -> Result<Committed, LogError> {
        let started = Instant::now();
        let mut aborts = 0;
        loop {
            let Some(metadata) = &self.metadata else {
                return Ok(Committed::Unknown);
            };
            let tasks = &self.tasks;
            let known_end = |task: TaskId| tasks.get(&task).map_or(0, |owned| owned.end);
            match self
                .transactions
                .attempt(transaction, &self.names, metadata, known_end)
            {
                Ok(ends) => {
                    for of in ends {
                        if let Some(owned) = self.tasks.get_mut(&of.task) {
                            owned.end = of.end;
                        }
                    }
                    let took = started.elapsed();
                    self.metrics.transaction_took(took);
                    self.metrics.latency(transaction.batch, wall_clock());
                    return Ok(Committed::Yes { aborts, took });
                }
                Err(failure) => {
                    if let Some(outcome) = self.fail(failure, &mut aborts)? {
                        return Ok(outcome);
                    }
                }
            }
        }
    }

    fn hold(&mut self, task: TaskId, held: bool) -> Result<(), LogError> {
        let name = &self.names.inputs[task.input];
        let mut partition = TopicPartitionList::new();
        partition.add_partition(name, task.partition as i32);
        let done = if held {
            self.held.insert(task);
            self.consumer.pause(&partition)
        } else {
            self.held.remove(&task);
            self.consumer.resume(&partition)
        };
        done.map_err(|e| {
            LogError::new(format!(
                "{name}-{} cannot be held or let go: {e}",
                task.partition
            ))
        })
    }

    fn has_backlog(&self, task: TaskId) -> bool {
        !self.is_drained(task).unwrap_or(true)
    }
}

impl Drop for KafkaLog {
    /// While closing, a callback that only records would hang for ever: from here on it unassigns by itself.
    fn drop(&mut self) {
        self.consumer.context().close();
        self.consumer.unsubscribe();
        let _ = self.consumer.unassign();
    }
}

/// An error that passes by itself: the client goes on trying.
pub(super) fn is_passing(error: &KafkaError) -> bool {
    !matches!(error, KafkaError::MessageConsumptionFatal(_))
        && matches!(
            error.rdkafka_error_code(),
            Some(
                RDKafkaErrorCode::BrokerTransportFailure
                    | RDKafkaErrorCode::AllBrokersDown
                    | RDKafkaErrorCode::OperationTimedOut
                    | RDKafkaErrorCode::RequestTimedOut
                    | RDKafkaErrorCode::CoordinatorLoadInProgress
                    | RDKafkaErrorCode::CoordinatorNotAvailable
                    | RDKafkaErrorCode::NotCoordinator
                    | RDKafkaErrorCode::Resolve
                    | RDKafkaErrorCode::LeaderNotAvailable
                    | RDKafkaErrorCode::NotLeaderForPartition
                    | RDKafkaErrorCode::PollExceeded
            )
        )
}

fn append_time(timestamp: KafkaTimestamp) -> Timestamp {
    timestamp.to_millis().map_or(Timestamp::MIN, Timestamp)
}

fn copy(bytes: Option<&[u8]>, into: &mut Vec<u8>) -> bool {
    into.clear();
    match bytes {
        Some(bytes) => {
            into.extend_from_slice(bytes);
            true
        }
        None => false,
    }
}
