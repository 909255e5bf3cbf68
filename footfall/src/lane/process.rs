//! A stage of a lane as a process of its own: started, asked, told to go.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow, bail};

use super::Cluster;
use crate::child;

/// How long a stage may take to be ready, or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// A stage as a process of its own.
#[derive(Debug)]
pub struct Process {
    pub(super) name: String,
    child: Child,
    pub(super) address: String,
    log: PathBuf,
    /// It runs on when this goes.
    pub(super) kept: bool,
}

impl Drop for Process {
    /// Nothing is left running, whatever went wrong.
    fn drop(&mut self) {
        if !self.kept {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Process {
    /// Starts a stage: the program of this name beside this one.
    pub fn spawn(cluster: &Cluster, name: &str, args: &[String]) -> anyhow::Result<Process> {
        let program = std::env::current_exe()?.with_file_name(name);
        Process::spawn_as(cluster, name, &program, args)
    }

    /// Starts a program as a stage.
    pub fn spawn_as(
        cluster: &Cluster,
        name: &str,
        program: &Path,
        args: &[String],
    ) -> anyhow::Result<Process> {
        let prefix = args
            .iter()
            .skip_while(|arg| *arg != "--topic-prefix")
            .nth(1)
            .cloned()
            .unwrap_or_default();
        let log = cluster.dir.join(format!("{prefix}{name}.log"));
        let file =
            File::create(&log).with_context(|| format!("{} cannot be written", log.display()))?;
        let mut command = child::command(program);
        command
            .args(args)
            .envs(cluster.env().iter().map(|(k, v)| (k, v)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file);
        let child = command.spawn().with_context(|| {
            format!(
                "{} cannot be started: build it with `cargo build --release`",
                program.display()
            )
        })?;
        Ok(Process {
            name: name.to_owned(),
            child,
            address: String::new(),
            log,
            kept: false,
        })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its metrics now.
    pub fn metrics(&self) -> anyhow::Result<String> {
        get(&self.address, "/metrics")
    }

    /// The least frontier over its tasks, in seconds since 1970, once all `tasks` know theirs.
    pub fn frontier(&self, tasks: usize) -> anyhow::Result<Option<f64>> {
        let metrics = self.metrics()?;
        let lines = metrics
            .lines()
            .filter(|line| line.starts_with("footfall_frontier_timestamp_seconds{"));
        let frontiers: Vec<f64> = lines
            .filter_map(|line| line.rsplit_once(' ')?.1.parse().ok())
            .collect();
        Ok((frontiers.len() == tasks).then(|| frontiers.into_iter().fold(f64::INFINITY, f64::min)))
    }

    /// Whether it still runs; why not.
    pub fn check(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("{} ended ({status}):\n{}", self.name, self.last_words()),
            None => Ok(()),
        }
    }

    /// Asks it to finish its batch and go.
    pub fn terminate(&self) -> anyhow::Result<()> {
        let asked = child::signal(self.child.id(), "TERM");
        asked.with_context(|| format!("{} cannot be stopped", self.name))
    }

    /// Kills it: nothing is finished.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Waits until it has gone; kills it when it takes too long.
    pub fn wait(mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Waits until it has its tasks, restored.
    pub fn wait_ready(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if self.address.is_empty() {
                self.address = self.address_from_log().unwrap_or_default();
            } else if get(&self.address, "/readyz").is_ok() {
                return Ok(());
            }
            self.check()?;
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

    /// A stage says at start where it listens.
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

/// One HTTP GET of a stage's own port; an answer that is not 200 is an error. A stage that has gone is no reader that left: the kind
/// of error, by which those are known, goes no further.
fn get(address: &str, path: &str) -> anyhow::Result<String> {
    ask(address, path).map_err(|error| anyhow!("http://{address}{path}: {error:#}"))
}

fn ask(address: &str, path: &str) -> anyhow::Result<String> {
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
