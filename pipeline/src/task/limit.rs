//! The state limit: a task that remembers too many keys lets those go that have been silent longest. Input never waits for it.

use super::Task;
use crate::{
    outbox::{Addresses, Batch},
    processor::Stage,
};

impl<S: Stage> Task<S> {
    /// How many keys the task may remember.
    pub fn limit_states(&mut self, limit: Option<usize>) {
        self.fold.set_limit(limit);
    }

    /// How many keys the task may remember.
    pub fn state_limit(&self) -> Option<usize> {
        self.fold.limit()
    }

    /// How many keys were let go at the limit since the last call.
    pub fn take_evicted(&mut self) -> u64 {
        std::mem::take(&mut self.evicted)
    }

    /// Lets keys go until the limit is kept. What was let go is captured in the same commit: so nothing that is folded again
    /// can have been let go, whatever the limit is by then, and while folding again nothing is.
    pub(super) fn keep_to_limit(&mut self, batch: &mut Batch, addresses: &Addresses) {
        if self.is_replaying() {
            return;
        }
        for key in self.fold.over_limit() {
            self.fold.evict(&key, &mut self.outputs);
            self.encode(&key, batch, addresses);
            self.evicted += 1;
            self.capture.is_due = true;
        }
    }
}
