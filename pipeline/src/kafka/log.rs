//! A worker's view of Kafka: one consumer, one transactional producer, and the order in which they are used.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use journey::{Timestamp, mark};
use rdkafka::{
    Message, Offset, Timestamp as KafkaTimestamp, TopicPartitionList,
    config::FromClientConfigAndContext,
    consumer::{BaseConsumer, Consumer, ConsumerGroupMetadata},
    error::{KafkaError, RDKafkaErrorCode},
    message::Headers,
};

use super::{
    consumer::{Context, Event},
    native,
    producer::{Failure, Transactions},
    restore::{CommittedOffset, Restorer, committed_offset},
    settings::{Settings, wall_clock},
    ticks::Ticker,
};
use crate::{
    changelog::KeysAndValues,
    log::{Committed, Log, LogError, Polled, PolledRecord, Restored, TaskId, Transaction},
    metrics::Metrics,
    names::Names,
    processor::{TimeFrom, Topology},
};

/// Clean aborts in a row after which a worker gives up.
const ABORTS: u32 = 20;
/// How long a rebalance that must be under way is waited for before the old assignment is restored.
const REBALANCE_WAIT: Duration = Duration::from_secs(3);
/// How often lag is looked at.
const LAG_EVERY: Duration = Duration::from_secs(1);
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
    restorer: Option<Restorer>,
    ticker: Option<Ticker>,
    metadata: Option<ConsumerGroupMetadata>,
    tasks: BTreeMap<TaskId, Owned>,
    must_unassign: bool,
    recover_since: Option<Instant>,
    lag_at: Instant,
    key: Vec<u8>,
    value: Vec<u8>,
    mark: Vec<u8>,
}

