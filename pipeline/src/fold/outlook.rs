//! When something may happen next, if nothing comes.

use journey::{Millis, Timestamp};

use super::Fold;
use crate::processor::{By, Processor};

impl<P: Processor> Fold<P> {
    /// The frontier that the next timer waits to see passed, with the watermark this far behind. Never later than that; earlier
    /// where a deadline has moved on since.
    pub fn next_deadline(&self, grace: Millis) -> Option<Timestamp> {
        let first = |by: By| self.armed[by as usize].first().map(|armed| armed.0);
        let by_watermark = first(By::Watermark).map(|deadline| deadline + grace);
        first(By::Frontier).into_iter().chain(by_watermark).min()
    }
}
