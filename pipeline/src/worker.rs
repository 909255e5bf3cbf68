//! The loop that every stage runs: poll, fold, commit. One batch is one transaction over all tasks of the worker.
//!
//! ```text
//! assigned ──► restore the tasks
//! record   ──► fold it; a mark fires timers, over several transactions if need be
//! drained, or a limit reached ──► capture the changed states, commit everything together
//! revoked  ──► commit what is open unless it is lost, drop the tasks
//! unknown outcome ──► drop the tasks: they come back as they were really committed
//! ```

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use journey::{TimeMark, Timestamp, definitions::DefinitionSet};

use crate::{
    kafka::failpoint,
    log::{Committed, Log, LogError, Polled, Restored, TaskId, TaskPosition, Transaction},
    metrics::Metrics,
    outbox::{Addresses, Batch},
    processor::{MarksInto, Stage, TaskContext, TimeFrom},
    task::{MARK_EVERY, Taken, Task, push_mark},
};

/// When a worker commits, and how much it takes into one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Not sooner after the end of the last commit than this, however drained the input is. The broker still writes that
    /// one's markers: a transaction that begins before it is done is sent back, and waits 20 ms.
    pub at_least: Duration,
    /// Not later after the first uncommitted record than this.
    pub at_most: Duration,
    /// What only moved offsets may wait so long.
    pub quiet: Duration,
    /// Input records of one transaction.
    pub records: usize,
    /// Outgoing records of one transaction.
    pub outputs: usize,
    /// Outgoing bytes of one transaction.
    pub bytes: usize,
    /// A task's changed states are written to its changelog no later than this after the last time; what was folded since is
    /// folded again on restore. Zero: with every commit.
    pub state_age: Duration,
    /// Nor after more input than this.
    pub state_records: usize,
}

impl Default for Pace {
    /// 10 ms between commits halves the broker's work against none and costs no latency.
    fn default() -> Self {
        Pace {
            at_least: Duration::from_millis(10),
            at_most: Duration::from_millis(100),
            quiet: Duration::from_millis(200),
            records: 50_000,
            outputs: 100_000,
            bytes: 32 << 20,
            state_age: Duration::from_secs(10),
            state_records: 100_000,
        }
    }
}

/// Where a schema that is not compiled in comes from.
pub trait SchemaSource {
    /// The schema of an id, as JSON. Waits for as long as it takes: an unknown id is never a reason to give a record up.
    fn schema(&mut self, id: u32) -> Result<String, LogError>;
}

/// Makes a stage's processor for a task.
pub type MakeStage<S> = Box<dyn Fn(TaskContext) -> S + Send>;

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
    sets: Arc<[Arc<DefinitionSet>]>,
    schemas: Box<dyn SchemaSource + Send>,
    addresses: Addresses,
    metrics: Arc<Metrics>,
    pace: Pace,
    tasks: BTreeMap<TaskId, Task<S>>,
    batch: Batch,
    taken: usize,
    opened_at: Option<Duration>,
    /// When the turn after the last commit began: pacing counts from the commit's end, which no earlier turn has seen.
    committed_at: Option<Duration>,
    has_just_committed: bool,
    marked_at: Option<Duration>,
    marked: BTreeMap<TaskId, Timestamp>,
    window: (u64, u64),
    grace: journey::Millis,
    assigned: bool,
    /// By task: when its states were captured last, and how much input the worker has taken since.
    captured: BTreeMap<TaskId, (Duration, usize)>,
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

