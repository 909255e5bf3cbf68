//! What is to be remembered of a task, and when it is written.

use schemas::Avro;

use super::Task;
use crate::{
    changelog::{CURSOR_KEY_LIMIT, Fingerprint, OffsetNote},
    fold::Cursor,
    log::TaskPosition,
    outbox::{Addresses, Batch, Destination, Outbox},
    processor::Stage,
    state_record::{self, Position, TASK_KEY, TaskRecord},
};

/// How much of a task's state its changelog holds.
#[derive(Debug, Default)]
pub(super) struct Captured {
    /// All up to this input offset.
    pub(super) floor: i64,
    /// Input was folded since.
    pub(super) is_behind: bool,
    /// The next commit must capture, whatever the state's age.
    pub(super) is_due: bool,
    /// What lies before this offset was committed by an earlier owner: it is folded again, and what it says is discarded.
    pub(super) replayed_until: i64,
    /// The definitions in force at that offset: none newer may come into force before it.
    pub(super) definitions: i64,
    pub(super) discarded: Batch,
    /// What the task held and had said at that offset, until it has been compared.
    pub(super) expected: Option<Fingerprint>,
    /// Records said since the floor.
    pub(super) said: u64,
    pub(super) divergences: u64,
}

impl<S: Stage> Task<S> {
    /// Whether its changelog must be written in the next commit, whatever the state's age: nothing of the task stands there
    /// yet, it was folded again after a restore, or a mark is half done and no note can say how far.
    fn must_capture(&self) -> bool {
        self.capture.is_due || self.half_done.is_some() && self.noted_cursor().is_none()
    }

    /// What may stand beside the offset of a mark that is half done: the last timer that fired; while folding again, the one
    /// that stands there already.
    fn noted_cursor(&self) -> Option<Cursor<Vec<u8>>> {
        let cursor = if self.is_replaying() {
            self.replayed_through.as_ref()
        } else {
            self.cursor()
        };
        cursor
            .map(encoded)
            .filter(|(_, _, key)| key.len() <= CURSOR_KEY_LIMIT)
    }

    /// The last timer that has fired of a mark that is half done.
    fn cursor(&self) -> Option<&Cursor<S::Key>> {
        self.half_done.as_ref()?.cursor.as_ref()
    }

    /// Whether its changelog lags behind what it has read.
    pub fn is_uncaptured(&self) -> bool {
        self.capture.is_behind && !S::TOPOLOGY.stateless && !self.is_replaying()
    }

    /// How many keys' states have changed since they were captured.
    pub fn uncaptured_states(&self) -> usize {
        self.fold.changed()
    }

    /// Says how far the task has come; and, `now` or if it must, writes what is to be remembered into the batch: every changed
    /// state, then the task's own record, last.
    pub fn capture(&mut self, now: bool, batch: &mut Batch, addresses: &Addresses) -> TaskPosition {
        self.settle(batch, addresses);
        let captures = self.is_uncaptured() && (now || self.must_capture());
        let task_record = captures.then(|| self.write_states(batch));
        if captures {
            self.capture.is_due = false;
            self.capture.is_behind = false;
        }
        if captures || S::TOPOLOGY.stateless {
            self.capture.floor = self.next_offset;
            self.capture.said = 0;
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
                cursor: if captures { None } else { self.noted_cursor() },
                fingerprint: self.fingerprint(),
            },
        }
    }

    /// Lets the stage tell what it tells once in a while.
    fn settle(&mut self, batch: &mut Batch, addresses: &Addresses) {
        let mut outbox = Outbox::new(batch, addresses, self.id.partition, None);
        let received = self.last_received;
        self.fold.processor_mut().settle(received, &mut outbox);
        outbox.finish();
    }

    /// Every changed state, then the task's own record. Says where in the batch that stands.
    fn write_states(&mut self, batch: &mut Batch) -> usize {
        let position = self.position();
        let destination = Destination::Changelog(self.id.input);
        let partition = self.id.partition;
        let mut head = Vec::new();
        state_record::write_head(self.format, S::FOLD_VERSION, &position, &mut head);
        let format = self.format;
        self.fold.drain_changes(|key, state| {
            let write_key = |to: &mut Vec<u8>| state_record::write_key(key, to);
            match state {
                Some(state) => {
                    let write_state = |to: &mut Vec<u8>| {
                        to.extend_from_slice(&head);
                        S::write_state(state, format, to);
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
        Position {
            next_offset: self.next_offset,
            cursor: self.cursor().map(encoded),
        }
    }
}

fn encoded<K: Avro>((deadline, kind, key): &Cursor<K>) -> Cursor<Vec<u8>> {
    (*deadline, *kind, schemas::to_bytes(key))
}
