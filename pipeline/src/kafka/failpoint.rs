//! Places where a test may kill or freeze the process: nothing at all unless the feature `failpoints` is compiled in.

/// Dies here, of SIGKILL, if `FOOTFALL_FAILPOINT` is `<name>:<n>` and this is the n-th time; freezes if it is `<name>:<n>:freeze`.
#[cfg(feature = "failpoints")]
pub(crate) fn reach(name: &str) {
    reach_after(name, || ());
}

/// As [`reach`], after something that is done only then.
#[cfg(feature = "failpoints")]
pub(crate) fn reach_after(name: &str, last: impl FnOnce()) {
    let Some(end) = reached(name) else { return };
    last();
    match end {
        End::Dies => die(),
        End::Freezes => freeze(),
    }
}

/// Dies a moment later, as long as it takes to start a shell: while whatever comes next is under way.
#[cfg(feature = "failpoints")]
pub(crate) fn reach_soon(name: &str) {
    if reached(name).is_some() {
        std::thread::spawn(die);
    }
}

/// SIGKILL to ourselves, by way of the shell, as [`freeze`] sends its own.
#[cfg(feature = "failpoints")]
fn die() {
    let mut shell = std::process::Command::new("sh");
    let _ = shell.args(["-c", "kill -s KILL $PPID"]).status();
    // Where there is no shell.
    std::process::abort();
}

/// What happens to the process.
#[cfg(feature = "failpoints")]
enum End {
    Dies,
    Freezes,
}

#[cfg(feature = "failpoints")]
fn reached(name: &str) -> Option<End> {
    use std::sync::atomic::{AtomicU64, Ordering};
    static REACHED: AtomicU64 = AtomicU64::new(0);
    let wanted = std::env::var("FOOTFALL_FAILPOINT").ok()?;
    let mut wanted = wanted.split(':');
    let (point, count, end) = (wanted.next()?, wanted.next()?, wanted.next());
    let reached = point == name && count.parse() == Ok(REACHED.fetch_add(1, Ordering::Relaxed) + 1);
    reached.then_some(match end {
        Some("freeze") => End::Freezes,
        _ => End::Dies,
    })
}

/// SIGSTOP to ourselves, by way of the shell, whose parent we are: there is no safe call for it. Goes on here at SIGCONT.
///
/// The signal stops one thread after the other, and this one waits for the shell: which therefore ends only when it has seen
/// all of them stand still. Else, on a busy machine, this thread would go on for a while before it stops.
#[cfg(feature = "failpoints")]
fn freeze() {
    const STOP: &str = r#"
        kill -s STOP $PPID
        for look in $(seq 1000); do
            cat /proc/$PPID/task/*/status | grep '^State:' | grep -qv 'T (stopped)' || exit 0
        done"#;
    let mut shell = std::process::Command::new("sh");
    let _ = shell.args(["-c", STOP]).status();
}

/// Whether this attempt is to be aborted: `FOOTFALL_FAILPOINT` is `abort_every:<n>`, and it is an n-th one; or
/// `abort_every:<n>:<m>`, and it is one of the last m of each n. Each worker counts its own.
#[cfg(feature = "failpoints")]
pub(crate) fn aborts() -> bool {
    thread_local! {
        static ATTEMPTS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
    }
    let wanted = std::env::var("FOOTFALL_FAILPOINT").unwrap_or_default();
    let Some(wanted) = wanted.strip_prefix("abort_every:") else {
        return false;
    };
    let mut wanted = wanted.split(':').map(str::parse::<u64>);
    let (Some(Ok(every)), last) = (wanted.next(), wanted.next()) else {
        return false;
    };
    let last = last.and_then(Result::ok).unwrap_or(1);
    every > last && ATTEMPTS.replace(ATTEMPTS.get() + 1) % every >= every - last
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

/// Nothing.
#[cfg(not(feature = "failpoints"))]
pub(crate) fn reach_after(_: &str, _: impl FnOnce()) {}
