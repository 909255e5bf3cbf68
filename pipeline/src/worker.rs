//! The loop that every stage runs: poll, fold, commit. One batch is one transaction over all tasks of the worker.
//!
//! ```text
//! assigned ──► restore the tasks
//! record   ──► fold it; a mark fires timers, over several turns and transactions if need be
//! drained, or a limit reached ──► capture the changed states, commit everything together
//! revoked  ──► commit what is open unless it is lost, drop the tasks
//! unknown outcome ──► drop the tasks: they come back as they were really committed
//! ```

mod align;
mod capture;
mod in_mark;
mod parts;
mod restore;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use journey::Timestamp;

use self::align::Alignment;
pub use self::parts::{MakeStage, Parts, SchemaSource};
use crate::{
    definitions::Definitions,
    log::{Committed, Log, LogError, Polled, Restored, TaskId, Transaction},
    metrics::Metrics,
    outbox::{Addresses, Batch},
    pace::{Pacing, Uncommitted},
    processor::{MarksInto, Stage, TimeFrom},
    raw_marks::RawMarks,
    state_record,
    task::{Taken, Task, push_mark},
};

/// Share of unreadable records above which a stage stops: the fault is ours, not the data's.
const REJECTED_SHARE: f64 = 0.5;
/// Records after which that share is looked at.
const REJECTED_WINDOW: u64 = 1_000;
/// Records polled in one turn at the most.
const TURN: usize = 512;

/// One thread's work: a log and its tasks.
pub struct Worker<S: Stage, L: Log> {
    log: L,
    make: MakeStage<S>,
    definitions: Definitions,
    edition: u64,
    schemas: Box<dyn SchemaSource + Send>,
    addresses: Addresses,
    metrics: Arc<Metrics>,
    state_limit: Option<usize>,
    state_format: u8,
    pacing: Pacing,
    tasks: BTreeMap<TaskId, Task<S>>,
    batch: Batch,
    marks: RawMarks,
    window: (u64, u64),
    assigned: bool,
    /// By task: when its states were captured last, and how much input the worker has taken since.
    captured: BTreeMap<TaskId, (Duration, usize)>,
    /// Tasks in the middle of a mark: their records wait.
    in_mark: BTreeSet<TaskId>,
    /// Whether sources of time that run ahead wait for the slowest, and which do.
    aligns: bool,
    alignment: Alignment,
    is_closing: bool,
}

impl<S: Stage, L: Log> std::fmt::Debug for Worker<S, L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker")
            .field("stage", &S::TOPOLOGY.stage)
            .field("tasks", &self.tasks.keys())
            .finish()
    }
}

/// What a turn did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Something: more may be there.
    Worked,
    /// Nothing was there, and nothing is left to commit.
    Idle,
    /// Nothing was there; what is open waits for its time.
    Waiting,
}

enum Happened {
    Record,
    Drained,
    Assigned(Vec<Restored>),
    Revoked { lost: bool },
}

impl<S: Stage, L: Log> Worker<S, L> {
    /// A worker with no tasks yet.
    pub fn new(log: L, parts: Parts<S>) -> Self {
        Worker {
            log,
            make: parts.make,
            edition: parts.definitions.edition(),
            definitions: parts.definitions,
            schemas: parts.schemas,
            addresses: parts.addresses,
            metrics: parts.metrics,
            state_limit: parts.state_limit,
            state_format: parts
                .state_format
                .unwrap_or(state_record::default_format(S::STATE_FORMAT)),
            pacing: Pacing::new(parts.pace, writes_marks::<S>()),
            tasks: BTreeMap::new(),
            batch: Batch::default(),
            marks: RawMarks::new(parts.grace),
            window: (0, 0),
            assigned: false,
            captured: BTreeMap::new(),
            in_mark: BTreeSet::new(),
            aligns: parts.align_sources,
            alignment: Alignment::default(),
            is_closing: false,
        }
    }

    /// The tasks, in order.
    pub fn tasks(&self) -> impl Iterator<Item = &Task<S>> {
        self.tasks.values()
    }

