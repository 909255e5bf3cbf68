//! What happens to visits, on `journey.visits`.

use crate::{
    CustomerId, DeploymentId, Text, Timestamp, VisitId, WebEvent,
    web_event::{Browser, Consent, Device, Geolocation, MktCampaign, Page, Policy, Referrer},
};

/// The `kind` of a [`VisitEvent`].
pub mod kind {
    /// A visit began. The `activity` that began it says so in `opens`.
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

/// The parts of a visit that the event which an `activity` carries may say as well: bits of [`VisitEvent::in_cause`].
pub mod in_cause {
    /// `policy`.
    pub const POLICY: i64 = 1;
    /// `first_page`: the event's page.
    pub const FIRST_PAGE: i64 = 1 << 1;
    /// `last_page`: the event's page.
    pub const LAST_PAGE: i64 = 1 << 2;
    /// `browser`.
    pub const BROWSER: i64 = 1 << 3;
    /// `device`.
    pub const DEVICE: i64 = 1 << 4;
    /// `geolocation`.
    pub const GEOLOCATION: i64 = 1 << 5;
    /// `ip_organization`.
    pub const IP_ORGANIZATION: i64 = 1 << 6;
    /// `referrer`.
    pub const REFERRER: i64 = 1 << 7;
    /// `mkt_campaign`.
    pub const MKT_CAMPAIGN: i64 = 1 << 8;
    /// `consent`.
    pub const CONSENT: i64 = 1 << 9;
    /// `reply_to`.
    pub const REPLY_TO: i64 = 1 << 10;
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
    /// brings about stands in `opens`, or just before it and leaves it out (`merged`, and `resumed` where it says something else).
    pub cause: Option<WebEvent>,
    /// Of `merged`: the visit that lives on.
    pub merged_into: Option<VisitId>,
    /// Of `ended`: see [`end_reason`].
    pub reason: Option<Text>,
    /// Of `activity`: a heartbeat. Not in `event_count`, and no WebEvent for consumers.
    pub ping: bool,
    /// Of `activity`: behind the watermark when it came.
    pub late: bool,
    /// Of `activity`: the parts of the visit that are left empty because `cause` says the same, see [`in_cause`].
    /// [`VisitEvent::fill`] puts them back.
    pub in_cause: i64,
    /// Of `activity`: `started` or `resumed`, which the event brought about. It comes first, and says no more than that.
    pub opens: Option<Text>,
}

impl VisitEvent {
    /// Puts back what the visit leaves to its cause.
    pub fn fill(&mut self) {
        let left_out = std::mem::take(&mut self.in_cause);
        let (Some(visit), Some(cause)) = (&mut self.visit, &self.cause) else {
            return;
        };
        let put = |part: i64, put: &mut dyn FnMut()| {
            if left_out & part != 0 {
                put();
            }
        };
        put(in_cause::POLICY, &mut || {
            visit.policy.clone_from(&cause.policy)
        });
        put(in_cause::CONSENT, &mut || {
            visit.consent.clone_from(&cause.consent)
        });
        put(in_cause::REPLY_TO, &mut || {
            visit.reply_to.clone_from(&cause.reply_to)
        });
        let Some(activity) = &cause.web_event else {
            return;
        };
        put(in_cause::FIRST_PAGE, &mut || {
            visit.first_page.clone_from(&activity.page)
        });
        put(in_cause::LAST_PAGE, &mut || {
            visit.last_page.clone_from(&activity.page)
        });
        put(in_cause::BROWSER, &mut || {
            visit.browser.clone_from(&activity.browser)
        });
        put(in_cause::DEVICE, &mut || {
            visit.device.clone_from(&activity.device)
        });
        put(in_cause::GEOLOCATION, &mut || {
            visit.geolocation.clone_from(&activity.geolocation)
        });
        put(in_cause::IP_ORGANIZATION, &mut || {
            visit.ip_organization.clone_from(&activity.ip_organization)
        });
        put(in_cause::REFERRER, &mut || {
            visit.referrer.clone_from(&activity.referrer)
        });
        put(in_cause::MKT_CAMPAIGN, &mut || {
            visit.mkt_campaign.clone_from(&activity.mkt_campaign)
        });
    }
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
