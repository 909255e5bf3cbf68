//! Whose record it is.

use std::borrow::Cow;

use journey::{CustomerId, EventId};

use crate::{
    accepted::Rules,
    field,
    json::Scalar,
    raw::RawEvent,
    reason::{Flaw, RejectReason},
    scrub::{Form, Hits, scrub},
    visitor_key::BadCustomerId,
};

/// The visitor of a web event: of its cookie.
pub(crate) fn of_cookie(
    cookie: &Scalar<'_>,
    deployment_id: &str,
    rules: &Rules<'_>,
) -> Result<CustomerId, Flaw> {
    let limit = rules.config.limits.id_bytes;
    let missing = RejectReason::MissingCustomerCookieId;
    let cookie = field::required("customerCookieId", cookie, limit, missing)?;
    Ok(rules.config.visitor_keys.customer_id(deployment_id, cookie))
}

/// The visitor of a report or a control record: by id, by cookie, or by both if they agree.
pub(crate) fn of_either(
    customer_id: &Scalar<'_>,
    cookie: &Scalar<'_>,
    deployment_id: &str,
    rules: &Rules<'_>,
) -> Result<CustomerId, Flaw> {
    let limit = rules.config.limits.id_bytes;
    let keys = &rules.config.visitor_keys;
    let Some(customer_id) = field::text("customerId", customer_id, limit)? else {
        return of_cookie(cookie, deployment_id, rules);
    };
    keys.check(customer_id).map_err(|bad| match bad {
        BadCustomerId::Shape => Flaw::new(
            RejectReason::InvalidCustomerId,
            "`customerId` is not of the form <keyId>.<26 characters>",
        ),
        BadCustomerId::UnknownKey => Flaw::new(
            RejectReason::UnknownVisitorKey,
            "`customerId` names a visitor key that is not ours",
        ),
    })?;
    let cookie = field::text("customerCookieId", cookie, limit)?;
    if cookie.is_some_and(|cookie| !keys.is_of(customer_id, deployment_id, cookie)) {
        let what = "`customerId` and `customerCookieId` name two visitors";
        return Err(Flaw::new(RejectReason::VisitorMismatch, what));
    }
    Ok(CustomerId::from(customer_id))
}

/// The visitor of a control record. A site may have a `customerId` of its own in every event: beside a cookie it says nothing
/// unless it is one of ours.
pub(crate) fn of_control(
    raw: &RawEvent<'_>,
    deployment_id: &str,
    rules: &Rules<'_>,
) -> Result<CustomerId, Flaw> {
    let by_cookie = of_cookie(&raw.customer_cookie_id, deployment_id, rules);
    let keys = &rules.config.visitor_keys;
    let is_ours =
        matches!(&raw.customer_id, Scalar::Text(customer_id) if keys.check(customer_id).is_ok());
    match by_cookie {
        Ok(customer_id) if !is_ours => Ok(customer_id),
        _ => of_either(
            &raw.customer_id,
            &raw.customer_cookie_id,
            deployment_id,
            rules,
        ),
    }
}

/// The sender's id of an event; of one that holds an address or a telephone number a hash, so that it still tells events apart.
pub(crate) fn event_id(
    said: &str,
    customer_id: &CustomerId,
    rules: &Rules<'_>,
    hits: &mut Hits,
) -> EventId {
    match scrub(said, Form::Id, hits) {
        Cow::Borrowed(said) => EventId::from(said),
        Cow::Owned(_) => {
            let parts = [
                b"event id",
                customer_id.as_str().as_bytes(),
                said.as_bytes(),
            ];
            EventId::from(rules.config.visitor_keys.derive(&parts))
        }
    }
}
