//! The whole chain in one process, over the memory log: raw events in, visits, offers and staffing numbers out.

mod group;

use std::sync::Arc;

use ingest::{Config, Ingest};
use journey::{
    Millis, Timestamp,
    definitions::DefinitionSet,
    topics::{self, Lane},
};
use pipeline::{
    Stage, Topology,
    log::LogError,
    memory::{Fault, Faults, MemoryBroker, Random},
    names::Names,
};
use segmenter::Segmenter;
use sessionizer::Sessionizer;
use staffing::Staffing;

use crate::backfill::Placement;
use group::{Group, PAUSE, Works};

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
    /// Whether raw partitions that are far ahead wait for the slowest.
    pub align_sources: bool,
}

/// The four stages over one memory broker.
pub struct Chain {
    broker: MemoryBroker,
    /// In the order of [`Part`].
    groups: [Box<dyn Works>; 4],
    partitions: u32,
    placement: Placement,
    faults: Faults,
    random: Random,
    /// A raw partition that hears nothing, until when.
    silent: Option<(&'static str, u32, Timestamp)>,
}

/// A stage of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `ingest`.
    Ingest,
    /// `sessionizer`.
    Sessionizer,
    /// `segmenter`.
    Segmenter,
    /// `staffing`.
    Staffing,
}

impl Part {
    /// Every stage, in the order of the chain.
    pub const ALL: [Part; 4] = [
        Part::Ingest,
        Part::Sessionizer,
        Part::Segmenter,
        Part::Staffing,
    ];
}

const RAW: [&str; 2] = [topics::WEB_EVENTS_RAW, topics::ENGAGEMENT_EVENTS_RAW];

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chain")
            .field("partitions", &self.partitions)
            .field("faults", &self.faults)
            .finish()
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
            groups: [
                Box::new(Group::new(&broker, config, move |context| {
                    Ingest::new(Arc::clone(&rules), context)
                })),
                Box::new(Group::new(&broker, config, Sessionizer::new)),
                Box::new(Group::new(&broker, config, Segmenter::new)),
                Box::new(Group::new(&broker, config, Staffing::new)),
            ],
            broker,
            partitions: config.partitions,
            placement: Placement::new(config.partitions),
            faults: config.faults,
            random: Random(config.seed),
            silent: None,
        }
    }

    /// The topics.
    pub fn broker(&self) -> &MemoryBroker {
        &self.broker
    }

    /// Appends a raw record at a time; without a key it goes to the next partition.
    pub fn send(&mut self, topic: &str, key: Option<&[u8]>, value: &[u8], at: Timestamp) {
        let partition = self.placement.of(key);
        self.broker.set_time(at);
        self.broker.append(topic, partition, key, Some(value));
    }

    /// Appends a tick to every raw partition but the one that hears nothing.
    pub fn tick(&mut self, at: Timestamp) {
        self.silence(at);
        self.broker.set_time(at);
        for topic in RAW {
            let silent = self.silent.filter(|(silent, _, _)| *silent == topic);
            for partition in (0..self.partitions).filter(|p| silent.is_none_or(|(_, s, _)| s != *p))
            {
                self.broker.append(topic, partition, None, None);
            }
        }
    }

    /// Draws whether a raw partition falls silent; one that was for long enough does not stay so.
    fn silence(&mut self, at: Timestamp) {
        self.silent = self.silent.filter(|(_, _, until)| *until > at);
        if self.silent.is_none() && self.random.draws(self.faults.of(Fault::SilentSource)) {
            self.broker.count(Fault::SilentSource);
            let topic = RAW[self.random.below(2) as usize];
            let partition = self.random.below(u64::from(self.partitions)) as u32;
            let until = at + Millis(1 + self.random.below(PAUSE.0 as u64) as i64);
            self.silent = Some((topic, partition, until));
        }
    }

    /// Lets no tick into a raw partition until then.
    pub fn silence_source(&mut self, topic: &'static str, partition: u32, until: Timestamp) {
        self.silent = Some((topic, partition, until));
    }

    /// Lets all of a stage's members stand still until then.
    pub fn stop(&mut self, part: Part, until: Timestamp) {
        self.groups[part as usize].stop(until);
    }

    /// Takes over what another chain's ingest wrote: the stages after it start from the same log.
    pub fn take_over(&mut self, recorded: &MemoryBroker) {
        recorded.copy(topics::WEB_EVENTS, &self.broker);
    }

    /// Lets every stage work until nothing is left to do, after whatever is drawn to happen to it.
    pub fn settle(&mut self, at: Timestamp) -> Result<(), LogError> {
        for group in &mut self.groups {
            group.disturb(at)?;
            group.drain(at)?;
        }
        loop {
            let mut worked = false;
            for group in &mut self.groups {
                worked |= group.drain(at)?;
            }
            if !worked {
                return Ok(());
            }
        }
    }

    /// Lets everybody go on, those that stood still and those taken for dead, lets every raw partition hear the time, and
    /// settles, with nothing happening any more but to commits.
    pub fn finish(&mut self, at: Timestamp) -> Result<(), LogError> {
        self.faults = Faults::default();
        self.silent = None;
        self.tick(at);
        loop {
            let mut worked = false;
            for group in &mut self.groups {
                worked |= group.finish(at)?;
            }
            if !worked {
                return Ok(());
            }
        }
    }

    /// Every stage's metrics, in Prometheus' text format.
    pub fn metrics(&self) -> [String; 4] {
        [0, 1, 2, 3].map(|part: usize| self.groups[part].metrics())
    }

    /// Until when nothing happens by itself in what is remembered, once everything is settled: the time that is to be passed for
    /// something to.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let groups = self.groups.iter();
        groups.filter_map(|group| group.next_deadline()).min()
    }

    /// How many keys have a state in one stage.
    pub fn state_count_of(&self, part: Part) -> usize {
        self.groups[part as usize].state_count()
    }

    /// How many keys have a state, over all stages: zero when everything has ended.
    pub fn state_count(&self) -> usize {
        self.groups.iter().map(|group| group.state_count()).sum()
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
