//! Which tasks' states go into a commit, and for how long the others' have not.

use std::time::Duration;

use super::Worker;
use crate::{
    log::{Log, TaskPosition},
    pace::Pace,
    processor::Stage,
};

impl<S: Stage, L: Log> Worker<S, L> {
    /// Shows the tasks as they stand after a commit.
    pub(super) fn observe(&mut self, now: Duration) {
        for (id, task) in &mut self.tasks {
            self.metrics.observe(task);
            let captured = self.captured.get(id).filter(|_| task.is_uncaptured());
            let age = captured.map_or(Duration::ZERO, |(at, _)| now.saturating_sub(*at));
            let topic = S::TOPOLOGY.inputs[id.input];
            self.metrics.uncaptured(topic, id.partition, age);
        }
    }

    /// How far each task has come; with the states of those whose turn it is. One at a time: a transaction that holds them is
    /// a long one.
    pub(super) fn capture(&mut self, now: Duration) -> Vec<TaskPosition> {
        let Pace {
            state_age,
            state_records,
            ..
        } = self.pacing.pace();
        for task in self.tasks.keys() {
            self.captured.entry(*task).or_insert((now, 0)).1 += self.pacing.taken();
        }
        let captured = &self.captured;
        let tasks = self.tasks.iter();
        let oldest = tasks
            .filter(|(id, task)| {
                let (at, records) = captured.get(id).copied().unwrap_or_default();
                // Timers change states too, and all of them go into one transaction.
                let count = records.max(task.uncaptured_states());
                now.saturating_sub(at) >= state_age || count >= state_records
            })
            .min_by_key(|(id, _)| captured.get(id).map(|(at, _)| *at))
            .map(|(id, _)| *id);
        let all = self.is_closing || state_age.is_zero();
        let mut positions = Vec::with_capacity(self.tasks.len());
        for (id, task) in &mut self.tasks {
            let position =
                task.capture(all || Some(*id) == oldest, &mut self.batch, &self.addresses);
            if position.task_record.is_some() || Some(*id) == oldest {
                self.captured.insert(*id, (now, 0));
            }
            positions.push(position);
        }
        positions
    }
}
