//! A journey event in the making: what is heavy stays encoded as it came, and is copied into the record.

use journey::{
    CustomerId, DeploymentId, JourneyEvent, Text, Timestamp, VisitId,
    journey_event::{
        BlockedWebActionOfferEvent, ConsentEvent, OutcomeAchievedEvent, OutcomeAchievement,
        SegmentAssignment, SegmentAssignmentEvent, SessionEvent, WebActionEvent, event_type,
    },
};
use schemas::{Avro, Malformed, avro::write_str};

use crate::{encoded::Encoded, visit::Visit};

/// How [`JourneyEvent`] names the kind of a visitor's id, and that of a session.
pub(crate) const COOKIE: &str = "cookie";
/// See [`COOKIE`].
pub(crate) const WEB: &str = "web";

/// A record of `journey.events`; [`JourneyEvent`] says what each member means.
#[derive(Clone, Debug)]
pub struct Told {
    pub(crate) id: Text,
    pub(crate) created_date: Timestamp,
    pub(crate) received_date: Timestamp,
    pub(crate) correlation_id: Option<Text>,
    pub(crate) deployment_id: DeploymentId,
    pub(crate) customer_id: CustomerId,
    pub(crate) visit_id: VisitId,
    pub(crate) sequence: i64,
    pub(crate) authenticated: bool,
    pub(crate) consent: Encoded,
    pub(crate) page_class: Text,
    pub(crate) late: bool,
    pub(crate) bot: bool,
    pub(crate) definitions_version: i64,
    pub(crate) visit: Option<Summary>,
    pub(crate) about: About,
}

/// What a journey event is about: the one member of it that is there.
#[derive(Clone, Debug)]
pub(crate) enum About {
    Web(Option<Encoded>),
    Session(SessionEvent),
    Segment(SegmentAssignmentEvent),
    Outcome(OutcomeAchievedEvent),
    Action(WebActionEvent),
    Blocked(BlockedWebActionOfferEvent),
    Consent(ConsentEvent),
}

impl About {
    fn event_type(&self) -> &'static str {
        match self {
            About::Web(_) => event_type::WEB,
            About::Session(_) => event_type::SESSION,
            About::Segment(_) => event_type::SEGMENT_ASSIGNMENT,
            About::Outcome(_) => event_type::OUTCOME_ACHIEVED,
            About::Action(_) => event_type::WEB_ACTION,
            About::Blocked(_) => event_type::BLOCKED_OFFER,
            About::Consent(_) => event_type::CONSENT,
        }
    }

    /// The seven members, in the order of the schema, all but one of them null.
    fn write(&self, to: &mut Vec<u8>) {
        const NULLS: [u8; 6] = [0; 6];
        let mut member = |at: usize, write: &dyn Fn(&mut Vec<u8>)| {
            to.extend_from_slice(&NULLS[..at]);
            to.push(2);
            write(to);
            to.extend_from_slice(&NULLS[at..]);
        };
        match self {
            About::Web(Some(activity)) => member(0, &|to| to.extend_from_slice(activity.bytes())),
            About::Web(None) => to.extend_from_slice(&[0; 7]),
            About::Session(event) => member(1, &|to| event.write(to)),
            About::Segment(event) => member(2, &|to| event.write(to)),
            About::Outcome(event) => member(3, &|to| event.write(to)),
            About::Action(event) => member(4, &|to| event.write(to)),
            About::Blocked(event) => member(5, &|to| event.write(to)),
            About::Consent(event) => member(6, &|to| event.write(to)),
        }
    }
}

/// The visit so far, as journey events carry it.
#[derive(Clone, Debug)]
pub(crate) struct Summary {
    pub(crate) visit: Visit,
    /// Whether pages and searches are told.
    pub(crate) pages: bool,
    pub(crate) segments: Vec<SegmentAssignment>,
    pub(crate) outcomes: Vec<OutcomeAchievement>,
}

impl Told {
    /// One that says nothing.
    #[cfg(test)]
    pub(crate) fn empty() -> Told {
        let consent = schemas::to_bytes(&journey::web_event::Consent::default());
        Told {
            id: Text::default(),
            created_date: Timestamp(0),
            received_date: Timestamp(0),
            correlation_id: None,
            deployment_id: DeploymentId::default(),
            customer_id: CustomerId::default(),
            visit_id: VisitId::default(),
            sequence: 0,
            authenticated: false,
            consent: Encoded::all(consent.into()),
            page_class: Text::default(),
            late: false,
            bot: false,
            definitions_version: 0,
            visit: None,
            about: About::Web(None),
        }
    }

    /// The record as its readers see it.
    pub fn record(&self) -> Result<JourneyEvent, Malformed> {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        schemas::from_bytes(&bytes)
    }

    /// Appends the encoding of the [`JourneyEvent`] that this is.
    pub fn write(&self, to: &mut Vec<u8>) {
        self.id.write(to);
        write_str(self.about.event_type(), to);
        self.created_date.write(to);
        self.received_date.write(to);
        self.correlation_id.write(to);
        self.deployment_id.write(to);
        self.customer_id.write(to);
        write_str(COOKIE, to);
        self.visit_id.write(to);
        write_str(WEB, to);
        self.sequence.write(to);
        self.authenticated.write(to);
        to.extend_from_slice(self.consent.bytes());
        self.page_class.write(to);
        self.late.write(to);
        self.bot.write(to);
        self.definitions_version.write(to);
        self.write_visit(to);
        self.about.write(to);
    }

    fn write_visit(&self, to: &mut Vec<u8>) {
        let Some(summary) = &self.visit else {
            return to.push(0);
        };
        to.push(2);
        summary.visit.write_summary(summary.pages, to);
        summary.segments.write(to);
        summary.outcomes.write(to);
        summary.visit.write_totals(summary.pages, to);
    }
}
