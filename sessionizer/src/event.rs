//! A record of `web.events` as it came: what the fold goes by is read, all else is passed on byte for byte.

use journey::{
    CustomerId, DeploymentId, EventId, Text, Timestamp, WebEvent,
    web_event::{Control, PAGE_VIEWED, PING, Policy},
};
use schemas::{
    Malformed,
    avro::Reader,
    from_bytes,
    record::{optional, text},
    records::{ActivityParts, EngagementParts, WebEventParts},
};

/// A record of `web.events`.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    encoded: Box<[u8]>,
    pub(crate) what: What,
    pub(crate) event_id: EventId,
    pub(crate) customer_id: CustomerId,
    pub(crate) deployment_id: DeploymentId,
    pub(crate) policy: Policy,
    pub(crate) occurred_at: Timestamp,
    pub(crate) received_at: Timestamp,
    pub(crate) bot: bool,
    pub(crate) authenticated: bool,
}

/// What kind of record it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    /// The visitor looked at a page.
    PageView,
    /// A heartbeat.
    Ping,
    /// The visitor did something else.
    Activity,
    /// The chat engine reports, naming a visit or not.
    Engagement(Option<Text>),
    /// Something must be forgotten.
    Control(Control),
    /// None of these: no record of this release.
    Nothing,
}

impl Event {
    /// Reads a record of `web.events`: all of it is checked, and nothing may be left over.
    pub fn read(encoded: &[u8]) -> Result<Event, Malformed> {
        let mut reader = Reader::new(encoded);
        let parts = WebEventParts::take(&mut reader)?;
        if !reader.is_empty() {
            return Err(Malformed::Trailing);
        }
        Ok(Event {
            encoded: encoded.into(),
            what: What::of(&parts)?,
            event_id: from_bytes(parts.event_id)?,
            customer_id: from_bytes(parts.customer_id)?,
            deployment_id: from_bytes(parts.deployment_id)?,
            policy: from_bytes(parts.policy)?,
            occurred_at: from_bytes(parts.occurred_at)?,
            received_at: from_bytes(parts.received_at)?,
            bot: from_bytes(parts.bot)?,
            authenticated: from_bytes(parts.authenticated)?,
        })
    }

    /// The record's encoding, as it came.
    pub fn encoded(&self) -> &[u8] {
        &self.encoded
    }

    /// The fields of the record, encoded.
    pub(crate) fn parts(&self) -> WebEventParts<'_> {
        WebEventParts::of(&self.encoded)
    }

    /// A heartbeat: presence only.
    pub(crate) fn is_ping(&self) -> bool {
        self.what == What::Ping
    }
}

impl What {
    fn of(parts: &WebEventParts<'_>) -> Result<What, Malformed> {
        if let Some(activity) = optional(parts.web_event) {
            let name = Reader::new(activity).str()?;
            return Ok(match name {
                PAGE_VIEWED => What::PageView,
                PING => What::Ping,
                _ => What::Activity,
            });
        }
        if let Some(engagement) = optional(parts.engagement) {
            let session_id = EngagementParts::of(engagement).session_id;
            return Ok(What::Engagement(from_bytes(session_id)?));
        }
        match optional(parts.control) {
            Some(control) => Ok(What::Control(from_bytes(control)?)),
            None => Ok(What::Nothing),
        }
    }
}

impl From<&WebEvent> for Event {
    fn from(event: &WebEvent) -> Event {
        Event::read(&schemas::to_bytes(event)).expect("what was just written can be read")
    }
}

/// The fields of what a visitor did, encoded; `None` if the visitor did nothing.
pub(crate) fn activity<'a>(parts: &WebEventParts<'a>) -> Option<ActivityParts<'a>> {
    optional(parts.web_event).map(ActivityParts::of)
}

/// The text in an optional text's encoding.
pub(crate) fn optional_text(encoded: &[u8]) -> Option<&str> {
    optional(encoded).map(text)
}

#[cfg(test)]
mod tests {
    use journey::web_event::{Activity, Engagement};

    use super::*;

    #[test]
    fn a_record_says_what_kind_it_is() {
        let named = |name: &str| WebEvent {
            web_event: Some(Activity {
                event_name: name.into(),
                ..Activity::default()
            }),
            ..WebEvent::default()
        };
        let engagement = WebEvent {
            engagement: Some(Engagement {
                session_id: Some("v1".into()),
                ..Engagement::default()
            }),
            ..WebEvent::default()
        };
        let control = Control {
            action: "erase".into(),
            purposes: vec!["visits".into()],
        };
        let forgotten = WebEvent {
            control: Some(control.clone()),
            ..WebEvent::default()
        };
        for (event, what) in [
            (named(PAGE_VIEWED), What::PageView),
            (named(PING), What::Ping),
            (named("search_performed"), What::Activity),
            (engagement, What::Engagement(Some("v1".into()))),
            (forgotten, What::Control(control)),
            (WebEvent::default(), What::Nothing),
        ] {
            let read = Event::from(&event);
            assert_eq!(read.what, what);
            assert_eq!(from_bytes(read.encoded()), Ok(event));
        }
    }

    #[test]
    fn nothing_may_be_missing_or_left_over() {
        let mut encoded = schemas::to_bytes(&WebEvent::default());
        encoded.push(0);
        assert_eq!(Event::read(&encoded), Err(Malformed::Trailing));
        for end in 0..encoded.len() - 1 {
            assert!(Event::read(&encoded[..end]).is_err());
        }
    }
}
