//! What the sessionizer costs by itself: records of `web.events` that stand ready in memory are read, folded and told, without any
//! log and any state written. A hash of all that is told says whether two versions tell the same.

use std::{
    hash::{DefaultHasher, Hasher},
    path::Path,
    sync::Arc,
};

use anyhow::Context;
use journey::{
    CustomerId, TaskTime, TimeMark, WebEvent,
    mark::{Claims, HEADER},
    topics,
};
use pipeline::{
    Fold, Outbox, Record, Stage, TaskContext,
    memory::Stored,
    outbox::{Addresses, Batch},
};
use schemas::Record as _;
use sessionizer::{Output, Sessionizer};

use crate::{
    backlog::Backlog,
    ingest_work::hash_all,
    own_work::{self, PARTITIONS},
    process::cpu_seconds,
};

/// Bytes of a transaction.
const TRANSACTION: usize = 8 << 20;

/// Reads the same records in so many rounds, each from nothing on, and says what an event costs.
pub(crate) fn run(backlog: Backlog, rounds: u32, definitions: &Path) -> anyhow::Result<()> {
    let events = backlog.events as f64;
    let (chain, _) = own_work::play(backlog, definitions)?;
    let records = |partition| chain.broker().records(topics::WEB_EVENTS, partition);
    let input: Vec<Vec<Arc<Stored>>> = (0..PARTITIONS).map(records).collect();
    for _ in 0..rounds {
        let (mut hash, mut told, mut spent) = (DefaultHasher::new(), 0, 0.0);
        for (records, partition) in input.iter().zip(0..) {
            let mut work = Work::new(partition);
            let mut began = cpu_seconds(std::process::id())?;
            for record in records {
                work.take(record)?;
                if work.batch.byte_count() >= TRANSACTION {
                    spent += cpu_seconds(std::process::id())? - began;
                    told += work.commit(&mut hash);
                    began = cpu_seconds(std::process::id())?;
                }
            }
            spent += cpu_seconds(std::process::id())? - began;
            told += work.commit(&mut hash);
        }
        println!(
            "{:>9.0} events per CPU-second, {:.2} µs each; {told} records told, hash {:016x}",
            events / spent,
            spent * 1e6 / events,
            hash.finish()
        );
    }
    Ok(())
}

/// One task of the sessionizer, and the batch that it writes into.
struct Work {
    fold: Fold<Sessionizer>,
    claims: Claims,
    partition: u32,
    addresses: Addresses,
    batch: Batch,
    outputs: Vec<Output>,
}

impl Work {
    fn new(partition: u32) -> Work {
        let topology = Sessionizer::TOPOLOGY;
        let context = TaskContext {
            input: 0,
            partition,
            partition_count: PARTITIONS,
        };
        Work {
            fold: Fold::new(Sessionizer::new(context)),
            claims: Claims::default(),
            partition,
            addresses: Addresses {
                topology,
                input_partitions: vec![PARTITIONS],
                partitions: vec![PARTITIONS],
                schema_ids: vec![Some(1)],
                dead_letter_partitions: vec![PARTITIONS],
                dead_letter_bytes: false,
            },
            batch: Batch::default(),
            outputs: Vec::new(),
        }
    }

    fn take(&mut self, record: &Stored) -> anyhow::Result<()> {
        let Some(value) = &record.value else {
            let (_, mark) = record
                .headers
                .iter()
                .find(|(name, _)| name == HEADER)
                .context("no mark")?;
            self.claims.take(&TimeMark::from_json(mark)?);
            self.fold
                .set_time(TaskTime::new(self.claims.frontier(), self.claims.grace()));
            while let Some((_, _, key)) = self.fold.fire_next(&mut self.outputs) {
                self.tell(&key);
            }
            return Ok(());
        };
        let record = Record {
            topic: topics::WEB_EVENTS,
            partition: self.partition,
            offset: record.offset,
            received_at: record.appended_at,
            first_received_at: record.appended_at,
            key: record.key.as_deref(),
            value: Some(value),
        };
        let stage = self.fold.processor_mut();
        let event = match stage.decode(&record) {
            Ok(event) => event,
            Err(pipeline::Refusal::UnknownSchema(id)) => {
                stage.learn(id, WebEvent::SCHEMA)?;
                stage.decode(&record).ok().context("no web event")?
            }
            Err(_) => anyhow::bail!("no web event"),
        };
        let key = self.fold.apply(event, &mut self.outputs);
        self.fold.processor().condense(&mut self.outputs);
        self.tell(&key);
        Ok(())
    }

    fn tell(&mut self, key: &CustomerId) {
        let mut outbox = Outbox::new(&mut self.batch, &self.addresses, self.partition, None);
        for output in self.outputs.drain(..) {
            self.fold.processor().encode(key, output, &mut outbox);
        }
    }

    fn commit(&mut self, hash: &mut DefaultHasher) -> usize {
        self.fold.drain_changes(|_, _| {});
        hash_all(&self.batch, hash);
        let told = self.batch.record_count();
        self.batch.clear();
        told
    }
}
