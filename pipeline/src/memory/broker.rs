//! Topics, groups and what they have committed.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use journey::{TimeMark, Timestamp, mark};

use super::faults::{Fault, Faults};
use crate::{
    changelog::OffsetNote, log::LogError, names::Names, outbox::Addresses, processor::Topology,
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
pub(super) struct Partition {
    pub(super) records: Vec<Arc<Stored>>,
    pub(super) next_offset: i64,
    /// Committed records from this index on are not visible to a reader for so many more reads: the marker is on its way.
    pub(super) hidden: Option<(usize, u32)>,
}

impl Partition {
    pub(super) fn append(&mut self, record: Stored) -> i64 {
        let offset = self.next_offset;
        self.records.push(Arc::new(Stored { offset, ..record }));
        self.next_offset += 1;
        offset
    }

    /// The first record at or after an offset.
    fn at(&self, offset: i64) -> Option<&Arc<Stored>> {
        let index = self
            .records
            .partition_point(|record| record.offset < offset);
        self.records.get(index)
    }

    /// The same, for a reader of committed records: whose marker is on its way is not seen yet, nor what lies behind it.
    pub(super) fn look(&mut self, offset: i64) -> Option<&Arc<Stored>> {
        let index = self
            .records
            .partition_point(|record| record.offset < offset);
        if let Some((first, looks)) = self.hidden
            && index >= first
        {
            self.hidden = (looks > 0).then(|| (first, looks - 1));
            return None;
        }
        self.records.get(index)
    }

    /// Hides what lies from this index on for so many looks, until the marker comes.
    pub(super) fn hide(&mut self, first: usize, looks: u32) {
        let first = self.hidden.map_or(first, |(earlier, _)| earlier.min(first));
        self.hidden = Some((first, looks));
    }
}

/// What a group has committed of a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CommittedOffset {
    pub(super) next_offset: i64,
    pub(super) end: i64,
    pub(super) floor: i64,
    pub(super) note: Option<OffsetNote>,
}

#[derive(Debug, Default)]
pub(super) struct Broker {
    pub(super) topics: BTreeMap<String, Vec<Partition>>,
    pub(super) committed: BTreeMap<(String, String, u32), CommittedOffset>,
    pub(super) generations: BTreeMap<String, u64>,
    pub(super) schemas: Vec<String>,
    pub(super) now: Timestamp,
    pub(super) happened: Faults,
    pub(super) refused: u32,
}

impl Broker {
    /// A partition of a topic, if both are there.
    pub(super) fn partition(&mut self, topic: &str, partition: u32) -> Option<&mut Partition> {
        let partitions = self.topics.get_mut(topic)?;
        partitions.get_mut(partition as usize)
    }
}

/// Topics, groups and transactions, shared by every log that is opened on it.
#[derive(Clone, Debug, Default)]
pub struct MemoryBroker(Arc<Mutex<Broker>>);

impl MemoryBroker {
    /// No topics; the time is 1970.
    pub fn new() -> Self {
        MemoryBroker::default()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Broker> {
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

    /// Sets the time at which records are appended from now on. It may step back: a broker's clock does.
    pub fn set_time(&self, now: Timestamp) {
        self.lock().now = now;
    }

    /// Counts a fault that was done to this broker or to its clients.
    pub fn count(&self, fault: Fault) {
        self.lock().happened.count(fault);
    }

    /// How often each fault happened.
    pub fn happened(&self) -> Faults {
        self.lock().happened
    }

    /// How many commits were refused because their group had moved on.
    pub fn refused_commits(&self) -> u32 {
        self.lock().refused
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
        let record = Stored {
            offset: 0,
            appended_at: Timestamp(0),
            key: key.map(<[u8]>::to_vec),
            value: value.map(<[u8]>::to_vec),
            headers: Vec::new(),
        };
        self.append_now(topic, partition, record);
    }

    /// Appends a value with a header, outside any transaction.
    pub fn append_with(&self, topic: &str, partition: u32, value: &[u8], header: (&str, &[u8])) {
        let record = Stored {
            offset: 0,
            appended_at: Timestamp(0),
            key: None,
            value: Some(value.to_vec()),
            headers: vec![(header.0.to_owned(), header.1.to_vec())],
        };
        self.append_now(topic, partition, record);
    }

    /// Appends a time mark, outside any transaction.
    pub fn append_mark(&self, topic: &str, partition: u32, mark: &TimeMark) {
        let record = Stored {
            offset: 0,
            appended_at: Timestamp(0),
            key: None,
            value: None,
            headers: vec![(mark::HEADER.to_owned(), mark.to_json())],
        };
        self.append_now(topic, partition, record);
    }

    fn append_now(&self, topic: &str, partition: u32, mut record: Stored) {
        let mut broker = self.lock();
        record.appended_at = broker.now;
        if let Some(partition) = broker.partition(topic, partition) {
            partition.append(record);
        }
    }

    /// Every record of a partition, in order.
    pub fn records(&self, topic: &str, partition: u32) -> Vec<Arc<Stored>> {
        let mut broker = self.lock();
        let partition = broker.partition(topic, partition);
        partition.map(|p| p.records.clone()).unwrap_or_default()
    }

    /// Appends a topic's records, as they are, to the same topic of another broker.
    pub fn copy(&self, topic: &str, to: &MemoryBroker) {
        for partition in 0..self.partition_count(topic) {
            let records = self.records(topic, partition);
            let mut broker = to.lock();
            let Some(target) = broker.partition(topic, partition) else {
                continue;
            };
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

    /// Begins a new generation of a group: whoever does not take part in it is a zombie from now on.
    pub fn regroup(&self, group: &str) {
        let mut broker = self.lock();
        *broker.generations.entry(group.to_owned()).or_default() += 1;
    }

    /// The group's newest generation.
    pub(super) fn generation(&self, group: &str) -> u64 {
        let broker = self.lock();
        broker.generations.get(group).copied().unwrap_or_default()
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
