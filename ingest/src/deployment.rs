//! Whose snippet sent it, and what every record says of that.

use std::borrow::Cow;

use journey::{CustomerId, EventId, Text, Timestamp, WebEvent, web_event::Consent};
use pipeline::processor::Record;

use crate::{
    accepted::Rules,
    event_time::{EventTime, event_time},
    field,
    json::Scalar,
    reason::{Flaw, RejectReason},
    scrub::{Form, Hits, scrub},
    site::{Class, Site},
};

/// When a record came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    /// To its topic.
    pub(crate) at: Timestamp,
    /// The first time, if it was sent again as a dead letter: what the sender's clock is held against.
    pub(crate) first_at: Timestamp,
    /// Whether somebody sent it again who had looked at why it was refused.
    pub(crate) again: bool,
}

impl Received {
    /// A record's. The first time is believed as far back as an event's own is: anybody may write headers.
    pub(crate) fn of(record: &Record<'_>, rules: &Rules<'_>) -> Received {
        let oldest = record.received_at - rules.config.believed.sent;
        Received {
            at: record.received_at,
            first_at: record.first_received_at.max(oldest),
            again: record.first_received_at < record.received_at,
        }
    }

    /// The event time of what was created and sent, by the sender's clock.
    pub(crate) fn event_time(
        self,
        created: Timestamp,
        sent: Option<Timestamp>,
        rules: &Rules<'_>,
    ) -> EventTime {
        event_time(created, sent, self.first_at, rules.config.believed)
    }
}

/// Where a record comes from, and when it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender<'s> {
    pub(crate) deployment_id: &'s str,
    pub(crate) site: &'s Site,
    pub(crate) received: Received,
}

/// What is known of a record beside its sender.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) event_id: EventId,
    pub(crate) customer_id: CustomerId,
    pub(crate) time: EventTime,
    pub(crate) consent: Consent,
}

impl Sender<'_> {
    /// The record, its member yet to be put in.
    pub(crate) fn event(&self, kind: &Text, known: Known, rules: &Rules<'_>) -> WebEvent {
        WebEvent {
            kind: kind.clone(),
            event_id: known.event_id,
            customer_id: known.customer_id,
            deployment_id: self.site.named(self.deployment_id),
            policy: self.site.policy.clone(),
            occurred_at: known.time.occurred_at,
            received_at: self.received.at,
            time_corrected: known.time.corrected.is_some(),
            consent: known.consent,
            page_class: rules.words.class(Class::None),
            bot: false,
            authenticated: false,
            reply_to: None,
            web_event: None,
            engagement: None,
            control: None,
        }
    }
}

/// Whether the record is a JSON object at all.
pub(crate) fn is_object(present: bool, wrong: Option<&'static str>) -> Result<(), Flaw> {
    let kind = if present { wrong } else { Some("null") };
    kind.map_or(Ok(()), |kind| {
        Err(Flaw::new(
            RejectReason::WrongType,
            format!("the event is {kind}, not an object"),
        ))
    })
}

/// The deployment that a record names, with its rules.
pub(crate) fn sender<'s>(
    id: &'s Scalar<'_>,
    received: Received,
    rules: &Rules<'s>,
) -> Result<Sender<'s>, Flaw> {
    let most = rules.config.limits.deployment_id_bytes;
    let id = field::required(
        "deploymentId",
        id,
        usize::MAX,
        RejectReason::MissingDeploymentId,
    )?;
    if !field::is_deployment_id(id, most) {
        let what = format!("`deploymentId` is not printable, or longer than {most} bytes");
        return Err(Flaw::new(RejectReason::InvalidDeploymentId, what));
    }
    let unknown = || {
        let what = "`deploymentId` names no deployment that is defined";
        Flaw::new(RejectReason::UnknownDeployment, what)
    };
    let site = rules.sites.get(id).ok_or_else(unknown)?;
    Ok(Sender {
        deployment_id: id,
        site,
        received,
    })
}

/// The longest id that a dead letter names.
const NAMED: usize = 255;

/// What a dead letter says of its origin: an id that could be one, whatever else is wrong.
pub(crate) fn as_far_as_known(id: &Scalar<'_>) -> Option<String> {
    match id {
        Scalar::Text(id) if field::is_deployment_id(id, NAMED) => {
            let is_clean = matches!(scrub(id, Form::Id, &mut Hits::default()), Cow::Borrowed(_));
            is_clean.then(|| id.clone().into_owned())
        }
        _ => None,
    }
}
