//! A record of `web.events` as it came: what the fold goes by is read, all else is passed on byte for byte.

use std::ops::{Deref, Range};

use journey::{
    CustomerId, DeploymentId, EventId, Text, Timestamp, WebEvent,
    web_event::{Consent, Control, Engagement, PAGE_VIEWED, PING, Policy},
};
use schemas::{
    Avro, Malformed,
    avro::Reader,
    from_bytes,
    record::{optional, text},
    records::{ActivityParts, EngagementParts},
};

/// A record of `web.events`.
#[derive(Clone, Debug, PartialEq)]
pub struct Event(Box<Fields>);

/// What is read of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Fields {
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
    /// What became of the form that it names.
    pub(crate) form: Option<Form>,
    /// Where the encodings of these lie.
    consent: Span,
    page_class: Span,
    reply_to: Span,
    told: Told,
}

/// Where an encoding lies in that of the record.
type Span = Range<u32>;

/// Where what a visitor did is told; empty where nothing is.
#[derive(Clone, Debug, Default, PartialEq)]
struct Told {
    page: Span,
    browser: Span,
    device: Span,
    geolocation: Span,
    ip_organization: Span,
    mkt_campaign: Span,
    referrer: Span,
    search_query: Span,
    form_name: Span,
}

/// What kind of record it is.
#[derive(Clone, Debug, Default, PartialEq)]
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
    #[default]
    Nothing,
}

impl Deref for Event {
    type Target = Fields;

    #[inline]
    fn deref(&self) -> &Fields {
        &self.0
    }
}

impl Event {
    /// Reads a record of `web.events`, in the order of its schema: all of it is checked, and nothing may be left over.
    pub fn read(encoded: &[u8]) -> Result<Event, Malformed> {
        Event::read_beside(&DeploymentId::default(), encoded)
    }

    /// Reads a record, and shares the name of its deployment with the one that is known.
    pub(crate) fn read_beside(known: &DeploymentId, encoded: &[u8]) -> Result<Event, Malformed> {
        let whole = encoded;
        let span = |part: &[u8]| {
            let start = part.as_ptr() as usize - whole.as_ptr() as usize;
            start as u32..(start + part.len()) as u32
        };
        let from = &mut Reader::new(encoded);
        Text::skip(from)?;
        let mut event = Fields {
            encoded: encoded.into(),
            what: What::Nothing,
            event_id: Avro::read(from)?,
            customer_id: Avro::read(from)?,
            deployment_id: match from.str()? {
                same if same == known.as_str() => known.clone(),
                other => DeploymentId::from(other),
            },
            policy: Avro::read(from)?,
            occurred_at: Avro::read(from)?,
            received_at: {
                let received_at = Avro::read(from)?;
                bool::skip(from)?;
                received_at
            },
            consent: span(from.encoded::<Consent>()?),
            page_class: span(from.encoded::<Text>()?),
            bot: Avro::read(from)?,
            authenticated: Avro::read(from)?,
            form: None,
            reply_to: span(from.encoded::<Option<Text>>()?),
            told: Told::default(),
        };
        if let Some(activity) = from.optional(ActivityParts::take)? {
            event.what = What::of(text(activity.event_name));
            event.form =
                optional(activity.form_name).and_then(|_| Form::of(text(activity.event_name)));
            event.told = Told {
                page: span(activity.page),
                browser: span(activity.browser),
                device: span(activity.device),
                geolocation: span(activity.geolocation),
                ip_organization: span(activity.ip_organization),
                mkt_campaign: span(activity.mkt_campaign),
                referrer: span(activity.referrer),
                search_query: span(activity.search_query),
                form_name: span(activity.form_name),
            };
        }
        let engagement = optional(from.encoded::<Option<Engagement>>()?);
        let control: Option<Control> = Avro::read(from)?;
        if !from.is_empty() {
            return Err(Malformed::Trailing);
        }
        match (engagement, control) {
            (Some(engagement), _) if event.what == What::Nothing => {
                let session_id = EngagementParts::of(engagement).session_id;
                event.what = What::Engagement(from_bytes(session_id)?);
            }
            (None, Some(control)) if event.what == What::Nothing => {
                event.what = What::Control(control);
            }
            _ => {}
        }
        Ok(Event(Box::new(event)))
    }
}

impl Fields {
    /// The record's encoding, as it came.
    pub fn encoded(&self) -> &[u8] {
        &self.encoded
    }

    /// A heartbeat: presence only.
    pub(crate) fn is_ping(&self) -> bool {
        self.what == What::Ping
    }

    /// Whether it lengthens visits.
    pub(crate) fn extends(&self, policy: &Policy) -> bool {
        policy.pings_extend || !self.is_ping()
    }

    /// A visitor did something.
    pub(crate) fn is_activity(&self) -> bool {
        matches!(self.what, What::PageView | What::Ping | What::Activity)
    }

    /// The class of the page.
    pub(crate) fn page_class(&self) -> &str {
        text(self.part(&self.page_class))
    }

    /// What was searched for.
    pub(crate) fn search_query(&self) -> Option<&str> {
        optional(self.part(&self.told.search_query)).map(text)
    }

    /// Which form it is about.
    pub(crate) fn form_name(&self) -> Option<&str> {
        optional(self.part(&self.told.form_name)).map(text)
    }

