//! One partition's work: records, marks and timers in the order of the log, and what must be remembered of them.

use std::sync::Arc;

use journey::{Millis, TaskTime, TimeMark, Timestamp, definitions::DefinitionSet, mark::Claims};
use schemas::Avro;

use crate::{
    changelog::OffsetNote,
    fold::{Cursor, Fold},
    log::{LogError, PolledRecord, Restored, TaskId, TaskPosition},
    outbox::{Addresses, Batch, Destination, Origin, Outbox},
    processor::{MarksInto, Record, Refusal, Stage, TaskContext, TimeFrom},
    state_record::{self, Position, TASK_KEY, TaskRecord},
};

/// A writer's own marks are at least this far apart.
pub const MARK_EVERY: Millis = Millis(200);

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

/// How much of a task's state its changelog holds.
#[derive(Debug, Default)]
struct Captured {
    /// All up to this input offset.
    floor: i64,
    /// Input was folded since.
    is_behind: bool,
    /// The next commit must capture, whatever the state's age.
    is_due: bool,
    /// What lies before this offset was committed by an earlier owner: it is folded again, and what it says is discarded.
    replayed_until: i64,
    /// The definitions in force at that offset: none newer may come into force before it.
    definitions: i64,
    discarded: Batch,
}

/// A mark whose timers have not all fired: it is read again, and gone on with, until they have.
struct HalfDone<K> {
    offset: i64,
    cursor: Option<Cursor<K>>,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Done with.
    Yes,
    /// A mark, with timers left to fire: [`Task::go_on`].
    HalfDone,
    /// Kept apart: it could not be read.
    Rejected,
    /// Folded again: what it says was committed before.
    Replayed,
    /// Its schema must be learnt first: [`Task::learn`], and take it again.
    Unknown(u32),
}

impl<S: Stage> Task<S> {
    /// The task as it was committed.
    pub fn restore(
        stage: S,
        context: TaskContext,
        sets: Arc<[Arc<DefinitionSet>]>,
        restored: &Restored,
    ) -> Result<Self, LogError> {
        let id = TaskId {
            input: context.input,
            partition: context.partition,
        };
        let mut task = Task {
            id,
            context,
            fold: Fold::new(stage),
            claims: Claims::default(),
            last_received: Timestamp::MIN,
            sets,
            in_force: i64::MIN,
            marked: Timestamp::MIN,
            next_offset: restored.floor.or(restored.next_offset).unwrap_or(0),
            half_done: None,
            has_read: false,
            capture: Captured::default(),
            outputs: Vec::new(),
        };
        if restored.next_offset.is_none() && !restored.changelog.is_empty() {
            return Err(task.broken("there is state but no committed offset; offsets of an empty group expire after \
                offsets.retention.minutes: set them again with `kafka-consumer-groups.sh --reset-offsets`, or delete the changelog's records and read the input again"));
        }
        let own = restored.changelog.iter().find(|(key, _)| key == TASK_KEY);
        let record = match own {
            Some((_, value)) => Some(task.restore_own(value)?),
            None if restored.changelog.is_empty() => None,
            None => {
                return Err(
                    task.broken("the changelog has states but no record of the task itself")
                );
            }
        };
        let noted = restored.note.as_ref().filter(|_| S::TOPOLOGY.stateless);
        if let Some(note) = noted {
            task.fold.processor_mut().recall(&note.own);
            task.last_received = note.received;
            task.fold.set_time(task.time_now());
        }
        let recorded = record.map(|record| record.definitions_version);
        let wanted = recorded.or(noted.map(|note| note.definitions));
        match wanted {
            Some(version) => task.adopt_version(version)?,
            None => task.adopt_due(),
        }
        for (key, value) in restored.changelog.iter().filter(|(key, _)| key != TASK_KEY) {
            task.restore_state(key, value)?;
        }
        task.capture = Captured {
            floor: task.next_offset,
            is_due: restored.next_offset != Some(task.next_offset),
            replayed_until: restored.next_offset.unwrap_or(0),
            definitions: restored
                .note
                .as_ref()
                .map_or(i64::MAX, |note| note.definitions),
            ..Captured::default()
        };
        Ok(task)
    }

