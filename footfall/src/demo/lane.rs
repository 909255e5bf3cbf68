//! A lane of the demo: its topics, its definitions, and the four stages as processes of their own.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

use super::{Stage, tool};

/// The stages, in the order in which records flow.
const STAGES: [&str; 4] = ["ingest", "sessionizer", "segmenter", "staffing"];
/// How long a stage may take to be ready, or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// Four processes.
#[derive(Debug)]
pub(super) struct Lane {
    prefix: String,
    processes: Vec<Process>,
}

#[derive(Debug)]
struct Process {
    name: &'static str,
    child: Child,
    address: String,
    log: PathBuf,
}

impl Lane {
    /// Makes topics, applies definitions, starts the stages and waits until they are ready.
    pub(super) fn start(
        stage: &Stage,
        prefix: &str,
        backfill: bool,
        definitions: &Path,
    ) -> anyhow::Result<Lane> {
        let env = stage.env();
        let mut topics = vec![
            "topics",
            "apply",
            "--topic-prefix",
            prefix,
            "--partitions",
            "4",
            "--raw-partitions",
            "4",
        ];
        topics.extend(["--replication", "1"]);
        if backfill {
            topics.push("--backfill");
        }
        tool(&topics, &stage.dir, &env)?;
        let folder = definitions.to_string_lossy();
        tool(
            &["definitions", "apply", &folder, "--topic-prefix", prefix],
            &stage.dir,
            &env,
        )?;
        let mut lane = Lane {
            prefix: prefix.to_owned(),
            processes: Vec::new(),
        };
        for name in STAGES {
            lane.processes.push(spawn(stage, name, prefix, backfill)?);
        }
        for process in &mut lane.processes {
            process.wait_ready()?;
        }
        Ok(lane)
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Where each stage serves its metrics.
    pub(super) fn addresses(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.processes
            .iter()
            .map(|process| (process.name, process.address.as_str()))
    }

    /// A stage's metrics now.
    pub(super) fn metrics(&self, name: &str) -> anyhow::Result<String> {
        let process = self
            .processes
            .iter()
            .find(|process| process.name == name)
            .context("a stage of ours")?;
        get(&process.address, "/metrics")
    }

    /// Whether every stage still runs; which one does not, and why.
    pub(super) fn check(&mut self) -> anyhow::Result<()> {
        for process in &mut self.processes {
            if let Some(status) = process.child.try_wait()? {
                bail!(
                    "{} ended ({status}):\n{}",
                    process.name,
                    process.last_words()
                );
            }
        }
        Ok(())
    }

    /// Stops the stages: SIGTERM, and they finish their batch.
    pub(super) fn stop(&mut self) -> anyhow::Result<()> {
        for process in &self.processes {
            let _ = Command::new("kill")
                .arg(process.child.id().to_string())
                .status();
        }
        let deadline = Instant::now() + PATIENCE;
        for process in &mut self.processes {
            while process.child.try_wait()?.is_none() {
                if Instant::now() > deadline {
                    let _ = process.child.kill();
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        self.processes.clear();
        Ok(())
    }
}

impl Drop for Lane {
    /// Nothing is left running when the demo fails; when it is kept, its processes are let go before.
    fn drop(&mut self) {
        if std::env::var_os("KEEP").is_none() {
            for process in &mut self.processes {
                let _ = process.child.kill();
                let _ = process.child.wait();
            }
        }
    }
}

fn spawn(
    stage: &Stage,
    name: &'static str,
    prefix: &str,
    backfill: bool,
) -> anyhow::Result<Process> {
    let program = std::env::current_exe()?.with_file_name(name);
    let log = stage.dir.join(format!("{prefix}{name}.log"));
    let file =
        File::create(&log).with_context(|| format!("{} cannot be written", log.display()))?;
    let mut command = Command::new(&program);
    command
        .args([
            "--topic-prefix",
            prefix,
            "--register-schemas",
            "--instance",
            "demo-instance",
        ])
        .envs(stage.env().iter().map(|(k, v)| (k, v)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(file);
    if name == "ingest" {
        command.arg("--development-visitor-key");
        if backfill {
            command.arg("--no-ticks");
        }
    }
    let child = command.spawn().with_context(|| {
        format!(
            "{} cannot be started: build it with `cargo build --release`",
            program.display()
        )
    })?;
    Ok(Process {
        name,
        child,
        address: String::new(),
        log,
    })
}

impl Process {
    fn wait_ready(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if self.address.is_empty() {
                self.address = self.address_from_log().unwrap_or_default();
            } else if get(&self.address, "/readyz").is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended ({status}):\n{}", self.name, self.last_words());
            }
            if Instant::now() > deadline {
                bail!(
                    "{} was not ready within {PATIENCE:?}:\n{}",
                    self.name,
                    self.last_words()
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The stage says at start where it listens.
    fn address_from_log(&self) -> Option<String> {
        let log = std::fs::read_to_string(&self.log).ok()?;
        let line = log
            .lines()
            .find_map(|line| line.split_once("\"metrics\":\""))?
            .1;
        line.split_once('"').map(|(address, _)| address.to_owned())
    }

    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }
}

/// One HTTP GET of a stage's own port; an answer that is not 200 is an error.
fn get(address: &str, path: &str) -> anyhow::Result<String> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").context("no HTTP answer")?;
    if !head.starts_with("HTTP/1.1 200") {
        bail!("{}", head.lines().next().unwrap_or_default());
    }
    Ok(body.to_owned())
}