    /// Whether this worker has its share of the group's tasks, be it empty, and all of them stand where they were committed.
    pub fn is_ready(&self) -> bool {
        self.assigned && !self.tasks.values().any(Task::is_replaying)
    }

    /// The log.
    pub fn log_mut(&mut self) -> &mut L {
        &mut self.log
    }

    /// Polls until there is nothing more now or a commit is due, and commits if it is. `now` is any clock that does not go
    /// back; it decides how much goes into a transaction and nothing else.
    pub fn turn(&mut self, now: Duration) -> Result<Turn, LogError> {
        self.pacing.turned(now);
        self.take_definitions();
        if self.is_full() || self.pacing.must_commit(now, self.uncommitted()) {
            self.commit(now)?;
        }
        self.go_on(now)?;
        self.align(now)?;
        for polled in 0..TURN {
            // Only the first poll waits: `now` is as old as the turn, and pacing goes by it.
            let wait = if polled == 0 && self.in_mark.is_empty() {
                self.pacing.wait(now, self.uncommitted())
            } else {
                Duration::ZERO
            };
            match self.poll(now, wait)? {
                Happened::Record if self.is_full() => {
                    self.commit(now)?;
                    return Ok(Turn::Worked);
                }
                Happened::Record => {}
                Happened::Drained if polled > 0 || !self.in_mark.is_empty() => {
                    return Ok(Turn::Worked);
                }
                Happened::Drained if self.pacing.may_commit(now, self.uncommitted()) => {
                    self.commit(now)?;
                    return Ok(Turn::Worked);
                }
                Happened::Drained => {
                    return Ok(if self.uncommitted().is_open() {
                        Turn::Waiting
                    } else {
                        Turn::Idle
                    });
                }
                Happened::Assigned(restored) => self.assign(restored)?,
                Happened::Revoked { lost } => self.revoke(lost, now)?,
            }
        }
        Ok(Turn::Worked)
    }

    /// Commits what is open and lets everything go.
    pub fn stop(&mut self, now: Duration) -> Result<(), LogError> {
        self.pacing.hurry_mark();
        if self.uncommitted().mark {
            self.commit(now)?;
        }
        self.close(now)
    }

    fn poll(&mut self, now: Duration, wait: Duration) -> Result<Happened, LogError> {
        let record = match self.log.poll(wait)? {
            Polled::Record(record) => record,
            Polled::Drained => return Ok(Happened::Drained),
            Polled::Assigned(restored) => return Ok(Happened::Assigned(restored)),
            Polled::Revoked { lost } => return Ok(Happened::Revoked { lost }),
        };
        let Some(task) = self.tasks.get_mut(&record.task) else {
            return Ok(Happened::Record);
        };
        let taken = loop {
            match task.take(&record, &mut self.batch, &self.addresses)? {
                Taken::Unknown(id) => {
                    let schema = self.schemas.schema(id)?;
                    task.learn(id, &schema)?;
                }
                taken => break taken,
            }
        };
        if matches!(taken, Taken::Replayed | Taken::HalfDone) {
            // At once: a task that is lost before its next commit takes nothing of it away.
            self.metrics.diverged(task.take_divergences());
        }
        if taken == Taken::Replayed {
            return Ok(Happened::Record);
        }
        self.pacing.took(now);
        self.window.0 += 1;
        self.window.1 += u64::from(taken == Taken::Rejected);
        let task = record.task;
        if taken == Taken::HalfDone {
            self.begin_mark(task)?;
        }
        Ok(Happened::Record)
    }

    /// Hands the tasks the sets that were published since the last turn.
    fn take_definitions(&mut self) {
        let edition = self.definitions.edition();
        if edition == self.edition {
            return;
        }
        self.edition = edition;
        let sets = self.definitions.sets();
        for task in self.tasks.values_mut() {
            task.set_sets(Arc::clone(&sets));
        }
    }

