//! One stage's consumer group over the memory log: its members, how they share the tasks, and what is done to them.
//!
//! A group is made up anew as a broker does it: every member is asked to let its tasks go and may commit what is open; only
//! when the last has done so does a new generation begin. Whoever was not asked, because it stands still or is taken for dead,
//! is a zombie from then on.

use std::{fmt, sync::Arc, time::Duration};

use journey::{Millis, Timestamp, topics::Lane};
use pipeline::{
    Stage, TaskContext,
    definitions::Definitions,
    log::{LogError, TaskId},
    memory::{Fault, Faults, MemoryBroker, MemoryLog, Random},
    metrics::Metrics,
    names::Names,
    pace::Pace,
    worker::{Parts, Turn, Worker},
};

use super::ChainConfig;

/// Members of a stage at the most.
const MEMBERS: u64 = 3;
/// How long somebody stands still at the most.
pub(super) const PAUSE: Millis = Millis::from_mins(60);

/// Opens a member of the group's newest generation, with these tasks.
type Open<S> = Box<dyn FnMut(Vec<TaskId>) -> Worker<S, MemoryLog>>;

/// A stage's members.
pub(super) struct Group<S: Stage> {
    broker: MemoryBroker,
    name: String,
    tasks: Vec<TaskId>,
    open: Open<S>,
    members: Vec<Member<S>>,
    zombies: Vec<Worker<S, MemoryLog>>,
    metrics: Arc<Metrics>,
    faults: Faults,
    random: Random,
    stopped_until: Timestamp,
}

/// A member, and until when it stands still.
struct Member<S: Stage> {
    worker: Worker<S, MemoryLog>,
    stopped_until: Timestamp,
}

/// What the chain needs of each of its groups.
pub(super) trait Works {
    /// Draws what happens to the group when there is something to work on.
    fn disturb(&mut self, at: Timestamp) -> Result<(), LogError>;
    /// Works until nothing is left to do for those who do not stand still. Whether anything was done.
    fn drain(&mut self, at: Timestamp) -> Result<bool, LogError>;
    /// Lets all members stand still until then.
    fn stop(&mut self, until: Timestamp);
    /// Lets everybody go on, zombies too, and waits for what is late.
    fn finish(&mut self, at: Timestamp) -> Result<bool, LogError>;
    /// The stage's metrics, in Prometheus' text format.
    fn metrics(&self) -> String;
    /// How many keys have a state.
    fn state_count(&self) -> usize;
    /// Which frontier some task waits to see passed.
    fn next_deadline(&self) -> Option<Timestamp>;
}

impl<S: Stage> fmt::Debug for Group<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("name", &self.name)
            .field("members", &self.members.len())
            .field("zombies", &self.zombies.len())
            .finish()
    }
}

impl<S: Stage + 'static> Group<S> {
    pub(super) fn new(
        broker: &MemoryBroker,
        config: &ChainConfig,
        make: impl Fn(TaskContext) -> S + Send + Sync + 'static,
    ) -> Self {
        let names = Names::new(&S::TOPOLOGY, &Lane::default());
        let metrics = Arc::new(Metrics::new(S::TOPOLOGY));
        let seed = config
            .seed
            .wrapping_mul(31)
            .wrapping_add(S::TOPOLOGY.stage.len() as u64);
        let mut group = Group {
            broker: broker.clone(),
            name: MemoryLog::group_of(&S::TOPOLOGY, &names),
            tasks: MemoryLog::all_tasks(broker, &names),
            open: opener(broker, config, names, &metrics, seed, make),
            members: Vec::new(),
            zombies: Vec::new(),
            metrics,
            faults: config.faults,
            random: Random(!seed),
            stopped_until: Timestamp::MIN,
        };
        group.share_anew(Vec::new());
        group
    }

    /// A generation of these members and others, and a new share of the tasks for each.
    fn share_anew(&mut self, mut staying: Vec<Worker<S, MemoryLog>>) {
        self.broker.regroup(&self.name);
        let count = match self.faults.of(Fault::Regroup) {
            0 => 1,
            _ => 1 + self.random.below(MEMBERS) as usize,
        };
        let mut shares = vec![Vec::new(); count];
        for task in &self.tasks {
            shares[self.random.below(count as u64) as usize].push(*task);
        }
        staying.truncate(count);
        let mut staying = staying.into_iter();
        for share in shares {
            let worker = match staying.next() {
                Some(mut worker) => {
                    worker.log_mut().rejoin(share);
                    worker
                }
                None => (self.open)(share),
            };
            self.members.push(Member {
                worker,
                stopped_until: Timestamp::MIN,
            });
        }
    }

    /// Makes the group up anew of those members that can be asked.
    fn regroup(&mut self, at: Timestamp) -> Result<(), LogError> {
        let mut staying = Vec::new();
        for mut member in std::mem::take(&mut self.members) {
            if member.stopped_until > at {
                self.broker.count(Fault::Zombie);
                self.zombies.push(member.worker);
                continue;
            }
            member.worker.log_mut().leave();
            if work_on(&mut member.worker, at)? {
                staying.push(member.worker);
            }
        }
        self.share_anew(staying);
        Ok(())
    }

    /// Goes on without a member that has just taken something in, and has not committed it.
    fn presume_dead(&mut self, at: Timestamp) -> Result<(), LogError> {
        let index = self.random.below(self.members.len() as u64) as usize;
        if self.members[index].stopped_until > at {
            return self.regroup(at);
        }
        let mut member = self.members.swap_remove(index);
        match member.worker.turn(clock(at)) {
            Ok(_) => {
                self.broker.count(Fault::Zombie);
                self.zombies.push(member.worker);
            }
            Err(error) if is_simulated(&error) => {}
            Err(error) => return Err(error),
        }
        self.regroup(at)
    }

    /// Zombies go on until they hear that they are some.
    fn wake_zombies(&mut self, at: Timestamp) -> Result<(), LogError> {
        for mut zombie in std::mem::take(&mut self.zombies) {
            work_on(&mut zombie, at)?;
        }
        Ok(())
    }

    /// Draws whether a fault happens; if so it counts.
    fn happens(&mut self, fault: Fault) -> bool {
        let happens = self.random.draws(self.faults.of(fault));
        if happens {
            self.broker.count(fault);
        }
        happens
    }

    fn pause(&mut self, at: Timestamp) -> Timestamp {
        at + Millis(1 + self.random.below(PAUSE.0 as u64) as i64)
    }
}

