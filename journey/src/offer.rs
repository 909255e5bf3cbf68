//! For the chat engine, on `journey.offers` (`contracts.md` §3).

use crate::{
    CustomerId, DeploymentId, OfferId, RoutePathId, Text, Timestamp,
    journey_event::{Reference, Versioned},
    web_event::Consent,
};

/// One record of `journey.offers`. Key: `customer_id`. Blocked offers are journey events only: this topic must be fast.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Offer {
    /// A function of session, action map and cause: `actionId` in reports.
    pub id: OfferId,
    /// `offered` or `withdrawn`.
    pub status: Text,
    /// From 1.
    pub sequence: i32,
    /// When the visitor qualified.
    pub created_date: Timestamp,
    /// When the offer was made.
    pub offered_date: Timestamp,
    /// Never show at or after this.
    pub expires_date: Timestamp,
    /// What set it off.
    pub trigger: Trigger,
    /// Where.
    pub deployment_id: DeploymentId,
    /// Genesys' own triple, passed into the conversation unchanged.
    pub journey_context: JourneyContext,
    /// Which action map.
    pub action_map: OfferingMap,
    /// What to show.
    pub action: Action,
    /// Who would answer; absent if nobody needs to.
    pub route_path: Option<RoutePathReference>,
    /// Page URL conditions: check again when showing.
    pub display_conditions: Vec<DisplayCondition>,
    /// The page the visitor is on, scrubbed.
    pub page: Option<OfferPage>,
    /// The site's opaque address.
    pub reply_to: Option<Text>,
    /// The segments the visitor is in.
    pub segments: Vec<SegmentReference>,
    /// Why, in words, for the agent's card.
    pub reasons: Vec<Text>,
    /// Of `withdrawn`: `page_left`, `visitor_away`, `visit_ended`, `consent_withdrawn`, `erased`, `definition_deactivated`.
    pub withdraw_reason: Option<Text>,
    /// On what basis.
    pub consent: Consent,
    /// The definitions in force.
    pub definitions_version: i64,
}

impl Offer {
    /// The visitor: the record's key.
    pub fn customer_id(&self) -> CustomerId {
        CustomerId(self.journey_context.customer.id.clone())
    }
}

/// What set an offer off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trigger {
    /// `event`, `dwell`, `segment`, `delay` or `next_visit`.
    pub kind: Text,
    /// The event, where there was one.
    pub event_id: Option<Text>,
    /// When it happened; of a timer, its deadline.
    pub created_date: Timestamp,
    /// When it arrived; of a timer, its deadline.
    pub received_date: Timestamp,
}

/// Genesys' `JourneyContext`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JourneyContext {
    /// The visitor.
    pub customer: Customer,
    /// `{id, type: web}`.
    pub customer_session: Reference,
    /// The offer and its action map.
    pub triggering_action: TriggeringAction,
}

/// A visitor, as Genesys refers to one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Customer {
    /// `customerId`.
    pub id: Text,
    /// `cookie`.
    pub id_type: Text,
}

/// The offer and its action map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TriggeringAction {
    /// The offer's id.
    pub id: Text,
    /// Of which action map.
    pub action_map: Versioned,
}

/// The action map that made an offer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfferingMap {
    /// Its id.
    pub id: Text,
    /// Its version.
    pub version: i64,
    /// For people.
    pub display_name: Text,
    /// 1 low, 2 medium, 3 high.
    pub weight: i32,
}

/// What to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Action {
    /// `webMessagingOffer`, `contentOffer`, …
    pub media_type: Text,
    /// The definition's action as JSON, untouched.
    pub properties: Text,
}

/// A route path, by ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoutePathReference {
    /// Its id.
    pub id: RoutePathId,
    /// The queue.
    pub queue_id: Text,
    /// `message`, `chat`, `callback`, `voice`, …
    pub media_type: Text,
    /// The language, where one is asked for.
    pub language_id: Option<Text>,
    /// The skills that are asked for.
    pub skill_ids: Vec<Text>,
}

/// A condition on the page's URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DisplayCondition {
    /// One of the twelve operators.
    pub operator: Text,
    /// What it compares with.
    pub values: Vec<Text>,
}

/// The page the visitor is on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfferPage {
    /// Scrubbed.
    pub url: Text,
    /// Scrubbed.
    pub title: Option<Text>,
    /// The URL's path.
    pub pathname: Text,
}

/// A segment that the visitor is in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentReference {
    /// Its id.
    pub id: Text,
    /// Its version.
    pub version: i64,
    /// For people, where agents may see it.
    pub display_name: Option<Text>,
}
