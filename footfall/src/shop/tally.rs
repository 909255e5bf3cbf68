//! How many of each thing the shop made.

use std::fmt;

use journey::Millis;

use super::{
    Fate, ShopConfig,
    visitor::{Act, Planned},
};

/// How many of each thing the shop made, counted from what its visitors did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Visitors who came.
    pub visitors: u64,
    /// Everything that is sent.
    pub events: u64,
    /// Heartbeats among them.
    pub pings: u64,
    /// Events that join a visit in time.
    pub joins: u64,
    /// Events that join two visits into one.
    pub merges: u64,
    /// Events beyond the grace whose visit has ended.
    pub late: u64,
    /// Events beyond the grace whose visit is still open.
    pub late_joins: u64,
    /// Second copies of an event.
    pub duplicates: u64,
    /// Pairs of events exactly the visit timeout apart, nothing between them.
    pub at_timeout: u64,
    /// Pairs of events one millisecond further apart.
    pub past_timeout: u64,
    /// Events after more than a minute of silence, but within the timeout.
    pub returns_after_away: u64,
    /// Events sent after one that happened later.
    pub out_of_order: u64,
    /// Withdrawals of consent.
    pub withdrawals: u64,
    /// Suppressed by ingest: consent, Global Privacy Control, page class.
    pub suppressed: u64,
    /// Dead-lettered by ingest: broken, or of an unknown deployment.
    pub dead_lettered: u64,
}

impl Tally {
    /// Each count with its name, in order.
    pub fn counts(&self) -> [(&'static str, u64); 15] {
        [
            ("visitors", self.visitors),
            ("events", self.events),
            ("pings", self.pings),
            ("joins", self.joins),
            ("merges", self.merges),
            ("late", self.late),
            ("late joins", self.late_joins),
            ("duplicates", self.duplicates),
            ("at timeout", self.at_timeout),
            ("past timeout", self.past_timeout),
            ("returns after away", self.returns_after_away),
            ("out of order", self.out_of_order),
            ("withdrawals", self.withdrawals),
            ("suppressed", self.suppressed),
            ("dead-lettered", self.dead_lettered),
        ]
    }

    /// Counts all that one visitor does.
    pub(crate) fn count_plan(&mut self, config: &ShopConfig, plan: &[Planned]) {
        self.visitors += 1;
        for planned in plan {
            self.events += 1;
            self.pings += u64::from(planned.act == Act::Ping);
            self.merges += u64::from(planned.joins_two);
            *self.fate(planned.fate) += 1;
        }
        let mut joining: Vec<&Planned> =
            plan.iter().filter(|planned| planned.fate.joins()).collect();
        joining.sort_unstable_by_key(|planned| (planned.occurred_at, planned.number));
        for pair in joining.windows(2) {
            self.count_gap(config, pair[1].occurred_at - pair[0].occurred_at);
        }
        joining.sort_unstable_by_key(|planned| planned.send_at);
        let mut newest = None;
        for planned in joining {
            self.out_of_order += u64::from(Some(planned.occurred_at) < newest);
            newest = newest.max(Some(planned.occurred_at));
        }
    }

    fn count_gap(&mut self, config: &ShopConfig, gap: Millis) {
        let timeout = config.visit_timeout;
        self.at_timeout += u64::from(gap == timeout);
        self.past_timeout += u64::from(gap.0 == timeout.0 + 1);
        self.returns_after_away += u64::from(gap > Millis::from_mins(1) && gap <= timeout);
    }

    fn fate(&mut self, fate: Fate) -> &mut u64 {
        match fate {
            Fate::Joins => &mut self.joins,
            Fate::JoinsLate => &mut self.late_joins,
            Fate::Late => &mut self.late,
            Fate::Duplicate => &mut self.duplicates,
            Fate::Withdraws => &mut self.withdrawals,
            Fate::Suppressed(_) => &mut self.suppressed,
            Fate::DeadLettered(_) => &mut self.dead_lettered,
        }
    }
}

impl fmt::Display for Tally {
    /// One count a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, count) in self.counts() {
            writeln!(f, "{name:<20}{count:>12}")?;
        }
        Ok(())
    }
}