    fn restore_own(&mut self, value: &[u8]) -> Result<TaskRecord, LogError> {
        let (position, body) = self.head(value)?;
        if position.next_offset != self.next_offset {
            return Err(self.broken(&format!(
                "its own record holds up to input offset {}, and what is committed beside the offset says {}: the changelog \
                 and the group's offsets do not belong together, or the changelog was cut",
                position.next_offset, self.next_offset
            )));
        }
        let record: TaskRecord =
            schemas::from_bytes(body).map_err(|e| self.broken(&e.to_string()))?;
        self.claims = Claims::from_parts(record.claims.clone());
        self.last_received = record.last_received;
        self.marked = record.marked;
        self.fold.set_time(self.time_now());
        if let Some((deadline, kind, key)) = position.cursor {
            let key = schemas::from_bytes(&key).map_err(|e| self.broken(&e.to_string()))?;
            self.half_done = Some(HalfDone {
                offset: position.next_offset,
                cursor: Some((deadline, kind, key)),
            });
        }
        Ok(record)
    }

    fn restore_state(&mut self, key: &[u8], value: &[u8]) -> Result<(), LogError> {
        let (_, body) = self.head(value)?;
        let key = state_record::read_key(key).map_err(|e| self.broken(&e.to_string()))?;
        let state = schemas::from_bytes(body).map_err(|e| self.broken(&e.to_string()))?;
        self.fold.restore(key, state);
        Ok(())
    }

