//! A record of `journey.visits` as it came: what the fold goes by is read, all else is passed on byte for byte.

use std::sync::Arc;

use journey::{
    CustomerId, DeploymentId, EventId, Text, Timestamp, VisitEvent, VisitId,
    visit::kind,
    web_event::{Control, Engagement},
};
use schemas::{
    Avro, Malformed,
    avro::Reader,
    from_bytes,
    record::{self, optional, text},
    records::{ActivityParts, AttributeParts, PageParts, WebEventParts},
};

use crate::{encoded::Encoded, visit::Visit};

/// A record of `journey.visits`; [`VisitEvent`] says what each member means.
#[derive(Clone, Debug, PartialEq)]
pub struct Happening {
    pub(crate) kind: Kind,
    pub(crate) time: Timestamp,
    pub(crate) received_date: Timestamp,
    pub(crate) customer_id: CustomerId,
    pub(crate) deployment_id: DeploymentId,
    pub(crate) visit: Option<Visit>,
    pub(crate) last_page_date: Option<Timestamp>,
    pub(crate) cause: Option<Cause>,
    pub(crate) merged_into: Option<VisitId>,
    pub(crate) reason: Option<Text>,
    pub(crate) ping: bool,
    pub(crate) late: bool,
    /// What the activity brought about, and comes first.
    pub(crate) opens: Option<Kind>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Started,
    Activity,
    Engagement,
    Idle,
    Away,
    Resumed,
    Ended,
    Merged,
    Control,
    /// None that this release knows.
    Unknown,
}

const KINDS: [(Kind, &str); 9] = [
    (Kind::Started, kind::STARTED),
    (Kind::Activity, kind::ACTIVITY),
    (Kind::Engagement, kind::ENGAGEMENT),
    (Kind::Idle, kind::IDLE),
    (Kind::Away, kind::AWAY),
    (Kind::Resumed, kind::RESUMED),
    (Kind::Ended, kind::ENDED),
    (Kind::Merged, kind::MERGED),
    (Kind::Control, kind::CONTROL),
];

impl Kind {
    fn parse(name: &str) -> Kind {
        let known = KINDS.iter().find(|(_, known)| *known == name);
        known.map_or(Kind::Unknown, |(kind, _)| *kind)
    }

    /// On the wire.
    pub(crate) fn as_str(self) -> &'static str {
        let known = KINDS.iter().find(|(known, _)| *known == self);
        known.map_or("", |(_, name)| name)
    }
}

/// The event, report or control record itself; [`journey::WebEvent`] says what each member means.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cause {
    pub(crate) event_id: EventId,
    pub(crate) occurred_at: Timestamp,
    pub(crate) bot: bool,
    pub(crate) authenticated: bool,
    pub(crate) policy: Encoded,
    pub(crate) consent: Encoded,
    pub(crate) reply_to: Encoded,
    pub(crate) activity: Option<Encoded>,
    pub(crate) engagement: Option<Engagement>,
    pub(crate) control: Option<Control>,
    page_class: Encoded,
}

impl Cause {
    /// The class of the page.
    pub(crate) fn page_class(&self) -> &str {
        text(self.page_class.bytes())
    }

    /// Reads the [`journey::WebEvent`] in front of `from`, which reads `record`.
    fn read(record: &Encoded, from: &mut Reader<'_>) -> Result<Cause, Malformed> {
        let parts = WebEventParts::take(from)?;
        Ok(Cause {
            event_id: from_bytes(parts.event_id)?,
            occurred_at: from_bytes(parts.occurred_at)?,
            bot: from_bytes(parts.bot)?,
            authenticated: from_bytes(parts.authenticated)?,
            policy: record.part(parts.policy),
            consent: record.part(parts.consent),
            reply_to: record.part(parts.reply_to),
            activity: optional(parts.web_event).map(|activity| record.part(activity)),
            engagement: from_bytes(parts.engagement)?,
            control: from_bytes(parts.control)?,
            page_class: record.part(parts.page_class),
        })
    }
}

impl Happening {
    /// Reads a record of `journey.visits`, in the order of its schema: all of it is checked, and nothing may be left over.
    pub fn read(bytes: &[u8]) -> Result<Happening, Malformed> {
        let record = Encoded::all(Arc::from(bytes));
        let from = &mut Reader::new(record.bytes());
        let mut happening = Happening {
            kind: Kind::parse(from.str()?),
            time: Avro::read(from)?,
            received_date: Avro::read(from)?,
            customer_id: Avro::read(from)?,
            deployment_id: Avro::read(from)?,
            visit: from.optional(|from| Visit::take(&record, from))?,
            last_page_date: Avro::read(from)?,
            cause: from.optional(|from| Cause::read(&record, from))?,
            merged_into: Avro::read(from)?,
            reason: Avro::read(from)?,
            ping: Avro::read(from)?,
            late: Avro::read(from)?,
            opens: None,
        };
        let left_out = from.long()?;
        happening.opens = from.optional(Reader::str)?.map(Kind::parse);
        if let (Some(visit), Some(cause)) = (&mut happening.visit, &happening.cause) {
            visit.lean_on(cause, left_out)?;
        }
        if from.is_empty() {
            Ok(happening)
        } else {
            Err(Malformed::Trailing)
        }
    }
}

