//! What is looked after beside the records: ticks, lag, the broker's clock.

use std::time::Instant;

use journey::Timestamp;

use super::{CLOCK_AHEAD, KafkaLog, LAG_EVERY};
use crate::{
    kafka::{native, settings::wall_clock},
    log::{LogError, TaskId},
};

impl KafkaLog {
    /// Ticks, lag, and the check of the broker's clock: whenever there is nothing else to do.
    pub(super) fn housekeep(&mut self) {
        let Self {
            consumer,
            names,
            tasks,
            ticker,
            ..
        } = self;
        if let Some(ticker) = ticker {
            let is_drained = |task: TaskId| {
                let high = native::cached_high_watermark(
                    consumer,
                    &names.inputs[task.input],
                    task.partition as i32,
                );
                high.is_some_and(|high| {
                    tasks
                        .get(&task)
                        .is_some_and(|owned| owned.next_offset >= high)
                })
            };
            ticker.tick(|task| names.inputs[task.input].clone(), is_drained);
        }
    }

    pub(super) fn observe_lag(&mut self) {
        if self.lag_at.elapsed() < LAG_EVERY {
            return;
        }
        self.lag_at = Instant::now();
        let now = wall_clock();
        for (task, owned) in &self.tasks {
            let topic = &self.names.inputs[task.input];
            let high = native::cached_high_watermark(&self.consumer, topic, task.partition as i32);
            let behind = high.map_or(0, |high| (high - owned.next_offset).max(0));
            let age = if behind > 1 && owned.appended_at != Timestamp::MIN {
                (now - owned.appended_at).0.max(0)
            } else {
                0
            };
            self.metrics.lag(
                self.topology.inputs[task.input],
                task.partition,
                behind,
                age as f64 / 1000.0,
            );
        }
    }

    pub(super) fn check_clock(&self, appended_at: Timestamp) -> Result<(), LogError> {
        if self.ticker.is_none() || (appended_at - wall_clock()).0 <= CLOCK_AHEAD {
            return Ok(());
        }
        Err(LogError::new(format!(
            "the broker stamps records {} s ahead of this machine's clock: set both clocks (NTP) before going on, or a visit \
             may end too early. For a backfill lane use --no-ticks",
            (appended_at - wall_clock()).as_secs()
        )))
    }
}
