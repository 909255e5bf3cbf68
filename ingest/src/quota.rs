//! How much may come: by deployment and by visitor, as token buckets on the log's own time.
//!
//! A bucket is one number, the moment at which it will be full again: what is taken moves it on, and what would move it
//! further ahead than a burst is refused. Buckets are a task's own and forgotten when it is let go, which can only let more
//! in; memory is bounded, as the visitor whose bucket has been full for longest makes room for another. A rate that is changed
//! has buckets of its own: how far ahead another one put them says nothing of it.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use journey::Timestamp;

/// So many events a second, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Rate {
    /// Microseconds in which one event's worth comes back.
    interval: i64,
    /// How far ahead of now a bucket may be full again, in microseconds, and still give.
    slack: i64,
}

/// A burst where none is given, in seconds' worth of events.
const BURST_SECONDS: f64 = 10.0;
/// The largest burst.
const MOST_AT_ONCE: u32 = 1_000_000;

impl Rate {
    /// A share of a rate: of one that is spread over so many tasks, each has its part.
    pub(crate) fn new(per_second: f64, burst: Option<u32>, tasks: u32) -> Rate {
        let per_second = per_second.clamp(0.001, 1e6) / f64::from(tasks.max(1));
        let whole = |burst: u32| (f64::from(burst) / f64::from(tasks.max(1))).ceil();
        let burst = burst.map_or((per_second * BURST_SECONDS).ceil(), whole);
        let burst = (burst as u32).clamp(1, MOST_AT_ONCE);
        let interval = (1e6 / per_second) as i64;
        Rate {
            interval,
            slack: interval.saturating_mul(i64::from(burst) - 1),
        }
    }
}

/// When a bucket will be full again, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct FullAt(i64);

impl FullAt {
    const ALWAYS: FullAt = FullAt(i64::MIN);

    /// Takes one, if there is one.
    fn take(&mut self, at: Timestamp, rate: Rate) -> bool {
        let now = at.0.saturating_mul(1000);
        let full = self.0.max(now);
        let gives = full.saturating_sub(now) <= rate.slack;
        if gives {
            self.0 = full.saturating_add(rate.interval);
        }
        gives
    }
}

/// Visitors remembered by a task: so many groups of so many.
const GROUPS: usize = 1 << 14;
const IN_A_GROUP: usize = 4;

/// One visitor's bucket.
#[derive(Clone, Copy, Debug)]
struct Slot {
    who: u64,
    full_at: FullAt,
}

/// A task's buckets.
#[derive(Debug, Default)]
pub(crate) struct Quotas {
    deployments: HashMap<String, (Rate, FullAt)>,
    /// Made when the first visitor is counted, and of this size from then on.
    visitors: Box<[Slot]>,
}

impl Quotas {
    /// Whether a deployment's bucket gives one more. Deployments with a rate are defined, and so few.
    pub(crate) fn deployment(&mut self, id: &str, at: Timestamp, rate: Rate) -> bool {
        match self.deployments.get_mut(id) {
            Some((of, bucket)) if *of == rate => bucket.take(at, rate),
            _ => {
                let mut bucket = FullAt::ALWAYS;
                let gives = bucket.take(at, rate);
                self.deployments.insert(id.to_owned(), (rate, bucket));
                gives
            }
        }
    }

    /// Whether a visitor's bucket gives one more.
    pub(crate) fn visitor(&mut self, id: &str, cookie: &str, at: Timestamp, rate: Rate) -> bool {
        // The same in every process: std's default keys.
        let mut hasher = DefaultHasher::new();
        (id, cookie, rate).hash(&mut hasher);
        let who = hasher.finish();
        let slot = self.slot(who);
        if slot.who != who {
            *slot = Slot {
                who,
                full_at: FullAt::ALWAYS,
            };
        }
        slot.full_at.take(at, rate)
    }

    /// The visitor's own place, or that of the one in its group whose bucket has been full for longest.
    fn slot(&mut self, who: u64) -> &mut Slot {
        if self.visitors.is_empty() {
            let empty = Slot {
                who: 0,
                full_at: FullAt::ALWAYS,
            };
            self.visitors = vec![empty; GROUPS * IN_A_GROUP].into_boxed_slice();
        }
        let first = who as usize % GROUPS * IN_A_GROUP;
        let group = &mut self.visitors[first..first + IN_A_GROUP];
        let found = group.iter().position(|slot| slot.who == who);
        let oldest = || (0..IN_A_GROUP).min_by_key(|i| group[*i].full_at);
        let at = found.or_else(oldest).unwrap_or_default();
        &mut group[at]
    }

