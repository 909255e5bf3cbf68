//! What a worker is given.

use std::sync::Arc;

use crate::{
    definitions::Definitions,
    log::LogError,
    metrics::Metrics,
    outbox::Addresses,
    pace::Pace,
    processor::{Stage, TaskContext},
};

/// Where a schema that is not compiled in comes from.
pub trait SchemaSource {
    /// The schema of an id, as JSON. Waits for as long as it takes: an unknown id is never a reason to give a record up.
    fn schema(&mut self, id: u32) -> Result<String, LogError>;
}

/// Makes a stage's processor for a task.
pub type MakeStage<S> = Box<dyn Fn(TaskContext) -> S + Send>;

/// What a worker is made of.
pub struct Parts<S: Stage> {
    /// Makes a task's processor.
    pub make: MakeStage<S>,
    /// Every set of definitions, now and later.
    pub definitions: Definitions,
    /// Schemas that are not compiled in.
    pub schemas: Box<dyn SchemaSource + Send>,
    /// Partition counts and schema ids.
    pub addresses: Addresses,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// When to commit.
    pub pace: Pace,
    /// How many keys a task may remember. The longest silent go when there are more.
    pub state_limit: Option<usize>,
    /// The format in which states are written; if absent, the one before the newest.
    pub state_format: Option<u8>,
    /// Whether a source that is far ahead waits for the slowest, where time is the broker's: not in a backfill lane, where that
    /// one may lie days behind.
    pub align_sources: bool,
    /// The grace that ingest's marks carry; other stages pass on what they are told.
    pub grace: journey::Millis,
}

impl<S: Stage> std::fmt::Debug for Parts<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts")
            .field("addresses", &self.addresses)
            .field("pace", &self.pace)
            .finish()
    }
}
