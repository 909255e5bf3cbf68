//! What happens to visits, on `journey.visits`.

use crate::{
    CustomerId, DeploymentId, Text, Timestamp, VisitId, WebEvent,
    web_event::{Browser, Consent, Device, Geolocation, MktCampaign, Page, Policy, Referrer},
};

/// The `kind` of a [`VisitEvent`].
pub mod kind {
    /// A visit began; its first `activity` follows.
    pub const STARTED: &str = "started";
    /// An event (or ping) of the visit, which it carries.
    pub const ACTIVITY: &str = "activity";
    /// A report of the chat engine, passed through.
    pub const ENGAGEMENT: &str = "engagement";
    /// Silent for the deployment's idle time.
    pub const IDLE: &str = "idle";
    /// Silent for the deployment's away time.
    pub const AWAY: &str = "away";
    /// Active again.
    pub const RESUMED: &str = "resumed";
    /// Over.
    pub const ENDED: &str = "ended";
    /// Joined into another visit of the visitor.
    pub const MERGED: &str = "merged";
    /// Consent withdrawn or erasure, passed through.
    pub const CONTROL: &str = "control";
}

/// Why a visit ended.
pub mod end_reason {
    /// Silence.
    pub const TIMEOUT: &str = "timeout";
    /// A new traffic source.
    pub const NEW_SOURCE: &str = "new_source";
    /// The longest duration a visit may have.
    pub const MAX_DURATION: &str = "max_duration";
    /// The most events a visit may have.
    pub const MAX_EVENTS: &str = "max_events";
    /// The state would not fit a record.
    pub const TOO_LARGE: &str = "too_large";
    /// The task's state limit.
    pub const LIMIT: &str = "limit";
    /// The visitor withdrew consent.
    pub const CONSENT_WITHDRAWN: &str = "consent_withdrawn";
    /// The visitor was erased.
    pub const ERASED: &str = "erased";
}

/// How present a visitor is.
pub mod presence {
    /// Something happened less than the idle time ago.
    pub const ACTIVE: &str = "active";
    /// Silent for the idle time.
    pub const IDLE: &str = "idle";
    /// Silent for the away time.
    pub const AWAY: &str = "away";
}

/// One record of `journey.visits`. Key: `customer_id`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VisitEvent {
    /// What happened: see [`kind`].
    pub kind: Text,
    /// Event time; of a timer, its deadline. A transition's is never before the visit's last transition.
    pub time: Timestamp,
    /// Arrival of the cause; of a timer, its deadline.
    pub received_date: Timestamp,
    /// Who.
    pub customer_id: CustomerId,
    /// Where.
    pub deployment_id: DeploymentId,
    /// The visit so far; absent from an `engagement` or `control` that meets no open visit.
    pub visit: Option<Visit>,
    /// When the page that is the visit's last was reached: dwell counts from here.
    pub last_page_date: Option<Timestamp>,
    /// The event, report or control record itself, whole: of `activity`, `engagement` and `control`. What else one record
    /// brings about (`started`, `merged`, `resumed`) stands just before it and leaves it out.
    pub cause: Option<WebEvent>,
    /// Of `merged`: the visit that lives on.
    pub merged_into: Option<VisitId>,
    /// Of `ended`: see [`end_reason`].
    pub reason: Option<Text>,
    /// Of `activity`: a heartbeat. Not in `event_count`, and no WebEvent for consumers.
    pub ping: bool,
    /// Of `activity`: behind the watermark when it came.
    pub late: bool,
}

/// A visit so far: the activity of one visitor at one deployment with no silence longer than the visit timeout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Visit {
    /// From the visit's first record in log order; never changes.
    pub id: VisitId,
    /// The rules of the visit's first record in log order; they never change.
    pub policy: Policy,
    /// Its first event's time.
    pub created_date: Timestamp,
    /// Its last event's or ping's time: idle and away count from here.
    pub last_activity_date: Timestamp,
    /// Its last event's time, or ping's where pings extend: the timeout and the duration count from here.
    pub last_event_date: Timestamp,
    /// When it ended: the deadline that passed.
    pub ended_date: Option<Timestamp>,
    /// When the visitor is to be taken for idle, unless something happens.
    pub idle_date: Timestamp,
    /// When the visitor is to be taken for away, unless something happens.
    pub away_date: Timestamp,
    /// See [`presence`].
    pub presence: Text,
    /// See [`end_reason`].
    pub end_reason: Option<Text>,
    /// Events, pings aside.
    pub event_count: i64,
    /// Page views.
    pub pageview_count: i64,
    /// Pings.
    pub ping_count: i64,
    /// Events that were late.
    pub late_count: i64,
    /// What was searched for, in order, each once, 20 at most.
    pub search_terms: Vec<Text>,
    /// The entry page.
    pub first_page: Page,
    /// The page of the last event.
    pub last_page: Page,
    /// Of the first event that told.
    pub browser: Option<Browser>,
    /// Of the first event that told.
    pub device: Option<Device>,
    /// Of the first event that told.
    pub geolocation: Option<Geolocation>,
    /// Of the first event that told.
    pub ip_organization: Option<Text>,
    /// Of the visit's first event.
    pub referrer: Option<Referrer>,
    /// Of the first event that came by a campaign.
    pub mkt_campaign: Option<MktCampaign>,
    /// Of the last event.
    pub consent: Consent,
    /// The strictest class of any page seen: `none` < `no_offer` < `no_link` < `count_only`.
    pub page_class: Text,
    /// Any event was a robot's.
    pub bot: bool,
    /// Any event was authenticated.
    pub authenticated: bool,
    /// The last one sent.
    pub reply_to: Option<Text>,
    /// Lists were cut to keep the record within its size.
    pub truncated: bool,
    /// Which of the visitor's visits this is, in the order in which the log opened them: 1, 2, 3… It never changes.
    pub visit_number: Option<i64>,
    /// Events of all the visitor's visits, pings aside, up to now in the log.
    pub total_event_count: Option<i64>,
    /// Page views of all the visitor's visits, up to now in the log.
    pub total_pageview_count: Option<i64>,
    /// The visitor's first event or ping of all visits, by its time.
    pub first_seen_date: Option<Timestamp>,
    /// The sum of all silences between events or pings of the visit that are no longer than the idle time.
    pub engaged_millis: Option<i64>,
    /// From when the last page was reached to the last activity.
    pub last_page_millis: Option<i64>,
    /// Events that searched for something.
    pub search_count: Option<i64>,
    /// Events that submitted a form.
    pub form_submitted_count: Option<i64>,
    /// Events that abandoned a form.
    pub form_abandoned_count: Option<i64>,
    /// What became of each form, in order of when it was first used, 20 at most.
    pub forms: Vec<FormUse>,
}

/// What became of a form in a visit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormUse {
    /// Its name.
    pub name: Text,
    /// How often it was submitted.
    pub submitted_count: i64,
    /// How often it was abandoned.
    pub abandoned_count: i64,
}

impl Visit {
    /// Last − first, in whole seconds.
    pub fn duration_in_seconds(&self) -> i64 {
        (self.last_event_date - self.created_date).as_secs()
    }
}
