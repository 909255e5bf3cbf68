//! Records counted under names that senders choose. Such names may have no end: the busiest are kept, and of all others only
//! how many records they had.

use std::{cmp::Reverse, collections::BTreeMap};

use journey::Timestamp;
use serde_json::{Value, json};

/// So many names are told; up to twice as many are held while it counts.
pub(crate) const KEPT: usize = 10_000;

/// How many, and when the first and the last came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) count: u64,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
}

/// The busiest names, each with what is known of it by its last record.
#[derive(Debug)]
pub(crate) struct Busiest<N, K> {
    names: BTreeMap<N, (Seen, K)>,
    others: u64,
}

/// What was counted: the most frequent name first.
#[derive(Debug)]
pub(crate) struct Counted<N, K> {
    pub(crate) names: Vec<(N, Seen, K)>,
    /// Records of names that are not told.
    pub(crate) others: u64,
}

impl<N, K> Default for Busiest<N, K> {
    fn default() -> Self {
        Busiest {
            names: BTreeMap::new(),
            others: 0,
        }
    }
}

impl<N: Ord, K> Busiest<N, K> {
    /// One record more of a name.
    pub(crate) fn take(&mut self, name: N, at: Timestamp, known: K) {
        if let Some((seen, before)) = self.names.get_mut(&name) {
            seen.count += 1;
            seen.first = seen.first.min(at);
            if at >= seen.last {
                (seen.last, *before) = (at, known);
            }
            return;
        }
        if self.names.len() >= 2 * KEPT {
            self.make_room();
        }
        let seen = Seen {
            count: 1,
            first: at,
            last: at,
        };
        self.names.insert(name, (seen, known));
    }

    /// Lets those go that sent least, of these the ones that have been silent longest.
    fn make_room(&mut self) {
        let mut all: Vec<_> = std::mem::take(&mut self.names).into_iter().collect();
        all.sort_by_key(|(_, (seen, _))| Reverse((seen.count, seen.last)));
        let gone = all.drain(KEPT.min(all.len())..);
        self.others += gone.map(|(_, (seen, _))| seen.count).sum::<u64>();
        self.names = all.into_iter().collect();
    }

    /// What was counted.
    pub(crate) fn counted(mut self) -> Counted<N, K> {
        self.make_room();
        let names = self.names.into_iter();
        let mut names: Vec<_> = names
            .map(|(name, (seen, known))| (name, seen, known))
            .collect();
        names.sort_by_key(|(_, seen, _)| Reverse(seen.count));
        Counted {
            names,
            others: self.others,
        }
    }
}

impl<N, K> Counted<N, K> {
    /// Whether nothing was counted.
    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty() && self.others == 0
    }

    /// What is said of those that are not told.
    pub(crate) fn others_text(&self) -> Option<String> {
        (self.others > 0).then(|| format!("and {} more records of others", self.others))
    }

    /// The same for programs: an entry of its own behind those of the names.
    pub(crate) fn others_value(&self) -> Option<Value> {
        (self.others > 0).then(|| json!({"others": self.others}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_invented_names_is_counted_and_the_busy_ones_are_kept() {
        let mut busiest = Busiest::default();
        for i in 0..100_000_u32 {
            busiest.take(format!("invented-{i}"), Timestamp(i.into()), ());
            if i % 1_000 == 0 {
                busiest.take("shop".to_owned(), Timestamp(i.into()), ());
            }
            assert!(busiest.names.len() <= 2 * KEPT);
        }
        let counted = busiest.counted();
        let seen = Seen {
            count: 100,
            first: Timestamp(0),
            last: Timestamp(99_000),
        };
        assert_eq!(counted.names[0], ("shop".to_owned(), seen, ()));
        assert_eq!(counted.names.len(), KEPT);
        assert_eq!(counted.others, 100_100 - 100 - (KEPT as u64 - 1));
        let said = "and 90001 more records of others";
        assert_eq!(counted.others_text().as_deref(), Some(said));
    }

    #[test]
    fn a_name_is_known_by_its_last_record_whatever_order_they_come_in() {
        let mut busiest = Busiest::default();
        for (at, known) in [(5, "b"), (9, "c"), (1, "a")] {
            busiest.take("shop", Timestamp(at), known);
        }
        let counted = busiest.counted();
        let (_, seen, known) = &counted.names[0];
        let times = (seen.count, seen.first, seen.last);
        assert_eq!((times, *known), ((3, Timestamp(1), Timestamp(9)), "c"));
        assert!(!counted.is_empty() && counted.others_text().is_none());
    }
}
