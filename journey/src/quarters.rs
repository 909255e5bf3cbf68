//! How far each of many sources has come, in quarters of an hour: what share of them speaks for a staffing interval.

use serde::{Deserialize, Serialize};

use crate::{Timestamp, staffing::INTERVAL};

/// Before any quarter that a source can have passed.
const NONE: Timestamp = Timestamp(0);

/// Sources by the last quarter of an hour that each has passed: the quarter, and how many have passed it and none after it,
/// in order. Those that have passed none come first, at the epoch. As JSON `[[ms, sources]…]`.
///
/// As a staffing interval ends with a quarter, this says of any of them, past or to come, how many sources have passed it;
/// mostly all of them are in the same quarter, and it is one pair.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quarters(Vec<(Timestamp, u32)>);

impl Quarters {
    /// Of sources that have come this far, `of` in all: those of which nothing is known have passed nothing.
    pub fn of(frontiers: impl IntoIterator<Item = Timestamp>, of: u32) -> Quarters {
        let passed = |at: Timestamp| (at.floor(INTERVAL).max(NONE), 1);
        let known: Vec<_> = frontiers.into_iter().map(passed).collect();
        let unknown = of.saturating_sub(known.len() as u32);
        Quarters::from_pairs(known.into_iter().chain([(NONE, unknown)]))
    }

    /// From pairs in any order; those of one quarter add up.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (Timestamp, u32)>) -> Quarters {
        let mut pairs: Vec<_> = pairs.into_iter().filter(|(_, n)| *n > 0).collect();
        pairs.sort_unstable();
        pairs.dedup_by(|(quarter, n), (kept, sum)| {
            let same = quarter == kept;
            *sum += if same { *n } else { 0 };
            same
        });
        Quarters(pairs)
    }

    /// What several readers agree on: of each quarter, the fewest that one of them has seen to be past it.
    pub fn least<'a>(readers: impl IntoIterator<Item = &'a Quarters>) -> Quarters {
        let readers: Vec<&Quarters> = readers.into_iter().collect();
        let of = readers.iter().map(|known| known.sources()).max();
        let fewest = |end: Timestamp| readers.iter().map(|known| known.passed(end)).min();
        let pairs = readers.iter().flat_map(|known| &known.0);
        let mut ends: Vec<Timestamp> = pairs.map(|(quarter, _)| *quarter).collect();
        ends.push(NONE);
        ends.sort_unstable();
        ends.dedup();
        let mut later = 0;
        let mut pairs = Vec::new();
        for end in ends.into_iter().rev() {
            let passed = match end {
                NONE => of.unwrap_or_default(),
                end => fewest(end).unwrap_or_default(),
            };
            pairs.push((end, passed - later));
            later = passed;
        }
        Quarters::from_pairs(pairs)
    }

    /// The pairs, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (Timestamp, u32)> {
        self.0.iter().copied()
    }

    /// How many sources there are.
    pub fn sources(&self) -> u32 {
        self.0.iter().map(|(_, n)| n).sum()
    }

    /// How many sources have passed the end of a quarter.
    pub fn passed(&self, end: Timestamp) -> u32 {
        let past = self.0.iter().filter(|(quarter, _)| *quarter >= end);
        past.map(|(_, n)| n).sum()
    }

    /// The share of sources that have passed the end of a quarter; none where no source is known.
    pub fn share(&self, end: Timestamp) -> f64 {
        match self.sources() {
            0 => 0.0,
            sources => f64::from(self.passed(end)) / f64::from(sources),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Millis;

    /// The `n`-th quarter since the epoch.
    fn quarter(n: i64) -> Timestamp {
        Timestamp(n * INTERVAL.0)
    }

    #[test]
    fn a_source_has_passed_what_ends_no_later_than_its_frontier() {
        let frontiers = [quarter(9), quarter(10) - Millis(1), quarter(12)];
        let quarters = Quarters::of(frontiers, 4);
        assert_eq!(quarters.sources(), 4);
        let passed: Vec<u32> = (8..14).map(|n| quarters.passed(quarter(n))).collect();
        assert_eq!(passed, [3, 3, 1, 1, 1, 0]);
        assert_eq!(quarters.share(quarter(9)), 0.75);
    }

    #[test]
    fn where_no_source_is_known_none_has_passed() {
        assert_eq!(Quarters::default().share(quarter(1)), 0.0);
        assert_eq!(Quarters::of([Timestamp::MIN], 2).share(quarter(1)), 0.0);
    }

    #[test]
    fn of_several_readers_the_one_that_has_seen_least_counts_at_each_quarter() {
        let one = Quarters::of([quarter(9), quarter(12), quarter(12)], 3);
        let other = Quarters::of([quarter(10), quarter(10), quarter(12)], 3);
        let least = Quarters::least([&one, &other]);
        for n in 8..14 {
            let end = quarter(n);
            assert_eq!(least.passed(end), one.passed(end).min(other.passed(end)));
        }
        assert_eq!(least.sources(), 3);
        let blind = Quarters::least([&one, &Quarters::default()]);
        assert_eq!((blind.sources(), blind.passed(quarter(9))), (3, 0));
    }

    #[test]
    fn it_travels_as_pairs() {
        let quarters = Quarters::of([quarter(9), quarter(9), quarter(11)], 3);
        let json = serde_json::to_string(&quarters).expect("plain data");
        assert_eq!(json, "[[8100000,2],[9900000,1]]");
        assert_eq!(serde_json::from_str::<Quarters>(&json).ok(), Some(quarters));
    }
}
