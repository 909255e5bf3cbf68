//! A local cluster, and a lane on it: its topics, its definitions, and the four stages as processes of their own. For the
//! demo and the bench.

mod process;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

pub use self::process::Process;
use crate::child;

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
    let mut command = child::command(program);
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

/// A lane's stages.
#[derive(Debug)]
pub struct Lane {
    prefix: String,
    processes: Vec<Process>,
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
        self.processes.iter().try_for_each(Process::terminate)?;
        self.processes.drain(..).try_for_each(Process::wait)
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
