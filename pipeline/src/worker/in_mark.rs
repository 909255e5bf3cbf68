//! Marks that do not fit into one transaction. Between two of its transactions the loop is where it always is: it hears of
//! a stop and of a rebalance, says that it lives, and takes other tasks' records. The task's own wait.

use std::time::Duration;

use super::Worker;
use crate::{
    kafka::failpoint,
    log::{Log, LogError, TaskId},
    processor::Stage,
    task::Taken,
};

impl<S: Stage, L: Log> Worker<S, L> {
    /// A mark came that has timers to fire: as many as the batch holds. If some are left, the task's records wait.
    pub(super) fn begin_mark(&mut self, id: TaskId) -> Result<(), LogError> {
        if self.fire(id) {
            self.log.hold(id, true)?;
            self.in_mark.insert(id);
        }
        Ok(())
    }

    /// Goes on with the marks that are half done, for one transaction at the most.
    pub(super) fn go_on(&mut self, now: Duration) -> Result<(), LogError> {
        for id in self.in_mark.clone() {
            if !self.fire(id) {
                self.in_mark.remove(&id);
                self.log.hold(id, false)?;
            }
        }
        if self.in_mark.is_empty() {
            return Ok(());
        }
        self.commit(now)
    }

    /// Fires a task's timers until none is due or the batch is full. Says whether some may be left.
    fn fire(&mut self, id: TaskId) -> bool {
        let Self {
            tasks,
            batch,
            addresses,
            pacing,
            ..
        } = self;
        let pace = pacing.pace();
        let Some(task) = tasks.get_mut(&id) else {
            return false;
        };
        task.go_on(batch, addresses, |batch| pace.is_over(batch)) == Taken::HalfDone
    }

    pub(super) fn reach_failpoint(&self) {
        if !self.in_mark.is_empty() {
            failpoint::reach("mid_mark");
        }
    }
}
