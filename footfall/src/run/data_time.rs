//! The data's own time: it begins with the first line that says when it was sent, only goes on, and ticks as it does.
//!
//! Ticks lie on whole steps from the last event on. Those at which nothing can happen are left out, so that a gap of months
//! takes as many as there are deadlines in it; what comes out is the same.

use std::sync::Arc;

use journey::{Millis, Timestamp, definitions::DefinitionSet, staffing::INTERVAL};
use pipeline::log::LogError;

use crate::chain::Chain;

/// How far apart ticks are.
const TICK: Millis = Millis::from_secs(10);
/// How long after the last event time goes on: past every timeout, cap and grace.
const CLOSING: Millis = Millis::from_mins(26 * 60);
/// Staffing intervals begin whoever comes. Once nobody can be there any more, those of a longer gap are told for so long before
/// its end: as many as a frontier enters at once.
const INTERVALS: Millis = staffing::interval::KEPT_FOR;

#[derive(Debug)]
pub(super) struct DataTime {
    now: Option<Timestamp>,
    /// There are route paths.
    has_intervals: bool,
}

impl DataTime {
    /// Not begun, over these definitions.
    pub(super) fn new(sets: &[Arc<DefinitionSet>]) -> DataTime {
        DataTime {
            now: None,
            has_intervals: sets.iter().any(|set| !set.route_paths.is_empty()),
        }
    }

    /// 1970 until it has begun.
    pub(super) fn now(&self) -> Timestamp {
        self.now.unwrap_or_default()
    }

    /// Goes on to `to`, or stays where it is. Whether it has begun.
    pub(super) fn advance(
        &mut self,
        chain: &mut Chain,
        to: Option<Timestamp>,
    ) -> Result<bool, LogError> {
        let Some(mut now) = self.now else {
            if let Some(to) = to {
                chain.tick(to);
            }
            self.now = to;
            return Ok(to.is_some());
        };
        let to = to.unwrap_or(now).max(now);
        // What has been sent since the last tick comes in with the next: only then is it known what waits for what.
        let mut next = Some(now + TICK).filter(|tick| *tick <= to);
        while let Some(tick) = next {
            now = tick;
            chain.tick(now);
            chain.settle(now)?;
            next = self.next_tick(now, to, chain);
        }
        self.now = Some(to);
        Ok(true)
    }

    /// The first step on the way that passes something, else the last one.
    fn next_tick(&self, now: Timestamp, to: Timestamp, chain: &Chain) -> Option<Timestamp> {
        let steps = (to - now).0 / TICK.0;
        if steps == 0 {
            return None;
        }
        let leap = (to - INTERVALS - now).0 / TICK.0;
        if self.has_intervals && leap > 1 && now > self.now() + CLOSING {
            return Some(now + Millis(leap * TICK.0));
        }
        let interval = self
            .has_intervals
            .then(|| (now + Millis(INTERVAL.0 - 1)).floor(INTERVAL));
        let first = chain.next_deadline().into_iter().chain(interval).min();
        let passing = first.map_or(steps, |first| (first.max(now) - now).0 / TICK.0 + 1);
        Some(now + Millis(passing.min(steps) * TICK.0))
    }

    /// Goes on until every visit has ended.
    pub(super) fn close(&mut self, chain: &mut Chain) -> Result<(), LogError> {
        let mut now = self.now();
        let end = now + CLOSING;
        chain.tick(now);
        chain.settle(now)?;
        while now < end {
            now = now + Millis::from_mins(15);
            chain.tick(now);
            chain.settle(now)?;
        }
        self.now = Some(now);
        Ok(())
    }
}