impl<S: Stage + 'static> Works for Group<S> {
    fn disturb(&mut self, at: Timestamp) -> Result<(), LogError> {
        if self.faults.is_none() || self.stopped_until > at {
            return Ok(());
        }
        if self.random.draws(500) {
            self.wake_zombies(at)?;
        }
        if self.happens(Fault::Regroup) {
            self.regroup(at)?;
        }
        if self.random.draws(self.faults.of(Fault::Zombie)) {
            self.presume_dead(at)?;
        }
        if self.happens(Fault::StopMember) {
            let index = self.random.below(self.members.len() as u64) as usize;
            self.members[index].stopped_until = self.pause(at);
        }
        if self.happens(Fault::StopStage) {
            let until = self.pause(at);
            self.stop(until);
        }
        Ok(())
    }

    fn drain(&mut self, at: Timestamp) -> Result<bool, LogError> {
        let mut worked = false;
        loop {
            let mut works = false;
            let mut has_died = false;
            let mut index = 0;
            while let Some(member) = self.members.get_mut(index) {
                index += 1;
                if member.stopped_until.max(self.stopped_until) > at {
                    continue;
                }
                match member.worker.turn(clock(at)) {
                    Ok(turn) => works |= turn == Turn::Worked,
                    Err(error) if is_simulated(&error) => {
                        index -= 1;
                        self.members.remove(index);
                        has_died = true;
                    }
                    Err(error) => return Err(error),
                }
            }
            if has_died {
                self.regroup(at)?;
            } else if !works {
                return Ok(worked);
            }
            worked = true;
        }
    }

    fn stop(&mut self, until: Timestamp) {
        self.stopped_until = until;
    }

    fn finish(&mut self, at: Timestamp) -> Result<bool, LogError> {
        self.wake_zombies(at)?;
        self.stopped_until = Timestamp::MIN;
        let mut is_late = false;
        for member in &mut self.members {
            member.stopped_until = Timestamp::MIN;
            is_late |= member.worker.log_mut().awaits_markers();
        }
        Ok(self.drain(at)? || is_late)
    }

    fn metrics(&self) -> String {
        self.metrics.render()
    }

    fn state_count(&self) -> usize {
        let tasks = self.members.iter().flat_map(|m| m.worker.tasks());
        tasks.map(pipeline::task::Task::state_count).sum()
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        let tasks = self.members.iter().flat_map(|m| m.worker.tasks());
        tasks.filter_map(pipeline::task::Task::next_deadline).min()
    }
}

/// Lets one member work until it has nothing left to do, or dies. Whether it lives.
fn work_on<S: Stage>(worker: &mut Worker<S, MemoryLog>, at: Timestamp) -> Result<bool, LogError> {
    loop {
        match worker.turn(clock(at)) {
            Ok(Turn::Worked) => {}
            Ok(Turn::Idle | Turn::Waiting) => return Ok(true),
            Err(error) if is_simulated(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

fn is_simulated(error: &LogError) -> bool {
    error.message.starts_with("simulated crash")
}

fn clock(at: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(at.0).unwrap_or_default())
}

/// What opens a stage's members, each with a seed of its own.
fn opener<S: Stage + 'static>(
    broker: &MemoryBroker,
    config: &ChainConfig,
    names: Names,
    metrics: &Arc<Metrics>,
    mut seed: u64,
    make: impl Fn(TaskContext) -> S + Send + Sync + 'static,
) -> Open<S> {
    let (broker, config, metrics) = (broker.clone(), config.clone(), Arc::clone(metrics));
    let make = Arc::new(make);
    let state_age = match config.state_records {
        0 => Duration::ZERO,
        _ => Duration::MAX,
    };
    Box::new(move |tasks| {
        seed = seed.wrapping_add(1);
        let (topology, faults) = (S::TOPOLOGY, config.faults);
        let log = MemoryLog::open_with(&broker, topology, names.clone(), tasks, faults, seed);
        let make = Arc::clone(&make);
        let newest_format =
            S::STATE_FORMAT > 1 && Random(!seed).draws(faults.of(Fault::NewestFormat));
        if newest_format {
            broker.count(Fault::NewestFormat);
        }
        let parts = Parts {
            make: Box::new(move |context| make(context)),
            definitions: Definitions::new(Arc::clone(&config.sets)),
            schemas: Box::new(broker.clone()),
            addresses: broker.addresses(&topology, &names),
            metrics: Arc::clone(&metrics),
            pace: Pace {
                at_least: Duration::ZERO,
                quiet: Duration::ZERO,
                records: config.batch,
                outputs: config.batch,
                state_age,
                state_records: config.state_records,
                ..Pace::default()
            },
            state_limit: None,
            state_format: newest_format.then_some(S::STATE_FORMAT),
            grace: config.grace,
            align_sources: config.align_sources,
        };
        Worker::new(log, parts)
    })
}
