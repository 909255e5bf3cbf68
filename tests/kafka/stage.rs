//! The real binaries as processes of their own, with their logs, metrics and deaths.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{auditor, wait_until};

/// The four, in the order of the data.
pub(crate) const STAGES: [&str; 4] = ["ingest", "sessionizer", "segmenter", "staffing"];

/// How long a process may take to do what it is waited for, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// How long a process is given to end before whoever waits looks at something else.
const SOON: Duration = Duration::from_secs(2);

/// Where the binaries lie: those of the same build, unless told otherwise.
pub(crate) fn binary(name: &str) -> PathBuf {
    let directory = std::env::var_os("FOOTFALL_BIN_DIR").map(PathBuf::from);
    let directory = directory.unwrap_or_else(|| {
        let test = std::env::current_exe().expect("this test's own path");
        let deps = test.parent().expect("deps");
        deps.parent().expect("a target directory").to_owned()
    });
    let path = directory.join(name);
    assert!(
        path.exists(),
        "{} is missing: run `cargo build --bins --features pipeline/failpoints` first, or set FOOTFALL_BIN_DIR",
        path.display()
    );
    path
}

/// A running stage.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) name: String,
    pub(crate) log: PathBuf,
    child: Child,
}

impl Stage {
    /// Starts a binary with everything it prints in a file of its own.
    pub(crate) fn start(
        directory: &Path,
        name: &str,
        args: &[String],
        failpoint: Option<&str>,
    ) -> Stage {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let log = directory.join(format!("{number:03}-{name}.log"));
        let out = File::create(&log).expect("a log file");
        let mut command = Command::new(binary(name));
        for (variable, _) in std::env::vars().filter(|(name, _)| name.starts_with("FOOTFALL_")) {
            command.env_remove(variable);
        }
        command.args(args).stdin(Stdio::null());
        command.stdout(out.try_clone().expect("a handle"));
        command.stderr(out);
        if let Some(failpoint) = failpoint {
            command.env("FOOTFALL_FAILPOINT", failpoint);
        }
        let child = command.spawn().expect("starts");
        Stage {
            name: name.to_owned(),
            log,
            child,
        }
    }

    /// All it has printed.
    pub(crate) fn printed(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Where its metrics are.
    fn address(&self) -> Option<String> {
        let printed = self.printed();
        let lines = printed.lines();
        let mut lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find_map(|line| Some(line["fields"]["metrics"].as_str()?.to_owned()))
    }

    /// What `/metrics` says now.
    pub(crate) fn metrics(&self) -> Option<String> {
        self.probe("metrics").ok()
    }

    /// What one of its probes answers, if it says that all is well.
    pub(crate) fn probe(&self, path: &str) -> Result<String, String> {
        let address = self.address().ok_or("it listens nowhere yet")?;
        auditor::get(&format!("http://{address}/{path}"))
    }

    /// The sum of a metric over all series whose labels contain each of `labels`.
    pub(crate) fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let metrics = self.metrics().unwrap_or_default();
        let lines = metrics.lines().filter(|line| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
                && labels.iter().all(|label| line.contains(label))
        });
        lines
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    /// How many series a metric has.
    pub(crate) fn series(&self, name: &str) -> usize {
        let metrics = self.metrics().unwrap_or_default();
        let start = format!("{name}{{");
        metrics
            .lines()
            .filter(|line| line.starts_with(&start))
            .count()
    }

    /// Whether it says that it owns partitions.
    pub(crate) fn is_ready(&self) -> bool {
        self.probe("readyz").is_ok()
    }

    /// Until it says that it owns partitions.
    pub(crate) fn until_ready(&mut self) {
        let what = format!("{} to be ready", self.name);
        wait_until(&what, PATIENCE, || {
            if let Some(status) = self.child.try_wait().expect("a child") {
                panic!("{} ended ({status}):\n{}", self.name, tail(&self.log));
            }
            self.is_ready().then_some(())
        });
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    /// Itself, if it has ended.
    pub(crate) fn if_ended(&mut self) -> Option<&mut Stage> {
        (!self.is_running()).then_some(self)
    }

    /// Until it has ended by itself.
    pub(crate) fn until_ended(&mut self) -> ExitStatus {
        let what = format!("{} to end", self.name);
        wait_until(&what, PATIENCE, || self.child.try_wait().expect("a child"))
    }

    /// How it ended, if it has by itself or does soon.
    pub(crate) fn ends_soon(&mut self) -> Option<ExitStatus> {
        let asked = Instant::now();
        loop {
            let ended = self.child.try_wait().expect("a child");
            if ended.is_some() || asked.elapsed() > SOON {
                return ended;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    /// SIGSTOP: it lives, and does nothing.
    pub(crate) fn freeze(&self) {
        signal(self.child.id(), "STOP");
    }

    /// Until it is frozen, by itself or by another.
    pub(crate) fn until_frozen(&mut self) {
        let what = format!("{} to be frozen", self.name);
        wait_until(&what, PATIENCE, || {
            if let Some(status) = self.child.try_wait().expect("a child") {
                panic!("{} ended ({status}):\n{}", self.name, tail(&self.log));
            }
            is_frozen(self.child.id()).then_some(())
        });
    }

    /// SIGCONT: it goes on as though no time had passed.
    pub(crate) fn thaw(&self) {
        signal(self.child.id(), "CONT");
    }

    /// SIGTERM, and until it has gone, which must be in good order.
    pub(crate) fn stop(&mut self) {
        signal(self.child.id(), "TERM");
        let status = self.until_ended();
        let (name, log) = (&self.name, tail(&self.log));
        assert!(status.success(), "{name} stopped with {status}:\n{log}");
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process.
pub(crate) fn signal(pid: u32, name: &str) {
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -s {name} {pid}")])
        .status();
    assert!(sent.expect("sh runs").success(), "SIG{name} was sent");
}

/// Whether every thread of a process stands still.
fn is_frozen(pid: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return false;
    };
    threads.flatten().all(|thread| {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        // The state follows the name, which is in brackets and may hold anything.
        stat.rsplit(") ")
            .next()
            .is_some_and(|rest| rest.starts_with('T'))
    })
}

/// The last lines of a log.
pub(crate) fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}
