//! A Kafka of one's own, for a test that does to it what no other test could bear.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    Kafka,
    stage::{PATIENCE, binary, signal},
    wait_until,
};

/// A local Kafka and registry, gone when it is dropped.
pub(crate) struct Cluster {
    directory: PathBuf,
    pub(crate) kafka: Kafka,
}

impl Cluster {
    /// Starts both; they are stopped by `tests/run.sh` if the test cannot do it.
    pub(crate) fn start(name: &str) -> Cluster {
        let within = std::env::var_os("FOOTFALL_DEV_DIR").map(PathBuf::from);
        let within = within.unwrap_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")));
        let directory = within.join(format!("cluster-{}-{name}", std::process::id()));
        let _ = dev(&directory, &["up", "--kafka-heap", "512m"]);
        let printed = dev(&directory, &["env"]);
        let variable = |name: &str| {
            let start = format!("export {name}=");
            let line = printed.lines().find_map(|line| line.strip_prefix(&start));
            line.expect("a variable").to_owned()
        };
        let kafka = Kafka {
            brokers: variable("FOOTFALL_BROKERS"),
            registry: variable("FOOTFALL_REGISTRY"),
        };
        Cluster { directory, kafka }
    }

    /// SIGKILL to the broker, and until its port is free: while it is not, `footfall dev up` would take another.
    pub(crate) fn kill_broker(&self) {
        signal(self.broker(), "KILL");
        let address = &self.kafka.brokers;
        wait_until("the broker to be gone", PATIENCE, || {
            TcpListener::bind(address).ok()
        });
    }

    /// Starts the broker that was killed, and waits until it answers.
    pub(crate) fn start_broker(&self) {
        let printed = dev(&self.directory, &["up", "--kafka-heap", "512m"]);
        let address = &self.kafka.brokers;
        assert!(printed.contains(address), "it is where it was: {printed}");
    }

    /// SIGSTOP to the broker.
    pub(crate) fn freeze_broker(&self) {
        signal(self.broker(), "STOP");
    }

    /// SIGCONT to the broker.
    pub(crate) fn thaw_broker(&self) {
        signal(self.broker(), "CONT");
    }

    fn broker(&self) -> u32 {
        let file = self.directory.join("kafka.pid");
        let text = fs::read_to_string(file).expect("the broker's pid file");
        text.trim().parse().expect("a process id")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = dev(&self.directory, &["down", "--delete"]);
            let _ = fs::remove_dir_all(&self.directory);
            return;
        }
        let mut down = Command::new(binary("footfall"));
        let down = down.args(["dev", "down", "--dir"]).arg(&self.directory);
        let _ = down.status();
        eprintln!("its broker's log: {}", self.directory.display());
    }
}

fn dev(directory: &Path, args: &[&str]) -> String {
    let mut command = Command::new(binary("footfall"));
    command.arg("dev").args(args).arg("--dir").arg(directory);
    let output = command.output().expect("the tool runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "footfall dev {args:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
