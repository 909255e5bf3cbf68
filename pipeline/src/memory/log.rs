//! One worker's view of the broker: its tasks, its place in the group, its commits.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use journey::mark;

use super::{
    broker::{MemoryBroker, Stored},
    faults::{Faults, Random},
};
use crate::{
    changelog::{self, ChangelogReader, Entry, KeysAndValues},
    log::{Committed, Log, LogError, Polled, PolledRecord, Restored, TaskId, Transaction},
    names::Names,
    outbox::Destination,
    processor::Topology,
};

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
    held: BTreeSet<TaskId>,
    turn: usize,
    current: Option<(TaskId, Arc<Stored>)>,
    faults: Faults,
    random: Random,
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
            held: BTreeSet::new(),
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
        self.held.clear();
        let mut restored = Vec::new();
        for task in tasks {
            let input = &self.names.inputs[task.input];
            let key = (self.group.clone(), input.clone(), task.partition);
            let committed = self.broker.lock().committed.get(&key).copied();
            let changelog = self.read_changelog(*task, committed.map_or(0, |c| c.end))?;
            self.next.insert(*task, committed.map_or(0, |c| c.floor));
            restored.push(Restored {
                task: Some(*task),
                partition_count: self.broker.partition_count(input),
                next_offset: committed.map(|c| c.next_offset),
                changelog,
                floor: committed.map(|c| c.floor),
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
        let wanted = changelog::Wanted {
            name: name.clone(),
            end,
        };
        let read = changelog::read(&mut reader, &[wanted], Duration::from_secs(5));
        read.map(|all| all.into_iter().flatten().collect())
    }

    /// The next record of any task, taking turns.
    fn next_record(&mut self) -> Option<(TaskId, Arc<Stored>)> {
        let broker = self.broker.lock();
        let tasks: Vec<_> = self
            .next
            .iter()
            .filter(|(task, _)| !self.held.contains(task))
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
            committed.note = Some(position.note);
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

    fn hold(&mut self, task: TaskId, held: bool) -> Result<(), LogError> {
        if held {
            self.held.insert(task);
        } else {
            self.held.remove(&task);
        }
        Ok(())
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
                of: 0,
                offset: record.offset,
                key: record.key.clone().unwrap_or_default(),
                value: record.value.clone(),
            }
        }))
    }
}
