//! Personal data that a site sent on purpose: kept apart from everything else.

use crate::{CustomerId, DeploymentId, EventId, Text, Timestamp};

/// One trait of one visitor, on `journey.visitors` under the key `<customerId>|<trait>`; newest wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VisitorTrait {
    /// Whose.
    pub customer_id: CustomerId,
    /// Where it was submitted.
    pub deployment_id: DeploymentId,
    /// `email`, `givenName`, … as the traits mapper names it.
    pub name: Text,
    /// What the visitor submitted.
    pub value: Text,
    /// When.
    pub updated_date: Timestamp,
    /// By which event.
    pub event_id: EventId,
    /// `email`, `phone` or `externalId` where the trait identifies the visitor.
    pub identifier_type: Option<Text>,
}
