//! Places where a test may kill the process: nothing at all unless the feature `failpoints` is compiled in.

/// Dies here if `FOOTFALL_FAILPOINT` is `<name>:<n>` and this is the n-th time.
#[cfg(feature = "failpoints")]
pub(crate) fn reach(name: &str) {
    if is_reached(name) {
        std::process::abort();
    }
}

/// Dies a moment later: while whatever comes next is under way.
#[cfg(feature = "failpoints")]
pub(crate) fn reach_soon(name: &str) {
    if is_reached(name) {
        std::thread::spawn(|| {
            std::thread::sleep(std::time::Duration::from_millis(1));
            std::process::abort();
        });
    }
}

#[cfg(feature = "failpoints")]
fn is_reached(name: &str) -> bool {
    use std::sync::atomic::{AtomicU64, Ordering};
    static REACHED: AtomicU64 = AtomicU64::new(0);
    let Ok(wanted) = std::env::var("FOOTFALL_FAILPOINT") else {
        return false;
    };
    let Some((point, count)) = wanted.split_once(':') else {
        return false;
    };
    point == name && count.parse() == Ok(REACHED.fetch_add(1, Ordering::Relaxed) + 1)
}

/// Whether this attempt is to be aborted: `FOOTFALL_FAILPOINT` is `abort_every:<n>`, and it is an n-th one.
#[cfg(feature = "failpoints")]
pub(crate) fn aborts() -> bool {
    use std::sync::atomic::{AtomicU64, Ordering};
    static ATTEMPTS: AtomicU64 = AtomicU64::new(0);
    let wanted = std::env::var("FOOTFALL_FAILPOINT").unwrap_or_default();
    let every = wanted.strip_prefix("abort_every:");
    let every: Option<u64> = every.and_then(|n| n.parse().ok()).filter(|n| *n > 1);
    every.is_some_and(|n| (ATTEMPTS.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(n))
}

/// Never.
#[cfg(not(feature = "failpoints"))]
pub(crate) fn aborts() -> bool {
    false
}

/// Nothing.
#[cfg(not(feature = "failpoints"))]
pub(crate) fn reach(_: &str) {}

/// Nothing.
#[cfg(not(feature = "failpoints"))]
pub(crate) fn reach_soon(_: &str) {}
