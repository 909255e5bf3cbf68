//! A log in memory: topics, groups and transactions as a broker keeps them, with faults drawn from a seed. For simulation and
//! for `footfall run`; it proves nothing about Kafka itself.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use journey::{Timestamp, mark};

use crate::{
    changelog::{self, ChangelogReader, Entry, KeysAndValues, OffsetNote},
    log::{Committed, Log, LogError, Polled, PolledRecord, Restored, TaskId, Transaction},
    names::Names,
    outbox::{Addresses, Destination},
    processor::Topology,
    worker::SchemaSource,
};

/// A record as it stands in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its offset. Offsets have gaps, as a broker's have.
    pub offset: i64,
    /// When it was appended.
    pub appended_at: Timestamp,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub value: Option<Vec<u8>>,
    /// Its headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
}

#[derive(Debug, Default)]
struct Partition {
    records: Vec<Arc<Stored>>,
    next_offset: i64,
    /// Committed records from this index on are not visible to a reader for so many more reads: the marker is on its way.
    hidden: Option<(usize, u32)>,
}

impl Partition {
    fn append(&mut self, record: Stored) -> i64 {
        let offset = self.next_offset;
        self.records.push(Arc::new(Stored { offset, ..record }));
        self.next_offset += 1;
        offset
    }

    /// The first record at or after an offset, if it is visible.
    fn at(&self, offset: i64) -> Option<&Arc<Stored>> {
        let index = self
            .records
            .partition_point(|record| record.offset < offset);
        self.records.get(index)
    }
}

/// What a group has committed of a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct CommittedOffset {
    next_offset: i64,
    end: i64,
    floor: i64,
    note: Option<OffsetNote>,
}

#[derive(Debug, Default)]
struct Broker {
    topics: BTreeMap<String, Vec<Partition>>,
    committed: BTreeMap<(String, String, u32), CommittedOffset>,
    generations: BTreeMap<String, u64>,
    schemas: Vec<String>,
    now: Timestamp,
}

/// Topics, groups and transactions, shared by every log that is opened on it.
#[derive(Clone, Debug, Default)]
pub struct MemoryBroker(Arc<Mutex<Broker>>);

impl MemoryBroker {
    /// No topics; the time is 1970.
    pub fn new() -> Self {
        MemoryBroker::default()
    }

    fn lock(&self) -> MutexGuard<'_, Broker> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a topic; one that exists stays as it is.
    pub fn create(&self, topic: &str, partitions: u32) {
        let mut broker = self.lock();
        broker
            .topics
            .entry(topic.to_owned())
            .or_insert_with(|| (0..partitions).map(|_| Partition::default()).collect());
    }

    /// Sets the time at which records are appended from now on. Never goes back.
    pub fn set_time(&self, now: Timestamp) {
        let mut broker = self.lock();
        broker.now = broker.now.max(now);
    }

    /// How many partitions a topic has; 0 if there is none.
    pub fn partition_count(&self, topic: &str) -> u32 {
        self.lock()
            .topics
            .get(topic)
            .map_or(0, |partitions| partitions.len() as u32)
    }

    /// Appends a record, outside any transaction.
    pub fn append(&self, topic: &str, partition: u32, key: Option<&[u8]>, value: Option<&[u8]>) {
        let mut broker = self.lock();
        let appended_at = broker.now;
        let record = Stored {
            offset: 0,
            appended_at,
            key: key.map(<[u8]>::to_vec),
            value: value.map(<[u8]>::to_vec),
            headers: Vec::new(),
        };
        if let Some(partition) = broker
            .topics
            .get_mut(topic)
            .and_then(|p| p.get_mut(partition as usize))
        {
            partition.append(record);
        }
    }

    /// Every record of a partition, in order.
    pub fn records(&self, topic: &str, partition: u32) -> Vec<Arc<Stored>> {
        let broker = self.lock();
        broker
            .topics
            .get(topic)
            .and_then(|p| p.get(partition as usize))
            .map(|p| p.records.clone())
            .unwrap_or_default()
    }

    /// Appends a topic's records, as they are, to the same topic of another broker.
    pub fn copy(&self, topic: &str, to: &MemoryBroker) {
        for partition in 0..self.partition_count(topic) {
            let records = self.records(topic, partition);
            let mut broker = to.lock();
            let target = broker
                .topics
                .get_mut(topic)
                .and_then(|p| p.get_mut(partition as usize));
            let Some(target) = target else { continue };
            for record in records {
                target.append(Stored::clone(&record));
            }
        }
    }

