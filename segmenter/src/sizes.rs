//! What a visitor may weigh. What is kept of a visit is bounded where it is kept, in the sessionizer above all; how many visits
//! wait for reports on their offers is not: a visitor may begin one with every campaign.

use journey::{Timestamp, visit::end_reason};
use schemas::to_bytes;

use crate::{
    output::{Output, VISITS_FORGOTTEN_TOTAL},
    state::{Memory, Visitor},
};

/// The most that the state of one visitor may weigh, encoded.
const STATE: usize = 256 * 1024;
/// With so few visits a visitor is within its size.
const SAFE_VISITS: usize = 1;

impl Visitor {
    /// Forgets visits that are over until the visitor is within its size, the one that ended first before all others. Reports on
    /// their offers find nothing any more.
    pub(crate) fn fit(&mut self, out: &mut Vec<Output>) {
        if self.visits.len() <= SAFE_VISITS {
            return;
        }
        let mut weight = to_bytes(self).len();
        while weight > STATE {
            let over = self.visits.iter().enumerate();
            let first = over.filter_map(|(at, memory)| Some((memory.over_at()?, at)));
            let Some((_, at)) = first.min() else { return };
            weight -= to_bytes(&self.visits.remove(at)).len();
            out.push(Output::Count(
                &VISITS_FORGOTTEN_TOTAL,
                end_reason::TOO_LARGE,
            ));
        }
    }
}

impl Memory {
    /// Since when nothing is to be told of it any more but reports, if that is so.
    fn over_at(&self) -> Option<Timestamp> {
        let to_be_told = self.awaits_control || self.open_offer().is_some();
        let over = self.ended_at.or(self.left_at);
        over.filter(|_| !to_be_told)
    }
}
