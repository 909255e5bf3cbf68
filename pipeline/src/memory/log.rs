//! One worker's view of the broker: its tasks, its place in the group, its commits.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use journey::mark;

use super::{
    broker::{Broker, MemoryBroker, Stored},
    faults::{Fault, Faults, Random},
    reader::MemoryReader,
};
use crate::{
    changelog::{self, Changelog},
    dead_letter::SentBefore,
    log::{Committed, Log, LogError, Polled, PolledRecord, Restored, TaskId, Transaction},
    names::Names,
    outbox::{Batch, Destination},
    processor::Topology,
};

/// What a member is to its group, as far as it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// It has its tasks, or is about to be given them.
    Member,
    /// It has been asked to let its tasks go.
    Asked,
    /// It has let them go, and waits to be given others.
    Between,
    /// It has heard that the group went on without it.
    Lost,
}

/// Of each partition that a transaction wrote to, how much was visible before, and whether it is a changelog's.
type Touched = BTreeMap<(String, u32), (usize, bool)>;

/// Looks at a partition that a late marker may take to come.
const LATE_BY: u64 = 30;
/// Polls that a zombie may take to hear of it.
const DEAF_FOR: u64 = 20;

/// One worker's view of a [`MemoryBroker`].
#[derive(Debug)]
pub struct MemoryLog {
    broker: MemoryBroker,
    topology: Topology,
    names: Names,
    group: String,
    generation: u64,
    pending: Option<Vec<TaskId>>,
    place: Place,
    /// Polls that a zombie still lives on what it had fetched, before it hears that the group has moved on.
    hears_after: u64,
    next: BTreeMap<TaskId, i64>,
    held: BTreeSet<TaskId>,
    turn: usize,
    current: Option<(TaskId, Arc<Stored>)>,
    faults: Faults,
    random: Random,
}

impl MemoryLog {
    /// The only member of a new generation of the group: it has all tasks of the inputs.
    pub fn open(
        broker: &MemoryBroker,
        topology: Topology,
        names: Names,
        faults: Faults,
        seed: u64,
    ) -> MemoryLog {
        let tasks = MemoryLog::all_tasks(broker, &names);
        broker.regroup(&MemoryLog::group_of(&topology, &names));
        MemoryLog::open_with(broker, topology, names, tasks, faults, seed)
    }

    /// A new member of the group's newest generation, with these tasks.
    pub fn open_with(
        broker: &MemoryBroker,
        topology: Topology,
        names: Names,
        tasks: Vec<TaskId>,
        faults: Faults,
        seed: u64,
    ) -> MemoryLog {
        let group = MemoryLog::group_of(&topology, &names);
        let generation = broker.generation(&group);
        let mut random = Random(seed);
        MemoryLog {
            broker: broker.clone(),
            topology,
            group,
            generation,
            names,
            pending: Some(tasks),
            place: Place::Member,
            hears_after: random.below(DEAF_FOR),
            next: BTreeMap::new(),
            held: BTreeSet::new(),
            turn: 0,
            current: None,
            faults,
            random,
        }
    }

    /// Every partition of the inputs.
    pub fn all_tasks(broker: &MemoryBroker, names: &Names) -> Vec<TaskId> {
        let inputs = names.inputs.iter().enumerate();
        inputs
            .flat_map(|(input, name)| {
                let partitions = 0..broker.partition_count(name);
                partitions.map(move |partition| TaskId { input, partition })
            })
            .collect()
    }

    /// The name of a stage's group.
    pub fn group_of(topology: &Topology, names: &Names) -> String {
        names.inputs.join("+") + topology.stage
    }

    /// Asks the member to let its tasks go, as a group does with all of its members before it shares them anew: what is open
    /// may still be committed.
    pub fn leave(&mut self) {
        self.place = Place::Asked;
        self.pending = None;
    }

