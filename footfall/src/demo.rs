//! `footfall demo`: the whole pipeline on this machine. A simulated day in a minute or two, as a backfill lane with a chat
//! engine that answers offers; then live traffic for latency. What it counts it counts from the topics.

mod day;
mod progress;
mod story;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Args as ClapArgs;
use pipeline::config::duration;

use footfall::{
    lane::{Cluster, Lane},
    live::{self, Load},
};

use self::progress::Progress;

/// How much of the live part is not measured: the broker has worked off a day by then.
const WARM_UP: std::time::Duration = std::time::Duration::from_secs(3);

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

/// Beside the data of a demo that was kept: what stops it.
const STOP: &str = "stop.sh";

/// Runs the demo and leaves nothing running, whatever happens, unless told to keep it.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    begin_afresh(&args.dir)?;
    let result = play(args);
    if !args.keep {
        let down = Cluster::down(&args.dir);
        result?;
        down?;
    } else {
        result?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What an earlier demo left would be counted as this one's: stops at one that runs, and deletes the data of one that died.
fn begin_afresh(dir: &Path) -> anyhow::Result<()> {
    let stop = dir.join(STOP);
    if stop.exists() {
        bail!(
            "a demo was kept in {} and not stopped: stop it with `bash {}`",
            dir.display(),
            stop.display()
        );
    }
    if !Cluster::runs(dir) {
        return Cluster::down(dir);
    }
    bail!(
        "another demo runs in {0}, or was killed there: wait for its end, or stop it with `{1} dev down --dir {0} --delete`",
        dir.display(),
        own_name()
    );
}

fn play(args: &Args) -> anyhow::Result<()> {
    let mut progress = Progress::new();
    progress
        .step("starting Apache Kafka and a schema registry (the first time, Maven fetches them)");
    let (cluster, said) = Cluster::up(&args.dir)?;
    println!("{said}");
    let definitions = write_definitions(&args.dir)?;

    progress.step("a simulated day, in a lane of its own: topics, definitions, the four stages");
    let mut lane = Lane::start(&cluster, "demo-day.", true, &definitions)?;
    let sent = day::play(&cluster, &mut lane, args, &mut progress)?;
    let told = day::read(&cluster, &lane)?;
    if !args.keep {
        lane.stop()?;
    }

    progress.step(&format!(
        "live: {} events/s for {} s",
        args.rate,
        args.live.as_secs()
    ));
    let mut live_lane = Lane::start(&cluster, "demo-live.", false, &definitions)?;
    let load = Load {
        rate: args.rate,
        warm_up: WARM_UP,
        length: args.live.saturating_sub(WARM_UP),
        seed: args.seed,
        visitors: 2_000,
        hot_share: 0.0,
    };
    let latency = live::measure(&cluster, &mut live_lane, &load, &mut |sent| {
        progress.show(|| format!("{sent} events sent"));
    })?;
    if args.keep {
        lane.keep();
        live_lane.keep();
    } else {
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
        "=== live, {} events/s, exactly once ===\n{}",
        args.rate,
        latency.render()
    );
    println!("=== five records ===\n{}", story::samples(&told));
    println!(
        "=== one visitor who lingered on the pricing page ===\n{}",
        story::offer(&told)
    );
    println!("{}", farewell(args, &cluster, &[lane, live_lane])?);
    if sent != told.summary.accounted() {
        bail!(
            "{sent} raw records were sent and {} accounted for: this is a bug",
            told.summary.accounted()
        );
    }
    Ok(())
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

/// This program as it was called: `make demo` puts it into no PATH.
fn own_name() -> String {
    std::env::args().next().unwrap_or_default()
}

fn farewell(args: &Args, cluster: &Cluster, lanes: &[Lane]) -> anyhow::Result<String> {
    let tool = own_name();
    if !args.keep {
        return Ok(format!(
            "Everything is stopped. `KEEP=1 make demo` leaves it running, to look further:\n  {tool} tail journey.offers \
             --topic-prefix demo-day. --until-end\n  {tool} dead-letters list --topic-prefix demo-day."
        ));
    }
    let mut text = format!(
        "Still running. To look further:\n  export FOOTFALL_BROKERS={} FOOTFALL_REGISTRY={}\n  {tool} tail journey.offers \
         --topic-prefix demo-day. --until-end | head\n  {tool} dead-letters list --topic-prefix demo-day.\n",
        cluster.brokers, cluster.registry
    );
    for lane in lanes {
        for (name, address) in lane.addresses() {
            text += &format!("  {}{name}: http://{address}/metrics\n", lane.prefix());
        }
    }
    let stop = write_stop(args, lanes)?;
    Ok(text + &format!("Stop it all with: bash {}", stop.display()))
}

/// Writes what stops a kept demo: its stages, and when they are gone its Kafka, with all that it holds.
fn write_stop(args: &Args, lanes: &[Lane]) -> anyhow::Result<PathBuf> {
    let processes = lanes.iter().flat_map(Lane::processes);
    let ids: Vec<String> = processes.map(|process| process.id().to_string()).collect();
    let ids = ids.join(" ");
    let program = std::env::current_exe().context("this program has no path")?;
    let dir = args.dir.canonicalize();
    let dir = dir.with_context(|| format!("{} is gone", args.dir.display()))?;
    let lines = format!(
        "# Stops the stages of a kept demo, if they still are what runs by these numbers, and then its Kafka.\n\
         stages() {{ for id in {ids}; do grep -qsa -- '--topic-prefix.demo-' /proc/$id/cmdline && echo $id; done; }}\n\
         kill $(stages) 2>/dev/null\n\
         while [ -n \"$(stages)\" ] && [ $SECONDS -lt 30 ]; do sleep 0.2; done\n\
         kill -KILL $(stages) 2>/dev/null\n\
         '{}' dev down --dir '{}' --delete && rm -f \"$0\"\n",
        program.display(),
        dir.display()
    );
    let path = args.dir.join(STOP);
    std::fs::write(&path, lines).with_context(|| format!("{STOP} cannot be written"))?;
    Ok(path)
}
