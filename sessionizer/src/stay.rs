//! Since when a visitor has been on the visit's last page, whatever order the events come in.
//!
//! The page was reached with the first event on it after the last event on any other page. A straggler on another page can
//! make that a later one of the events on the page, so their times are remembered.

use journey::Timestamp;

/// The most times that are remembered of a stay: the first, and of the others the last.
const MOST: usize = 16;

/// The stay on the visit's last page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stay {
    /// When the visitor was last on another page.
    pub(crate) left: Option<Timestamp>,
    /// When something happened on this page after that, in order, each time once.
    pub(crate) times: Vec<Timestamp>,
}

impl Stay {
    /// Begins another stay, after the visitor was elsewhere at `left`.
    pub(crate) fn begin(&mut self, left: Option<Timestamp>, at: Timestamp) {
        self.left = left;
        self.times.clear();
        self.here(at);
    }

    /// Something happened on the page.
    pub(crate) fn here(&mut self, at: Timestamp) {
        if self.left.is_some_and(|left| at <= left) {
            return;
        }
        if let Err(place) = self.times.binary_search(&at) {
            self.times.insert(place, at);
        }
        if self.times.len() > MOST {
            self.times.remove(1);
        }
    }

    /// Something happened on another page.
    pub(crate) fn elsewhere(&mut self, at: Timestamp) {
        if self.left.is_none_or(|left| left < at) {
            self.left = Some(at);
            self.times.retain(|time| *time > at);
        }
    }

    /// Takes in what another visit remembers of the same page.
    pub(crate) fn unite(&mut self, other: &Stay) {
        if let Some(left) = other.left {
            self.elsewhere(left);
        }
        other.times.iter().for_each(|at| self.here(*at));
    }

    /// Since when, of a stay whose last event was at `last`: that one tells where all else happened at its very millisecond.
    pub(crate) fn since(&self, last: Timestamp) -> Timestamp {
        self.times.first().copied().unwrap_or(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stay(left: Option<i64>, times: &[i64]) -> Stay {
        Stay {
            left: left.map(Timestamp),
            times: times.iter().copied().map(Timestamp).collect(),
        }
    }

    #[test]
    fn a_stay_begins_after_the_last_event_elsewhere() {
        let mut known = Stay::default();
        known.begin(None, Timestamp(20));
        known.here(Timestamp(17));
        assert_eq!(known, stay(None, &[17, 20]));
        known.elsewhere(Timestamp(17));
        known.here(Timestamp(16));
        known.elsewhere(Timestamp(15));
        assert_eq!(known, stay(Some(17), &[20]));
        known.elsewhere(Timestamp(20));
        assert_eq!(known.since(Timestamp(20)), Timestamp(20));
    }

    #[test]
    fn a_long_stay_forgets_its_middle() {
        let mut known = Stay::default();
        (0..100).for_each(|at| known.here(Timestamp(at)));
        assert_eq!(known.times.len(), MOST);
        assert_eq!(known.since(Timestamp(99)), Timestamp(0));
        known.elsewhere(Timestamp(95));
        assert_eq!(known.since(Timestamp(99)), Timestamp(96));
    }

    #[test]
    fn two_visits_remember_one_stay() {
        let mut one = stay(Some(3), &[10, 20]);
        one.unite(&stay(Some(12), &[13, 30]));
        assert_eq!(one, stay(Some(12), &[13, 20, 30]));
    }
}