    /// Takes a changelog value's head off. A record may not know of input that is not committed.
    fn head<'v>(&self, value: &'v [u8]) -> Result<(Position, &'v [u8]), LogError> {
        let (position, body) = state_record::read_head(value, S::FOLD_VERSION)
            .map_err(|e| self.broken(&e.to_string()))?;
        if position.next_offset > self.next_offset {
            let ahead = state_record::Unreadable::Ahead {
                holds: position.next_offset,
                committed: self.next_offset,
            };
            return Err(self.broken(&ahead.to_string()));
        }
        Ok((position, body))
    }

    fn broken(&self, why: &str) -> LogError {
        let TaskId { input, partition } = self.id;
        let input = S::TOPOLOGY.inputs[input];
        LogError::new(format!(
            "the state of {input}-{partition} cannot be restored: {why}"
        ))
    }

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
        if record.offset < self.capture.replayed_until {
            return self.take_again(record, addresses);
        }
        // Offsets have gaps: what lay between may have been no record at all.
        self.next_offset = self.next_offset.max(self.capture.replayed_until);
        self.take_in(record, batch, addresses)
    }

    /// Takes in again what an earlier owner committed: the state comes to where it was then, and nothing is said.
    fn take_again(
        &mut self,
        record: &PolledRecord<'_>,
        addresses: &Addresses,
    ) -> Result<Taken, LogError> {
        let mut discarded = std::mem::take(&mut self.capture.discarded);
        let had_read = self.has_read;
        let mut taken = self.take_in(record, &mut discarded, addresses)?;
        while taken == Taken::HalfDone {
            discarded.clear();
            taken = self.fire(&mut discarded, addresses, |_| false);
        }
        discarded.clear();
        (self.capture.discarded, self.has_read) = (discarded, had_read);
        Ok(match taken {
            Taken::Unknown(id) => Taken::Unknown(id),
            _ => Taken::Replayed,
        })
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
        let taken = match record.mark {
            Some(mark) => self.take_mark(mark, record.offset, batch, addresses)?,
            None if record.is_tick() => Taken::Yes,
            None => self.take_input(record, batch, addresses),
        };
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
        let origin = Origin {
            input: self.id.input,
            partition: self.id.partition,
            offset: record.offset,
            key: record.key,
            value: record.value,
        };
        let decoded = self.fold.processor_mut().decode(&Record {
            topic: S::TOPOLOGY.inputs[self.id.input],
            partition: self.id.partition,
            offset: record.offset,
            received_at: self.last_received.max(record.appended_at),
            key: record.key,
            value: record.value,
        });
        let mut outbox = Outbox::new(batch, addresses, self.id.partition, Some(origin));
        let mut taken = Taken::Yes;
        match decoded {
            Ok(input) => {
                let key = self.fold.apply(input, &mut self.outputs);
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
        taken
    }

    /// Learns what a schema id stands for.
    pub fn learn(&mut self, id: u32, schema: &str) -> Result<(), LogError> {
        self.fold
            .processor_mut()
            .learn(id, schema)
            .map_err(|e| LogError::new(e.to_string()))
    }

    /// Takes a mark in: new time; at its beginning, and never when it is gone on with after a restore, the definitions that
    /// are due and the inputs that time brings; then its timers.
    fn take_mark(
        &mut self,
        mark: &[u8],
        offset: i64,
        batch: &mut Batch,
        addresses: &Addresses,
    ) -> Result<Taken, LogError> {
        let mark = TimeMark::from_json(mark).map_err(|e| {
            let topic = S::TOPOLOGY.inputs[self.id.input];
            LogError::new(format!(
                "the time mark at {topic}-{}@{offset} cannot be read ({e}); upgrade this stage before the one that writes \
                 its input",
                self.id.partition
            ))
        })?;
        let resumed = self
            .half_done
            .as_ref()
            .is_some_and(|half| half.offset == offset);
        if !resumed {
            let was = self.fold.time();
            self.claims.take(&mark);
            self.fold.set_time(self.time_now());
            self.adopt_due();
            self.apply_due(&was, batch, addresses);
            self.half_done = Some(HalfDone {
                offset,
                cursor: None,
            });
        }
        Ok(if self.fold.may_be_due() {
            Taken::HalfDone
        } else {
            self.end_mark(batch, addresses)
        })
    }

    fn apply_due(&mut self, was: &TaskTime, batch: &mut Batch, addresses: &Addresses) {
        let now = self.fold.time();
        if now.frontier == Timestamp::MIN {
            return;
        }
        for input in self.fold.processor().due(was, &now) {
            let key = self.fold.apply(input, &mut self.outputs);
            self.encode(&key, batch, addresses);
        }
    }

    fn encode(&mut self, key: &S::Key, batch: &mut Batch, addresses: &Addresses) {
        let mut outbox = Outbox::new(batch, addresses, self.id.partition, None);
        for output in self.outputs.drain(..) {
            self.fold.processor().encode(key, output, &mut outbox);
        }
        outbox.finish();
    }

    /// Fires the timers of a half-done mark until none is due or the batch is full. A mark that is to be folded again waits
    /// until it is read again.
    pub fn go_on(
        &mut self,
        batch: &mut Batch,
        addresses: &Addresses,
        full: impl Fn(&Batch) -> bool,
    ) -> Taken {
        if self.is_replaying() {
            return Taken::Yes;
        }
        self.fire(batch, addresses, full)
    }

    fn fire(
        &mut self,
        batch: &mut Batch,
        addresses: &Addresses,
        full: impl Fn(&Batch) -> bool,
    ) -> Taken {
        let Some(offset) = self.half_done.as_ref().map(|half| half.offset) else {
            return Taken::Yes;
        };
        while !full(batch) {
            let Some(cursor) = self.fold.fire_next(&mut self.outputs) else {
                let taken = self.end_mark(batch, addresses);
                self.read_up_to(offset + 1);
                return taken;
            };
            let key = cursor.2.clone();
            self.encode(&key, batch, addresses);
            self.half_done = Some(HalfDone {
                offset,
                cursor: Some(cursor),
            });
        }
        self.read_up_to(offset);
        Taken::HalfDone
    }

    fn end_mark(&mut self, batch: &mut Batch, addresses: &Addresses) -> Taken {
        self.half_done = None;
        let frontier = self.fold.time().frontier;
        if frontier == Timestamp::MIN || frontier < self.marked + MARK_EVERY {
            return Taken::Yes;
        }
        let (output, partitions, writers) = match S::TOPOLOGY.marks_into {
            MarksInto::Nowhere => return Taken::Yes,
            MarksInto::SamePartition(output) => {
                (output, self.id.partition..self.id.partition + 1, 1)
            }
            MarksInto::EveryPartition(output) => (
                output,
                0..addresses.partitions[output],
                self.context.partition_count,
            ),
        };
        self.marked = frontier;
        let topic = S::TOPOLOGY.inputs[self.id.input].into();
        let interval_end =
            frontier.floor(journey::staffing::INTERVAL) + journey::staffing::INTERVAL;
        let mark = TimeMark {
            grace: self.claims.grace(),
            sources: vec![(topic, self.id.partition, frontier)],
            of: [(S::TOPOLOGY.inputs[self.id.input].into(), writers)].into(),
            passed: Some(self.claims.passed(interval_end)),
        };
        push_mark(&mark, output, partitions, batch);
        Taken::Yes
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
            let set = Arc::clone(set);
            self.fold.processor_mut().adopt(&set);
        }
    }

    fn adopt_version(&mut self, version: i64) -> Result<(), LogError> {
        let Some(set) = self.sets.iter().find(|set| set.version == version).cloned() else {
            return Err(self.broken(&format!(
                "version {version} of the definitions was in force and is not on the definitions topic any more"
            )));
        };
        self.in_force = version;
        self.fold.processor_mut().adopt(&set);
        Ok(())
    }

    /// Whether it is still folding again what an earlier owner committed.
    fn is_replaying(&self) -> bool {
        self.next_offset < self.capture.replayed_until
    }

    /// Whether its changelog must be written in the next commit, whatever the state's age: nothing of the task stands there
    /// yet, it was folded again after a restore, or a mark is half done.
    fn must_capture(&self) -> bool {
        self.capture.is_due || self.half_done.is_some()
    }

    /// Whether its changelog lags behind what it has read.
    pub fn is_uncaptured(&self) -> bool {
        self.capture.is_behind && !S::TOPOLOGY.stateless && !self.is_replaying()
    }

    /// Says how far the task has come; and, `now` or if it must, writes what is to be remembered into the batch: every changed
    /// state, then the task's own record, last.
    pub fn capture(&mut self, now: bool, batch: &mut Batch, addresses: &Addresses) -> TaskPosition {
        let mut outbox = Outbox::new(batch, addresses, self.id.partition, None);
        self.fold
            .processor_mut()
            .settle(self.last_received, &mut outbox);
        outbox.finish();
        let captures = self.is_uncaptured() && (now || self.must_capture());
        let task_record = captures.then(|| self.write_states(batch));
        if captures {
            self.capture.is_due = false;
            self.capture.is_behind = false;
        }
        if captures || S::TOPOLOGY.stateless {
            self.capture.floor = self.next_offset;
        }
        self.has_read = false;
        TaskPosition {
            task: self.id,
            next_offset: self.next_offset.max(self.capture.replayed_until),
            task_record,
            floor: self.capture.floor,
            note: OffsetNote {
                received: self.last_received,
                definitions: if self.is_replaying() {
                    self.capture.definitions
                } else {
                    self.in_force
                },
                own: self.fold.processor().note(),
            },
        }
    }

    /// Every changed state, then the task's own record. Says where in the batch that stands.
    fn write_states(&mut self, batch: &mut Batch) -> usize {
        let position = self.position();
        let destination = Destination::Changelog(self.id.input);
        let partition = self.id.partition;
        let mut head = Vec::new();
        state_record::write_head(S::FOLD_VERSION, &position, &mut head);
        self.fold.drain_changes(|key, state| {
            let write_key = |to: &mut Vec<u8>| state_record::write_key(key, to);
            match state {
                Some(state) => {
                    let write_state = |to: &mut Vec<u8>| {
                        to.extend_from_slice(&head);
                        state.write(to);
                    };
                    batch.push(
                        destination,
                        partition,
                        Some(&write_key),
                        Some(&write_state),
                        [],
                    );
                }
                None => {
                    let header = (state_record::POSITION_HEADER, head.as_slice());
                    batch.push(destination, partition, Some(&write_key), None, [header]);
                }
            }
        });
        let record = TaskRecord {
            claims: self.claims.to_parts(),
            last_received: self.last_received,
            definitions_version: self.in_force,
            marked: self.marked,
        };
        let write_value = |to: &mut Vec<u8>| {
            to.extend_from_slice(&head);
            record.write(to);
        };
        batch.push(
            destination,
            partition,
            Some(&|to| to.extend_from_slice(TASK_KEY)),
            Some(&write_value),
            [],
        );
        batch.record_count() - 1
    }

    fn position(&self) -> Position {
        let cursor = self
            .half_done
            .as_ref()
            .and_then(|half| half.cursor.as_ref());
        Position {
            next_offset: self.next_offset,
            cursor: cursor.map(|(deadline, kind, key)| (*deadline, *kind, schemas::to_bytes(key))),
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

/// Appends a mark to each of these partitions of an output.
pub(crate) fn push_mark(
    mark: &TimeMark,
    output: usize,
    partitions: std::ops::Range<u32>,
    batch: &mut Batch,
) {
    let json = mark.to_json();
    for partition in partitions {
        let header = (journey::mark::HEADER, json.as_slice());
        batch.push(Destination::Output(output), partition, None, None, [header]);
    }
}

#[cfg(test)]
mod tests;
