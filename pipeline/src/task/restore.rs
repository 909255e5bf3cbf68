//! A task as it was committed: its own record, its states, and nothing that fires.

use std::{mem, sync::Arc};

use journey::{Timestamp, definitions::DefinitionSet, mark::Claims};

use super::{
    Captured, HalfDone, Task,
    read_back::{Found, ReadBack, head},
};
use crate::{
    changelog::OffsetNote,
    fold::{Cursor, Fold},
    hot_key::HotKey,
    log::{LogError, Restored, TaskId},
    processor::{Stage, TaskContext},
    state_record::{self, Head, TaskRecord},
};

impl<S: Stage> Task<S> {
    /// The task as it was committed.
    pub fn restore(
        stage: S,
        context: TaskContext,
        sets: Arc<[Arc<DefinitionSet>]>,
        mut restored: Restored,
    ) -> Result<Self, LogError> {
        let from = restored.floor.or(restored.next_offset).unwrap_or(0);
        let mut task = Task::fresh(stage, context, sets, from);
        if restored.next_offset.is_none() && !restored.changelog.is_empty() {
            return Err(task.broken(
                "there is state but no committed offset; offsets of an empty group expire after offsets.retention.minutes, and \
                 what they said of the changelog with them: setting them again does not bring it back. Begin anew, open visits \
                 forgotten: delete and recreate the changelog (`footfall topics apply`), and the group begins where its input \
                 does, or where `kafka-consumer-groups.sh --reset-offsets` says",
            ));
        }
        // Before time is restored: no definitions newer than the note's may come into force by that.
        task.capture = Captured {
            floor: task.next_offset,
            is_due: restored.next_offset != Some(task.next_offset),
            replayed_until: restored.next_offset.unwrap_or(0),
            definitions: restored
                .note
                .as_ref()
                .map_or(i64::MAX, |note| note.definitions),
            expected: restored.note.as_ref().and_then(|note| note.fingerprint),
            ..Captured::default()
        };
        let noted = restored.note.as_ref().and_then(|note| note.cursor.as_ref());
        task.replayed_through = noted.map(|noted| task.decoded(noted)).transpose()?;
        let changelog = mem::take(&mut restored.changelog);
        let read = ReadBack::read(changelog, task.next_offset, &mut task.fold);
        let Found { own, newest } = read.map_err(|why| task.broken(&why))?;
        task.newest_found = newest;
        task.restore_time(own, restored.note.as_ref())?;
        task.restore_cursor()?;
        task.compare();
        Ok(task)
    }

    fn fresh(
        stage: S,
        context: TaskContext,
        sets: Arc<[Arc<DefinitionSet>]>,
        next_offset: i64,
    ) -> Self {
        Task {
            id: TaskId {
                input: context.input,
                partition: context.partition,
            },
            context,
            fold: Fold::new(stage),
            claims: Claims::default(),
            last_received: Timestamp::MIN,
            sets,
            in_force: i64::MIN,
            marked: Timestamp::MIN,
            next_offset,
            half_done: None,
            has_read: false,
            capture: Captured::default(),
            replayed_through: None,
            hot_key: HotKey::default(),
            evicted: 0,
            format: state_record::default_format(S::STATE_FORMAT),
            newest_found: 0,
            outputs: Vec::new(),
        }
    }

    /// What time it was, and which definitions were in force: from the task's own record, or from beside its offset.
    fn restore_time(
        &mut self,
        own: Option<Vec<u8>>,
        note: Option<&OffsetNote>,
    ) -> Result<(), LogError> {
        let record = match own {
            Some(value) => Some(self.restore_own(&value)?),
            None if self.fold.is_empty() => None,
            None => {
                return Err(
                    self.broken("the changelog has states but no record of the task itself")
                );
            }
        };
        let noted = note.filter(|_| S::TOPOLOGY.stateless);
        if let Some(note) = noted {
            self.fold.processor_mut().recall(&note.own);
            self.last_received = note.received;
            self.fold.set_time(self.time_now());
        }
        let recorded = record.map(|record| record.definitions_version);
        match recorded.or(noted.map(|note| note.definitions)) {
            Some(version) => self.adopt_version(version),
            None => {
                self.adopt_due();
                Ok(())
            }
        }
    }

    fn restore_own(&mut self, value: &[u8]) -> Result<TaskRecord, LogError> {
        let (Head { format, position }, body) =
            head::<S>(value, self.next_offset).map_err(|why| self.broken(&why))?;
        self.newest_found = self.newest_found.max(format);
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
        self.fold.processor_mut().hear(&self.claims);
        if let Some(cursor) = &position.cursor {
            self.half_done = Some(HalfDone {
                offset: position.next_offset,
                cursor: Some(self.decoded(cursor)?),
            });
        }
        Ok(record)
    }

    /// The mark that was half done at the committed offset need not be folded again if the task's own record is as far.
    fn restore_cursor(&mut self) -> Result<(), LogError> {
        let Some(noted) = &self.replayed_through else {
            return Ok(());
        };
        let captured = self.half_done.as_ref();
        let captured = captured
            .filter(|half| half.offset == self.capture.replayed_until)
            .and_then(|half| half.cursor.as_ref());
        if captured.is_some_and(|captured| captured > noted) {
            return Err(self.broken(
                "its own record is further in a half-done mark than what is committed beside the offset: the changelog and \
                 the group's offsets do not belong together",
            ));
        }
        if captured == Some(noted) {
            self.replayed_through = None;
        } else {
            self.capture.is_due = true;
        }
        Ok(())
    }

    fn decoded(&self, encoded: &Cursor<Vec<u8>>) -> Result<Cursor<S::Key>, LogError> {
        let (deadline, kind, key) = encoded;
        let key = schemas::from_bytes(key).map_err(|e| self.broken(&e.to_string()))?;
        Ok((*deadline, *kind, key))
    }

    pub(super) fn broken(&self, why: &str) -> LogError {
        let TaskId { input, partition } = self.id;
        let input = S::TOPOLOGY.inputs[input];
        LogError::new(format!(
            "the state of {input}-{partition} cannot be restored: {why}"
        ))
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
}
