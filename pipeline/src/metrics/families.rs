//! The metrics of the shell itself, by what they speak of: each with its name and what it means.

use journey::Timestamp;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, core::Collector, process_collector::ProcessCollector,
};

use crate::outbox::Trigger;

/// Seconds that somebody waits for.
const FAST: &[f64] = &[
    0.005, 0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0,
];
/// Seconds that a start takes.
const SLOW: &[f64] = &[0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0];
/// Which commit this was built from, where whoever built it said so.
const REVISION: Option<&str> = option_env!("FOOTFALL_REVISION");

pub(super) fn register<C: Collector + Clone + 'static>(registry: &Registry, metric: C) -> C {
    registry
        .register(Box::new(metric.clone()))
        .expect("metric names are unique");
    metric
}

pub(super) fn counters(to: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    let metric = IntCounterVec::new(Opts::new(name, help), labels);
    register(to, metric.expect("valid"))
}

pub(super) fn counter(to: &Registry, name: &str, help: &str) -> IntCounter {
    register(to, IntCounter::new(name, help).expect("valid"))
}

fn number(to: &Registry, name: &str, help: &str) -> IntGauge {
    register(to, IntGauge::new(name, help).expect("valid"))
}

/// Numbers by task.
fn numbers(to: &Registry, name: &str, help: &str) -> IntGaugeVec {
    let metric = IntGaugeVec::new(Opts::new(name, help), &["topic", "partition"]);
    register(to, metric.expect("valid"))
}

/// Times, ages or shares by task, or by another pair of labels.
pub(super) fn gauges(to: &Registry, name: &str, help: &str, labels: &[&str; 2]) -> GaugeVec {
    let metric = GaugeVec::new(Opts::new(name, help), labels);
    register(to, metric.expect("valid"))
}

fn histogram(
    to: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
    buckets: &[f64],
) -> HistogramVec {
    let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
    let metric = register(to, HistogramVec::new(options, labels).expect("valid"));
    if labels.is_empty() {
        // Its one series stands at zero from the start.
        metric.with_label_values(labels);
    }
    metric
}

/// Which release runs, and what the process uses.
pub(super) fn register_process(to: &Registry) {
    let options = Opts::new(
        "footfall_build_info",
        "1; which release runs, and what it was built from",
    );
    let options = options
        .const_label("version", env!("CARGO_PKG_VERSION"))
        .const_label("revision", REVISION.unwrap_or("unknown"));
    register(to, Gauge::with_opts(options).expect("valid")).set(1.0);
    let process = ProcessCollector::for_self();
    to.register(Box::new(process)).expect("once");
}

/// What comes and goes.
#[derive(Debug)]
pub(super) struct Flow {
    /// Input records by what became of them. Alert: dead-lettered over 1 %.
    pub(super) records: IntCounterVec,
    pub(super) consumed: IntCounterVec,
    pub(super) produced: IntCounterVec,
    pub(super) dead_lettered: IntCounterVec,
    /// Receive time of the cause → committed. The SLO of chat.
    pub(super) latency: HistogramVec,
}

impl Flow {
    pub(super) fn new(to: &Registry) -> Flow {
        Flow {
            records: counters(
                to,
                "footfall_records_total",
                "input records by what became of them: exactly one of forwarded, suppressed, dead_lettered",
                &["topic", "result", "reason"],
            ),
            consumed: counters(
                to,
                "footfall_records_consumed_total",
                "input records, marks and ticks aside",
                &["topic"],
            ),
            produced: counters(
                to,
                "footfall_records_produced_total",
                "records committed",
                &["topic"],
            ),
            dead_lettered: counters(
                to,
                "footfall_records_dead_lettered_total",
                "input records kept apart",
                &["reason"],
            ),
            latency: histogram(
                to,
                "footfall_end_to_end_latency_seconds",
                "from the receive time of the cause to the commit",
                &["topic"],
                FAST,
            ),
        }
    }
}

/// How fast an output is, by what triggered it.
#[derive(Debug)]
pub(super) struct Triggered {
    by_event: Histogram,
    by_timer: Histogram,
}

impl Triggered {
    pub(super) fn new(to: &Registry, name: &str, help: &str) -> Triggered {
        let latency = histogram(to, name, help, &["trigger"], FAST);
        Triggered {
            by_event: latency.with_label_values(&["event"]),
            by_timer: latency.with_label_values(&["timer"]),
        }
    }

    /// One that is committed now.
    pub(super) fn observe(&self, trigger: Trigger, now: Timestamp) {
        let (histogram, since) = match trigger {
            Trigger::Record(arrived) => (&self.by_event, arrived),
            Trigger::Timer(due) => (&self.by_timer, due),
        };
        histogram.observe((now - since).0 as f64 / 1000.0);
    }
}

/// How commits go.
#[derive(Debug)]
pub(super) struct Commits {
    /// Alert: aborted rate.
    pub(super) transactions: IntCounterVec,
    /// Seconds a commit took. Alert: p99.
    pub(super) duration: HistogramVec,
}

