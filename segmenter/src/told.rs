//! A journey event in the making: what is heavy stays encoded as it came, and is copied into the record.

use journey::{
    JourneyEvent,
    journey_event::{OutcomeAchievement, SegmentAssignment},
};
use schemas::{Avro, Malformed};

use crate::{encoded::Encoded, visit::Visit};

/// A record of `journey.events`: [`JourneyEvent`], whose `consent`, `visit` and `web_event` stand beside it.
#[derive(Clone, Debug)]
pub struct Told {
    pub(crate) event: JourneyEvent,
    pub(crate) consent: Encoded,
    pub(crate) visit: Option<Summary>,
    pub(crate) web_event: Option<Encoded>,
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
    /// The record as its readers see it.
    pub fn record(&self) -> Result<JourneyEvent, Malformed> {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        schemas::from_bytes(&bytes)
    }

    /// Appends the encoding of the [`JourneyEvent`] that this is.
    pub fn write(&self, to: &mut Vec<u8>) {
        let JourneyEvent {
            id,
            event_type,
            created_date,
            received_date,
            correlation_id,
            deployment_id,
            customer_id,
            customer_id_type,
            session,
            sequence,
            authenticated,
            consent: _,
            page_class,
            late,
            bot,
            definitions_version,
            visit: _,
            web_event: _,
            session_event,
            segment_assignment_event,
            outcome_achieved_event,
            web_action_event,
            blocked_web_action_offer_event,
            consent_event,
        } = &self.event;
        id.write(to);
        event_type.write(to);
        created_date.write(to);
        received_date.write(to);
        correlation_id.write(to);
        deployment_id.write(to);
        customer_id.write(to);
        customer_id_type.write(to);
        session.write(to);
        sequence.write(to);
        authenticated.write(to);
        to.extend_from_slice(self.consent.bytes());
        page_class.write(to);
        late.write(to);
        bot.write(to);
        definitions_version.write(to);
        self.write_visit(to);
        self.write_web_event(to);
        session_event.write(to);
        segment_assignment_event.write(to);
        outcome_achieved_event.write(to);
        web_action_event.write(to);
        blocked_web_action_offer_event.write(to);
        consent_event.write(to);
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

    fn write_web_event(&self, to: &mut Vec<u8>) {
        let Some(activity) = &self.web_event else {
            return to.push(0);
        };
        to.push(2);
        to.extend_from_slice(activity.bytes());
    }
}