/// A partition that is ours.
#[derive(Clone, Copy, Debug)]
struct Owned {
    end: i64,
    next_offset: i64,
    appended_at: Timestamp,
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
            restorer: None,
            metadata: None,
            tasks: BTreeMap::new(),
            must_unassign: false,
            recover_since: None,
            lag_at: Instant::now(),
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
        if !has_key && !has_value {
            let headers = message.headers();
            let header = headers
                .and_then(|headers| headers.iter().find(|header| header.key == mark::HEADER));
            has_mark = copy(header.and_then(|header| header.value), &mut self.mark);
        }
        Ok(Fetched::Record {
            task,
            offset,
            appended_at,
            has_key,
            has_value,
            has_mark,
        })
    }

    fn unreadable(&self, error: &KafkaError) -> LogError {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                LogError::new(format!(
                    "a committed offset of {} lies outside what the topic still holds ({error}): input was deleted before it was \
                 read. Raise the topic's retention; then set the group's offsets with `kafka-consumer-groups.sh --reset-offsets` to where it shall \
                 go on. It is never reset by itself",
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

    /// Restores partitions and starts fetching them.
    fn assign(&mut self, partitions: &[(String, i32)]) -> Result<Vec<Restored>, LogError> {
        let started = Instant::now();
        self.metadata = Some(self.stable_metadata()?);
        let mut wanted = TopicPartitionList::new();
        for (topic, partition) in partitions {
            wanted.add_partition(topic, *partition);
        }
        let timeout = self.settings.call_timeout;
        let committed = self
            .consumer
            .committed_offsets(wanted, timeout)
            .map_err(|e| {
                LogError::new(format!(
                    "the committed offsets of {} cannot be read: {e}",
                    self.names.inputs.join(", ")
                ))
            })?;
        let mut assignment = TopicPartitionList::new();
        let mut restored = Vec::new();
        self.tasks.clear();
        for element in committed.elements() {
            let Some(input) = self
                .names
                .inputs
                .iter()
                .position(|name| name == element.topic())
            else {
                continue;
            };
            let task = TaskId {
                input,
                partition: element.partition() as u32,
            };
            let offset = committed_offset(&element)?;
            let changelog = self.read_changelog(task, &offset)?;
            let metadata = offset.metadata.as_ref();
            let floor = metadata.map(|metadata| metadata.floor);
            let floor = floor.or(offset.next_offset);
            let from = floor.map_or(Offset::Beginning, Offset::Offset);
            assignment
                .add_partition_offset(element.topic(), element.partition(), from)
                .map_err(|e| LogError::new(e.to_string()))?;
            self.tasks.insert(
                task,
                Owned {
                    end: metadata.map_or(0, |metadata| metadata.end),
                    next_offset: floor.unwrap_or(0),
                    appended_at: Timestamp::MIN,
                },
            );
            restored.push(Restored {
                task: Some(task),
                partition_count: self.partition_count(element.topic())?,
                next_offset: offset.next_offset,
                changelog,
                floor,
                note: metadata.map(|metadata| metadata.note.clone()),
            });
        }
        self.restorer = None;
        self.consumer
            .assign(&assignment)
            .map_err(|e| LogError::new(format!("cannot take the assignment: {e}")))?;
        if let Some(ticker) = &mut self.ticker {
            ticker.own(self.tasks.keys().copied());
        }
        let states: usize = restored.iter().map(|r| r.changelog.len()).sum();
        tracing::info!(partitions = restored.len(), states, took = ?started.elapsed(), "assigned and restored");
        self.metrics.restore_took(started.elapsed());
        Ok(restored)
    }

    fn read_changelog(
        &mut self,
        task: TaskId,
        committed: &CommittedOffset,
    ) -> Result<KeysAndValues, LogError> {
        let Some(topic) = self.names.changelogs.get(task.input) else {
            return Ok(KeysAndValues::new());
        };
        let restorer = match &mut self.restorer {
            Some(restorer) => restorer,
            none => none.insert(Restorer::open(&self.settings.reader())?),
        };
        restorer.read(topic, task.partition as i32, committed)
    }

    fn partition_count(&self, topic: &str) -> Result<u32, LogError> {
        super::admin::partition_count(self.consumer.client(), topic, self.settings.call_timeout)
    }

    /// The group metadata of one membership: read before and after, it must be the same.
    fn stable_metadata(&self) -> Result<ConsumerGroupMetadata, LogError> {
        for _ in 0..10 {
            let before = native::membership(&self.consumer);
            let metadata = self.consumer.group_metadata();
            let after = native::membership(&self.consumer);
            if let (Some(before), Some(metadata), Some(after)) = (before, metadata, after)
                && before == after
            {
                return Ok(metadata);
            }
        }
        Err(LogError::new(
            "the consumer was assigned partitions and is no member of its group".to_owned(),
        ))
    }

    /// After a commit that was refused or lost: waits for the rebalance that must be under way; if none comes, the old
    /// assignment is restored.
    fn recover(&mut self, since: Instant) -> Result<Option<Event>, LogError> {
        match self.fetch(Duration::from_millis(50))? {
            Fetched::Event(event) => {
                self.recover_since = None;
                return Ok(Some(event));
            }
            Fetched::Record { .. } | Fetched::Nothing => {}
        }
        if since.elapsed() < REBALANCE_WAIT && self.recover_since == Some(since) {
            return Ok(None);
        }
        self.recover_since = None;
        if self.consumer.assignment_lost() {
            return Ok(Some(Event::Revoke));
        }
        let assignment = self
            .consumer
            .assignment()
            .map_err(|e| LogError::new(e.to_string()))?;
        let partitions = assignment
            .elements()
            .iter()
            .map(|e| (e.topic().to_owned(), e.partition()))
            .collect();
        Ok(Some(Event::Assign(partitions)))
    }

    /// Acts on what the group decided.
    fn act(&mut self, event: Event) -> Result<Polled<'_>, LogError> {
        match event {
            Event::Assign(partitions) => Ok(Polled::Assigned(self.assign(&partitions)?)),
            Event::Revoke => {
                self.must_unassign = true;
                let lost = self.consumer.assignment_lost();
                tracing::info!(lost, "partitions revoked");
                Ok(Polled::Revoked { lost })
            }
        }
    }

    fn let_go(&mut self) -> Result<(), LogError> {
        self.must_unassign = false;
        self.metadata = None;
        for task in self.tasks.keys() {
            self.metrics
                .forget(self.topology.inputs[task.input], task.partition);
        }
        self.tasks.clear();
        if let Some(ticker) = &mut self.ticker {
            ticker.own(std::iter::empty());
        }
        self.consumer
            .unassign()
            .map_err(|e| LogError::new(format!("cannot let the assignment go: {e}")))
    }

    /// Ticks, lag, and the check of the broker's clock: whenever there is nothing else to do.
    fn housekeep(&mut self) {
        let Self {
            consumer,
            names,
            tasks,
            ticker,
            ..
        } = self;
        if let Some(ticker) = ticker {
            let is_drained = |task: TaskId| {
                let high = native::cached_high_watermark(
                    consumer,
                    &names.inputs[task.input],
                    task.partition as i32,
                );
                high.is_some_and(|high| {
                    tasks
                        .get(&task)
                        .is_some_and(|owned| owned.next_offset >= high)
                })
            };
            ticker.tick(|task| names.inputs[task.input].clone(), is_drained);
        }
    }

    fn observe_lag(&mut self) {
        if self.lag_at.elapsed() < LAG_EVERY {
            return;
        }
        self.lag_at = Instant::now();
        let now = wall_clock();
        for (task, owned) in &self.tasks {
            let topic = &self.names.inputs[task.input];
            let high = native::cached_high_watermark(&self.consumer, topic, task.partition as i32);
            let behind = high.map_or(0, |high| (high - owned.next_offset).max(0));
            let age = if behind > 1 && owned.appended_at != Timestamp::MIN {
                (now - owned.appended_at).0.max(0)
            } else {
                0
            };
            self.metrics.lag(
                self.topology.inputs[task.input],
                task.partition,
                behind,
                age as f64 / 1000.0,
            );
        }
    }

    fn check_clock(&self, appended_at: Timestamp) -> Result<(), LogError> {
        if self.ticker.is_none() || (appended_at - wall_clock()).0 <= CLOCK_AHEAD {
            return Ok(());
        }
        Err(LogError::new(format!(
            "the broker stamps records {} s ahead of this machine's clock: set both clocks (NTP) before going on, or a visit \
             may end too early. For a backfill lane use --no-ticks",
            (appended_at - wall_clock()).as_secs()
        )))
    }

    fn fail(&mut self, failure: Failure, aborts: &mut u32) -> Result<Option<Committed>, LogError> {
        match failure {
            Failure::Abortable(why) => {
                tracing::warn!(why, "transaction aborted, sending it again");
                match self.transactions.abort() {
                    Ok(()) => *aborts += 1,
                    Err(failure) => return self.fail(failure, aborts),
                }
                if *aborts > ABORTS {
                    return Err(LogError::new(format!(
                        "a transaction was aborted {ABORTS} times in a row, last: {why}"
                    )));
                }
                Ok(None)
            }
            Failure::Lost(why) => {
                tracing::warn!(why, "the assignment is somebody else's");
                if let Err(failure) = self.transactions.abort() {
                    return self.fail(failure, aborts);
                }
                self.recover_since = Some(Instant::now());
                Ok(Some(Committed::Unknown))
            }
            Failure::Unknown(why) => {
                tracing::warn!(
                    why,
                    "nobody can say how a transaction ended: new producer, restoring what stands"
                );
                self.transactions =
                    Transactions::open(&self.settings, self.topology.stage, self.worker)?;
                self.recover_since = Instant::now()
                    .checked_sub(REBALANCE_WAIT)
                    .or_else(|| Some(Instant::now()));
                Ok(Some(Committed::Unknown))
            }
            Failure::Fatal(why) => Err(LogError::new(why)),
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
                self.observe_lag();
                self.housekeep();
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
            } => {
                self.check_clock(appended_at)?;
                if let Some(owned) = self.tasks.get_mut(&task) {
                    owned.next_offset = offset + 1;
                    owned.appended_at = appended_at;
                }
                if let Some(ticker) = &mut self.ticker
                    && (has_key || has_value)
                {
                    ticker.delivered(task);
                }
                Ok(Polled::Record(PolledRecord {
                    task,
                    offset,
                    appended_at,
                    key: has_key.then_some(self.key.as_slice()),
                    value: has_value.then_some(self.value.as_slice()),
                    mark: has_mark.then_some(self.mark.as_slice()),
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
                    self.observe_lag();
                    self.metrics.transaction_took(started.elapsed());
                    self.metrics.latency(transaction.batch, wall_clock());
                    return Ok(Committed::Yes { aborts });
                }
                Err(failure) => {
                    if let Some(outcome) = self.fail(failure, &mut aborts)? {
                        return Ok(outcome);
                    }
                }
            }
        }
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
