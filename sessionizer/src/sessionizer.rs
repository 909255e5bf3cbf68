//! How the sessionizer meets the log, and what it does with each kind of record.

use journey::{
    CustomerId, DeploymentId, TaskTime, Timestamp, VisitEvent, WebEvent, topics,
    visit::{end_reason, kind},
    web_event::{Control, Forget},
};
use pipeline::{
    MarksInto, Outbox, OutputTopic, OwnMetrics, Processor, Record, Refusal, Rejection, Stage,
    TaskContext, TimeFrom, Timer, Timers, Topology,
};
use schemas::{DecodeError, Decoder, Incompatible, Malformed, Record as _, avro::Reader};

use crate::{
    event::{Event, What},
    open_visit::OpenVisit,
    output::{self, Happening, Output},
    state::Format,
    visitor::Visitor,
};

/// Web events in, visits out. It has no setting: what a deployment wants stands in each event.
#[derive(Debug)]
pub struct Sessionizer {
    decoder: Decoder<WebEvent>,
    /// The deployment of the last event: most often that of the next.
    deployment: DeploymentId,
}

impl Sessionizer {
    /// For one task. Which one makes no difference.
    pub fn new(_: TaskContext) -> Sessionizer {
        Sessionizer {
            decoder: Decoder::default(),
            deployment: DeploymentId::default(),
        }
    }
}

impl Processor for Sessionizer {
    type Key = CustomerId;
    type Input = Event;
    type State = Box<Visitor>;
    type Output = Output;

    const STATE_FORMAT: u8 = 2;

    fn write_state(state: &Box<Visitor>, format: u8, to: &mut Vec<u8>) {
        state.write_as(Format::of(format), to);
    }

    fn read_state(format: u8, bytes: &[u8]) -> Result<Box<Visitor>, Malformed> {
        let mut from = Reader::new(bytes);
        let state = Visitor::read_as(Format::of(format), &mut from).map(Box::new)?;
        if from.is_empty() {
            Ok(state)
        } else {
            Err(Malformed::Trailing)
        }
    }

    fn key(&self, input: &Event) -> CustomerId {
        input.customer_id.clone()
    }

    fn time(&self, input: &Event) -> Timestamp {
        input.occurred_at
    }

    fn apply(
        &self,
        time: &TaskTime,
        key: &CustomerId,
        state: Option<Box<Visitor>>,
        input: Event,
        out: &mut Vec<Output>,
    ) -> Option<Box<Visitor>> {
        let mut visitor = state.unwrap_or_default();
        match &input.what {
            What::PageView | What::Ping | What::Activity => visitor.take(time, key, input, out),
            What::Engagement(session_id) => {
                let visit = visitor.spoken_of(session_id.as_deref());
                out.push(pass(kind::ENGAGEMENT, visit, input));
            }
            What::Control(asked) => {
                let asked = asked.clone();
                control(&mut visitor, time, &asked, input, out);
            }
            What::Nothing => {}
        }
        (!visitor.is_empty()).then_some(visitor)
    }

    fn timers(&self, state: &Box<Visitor>) -> Timers {
        state.timers()
    }

    fn on_timer(
        &self,
        _: &TaskTime,
        _: &CustomerId,
        mut state: Box<Visitor>,
        timer: Timer,
        out: &mut Vec<Output>,
    ) -> Option<Box<Visitor>> {
        state.fire(timer, out);
        (!state.is_empty()).then_some(state)
    }

    fn silent_since(&self, state: &Box<Visitor>) -> Timestamp {
        state.silent_since()
    }

    fn evict(
        &self,
        time: &TaskTime,
        _: &CustomerId,
        mut state: Box<Visitor>,
        out: &mut Vec<Output>,
    ) {
        state.end_at_limit(time.frontier, out);
    }
}

/// Something must be forgotten: what is open ends, and the record passes on. Consent withdrawn for other purposes than
/// visits leaves them alone.
fn control(
    visitor: &mut Visitor,
    time: &TaskTime,
    asked: &Control,
    record: Event,
    out: &mut Vec<Output>,
) {
    match asked.forget() {
        Forget::Nothing => visitor.narrow_consent(time, asked, record.occurred_at),
        Forget::Withdrawn => visitor.forget(time, end_reason::CONSENT_WITHDRAWN, &record, out),
        Forget::Erased => visitor.forget(time, end_reason::ERASED, &record, out),
    }
    out.push(pass(kind::CONTROL, visitor.spoken_of(None), record));
}

/// A record that passes through, with the visit that it speaks of.
fn pass(kind: &'static str, visit: Option<&OpenVisit>, record: Event) -> Output {
    Output::Visit(Happening {
        kind,
        time: record.occurred_at,
        received_date: record.received_at,
        by_record: true,
        deployment_id: record.deployment_id.clone(),
        visit: visit.map(|visit| visit.visit.clone()),
        last_page_date: visit.map(|visit| visit.visit.last_page_date),
        cause: Some(record),
        ..Happening::default()
    })
}

impl Stage for Sessionizer {
    const METRICS: OwnMetrics = OwnMetrics {
        counters: output::COUNTERS,
        ..OwnMetrics::NONE
    };
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
        stateless: false,
        dead_letter_bytes: true,
        dead_letter_limit: true,
    };

    fn decode(&mut self, record: &Record<'_>) -> Result<Event, Refusal> {
        let refuse =
            |reason, message: String| Err(Refusal::Rejected(Rejection::new(reason, message)));
        let Some(value) = record.value else {
            return refuse("empty", "a record of web.events has a value".to_owned());
        };
        let known = &self.deployment;
        let read = self
            .decoder
            .decode_with(value, |bytes| Event::read_beside(known, bytes));
        match read {
            Ok(event) if event.what != What::Nothing => {
                self.deployment.clone_from(&event.deployment_id);
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

    fn condense(&self, outputs: &mut Vec<Output>) {
        output::condense(outputs);
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
