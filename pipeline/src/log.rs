//! What the shell needs of a log: two methods. Kafka in production, memory in tests and in `footfall run`.

use std::time::Duration;

use journey::Timestamp;

use crate::{
    changelog::{Changelog, OffsetNote},
    dead_letter::SentBefore,
    outbox::Batch,
};

/// A transactional log, as one worker sees it.
pub trait Log {
    /// The next thing that happened. Waits at most `wait` for it.
    ///
    /// After [`Polled::Revoked`] the caller drops its tasks, and the next call lets the partitions go.
    fn poll(&mut self, wait: Duration) -> Result<Polled<'_>, LogError>;

    /// Commits outputs, changed states and input offsets of all tasks together, or nothing.
    ///
    /// A clean abort is not seen here: the same bytes are sent again. On [`Committed::Unknown`] the caller drops its tasks
    /// and goes on polling: they are assigned anew, from what was really committed.
    fn commit(&mut self, transaction: &Transaction<'_>) -> Result<Committed, LogError>;

    /// While a task is held, in the middle of a mark or ahead of others, none of its records are handed out. Nothing is lost by it; letting
    /// its partition go, or having it assigned anew, ends it.
    fn hold(&mut self, task: TaskId, held: bool) -> Result<(), LogError>;

    /// Whether, as far as is known, a task has records that were not handed out yet.
    fn has_backlog(&self, task: TaskId) -> bool;
}

/// What stands in the way of going on: the worker ends, its supervisor starts it again.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct LogError {
    /// What happened and what to do next.
    pub message: String,
}

impl LogError {
    /// With a sentence that says what happened and what to do next.
    pub fn new(message: impl Into<String>) -> LogError {
        LogError {
            message: message.into(),
        }
    }
}

/// One partition of one input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId {
    /// Index into the topology's inputs.
    pub input: usize,
    /// The partition.
    pub partition: u32,
}

/// What a poll brought.
#[derive(Debug)]
pub enum Polled<'a> {
    /// A record of a task.
    Record(PolledRecord<'a>),
    /// Nothing is there now.
    Drained,
    /// These tasks are this worker's from now on, restored to what was committed.
    Assigned(Vec<Restored>),
    /// All tasks go. If they are not `lost` yet, what is open may still be committed first.
    Revoked {
        /// Somebody else may have them already: nothing can be committed any more.
        lost: bool,
    },
}

/// A record as the log hands it out.
#[derive(Clone, Copy, Debug)]
pub struct PolledRecord<'a> {
    /// Whose it is.
    pub task: TaskId,
    /// Its offset.
    pub offset: i64,
    /// The broker's append time.
    pub appended_at: Timestamp,
    /// The key, as it came.
    pub key: Option<&'a [u8]>,
    /// The value, as it came.
    pub value: Option<&'a [u8]>,
    /// The time mark's JSON, on a record with neither key nor value. Such a record without one, or on a raw topic, is a tick.
    pub mark: Option<&'a [u8]>,
    /// What it says of the times before, if it was sent again as a dead letter.
    pub before: SentBefore,
}

impl PolledRecord<'_> {
    /// A record with neither key nor value: time passing, and nothing else.
    pub fn is_empty(&self) -> bool {
        self.key.is_none() && self.value.is_none()
    }
}

/// What was committed of a task.
#[derive(Clone, Debug, Default)]
pub struct Restored {
    /// Which task.
    pub task: Option<TaskId>,
    /// How many partitions its input has.
    pub partition_count: u32,
    /// The committed input offset: the next to read. `None` if nothing was ever committed.
    pub next_offset: Option<i64>,
    /// The changelog, up to the end that the committed offset names: the task's own record and the states.
    pub changelog: Changelog,
    /// The input offset from which on the changelog knows nothing: input is handed out again from here. No more than
    /// `next_offset`; `None` if nothing was ever committed.
    pub floor: Option<i64>,
    /// What stood beside the committed offset.
    pub note: Option<OffsetNote>,
}

/// All that a worker did since its last commit.
#[derive(Clone, Copy, Debug)]
pub struct Transaction<'a> {
    /// Outputs, dead letters, changed states and, last of each changelog, the task's own record.
    pub batch: &'a Batch,
    /// Every task of the worker, changed or not, in order.
    pub tasks: &'a [TaskPosition],
}

/// How far a task has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskPosition {
    /// Which task.
    pub task: TaskId,
    /// The next input offset to read.
    pub next_offset: i64,
    /// Index, in the batch, of the task's own record; `None` if its state is not captured in this transaction.
    pub task_record: Option<usize>,
    /// The input offset up to which its state is captured, now or earlier.
    pub floor: i64,
    /// What is to stand beside the committed offset.
    pub note: OffsetNote,
}

/// How a commit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// All of it stands, after so many aborts.
    Yes {
        /// Clean aborts before it stood.
        aborts: u32,
        /// How long it took, aborts included. Nothing where time is simulated.
        took: Duration,
    },
    /// Nobody can say, or the tasks are somebody else's: whatever was really committed stands.
    Unknown,
}
