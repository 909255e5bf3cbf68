//! What is measured: one struct, one registry, every metric with its meaning. Ids are never labels.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use journey::Timestamp;
use prometheus::{Encoder, GaugeVec, IntCounter, IntCounterVec, Registry, TextEncoder};

mod families;

use self::families::{Commits, Flow, Progress, Sources, States, Triggered};
use crate::{
    outbox::{Batch, Count, Destination, Fate, Trigger},
    processor::{Stage, Topology},
    task::Task,
};

/// The metrics of one process. Alerts on them: `docs/operations.md`.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    topology: Topology,
    flow: Flow,
    commits: Commits,
    progress: Progress,
    states: States,
    sources: Sources,
    /// How fast an output of the stage's choice is: which, and by trigger.
    triggered: Option<(usize, Triggered)>,
    /// The number that the stage itself shows of each task.
    own: Option<GaugeVec>,
    /// Dead letters of the reasons that the stage has counted by themselves.
    reasons: HashMap<&'static str, IntCounter>,
    /// What the stage's own pure code counts, by the name of the metric.
    facts: Mutex<HashMap<&'static str, IntCounterVec>>,
}

impl Metrics {
    /// All metrics of a stage, in a registry of their own. What it may come to count stands at zero from the start: of a series
    /// that begins with its first event no rate can be told.
    pub fn of<S: Stage>() -> Metrics {
        let (own, mut metrics) = (S::METRICS, Metrics::new(S::TOPOLOGY));
        metrics.own = own.gauge.map(|gauge| {
            let task = ["topic", "partition"];
            families::gauges(&metrics.registry, gauge.name, gauge.help, &task)
        });
        metrics.triggered = own.latency.map(|latency| {
            let by_trigger = Triggered::new(&metrics.registry, latency.name, latency.help);
            (latency.output, by_trigger)
        });
        for counted in own.reasons {
            let counter = families::counter(&metrics.registry, counted.name, counted.help);
            metrics.reasons.insert(counted.reason, counter);
        }
        for (counter, values) in own.counters {
            for value in *values {
                metrics.add_fact(counter.name, counter.help, counter.label, value, 0);
            }
        }
        metrics
    }

    /// The metrics of the shell alone.
    pub fn new(topology: Topology) -> Metrics {
        let labels = HashMap::from([("stage".to_owned(), topology.stage.to_owned())]);
        let registry = Registry::new_custom(None, Some(labels)).expect("a constant label");
        families::register_process(&registry);
        let metrics = Metrics {
            topology,
            flow: Flow::new(&registry),
            commits: Commits::new(&registry),
            progress: Progress::new(&registry),
            states: States::new(&registry),
            sources: Sources::new(&registry),
            triggered: None,
            own: None,
            reasons: HashMap::new(),
            facts: Mutex::new(HashMap::new()),
            registry,
        };
        for topic in topology.inputs {
            metrics.add(topic, Fate::Forwarded, "", 0);
        }
        for topic in produced(&topology) {
            metrics.flow.produced.with_label_values(&[topic]);
        }
        for output in topology.outputs {
            metrics.flow.latency.with_label_values(&[output.name]);
        }
        metrics
    }

    /// Adds what a committed batch says.
    pub fn committed(&self, batch: &Batch, aborts: u32) {
        self.commits
            .transactions
            .with_label_values(&["committed"])
            .inc();
        self.commits
            .transactions
            .with_label_values(&["aborted"])
            .inc_by(u64::from(aborts));
        for (count, n) in batch.counts() {
            self.count(count, n);
        }
        let outputs = self.topology.outputs;
        let mut produced = vec![0; outputs.len() + 2];
        for record in batch.records() {
            produced[match record.destination {
                Destination::Output(i) => i,
                Destination::DeadLetter(_) => outputs.len(),
                Destination::Changelog(_) => outputs.len() + 1,
            }] += 1;
        }
        for (topic, n) in self::produced(&self.topology).zip(produced) {
            self.flow.produced.with_label_values(&[topic]).inc_by(n);
        }
    }

