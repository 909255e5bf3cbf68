//! One signal per fact that moves demand, on `journey.demand` (internal).

use crate::{RoutePathId, Text, Timestamp, journey_event::Versioned};

/// The `field` of a [`DemandSignal`]: which count of the interval it moves.
pub mod field {
    /// A visit's first qualification for the route path in the interval.
    pub const VISITS_ACTIVE: &str = "visitsActive";
    /// A visitor met an action map's trigger.
    pub const QUALIFIED: &str = "qualified";
    /// An invitation was sent.
    pub const INVITATIONS_OFFERED: &str = "invitationsOffered";
    /// The visitor said yes.
    pub const INVITATIONS_ACCEPTED: &str = "invitationsAccepted";
    /// The visitor said no.
    pub const INVITATIONS_REJECTED: &str = "invitationsRejected";
    /// The visitor said nothing in time.
    pub const INVITATIONS_TIMED_OUT: &str = "invitationsTimedOut";
    /// The visitor closed it without an answer.
    pub const INVITATIONS_IGNORED: &str = "invitationsIgnored";
    /// It could not be shown.
    pub const INVITATIONS_ERRORED: &str = "invitationsErrored";
    /// An offer was due and not made; `reason` says why.
    pub const BLOCKED: &str = "blocked";
    /// A conversation was created: what WFM calls Offered.
    pub const INTERACTIONS_OFFERED: &str = "interactionsOffered";
    /// An agent joined.
    pub const INTERACTIONS_ANSWERED: &str = "interactionsAnswered";
    /// The visitor left before an agent joined.
    pub const INTERACTIONS_ABANDONED: &str = "interactionsAbandoned";
    /// A conversation was finished.
    pub const INTERACTIONS_HANDLED: &str = "interactionsHandled";
    /// Seconds of finished conversations.
    pub const TOTAL_HANDLE_TIME_SECONDS: &str = "totalHandleTimeSeconds";
    /// Nobody said what became of a conversation.
    pub const INTERACTIONS_UNRESOLVED: &str = "interactionsUnresolved";
}

/// One fact that moves demand. Key: `route_path_id`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DemandSignal {
    /// Deterministic: an idempotency key.
    pub id: Text,
    /// Whose queue.
    pub route_path_id: RoutePathId,
    /// The 15-minute interval (UTC) that the fact counts in.
    pub interval_start: Timestamp,
    /// The action map behind it.
    pub action_map: Versioned,
    /// Which count: see [`field`].
    pub field: Text,
    /// Of `blocked`: why.
    pub reason: Option<Text>,
    /// By how much: negative where a later fact takes an earlier one back.
    pub delta: i64,
    /// When the fact happened.
    pub time: Timestamp,
    /// Arrival of the fact.
    pub received_date: Timestamp,
}
