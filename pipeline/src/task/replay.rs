//! Folding again what an earlier owner committed: the state comes to where it was then, nothing is said, and it must hold and
//! have said as much as it did then.

use super::{Taken, Task};
use crate::{
    changelog::Fingerprint,
    fold::Cursor,
    log::{LogError, PolledRecord},
    outbox::Addresses,
    processor::Stage,
};

/// What is folded again says so much at the most before that is discarded.
const DISCARDED: usize = 10_000;

impl<S: Stage> Task<S> {
    /// Whether it is still folding again what an earlier owner committed.
    pub fn is_replaying(&self) -> bool {
        self.next_offset < self.capture.replayed_until || self.replayed_through.is_some()
    }

    /// Whether an earlier owner committed this record, or a part of what follows from it.
    pub(super) fn was_committed(&self, offset: i64) -> bool {
        offset < self.capture.replayed_until
            || offset == self.capture.replayed_until && self.replayed_through.is_some()
    }

    /// Up to which timer of the mark at this offset it is folded again; `None`: all of it.
    pub(super) fn replayed_through_in(&self, offset: i64) -> Option<Cursor<S::Key>> {
        let is_last = offset == self.capture.replayed_until;
        self.replayed_through.clone().filter(|_| is_last)
    }

    /// How often it came to something else than was committed, since the last call.
    pub fn take_divergences(&mut self) -> u64 {
        std::mem::take(&mut self.capture.divergences)
    }

    /// Takes in again what an earlier owner committed, and says nothing. A mark that was half done is, again.
    pub(super) fn take_again(
        &mut self,
        record: &PolledRecord<'_>,
        addresses: &Addresses,
    ) -> Result<Taken, LogError> {
        let mut discarded = std::mem::take(&mut self.capture.discarded);
        let had_read = self.has_read;
        let mut taken = self.take_in(record, &mut discarded, addresses)?;
        while taken == Taken::HalfDone && self.is_replaying() {
            discarded.clear();
            taken = self.fire(&mut discarded, addresses, |said| {
                said.record_count() >= DISCARDED
            });
        }
        discarded.clear();
        (self.capture.discarded, self.has_read) = (discarded, had_read);
        self.compare();
        Ok(match taken {
            Taken::Unknown(_) | Taken::HalfDone => taken,
            _ => Taken::Replayed,
        })
    }

    /// What stands beside the offset that is committed next.
    pub(super) fn fingerprint(&self) -> Option<Fingerprint> {
        if S::TOPOLOGY.stateless {
            return None;
        }
        if self.is_replaying() {
            return self.capture.expected;
        }
        Some(Fingerprint {
            states: self.fold.len() as u64,
            said: self.capture.said,
        })
    }

    /// Compares, once, when it stands where it was committed. The output is out and the state is all there is: a divergence is
    /// said and counted, and the task goes on.
    pub(super) fn compare(&mut self) {
        if self.is_replaying() {
            return;
        }
        let Some(expected) = self.capture.expected.take() else {
            return;
        };
        let restored = self.fingerprint();
        if restored == Some(expected) {
            return;
        }
        self.capture.divergences += 1;
        tracing::error!(
            input = S::TOPOLOGY.inputs[self.id.input],
            partition = self.id.partition,
            floor = self.capture.floor,
            offset = self.next_offset,
            ?expected,
            ?restored,
            "restored to something else than was committed: see docs/operations.md, Divergence"
        );
    }
}
