//! What is measured: one struct, one registry, every metric with its meaning. Ids are never labels.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use journey::Timestamp;
use prometheus::{
    Encoder, Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};

use crate::{
    outbox::{Batch, Count, Destination},
    processor::{Stage, Topology},
    task::Task,
};

/// The metrics of one process. Alerts on them: `docs/operations.md`.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    topology: Topology,
    /// Input records by what became of them. Alert: `in` differs from the sum; dead-lettered over 1 %.
    records: IntCounterVec,
    consumed: IntCounterVec,
    produced: IntCounterVec,
    dead_lettered: IntCounterVec,
    /// Alert: aborted rate.
    transactions: IntCounterVec,
    /// Seconds a commit took. Alert: p99.
    transaction_duration: HistogramVec,
    /// A time, not an age, so that it keeps ageing if the writer dies. Alert: `time() - x` > 30 s.
    frontier: GaugeVec,
    source_frontier: GaugeVec,
    watermark: GaugeVec,
    lag: IntGaugeVec,
    lag_seconds: GaugeVec,
    /// Receive time of the cause → committed. The SLO of chat.
    latency: HistogramVec,
    states: IntGaugeVec,
    states_limit: IntGauge,
    evicted: IntCounter,
    restore_duration: HistogramVec,
    left_to_restore: IntGaugeVec,
    definitions_version: IntGaugeVec,
    definitions_unreadable: IntCounter,
    slow_decodes: IntCounter,
    registry_up: IntGauge,
    rebalances: IntCounter,
    facts: Mutex<HashMap<&'static str, IntCounterVec>>,
}

fn register<C: prometheus::core::Collector + Clone + 'static>(registry: &Registry, metric: C) -> C {
    registry
        .register(Box::new(metric.clone()))
        .expect("metric names are unique");
    metric
}

