//! Marks: time that comes with the log, the timers that it makes due, and what is said of it downstream.

use journey::{Millis, TaskTime, TimeMark, Timestamp};

use super::{Taken, Task};
use crate::{
    fold::Cursor,
    log::LogError,
    outbox::{Addresses, Batch, Destination},
    processor::{MarksInto, Stage},
};

/// A writer's own marks are at least this far apart.
pub const MARK_EVERY: Millis = Millis(200);

/// A mark whose timers have not all fired: it is read again, and gone on with, until they have.
pub(super) struct HalfDone<K> {
    pub(super) offset: i64,
    pub(super) cursor: Option<Cursor<K>>,
}

impl<S: Stage> Task<S> {
    /// Whether timers of the last mark are left to fire.
    pub fn is_in_mark(&self) -> bool {
        self.half_done.is_some()
    }

    /// What lies behind a mark comes after all of the mark's timers.
    pub(super) fn check_mark_is_done(&self, offset: i64) -> Result<(), LogError> {
        match &self.half_done {
            _ if self.replayed_through.is_some() && self.capture.replayed_until < offset => {
                Err(self.broken(&format!(
                    "the mark at input offset {}, which was committed half done, is not there any more: the next record \
                     is {offset}. The input was cut; begin anew behind it, open visits forgotten: delete and recreate the \
                     changelog (`footfall topics apply`)",
                    self.capture.replayed_until
                )))
            }
            Some(half) if half.offset < offset => Err(LogError::new(format!(
                "record {offset} of {}-{} came while the mark at {} was half done: this is a bug, the last commit stands",
                S::TOPOLOGY.inputs[self.id.input],
                self.id.partition,
                half.offset
            ))),
            _ => Ok(()),
        }
    }

    /// Takes a mark in: new time; at its beginning, and never when it is gone on with after a restore, the definitions that
    /// are due and the inputs that time brings; then its timers.
    pub(super) fn take_mark(
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
            self.fold.processor_mut().hear(&self.claims);
            self.adopt_due();
            self.apply_due(&was, batch, addresses);
            self.half_done = Some(HalfDone {
                offset,
                cursor: None,
            });
        }
        // One that was half done has its end to come, though nothing be due this time.
        Ok(
            if self.fold.may_be_due() || self.replayed_through_in(offset).is_some() {
                Taken::HalfDone
            } else {
                self.end_mark(batch, addresses)
            },
        )
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
        self.keep_to_limit(batch, addresses);
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

    /// Fires, and counts what is said.
    pub(super) fn fire(
        &mut self,
        batch: &mut Batch,
        addresses: &Addresses,
        full: impl Fn(&Batch) -> bool,
    ) -> Taken {
        let before = batch.record_count();
        let taken = self.fire_until(batch, addresses, full);
        self.capture.said += (batch.record_count() - before) as u64;
        taken
    }

    fn fire_until(
        &mut self,
        batch: &mut Batch,
        addresses: &Addresses,
        full: impl Fn(&Batch) -> bool,
    ) -> Taken {
        let Some(offset) = self.half_done.as_ref().map(|half| half.offset) else {
            return Taken::Yes;
        };
        let last = self.replayed_through_in(offset);
        while !full(batch) {
            let Some(cursor) = self
                .fold
                .fire_next_through(last.as_ref(), &mut self.outputs)
            else {
                if last.is_some() {
                    self.replayed_through = None;
                    break;
                }
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
        let mark = TimeMark {
            grace: self.claims.grace(),
            sources: vec![(topic, self.id.partition, frontier)],
            of: [(S::TOPOLOGY.inputs[self.id.input].into(), writers)].into(),
            passed: Some(self.claims.quarters()),
        };
        push_mark(&mark, output, partitions, batch);
        Taken::Yes
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
