//! What became of an offer, as the chat engine reports it (`contracts.md` §4).

use journey::{
    EventId, Text, id,
    time::Timestamp,
    web_event::{Consent, Engagement},
};

use crate::{
    accepted::{Accepted, Rules, Unknown},
    deployment::{self, Known, Received},
    field,
    json::Scalar,
    raw::RawReport,
    reason::{Flaw, RejectReason},
    scrub::{Form, Hits, scrub},
    visitor,
};

/// What may become of an offer.
const STATES: [&str; 10] = [
    "offered",
    "accepted",
    "rejected",
    "timedout",
    "ignored",
    "errored",
    "started",
    "engaged",
    "abandoned",
    "completed",
];

/// The longest that an agent may have had to do with one chat, in seconds: a week. More is another unit's, and would outweigh all
/// other chats in the means that staffing goes by.
const LONGEST_HANDLE_TIME: i64 = 7 * 24 * 60 * 60;

/// Reads one report.
pub(crate) fn read(
    raw: &RawReport<'_>,
    received: Received,
    rules: &Rules<'_>,
) -> Result<Accepted, Flaw> {
    deployment::is_object(raw.present, raw.wrong)?;
    let sender = deployment::sender(&raw.deployment_id, received, rules)?;
    field::once("", raw.duplicates.first())?;
    let customer_id = visitor::of_either(
        &raw.customer_id,
        &raw.customer_cookie_id,
        sender.deployment_id,
        rules,
    )?;
    let mut hits = Hits::default();
    let engagement = engagement(raw, rules, &mut hits)?;
    let created = field::required_date("createdDate", &raw.created_date)?;
    let sent = field::date("sentDate", &raw.sent_date)?;
    let time = received.event_time(created, sent, rules);
    let event_id = match field::text("eventId", &raw.event_id, rules.config.limits.id_bytes)? {
        Some(event_id) => visitor::event_id(event_id, &customer_id, rules, &mut hits),
        None => derive_id(&customer_id.0, created, &engagement),
    };
    let consent = Consent {
        state: rules.words.none.clone(),
        ..Consent::default()
    };
    let known = Known {
        event_id,
        customer_id,
        time,
        consent,
    };
    let mut event = sender.event(&rules.words.engagement, known, rules);
    event.engagement = Some(engagement);
    Ok(Accepted {
        event,
        correction: time.corrected,
        hits,
        unknown: Unknown::in_report(raw.unknown),
        ..Accepted::default()
    })
}

fn engagement(raw: &RawReport<'_>, rules: &Rules<'_>, hits: &mut Hits) -> Result<Engagement, Flaw> {
    let limits = &rules.config.limits;
    let action_state = field::required(
        "actionState",
        &raw.action_state,
        limits.id_bytes,
        RejectReason::MissingActionState,
    )?;
    if !STATES.contains(&action_state) {
        let what = format!("`actionState` is none of {}", STATES.join(", "));
        return Err(Flaw::new(RejectReason::InvalidActionState, what));
    }
    let offer_id = Text::from(&*scrub(offer_id(raw, limits.id_bytes)?, Form::Id, hits));
    let mut tidy = |name, scalar: &Scalar<'_>, most, form| -> Result<Option<Text>, Flaw> {
        let text = field::text(name, scalar, most)?;
        Ok(text.map(|text| Text::from(&*scrub(text, form, hits))))
    };
    let (ids, texts) = (limits.id_bytes, limits.text_bytes);
    Ok(Engagement {
        offer_id,
        session_id: tidy("sessionId", &raw.session_id, ids, Form::Id)?,
        action_state: Text::from(action_state),
        conversation_id: tidy("conversationId", &raw.conversation_id, ids, Form::Id)?,
        handle_time_seconds: field::count(
            "handleTimeSeconds",
            &raw.handle_time_seconds,
            LONGEST_HANDLE_TIME,
        )?,
        error_code: tidy("errorCode", &raw.error_code, ids, Form::Plain)?,
        error_message: tidy("errorMessage", &raw.error_message, texts, Form::Plain)?,
    })
}

/// `offerId`, or `actionId` as Genesys calls it.
fn offer_id<'s>(raw: &'s RawReport<'_>, limit: usize) -> Result<&'s str, Flaw> {
    let offer = field::text("offerId", &raw.offer_id, limit)?;
    let action = field::text("actionId", &raw.action_id, limit)?;
    match (offer, action) {
        (Some(offer), Some(action)) if offer != action => Err(Flaw::new(
            RejectReason::OfferMismatch,
            "`offerId` and `actionId` name two offers",
        )),
        (Some(id), _) | (None, Some(id)) => Ok(id),
        (None, None) => Err(Flaw::new(
            RejectReason::MissingOfferId,
            "`offerId` is missing",
        )),
    }
}

/// The id of a report that has none: of who, when, which offer and what.
fn derive_id(customer_id: &str, created: Timestamp, report: &Engagement) -> EventId {
    let conversation = report.conversation_id.as_deref().unwrap_or_default();
    EventId::from(id::derive(&[
        b"report",
        customer_id.as_bytes(),
        &created.0.to_be_bytes(),
        report.offer_id.as_bytes(),
        report.action_state.as_bytes(),
        conversation.as_bytes(),
    ]))
}
