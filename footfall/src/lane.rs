//! A local cluster, and a lane on it: its topics, its definitions, and the four stages as processes of their own. For the
//! demo and the bench.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

/// A local Kafka and registry that `footfall dev` runs.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Where its data lie, and the stages' logs.
    pub dir: PathBuf,
    /// For `FOOTFALL_BROKERS`.
    pub brokers: String,
    /// For `FOOTFALL_REGISTRY`.
    pub registry: String,
}

impl Cluster {
    /// Starts it, or finds it running.
    pub fn up(dir: &Path) -> anyhow::Result<(Cluster, String)> {
        Cluster::up_with(dir, &["dev", "up"])
    }

    /// Starts one whose broker runs for long enough to be worth compiling as brokers elsewhere are, or finds it running.
    pub fn up_for_long(dir: &Path) -> anyhow::Result<(Cluster, String)> {
        Cluster::up_with(dir, &["dev", "up", "--long-running"])
    }

    fn up_with(dir: &Path, up: &[&str]) -> anyhow::Result<(Cluster, String)> {
        std::fs::create_dir_all(dir)
            .with_context(|| format!("{} cannot be made", dir.display()))?;
        let said = tool(up, dir, &[])?;
        let env = tool(&["dev", "env"], dir, &[])?;
        let value = |name: &str| {
            let line = env
                .lines()
                .find_map(|line| line.strip_prefix(&format!("export {name}=")));
            line.map(str::to_owned)
                .with_context(|| format!("`footfall dev env` prints no {name}"))
        };
        let cluster = Cluster {
            dir: dir.to_owned(),
            brokers: value("FOOTFALL_BROKERS")?,
            registry: value("FOOTFALL_REGISTRY")?,
        };
        Ok((cluster, said.trim().to_owned()))
    }

    /// Whether one runs there.
    pub fn runs(dir: &Path) -> bool {
        tool(&["dev", "env"], dir, &[]).is_ok()
    }

    /// Stops it and deletes its data.
    pub fn down(dir: &Path) -> anyhow::Result<()> {
        tool(&["dev", "down", "--delete"], dir, &[]).map(|_| ())
    }

    /// What clients of a lane are made with.
    pub fn settings(&self, prefix: &str) -> pipeline::kafka::Settings {
        pipeline::kafka::Settings::new(&self.brokers, journey::topics::Lane::new(prefix), "local")
    }

    /// Runs the tool against this cluster.
    pub fn tool(&self, args: &[&str]) -> anyhow::Result<String> {
        tool(args, &self.dir, &self.env())
    }

    fn env(&self) -> [(&'static str, String); 2] {
        [
            ("FOOTFALL_BROKERS", self.brokers.clone()),
            ("FOOTFALL_REGISTRY", self.registry.clone()),
        ]
    }
}

/// Runs the tool beside this program: what demo and bench do, a person can do.
fn tool(args: &[&str], dir: &Path, env: &[(&'static str, String)]) -> anyhow::Result<String> {
    let program = std::env::current_exe()
        .context("this program has no path")?
        .with_file_name("footfall");
    let mut command = Command::new(program);
    command
        .args(args)
        .env("FOOTFALL_DEV_DIR", dir)
        .envs(env.iter().map(|(k, v)| (k, v)));
    let output = command
        .output()
        .context("`footfall` cannot be run: build it with `cargo build --release`")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    bail!(
        "`footfall {}` failed:\n{text}{}",
        args.join(" "),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The stages, in the order in which records flow.
pub const STAGES: [&str; 4] = ["ingest", "sessionizer", "segmenter", "staffing"];
/// How long a stage may take to be ready, or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// A lane's stages.
#[derive(Debug)]
pub struct Lane {
    prefix: String,
    processes: Vec<Process>,
}

/// A stage as a process of its own.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    address: String,
    log: PathBuf,
    /// It runs on when this goes.
    kept: bool,
}

impl Lane {
    /// Makes topics, applies definitions, starts the stages and waits until they are ready.
    pub fn start(
        cluster: &Cluster,
        prefix: &str,
        backfill: bool,
        definitions: &Path,
    ) -> anyhow::Result<Lane> {
        Lane::prepare(cluster, prefix, backfill, definitions)?;
        let mut lane = Lane {
            prefix: prefix.to_owned(),
            processes: Vec::new(),
        };
        for name in STAGES {
            lane.processes.push(Process::spawn(
                cluster,
                name,
                &stage_args(name, prefix, backfill),
            )?);
        }
        for process in &mut lane.processes {
            process.wait_ready()?;
        }
        Ok(lane)
    }

    /// Makes topics and applies definitions.
    pub fn prepare(
        cluster: &Cluster,
        prefix: &str,
        backfill: bool,
        definitions: &Path,
    ) -> anyhow::Result<()> {
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
        cluster.tool(&topics)?;
        cluster.tool(&[
            "definitions",
            "apply",
            &definitions.to_string_lossy(),
            "--topic-prefix",
            prefix,
        ])?;
        Ok(())
    }

    /// The lane's prefix.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Leaves the stages running when this goes.
    pub fn keep(&mut self) {
        for process in &mut self.processes {
            process.kept = true;
        }
    }

    /// Where each stage serves its metrics.
    pub fn addresses(&self) -> impl Iterator<Item = (&str, &str)> {
        self.processes
            .iter()
            .map(|process| (process.name.as_str(), process.address.as_str()))
    }

    /// One of the stages.
    pub fn stage(&self, name: &str) -> anyhow::Result<&Process> {
        self.processes
            .iter()
            .find(|process| process.name == name)
            .context("a stage of ours")
    }

    /// Whether every stage still runs; which one does not, and why.
    pub fn check(&mut self) -> anyhow::Result<()> {
        self.processes.iter_mut().try_for_each(Process::check)
    }

    /// Stops the stages: SIGTERM, and they finish their batch.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        for process in &self.processes {
            process.terminate();
        }
        self.processes.drain(..).try_for_each(Process::wait)
    }
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

/// What a stage of a local lane is started with.
pub fn stage_args(name: &str, prefix: &str, backfill: bool) -> Vec<String> {
    let mut args = vec![
        "--topic-prefix",
        prefix,
        "--register-schemas",
        "--instance",
        "local",
    ];
    if name == "ingest" {
        args.push("--development-visitor-key");
        if backfill {
            args.push("--no-ticks");
        }
    }
    if name == "staffing" && backfill {
        args.extend(["--source", "backfill"]);
    }
    args.into_iter().map(str::to_owned).collect()
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
        let mut command = Command::new(program);
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
    pub fn terminate(&self) {
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
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