/// What a worker is made of.
pub struct Parts<S: Stage> {
    /// Makes a task's processor.
    pub make: MakeStage<S>,
    /// Every set of definitions, in order of effect.
    pub sets: Arc<[Arc<DefinitionSet>]>,
    /// Schemas that are not compiled in.
    pub schemas: Box<dyn SchemaSource + Send>,
    /// Partition counts and schema ids.
    pub addresses: Addresses,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// When to commit.
    pub pace: Pace,
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
            sets: parts.sets,
            schemas: parts.schemas,
            addresses: parts.addresses,
            metrics: parts.metrics,
            pace: parts.pace,
            tasks: BTreeMap::new(),
            batch: Batch::default(),
            taken: 0,
            opened_at: None,
            committed_at: None,
            has_just_committed: false,
            marked_at: None,
            marked: BTreeMap::new(),
            window: (0, 0),
            grace: parts.grace,
            assigned: false,
            captured: BTreeMap::new(),
            is_closing: false,
        }
    }

    /// The tasks, in order.
    pub fn tasks(&self) -> impl Iterator<Item = &Task<S>> {
        self.tasks.values()
    }

    /// Whether the group has given this worker its share, be it empty, and all of it has been restored.
    pub fn has_been_assigned(&self) -> bool {
        self.assigned
    }

    /// The log.
    pub fn log_mut(&mut self) -> &mut L {
        &mut self.log
    }

    /// Polls until there is nothing more now or a commit is due, and commits if it is. `now` is any clock that does not go
    /// back; it decides how much goes into a transaction and nothing else.
    pub fn turn(&mut self, now: Duration) -> Result<Turn, LogError> {
        if std::mem::take(&mut self.has_just_committed) {
            self.committed_at = Some(now);
        }
        if self.must_commit(now) {
            self.commit(now)?;
        }
        for polled in 0..TURN {
            // Only the first poll waits: `now` is as old as the turn, and pacing goes by it.
            let wait = if polled == 0 {
                self.wait(now)
            } else {
                Duration::ZERO
            };
            match self.poll(now, wait)? {
                Happened::Record if self.is_full() => {
                    self.commit(now)?;
                    self.finish_marks(now)?;
                    return Ok(Turn::Worked);
                }
                Happened::Record => {}
                Happened::Drained if polled > 0 => return Ok(Turn::Worked),
                Happened::Drained if self.may_commit(now) => {
                    self.commit(now)?;
                    return Ok(Turn::Worked);
                }
                Happened::Drained => {
                    return Ok(if self.is_open() {
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
        // The last mark must not wait for its turn: nobody comes after it.
        self.marked_at = None;
        if self.is_unmarked() {
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
        if taken == Taken::Replayed {
            return Ok(Happened::Record);
        }
        self.taken += 1;
        self.opened_at.get_or_insert(now);
        self.window.0 += 1;
        self.window.1 += u64::from(taken == Taken::Rejected);
        if taken == Taken::HalfDone {
            self.finish_marks(now)?;
        }
        Ok(Happened::Record)
    }

    /// Goes on with half-done marks until none is left, committing as often as the batch is full.
    fn finish_marks(&mut self, now: Duration) -> Result<(), LogError> {
        loop {
            let pace = self.pace;
            let mut left = false;
            for task in self.tasks.values_mut() {
                let taken =
                    task.go_on(&mut self.batch, &self.addresses, |batch| over(&pace, batch));
                left |= taken == Taken::HalfDone;
            }
            if !left {
                return Ok(());
            }
            self.commit(now)?;
            failpoint::reach("mid_mark");
        }
    }

    fn assign(&mut self, restored: Vec<Restored>) -> Result<(), LogError> {
        self.assigned = true;
        for restored in &restored {
            let Some(id) = restored.task else { continue };
            let context = TaskContext {
                input: id.input,
                partition: id.partition,
                partition_count: restored.partition_count,
            };
            let task = Task::restore(
                (self.make)(context),
                context,
                Arc::clone(&self.sets),
                restored,
            )?;
            self.tasks.insert(id, task);
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
        if self.is_open() || self.tasks.values().any(Task::is_uncaptured) {
            self.is_closing = true;
            let committed = self.commit(now);
            self.is_closing = false;
            committed?;
        }
        self.drop_tasks();
        Ok(())
    }

    fn drop_tasks(&mut self) {
        self.tasks.clear();
        self.marked.clear();
        self.captured.clear();
        self.reset();
    }

    fn reset(&mut self) {
        self.batch.clear();
        self.taken = 0;
        self.opened_at = None;
    }

    fn is_open(&self) -> bool {
        !self.batch.is_empty() || self.tasks.values().any(Task::has_read)
    }

    /// Whether time has risen and no mark has said so yet. If nothing comes after it, as at the end of a backfill, a
    /// transaction of its own must.
    fn is_unmarked(&self) -> bool {
        self.writes_marks() && self.tasks.values().any(|task| self.has_risen(task))
    }

    fn is_full(&self) -> bool {
        self.taken >= self.pace.records || over(&self.pace, &self.batch)
    }

    fn must_commit(&self, now: Duration) -> bool {
        let overdue = self
            .opened_at
            .is_some_and(|opened| now.saturating_sub(opened) >= self.pace.at_most);
        self.is_full() || (overdue && !self.batch.is_empty()) || (overdue && self.may_commit(now))
    }

    /// Whether a drained input may be committed now.
    fn may_commit(&self, now: Duration) -> bool {
        if !self.is_open() && !self.mark_due(now) {
            return false;
        }
        let since = self
            .committed_at
            .map_or(Duration::MAX, |at| now.saturating_sub(at));
        let urgent = !self.batch.is_empty() || self.mark_due(now);
        since
            >= if urgent {
                self.pace.at_least
            } else {
                self.pace.quiet
            }
    }

    fn wait(&self, now: Duration) -> Duration {
        if !self.is_open() && !self.is_unmarked() {
            return Duration::from_millis(50);
        }
        let until = |at: Option<Duration>, pause: Duration| {
            at.map_or(Duration::ZERO, |at| (at + pause).saturating_sub(now))
        };
        let pause = if self.batch.is_empty() {
            self.pace.quiet
        } else {
            self.pace.at_least
        };
        let wait = until(self.committed_at, pause);
        if self.writes_marks() {
            wait.min(until(self.marked_at, mark_every()))
        } else {
            wait
        }
    }

    /// Whether this worker itself, rather than its tasks, writes marks: where time comes from the broker's clock.
    fn writes_marks(&self) -> bool {
        S::TOPOLOGY.time_from == TimeFrom::AppendTime
    }

    fn mark_due(&self, now: Duration) -> bool {
        let pause = self
            .marked_at
            .is_none_or(|at| now.saturating_sub(at) >= mark_every());
        pause && self.is_unmarked()
    }

    fn has_risen(&self, task: &Task<S>) -> bool {
        task.time().frontier
            > self
                .marked
                .get(&task.id())
                .copied()
                .unwrap_or(Timestamp::MIN)
    }

    /// Claims, in the transaction that passes it on, all that this worker's tasks have read.
    fn write_mark(&mut self, now: Duration) {
        let MarksInto::EveryPartition(output) = S::TOPOLOGY.marks_into else {
            return;
        };
        if !self.mark_due(now) {
            return;
        }
        let known = self
            .tasks
            .values()
            .filter(|task| task.time().frontier > Timestamp::MIN);
        let claims: Vec<_> = known
            .map(|task| (task.id(), task.time().frontier))
            .collect();
        let inputs = S::TOPOLOGY.inputs;
        let mark = TimeMark {
            grace: self.grace,
            sources: claims
                .iter()
                .map(|(id, at)| (inputs[id.input].into(), id.partition, *at))
                .collect(),
            of: inputs
                .iter()
                .zip(&self.addresses.input_partitions)
                .map(|(name, n)| ((*name).into(), *n))
                .collect(),
            passed: None,
        };
        push_mark(
            &mark,
            output,
            0..self.addresses.partitions[output],
            &mut self.batch,
        );
        self.marked.extend(claims);
        self.marked_at = Some(now);
    }

    fn commit(&mut self, now: Duration) -> Result<(), LogError> {
        if self.writes_marks() {
            self.write_mark(now);
        }
        let positions = self.capture(now);
        let transaction = Transaction {
            batch: &self.batch,
            tasks: &positions,
        };
        match self.log.commit(&transaction)? {
            Committed::Yes { aborts } => {
                self.metrics.committed(&self.batch, aborts);
                for task in self.tasks.values_mut() {
                    self.metrics.observe(task);
                }
            }
            Committed::Unknown => {
                self.metrics.unknown_outcome();
                self.drop_tasks();
            }
        }
        (self.committed_at, self.has_just_committed) = (Some(now), true);
        self.reset();
        self.check_rejected()
    }

    /// How far each task has come; with the states of those whose turn it is. One at a time: a transaction that holds them is
    /// a long one.
    fn capture(&mut self, now: Duration) -> Vec<TaskPosition> {
        let Pace {
            state_age,
            state_records,
            ..
        } = self.pace;
        for task in self.tasks.keys() {
            self.captured.entry(*task).or_insert((now, 0)).1 += self.taken;
        }
        let captured = &self.captured;
        let overdue = |task: &TaskId| {
            let (at, records) = captured.get(task).copied().unwrap_or_default();
            now.saturating_sub(at) >= state_age || records >= state_records
        };
        let oldest = self
            .tasks
            .keys()
            .filter(|task| overdue(task))
            .min_by_key(|task| captured.get(task).map(|(at, _)| *at))
            .copied();
        let all = self.is_closing || state_age.is_zero();
        let mut positions = Vec::with_capacity(self.tasks.len());
        for (id, task) in &mut self.tasks {
            let position =
                task.capture(all || Some(*id) == oldest, &mut self.batch, &self.addresses);
            if position.task_record.is_some() || Some(*id) == oldest {
                self.captured.insert(*id, (now, 0));
            }
            positions.push(position);
        }
        positions
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

fn mark_every() -> Duration {
    Duration::from_millis(MARK_EVERY.0 as u64)
}

fn over(pace: &Pace, batch: &Batch) -> bool {
    batch.record_count() >= pace.outputs || batch.byte_count() >= pace.bytes
}
