//! What an open visit costs: its bytes on the changelog over a file of real events, and the memory that many of them take.

use std::{fs::File, io::Read, path::Path, sync::Arc};

use anyhow::Context;
use flate2::read::MultiGzDecoder;
use footfall::chain::{Chain, ChainConfig};
use ingest::{Config, UnknownDeployments, VisitorKeys};
use journey::{
    CustomerId, Millis, Timestamp,
    definitions::{Definition, DefinitionSet},
    topics,
};
use pipeline::{Fold, Processor, Stage, TaskContext, memory::Faults, state_record};
use schemas::avro::Reader;
use serde_json::Value;
use sessionizer::Sessionizer;

const PARTITIONS: u32 = 4;
/// How far apart the states are weighed, in the data's time.
const EVERY: Millis = Millis::from_mins(10);
/// Consent is not what is measured here.
const DEPLOYMENT: &str = r#"{"kind": "deployment", "id": "ID", "owner": "bench", "purpose": "bench",
    "contact": "bench@shop.example", "consent": {"mode": "not_needed"}}"#;

/// A visitor's state as the changelog holds it: how many visits are open in it, and its bytes in the newest format, without what
/// comes in front.
struct State {
    visits: i64,
    bytes: Vec<u8>,
}

/// Weighs the open visits of a file of raw events, then fills memory with so many of them.
pub(crate) fn run(file: &Path, open_visits: &[usize]) -> anyhow::Result<()> {
    let states = sample(file)?;
    let mut sizes: Vec<usize> = states
        .iter()
        .filter(|state| state.visits == 1)
        .map(|state| state.bytes.len())
        .collect();
    anyhow::ensure!(!sizes.is_empty(), "{} opens no visit", file.display());
    sizes.sort_unstable();
    let at = |share: usize| sizes[(sizes.len() - 1) * share / 100];
    println!(
        "{} states with one open visit: median {} bytes, mean {}, 90 % {}, 99 % {}, largest {}",
        sizes.len(),
        at(50),
        sizes.iter().sum::<usize>() / sizes.len(),
        at(90),
        at(99),
        at(100)
    );
    for count in open_visits {
        let before = resident();
        let fold = fill(&states, *count)?;
        let used = resident().saturating_sub(before);
        let open = fold.len();
        println!(
            "{open} visitors in memory: {} MiB, {} bytes each",
            used >> 20,
            used / open
        );
    }
    Ok(())
}

/// The states of all visitors, every ten minutes of the file's time.
fn sample(file: &Path) -> anyhow::Result<Vec<State>> {
    let mut chain: Option<Chain> = None;
    let (mut next, mut states) = (None, Vec::new());
    for line in lines(file)?.lines() {
        let event: Value = serde_json::from_str(line)?;
        let text = |name: &str| event[name].as_str().with_context(|| format!("no {name}"));
        let at = Timestamp::parse(text("createdDate")?).context("no date")?;
        let deployment = text("deploymentId")?;
        let chain = match &mut chain {
            Some(chain) => chain,
            none => none.insert(Chain::new(&config(deployment)?)),
        };
        next.get_or_insert(at);
        while let Some(now) = next.filter(|next| *next <= at) {
            chain.tick(now);
            chain.settle(now)?;
            weigh(chain, &mut states)?;
            next = Some(now + EVERY);
        }
        let key = text("customerCookieId")?.as_bytes();
        chain.send(topics::WEB_EVENTS_RAW, Some(key), line.as_bytes(), at);
    }
    Ok(states)
}

fn lines(file: &Path) -> anyhow::Result<String> {
    let open = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let mut text = String::new();
    if file.extension().is_some_and(|extension| extension == "gz") {
        MultiGzDecoder::new(open).read_to_string(&mut text)?;
    } else {
        std::io::BufReader::new(open).read_to_string(&mut text)?;
    }
    Ok(text)
}

fn config(deployment: &str) -> anyhow::Result<ChainConfig> {
    let definition: Definition = serde_json::from_str(&DEPLOYMENT.replace("ID", deployment))?;
    Ok(ChainConfig {
        partitions: PARTITIONS,
        ingest: Arc::new(Config::new(
            VisitorKeys::development(),
            UnknownDeployments::Accept,
        )),
        sets: [Arc::new(DefinitionSet::first([definition]))].into(),
        grace: Millis::from_mins(15),
        faults: Faults::default(),
        seed: 0,
        batch: 50_000,
        state_records: 0,
        align_sources: false,
    })
}

/// What the sessionizer's changelog holds now.
fn weigh(chain: &Chain, states: &mut Vec<State>) -> anyhow::Result<()> {
    let changelog = topics::changelog(topics::WEB_EVENTS, Sessionizer::TOPOLOGY.stage);
    for partition in 0..PARTITIONS {
        let mut last = std::collections::BTreeMap::new();
        for record in chain.broker().records(&changelog, partition) {
            last.insert(record.key.clone(), record);
        }
        for record in last.values() {
            let own = record.key.as_deref() == Some(state_record::TASK_KEY);
            let Some(value) = record.value.as_deref().filter(|_| !own) else {
                continue;
            };
            let (newest, fold) = (Sessionizer::STATE_FORMAT, Sessionizer::FOLD_VERSION);
            let (head, bytes) = state_record::read_head(value, newest, fold)?;
            let state = Sessionizer::read_state(head.format, bytes)?;
            let mut written = Vec::new();
            Sessionizer::write_state(&state, newest, &mut written);
            states.push(State {
                visits: Reader::new(&written).long()?,
                bytes: written,
            });
        }
    }
    Ok(())
}

/// As many visitors in memory, each in one of the states.
fn fill(states: &[State], count: usize) -> anyhow::Result<Fold<Sessionizer>> {
    let mut fold = Fold::new(Sessionizer::new(TaskContext {
        input: 0,
        partition: 0,
        partition_count: 1,
    }));
    let open: Vec<&State> = states.iter().filter(|state| state.visits == 1).collect();
    let states = open.iter().cycle().take(count).enumerate();
    fold.restore(states.map(|(number, state)| {
        let key = CustomerId::from(format!("k1.{number:043}"));
        let state = Sessionizer::read_state(Sessionizer::STATE_FORMAT, &state.bytes)?;
        anyhow::Ok((key, state))
    }))?;
    Ok(fold)
}

/// Bytes of resident memory now.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<usize>().ok());
    kib.unwrap_or_default() * 1024
}
