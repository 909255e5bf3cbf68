//! One partition's work: records, marks and timers in the order of the log, and what must be remembered of them.

mod capture;
mod format;
mod limit;
mod marks;
mod read_back;
mod replay;
mod restore;

use std::sync::Arc;

use journey::{TaskTime, Timestamp, definitions::DefinitionSet, mark::Claims};

pub use self::marks::MARK_EVERY;
pub(crate) use self::marks::push_mark;
use self::{capture::Captured, marks::HalfDone};
use crate::{
    fold::{Cursor, Fold},
    hot_key::HotKey,
    log::{LogError, PolledRecord, TaskId},
    outbox::{Addresses, Batch, Origin, Outbox},
    processor::{Record, Refusal, Stage, TaskContext, TimeFrom},
};

/// One partition's states, timers and time.
pub struct Task<S: Stage> {
    id: TaskId,
    context: TaskContext,
    fold: Fold<S>,
    claims: Claims,
    last_received: Timestamp,
    sets: Arc<[Arc<DefinitionSet>]>,
    in_force: i64,
    marked: Timestamp,
    next_offset: i64,
    half_done: Option<HalfDone<S::Key>>,
    /// Since the last commit.
    has_read: bool,
    capture: Captured,
    /// The last timer that an earlier owner committed of the mark at [`Captured::replayed_until`], until it has fired again.
    replayed_through: Option<Cursor<S::Key>>,
    hot_key: HotKey,
    /// Keys let go at the state limit, since they were last counted.
    evicted: u64,
    /// In which states are written.
    format: u8,
    /// The newest in which anything stands on the changelog that was restored.
    newest_found: u8,
    outputs: Vec<S::Output>,
}

impl<S: Stage> std::fmt::Debug for Task<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Task")
            .field("id", &self.id)
            .field("next_offset", &self.next_offset)
            .finish()
    }
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Done with.
    Yes,
    /// A mark, with timers left to fire: [`Task::go_on`]. Those that were committed before have been folded again.
    HalfDone,
    /// Kept apart: it could not be read.
    Rejected,
    /// Folded again: what it says was committed before.
    Replayed,
    /// Its schema must be learnt first: [`Task::learn`], and take it again.
    Unknown(u32),
}

impl<S: Stage> Task<S> {
    /// Which task this is.
    pub fn id(&self) -> TaskId {
        self.id
    }

    /// How many keys have a state.
    pub fn state_count(&self) -> usize {
        self.fold.len()
    }

    /// What time the task knows it to be.
    pub fn time(&self) -> TaskTime {
        self.fold.time()
    }

