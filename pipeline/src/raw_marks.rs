//! The marks of a worker that reads raw topics: one for all its tasks, whose time is the broker's.

use std::collections::BTreeMap;

use journey::{Millis, TimeMark, Timestamp};

use crate::{log::TaskId, outbox::Addresses};

/// What this worker's marks have claimed.
#[derive(Debug, Default)]
pub(crate) struct RawMarks {
    grace: Millis,
    claimed: BTreeMap<TaskId, Timestamp>,
}

impl RawMarks {
    /// Marks that carry this grace.
    pub(crate) fn new(grace: Millis) -> RawMarks {
        RawMarks {
            grace,
            claimed: BTreeMap::new(),
        }
    }

    /// The tasks are somebody else's.
    pub(crate) fn clear(&mut self) {
        self.claimed.clear();
    }

    /// Whether a task's time has risen since the last mark.
    pub(crate) fn is_behind(&self, (task, frontier): (TaskId, Timestamp)) -> bool {
        let claimed = self.claimed.get(&task).copied();
        frontier > claimed.unwrap_or(Timestamp::MIN)
    }

    /// Claims, for the transaction that passes it on, all that these tasks have read.
    pub(crate) fn mark(
        &mut self,
        frontiers: impl Iterator<Item = (TaskId, Timestamp)>,
        addresses: &Addresses,
    ) -> TimeMark {
        let inputs = addresses.topology.inputs;
        let known: Vec<_> = frontiers.filter(|(_, at)| *at > Timestamp::MIN).collect();
        let mark = TimeMark {
            grace: self.grace,
            sources: known
                .iter()
                .map(|(id, at)| (inputs[id.input].into(), id.partition, *at))
                .collect(),
            of: inputs
                .iter()
                .zip(&addresses.input_partitions)
                .map(|(name, count)| ((*name).into(), *count))
                .collect(),
            passed: None,
        };
        self.claimed.extend(known);
        mark
    }
}
