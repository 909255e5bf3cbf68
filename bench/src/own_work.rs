//! What the stages cost by themselves: the whole chain over the memory log, without Kafka, and what it writes. For a profiler,
//! and to see what a change to a stage's own code is worth.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use footfall::{
    chain::{Chain, ChainConfig},
    definitions_dir,
};
use ingest::{Config, UnknownDeployments, VisitorKeys};
use journey::{Millis, definitions::DefinitionSet, topics};
use pipeline::memory::Faults;

use crate::backlog::{self, Backlog};

pub(crate) const PARTITIONS: u32 = 4;
const TICK: Millis = Millis(1_000);

/// Plays an hour's events through the chain and says what each stage's output weighs.
pub(crate) fn run(backlog: Backlog, definitions: &Path) -> anyhow::Result<()> {
    let events = backlog.events;
    let (chain, spent) = play(backlog, definitions)?;
    println!("{events} events in {spent:.1?}");
    let changelogs = [
        topics::changelog(topics::WEB_EVENTS, "sessionizer"),
        topics::changelog(topics::VISITS, "segmenter"),
    ];
    let written = [
        topics::WEB_EVENTS_RAW,
        topics::WEB_EVENTS,
        topics::VISITS,
        topics::JOURNEY_EVENTS,
        topics::OFFERS,
        topics::DEMAND,
    ];
    println!(
        "{:<44} {:>12} {:>12}",
        "topic", "records/event", "bytes each"
    );
    for topic in written
        .into_iter()
        .chain(changelogs.iter().map(String::as_str))
    {
        let records =
            (0..PARTITIONS).flat_map(|partition| chain.broker().records(topic, partition));
        let sizes: Vec<usize> = records
            .filter_map(|record| record.value.as_ref().map(Vec::len))
            .collect();
        println!(
            "{topic:<44} {:>12.2} {:>12}",
            sizes.len() as f64 / events as f64,
            sizes.iter().sum::<usize>() / sizes.len().max(1)
        );
    }
    Ok(())
}

/// Plays the events through the chain, and says how long that took.
pub(crate) fn play(mut backlog: Backlog, definitions: &Path) -> anyhow::Result<(Chain, Duration)> {
    let (events, start) = (backlog.events, backlog::START);
    let mut chain = Chain::new(&config(definitions)?);
    let mut json = Vec::new();
    let (mut tick, began) = (start, Instant::now());
    for n in 0..events {
        let (at, key) = backlog.next(n, &mut json);
        chain.send(topics::WEB_EVENTS_RAW, Some(&key), &json, at);
        if at >= tick + TICK {
            tick = at;
            chain.tick(at);
            chain.settle(at)?;
        }
    }
    Ok((chain, began.elapsed()))
}

fn config(definitions: &Path) -> anyhow::Result<ChainConfig> {
    let loaded = definitions_dir::load(definitions)?;
    let set = DefinitionSet::first(loaded);
    let rules = Config::new(VisitorKeys::development(), UnknownDeployments::Accept);
    Ok(ChainConfig {
        partitions: PARTITIONS,
        ingest: Arc::new(rules),
        sets: [Arc::new(set)].into(),
        grace: Millis::from_mins(15),
        faults: Faults::default(),
        seed: 0,
        batch: 50_000,
        state_records: 100_000,
        align_sources: false,
    })
}
