//! What the group gives and takes: the order in which assignments are taken, restored and let go.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{Consumer, ConsumerGroupMetadata},
};

use super::{Fetched, KafkaLog, Owned, REBALANCE_WAIT};
use crate::{
    changelog::Changelog,
    kafka::{
        admin,
        consumer::Event,
        native, read,
        restore::{self, CommittedOffset, Restorer, committed_offset},
        settings::wall_clock,
    },
    log::{Log, LogError, Polled, Restored, TaskId},
};

/// How long an input's end may lie before what was committed: longer than a new leader waits for copies that stand still.
const END_WAIT: Duration = Duration::from_secs(30);
/// How long an input's end is asked for.
const LEADER_WAIT: Duration = Duration::from_secs(3);

impl KafkaLog {
    /// Restores partitions and starts fetching them.
    pub(super) fn assign(
        &mut self,
        partitions: &[(String, i32)],
    ) -> Result<Vec<Restored>, LogError> {
        let started = Instant::now();
        self.metadata = Some(Arc::new(self.stable_metadata()?));
        self.hold_none()?;
        self.tasks.clear();
        let offsets = self.committed(partitions)?;
        self.check_ends(&offsets)?;
        tracing::info!(partitions = offsets.len(), "assigned, reading changelogs");
        let changelogs = self.read_changelogs(&offsets)?;
        let mut assignment = TopicPartitionList::new();
        let mut restored = Vec::new();
        for ((task, offset), changelog) in offsets.into_iter().zip(changelogs) {
            let input = &self.names.inputs[task.input];
            let metadata = offset.metadata.as_ref();
            let floor = metadata.map(|metadata| metadata.floor);
            let floor = floor.or(offset.next_offset);
            let from = floor.map_or(Offset::Beginning, Offset::Offset);
            assignment
                .add_partition_offset(input, task.partition as i32, from)
                .map_err(|e| LogError::new(e.to_string()))?;
            restored.push(Restored {
                task: Some(task),
                partition_count: self.partition_count(input)?,
                next_offset: offset.next_offset,
                changelog,
                floor,
                note: metadata.map(|metadata| metadata.note.clone()),
            });
            let owned = Owned::new(offset.next_offset, metadata, wall_clock());
            self.tasks.insert(task, owned);
        }
        self.consumer
            .assign(&assignment)
            .map_err(|e| LogError::new(format!("cannot take the assignment: {e}")))?;
        if let Some(ticker) = &mut self.ticker {
            ticker.own(self.tasks.keys().copied());
        }
        let records: usize = restored.iter().map(|r| r.changelog.len()).sum();
        tracing::info!(partitions = restored.len(), records, took = ?started.elapsed(), "assigned, changelogs read");
        self.restoring_since = Some(started);
        self.metrics.assigned();
        Ok(restored)
    }

    /// What the group holds of each of these partitions.
    fn committed(
        &self,
        partitions: &[(String, i32)],
    ) -> Result<Vec<(TaskId, CommittedOffset)>, LogError> {
        let mut wanted = TopicPartitionList::new();
        for (topic, partition) in partitions {
            wanted.add_partition(topic, *partition);
        }
        let timeout = self.settings.call_timeout;
        let committed = self.consumer.committed_offsets(wanted, timeout);
        let committed = committed.map_err(|e| {
            LogError::new(format!(
                "the committed offsets of {} cannot be read: {e}. Nobody coordinates the group, or a transaction holds its \
                 offsets: `kafka-transactions.sh find-hanging` names it (docs/operations.md, LsoStuck)",
                self.names.inputs.join(", ")
            ))
        })?;
        let mut offsets = Vec::new();
        for element in committed.elements() {
            let inputs = &self.names.inputs;
            let Some(input) = inputs.iter().position(|name| name == element.topic()) else {
                continue;
            };
            let task = TaskId {
                input,
                partition: element.partition() as u32,
            };
            offsets.push((task, committed_offset(&element)?));
        }
        Ok(offsets)
    }

    /// An input that ends before what was committed of it has lost records, and what is appended now stands where they stood:
    /// it would be taken for them, and what it says dropped.
    fn check_ends(&self, offsets: &[(TaskId, CommittedOffset)]) -> Result<(), LogError> {
        for (task, offset) in offsets {
            let Some(committed) = offset.next_offset else {
                continue;
            };
            let (input, partition) = (&self.names.inputs[task.input], task.partition as i32);
            let asked = Instant::now();
            // A leader that has just come may know its end a little later. One that is not there holds no other partition up.
            let end = loop {
                let bounds = read::bounds(&self.consumer, input, partition, LEADER_WAIT);
                let Ok((_, end)) = bounds else {
                    tracing::warn!(
                        input,
                        partition,
                        "nobody says where it ends: it is taken for whole"
                    );
                    break committed;
                };
                if end >= committed || asked.elapsed() > END_WAIT {
                    break end;
                }
                std::thread::sleep(Duration::from_millis(100));
            };
            if end < committed {
                return Err(LogError::new(format!(
                    "{input}-{partition} ends at offset {end}, and {committed} was committed of it: the broker has lost records \
                     that were read. If it stays so, what is appended there would be taken for them: begin anew \
                     (docs/operations.md, \"Begin anew\")"
                )));
            }
        }
        Ok(())
    }

    fn read_changelogs(
        &self,
        offsets: &[(TaskId, CommittedOffset)],
    ) -> Result<Vec<Changelog>, LogError> {
        if self.names.changelogs.is_empty() || offsets.is_empty() {
            return Ok(vec![Changelog::default(); offsets.len()]);
        }
        let committed = offsets.iter().map(|(task, offset)| restore::Committed {
            topic: task.input,
            partition: task.partition as i32,
            offset,
        });
        let config = self.settings.changelog_reader();
        Restorer::new(&config, &self.names.changelogs).read(&committed.collect::<Vec<_>>())
    }

    pub(super) fn partition_count(&self, topic: &str) -> Result<u32, LogError> {
        admin::partition_count(self.consumer.client(), topic, self.settings.call_timeout)
    }

    /// The group metadata of one membership: read before and after, it must be the same.
    pub(super) fn stable_metadata(&self) -> Result<ConsumerGroupMetadata, LogError> {
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
    pub(super) fn recover(&mut self, since: Instant) -> Result<Option<Event>, LogError> {
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
    pub(super) fn act(&mut self, event: Event) -> Result<Polled<'_>, LogError> {
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

    /// A partition that is paused when it goes would be paused still when it comes back.
    fn hold_none(&mut self) -> Result<(), LogError> {
        let held = self.held.clone();
        held.into_iter().try_for_each(|task| self.hold(task, false))
    }

    pub(super) fn let_go(&mut self) -> Result<(), LogError> {
        self.must_unassign = false;
        self.recover_since = None;
        self.metadata = None;
        self.hold_none()?;
        for task in self.tasks.keys() {
            self.metrics
                .forget(self.topology.inputs[task.input], task.partition);
        }
        self.metrics.forget_sources();
        self.tasks.clear();
        if let Some(ticker) = &mut self.ticker {
            ticker.own(std::iter::empty());
        }
        self.consumer
            .unassign()
            .map_err(|e| LogError::new(format!("cannot let the assignment go: {e}")))
    }
}