impl Metrics {
    /// All metrics of a stage, in a registry of their own.
    pub fn new(topology: Topology) -> Metrics {
        let labels = HashMap::from([("stage".to_owned(), topology.stage.to_owned())]);
        let registry = Registry::new_custom(None, Some(labels)).expect("a constant label");
        let counter = |name: &str, help: &str, labels: &[&str]| {
            register(
                &registry,
                IntCounterVec::new(Opts::new(name, help), labels).expect("valid"),
            )
        };
        let single = |name: &str, help: &str| {
            register(&registry, IntCounter::new(name, help).expect("valid"))
        };
        let int_gauge = |name: &str, help: &str, labels: &[&str]| {
            register(
                &registry,
                IntGaugeVec::new(Opts::new(name, help), labels).expect("valid"),
            )
        };
        let gauge = |name: &str, help: &str, labels: &[&str]| {
            register(
                &registry,
                GaugeVec::new(Opts::new(name, help), labels).expect("valid"),
            )
        };
        let histogram = |name: &str, help: &str, labels: &[&str], buckets: &[f64]| {
            let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
            register(
                &registry,
                HistogramVec::new(options, labels).expect("valid"),
            )
        };
        const FAST: &[f64] = &[
            0.005, 0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0,
        ];
        const SLOW: &[f64] = &[0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0];
        let build = register(
            &registry,
            Gauge::with_opts(
                Opts::new("footfall_build_info", "1; the version is the label")
                    .const_label("version", env!("CARGO_PKG_VERSION")),
            )
            .expect("valid"),
        );
        build.set(1.0);
        let process = prometheus::process_collector::ProcessCollector::for_self();
        registry.register(Box::new(process)).expect("once");
        Metrics {
            topology,
            records: counter(
                "footfall_records_total",
                "input records by what became of them: exactly one of forwarded, suppressed, dead_lettered",
                &["topic", "result", "reason"],
            ),
            consumed: counter(
                "footfall_records_consumed_total",
                "input records, marks and ticks aside",
                &["topic"],
            ),
            produced: counter(
                "footfall_records_produced_total",
                "records committed",
                &["topic"],
            ),
            dead_lettered: counter(
                "footfall_records_dead_lettered_total",
                "input records kept apart",
                &["reason"],
            ),
            transactions: counter(
                "footfall_transactions_total",
                "transactions by outcome: committed, aborted (and sent again), fenced (the tasks are another's), unknown (and restored)",
                &["outcome"],
            ),
            transaction_duration: histogram(
                "footfall_transaction_duration_seconds",
                "from the first produce to the commit's answer",
                &[],
                FAST,
            ),
            frontier: gauge(
                "footfall_frontier_timestamp_seconds",
                "up to when all that was received has been seen",
                &["topic", "partition"],
            ),
            source_frontier: gauge(
                "footfall_frontier_source_timestamp_seconds",
                "what each source has claimed: the least holds the frontier",
                &["source_topic", "source_partition"],
            ),
            watermark: gauge(
                "footfall_watermark_timestamp_seconds",
                "frontier less grace",
                &["topic", "partition"],
            ),
            lag: int_gauge(
                "footfall_consumer_lag_records",
                "records not read yet",
                &["topic", "partition"],
            ),
            lag_seconds: gauge(
                "footfall_consumer_lag_seconds",
                "age of the last record read, or of the last commit before the first, while records are waiting",
                &["topic", "partition"],
            ),
            latency: histogram(
                "footfall_end_to_end_latency_seconds",
                "from the receive time of the cause to the commit",
                &["topic"],
                FAST,
            ),
            states: int_gauge(
                "footfall_states",
                "keys with a state",
                &["topic", "partition"],
            ),
            states_limit: register(
                &registry,
                IntGauge::new(
                    "footfall_states_limit",
                    "keys that each task may remember; 0 if there is no limit",
                )
                .expect("valid"),
            ),
            evicted: single(
                "footfall_states_evicted_total",
                "keys let go because a task remembered too many",
            ),
            restore_duration: histogram(
                "footfall_restore_duration_seconds",
                "from an assignment until all of it stands where it was committed",
                &[],
                SLOW,
            ),
            left_to_restore: int_gauge(
                "footfall_restore_remaining_records",
                "committed input that is still to be folded again",
                &["topic", "partition"],
            ),
            definitions_version: int_gauge(
                "footfall_definitions_version",
                "the definitions in force",
                &["topic", "partition"],
            ),
            definitions_unreadable: single(
                "footfall_definitions_unreadable_total",
                "records of the topic of definitions that a running stage could not use",
            ),
            slow_decodes: single(
                "footfall_slow_decodes_total",
                "records read by schema resolution",
            ),
            registry_up: register(
                &registry,
                IntGauge::new(
                    "footfall_registry_up",
                    "1 if the schema registry answered last",
                )
                .expect("valid"),
            ),
            rebalances: single("footfall_rebalances_total", "assignments taken"),
            facts: Mutex::new(HashMap::new()),
            registry,
        }
    }

