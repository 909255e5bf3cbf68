//! A simulated web shop and chat engine: traffic that looks real and bites, the same for the same seed.
//!
//! Pure: no clock, no I/O. Time is the simulation's: [`Shop`] is an iterator over what its visitors send, in order of
//! sending time, each event with the [`Truth`] that an oracle needs; [`ChatEngine`] answers offers; [`LoadGenerator`]
//! gives endless events at any speed.
//!
//! Two rules make the truth exact. A sender stamps `sentDate` when it sends, and [`Sent::send_at`] is that very moment
//! by the true clock; events without `sentDate` arrive within an hour. So a reader whose receive time is `send_at` finds
//! `occurred_at` to the millisecond, whatever the visitor's clock says.

mod agents;
mod bite;
mod browse;
mod chat;
mod config;
mod load;
mod random;
mod site;
mod tally;
mod visitor;
mod wire;

#[cfg(test)]
mod tests;

use std::{cmp::Reverse, collections::BinaryHeap};

use journey::{Text, Timestamp};

pub use chat::{ChatConfig, ChatEngine, OfferSeen};
pub use config::{Rates, ShopConfig};
pub use load::LoadGenerator;
pub use site::{Site, SiteKind};
pub use tally::Tally;

use visitor::{Planned, Visitor};

/// The raw topic that something is sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Raw {
    /// `web.events.raw`.
    Web,
    /// `engagement.events.raw`.
    Engagement,
}

impl Raw {
    /// The topic's name, without a lane's prefix.
    pub fn topic(self) -> &'static str {
        match self {
            Raw::Web => journey::topics::WEB_EVENTS_RAW,
            Raw::Engagement => journey::topics::ENGAGEMENT_EVENTS_RAW,
        }
    }
}

/// Something that is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// When, by the true clock.
    pub send_at: Timestamp,
    /// Where to.
    pub topic: Raw,
    /// The record's key; some senders have none.
    pub key: Option<String>,
    /// The record's value; of a broken event it may not be JSON.
    pub json: String,
    /// Of a web event: what really happened.
    pub truth: Option<Truth>,
}

/// What really happened, and what must become of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// The deployment, as the event names it.
    pub deployment_id: Text,
    /// The visitor's cookie at this deployment.
    pub cookie: Text,
    /// The sender's id of the event.
    pub event_id: String,
    /// When it happened, by the true clock.
    pub occurred_at: Timestamp,
    /// The `eventName`.
    pub event_name: &'static str,
    /// The page's path.
    pub pathname: String,
    /// What must become of it, under the demo's definitions.
    pub fate: Fate,
}

impl Truth {
    /// A heartbeat: presence, not counted as an event.
    pub fn is_ping(&self) -> bool {
        self.event_name == journey::web_event::PING
    }
}

/// What must become of an event. Reasons are those of `ingest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// Into a visit.
    Joins,
    /// Into a visit that is still open, marked late: it arrives far beyond the grace.
    JoinsLate,
    /// Dead-lettered as `late`: beyond the grace, and its visit ended long ago.
    Late,
    /// Suppressed: the same `eventId` was sent before.
    Duplicate,
    /// A control record: consent is withdrawn, what is known is forgotten.
    Withdraws,
    /// Suppressed by ingest.
    Suppressed(&'static str),
    /// Dead-lettered by ingest.
    DeadLettered(&'static str),
}

impl Fate {
    /// Whether a batch sessionization counts it.
    pub fn joins(self) -> bool {
        matches!(self, Fate::Joins | Fate::JoinsLate)
    }
}

/// A simulated web shop with its visitors: an iterator over what they send, in order of sending time.
///
/// No visit starts after `start + duration`, but what is under way is finished: the last events come some hours later.
#[derive(Debug)]
pub struct Shop {
    config: ShopConfig,
    /// Who comes when, the next one last.
    arrivals: Vec<(Timestamp, u32)>,
    /// Who is here, by place in `pending`.
    visitors: std::collections::BTreeMap<u32, (Visitor, usize)>,
    pending: BinaryHeap<Reverse<Pending>>,
    tally: Tally,
}

/// A planned event in order of sending.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pending {
    send_at: Timestamp,
    visitor: u32,
    planned: Planned,
}

impl Shop {
    /// The shop of a configuration: the same configuration sends the same bytes.
    pub fn new(config: ShopConfig) -> Shop {
        let mut arrivals: Vec<_> = (0..config.visitors)
            .map(|index| (visitor::arrival(&config, index), index))
            .collect();
        arrivals.sort_unstable_by(|a, b| b.cmp(a));
        Shop {
            config,
            arrivals,
            visitors: Default::default(),
            pending: BinaryHeap::new(),
            tally: Tally::default(),
        }
    }

    /// When the next event is sent; `None` when there is none any more.
    pub fn next_send_at(&mut self) -> Option<Timestamp> {
        self.welcome();
        self.pending.peek().map(|next| next.0.send_at)
    }

    /// What was made so far; all of it once the iterator has ended.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The configuration.
    pub fn config(&self) -> &ShopConfig {
        &self.config
    }

    /// Plans the day of every visitor who may be the next to send.
    fn welcome(&mut self) {
        while let Some(&(arrival, index)) = self.arrivals.last() {
            if self
                .pending
                .peek()
                .is_some_and(|next| next.0.send_at < arrival)
            {
                return;
            }
            self.arrivals.pop();
            let (visitor, plan) = visitor::plan(&self.config, index, arrival);
            self.tally.count_plan(&self.config, &plan);
            self.visitors.insert(index, (visitor, plan.len()));
            let pending = plan.into_iter().map(|planned| Pending {
                send_at: planned.send_at,
                visitor: index,
                planned,
            });
            self.pending.extend(pending.map(Reverse));
        }
    }
}

impl Iterator for Shop {
    type Item = Sent;

    fn next(&mut self) -> Option<Sent> {
        self.welcome();
        let Reverse(Pending {
            visitor: index,
            planned,
            ..
        }) = self.pending.pop()?;
        let (visitor, left) = self.visitors.get_mut(&index)?;
        let sent = wire::render(visitor, &planned);
        *left -= 1;
        if *left == 0 {
            self.visitors.remove(&index);
        }
        Some(sent)
    }
}
