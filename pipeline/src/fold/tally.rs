//! How much is remembered.

use crate::processor::Processor;

/// What there is, over all states: kept with each change, as nobody could look through all of them each time it is asked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) states: usize,
    pub(super) open: usize,
}

impl Tally {
    /// A state is taken out of its slot.
    pub(super) fn take<P: Processor>(&mut self, processor: &P, state: &P::State) {
        self.states -= 1;
        self.open -= processor.open_in(state);
    }

    /// A state, or none, is put into its slot.
    pub(super) fn put<P: Processor>(&mut self, processor: &P, state: Option<&P::State>) {
        if let Some(state) = state {
            self.states += 1;
            self.open += processor.open_in(state);
        }
    }
}
