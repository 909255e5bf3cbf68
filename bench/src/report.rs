//! The figures, as a table and as JSON.

use std::fmt::Write as _;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Everything that one run measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    events: u64,
    traffic: String,
    pub(crate) throughput: Vec<StageRow>,
    pub(crate) peers: Vec<PeerRow>,
    pub(crate) latency: Vec<LatencyRow>,
    pub(crate) work: Vec<WorkRow>,
}

/// What a stage did at a rate, start and warm-up included.
#[derive(Debug, Serialize)]
pub(crate) struct WorkRow {
    rate: u64,
    stage: &'static str,
    transactions: f64,
    milliseconds_each: f64,
    cpu_seconds: f64,
}

impl WorkRow {
    pub(crate) fn new(rate: u64, stage: &'static str, metrics: &str, cpu_seconds: f64) -> WorkRow {
        let value = |name: &str| {
            let line = metrics.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
                .unwrap_or_default()
        };
        let transactions = value("footfall_transaction_duration_seconds_count");
        let seconds = value("footfall_transaction_duration_seconds_sum");
        WorkRow {
            rate,
            stage,
            transactions,
            milliseconds_each: 1000.0 * seconds / transactions.max(1.0),
            cpu_seconds,
        }
    }
}

/// What a stage cost.
#[derive(Debug, Serialize)]
pub(crate) struct StageRow {
    pub(crate) stage: String,
    pub(crate) records: u64,
    pub(crate) cpu_seconds: f64,
    /// Of `cpu_seconds`, the worker's own thread; the rest is librdkafka's.
    pub(crate) worker_cpu_seconds: f64,
    pub(crate) wall_seconds: f64,
    pub(crate) broker_cpu_seconds: f64,
    pub(crate) resident_mib: f64,
}

/// What another engine cost for sessions of the same records, an update for each, exactly once.
#[derive(Debug, Serialize)]
pub(crate) struct PeerRow {
    pub(crate) engine: &'static str,
    pub(crate) records: u64,
    /// Committed records that it wrote: as many as it read, if it left none out.
    pub(crate) updates: u64,
    /// From the start of the process on, its compiler's work included.
    pub(crate) cpu_seconds: f64,
    /// From half of the records on.
    pub(crate) steady_records_per_cpu_second: f64,
    pub(crate) wall_seconds: f64,
    pub(crate) broker_cpu_seconds: f64,
    pub(crate) resident_mib: f64,
}

/// How long events took at a rate, in milliseconds.
#[derive(Debug, Serialize)]
pub(crate) struct LatencyRow {
    rate: u64,
    what: &'static str,
    p50: u64,
    p90: u64,
    p99: u64,
    p999: u64,
    records: u64,
}

impl LatencyRow {
    pub(crate) fn new(rate: u64, what: &'static str, histogram: &Histogram<u64>) -> LatencyRow {
        let at = |q: f64| histogram.value_at_quantile(q);
        LatencyRow {
            rate,
            what,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            records: histogram.len(),
        }
    }
}

impl Report {
    pub(crate) fn new(events: u64, traffic: String) -> Report {
        Report {
            events,
            traffic,
            throughput: Vec::new(),
            peers: Vec::new(),
            latency: Vec::new(),
            work: Vec::new(),
        }
    }

    pub(crate) fn render(&self) -> String {
        let mut text = format!(
            "\n{} raw events, {} traffic, 4 partitions, one worker a stage, exactly once\n{:<14} {:>10} {:>16} {:>10} {:>12} {:>14} {:>9}\n",
            self.events,
            self.traffic,
            "stage",
            "records",
            "records/CPU-s",
            "own thread",
            "records/s",
            "broker CPU-s",
            "peak MiB"
        );
        for row in &self.throughput {
            let records = row.records as f64;
            let _ = writeln!(
                text,
                "{:<14} {:>10} {:>16.0} {:>8.0} % {:>12.0} {:>14.1} {:>9.0}",
                row.stage,
                row.records,
                records / row.cpu_seconds,
                100.0 * row.worker_cpu_seconds / row.cpu_seconds,
                records / row.wall_seconds,
                row.broker_cpu_seconds,
                row.resident_mib
            );
        }
        self.render_peers(&mut text);
        let _ = writeln!(
            text,
            "\n{:>9}  {:<22} {:>7} {:>7} {:>7} {:>7}  (ms)",
            "events/s", "from, to", "p50", "p90", "p99", "p99.9"
        );
        for row in &self.latency {
            let _ = writeln!(
                text,
                "{:>9}  {:<22} {:>7} {:>7} {:>7} {:>7}  {} records",
                row.rate, row.what, row.p50, row.p90, row.p99, row.p999, row.records
            );
        }
        let _ = writeln!(
            text,
            "\n{:>9}  {:<12} {:>12} {:>9} {:>8}",
            "events/s", "stage", "transactions", "ms each", "CPU-s"
        );
        for row in &self.work {
            let _ = writeln!(
                text,
                "{:>9}  {:<12} {:>12} {:>9.1} {:>8.2}",
                row.rate, row.stage, row.transactions, row.milliseconds_each, row.cpu_seconds
            );
        }
        text
    }

    fn render_peers(&self, text: &mut String) {
        if self.peers.is_empty() {
            return;
        }
        let _ = writeln!(
            text,
            "\n{:<38} {:>10} {:>10} {:>16} {:>16} {:>12} {:>14} {:>9}",
            "other engines, an update per event",
            "records",
            "updates",
            "records/CPU-s",
            "from start-up",
            "records/s",
            "broker CPU-s",
            "peak MiB"
        );
        for row in &self.peers {
            let records = row.records as f64;
            let _ = writeln!(
                text,
                "{:<38} {:>10} {:>10} {:>16.0} {:>16.0} {:>12.0} {:>14.1} {:>9.0}",
                row.engine,
                row.records,
                row.updates,
                row.steady_records_per_cpu_second,
                records / row.cpu_seconds,
                records / row.wall_seconds,
                row.broker_cpu_seconds,
                row.resident_mib
            );
        }
    }
}
