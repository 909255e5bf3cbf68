//! Places where a test may kill the process: nothing at all unless the feature `failpoints` is compiled in.

/// Dies here if `FOOTFALL_FAILPOINT` is `<name>:<n>` and this is the n-th time.
#[cfg(feature = "failpoints")]
pub(super) fn reach(name: &str) {
    use std::sync::atomic::{AtomicU64, Ordering};
    static REACHED: AtomicU64 = AtomicU64::new(0);
    let Ok(wanted) = std::env::var("FOOTFALL_FAILPOINT") else {
        return;
    };
    let Some((point, count)) = wanted.split_once(':') else {
        return;
    };
    if point == name && count.parse() == Ok(REACHED.fetch_add(1, Ordering::Relaxed) + 1) {
        std::process::abort();
    }
}

/// Nothing.
#[cfg(not(feature = "failpoints"))]
pub(super) fn reach(_: &str) {}