    /// The consent, encoded.
    pub(crate) fn consent(&self) -> &[u8] {
        self.part(&self.consent)
    }

    /// The address that offers carry back, encoded.
    pub(crate) fn reply_to(&self) -> &[u8] {
        self.part(&self.reply_to)
    }

    /// The page, encoded; of what is no activity, nothing.
    pub(crate) fn page(&self) -> &[u8] {
        self.part(&self.told.page)
    }

    /// The browser, encoded.
    pub(crate) fn browser(&self) -> &[u8] {
        self.part(&self.told.browser)
    }

    /// The device, encoded.
    pub(crate) fn device(&self) -> &[u8] {
        self.part(&self.told.device)
    }

    /// The place, encoded.
    pub(crate) fn geolocation(&self) -> &[u8] {
        self.part(&self.told.geolocation)
    }

    /// Who runs the visitor's network, encoded.
    pub(crate) fn ip_organization(&self) -> &[u8] {
        self.part(&self.told.ip_organization)
    }

    /// The campaign, encoded.
    pub(crate) fn mkt_campaign(&self) -> &[u8] {
        self.part(&self.told.mkt_campaign)
    }

    /// Where the visitor came from, encoded.
    pub(crate) fn referrer(&self) -> &[u8] {
        self.part(&self.told.referrer)
    }

    fn part(&self, span: &Span) -> &[u8] {
        &self.encoded[span.start as usize..span.end as usize]
    }
}

/// What became of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Submitted,
    Abandoned,
}

impl Form {
    /// Of an activity of this name. The form's own name may stand before it, as `contact_submitted`.
    fn of(event_name: &str) -> Option<Form> {
        if event_name.ends_with("submitted") {
            Some(Form::Submitted)
        } else if event_name.ends_with("abandoned") {
            Some(Form::Abandoned)
        } else {
            None
        }
    }
}

impl What {
    /// Of an activity of this name.
    fn of(event_name: &str) -> What {
        match event_name {
            PAGE_VIEWED => What::PageView,
            PING => What::Ping,
            _ => What::Activity,
        }
    }
}

impl From<&WebEvent> for Event {
    fn from(event: &WebEvent) -> Event {
        Event::read(&schemas::to_bytes(event)).expect("what was just written can be read")
    }
}

#[cfg(test)]
mod tests {
    use journey::web_event::{
        Activity, Attribute, Browser, Device, Geolocation, MktCampaign, Page, Referrer,
    };
    use schemas::to_bytes;

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
    fn what_is_read_is_what_the_record_says() {
        let page = Page {
            url: "https://shop.example/".into(),
            ..Page::default()
        };
        let text = |text: &str| Some(Text::from(text));
        let activity = Activity {
            event_name: PAGE_VIEWED.into(),
            page: page.clone(),
            user_agent_string: text("agent"),
            browser: Some(Browser {
                family: "Firefox".into(),
                ..Browser::default()
            }),
            device: Some(Device {
                category: "mobile".into(),
                ..Device::default()
            }),
            geolocation: Some(Geolocation {
                country: text("CH"),
                ..Geolocation::default()
            }),
            ip_organization: text("net"),
            mkt_campaign: Some(MktCampaign {
                name: text("spring"),
                ..MktCampaign::default()
            }),
            referrer: Some(Referrer {
                domain: "search.example".into(),
                ..Referrer::default()
            }),
            search_query: text("boots"),
            form_name: text("form"),
            attributes: vec![("a".into(), Attribute::default())],
        };
        let event = WebEvent {
            kind: "web".into(),
            event_id: "e1".into(),
            customer_id: "k1.v".into(),
            deployment_id: "shop".into(),
            policy: Policy {
                max_events: 7,
                ..Policy::default()
            },
            occurred_at: Timestamp(5),
            received_at: Timestamp(6),
            time_corrected: true,
            consent: Consent {
                state: "granted".into(),
                ..Consent::default()
            },
            page_class: "no_offer".into(),
            bot: true,
            authenticated: true,
            reply_to: text("there"),
            web_event: Some(activity.clone()),
            ..WebEvent::default()
        };
        let read = Event::from(&event);
        assert_eq!(read.event_id, event.event_id);
        assert_eq!(read.customer_id, event.customer_id);
        assert_eq!(read.deployment_id, event.deployment_id);
        assert_eq!(read.policy, event.policy);
        assert_eq!(
            (read.occurred_at, read.received_at),
            (Timestamp(5), Timestamp(6))
        );
        assert!(read.bot && read.authenticated);
        assert_eq!(
            (read.page_class(), read.search_query()),
            ("no_offer", Some("boots"))
        );
        assert_eq!((read.form, read.form_name()), (None, Some("form")));
        assert_eq!(read.consent(), to_bytes(&event.consent));
        assert_eq!(read.reply_to(), to_bytes(&event.reply_to));
        assert_eq!(read.page(), to_bytes(&page));
        assert_eq!(read.browser(), to_bytes(&activity.browser));
        assert_eq!(read.device(), to_bytes(&activity.device));
        assert_eq!(read.geolocation(), to_bytes(&activity.geolocation));
        assert_eq!(read.ip_organization(), to_bytes(&activity.ip_organization));
        assert_eq!(read.mkt_campaign(), to_bytes(&activity.mkt_campaign));
        assert_eq!(read.referrer(), to_bytes(&activity.referrer));
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
