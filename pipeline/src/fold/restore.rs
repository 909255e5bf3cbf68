//! States that come back, of a task that was committed: nothing fires because of it.

use super::{Fold, awaited, slot::Slot};
use crate::processor::{By, Processor};

impl<P: Processor> Fold<P> {
    /// Puts states back that were captured before, each key once, into a fold that holds nothing yet. None counts as changed. Their
    /// timers are put in order all at once. An error of an item's ends it.
    pub fn restore<E>(
        &mut self,
        states: impl IntoIterator<Item = Result<(P::Key, P::State), E>>,
    ) -> Result<(), E> {
        let states = states.into_iter();
        self.slots.reserve(states.size_hint().1.unwrap_or_default());
        let mut armed = [Vec::new(), Vec::new()];
        for restored in states {
            let (key, state) = restored?;
            let awaited = awaited(&self.processor, Some(&state));
            for by in [By::Frontier, By::Watermark] {
                let timer = awaited.by(by);
                armed[by as usize]
                    .extend(timer.map(|(deadline, kind)| (deadline, kind, key.clone())));
            }
            self.tally.put(&self.processor, Some(&state));
            let slot = Slot {
                state: Some(state),
                armed: awaited,
                awaited,
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
