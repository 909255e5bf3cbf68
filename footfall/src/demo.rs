//! `footfall demo`: the whole pipeline on this machine. A simulated day in a minute or two, as a backfill lane with a chat
//! engine that answers offers; then live traffic for latency. What it counts it counts from the topics.

mod day;
mod place;
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
    live::{self, Beside, Latencies, Load},
};

use self::{day::Told, place::Place, progress::Progress};

/// How much of the live part is not measured: the broker has worked off a day by then.
const WARM_UP: Duration = Duration::from_secs(3);

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
    #[arg(long, default_value_t = 6_000, value_parser = clap::value_parser!(u32).range(1..))]
    visitors: u32,
    /// What draws the day
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// How long the simulated day takes to play
    #[arg(long, default_value = "75s", value_parser = play_time)]
    play: Duration,
    /// How long live traffic is sent, of which the first 3 s are not measured
    #[arg(long, default_value = "20s", value_parser = live_time)]
    live: Duration,
    /// Live events a second
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    rate: u64,
    /// Leave everything running
    #[arg(long, env = "KEEP", value_parser = clap::builder::FalseyValueParser::new())]
    keep: bool,
}

fn play_time(text: &str) -> Result<Duration, String> {
    let play = duration(text)?;
    if play < Duration::from_secs(1) {
        return Err("a day plays in a second at the least".to_owned());
    }
    Ok(play)
}

fn live_time(text: &str) -> Result<Duration, String> {
    let live = duration(text)?;
    if live < WARM_UP + Duration::from_secs(1) {
        let warm_up = WARM_UP.as_secs();
        return Err(format!(
            "the first {warm_up} s are warm-up and not measured, so that nothing would be: say {} s or more",
            warm_up + 1
        ));
    }
    Ok(live)
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

/// Runs the demo and leaves nothing running, whatever happens, unless told to keep it.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let place = Place::take(&args.dir, args.keep)?;
    let result = play(args, &place);
    if args.keep {
        result.with_context(|| format!("what runs is kept: {}", place.how_to_stop()))?;
    } else {
        let left = place.leave();
        result?;
        left?;
    }
    Ok(ExitCode::SUCCESS)
}

fn play(args: &Args, place: &Place) -> anyhow::Result<()> {
    let mut progress = Progress::new();
    progress
        .step("starting Apache Kafka and a schema registry (the first time, Maven fetches them)")?;
    let (cluster, said) = Cluster::up(&args.dir)?;
    progress.say(&said)?;
    let definitions = write_definitions(&args.dir)?;

    progress.step("a simulated day, in a lane of its own: topics, definitions, the four stages")?;
    let mut lane = Lane::start(&cluster, "demo-day.", true, &definitions)?;
    let sent = day::play(&cluster, &mut lane, args, &mut progress)?;
    let told = day::read(&cluster, &lane)?;
    if !args.keep {
        lane.stop()?;
    }
    let (mut live_lane, latency) = play_live(args, &cluster, &definitions, &mut progress)?;
    if args.keep {
        lane.keep();
        live_lane.keep();
    } else {
        live_lane.stop()?;
    }
    for part in findings(args, sent, &told, &latency) {
        progress.say(&part)?;
    }
    progress.say(&farewell(args, place, &cluster, &[lane, live_lane]))?;
    let (accounted, unreadable) = (told.summary.accounted(), told.summary.unreadable);
    if !told.summary.adds_up(sent) {
        bail!(
            "{sent} raw records were sent and {accounted} accounted for, and {unreadable} records that came out cannot be read: \
             this is a bug"
        );
    }
    Ok(())
}

/// Traffic in real time, in another lane, which still runs then.
fn play_live(
    args: &Args,
    cluster: &Cluster,
    definitions: &Path,
    progress: &mut Progress,
) -> anyhow::Result<(Lane, Latencies)> {
    let (rate, seconds) = (args.rate, args.live.as_secs());
    progress.step(&format!("live: {rate} events/s for {seconds} s"))?;
    let mut lane = Lane::start(cluster, "demo-live.", false, definitions)?;
    let load = Load {
        rate,
        warm_up: WARM_UP,
        length: args.live.saturating_sub(WARM_UP),
        seed: args.seed,
        visitors: 2_000,
        beside: Beside::Nobody,
    };
    let latency = live::measure(cluster, &mut lane, &load, &mut |sent| {
        // Where nobody reads, what is said next will tell.
        let _ = progress.show(|| format!("{sent} events sent"));
    })?;
    Ok((lane, latency))
}

/// What was found out, part by part.
fn findings(args: &Args, sent: u64, told: &Told, latency: &Latencies) -> [String; 5] {
    let rate = args.rate;
    [
        ("\n=== one simulated day ===", told.summary.render(sent)),
        (
            "busiest intervals, as WFM gets them",
            told.summary.render_staffing(6),
        ),
        (
            &format!("=== live, {rate} events/s, exactly once ==="),
            latency.render(),
        ),
        ("=== five records ===", story::samples(told)),
        (
            "=== one visitor who lingered on the pricing page ===",
            story::offer(told),
        ),
    ]
    .map(|(title, text)| format!("{title}\n{text}"))
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

/// What is left to look at. The program is named as it was called: `make demo` puts it into no PATH.
fn farewell(args: &Args, place: &Place, cluster: &Cluster, lanes: &[Lane]) -> String {
    let tool = std::env::args().next().unwrap_or_default();
    if !args.keep {
        return format!(
            "Everything is stopped. `KEEP=1 make demo` leaves it running, to look further:\n  {tool} tail journey.offers \
             --topic-prefix demo-day. --until-end\n  {tool} dead-letters list --topic-prefix demo-day."
        );
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
    text + "To end it all, " + &place.how_to_stop()
}
