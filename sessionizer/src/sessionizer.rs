//! How the sessionizer meets the log, and what it does with each kind of record.

use std::sync::Arc;

use journey::{
    CustomerId, TaskTime, Timestamp, VisitEvent, WebEvent, topics,
    visit::{end_reason, kind},
};
use pipeline::{
    MarksInto, Outbox, OutputTopic, Processor, Record, Refusal, Rejection, Stage, TaskContext,
    TimeFrom, Timer, Timers, Topology,
};
use schemas::{DecodeError, Decoder, Incompatible, Record as _};

use crate::{
    output::{self, Happening, Output},
    visitor::Visitor,
};

/// The purpose without which there are no visits.
const VISITS: &str = "visits";
/// The control action that forgets a visitor.
const ERASE: &str = "erase";

/// Web events in, visits out. It has no setting: what a deployment wants stands in each event.
#[derive(Debug)]
pub struct Sessionizer {
    decoder: Decoder<WebEvent>,
}

impl Sessionizer {
    /// For one task. Which one makes no difference.
    pub fn new(_: TaskContext) -> Sessionizer {
        Sessionizer {
            decoder: Decoder::default(),
        }
    }
}

impl Processor for Sessionizer {
    type Key = CustomerId;
    type Input = WebEvent;
    type State = Visitor;
    type Output = Output;

    fn key(&self, input: &WebEvent) -> CustomerId {
        input.customer_id.clone()
    }

    fn time(&self, input: &WebEvent) -> Timestamp {
        input.occurred_at
    }

    fn apply(
        &self,
        time: &TaskTime,
        key: &CustomerId,
        state: Option<Visitor>,
        input: WebEvent,
        out: &mut Vec<Output>,
    ) -> Option<Visitor> {
        let mut visitor = state.unwrap_or_default();
        if input.web_event.is_some() {
            visitor.take(time, key, input, out);
        } else if input.engagement.is_some() {
            report(&visitor, input, out);
        } else {
            control(&mut visitor, input, out);
        }
        (!visitor.is_empty()).then_some(visitor)
    }

    fn timers(&self, state: &Visitor) -> Timers {
        state.timers()
    }

    fn on_timer(
        &self,
        _: &TaskTime,
        _: &CustomerId,
        mut state: Visitor,
        timer: Timer,
        out: &mut Vec<Output>,
    ) -> Option<Visitor> {
        state.fire(timer, out);
        (!state.is_empty()).then_some(state)
    }
}

/// The chat engine reports: it passes through, with the visit that it speaks of.
fn report(visitor: &Visitor, record: WebEvent, out: &mut Vec<Output>) {
    let named = record
        .engagement
        .as_ref()
        .and_then(|engagement| engagement.session_id.as_deref());
    let visit = visitor.spoken_of(named);
    let last_page_date = visit.map(|visit| visit.last_page_date);
    let visit = visit.map(|visit| Arc::clone(&visit.visit));
    out.push(pass(kind::ENGAGEMENT, record, visit, last_page_date));
}

/// Something must be forgotten: what is open ends, and the record passes on. Consent withdrawn for other purposes than
/// visits leaves them alone.
fn control(visitor: &mut Visitor, record: WebEvent, out: &mut Vec<Output>) {
    let control = record.control.clone().unwrap_or_default();
    let reason = if control.action == ERASE {
        end_reason::ERASED
    } else {
        end_reason::CONSENT_WITHDRAWN
    };
    let visits_too =
        control.purposes.is_empty() || control.purposes.iter().any(|purpose| *purpose == VISITS);
    if control.action == ERASE || visits_too {
        visitor.end_all(reason, &record, out);
    }
    let visit = visitor.spoken_of(None);
    let last_page_date = visit.map(|visit| visit.last_page_date);
    let visit = visit.map(|visit| Arc::clone(&visit.visit));
    out.push(pass(kind::CONTROL, record, visit, last_page_date));
}

fn pass(
    kind: &'static str,
    record: WebEvent,
    visit: Option<Arc<journey::Visit>>,
    last_page_date: Option<Timestamp>,
) -> Output {
    Output::Visit(Happening {
        kind,
        time: record.occurred_at,
        received_date: record.received_at,
        by_record: true,
        deployment_id: record.deployment_id.clone(),
        visit,
        last_page_date,
        cause: Some(record),
        ..Happening::default()
    })
}

impl Stage for Sessionizer {
    const TOPOLOGY: Topology = Topology {
        stage: "sessionizer",
        inputs: &[topics::WEB_EVENTS],
        outputs: &[OutputTopic {
            name: topics::VISITS,
            schema: Some(VisitEvent::SCHEMA),
            co_partitioned: true,
        }],
        time_from: TimeFrom::Marks,
        marks_into: MarksInto::SamePartition(0),
        definitions: false,
        dead_letter_bytes: true,
        dead_letter_limit: true,
    };

    fn decode(&mut self, record: &Record<'_>) -> Result<WebEvent, Refusal> {
        let refuse =
            |reason, message: String| Err(Refusal::Rejected(Rejection::new(reason, message)));
        let Some(value) = record.value else {
            return refuse("empty", "a record of web.events has a value".to_owned());
        };
        match self.decoder.decode(value) {
            Ok(event)
                if event.web_event.is_some()
                    || event.engagement.is_some()
                    || event.control.is_some() =>
            {
                Ok(event)
            }
            Ok(_) => refuse(
                "incomplete",
                "none of webEvent, engagement and control is there".to_owned(),
            ),
            Err(DecodeError::UnknownSchema(id)) => Err(Refusal::UnknownSchema(id)),
            Err(error @ DecodeError::NotFramed) => refuse("not_framed", error.to_string()),
            Err(error @ DecodeError::Malformed { .. }) => refuse("malformed", error.to_string()),
        }
    }

    fn learn(&mut self, id: u32, schema: &str) -> Result<(), Incompatible> {
        self.decoder.learn(id, schema)
    }

    fn encode(&self, key: &CustomerId, output: Output, out: &mut Outbox<'_>) {
        output::encode(key, output, out);
    }

    fn take_slow_decodes(&mut self) -> u64 {
        self.decoder.take_slow_count()
    }
}

#[cfg(test)]
mod tests;
