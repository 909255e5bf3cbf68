//! The whole chain in one process, over the memory log: raw events in, visits, offers and staffing numbers out.

use std::{sync::Arc, time::Duration};

use ingest::{Config, Ingest};
use journey::{
    Millis, Timestamp,
    definitions::DefinitionSet,
    partition,
    topics::{self, Lane},
};
use pipeline::{
    Stage, TaskContext, Topology,
    definitions::Definitions,
    log::LogError,
    memory::{Faults, MemoryBroker, MemoryLog},
    metrics::Metrics,
    names::Names,
    pace::Pace,
    worker::{Parts, Turn, Worker},
};
use segmenter::Segmenter;
use sessionizer::Sessionizer;
use staffing::Staffing;

/// What a chain is made of.
#[derive(Clone, Debug)]
pub struct ChainConfig {
    /// Partitions of every topic.
    pub partitions: u32,
    /// Ingest's rules.
    pub ingest: Arc<Config>,
    /// Sets of definitions, in order of effect.
    pub sets: Arc<[Arc<DefinitionSet>]>,
    /// How long after its happening an event may arrive and still count as in order.
    pub grace: Millis,
    /// How commits go wrong.
    pub faults: Faults,
    /// What draws the faults.
    pub seed: u64,
    /// Records of one transaction at the most.
    pub batch: usize,
    /// Input after which a task's states are captured; 0: in every transaction.
    pub state_records: usize,
}

/// The four stages over one memory broker.
#[derive(Debug)]
pub struct Chain {
    broker: MemoryBroker,
    ingest: Member<Ingest>,
    sessionizer: Member<Sessionizer>,
    segmenter: Member<Segmenter>,
    staffing: Member<Staffing>,
    partitions: u32,
    round_robin: u32,
}

/// One stage: its worker, and how to start it again after a crash.
struct Member<S: Stage> {
    worker: Worker<S, MemoryLog>,
    open: Box<dyn FnMut() -> Worker<S, MemoryLog>>,
    metrics: Arc<Metrics>,
    crashes: u32,
}

impl<S: Stage> std::fmt::Debug for Member<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Member")
            .field("worker", &self.worker)
            .field("crashes", &self.crashes)
            .finish()
    }
}