    /// Adds what a committed batch says.
    pub fn committed(&self, batch: &Batch, aborts: u32) {
        self.transactions.with_label_values(&["committed"]).inc();
        self.transactions
            .with_label_values(&["aborted"])
            .inc_by(u64::from(aborts));
        for (count, n) in batch.counts() {
            self.add(count, n);
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
        let names = outputs.iter().map(|output| output.name);
        for (topic, n) in names.chain(["dead-letter", "changelog"]).zip(produced) {
            if n > 0 {
                self.produced.with_label_values(&[topic]).inc_by(n);
            }
        }
    }

    fn add(&self, count: &Count, n: u64) {
        match *count {
            Count::Fate(input, fate, reason) => {
                let topic = self.topology.inputs[input];
                self.consumed.with_label_values(&[topic]).inc_by(n);
                self.records
                    .with_label_values(&[topic, fate.as_str(), reason])
                    .inc_by(n);
                if fate == crate::outbox::Fate::DeadLettered {
                    self.dead_lettered.with_label_values(&[reason]).inc_by(n);
                }
            }
            Count::Fact(name, help, label, value) => {
                let mut facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
                let counter = facts.entry(name).or_insert_with(|| {
                    register(
                        &self.registry,
                        IntCounterVec::new(Opts::new(name, help), &[label]).expect("valid"),
                    )
                });
                counter.with_label_values(&[value]).inc_by(n);
            }
        }
    }

    /// Observes the latency of every output of a committed batch.
    pub fn latency(&self, batch: &Batch, now: Timestamp) {
        let histograms: Vec<_> = self
            .topology
            .outputs
            .iter()
            .map(|o| self.latency.with_label_values(&[o.name]))
            .collect();
        for record in batch.records() {
            if let (Destination::Output(output), Some(caused_at)) =
                (record.destination, record.caused_at)
            {
                histograms[output].observe((now - caused_at).0 as f64 / 1000.0);
            }
        }
    }

    /// Shows a task as it stands.
    pub fn observe<S: Stage>(&self, task: &mut Task<S>) {
        let topic = S::TOPOLOGY.inputs[task.id().input];
        let partition = task.id().partition.to_string();
        let labels = [topic, partition.as_str()];
        let time = task.time();
        set_time(&self.frontier, &labels, time.frontier);
        set_time(&self.watermark, &labels, time.watermark);
        self.states
            .with_label_values(&labels)
            .set(task.state_count() as i64);
        self.states_limit
            .set(task.state_limit().unwrap_or(0) as i64);
        self.evicted.inc_by(task.take_evicted());
        self.definitions_version
            .with_label_values(&labels)
            .set(task.definitions_version());
        for (source, partition, at) in task.claims().sources() {
            set_time(&self.source_frontier, &[source, &partition.to_string()], at);
        }
        self.slow_decodes.inc_by(task.take_slow_decodes());
    }

    /// A task is somebody else's now.
    pub fn forget(&self, topic: &str, partition: u32) {
        let partition = partition.to_string();
        let labels = [topic, partition.as_str()];
        let _ = self.frontier.remove_label_values(&labels);
        let _ = self.watermark.remove_label_values(&labels);
        let _ = self.states.remove_label_values(&labels);
        let _ = self.lag.remove_label_values(&labels);
        let _ = self.lag_seconds.remove_label_values(&labels);
        let _ = self.left_to_restore.remove_label_values(&labels);
        let _ = self.definitions_version.remove_label_values(&labels);
    }

    /// Every task of a worker is somebody else's now: no source's claim stands for what this process knows. Other workers show
    /// theirs again at their next commit.
    pub fn forget_sources(&self) {
        self.source_frontier.reset();
    }

    /// A transaction that the group's next generation fenced.
    pub fn fenced(&self) {
        self.transactions.with_label_values(&["fenced"]).inc();
    }

    /// A commit whose outcome nobody can say.
    pub fn unknown_outcome(&self) {
        self.transactions.with_label_values(&["unknown"]).inc();
    }

    /// How long a commit took.
    pub fn transaction_took(&self, duration: Duration) {
        self.transaction_duration
            .with_label_values(&[] as &[&str])
            .observe(duration.as_secs_f64());
    }

    /// An assignment was taken.
    pub fn assigned(&self) {
        self.rebalances.inc();
    }

    /// How long it took until all of an assignment stood where it was committed.
    pub fn restore_took(&self, duration: Duration) {
        self.restore_duration
            .with_label_values(&[] as &[&str])
            .observe(duration.as_secs_f64());
    }

    /// How far behind its input a task is.
    pub fn lag(&self, topic: &str, partition: u32, records: i64, seconds: f64) {
        let partition = partition.to_string();
        self.lag
            .with_label_values(&[topic, &partition])
            .set(records);
        self.lag_seconds
            .with_label_values(&[topic, &partition])
            .set(seconds);
    }

    /// How much of what was committed a task is still to fold again.
    pub fn left_to_restore(&self, topic: &str, partition: u32, records: i64) {
        let labels = [topic, &partition.to_string()];
        self.left_to_restore.with_label_values(&labels).set(records);
    }

    /// Something on the topic of definitions could not be used.
    pub fn definitions_unreadable(&self) {
        self.definitions_unreadable.inc();
    }

    /// Whether the schema registry answered last.
    pub fn registry_is_up(&self, up: bool) {
        self.registry_up.set(i64::from(up));
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

fn set_time(gauge: &GaugeVec, labels: &[&str], at: Timestamp) {
    if at != Timestamp::MIN {
        gauge.with_label_values(labels).set(at.0 as f64 / 1000.0);
    }
}
