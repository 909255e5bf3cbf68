//! What ingest costs by itself: raw events that stand ready in memory, read and encoded, without any log. And what it
//! remembers: its memory while many user agents come by.

use std::{
    hash::{DefaultHasher, Hasher},
    path::Path,
    sync::Arc,
};

use footfall::definitions_dir;
use ingest::{Config, Ingest, Nothing, UnknownDeployments, VisitorKeys};
use journey::{Timestamp, definitions::DefinitionSet};
use pipeline::{
    Outbox, Processor, Record, Refusal, Stage, TaskContext,
    outbox::{Addresses, Batch},
};

use crate::{
    backlog::{self, Backlog},
    process::{cpu_seconds, resident_now_mib},
};

/// Records of a transaction.
const TRANSACTION: i64 = 10_000;
/// So many events apart memory is looked at.
const LOOK: u64 = 1_000_000;
const AGENT: &[u8] = br#""userAgentString":""#;
const PAGE: &[u8] = br#""page":{"url":""#;
const REFERRER: &[u8] = br#""referrerUrl":""#;

/// How much the events are made to differ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variety {
    /// Of so many user agents, any at any time; 0: of those that the load generator has.
    pub(crate) agents: u64,
    /// Of so many pages, and as many referrers; 0: as above.
    pub(crate) addresses: u64,
}

impl Variety {
    fn apply(self, n: u64, json: &mut Vec<u8>) {
        // Weyl's sequence by the golden ratio, mixed a little: spread evenly, the same every time.
        let draw = |of: u64| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 17) % of;
        if self.agents > 0 {
            extend(json, AGENT, &format!(" Shop/{}", draw(self.agents)));
        }
        if self.addresses > 0 {
            let number = format!("n={}", draw(self.addresses));
            extend(json, PAGE, &number);
            extend(json, REFERRER, &number);
        }
    }
}

/// Adds to the text that begins after `name`; to an address, as a parameter.
fn extend(json: &mut Vec<u8>, name: &[u8], text: &str) {
    let Some(at) = json.windows(name.len()).position(|part| part == name) else {
        return;
    };
    let start = at + name.len();
    let old = json[start..].iter().take_while(|b| **b != b'"');
    let (length, asked) = old.fold((0, false), |(n, asked), b| (n + 1, asked || *b == b'?'));
    let before: &[u8] = match (name == AGENT, asked) {
        (true, _) => b"",
        (false, true) => b"&",
        (false, false) => b"?",
    };
    let end = start + length;
    drop(json.splice(end..end, before.iter().chain(text.as_bytes()).copied()));
}

/// Raw events, one after the other in one piece of memory.
#[derive(Debug, Default)]
struct Ready {
    bytes: Vec<u8>,
    events: Vec<(Timestamp, usize)>,
}

impl Ready {
    fn new(backlog: &mut Backlog, variety: Variety) -> Ready {
        let (mut ready, mut json) = (Ready::default(), Vec::new());
        for n in 0..backlog.events {
            let (at, _) = backlog.next(n, &mut json);
            variety.apply(n, &mut json);
            ready.bytes.extend_from_slice(&json);
            ready.events.push((at, ready.bytes.len()));
        }
        ready
    }

    fn iter(&self) -> impl Iterator<Item = (Timestamp, &[u8])> {
        let mut start = 0;
        self.events.iter().map(move |(at, end)| {
            let event = &self.bytes[start..*end];
            start = *end;
            (*at, event)
        })
    }
}

/// One task of ingest, and the batch that it writes into.
struct Work {
    ingest: Ingest,
    addresses: Addresses,
    batch: Batch,
    offset: i64,
    written: usize,
}

impl Work {
    fn new(definitions: &Path) -> anyhow::Result<Work> {
        let partitions = backlog::PARTITIONS as u32;
        let context = TaskContext {
            input: 0,
            partition: 0,
            partition_count: partitions,
        };
        let rules = Config::new(VisitorKeys::development(), UnknownDeployments::Accept);
        let mut ingest = Ingest::new(Arc::new(rules), context);
        let set = DefinitionSet::first(definitions_dir::load(definitions)?);
        ingest.adopt(&Arc::new(set));
        let topology = Ingest::TOPOLOGY;
        Ok(Work {
            ingest,
            addresses: Addresses {
                topology,
                input_partitions: vec![partitions; topology.inputs.len()],
                partitions: vec![partitions; topology.outputs.len()],
                schema_ids: vec![Some(1); topology.outputs.len()],
                dead_letter_partitions: vec![partitions; topology.inputs.len()],
                dead_letter_bytes: false,
            },
            batch: Batch::default(),
            offset: 0,
            written: 0,
        })
    }