impl<S: Stage + 'static> Member<S> {
    fn new(
        broker: &MemoryBroker,
        config: &ChainConfig,
        make: impl Fn(TaskContext) -> S + Send + Sync + 'static,
    ) -> Self {
        let (broker, config) = (broker.clone(), config.clone());
        let names = Names::new(&S::TOPOLOGY, &Lane::default());
        let metrics = Arc::new(Metrics::new(S::TOPOLOGY));
        let shared = Arc::clone(&metrics);
        let make = Arc::new(make);
        let mut seed = config
            .seed
            .wrapping_mul(31)
            .wrapping_add(S::TOPOLOGY.stage.len() as u64);
        let mut open = move || {
            seed = seed.wrapping_add(1);
            let log = MemoryLog::open(&broker, S::TOPOLOGY, names.clone(), config.faults, seed);
            let make = Arc::clone(&make);
            let parts = Parts {
                make: Box::new(move |context| make(context)),
                definitions: Definitions::new(Arc::clone(&config.sets)),
                schemas: Box::new(broker.clone()),
                addresses: broker.addresses(&S::TOPOLOGY, &names),
                metrics: Arc::clone(&shared),
                pace: Pace {
                    at_least: Duration::ZERO,
                    quiet: Duration::ZERO,
                    records: config.batch,
                    outputs: config.batch,
                    state_age: if config.state_records == 0 {
                        Duration::ZERO
                    } else {
                        Duration::MAX
                    },
                    state_records: config.state_records,
                    ..Pace::default()
                },
                grace: config.grace,
            };
            Worker::new(log, parts)
        };
        Member {
            worker: open(),
            open: Box::new(open),
            metrics,
            crashes: 0,
        }
    }

    /// Works until nothing is left to do. A simulated crash means a new worker, restored from what was committed.
    fn drain(&mut self, now: Duration) -> Result<bool, LogError> {
        let mut worked = false;
        loop {
            match self.worker.turn(now) {
                Ok(Turn::Worked) => worked = true,
                Ok(Turn::Idle | Turn::Waiting) => return Ok(worked),
                Err(error) if error.message.starts_with("simulated crash") => {
                    self.crashes += 1;
                    self.worker = (self.open)();
                    worked = true;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Chain {
    /// Makes the topics and starts the four stages.
    pub fn new(config: &ChainConfig) -> Chain {
        let broker = MemoryBroker::new();
        for topology in [
            Ingest::TOPOLOGY,
            Sessionizer::TOPOLOGY,
            Segmenter::TOPOLOGY,
            Staffing::TOPOLOGY,
        ] {
            create_topics(&broker, &topology, config.partitions);
        }
        let rules = Arc::clone(&config.ingest);
        Chain {
            ingest: Member::new(&broker, config, move |context| {
                Ingest::new(Arc::clone(&rules), context)
            }),
            sessionizer: Member::new(&broker, config, Sessionizer::new),
            segmenter: Member::new(&broker, config, Segmenter::new),
            staffing: Member::new(&broker, config, Staffing::new),
            broker,
            partitions: config.partitions,
            round_robin: 0,
        }
    }

    /// The topics.
    pub fn broker(&self) -> &MemoryBroker {
        &self.broker
    }

    /// Appends a raw record at a time; without a key it goes to the next partition.
    pub fn send(&mut self, topic: &str, key: Option<&[u8]>, value: &[u8], at: Timestamp) {
        let partition = match key {
            Some(key) => partition::of_key(key, self.partitions),
            None => {
                self.round_robin = (self.round_robin + 1) % self.partitions;
                self.round_robin
            }
        };
        self.broker.set_time(at);
        self.broker.append(topic, partition, key, Some(value));
    }

    /// Appends a tick to every raw partition.
    pub fn tick(&mut self, at: Timestamp) {
        self.broker.set_time(at);
        for topic in [topics::WEB_EVENTS_RAW, topics::ENGAGEMENT_EVENTS_RAW] {
            for partition in 0..self.partitions {
                self.broker.append(topic, partition, None, None);
            }
        }
    }

    /// Takes over what another chain's ingest wrote: the stages after it start from the same log.
    pub fn take_over(&mut self, recorded: &MemoryBroker) {
        recorded.copy(topics::WEB_EVENTS, &self.broker);
    }

    /// Lets every stage work until nothing is left to do.
    pub fn settle(&mut self, at: Timestamp) -> Result<(), LogError> {
        let now = Duration::from_millis(u64::try_from(at.0).unwrap_or_default());
        loop {
            let mut worked = self.ingest.drain(now)?;
            worked |= self.sessionizer.drain(now)?;
            worked |= self.segmenter.drain(now)?;
            worked |= self.staffing.drain(now)?;
            if !worked {
                return Ok(());
            }
        }
    }

    /// Every stage's metrics, in Prometheus' text format.
    pub fn metrics(&self) -> [String; 4] {
        [
            &self.ingest.metrics,
            &self.sessionizer.metrics,
            &self.segmenter.metrics,
            &self.staffing.metrics,
        ]
        .map(|metrics| metrics.render())
    }

    /// Simulated crashes so far.
    pub fn crashes(&self) -> u32 {
        self.ingest.crashes
            + self.sessionizer.crashes
            + self.segmenter.crashes
            + self.staffing.crashes
    }

    /// How many keys have a state, over all stages: zero when everything has ended.
    pub fn state_count(&self) -> usize {
        fn count<S: Stage>(member: &Member<S>) -> usize {
            member
                .worker
                .tasks()
                .map(pipeline::task::Task::state_count)
                .sum()
        }
        count(&self.sessionizer) + count(&self.segmenter) + count(&self.staffing)
    }
}

/// Makes every topic that a stage names.
fn create_topics(broker: &MemoryBroker, topology: &Topology, partitions: u32) {
    let names = Names::new(topology, &Lane::default());
    for name in [
        &names.inputs,
        &names.outputs,
        &names.dead_letters,
        &names.changelogs,
    ]
    .into_iter()
    .flatten()
    {
        broker.create(name, partitions);
    }
}