    fn count(&self, count: &Count, n: u64) {
        match *count {
            Count::Fate(input, fate, reason) => {
                self.add(
                    self.topology.inputs[input],
                    fate,
                    reason.unwrap_or_default(),
                    n,
                );
            }
            Count::Fact(name, help, label, value) => self.add_fact(name, help, label, value, n),
        }
    }

    fn add(&self, topic: &str, fate: Fate, reason: &str, n: u64) {
        self.flow.consumed.with_label_values(&[topic]).inc_by(n);
        let labels = [topic, fate.as_str(), reason];
        self.flow.records.with_label_values(&labels).inc_by(n);
        if fate == Fate::DeadLettered {
            let of_reason = self.flow.dead_lettered.with_label_values(&[reason]);
            of_reason.inc_by(n);
            if let Some(counter) = self.reasons.get(reason) {
                counter.inc_by(n);
            }
        }
    }

    fn add_fact(&self, name: &'static str, help: &str, label: &str, value: &str, n: u64) {
        let mut facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        let counter = facts
            .entry(name)
            .or_insert_with(|| families::counters(&self.registry, name, help, &[label]));
        counter.with_label_values(&[value]).inc_by(n);
    }

    /// Observes the latency of every output of a committed batch.
    pub fn latency(&self, batch: &Batch, now: Timestamp) {
        let histograms: Vec<_> = self
            .topology
            .outputs
            .iter()
            .map(|o| self.flow.latency.with_label_values(&[o.name]))
            .collect();
        for record in batch.records() {
            let (Destination::Output(output), Some(trigger)) = (record.destination, record.trigger)
            else {
                continue;
            };
            if let Trigger::Record(arrived) = trigger {
                histograms[output].observe((now - arrived).0 as f64 / 1000.0);
            }
            let triggered = self.triggered.as_ref();
            if let Some((_, triggered)) = triggered.filter(|(of, _)| *of == output) {
                triggered.observe(trigger, now);
            }
        }
    }

    /// Shows a task as it stands.
    pub fn observe<S: Stage>(&self, task: &mut Task<S>) {
        let topic = S::TOPOLOGY.inputs[task.id().input];
        let partition = task.id().partition.to_string();
        let labels = [topic, partition.as_str()];
        // In the middle of a mark a task has not come to that mark's time: much of what it makes due is still to be said.
        if !task.is_in_mark() {
            let time = task.time();
            set_time(&self.progress.frontier, &labels, time.frontier);
            set_time(&self.progress.watermark, &labels, time.watermark);
            if let Some((own, number)) = self.own.as_ref().zip(task.gauge()) {
                own.with_label_values(&labels).set(number);
            }
        }
        self.states
            .count
            .with_label_values(&labels)
            .set(task.state_count() as i64);
        self.states
            .limit
            .set(task.state_limit().unwrap_or(0) as i64);
        self.states.evicted.inc_by(task.take_evicted());
        self.diverged(task.take_divergences());
        self.states
            .hottest_key
            .with_label_values(&labels)
            .set(task.hottest_key_share());
        self.sources
            .definitions_version
            .with_label_values(&labels)
            .set(task.definitions_version());
        for (source, partition, at) in task.claims().sources() {
            set_time(
                &self.progress.source_frontier,
                &[source, &partition.to_string()],
                at,
            );
        }
        self.sources.slow_decodes.inc_by(task.take_slow_decodes());
    }

    /// So many tasks were restored to something else than was committed.
    pub fn diverged(&self, n: u64) {
        self.states.divergences.inc_by(n);
    }

    /// For how long a task's states have not been captured, though there was input.
    pub fn uncaptured(&self, topic: &str, partition: u32, age: Duration) {
        self.states
            .uncaptured_age
            .with_label_values(&[topic, &partition.to_string()])
            .set(age.as_secs_f64());
    }

