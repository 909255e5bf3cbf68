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
    /// Forgets visits that are over until the visitor is within its size, the one that ended first before all others; then what was
    /// offered in those that others have followed, whose end is yet to be told. Reports on their offers find nothing any more.
    pub(crate) fn fit(&mut self, out: &mut Vec<Output>) {
        if self.visits.len() <= SAFE_VISITS {
            return;
        }
        let mut weight = to_bytes(self).len();
        let forgotten = || Output::Count(&VISITS_FORGOTTEN_TOTAL, end_reason::TOO_LARGE);
        while weight > STATE {
            let over = self.visits.iter().enumerate();
            let first = over.filter_map(|(at, memory)| Some((memory.over_at()?, at)));
            let Some((_, at)) = first.min() else { break };
            weight -= to_bytes(&self.visits.remove(at)).len();
            out.push(forgotten());
        }
        let left = self
            .visits
            .iter_mut()
            .filter(|memory| memory.has_old_offers());
        for memory in left {
            if weight <= STATE {
                break;
            }
            let whole = to_bytes(memory).len();
            memory.offers = Vec::new();
            memory.seen = None;
            weight -= whole - to_bytes(memory).len();
            out.push(forgotten());
        }
    }
}

impl Memory {
    /// Since when nothing is to be told of it any more but reports, if that is so.
    fn over_at(&self) -> Option<Timestamp> {
        self.ended_at.filter(|_| !self.awaits_control)
    }

    /// Whether it was left with offers that nobody waits for any more.
    fn has_old_offers(&self) -> bool {
        self.left_at.is_some() && !self.offers.is_empty() && self.open_offer().is_none()
    }
}