    /// Takes part in the group's newest generation, with these tasks; after [`MemoryLog::leave`], once they are let go.
    pub fn rejoin(&mut self, tasks: Vec<TaskId>) {
        self.generation = self.broker.generation(&self.group);
        self.place = Place::Member;
        self.pending = Some(tasks);
    }

    /// Whether a commit's marker is on its way to a partition that this member reads.
    pub fn awaits_markers(&self) -> bool {
        let broker = self.broker.lock();
        self.next.keys().any(|task| {
            let topic = broker.topics.get(&self.names.inputs[task.input]);
            let partition = topic.and_then(|partitions| partitions.get(task.partition as usize));
            partition.is_some_and(|partition| partition.hidden.is_some())
        })
    }

    /// The group's name, for [`MemoryBroker::is_caught_up`].
    pub fn group(&self) -> &str {
        &self.group
    }

    fn is_zombie(&self) -> bool {
        self.broker.generation(&self.group) != self.generation
    }

    /// Whether a zombie has heard by now that it is one.
    fn has_heard(&mut self) -> bool {
        self.hears_after = self.hears_after.saturating_sub(1);
        self.hears_after == 0
    }

    /// The tasks come back as they were really committed, unless they are being let go.
    fn take_anew(&mut self) {
        if self.place == Place::Member {
            self.pending = Some(self.next.keys().copied().collect());
        }
    }

    /// Whether this fault happens now; if so it counts.
    fn happens(&mut self, fault: Fault) -> bool {
        let happens = self.random.draws(self.faults.of(fault));
        if happens {
            self.broker.count(fault);
        }
        happens
    }

