//! Changelogs, as a restore reads them.

use super::broker::MemoryBroker;
use crate::{
    changelog::{ChangelogReader, Entry},
    log::{LogError, TaskId},
};

/// Reads the changelog of one task from its beginning.
pub(super) struct MemoryReader {
    pub(super) broker: MemoryBroker,
    pub(super) topic: String,
    pub(super) task: TaskId,
    pub(super) next: i64,
}

impl ChangelogReader for MemoryReader {
    fn next(&mut self, take: &mut dyn FnMut(Entry<'_>)) -> Result<(), LogError> {
        let mut broker = self.broker.lock();
        let Some(partition) = broker.partition(&self.topic, self.task.partition) else {
            return Err(LogError::new(format!(
                "topic {} is missing: create it with `footfall topics apply`",
                self.topic
            )));
        };
        if let Some(record) = partition.look(self.next) {
            self.next = record.offset + 1;
            take(Entry {
                of: 0,
                offset: record.offset,
                key: record.key.as_deref().unwrap_or_default(),
                value: record.value.as_deref(),
            });
        }
        Ok(())
    }
}
