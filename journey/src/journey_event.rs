//! The organisation-wide stream: one envelope, on `journey.events` (`contracts.md` §3).

use crate::{
    CustomerId, DeploymentId, EventId, Text, Timestamp, VisitId,
    visit::FormUse,
    web_event::{Activity, Browser, Consent, Device, Geolocation, MktCampaign, Page, Referrer},
};

/// The `event_type` of a [`JourneyEvent`]. More may come: ignore what you do not know.
pub mod event_type {
    /// `web_event` is there.
    pub const WEB: &str = "WebEvent";
    /// `session_event` is there.
    pub const SESSION: &str = "SessionEvent";
    /// `segment_assignment_event` is there.
    pub const SEGMENT_ASSIGNMENT: &str = "SegmentAssignmentEvent";
    /// `outcome_achieved_event` is there.
    pub const OUTCOME_ACHIEVED: &str = "OutcomeAchievedEvent";
    /// `web_action_event` is there.
    pub const WEB_ACTION: &str = "WebActionEvent";
    /// `blocked_web_action_offer_event` is there.
    pub const BLOCKED_OFFER: &str = "BlockedWebActionOfferEvent";
    /// `consent_event` is there.
    pub const CONSENT: &str = "ConsentEvent";
}

/// One record of `journey.events`. Key: `customer_id`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JourneyEvent {
    /// Deterministic: an idempotency key.
    pub id: Text,
    /// Which member is there: see [`event_type`].
    pub event_type: Text,
    /// When it happened; of a timer, its deadline.
    pub created_date: Timestamp,
    /// Arrival of its cause: the base of latency.
    pub received_date: Timestamp,
    /// The event or offer that caused it.
    pub correlation_id: Option<Text>,
    /// Where.
    pub deployment_id: DeploymentId,
    /// Who.
    pub customer_id: CustomerId,
    /// `cookie`.
    pub customer_id_type: Text,
    /// The visit.
    pub session: Reference,
    /// 1, 2, 3… in the session, gapless: order, loss and duplicates are visible.
    pub sequence: i64,
    /// The site says that the visitor is logged in.
    pub authenticated: bool,
    /// On what basis.
    pub consent: Consent,
    /// `none`, `count_only`, `no_link` or `no_offer`.
    pub page_class: Text,
    /// Came of an event behind the watermark.
    pub late: bool,
    /// Known or suspected to be a robot.
    pub bot: bool,
    /// The definitions in force.
    pub definitions_version: i64,
    /// The visit so far; absent from a WebEvent, and from a ConsentEvent, which repeats nothing of what consent is gone for.
    pub visit: Option<VisitSummary>,
    /// What the visitor did.
    pub web_event: Option<Activity>,
    /// What became of the visit.
    pub session_event: Option<SessionEvent>,
    /// A segment was assigned or taken back.
    pub segment_assignment_event: Option<SegmentAssignmentEvent>,
    /// An outcome was achieved.
    pub outcome_achieved_event: Option<OutcomeAchievedEvent>,
    /// An action changed its state.
    pub web_action_event: Option<WebActionEvent>,
    /// An offer was due and not made.
    pub blocked_web_action_offer_event: Option<BlockedWebActionOfferEvent>,
    /// Consent changed.
    pub consent_event: Option<ConsentEvent>,
}

/// An id with its type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reference {
    /// The id.
    pub id: Text,
    /// `web` of a session, `cookie` of a customer.
    pub kind: Text,
}

/// A definition at a version.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Versioned {
    /// The definition's id.
    pub id: Text,
    /// Its version.
    pub version: i64,
}

