//! `footfall demo`: the whole pipeline on this machine. A simulated day in a minute or two, as a backfill lane with a chat
//! engine that answers offers; then live traffic for latency. What it counts it counts from the topics.

mod day;
mod lane;
mod live;
mod progress;
mod story;

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Args as ClapArgs;
use pipeline::config::duration;

use self::{lane::Lane, progress::Progress};

/// Runs the demo.
#[derive(ClapArgs, Clone, Debug)]
pub(crate) struct Args {
    /// Where Kafka's data, logs and definitions lie
    #[arg(
        long,
        env = "FOOTFALL_DEMO_DIR",
        default_value = "target/footfall-demo"
    )]
    dir: PathBuf,
    /// Visitors of the simulated day
    #[arg(long, default_value_t = 6_000)]
    visitors: u32,
    /// What draws the day
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// How long the simulated day takes to play
    #[arg(long, default_value = "75s", value_parser = duration)]
    play: Duration,
    /// How long live traffic is sent
    #[arg(long, default_value = "20s", value_parser = duration)]
    live: Duration,
    /// Live events a second
    #[arg(long, default_value_t = 1_000)]
    rate: u64,
    /// Leave everything running
    #[arg(long, env = "KEEP", value_parser = clap::builder::FalseyValueParser::new())]
    keep: bool,
}

/// The demo's definitions, as they lie in `footfall/definitions`.
const DEFINITIONS: &[(&str, &str)] = &[
    (
        "action-maps.json",
        include_str!("../definitions/action-maps.json"),
    ),
    (
        "deployments.json",
        include_str!("../definitions/deployments.json"),
    ),
    (
        "outcomes.json",
        include_str!("../definitions/outcomes.json"),
    ),
    (
        "page-classes.json",
        include_str!("../definitions/page-classes.json"),
    ),
    (
        "route-paths.json",
        include_str!("../definitions/route-paths.json"),
    ),
    (
        "segments.json",
        include_str!("../definitions/segments.json"),
    ),
];

/// What every part of the demo needs.
#[derive(Debug)]
struct Stage {
    dir: PathBuf,
    brokers: String,
    registry: String,
}

/// Runs the demo and leaves nothing running, whatever happens, unless told to keep it.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let result = play(args);
    if !args.keep {
        let down = tool(&["dev", "down", "--delete"], &args.dir, &[]);
        result?;
        down?;
    } else {
        result?;
    }
    Ok(ExitCode::SUCCESS)
}

fn play(args: &Args) -> anyhow::Result<()> {
    let mut progress = Progress::new();
    std::fs::create_dir_all(&args.dir)
        .with_context(|| format!("{} cannot be made", args.dir.display()))?;
    progress
        .step("starting Apache Kafka and a schema registry (the first time, Maven fetches them)");
    println!("{}", tool(&["dev", "up"], &args.dir, &[])?.trim());
    let stage = Stage::new(&args.dir)?;
    let definitions = write_definitions(&args.dir)?;

    progress.step("a simulated day, in a lane of its own: topics, definitions, the four stages");
    let mut lane = Lane::start(&stage, "demo-day.", true, &definitions)?;
    let sent = day::play(&stage, &mut lane, args, &mut progress)?;
    let told = day::read(&stage, &lane)?;
    if !args.keep {
        lane.stop()?;
    }

    progress.step(&format!(
        "live: {} events/s for {} s",
        args.rate,
        args.live.as_secs()
    ));
    let mut live_lane = Lane::start(&stage, "demo-live.", false, &definitions)?;
    let latency = live::measure(&stage, &mut live_lane, args, &mut progress)?;
    if !args.keep {
        live_lane.stop()?;
    }

    println!(
        "\n=== one simulated day ===\n{}",
        told.summary.render(Some(sent))
    );
    println!(
        "busiest intervals, as WFM gets them\n{}",
        told.summary.render_staffing(6)
    );
    println!(
        "=== live, {} events/s, exactly once ===\n{latency}",
        args.rate
    );
    println!("=== five records ===\n{}", story::samples(&told));
    println!(
        "=== one visitor who lingered on the pricing page ===\n{}",
        story::offer(&told)
    );
    println!("{}", farewell(args, &stage, &[lane, live_lane]));
    if sent != told.summary.accounted() {
        bail!(
            "{sent} raw records were sent and {} accounted for: this is a bug",
            told.summary.accounted()
        );
    }
    Ok(())
}

impl Stage {
    fn new(dir: &Path) -> anyhow::Result<Stage> {
        let env = tool(&["dev", "env"], dir, &[])?;
        let value = |name: &str| {
            let line = env
                .lines()
                .find_map(|line| line.strip_prefix(&format!("export {name}=")));
            line.map(str::to_owned)
                .with_context(|| format!("`footfall dev env` prints no {name}"))
        };
        Ok(Stage {
            dir: dir.to_owned(),
            brokers: value("FOOTFALL_BROKERS")?,
            registry: value("FOOTFALL_REGISTRY")?,
        })
    }

    fn env(&self) -> [(&'static str, String); 2] {
        [
            ("FOOTFALL_BROKERS", self.brokers.clone()),
            ("FOOTFALL_REGISTRY", self.registry.clone()),
        ]
    }

    fn settings(&self, prefix: &str) -> pipeline::kafka::Settings {
        pipeline::kafka::Settings::new(&self.brokers, journey::topics::Lane::new(prefix), "demo")
    }
}

/// Runs this very program with other arguments: what the demo does, a person can do.
fn tool(args: &[&str], dir: &Path, env: &[(&'static str, String)]) -> anyhow::Result<String> {
    let program = std::env::current_exe().context("this program has no path")?;
    let mut command = Command::new(program);
    command
        .args(args)
        .env("FOOTFALL_DEV_DIR", dir)
        .envs(env.iter().map(|(k, v)| (k, v)));
    let output = command.output().context("this program cannot be run")?;
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

fn write_definitions(dir: &Path) -> anyhow::Result<PathBuf> {
    let folder = dir.join("definitions");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("{} cannot be made", folder.display()))?;
    for (name, json) in DEFINITIONS {
        std::fs::write(folder.join(name), json)
            .with_context(|| format!("{name} cannot be written"))?;
    }
    Ok(folder)
}

fn farewell(args: &Args, stage: &Stage, lanes: &[Lane]) -> String {
    if !args.keep {
        return "Everything is stopped. `KEEP=1 make demo` leaves it running, to look further:\n  footfall tail journey.offers \
                --topic-prefix demo-day. --until-end\n  footfall dead-letters list --topic-prefix demo-day."
            .to_owned();
    }
    let mut text = format!(
        "Still running. To look further:\n  export FOOTFALL_BROKERS={} FOOTFALL_REGISTRY={}\n  footfall tail journey.offers \
         --topic-prefix demo-day. --until-end | head\n  footfall dead-letters list --topic-prefix demo-day.\n",
        stage.brokers, stage.registry
    );
    for lane in lanes {
        for (name, address) in lane.addresses() {
            text += &format!("  {}{name}: http://{address}/metrics\n", lane.prefix());
        }
    }
    text + &format!(
        "Stop it all with: pkill -f demo-instance; footfall dev down --dir {} --delete",
        args.dir.display()
    )
}
