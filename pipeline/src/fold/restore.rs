//! States that come back, of a task that was committed: nothing fires because of it.

use super::{Fold, awaited, slot::Slot};
use crate::processor::{By, Processor};

impl<P: Processor> Fold<P> {
    /// Puts states back that were captured before, each key once, into a fold that holds nothing yet. None counts as changed. An
    /// error of an item's ends it.
    pub fn restore<E>(
        &mut self,
        states: impl IntoIterator<Item = Result<(P::Key, P::State), E>>,
    ) -> Result<(), E> {
        for restored in states {
            let (key, state) = restored?;
            self.put_back(key, state);
        }
        self.arm_all();
        Ok(())
    }

    /// Puts back what was captured of a key, once. No timer is armed until [`Fold::arm_all`].
    pub(crate) fn put_back(&mut self, key: P::Key, state: P::State) {
        self.tally.put(&self.processor, Some(&state));
        let slot = Slot {
            awaited: awaited(&self.processor, Some(&state)),
            state: Some(state),
            captured: true,
            ..Slot::empty()
        };
        self.slots.insert(key, slot);
    }

    /// All that was put back waits for what it waits for: timers are put in order all at once, a tenth of what so many
    /// insertions in no order take.
    pub(crate) fn arm_all(&mut self) {
        let mut armed = [Vec::new(), Vec::new()];
        for (key, slot) in &mut self.slots {
            slot.armed = slot.awaited;
            for by in [By::Frontier, By::Watermark] {
                let timer = slot.awaited.by(by);
                armed[by as usize]
                    .extend(timer.map(|(deadline, kind)| (deadline, kind, key.clone())));
            }
        }
        self.armed = armed.map(|armed| armed.into_iter().collect());
    }
}