    /// The id of a schema, as a registry gives it.
    pub fn schema_id(&self, schema: &str) -> u32 {
        let mut broker = self.lock();
        let known = broker.schemas.iter().position(|known| known == schema);
        let index = known.unwrap_or_else(|| {
            broker.schemas.push(schema.to_owned());
            broker.schemas.len() - 1
        });
        index as u32 + 1
    }

    /// Where a stage's outputs go.
    pub fn addresses(&self, topology: &Topology, names: &Names) -> Addresses {
        let counts = |names: &[String]| {
            names
                .iter()
                .map(|name| self.partition_count(name))
                .collect()
        };
        Addresses {
            topology: *topology,
            input_partitions: counts(&names.inputs),
            partitions: counts(&names.outputs),
            schema_ids: topology
                .outputs
                .iter()
                .map(|o| o.schema.map(|schema| self.schema_id(schema)))
                .collect(),
            dead_letter_partitions: counts(&names.dead_letters),
            dead_letter_bytes: topology.dead_letter_bytes,
        }
    }

    /// Lets a new member into the group: whoever was there before is a zombie from now on.
    fn join(&self, group: &str) -> u64 {
        let mut broker = self.lock();
        let generation = broker.generations.entry(group.to_owned()).or_default();
        *generation += 1;
        *generation
    }

    /// Whether every partition of the topics has been read and committed by the group up to its end.
    pub fn is_caught_up(&self, group: &str, topics: &[String]) -> bool {
        let broker = self.lock();
        topics.iter().all(|topic| {
            let partitions = broker.topics.get(topic).map_or(&[][..], Vec::as_slice);
            partitions.iter().enumerate().all(|(p, partition)| {
                let key = (group.to_owned(), topic.clone(), p as u32);
                let next = broker.committed.get(&key).map_or(0, |c| c.next_offset);
                partition.at(next).is_none()
            })
        })
    }
}

impl SchemaSource for MemoryBroker {
    fn schema(&mut self, id: u32) -> Result<String, LogError> {
        let broker = self.lock();
        let schema = (id as usize)
            .checked_sub(1)
            .and_then(|index| broker.schemas.get(index));
        schema
            .cloned()
            .ok_or_else(|| LogError::new(format!("schema id {id} was never given out")))
    }
}

/// How a commit may go wrong. Each is drawn with its own chance in a thousand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// A clean abort before it stands.
    pub abort: u32,
    /// The process dies before the commit.
    pub crash_before: u32,
    /// The process dies after it, before it hears of it.
    pub crash_after: u32,
    /// Nobody can say how it ended; it did not stand.
    pub unknown_aborted: u32,
    /// Nobody can say how it ended; it stood.
    pub unknown_committed: u32,
    /// The markers of a commit come late on the changelogs.
    pub late_marker: u32,
}

/// One worker's view of a [`MemoryBroker`].
#[derive(Debug)]
pub struct MemoryLog {
    broker: MemoryBroker,
    topology: Topology,
    names: Names,
    group: String,
    generation: u64,
    pending: Option<Vec<TaskId>>,
    revoking: bool,
    lost: bool,
    next: BTreeMap<TaskId, i64>,
    turn: usize,
    current: Option<(TaskId, Arc<Stored>)>,
    faults: Faults,
    random: Random,
}

/// SplitMix64: small, seeded, good enough to draw faults with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.draw() % bound.max(1)
    }

    fn draws(&mut self, per_mille: u32) -> bool {
        self.below(1000) < u64::from(per_mille)
    }
}

impl MemoryLog {
    /// A member of the group that has all tasks of its inputs.
    pub fn open(
        broker: &MemoryBroker,
        topology: Topology,
        names: Names,
        faults: Faults,
        seed: u64,
    ) -> MemoryLog {
        let count = |input: &String| broker.partition_count(input);
        let tasks = names.inputs.iter().enumerate().flat_map(|(input, name)| {
            (0..count(name)).map(move |partition| TaskId { input, partition })
        });
        let tasks = tasks.collect();
        MemoryLog::open_with(broker, topology, names, tasks, faults, seed)
    }

    /// A member of the group that has these tasks. Members of a generation are opened together: see [`MemoryLog::rejoin`].
    pub fn open_with(
        broker: &MemoryBroker,
        topology: Topology,
        names: Names,
        tasks: Vec<TaskId>,
        faults: Faults,
        seed: u64,
    ) -> MemoryLog {
        let group = names.inputs.join("+") + topology.stage;
        let generation = broker.join(&group);
        MemoryLog {
            broker: broker.clone(),
            topology,
            group,
            generation,
            names,
            pending: Some(tasks),
            revoking: false,
            lost: false,
            next: BTreeMap::new(),
            turn: 0,
            current: None,
            faults,
            random: Random(seed),
        }
    }