    /// What this takes, whatever comes.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        self.visitors.len() * size_of::<Slot>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of `each` events at these milliseconds are let in.
    fn admitted(rate: Rate, each: usize, at: impl IntoIterator<Item = i64>) -> Vec<usize> {
        let mut quotas = Quotas::default();
        let mut take = |at| quotas.deployment("shop", Timestamp(at), rate);
        at.into_iter()
            .map(|at| (0..each).filter(|_| take(at)).count())
            .collect()
    }

    #[test]
    fn a_burst_is_let_in_at_once_and_then_so_many_a_second() {
        let rate = Rate::new(2.0, Some(5), 1);
        let at = [0, 499, 500, 1000, 3000, 100_000];
        assert_eq!(admitted(rate, 10, at), [5, 0, 1, 1, 4, 5]);
    }

    #[test]
    fn without_a_burst_ten_seconds_worth_is_let_in_at_once_and_one_at_least() {
        assert_eq!(admitted(Rate::new(2.0, None, 1), 100, [0]), [20]);
        assert_eq!(
            admitted(Rate::new(0.01, None, 1), 100, [0, 99_999, 100_000]),
            [1, 0, 1]
        );
    }

    #[test]
    fn a_task_has_its_share() {
        assert_eq!(
            admitted(Rate::new(8.0, Some(40), 4), 100, [0, 1000]),
            [10, 2]
        );
    }

    #[test]
    fn time_that_stands_still_or_goes_back_lets_no_more_in() {
        assert_eq!(
            admitted(Rate::new(1.0, Some(3), 1), 2, [5000, 5000, 4000]),
            [2, 1, 0]
        );
    }

    #[test]
    fn a_rate_that_is_changed_holds_at_once() {
        let (hourly, raised) = (Rate::new(1.0, Some(3600), 1), Rate::new(100.0, None, 1));
        let mut quotas = Quotas::default();
        let mut of_deployment = |at, rate| {
            let take = |_: &i32| quotas.deployment("shop", Timestamp(at), rate);
            (0..10_000).filter(take).count()
        };
        let steps = [(0, hourly), (0, raised), (1000, raised), (1000, hourly)];
        let expected = [3600, 1000, 100, 3600];
        assert_eq!(steps.map(|(at, rate)| of_deployment(at, rate)), expected);
        let mut quotas = Quotas::default();
        let mut of_visitor = |at, rate| {
            let take = |_: &i32| quotas.visitor("shop", "c", Timestamp(at), rate);
            (0..10_000).filter(take).count()
        };
        // A visitor's bucket of the rate before is not full yet when that comes back, as the other one's has another place.
        let expected = [3600, 1000, 100, 1];
        assert_eq!(steps.map(|(at, rate)| of_visitor(at, rate)), expected);
    }

    #[test]
    fn numbers_that_no_validation_has_seen_do_no_harm() {
        for per_second in [0.0, -1.0, 1e300, f64::INFINITY, f64::NAN] {
            for burst in [Some(0), Some(u32::MAX), None] {
                admitted(Rate::new(per_second, burst, 0), 3, [i64::MAX, i64::MIN, 0]);
            }
        }
    }

    #[test]
    fn one_visitor_does_not_use_up_another_ones() {
        let mut quotas = Quotas::default();
        let rate = Rate::new(1.0, Some(1), 1);
        let mut take = |id, cookie| quotas.visitor(id, cookie, Timestamp(0), rate);
        assert!(take("shop", "a"));
        assert!(!take("shop", "a"));
        assert!(take("shop", "b"));
        assert!(take("blog", "a"));
    }

    #[test]
    fn a_million_visitors_take_no_more_memory_than_a_few_and_the_busy_one_is_remembered() {
        let mut quotas = Quotas::default();
        let rate = Rate::new(1.0, Some(2), 1);
        quotas.visitor("shop", "first", Timestamp(0), rate);
        let before = quotas.bytes();
        for i in 0..1_000_000_i64 {
            let at = Timestamp(i / 100);
            quotas.visitor("shop", &i.to_string(), at, rate);
            let busy = quotas.visitor("shop", "busy", at, rate);
            assert_eq!(busy, i < 2 || i % 100_000 == 0 && i > 0, "{i}");
        }
        assert_eq!(quotas.bytes(), before);
    }
}