impl Commits {
    pub(super) fn new(to: &Registry) -> Commits {
        let transactions = counters(
            to,
            "footfall_transactions_total",
            "transactions by outcome: committed, aborted (and sent again), fenced (the tasks are another's), unknown (and restored)",
            &["outcome"],
        );
        for outcome in ["committed", "aborted", "fenced", "unknown"] {
            transactions.with_label_values(&[outcome]);
        }
        Commits {
            transactions,
            duration: histogram(
                to,
                "footfall_transaction_duration_seconds",
                "from the first produce to the commit's answer",
                &[],
                FAST,
            ),
        }
    }
}

/// How far time and reading have come.
#[derive(Debug)]
pub(super) struct Progress {
    /// A time, not an age, so that it keeps ageing if the writer dies. Alert: `time() - x` > 30 s.
    pub(super) frontier: GaugeVec,
    pub(super) source_frontier: GaugeVec,
    pub(super) watermark: GaugeVec,
    pub(super) lag: IntGaugeVec,
    pub(super) lag_seconds: GaugeVec,
    pub(super) stable_lag: IntGaugeVec,
    /// Alert: twice the transaction timeout.
    pub(super) stable_held: GaugeVec,
}

impl Progress {
    pub(super) fn new(to: &Registry) -> Progress {
        let task = ["topic", "partition"];
        Progress {
            frontier: gauges(
                to,
                "footfall_frontier_timestamp_seconds",
                "up to when all that was received has been seen, and all that was due then has been said",
                &task,
            ),
            source_frontier: gauges(
                to,
                "footfall_frontier_source_timestamp_seconds",
                "what each source has claimed: the least holds the frontier",
                &["source_topic", "source_partition"],
            ),
            watermark: gauges(
                to,
                "footfall_watermark_timestamp_seconds",
                "frontier less grace",
                &task,
            ),
            lag: numbers(to, "footfall_consumer_lag_records", "records not read yet"),
            lag_seconds: gauges(
                to,
                "footfall_consumer_lag_seconds",
                "age of the last record read, or of the last commit before the first, while records are waiting",
                &task,
            ),
            stable_lag: numbers(
                to,
                "footfall_last_stable_offset_lag_records",
                "records that an open transaction keeps from being read",
            ),
            stable_held: gauges(
                to,
                "footfall_last_stable_offset_held_seconds",
                "for how long the last stable offset has stood still with records behind it; 0 if there are none",
                &task,
            ),
        }
    }
}

/// What is remembered, and how it is taken over.
#[derive(Debug)]
pub(super) struct States {
    pub(super) count: IntGaugeVec,
    pub(super) limit: IntGauge,
    /// Alert: over a half, while the task is behind.
    pub(super) hottest_key: GaugeVec,
    pub(super) uncaptured_age: GaugeVec,
    pub(super) evicted: IntCounter,
    pub(super) restore_duration: HistogramVec,
    pub(super) divergences: IntCounter,
    pub(super) left_to_restore: IntGaugeVec,
    pub(super) rebalances: IntCounter,
}

impl States {
    pub(super) fn new(to: &Registry) -> States {
        let task = ["topic", "partition"];
        States {
            hottest_key: gauges(
                to,
                "footfall_hottest_key_share",
                "share of one key in the last 4,096 records that had one",
                &task,
            ),
            uncaptured_age: gauges(
                to,
                "footfall_state_uncaptured_age_seconds",
                "since when input is folded that would have to be folded again; 0 if all states are captured",
                &task,
            ),
            count: numbers(to, "footfall_states", "keys with a state"),
            limit: number(
                to,
                "footfall_states_limit",
                "keys that each task may remember; 0 if there is no limit",
            ),
            evicted: counter(
                to,
                "footfall_states_evicted_total",
                "keys let go because a task remembered too many",
            ),
            restore_duration: histogram(
                to,
                "footfall_restore_duration_seconds",
                "from an assignment until all of it stands where it was committed",
                &[],
                SLOW,
            ),
            divergences: counter(
                to,
                "footfall_restore_divergence_total",
                "tasks that were restored to something else than was committed",
            ),
            left_to_restore: numbers(
                to,
                "footfall_restore_remaining_records",
                "committed input that is still to be folded again",
            ),
            rebalances: counter(to, "footfall_rebalances_total", "assignments taken"),
        }
    }
}

/// What a stage goes by that others write: definitions and schemas.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) definitions_version: IntGaugeVec,
    pub(super) definitions_unreadable: IntCounter,
    pub(super) slow_decodes: IntCounter,
    pub(super) registry_up: IntGauge,
}

impl Sources {
    pub(super) fn new(to: &Registry) -> Sources {
        Sources {
            definitions_version: numbers(
                to,
                "footfall_definitions_version",
                "the definitions in force",
            ),
            definitions_unreadable: counter(
                to,
                "footfall_definitions_unreadable_total",
                "records of the topic of definitions that a running stage could not use",
            ),
            slow_decodes: counter(
                to,
                "footfall_slow_decodes_total",
                "records read by schema resolution",
            ),
            registry_up: number(
                to,
                "footfall_registry_up",
                "1 if the schema registry answered last",
            ),
        }
    }
}
