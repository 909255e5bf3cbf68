//! The names of topics, and the lane that a prefix makes of them.

use crate::Text;

/// Raw web events, as sites send them.
pub const WEB_EVENTS_RAW: &str = "web.events.raw";
/// What became of offers, as the chat engine reports it.
pub const ENGAGEMENT_EVENTS_RAW: &str = "engagement.events.raw";
/// Validated events by visitor.
pub const WEB_EVENTS: &str = "web.events";
/// Personal data that visitors submitted.
pub const VISITORS: &str = "journey.visitors";
/// How much came in, by deployment and minute, and what became of it.
pub const ACCOUNTS: &str = "ingest.accounts";
/// What happens to visits.
pub const VISITS: &str = "journey.visits";
/// Segments, outcomes, action maps, deployments, route paths.
pub const DEFINITIONS: &str = "journey.definitions";
/// The organisation-wide stream.
pub const JOURNEY_EVENTS: &str = "journey.events";
/// For the chat engine.
pub const OFFERS: &str = "journey.offers";
/// One signal per fact that moves demand.
pub const DEMAND: &str = "journey.demand";
/// For WFM: the last revision of every interval.
pub const STAFFING: &str = "journey.staffing";
/// For WFM: every revision.
pub const STAFFING_REVISIONS: &str = "journey.staffing.revisions";
/// Who wrote what with the tool.
pub const AUDIT: &str = "journey.audit";

/// A whole pipeline's names: the prefix that its topics, groups and transactional ids carry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lane {
    prefix: Text,
}

impl Lane {
    /// The lane with this `--topic-prefix` (empty: the main lane).
    pub fn new(prefix: &str) -> Lane {
        Lane {
            prefix: Text::from(prefix),
        }
    }

    /// A topic's full name in this lane.
    pub fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The prefix itself.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The name without this lane's prefix, as contracts write it; a name of another lane stays whole.
    pub fn bare<'a>(&self, topic: &'a str) -> &'a str {
        topic.strip_prefix(self.prefix.as_str()).unwrap_or(topic)
    }
}

/// Where the dead letters of an input topic go.
pub fn dead_letter(input: &str) -> String {
    format!("{input}.dead-letter")
}

/// Where the state that `stage` keeps of `input` lies: co-partitioned with `input`, one changelog partition a task.
pub fn changelog(input: &str, stage: &str) -> String {
    format!("{input}.{stage}.changelog")
}