    /// Takes part in the group's newest generation, with these tasks.
    pub fn rejoin(&mut self, tasks: Vec<TaskId>) {
        self.generation = self
            .broker
            .lock()
            .generations
            .get(&self.group)
            .copied()
            .unwrap_or_default();
        self.lost = false;
        self.revoking = !self.next.is_empty();
        self.pending = Some(tasks);
    }

    /// The group's name, for [`MemoryBroker::is_caught_up`].
    pub fn group(&self) -> &str {
        &self.group
    }

    fn is_zombie(&self) -> bool {
        self.broker.lock().generations.get(&self.group) != Some(&self.generation)
    }

    fn restore(&mut self, tasks: &[TaskId]) -> Result<Vec<Restored>, LogError> {
        self.next.clear();
        let mut restored = Vec::new();
        for task in tasks {
            let input = &self.names.inputs[task.input];
            let key = (self.group.clone(), input.clone(), task.partition);
            let committed = self.broker.lock().committed.get(&key).cloned();
            let at = committed.as_ref();
            let changelog = self.read_changelog(*task, at.map_or(0, |c| c.end))?;
            self.next.insert(*task, at.map_or(0, |c| c.floor));
            restored.push(Restored {
                task: Some(*task),
                partition_count: self.broker.partition_count(input),
                next_offset: at.map(|c| c.next_offset),
                changelog,
                floor: at.map(|c| c.floor),
                note: committed.and_then(|c| c.note),
            });
        }
        Ok(restored)
    }

    fn read_changelog(&self, task: TaskId, end: i64) -> Result<KeysAndValues, LogError> {
        let Some(name) = self.names.changelogs.get(task.input) else {
            return Ok(Vec::new());
        };
        let mut reader = MemoryReader {
            broker: self.broker.clone(),
            topic: name.clone(),
            task,
            next: 0,
        };
        changelog::read(&mut reader, name, end, Duration::from_secs(5))
    }

    /// The next record of any task, taking turns.
    fn next_record(&mut self) -> Option<(TaskId, Arc<Stored>)> {
        let broker = self.broker.lock();
        let tasks: Vec<_> = self
            .next
            .iter()
            .map(|(task, next)| (*task, *next))
            .collect();
        for step in 0..tasks.len() {
            let (task, next) = tasks[(self.turn + step) % tasks.len()];
            let partition =
                &broker.topics.get(&self.names.inputs[task.input])?[task.partition as usize];
            if let Some(record) = partition.at(next) {
                self.turn = (self.turn + step) % tasks.len();
                return Some((task, Arc::clone(record)));
            }
        }
        None
    }

    /// Appends everything and moves the offsets: all at once, under the broker's lock.
    fn stand(&mut self, transaction: &Transaction<'_>, late_marker: bool) {
        let mut guard = self.broker.lock();
        let broker = &mut *guard;
        let now = broker.now;
        let mut offsets = Vec::with_capacity(transaction.batch.record_count());
        let mut touched = BTreeMap::new();
        for record in transaction.batch.records() {
            let topic = self.names.destination(record.destination);
            let headers = transaction
                .batch
                .headers(record)
                .map(|(name, value)| (name.to_owned(), value.to_vec()));
            let stored = Stored {
                offset: 0,
                appended_at: now,
                key: transaction.batch.key(record).map(<[u8]>::to_vec),
                value: transaction.batch.value(record).map(<[u8]>::to_vec),
                headers: headers.collect(),
            };
            let Some(partition) = broker
                .topics
                .get_mut(topic)
                .and_then(|p| p.get_mut(record.partition as usize))
            else {
                offsets.push(0);
                continue;
            };
            let visible = partition.records.len();
            offsets.push(partition.append(stored));
            let changelog = matches!(record.destination, Destination::Changelog(_));
            touched
                .entry((topic.to_owned(), record.partition))
                .or_insert((visible, changelog));
        }
        for ((topic, partition), (visible, changelog)) in touched {
            let Some(partition) = broker
                .topics
                .get_mut(&topic)
                .and_then(|p| p.get_mut(partition as usize))
            else {
                continue;
            };
            partition.next_offset += 1; // the commit marker
            if late_marker && changelog {
                partition.hidden = Some((visible, 3));
            }
        }
        for position in transaction.tasks {
            let input = self.names.inputs[position.task.input].clone();
            let committed = broker
                .committed
                .entry((self.group.clone(), input, position.task.partition))
                .or_default();
            committed.next_offset = position.next_offset;
            committed.floor = position.floor;
            committed.note = Some(position.note.clone());
            if let Some(index) = position.task_record {
                committed.end = offsets[index] + 1;
            }
        }
    }

