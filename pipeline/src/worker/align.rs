//! Sources of time that run ahead wait for the slowest: after an outage of one raw partition what was received at one time is
//! read at about one time, and not an hour of it beside another.

use std::{collections::BTreeSet, time::Duration};

use journey::{Millis, Timestamp};

use super::{Worker, writes_marks};
use crate::{
    log::{Log, LogError, TaskId},
    processor::Stage,
};

/// So much a source may be ahead of the slowest that has a backlog.
const AHEAD: Millis = Millis(60_000);
/// A slowest that stands still for so long holds nobody: its broker may be gone, and the others' events are of use now.
const STANDS: Duration = Duration::from_secs(5);

/// Who waits, and for whom.
#[derive(Debug, Default)]
pub(super) struct Alignment {
    waiting: BTreeSet<TaskId>,
    slowest: Option<Slowest>,
}

#[derive(Clone, Copy, Debug)]
struct Slowest {
    reached: (TaskId, Timestamp),
    since: Duration,
}

impl Alignment {
    /// The sources that are to wait now. Asks for a backlog only where somebody is behind.
    fn ahead(
        &mut self,
        reached: &[(TaskId, Timestamp)],
        has_backlog: impl Fn(TaskId) -> bool,
        now: Duration,
    ) -> BTreeSet<TaskId> {
        let foremost = reached.iter().map(|(_, at)| *at).max();
        let behind = reached.iter().filter(|(task, at)| {
            foremost.is_some_and(|foremost| foremost - *at > AHEAD) && has_backlog(*task)
        });
        let slowest = behind.min_by_key(|(task, at)| (*at, *task)).copied();
        self.slowest = slowest.map(|reached| {
            let before = self.slowest.filter(|before| before.reached == reached);
            before.unwrap_or(Slowest {
                reached,
                since: now,
            })
        });
        let moving = self
            .slowest
            .filter(|slowest| now.saturating_sub(slowest.since) < STANDS);
        let Some(slowest) = moving else {
            return BTreeSet::new();
        };
        let ahead = |at: &Timestamp| *at - slowest.reached.1 > AHEAD;
        let ahead = reached.iter().filter(|(_, at)| ahead(at));
        ahead.map(|(task, _)| *task).collect()
    }

    /// All tasks are let go: who gets them begins anew.
    pub(super) fn clear(&mut self) {
        *self = Alignment::default();
    }
}

impl<S: Stage, L: Log> Worker<S, L> {
    /// Holds the sources that are too far ahead, and lets go those that no longer are. Only where time is the broker's do tasks
    /// stand at different times; there none is ever in the middle of a mark, for which others are held.
    pub(super) fn align(&mut self, now: Duration) -> Result<(), LogError> {
        if !self.aligns || !writes_marks::<S>() {
            return Ok(());
        }
        let reached: Vec<(TaskId, Timestamp)> = self
            .frontiers()
            .filter(|(_, at)| *at > Timestamp::MIN)
            .collect();
        let log = &self.log;
        let ahead = self
            .alignment
            .ahead(&reached, |task| log.has_backlog(task), now);
        for task in self.alignment.waiting.difference(&ahead) {
            self.log.hold(*task, false)?;
        }
        for task in ahead.difference(&self.alignment.waiting) {
            self.log.hold(*task, true)?;
        }
        self.alignment.waiting = ahead;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn task(partition: u32) -> TaskId {
        TaskId {
            input: 0,
            partition,
        }
    }

    fn at(seconds: [i64; 3]) -> Vec<(TaskId, Timestamp)> {
        let tasks = (0..).map(task);
        let seconds = seconds.iter().map(|s| Timestamp(s * 1_000));
        tasks.zip(seconds).collect()
    }

    #[test]
    fn who_is_more_than_a_minute_ahead_of_the_slowest_waits_while_that_one_comes_on() {
        let mut alignment = Alignment::default();
        let mut ahead = |seconds| alignment.ahead(&at(seconds), |_| true, SECOND);
        assert_eq!(ahead([1_000, 1_060, 1_061]), BTreeSet::from([task(2)]));
        assert_eq!(ahead([1_001, 1_060, 1_061]), BTreeSet::new());
        assert_eq!(
            ahead([5_000, 1_060, 1_121]),
            BTreeSet::from([task(0), task(2)])
        );
    }

    #[test]
    fn nobody_waits_for_a_source_that_has_nothing_more() {
        let mut alignment = Alignment::default();
        let silent = |of: TaskId| of != task(0);
        let ahead = alignment.ahead(&at([0, 1_000, 1_100]), silent, SECOND);
        assert_eq!(
            ahead,
            BTreeSet::from([task(2)]),
            "of the others, for the slower"
        );
        let ahead = alignment.ahead(&at([0, 1_000, 1_050]), silent, SECOND);
        assert_eq!(ahead, BTreeSet::new());
    }

    #[test]
    fn a_slowest_that_stands_still_holds_nobody_until_it_moves() {
        let mut alignment = Alignment::default();
        let mut ahead = |slowest, now| {
            let reached = at([slowest, 1_000, 1_000]);
            alignment.ahead(&reached, |_| true, SECOND * now).len()
        };
        assert_eq!((ahead(10, 1), ahead(10, 5)), (2, 2));
        assert_eq!((ahead(10, 6), ahead(10, 60)), (0, 0));
        assert_eq!((ahead(11, 61), ahead(11, 66)), (2, 0));
    }
}
