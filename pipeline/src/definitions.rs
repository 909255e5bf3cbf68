//! The sets of definitions as they are known now: one reader, every worker.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use journey::definitions::DefinitionSet;

/// Every set, in order of version.
pub type SharedSets = Arc<[Arc<DefinitionSet>]>;

/// What is known of the topic of definitions. Workers look at it between two turns and take what is new: a task switches at a
/// mark's beginning, never in the middle of anything.
#[derive(Clone, Debug)]
pub struct Definitions(Arc<Known>);

#[derive(Debug)]
struct Known {
    sets: Mutex<SharedSets>,
    edition: AtomicU64,
    published: Condvar,
}

impl Definitions {
    /// These sets, until others are published.
    pub fn new(sets: SharedSets) -> Definitions {
        Definitions(Arc::new(Known {
            sets: Mutex::new(sets),
            edition: AtomicU64::new(0),
            published: Condvar::new(),
        }))
    }

    /// From here on there are these.
    pub fn publish(&self, sets: SharedSets) {
        *self.lock() = sets;
        self.0.edition.fetch_add(1, Ordering::Release);
        self.0.published.notify_all();
    }

    /// Rises with every [`Definitions::publish`].
    pub fn edition(&self) -> u64 {
        self.0.edition.load(Ordering::Acquire)
    }

    /// The sets known now.
    pub fn sets(&self) -> SharedSets {
        Arc::clone(&self.lock())
    }

    /// The sets, once this version is among them, or `patience` is over: who takes a task over may not have read yet what its
    /// last owner had switched to.
    pub fn with(&self, version: i64, patience: Duration) -> SharedSets {
        let deadline = Instant::now() + patience;
        let mut sets = self.lock();
        while !sets.iter().any(|set| set.version >= version) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.0.published.wait_timeout(sets, left);
            sets = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Arc::clone(&sets)
    }

    fn lock(&self) -> MutexGuard<'_, SharedSets> {
        self.0.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(newest: i64) -> SharedSets {
        let set = |version| {
            Arc::new(DefinitionSet {
                version,
                ..DefinitionSet::default()
            })
        };
        (0..=newest).map(set).collect()
    }

    #[test]
    fn a_restore_waits_for_the_version_it_needs_and_no_longer_than_it_may() {
        let definitions = Definitions::new(sets(1));
        assert_eq!(definitions.with(1, Duration::ZERO).len(), 2);
        assert_eq!(definitions.with(2, Duration::from_millis(1)).len(), 2);
        let reader = definitions.clone();
        let waiting =
            std::thread::spawn(move || definitions.with(2, Duration::from_secs(60)).len());
        reader.publish(sets(2));
        assert_eq!(waiting.join().expect("no panic"), 3);
        assert_eq!(reader.edition(), 1);
    }
}
