//! Control records: what makes every stage forget.

use journey::{
    EventId, Text, id,
    web_event::{Consent, Control, control_action},
};

use crate::{
    accepted::{Accepted, Rules},
    consent,
    deployment::{Known, Sender},
    field,
    raw::RawEvent,
    reason::Flaw,
    scrub::Hits,
    visitor,
};

/// The reserved `eventName` that asks to forget a visitor.
pub const ERASE: &str = "footfall_erase";
/// The `action` of a control record: the visitor took consent back.
pub const CONSENT_WITHDRAWN: &str = control_action::CONSENT_WITHDRAWN;
/// The `action` of a control record: everything about the visitor is to go.
pub const ERASE_ACTION: &str = control_action::ERASE;

/// What says whose record it is.
const WHO: [&str; 3] = ["deploymentId", "customerId", "customerCookieId"];

/// Reads a control record: of the event only who and when.
pub(crate) fn read(
    raw: &RawEvent<'_>,
    sender: &Sender<'_>,
    rules: &Rules<'_>,
    action: &str,
    purposes: Vec<Text>,
    mut hits: Hits,
) -> Result<Accepted, Flaw> {
    // Who takes consent back is believed whatever else is wrong with the event: only whose it is must be clear.
    field::once("", raw.duplicates.among(&WHO))?;
    let customer_id = visitor::of_control(raw, sender.deployment_id, rules)?;
    let date = |member, scalar| field::date(member, scalar).unwrap_or(None);
    let created = date("createdDate", &raw.created_date).unwrap_or(sender.received.first_at);
    let sent = date("sentDate", &raw.sent_date);
    let time = sender.received.event_time(created, sent, rules);
    let event_id = field::text("eventId", &raw.event_id, rules.config.limits.id_bytes);
    let event_id = match event_id.unwrap_or(None) {
        Some(event_id) => visitor::event_id(event_id, &customer_id, rules, &mut hits),
        None => EventId::from(id::derive(&[
            customer_id.as_str().as_bytes(),
            &created.0.to_be_bytes(),
            action.as_bytes(),
        ])),
    };
    let forgets = consent::covers_contact(&purposes);
    let forgotten = sender
        .site
        .trait_names()
        .filter(|_| forgets)
        .cloned()
        .collect();
    let state = rules.words.withdrawn.clone();
    let consent = Consent {
        state,
        purposes: purposes.clone(),
        ..Consent::default()
    };
    let known = Known {
        event_id,
        customer_id,
        time,
        consent,
    };
    let mut event = sender.event(&rules.words.control, known, rules);
    event.control = Some(Control {
        action: Text::from(action),
        purposes,
    });
    Ok(Accepted {
        event,
        forgotten,
        hits,
        correction: time.corrected,
        ..Accepted::default()
    })
}