/// The visit, as every event but a WebEvent and a ConsentEvent carries it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VisitSummary {
    /// Its first event's time.
    pub created_date: Timestamp,
    /// When it ended.
    pub ended_date: Option<Timestamp>,
    /// When the visitor is to be taken for idle, unless something happens.
    pub idle_date: Timestamp,
    /// When the visitor is to be taken for away, unless something happens.
    pub away_date: Timestamp,
    /// Why it ended.
    pub end_reason: Option<Text>,
    /// Last − first.
    pub duration_in_seconds: i64,
    /// Events, pings aside.
    pub event_count: i64,
    /// Page views.
    pub pageview_count: i64,
    /// What was searched for.
    pub search_terms: Vec<Text>,
    /// The entry page.
    pub first_page: Page,
    /// The page of the last event.
    pub last_page: Page,
    /// Of the first event that told.
    pub device: Option<Device>,
    /// Of the first event that told.
    pub browser: Option<Browser>,
    /// Of the first event that told.
    pub geolocation: Option<Geolocation>,
    /// Of the visit's first event.
    pub referrer: Option<Referrer>,
    /// Of the first event that came by a campaign.
    pub mkt_campaign: Option<MktCampaign>,
    /// Segments assigned so far.
    pub segment_assignments: Vec<SegmentAssignment>,
    /// Outcomes achieved so far.
    pub outcome_achievements: Vec<OutcomeAchievement>,
    /// Which of the visitor's visits this is, in the order in which they were opened: 1, 2, 3…
    pub visit_number: Option<i64>,
    /// Events of all the visitor's visits, pings aside.
    pub total_event_count: Option<i64>,
    /// Page views of all the visitor's visits.
    pub total_pageview_count: Option<i64>,
    /// When the visitor was first seen.
    pub first_seen_date: Option<Timestamp>,
    /// The sum of all silences of the visit that are no longer than the idle time.
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

/// A segment that a visit is in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentAssignment {
    /// Which.
    pub segment: Versioned,
    /// Since when.
    pub assigned_date: Timestamp,
}

/// An outcome that a visit achieved.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutcomeAchievement {
    /// Which.
    pub outcome: Versioned,
    /// When.
    pub achieved_date: Timestamp,
    /// Its value, where the definition names one.
    pub value: Option<f64>,
}

/// What became of a visit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionEvent {
    /// `started`, `idle`, `away`, `resumed`, `ended` or `merged`.
    pub state: Text,
    /// Of `merged`: the visit that lives on.
    pub merged_into: Option<VisitId>,
    /// Of `ended`: why.
    pub reason: Option<Text>,
}

/// A definition at a version, named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// The definition's id.
    pub id: Text,
    /// Its version.
    pub version: i64,
    /// For people.
    pub display_name: Text,
}

/// A segment at a version, named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssignedSegment {
    /// The definition's id.
    pub id: Text,
    /// Its version.
    pub version: i64,
    /// For people.
    pub display_name: Text,
    /// Whether agents may see it.
    pub should_display_to_agent: bool,
}

/// A segment was assigned or taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentAssignmentEvent {
    /// Which.
    pub segment: AssignedSegment,
    /// `Assigned` or `Unassigned`.
    pub assignment_state: Text,
    /// When.
    pub date_assigned: Timestamp,
    /// When it lapses by itself.
    pub date_for_unassignment: Option<Timestamp>,
    /// The events that matched.
    pub evidence: Vec<EventId>,
}

/// An outcome was achieved.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutcomeAchievedEvent {
    /// Which.
    pub outcome: Named,
    /// Its value, where the definition names one.
    pub associated_value: Option<f64>,
    /// The offers that preceded.
    pub touchpoints: Vec<Text>,
}

/// An action changed its state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebActionEvent {
    /// The offer's id.
    pub action_id: Text,
    /// Of which action map.
    pub action_map: Versioned,
    /// `qualified`, `offered`, `accepted`, … (`genesys-journey.md` §5.2), `withdrawn`, `unresolved`.
    pub action_state: Text,
    /// Nobody reported it: it follows from what was reported, or from silence.
    pub inferred: bool,
    /// From the offer to the visitor's decision.
    pub time_to_disposition_millis: Option<i64>,
    /// The conversation that came of it.
    pub conversation_id: Option<Text>,
}

/// An offer was due and not made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockedWebActionOfferEvent {
    /// Of which action map.
    pub action_map: Versioned,
    /// `AlreadyExistingOffer`, `PageUrlConditionsNotMatching`, … (`genesys-journey.md` §5.2), `VisitorAway`, `RegulatedPage`, `NoConsent`, `Bot`.
    pub blocking_reason: Text,
    /// The action map that won.
    pub blocking_action_map_id: Option<Text>,
    /// The offer that stands in the way.
    pub blocking_action_id: Option<Text>,
    /// `CapOnceFinalized`, `CapOnceRejected` or `CapForPeriod`.
    pub blocking_frequency_cap_behaviour: Option<Text>,
    /// The schedule that is closed.
    pub blocking_schedule_group_id: Option<Text>,
}

/// Consent changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsentEvent {
    /// `withdrawn` or `erased`.
    pub state: Text,
    /// For what; everything if empty.
    pub purposes: Vec<Text>,
}