    fn assign(&mut self, restored: Vec<Restored>) -> Result<(), LogError> {
        self.assigned = true;
        for mut task in self.restore(restored)? {
            task.limit_states(self.state_limit);
            task.write_format(self.state_format);
            // Before its first commit: that may be what does not come.
            self.metrics.observe(&mut task);
            self.tasks.insert(task.id(), task);
        }
        Ok(())
    }

    fn revoke(&mut self, lost: bool, now: Duration) -> Result<(), LogError> {
        if lost {
            self.drop_tasks();
            return Ok(());
        }
        self.close(now)
    }

    /// Commits what is open, with all states, so that nothing needs to be folded again, and lets the tasks go.
    fn close(&mut self, now: Duration) -> Result<(), LogError> {
        if self.uncommitted().is_open() || self.tasks.values().any(Task::is_uncaptured) {
            self.is_closing = true;
            let committed = self.commit(now);
            self.is_closing = false;
            committed?;
        }
        self.drop_tasks();
        Ok(())
    }

    fn drop_tasks(&mut self) {
        self.assigned = false;
        self.tasks.clear();
        self.marks.clear();
        self.captured.clear();
        self.in_mark.clear();
        self.alignment.clear();
        self.batch.clear();
        self.pacing.begin_anew();
    }

    fn uncommitted(&self) -> Uncommitted {
        Uncommitted {
            outputs: !self.batch.is_empty(),
            offsets: self.tasks.values().any(Task::has_read),
            mark: writes_marks::<S>()
                && self
                    .frontiers()
                    .any(|frontier| self.marks.is_behind(frontier)),
        }
    }

    fn is_full(&self) -> bool {
        self.pacing.is_full(&self.batch)
    }

    fn frontiers(&self) -> impl Iterator<Item = (TaskId, Timestamp)> {
        let tasks = self.tasks.values();
        tasks.map(|task| (task.id(), task.time().frontier))
    }

    /// Writes this worker's own mark, if it is due, into every partition of its output.
    fn write_mark(&mut self, now: Duration) {
        let MarksInto::EveryPartition(output) = S::TOPOLOGY.marks_into else {
            return;
        };
        if !self.pacing.mark_due(now, self.uncommitted()) {
            return;
        }
        let tasks = self.tasks.values();
        let frontiers = tasks.map(|task| (task.id(), task.time().frontier));
        let mark = self.marks.mark(frontiers, &self.addresses);
        let partitions = 0..self.addresses.partitions[output];
        push_mark(&mark, output, partitions, &mut self.batch);
        self.pacing.marked(now);
    }

    fn commit(&mut self, now: Duration) -> Result<(), LogError> {
        if writes_marks::<S>() {
            self.write_mark(now);
        }
        let positions = self.capture(now);
        let transaction = Transaction {
            batch: &self.batch,
            tasks: &positions,
        };
        let took = match self.log.commit(&transaction)? {
            Committed::Yes { aborts, took } => {
                self.metrics.committed(&self.batch, aborts);
                self.observe(now);
                took
            }
            Committed::Unknown => {
                self.drop_tasks();
                Duration::ZERO
            }
        };
        self.batch.clear();
        self.pacing.committed(now, took);
        self.reach_failpoint();
        self.check_rejected()
    }

    fn check_rejected(&mut self) -> Result<(), LogError> {
        let (seen, rejected) = self.window;
        if seen < REJECTED_WINDOW {
            return Ok(());
        }
        self.window = (0, 0);
        let share = rejected as f64 / seen as f64;
        if !S::TOPOLOGY.dead_letter_limit || share <= REJECTED_SHARE {
            return Ok(());
        }
        Err(LogError::new(format!(
            "{rejected} of the last {seen} records could not be read: the fault is more likely ours than theirs. Look at \
             them with `footfall dead-letters list`, check with `footfall schemas check`, then start again"
        )))
    }
}

/// Whether a worker itself, rather than its tasks, writes marks: where time comes from the broker's clock.
fn writes_marks<S: Stage>() -> bool {
    S::TOPOLOGY.time_from == TimeFrom::AppendTime
}

#[cfg(test)]
mod tests;
