//! For WFM: demand per route path and interval, on `journey.staffing` (`contracts.md` §3).

use crate::{Millis, RoutePathId, Text, Timestamp};

/// The length of a staffing interval.
pub const INTERVAL: Millis = Millis::from_mins(15);

/// The `status` of a [`StaffingInterval`].
pub mod status {
    /// The watermark has not passed the interval's end.
    pub const PROVISIONAL: &str = "provisional";
    /// The watermark has passed it.
    pub const FINAL: &str = "final";
    /// A fact came after `final`.
    pub const CORRECTED: &str = "corrected";
}

/// One record of `journey.staffing`. Key: `<routePathId>|<intervalStart>`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StaffingInterval {
    /// Whose queue.
    pub route_path_id: RoutePathId,
    /// UTC.
    pub interval_start: Timestamp,
    /// 900.
    pub interval_seconds: i32,
    /// The route path, for consumers without the definitions.
    pub route_path: RoutePathSummary,
    /// See [`status`].
    pub status: Text,
    /// Rises with every change.
    pub revision: i32,
    /// The frontier at this revision.
    pub revised_date: Timestamp,
    /// The watermark at this revision.
    pub watermark: Timestamp,
    /// Of `corrected`: `late_report`, `backfill` or `import`.
    pub cause: Option<Text>,
    /// The fields that changed since the last revision.
    pub changed: Vec<Text>,
    /// `live`, `import` or `backfill`.
    pub source: Text,
    /// Share of sources whose frontier has passed the interval: "0 chats" differs from "blind".
    pub completeness: f64,
    /// `increment`: what proactive offers add to the forecast.
    pub basis: Text,
    /// What happened.
    pub actual: Actual,
    /// What is expected. Absent until the forecast is built.
    pub forecast: Option<Forecast>,
    /// What was expected, frozen at −60, −45, −30, −15 and 0 minutes.
    pub forecast_history: Vec<FrozenForecast>,
}

/// A route path, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoutePathSummary {
    /// The queue.
    pub queue_id: Text,
    /// The queue's name, as WFM imports want it.
    pub queue_name: Text,
    /// `message`, `chat`, `callback`, `voice`, …
    pub media_type: Text,
    /// The language's name.
    pub language_name: Option<Text>,
    /// The skills' names.
    pub skill_names: Vec<Text>,
    /// The planning group it belongs to.
    pub planning_group_id: Option<Text>,
    /// The business unit it belongs to.
    pub business_unit_id: Option<Text>,
    /// IANA name.
    pub time_zone: Text,
}

/// What happened in an interval. Each fact counts once, in the interval of its own time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actual {
    /// Visits that qualified for this route path in the interval.
    pub visits_active: i64,
    /// Qualifications.
    pub qualified: i64,
    /// Invitations sent.
    pub invitations_offered: i64,
    /// Of these, accepted.
    pub invitations_accepted: i64,
    /// Of these, rejected.
    pub invitations_rejected: i64,
    /// Of these, unanswered in time.
    pub invitations_timed_out: i64,
    /// Of these, closed without an answer.
    pub invitations_ignored: i64,
    /// Of these, not showable.
    pub invitations_errored: i64,
    /// Offers due and not made, by reason, in order: suppressed demand.
    pub blocked: Vec<(Text, i64)>,
    /// Conversations created: what WFM calls Offered.
    pub interactions_offered: i64,
    /// Of these, joined by an agent.
    pub interactions_answered: i64,
    /// Of these, left before an agent joined.
    pub interactions_abandoned: i64,
    /// Conversations finished.
    pub interactions_handled: i64,
    /// Their seconds.
    pub total_handle_time_seconds: i64,
    /// Conversations of which nobody said what became.
    pub interactions_unresolved: i64,
}

/// What is expected of an interval.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forecast {
    /// Conversations.
    pub interactions_offered: Estimate,
    /// Seconds.
    pub average_handle_time_seconds: f64,
    /// Mean × AHT.
    pub workload_seconds: f64,
    /// Conversations that an agent holds at once.
    pub concurrency: f64,
    /// What would come if nothing were blocked.
    pub suppressed_interactions: f64,
    /// Where it comes from: their interactions sum to the mean.
    pub drivers: Vec<Driver>,
    /// What made it.
    pub model: Model,
}

/// A number with its spread.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Estimate {
    /// Expected value.
    pub mean: f64,
    /// Exceeded nine times in ten.
    pub p10: f64,
    /// Exceeded one time in ten.
    pub p90: f64,
}

/// One part of a forecast.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Driver {
    /// Which action map.
    pub action_map_id: Text,
    /// Its version.
    pub version: i64,
    /// `open` or `to_come`.
    pub stage: Text,
    /// Invitations behind it.
    pub invitations: f64,
    /// Share accepted.
    pub acceptance: f64,
    /// Share of these that reach the queue in the interval.
    pub reach: f64,
    /// From invitation to queue.
    pub mean_delay_seconds: f64,
    /// invitations × acceptance × reach.
    pub interactions: f64,
}

/// What made a forecast.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// Its name.
    pub id: Text,
    /// Its version.
    pub version: i64,
    /// The last fact it learned from.
    pub trained_through: Timestamp,
    /// How many.
    pub samples: i64,
}

/// A forecast as it stood at a horizon.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FrozenForecast {
    /// Minutes before the interval's start.
    pub horizon_minutes: i32,
    /// The frontier then.
    pub made_date: Timestamp,
    /// Conversations.
    pub mean: f64,
    /// Exceeded nine times in ten.
    pub p10: f64,
    /// Exceeded one time in ten.
    pub p90: f64,
}
