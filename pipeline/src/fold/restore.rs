//! States that come back, of a task that was committed: nothing fires because of it.

use super::{Fold, Slot, settle, slot_armed};
use crate::processor::{By, Processor};

impl<P: Processor> Fold<P> {
    /// Puts a state back that was captured before: nothing fires because of it, and it counts as unchanged.
    pub fn restore(&mut self, key: P::Key, state: P::State) {
        let mut slot = Slot::empty();
        slot.captured = true;
        self.tally.put(&self.processor, Some(&state));
        let slot = self.slots.entry(key.clone()).insert(slot).into_mut();
        settle(&self.processor, &mut self.armed, &key, slot, Some(state));
    }

    /// Puts back, into a fold that holds nothing yet, so many states, each key once. Their timers are put in order all at once.
    pub fn restore_all<E>(
        &mut self,
        count: usize,
        states: impl Iterator<Item = Result<(P::Key, P::State), E>>,
    ) -> Result<(), E> {
        self.slots.reserve(count);
        let mut armed = [Vec::new(), Vec::new()];
        for restored in states {
            let (key, state) = restored?;
            let mut timers = self.processor.timers(&state);
            for by in [By::Frontier, By::Watermark] {
                let timer = *slot_armed(&mut timers, by);
                armed[by as usize]
                    .extend(timer.map(|(deadline, kind)| (deadline, kind, key.clone())));
            }
            self.tally.put(&self.processor, Some(&state));
            let slot = Slot {
                state: Some(state),
                armed: timers,
                changed: false,
                captured: true,
            };
            self.slots.insert(key, slot);
        }
        // Sorted once and laid out in one go: a tenth of what so many insertions in no order take.
        self.armed = armed.map(|armed| armed.into_iter().collect());
        Ok(())
    }
}
