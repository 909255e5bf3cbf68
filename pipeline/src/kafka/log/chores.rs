//! What is looked after beside the records: ticks, lag, the broker's clock.

use std::time::{Duration, Instant};

use journey::Timestamp;

use super::{CLOCK_AHEAD, KafkaLog};
use crate::{
    kafka::{native, settings::wall_clock},
    log::{LogError, TaskId},
};

/// How often lag is looked at.
const LAG_EVERY: Duration = Duration::from_secs(1);
/// Records after which chores are done, though more are there: a backlog in one partition must not make the others wait.
const RECORDS: u32 = 256;

/// When to do what is to be done beside the records.
#[derive(Debug, Default)]
pub(super) struct Chores {
    records: u32,
    lag_at: Option<Instant>,
}

impl Chores {
    /// A record came. Reads no clock.
    pub(super) fn are_due_after_a_record(&mut self) -> bool {
        self.records += 1;
        self.records >= RECORDS
    }
}

impl KafkaLog {
    /// Whenever nothing came, and now and then though something did.
    pub(super) fn do_chores(&mut self) {
        self.chores.records = 0;
        self.observe_restore();
        if self
            .chores
            .lag_at
            .is_none_or(|at| at.elapsed() >= LAG_EVERY)
        {
            self.chores.lag_at = Some(Instant::now());
            self.observe_lag();
        }
        self.tick();
    }

    /// Whether all of a partition has been handed out that its broker is known to hold; `None` while nothing is known.
    pub(super) fn is_drained(&self, task: TaskId) -> Option<bool> {
        let topic = &self.names.inputs[task.input];
        let partition = task.partition as i32;
        let high = native::cached_high_watermark(&self.consumer, topic, partition)?;
        Some(self.tasks.get(&task)?.next_offset >= high)
    }

    /// Ticks the silent partitions.
    fn tick(&mut self) {
        let Some(mut ticker) = self.ticker.take() else {
            return;
        };
        let topic = |task: TaskId| self.names.inputs[task.input].clone();
        ticker.tick(topic, |task| self.is_drained(task) == Some(true));
        self.ticker = Some(ticker);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backlog_that_never_drains_leaves_time_for_chores() {
        let mut chores = Chores::default();
        let due = (0..1_000).filter(|_| {
            let due = chores.are_due_after_a_record();
            if due {
                chores.records = 0;
            }
            due
        });
        assert_eq!(due.count(), 3);
    }
}
