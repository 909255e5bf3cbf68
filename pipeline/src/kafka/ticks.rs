//! Ticks: a record with neither key nor value, into every raw partition that we own and find empty, so that its append time
//! moves on with no traffic. Losing or doubling one changes nothing.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, BaseRecord, Producer},
};

use crate::log::{LogError, TaskId};

/// A partition is silent when nothing came for so long.
const SILENCE: Duration = Duration::from_millis(200);
/// Silent for so long it is ticked whatever its watermark says: control records at its end are never delivered.
const LONG_SILENCE: Duration = Duration::from_secs(1);

/// Ticks the partitions that this worker owns.
pub(super) struct Ticker {
    producer: BaseProducer,
    quiet_since: BTreeMap<TaskId, (Instant, Instant)>,
    looked_at: Instant,
}

impl Ticker {
    pub(super) fn open(config: &ClientConfig) -> Result<Ticker, LogError> {
        let producer = config
            .create()
            .map_err(|e| LogError::new(format!("no producer for ticks: {e}")))?;
        Ok(Ticker {
            producer,
            quiet_since: BTreeMap::new(),
            looked_at: Instant::now(),
        })
    }

    /// These partitions are ours now, and no others.
    pub(super) fn own(&mut self, tasks: impl Iterator<Item = TaskId>) {
        let now = Instant::now();
        self.quiet_since = tasks.map(|task| (task, (now, now))).collect();
    }

    /// A record came.
    pub(super) fn delivered(&mut self, task: TaskId) {
        let now = Instant::now();
        self.quiet_since.insert(task, (now, now));
    }

    /// Ticks what is silent. `is_drained` says whether everything that is there has been delivered.
    pub(super) fn tick(
        &mut self,
        topic: impl Fn(TaskId) -> String,
        is_drained: impl Fn(TaskId) -> bool,
    ) {
        let now = Instant::now();
        if now - self.looked_at < SILENCE / 4 {
            return;
        }
        self.looked_at = now;
        for (task, (delivered, ticked)) in &mut self.quiet_since {
            let silent =
                now - *ticked >= SILENCE && (is_drained(*task) || now - *delivered >= LONG_SILENCE);
            if !silent {
                continue;
            }
            let name = topic(*task);
            let tick: BaseRecord<'_, [u8], [u8]> =
                BaseRecord::to(&name).partition(task.partition as i32);
            if self.producer.in_flight_count() < 1_000 && self.producer.send(tick).is_ok() {
                *ticked = now;
            }
        }
        self.take_reports();
    }

    /// Takes in every delivery report that is there: one poll takes one, and there is one for each partition and tick.
    fn take_reports(&self) {
        let mut left = i32::MAX;
        while self.producer.in_flight_count() < left {
            left = self.producer.in_flight_count();
            self.producer.poll(Duration::ZERO);
        }
    }
}