    fn restore(&mut self, tasks: &[TaskId]) -> Result<Vec<Restored>, LogError> {
        self.next.clear();
        self.held.clear();
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

    fn read_changelog(&self, task: TaskId, end: i64) -> Result<Changelog, LogError> {
        let Some(name) = self.names.changelogs.get(task.input) else {
            return Ok(Changelog::default());
        };
        let mut reader = MemoryReader {
            broker: self.broker.clone(),
            topic: name.clone(),
            task,
            next: 0,
        };
        let wanted = changelog::Wanted {
            name: name.clone(),
            end,
        };
        let mut read = changelog::read(&mut reader, &[wanted], Duration::from_secs(5))?;
        Ok(read.pop().unwrap_or_default())
    }

    /// The next record of any task, taking turns.
    fn next_record(&mut self) -> Option<(TaskId, Arc<Stored>)> {
        let mut broker = self.broker.lock();
        let tasks: Vec<_> = self
            .next
            .iter()
            .filter(|(task, _)| !self.held.contains(task))
            .map(|(task, next)| (*task, *next))
            .collect();
        for step in 0..tasks.len() {
            let (task, next) = tasks[(self.turn + step) % tasks.len()];
            let topic = &self.names.inputs[task.input];
            if let Some(record) = broker.partition(topic, task.partition)?.look(next) {
                self.turn = (self.turn + step) % tasks.len();
                return Some((task, Arc::clone(record)));
            }
        }
        None
    }

    /// Appends everything and moves the offsets: all at once, under the broker's lock.
    fn stand(&mut self, transaction: &Transaction<'_>) {
        let late_changelogs = self.happens(Fault::LateChangelogMarker);
        let late_outputs = self.happens(Fault::LateOutputMarker);
        let looks = 1 + self.random.below(LATE_BY) as u32;
        let mut guard = self.broker.lock();
        let broker = &mut *guard;
        let (offsets, touched) = self.append(broker, transaction.batch);
        for ((topic, number), (visible, changelog)) in touched {
            let Some(partition) = broker.partition(&topic, number) else {
                continue;
            };
            partition.next_offset += 1; // the commit marker
            if (changelog && late_changelogs) || (!changelog && late_outputs) {
                partition.hide(visible, looks);
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

    /// Appends a batch's records. Gives the offset of each, and what they touched.
    fn append(&self, broker: &mut Broker, batch: &Batch) -> (Vec<i64>, Touched) {
        let mut offsets = Vec::with_capacity(batch.record_count());
        let mut touched = Touched::new();
        for record in batch.records() {
            let topic = self.names.destination(record.destination);
            let headers = batch
                .headers(record)
                .map(|(name, value)| (name.to_owned(), value.to_vec()));
            let stored = Stored {
                offset: 0,
                appended_at: broker.now,
                key: batch.key(record).map(<[u8]>::to_vec),
                value: batch.value(record).map(<[u8]>::to_vec),
                headers: headers.collect(),
            };
            let Some(partition) = broker.partition(topic, record.partition) else {
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
        (offsets, touched)
    }

    /// An attempt that was aborted: nothing is to be seen of it but a gap in the offsets.
    fn leave_gaps(&mut self, transaction: &Transaction<'_>) {
        let mut broker = self.broker.lock();
        for record in transaction.batch.records() {
            let topic = self.names.destination(record.destination);
            if let Some(partition) = broker.partition(topic, record.partition) {
                partition.next_offset += 1;
            }
        }
    }
}

impl Log for MemoryLog {
    fn poll(&mut self, _: Duration) -> Result<Polled<'_>, LogError> {
        if self.place != Place::Lost && self.is_zombie() && self.has_heard() {
            self.place = Place::Lost;
            return Ok(Polled::Revoked { lost: true });
        }
        match self.place {
            Place::Asked => {
                self.place = Place::Between;
                return Ok(Polled::Revoked { lost: false });
            }
            Place::Between | Place::Lost => return Ok(Polled::Drained),
            Place::Member => {}
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
        let mark = headers(record).find(|(name, _)| *name == mark::HEADER.as_bytes());
        let mark = mark.map(|(_, value)| value);
        Ok(Polled::Record(PolledRecord {
            task: *task,
            offset: record.offset,
            appended_at: record.appended_at,
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            mark,
            before: SentBefore::from_headers(headers(record)),
        }))
    }

    fn commit(&mut self, transaction: &Transaction<'_>) -> Result<Committed, LogError> {
        if self.is_zombie() {
            self.leave_gaps(transaction);
            self.broker.lock().refused += 1;
            return Ok(Committed::Unknown);
        }
        let mut aborts = 0;
        while self.happens(Fault::Abort) {
            self.leave_gaps(transaction);
            aborts += 1;
        }
        if self.happens(Fault::CrashBefore) {
            self.leave_gaps(transaction);
            return Err(LogError::new("simulated crash before the commit"));
        }
        if self.happens(Fault::UnknownAborted) {
            self.leave_gaps(transaction);
            self.take_anew();
            return Ok(Committed::Unknown);
        }
        self.stand(transaction);
        if self.happens(Fault::CrashAfter) {
            return Err(LogError::new("simulated crash after the commit"));
        }
        if self.happens(Fault::UnknownCommitted) {
            self.take_anew();
            return Ok(Committed::Unknown);
        }
        debug_assert_eq!(self.topology.inputs.len(), self.names.inputs.len());
        Ok(Committed::Yes {
            aborts,
            took: Duration::ZERO,
        })
    }

    fn hold(&mut self, task: TaskId, held: bool) -> Result<(), LogError> {
        if held {
            self.held.insert(task);
        } else {
            self.held.remove(&task);
        }
        Ok(())
    }

    fn has_backlog(&self, task: TaskId) -> bool {
        let broker = self.broker.lock();
        let topic = broker.topics.get(&self.names.inputs[task.input]);
        let partition = topic.and_then(|partitions| partitions.get(task.partition as usize));
        let last = partition.and_then(|partition| partition.records.last());
        let next = self.next.get(&task);
        last.zip(next)
            .is_some_and(|(last, next)| last.offset >= *next)
    }
}

fn headers(record: &Stored) -> impl Iterator<Item = (&[u8], &[u8])> {
    let headers = record.headers.iter();
    headers.map(|(name, value)| (name.as_bytes(), value.as_slice()))
}
