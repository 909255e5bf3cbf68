//! How much of a task's input is of one key: a robot, a test, a site that sends everything under one visitor. Neighbours of such a
//! key wait for it, and no number of workers helps.
//!
//! A sample goes through the counters of Misra and Gries: with 16 of them what is found is at the most a seventeenth of the window
//! less than what there is, whatever else comes.

use std::hash::{DefaultHasher, Hash, Hasher};

/// Every so many records one is looked at.
const EVERY: u32 = 8;
/// So many that were looked at are a window.
const WINDOW: u32 = 512;
/// Keys that are counted at once.
const COUNTED: usize = 16;

/// What is known of a task's hottest key.
#[derive(Debug, Default)]
pub(crate) struct HotKey {
    passed: u32,
    seen: u32,
    /// Keys by their hashes; a count of 0 is a free place.
    counts: [(u64, u32); COUNTED],
    share: f64,
}

impl HotKey {
    /// A record of this key came.
    pub(crate) fn came(&mut self, key: &[u8]) {
        self.passed += 1;
        if self.passed < EVERY {
            return;
        }
        self.passed = 0;
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        self.count(hasher.finish());
        self.seen += 1;
        if self.seen == WINDOW {
            let most = self.counts.iter().map(|(_, count)| *count).max();
            *self = HotKey {
                share: f64::from(most.unwrap_or(0)) / f64::from(WINDOW),
                ..HotKey::default()
            };
        }
    }

    fn count(&mut self, key: u64) {
        let counted = |(of, count): &&mut (u64, u32)| *of == key && *count > 0;
        if let Some((_, count)) = self.counts.iter_mut().find(counted) {
            *count += 1;
        } else if let Some(free) = self.counts.iter_mut().find(|(_, count)| *count == 0) {
            *free = (key, 1);
        } else {
            self.counts.iter_mut().for_each(|(_, count)| *count -= 1);
        }
    }

    /// Which share the hottest key had in the last whole window, or a little more than this; 0 before the first.
    pub(crate) fn share(&self) -> f64 {
        self.share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The share that is found when every n-th record is of one key and each of the others of its own.
    fn share_of_one_in(n: u32) -> f64 {
        let mut hot = HotKey::default();
        for i in 0..2 * EVERY * WINDOW {
            // Scattered, so that sampling does not meet the one key always or never.
            let key = i.wrapping_mul(2_654_435_761) >> 7;
            let key = if key.is_multiple_of(n) { 0 } else { i + 1 };
            hot.came(&key.to_le_bytes());
        }
        hot.share()
    }

    #[test]
    fn the_share_of_a_hot_key_is_found_among_many_others() {
        for (n, share) in [(1, 1.0), (2, 0.5), (4, 0.25)] {
            let found = share_of_one_in(n);
            let less = share - found;
            assert!((-0.06..=0.12).contains(&less), "1 in {n}: {found}");
        }
    }

    #[test]
    fn where_all_keys_differ_none_is_hot() {
        assert!(share_of_one_in(u32::MAX) < 0.01);
    }

    #[test]
    fn a_key_that_has_cooled_down_is_forgotten_after_a_window() {
        let mut hot = HotKey::default();
        let window = EVERY * WINDOW;
        (0..window).for_each(|_| hot.came(b"hot"));
        assert_eq!(hot.share(), 1.0);
        (0..window).for_each(|i| hot.came(&i.to_le_bytes()));
        assert!(hot.share() < 0.01, "{}", hot.share());
    }
}