    /// A task is somebody else's now.
    pub fn forget(&self, topic: &str, partition: u32) {
        let partition = partition.to_string();
        let labels = [topic, partition.as_str()];
        let _ = self.progress.frontier.remove_label_values(&labels);
        let _ = self.progress.watermark.remove_label_values(&labels);
        let _ = self.states.count.remove_label_values(&labels);
        let _ = self.states.hottest_key.remove_label_values(&labels);
        let _ = self.states.uncaptured_age.remove_label_values(&labels);
        let own = self.own.as_ref();
        let _ = own.map(|own| own.remove_label_values(&labels));
        let _ = self.progress.lag.remove_label_values(&labels);
        let _ = self.progress.lag_seconds.remove_label_values(&labels);
        let _ = self.progress.stable_lag.remove_label_values(&labels);
        let _ = self.progress.stable_held.remove_label_values(&labels);
        let _ = self.states.left_to_restore.remove_label_values(&labels);
        let _ = self
            .sources
            .definitions_version
            .remove_label_values(&labels);
    }

    /// Every task of a worker is somebody else's now: no source's claim stands for what this process knows. Other workers show
    /// theirs again at their next commit.
    pub fn forget_sources(&self) {
        self.progress.source_frontier.reset();
    }

    /// A transaction that the group's next generation fenced.
    pub fn fenced(&self) {
        self.commits
            .transactions
            .with_label_values(&["fenced"])
            .inc();
    }

    /// A commit whose outcome nobody can say.
    pub fn unknown_outcome(&self) {
        self.commits
            .transactions
            .with_label_values(&["unknown"])
            .inc();
    }

    /// How long a commit took.
    pub fn transaction_took(&self, duration: Duration) {
        self.commits
            .duration
            .with_label_values(&[] as &[&str])
            .observe(duration.as_secs_f64());
    }

    /// An assignment was taken.
    pub fn assigned(&self) {
        self.states.rebalances.inc();
    }

    /// How long it took until all of an assignment stood where it was committed.
    pub fn restore_took(&self, duration: Duration) {
        self.states
            .restore_duration
            .with_label_values(&[] as &[&str])
            .observe(duration.as_secs_f64());
    }

    /// How far behind its input a task is.
    pub fn lag(&self, topic: &str, partition: u32, records: i64, seconds: f64) {
        let partition = partition.to_string();
        self.progress
            .lag
            .with_label_values(&[topic, &partition])
            .set(records);
        self.progress
            .lag_seconds
            .with_label_values(&[topic, &partition])
            .set(seconds);
    }

    /// Records that an open transaction keeps from being read, and for how long the oldest such transaction has been open.
    pub fn unstable(&self, topic: &str, partition: u32, records: i64, held: Duration) {
        let labels = [topic, &partition.to_string()];
        let lag = &self.progress.stable_lag;
        lag.with_label_values(&labels).set(records);
        let seconds = &self.progress.stable_held;
        seconds.with_label_values(&labels).set(held.as_secs_f64());
    }

    /// How much of what was committed a task is still to fold again.
    pub fn left_to_restore(&self, topic: &str, partition: u32, records: i64) {
        let labels = [topic, &partition.to_string()];
        self.states
            .left_to_restore
            .with_label_values(&labels)
            .set(records);
    }

    /// Something on the topic of definitions could not be used.
    pub fn definitions_unreadable(&self) {
        self.sources.definitions_unreadable.inc();
    }

    /// Whether the schema registry answered last.
    pub fn registry_is_up(&self, up: bool) {
        self.sources.registry_up.set(i64::from(up));
    }

    /// Everything, in Prometheus' text format.
    pub fn render(&self) -> String {
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&self.registry.gather(), &mut text)
            .expect("metrics are plain numbers");
        String::from_utf8(text).unwrap_or_default()
    }
}

/// Under which names records are produced: the outputs, then dead letters, then a changelog where there is one.
fn produced(topology: &Topology) -> impl Iterator<Item = &'static str> {
    let outputs = topology.outputs.iter().map(|output| output.name);
    let changelog = (!topology.stateless).then_some("changelog");
    outputs.chain(["dead-letter"]).chain(changelog)
}

fn set_time(gauge: &GaugeVec, labels: &[&str], at: Timestamp) {
    if at != Timestamp::MIN {
        gauge.with_label_values(labels).set(at.0 as f64 / 1000.0);
    }
}

#[cfg(test)]
mod tests;