    /// Reads an event and writes what it says; at a transaction's end `look` sees what is in it.
    fn take(&mut self, at: Timestamp, event: &[u8], look: impl FnMut(&Batch)) {
        let decoded = self.ingest.decode(&Record {
            topic: Ingest::TOPOLOGY.inputs[0],
            partition: 0,
            offset: self.offset,
            received_at: at,
            first_received_at: at,
            key: None,
            value: Some(event),
        });
        self.offset += 1;
        let mut outbox = Outbox::new(&mut self.batch, &self.addresses, 0, None);
        match decoded {
            Ok(accepted) => self.ingest.encode(&Nothing, accepted, &mut outbox),
            Err(Refusal::Rejected(rejection)) => outbox.dead_letter(&rejection),
            Err(_) => {}
        }
        if self.offset % TRANSACTION == 0 {
            self.commit(at, look);
        }
    }

    fn commit(&mut self, at: Timestamp, mut look: impl FnMut(&Batch)) {
        let mut outbox = Outbox::new(&mut self.batch, &self.addresses, 0, None);
        self.ingest.settle(at, &mut outbox);
        look(&self.batch);
        self.written += self.batch.record_count();
        self.batch.clear();
    }
}

/// Reads the same events again and again, and says how many a CPU-second are read. The first round is not measured: of it a
/// hash says whether two versions write the same.
pub(crate) fn run(
    mut backlog: Backlog,
    variety: Variety,
    rounds: u32,
    definitions: &Path,
) -> anyhow::Result<()> {
    let ready = Ready::new(&mut backlog, variety);
    let mut work = Work::new(definitions)?;
    let (mut hash, mut bytes) = (DefaultHasher::new(), 0);
    for (at, event) in ready.iter() {
        work.take(at, event, |batch| {
            bytes += batch.byte_count();
            hash_all(batch, &mut hash);
        });
    }
    println!(
        "{} events, {} records written, {bytes} bytes, hash {:016x}",
        backlog.events,
        work.written,
        hash.finish()
    );
    for _ in 0..rounds {
        let began = cpu_seconds(std::process::id())?;
        for (at, event) in ready.iter() {
            work.take(at, event, |_| {});
        }
        let spent = cpu_seconds(std::process::id())? - began;
        println!(
            "{:>9.0} events per CPU-second, {:.2} µs each",
            backlog.events as f64 / spent,
            spent * 1e6 / backlog.events as f64
        );
    }
    Ok(())
}

/// Takes all that a batch writes into the hash.
pub(crate) fn hash_all(batch: &Batch, hash: &mut DefaultHasher) {
    for record in batch.records() {
        hash.write(batch.key(record).unwrap_or_default());
        hash.write(batch.value(record).unwrap_or_default());
    }
}

/// Reads events as they are made, and says what the process holds in memory as it goes.
pub(crate) fn run_long(
    mut backlog: Backlog,
    variety: Variety,
    definitions: &Path,
) -> anyhow::Result<()> {
    let mut work = Work::new(definitions)?;
    let mut json = Vec::new();
    println!(
        "{:>10} {:>12} {:>12}",
        "events", "resident MiB", "CPU-seconds"
    );
    for n in 0..backlog.events {
        if n.is_multiple_of(LOOK) {
            look(n)?;
        }
        let (at, _) = backlog.next(n, &mut json);
        variety.apply(n, &mut json);
        work.take(at, &json, |_| {});
    }
    look(backlog.events)
}

fn look(events: u64) -> anyhow::Result<()> {
    let spent = cpu_seconds(std::process::id())?;
    let resident = resident_now_mib(std::process::id());
    println!("{events:>10} {resident:>12.0} {spent:>12.1}");
    Ok(())
}