    /// An attempt that was aborted: nothing is to be seen of it but a gap in the offsets.
    fn leave_gaps(&mut self, transaction: &Transaction<'_>) {
        let mut broker = self.broker.lock();
        for record in transaction.batch.records() {
            let topic = self.names.destination(record.destination);
            if let Some(partition) = broker
                .topics
                .get_mut(topic)
                .and_then(|p| p.get_mut(record.partition as usize))
            {
                partition.next_offset += 1;
            }
        }
    }
}

impl Log for MemoryLog {
    fn poll(&mut self, _: Duration) -> Result<Polled<'_>, LogError> {
        if self.is_zombie() && !self.lost {
            self.lost = true;
            self.next.clear();
            return Ok(Polled::Revoked { lost: true });
        }
        if self.lost {
            return Ok(Polled::Drained);
        }
        if self.revoking {
            self.revoking = false;
            return Ok(Polled::Revoked { lost: false });
        }
        if let Some(tasks) = self.pending.take() {
            return Ok(Polled::Assigned(self.restore(&tasks)?));
        }
        self.current = self.next_record();
        let Some((task, record)) = &self.current else {
            return Ok(Polled::Drained);
        };
        self.next.insert(*task, record.offset + 1);
        self.turn += 1;
        let mark = record
            .headers
            .iter()
            .find(|(name, _)| name == mark::HEADER)
            .map(|(_, value)| value.as_slice());
        Ok(Polled::Record(PolledRecord {
            task: *task,
            offset: record.offset,
            appended_at: record.appended_at,
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            mark,
        }))
    }

    fn commit(&mut self, transaction: &Transaction<'_>) -> Result<Committed, LogError> {
        if self.is_zombie() {
            self.leave_gaps(transaction);
            self.pending = None;
            return Ok(Committed::Unknown);
        }
        let faults = self.faults;
        let mut aborts = 0;
        while self.random.draws(faults.abort) {
            self.leave_gaps(transaction);
            aborts += 1;
        }
        if self.random.draws(faults.crash_before) {
            self.leave_gaps(transaction);
            return Err(LogError::new("simulated crash before the commit"));
        }
        if self.random.draws(faults.unknown_aborted) {
            self.leave_gaps(transaction);
            self.pending = Some(self.next.keys().copied().collect());
            return Ok(Committed::Unknown);
        }
        let late_marker = self.random.draws(faults.late_marker);
        self.stand(transaction, late_marker);
        if self.random.draws(faults.crash_after) {
            return Err(LogError::new("simulated crash after the commit"));
        }
        if self.random.draws(faults.unknown_committed) {
            self.pending = Some(self.next.keys().copied().collect());
            return Ok(Committed::Unknown);
        }
        debug_assert_eq!(self.topology.inputs.len(), self.names.inputs.len());
        Ok(Committed::Yes { aborts })
    }
}

struct MemoryReader {
    broker: MemoryBroker,
    topic: String,
    task: TaskId,
    next: i64,
}

impl ChangelogReader for MemoryReader {
    fn next(&mut self) -> Result<Option<Entry>, LogError> {
        let mut broker = self.broker.lock();
        let partition = broker
            .topics
            .get_mut(&self.topic)
            .and_then(|p| p.get_mut(self.task.partition as usize));
        let Some(partition) = partition else {
            return Err(LogError::new(format!(
                "topic {} is missing: create it with `footfall topics apply`",
                self.topic
            )));
        };
        let index = partition
            .records
            .partition_point(|record| record.offset < self.next);
        if let Some((visible, reads)) = partition.hidden.filter(|(visible, _)| index >= *visible) {
            partition.hidden = (reads > 0).then_some((visible, reads.saturating_sub(1)));
            return Ok(None);
        }
        Ok(partition.records.get(index).map(|record| {
            self.next = record.offset + 1;
            Entry {
                offset: record.offset,
                key: record.key.clone().unwrap_or_default(),
                value: record.value.clone(),
            }
        }))
    }
}