impl From<&VisitEvent> for Happening {
    fn from(event: &VisitEvent) -> Happening {
        Happening::read(&schemas::to_bytes(event)).expect("what was just written can be read")
    }
}

/// What a visitor did, as criteria look at it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Deed<'a> {
    pub(crate) event_name: &'a str,
    pub(crate) page: PageParts<'a>,
    pub(crate) search_query: Option<&'a str>,
    attributes: &'a [u8],
}

impl<'a> Deed<'a> {
    /// Of an [`journey::web_event::Activity`]'s encoding.
    pub(crate) fn of(encoded: &'a [u8]) -> Deed<'a> {
        let activity = ActivityParts::of(encoded);
        Deed {
            event_name: text(activity.event_name),
            page: PageParts::of(activity.page),
            search_query: optional(activity.search_query).map(text),
            attributes: activity.attributes,
        }
    }

    /// The names and values of the site's own attributes.
    pub(crate) fn attributes(&self) -> Vec<(&'a str, &'a str)> {
        let entries = record::entries::<journey::web_event::Attribute>(self.attributes);
        let value = |encoded| text(AttributeParts::of(encoded).value);
        entries
            .into_iter()
            .map(|(name, encoded)| (name, value(encoded)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use journey::{
        WebEvent,
        web_event::{Activity, Consent},
    };
    use schemas::to_bytes;

    use super::*;

    #[test]
    fn what_is_read_is_what_the_record_says() {
        let consent = Consent {
            state: "granted".into(),
            ..Consent::default()
        };
        let activity = Activity {
            event_name: "search_performed".into(),
            search_query: Some("boots".into()),
            attributes: vec![("plan".into(), Default::default())],
            ..Activity::default()
        };
        let cause = WebEvent {
            event_id: "e1".into(),
            occurred_at: Timestamp(3),
            consent: consent.clone(),
            page_class: "no_link".into(),
            authenticated: true,
            web_event: Some(activity.clone()),
            engagement: Some(Engagement::default()),
            control: Some(Control::default()),
            ..WebEvent::default()
        };
        let visit = journey::Visit {
            id: "v".into(),
            ping_count: 4,
            ..journey::Visit::default()
        };
        let event = VisitEvent {
            kind: kind::ACTIVITY.into(),
            time: Timestamp(1),
            received_date: Timestamp(2),
            customer_id: "k1.v".into(),
            deployment_id: "shop".into(),
            visit: Some(visit.clone()),
            last_page_date: Some(Timestamp(5)),
            cause: Some(cause.clone()),
            merged_into: Some("w".into()),
            reason: Some("timeout".into()),
            ping: true,
            late: true,
            in_cause: 0,
            opens: Some(kind::STARTED.into()),
        };
        let read = Happening::from(&event);
        let read_cause = read.cause.as_ref().expect("a cause");
        assert_eq!(read_cause.consent.bytes(), to_bytes(&consent));
        assert_eq!(read_cause.page_class(), "no_link");
        let told = read_cause.activity.as_ref().expect("an activity");
        assert_eq!(told.bytes(), to_bytes(&activity));
        let deed = Deed::of(told.bytes());
        assert_eq!(
            (deed.event_name, deed.search_query),
            ("search_performed", Some("boots"))
        );
        assert_eq!(deed.attributes(), [("plan", "")]);
        assert_eq!(read_cause.event_id, cause.event_id);
        assert_eq!(read_cause.occurred_at, cause.occurred_at);
        assert_eq!((read_cause.bot, read_cause.authenticated), (false, true));
        assert_eq!(read_cause.engagement, cause.engagement);
        assert_eq!(read_cause.control, cause.control);
        assert_eq!(read.visit, Some(Visit::from(&visit)));
        assert_eq!(
            (read.kind, read.time, read.received_date),
            (Kind::Activity, event.time, event.received_date)
        );
        assert_eq!(
            (read.customer_id, read.deployment_id),
            (event.customer_id, event.deployment_id)
        );
        assert_eq!(
            (read.merged_into, read.reason),
            (event.merged_into, event.reason)
        );
        assert_eq!(
            (read.last_page_date, read.ping, read.late),
            (event.last_page_date, true, true)
        );
    }

    #[test]
    fn every_kind_reads_back_as_it_is_called() {
        for (kind, name) in KINDS {
            assert_eq!((Kind::parse(name), kind.as_str()), (kind, name));
        }
        assert_eq!(Kind::parse("reborn"), Kind::Unknown);
    }

    #[test]
    fn nothing_may_be_missing_or_left_over() {
        let event = VisitEvent {
            visit: Some(journey::Visit::default()),
            cause: Some(WebEvent::default()),
            ..VisitEvent::default()
        };
        let mut bytes = schemas::to_bytes(&event);
        for end in 0..bytes.len() {
            assert!(Happening::read(&bytes[..end]).is_err());
        }
        bytes.push(0);
        assert_eq!(Happening::read(&bytes), Err(Malformed::Trailing));
    }
}