    /// Which frontier something waits to see passed, if nothing comes: see [`Fold::next_deadline`].
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.fold.next_deadline(self.claims.grace())
    }

    /// Which share of the input its hottest key has.
    pub fn hottest_key_share(&self) -> f64 {
        self.hot_key.share()
    }

    /// The number that the stage shows of this task.
    pub fn gauge(&self) -> Option<f64> {
        let open = self.fold.open();
        self.fold.processor().gauge(&self.time(), open)
    }

    /// The sources' claims: who holds the frontier back.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The definitions in force.
    pub fn definitions_version(&self) -> i64 {
        self.in_force.max(0)
    }

    /// The stage's processor.
    pub fn stage_mut(&mut self) -> &mut S {
        self.fold.processor_mut()
    }

    /// These sets are known now. A task switches no sooner than at the next mark: one that it learns of too late for its
    /// `effective_at` is not backdated.
    pub fn set_sets(&mut self, sets: Arc<[Arc<DefinitionSet>]>) {
        self.sets = sets;
    }

    /// Every key with its state, in order of key.
    pub fn states(&self) -> Vec<(&S::Key, &S::State)> {
        self.fold.states()
    }

    /// Takes one record in.
    pub fn take(
        &mut self,
        record: &PolledRecord<'_>,
        batch: &mut Batch,
        addresses: &Addresses,
    ) -> Result<Taken, LogError> {
        if record.offset < self.next_offset {
            return Ok(Taken::Yes);
        }
        self.check_mark_is_done(record.offset)?;
        if self.was_committed(record.offset) {
            return self.take_again(record, addresses);
        }
        // Offsets have gaps: what lay between may have been no record at all.
        self.next_offset = self.next_offset.max(self.capture.replayed_until);
        self.compare();
        self.take_in(record, batch, addresses)
    }

    fn take_in(
        &mut self,
        record: &PolledRecord<'_>,
        batch: &mut Batch,
        addresses: &Addresses,
    ) -> Result<Taken, LogError> {
        if S::TOPOLOGY.time_from == TimeFrom::AppendTime {
            self.last_received = self.last_received.max(record.appended_at);
            self.fold.set_time(self.time_now());
            self.adopt_due();
        }
        let before = batch.record_count();
        // Anybody may write into a raw topic: what looks like a mark there is a tick.
        let mark = record
            .mark
            .filter(|_| S::TOPOLOGY.time_from == TimeFrom::Marks);
        let taken = match mark {
            Some(mark) => self.take_mark(mark, record.offset, batch, addresses)?,
            None if record.is_empty() => Taken::Yes,
            None => self.take_input(record, batch, addresses),
        };
        self.capture.said += (batch.record_count() - before) as u64;
        match taken {
            Taken::Yes | Taken::Rejected => self.read_up_to(record.offset + 1),
            Taken::HalfDone => self.read_up_to(record.offset),
            Taken::Unknown(_) | Taken::Replayed => {}
        }
        Ok(taken)
    }

    fn read_up_to(&mut self, next_offset: i64) {
        self.next_offset = next_offset;
        self.has_read = true;
        self.capture.is_behind = true;
    }

    fn take_input(
        &mut self,
        record: &PolledRecord<'_>,
        batch: &mut Batch,
        addresses: &Addresses,
    ) -> Taken {
        if let Some(key) = record.key {
            self.hot_key.came(key);
        }
        let received_at = self.last_received.max(record.appended_at);
        let first_received_at = record.before.first_received(received_at);
        let origin = Origin {
            input: self.id.input,
            partition: self.id.partition,
            offset: record.offset,
            key: record.key,
            value: record.value,
            attempts: record.before.attempts,
            first_received_at,
        };
        let decoded = self.fold.processor_mut().decode(&Record {
            topic: S::TOPOLOGY.inputs[self.id.input],
            partition: self.id.partition,
            offset: record.offset,
            received_at,
            first_received_at,
            key: record.key,
            value: record.value,
        });
        let mut outbox = Outbox::new(batch, addresses, self.id.partition, Some(origin));
        let mut taken = Taken::Yes;
        match decoded {
            Ok(input) => {
                let key = self.fold.apply(input, &mut self.outputs);
                self.fold.processor().condense(&mut self.outputs);
                for output in self.outputs.drain(..) {
                    self.fold.processor().encode(&key, output, &mut outbox);
                }
            }
            Err(Refusal::Suppressed(reason)) => outbox.suppress(reason),
            Err(Refusal::Rejected(rejection)) => {
                outbox.dead_letter(&rejection);
                taken = Taken::Rejected;
            }
            Err(Refusal::UnknownSchema(id)) => return Taken::Unknown(id),
        }
        outbox.finish();
        self.keep_to_limit(batch, addresses);
        taken
    }

    /// Learns what a schema id stands for.
    pub fn learn(&mut self, id: u32, schema: &str) -> Result<(), LogError> {
        self.fold
            .processor_mut()
            .learn(id, schema)
            .map_err(|e| LogError::new(e.to_string()))
    }

    fn encode(&mut self, key: &S::Key, batch: &mut Batch, addresses: &Addresses) {
        let mut outbox = Outbox::new(batch, addresses, self.id.partition, None);
        for output in self.outputs.drain(..) {
            self.fold.processor().encode(key, output, &mut outbox);
        }
        outbox.finish();
    }

    fn time_now(&self) -> TaskTime {
        match S::TOPOLOGY.time_from {
            TimeFrom::AppendTime => TaskTime {
                frontier: self.last_received,
                watermark: Timestamp::MIN,
            },
            TimeFrom::Marks => TaskTime::new(self.claims.frontier(), self.claims.grace()),
        }
    }

    /// Switches to the newest definitions that are in effect at the frontier.
    fn adopt_due(&mut self) {
        let frontier = self.fold.time().frontier;
        let newest = if self.is_replaying() {
            self.capture.definitions
        } else {
            i64::MAX
        };
        let due = self
            .sets
            .iter()
            .rev()
            .find(|set| set.effective_at <= frontier && set.version <= newest);
        if let Some(set) = due.filter(|set| set.version > self.in_force) {
            self.in_force = set.version;
            // Where it switched depends on when it learnt of the set: nothing before may ever be folded again.
            self.capture.is_due = true;
            let set = Arc::clone(set);
            self.fold.processor_mut().adopt(&set);
        }
    }

    /// Whether anything was read since the last capture.
    pub fn has_read(&self) -> bool {
        self.has_read
    }

    /// Counts of input that took the slow way of schema resolution since the last call.
    pub fn take_slow_decodes(&mut self) -> u64 {
        self.fold.processor_mut().take_slow_decodes()
    }
}

#[cfg(test)]
pub(crate) mod tests;
