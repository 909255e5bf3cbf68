//! The stage: how records and timers reach a visit's memory, and what they leave there.

use std::sync::Arc;

use journey::{
    CustomerId, JourneyEvent, Offer, TaskTime, Timestamp, VisitEvent, definitions::DefinitionSet,
    demand::DemandSignal, topics, visit::end_reason,
};
use pipeline::{
    MarksInto, Outbox, OutputTopic, OwnMetrics, Processor, Record, Refusal, Rejection, Stage,
    TaskContext, TimeFrom, Timer, Timers, Topology,
};
use schemas::{DecodeError, Decoder, Format, Incompatible, Record as _};

use crate::{
    compile::Compiled,
    input::{Happening, Kind},
    output::{DEMAND, OFFER_LATENCY, OFFERS_OPEN, Output, REPORTS_TOTAL, UNKNOWN_OFFER},
    reports::{self, Fate},
    state::{Memory, Visitor, timer},
    teller::{Moment, Teller, Words},
    visit::Visit,
    withdraw::Withdrawal,
};

/// Turns what happens to visits into segments, outcomes, offers and demand.
#[derive(Debug)]
pub struct Segmenter {
    compiled: Arc<Compiled>,
    words: Words,
    visits: Decoder<VisitEvent>,
    format: Format,
}

impl Segmenter {
    /// For one task. No definition is in force until some are adopted.
    pub fn new(_: TaskContext) -> Self {
        Segmenter::writing(Format::default())
    }

    /// One that writes offers in this format.
    pub fn writing(format: Format) -> Self {
        Segmenter {
            format,
            compiled: Arc::default(),
            words: Words::default(),
            visits: Decoder::default(),
        }
    }

    fn teller<'a>(
        &'a self,
        customer: &'a CustomerId,
        visitor: &Visitor,
        now: Moment,
        out: &'a mut Vec<Output>,
    ) -> Teller<'a> {
        let deployment = visitor.deployment_id.clone();
        Teller {
            compiled: &self.compiled,
            words: &self.words,
            customer,
            deployment,
            now,
            out,
        }
    }

    /// `started`, `activity`, `idle`, `away`, `resumed`, `ended` and `merged`.
    fn happen(
        &self,
        customer: &CustomerId,
        visitor: &mut Visitor,
        mut input: Happening,
        out: &mut Vec<Output>,
    ) {
        let Some(visit) = input.visit.take() else {
            out.push(Output::DeadLetter(rejection(
                "no_visit",
                "a record about a visit must carry it",
                &input,
            )));
            return;
        };
        let at = visitor
            .visits
            .iter()
            .position(|memory| memory.id == visit.id);
        let forgotten = [end_reason::CONSENT_WITHDRAWN, end_reason::ERASED].map(Some);
        if at.is_none() && input.kind == Kind::Ended && forgotten.contains(&input.reason.as_deref())
        {
            out.push(Output::Suppressed("forgotten_visit"));
            return;
        }
        let begins = [Some(input.kind), input.opens].contains(&Some(Kind::Started));
        // One that goes on may reach back now, to a straggler with a new source of its own.
        let from = match begins {
            true => Some(input.time),
            false => (input.kind == Kind::Activity).then_some(visit.created_date),
        };
        if let Some(from) = from {
            self.leave_others(customer, visitor, &visit, from, &input, out);
        }
        let now = Moment::of(&input);
        let mut teller = self.teller(customer, visitor, now, out);
        let memory = match begins {
            true => visitor.visit(&visit.id),
            false => visitor.under_way(&visit.id, input.time),
        };
        if input.kind == Kind::Activity {
            return act(&mut teller, memory, visit, input);
        }
        teller.transition(memory, &visit, &input, input.kind);
        if let Some(into) = input
            .merged_into
            .as_ref()
            .filter(|_| input.kind == Kind::Merged)
        {
            memory.seen = Some(Box::new(visit));
            let from = at.unwrap_or(visitor.visits.len() - 1);
            visitor.merge(from, into, input.time);
        } else {
            memory.keep(visit);
        }
    }

    /// A visit that begins while another goes on has a new source: the other one is over, though that is told only once nothing
    /// can change it any more. Nothing dwells in it, and what it was offered goes.
    fn leave_others(
        &self,
        customer: &CustomerId,
        visitor: &mut Visitor,
        begun: &Visit,
        at: Timestamp,
        input: &Happening,
        out: &mut Vec<Output>,
    ) {
        let is_left = |memory: &Memory| memory.id != begun.id && memory.goes_on_at(at);
        if !visitor.visits.iter().any(is_left) {
            return;
        }
        let mut teller = self.teller(customer, visitor, Moment::of(input), out);
        for memory in visitor.visits.iter_mut().filter(|memory| is_left(memory)) {
            memory.leave_for_good(at);
            with_visit(memory, |memory, visit| {
                teller.withdraw(memory, visit, Withdrawal::VisitEnded);
            });
        }
    }

    fn engagement(
        &self,
        customer: &CustomerId,
        visitor: &mut Visitor,
        input: &Happening,
        out: &mut Vec<Output>,
    ) {
        let mut teller = self.teller(customer, visitor, Moment::of(input), out);
        let about = input
            .cause
            .as_ref()
            .and_then(|cause| Some((cause, reports::offer_id(cause)?)));
        let known = about.and_then(|(cause, id)| {
            let offers = visitor.visits.iter_mut().enumerate();
            let (visit, offer) = offers
                .filter_map(|(at, memory)| {
                    Some((
                        at,
                        memory.offers.iter().position(|offer| offer.id.0 == *id)?,
                    ))
                })
                .next()?;
            Some((cause, visit, offer))
        });
        let Some((cause, visit, offer)) = known else {
            let why = "no offer with this offerId is known for this visitor; offers stay known 24 h after the visit, of a visitor with very many visits less long";
            teller.count(&REPORTS_TOTAL, UNKNOWN_OFFER);
            out.push(Output::DeadLetter(rejection(UNKNOWN_OFFER, why, input)));
            return;
        };
        let fate = with_visit(&mut visitor.visits[visit], |memory, visit| {
            teller.report(memory, visit, offer, cause)
        });
        teller.count_report(fate);
        match fate {
            Fate::Counted => {}
            Fate::Duplicate | Fate::Contradictory => out.push(Output::Suppressed(fate.as_str())),
            Fate::Unknown => {
                let why = "actionState must be offered, accepted, rejected, timedout, ignored, errored, started, engaged, \
                           abandoned or completed";
                out.push(Output::DeadLetter(rejection(fate.as_str(), why, input)));
            }
        }
    }
}

/// `activity`: what it brings about, then the event itself.
fn act(teller: &mut Teller<'_>, memory: &mut Memory, visit: Visit, mut input: Happening) {
    let Some(cause) = input.cause.take() else {
        let why = "an activity must carry its event";
        let rejected = rejection("no_cause", why, &input);
        teller.out.push(Output::DeadLetter(rejected));
        return;
    };
    if let Some(kind) = input.opens {
        let now = std::mem::take(&mut teller.now);
        teller.now = now.opening();
        teller.transition(memory, &visit, &input, kind);
        teller.now = now;
    }
    teller.activity(memory, &visit, input.last_page_date, &cause, input.ping);
    memory.keep(visit);
}

/// The visit as last seen, while no record shows it.
fn with_visit<R>(memory: &mut Memory, act: impl FnOnce(&mut Memory, &Visit) -> R) -> R {
    let visit = memory.seen.take().unwrap_or_default();
    let result = act(memory, &visit);
    memory.seen = memory.needs_visit().then_some(visit);
    result
}

fn rejection(reason: &'static str, message: &str, input: &Happening) -> Rejection {
    Rejection {
        deployment: Some(input.deployment_id.to_string()),
        ..Rejection::new(reason, message)
    }
}

impl Processor for Segmenter {
    type Key = CustomerId;
    type Input = Happening;
    type State = Visitor;
    type Output = Output;

    fn key(&self, input: &Happening) -> CustomerId {
        input.customer_id.clone()
    }

    fn time(&self, input: &Happening) -> Timestamp {
        input.time
    }

    fn apply(
        &self,
        _: &TaskTime,
        key: &CustomerId,
        state: Option<Visitor>,
        input: Happening,
        out: &mut Vec<Output>,
    ) -> Option<Visitor> {
        let mut visitor = state.unwrap_or_default();
        visitor.deployment_id = input.deployment_id.clone();
        let kind = match input.opens {
            None | Some(Kind::Started | Kind::Resumed) => input.kind,
            Some(_) => Kind::Unknown,
        };
        match kind {
            Kind::Started
            | Kind::Activity
            | Kind::Idle
            | Kind::Away
            | Kind::Resumed
            | Kind::Ended
            | Kind::Merged => {
                self.happen(key, &mut visitor, input, out);
            }
            Kind::Engagement => self.engagement(key, &mut visitor, &input, out),
            Kind::Control => {
                let forget = self
                    .teller(key, &visitor, Moment::of(&input), out)
                    .control(&mut visitor, &input);
                if forget {
                    return None;
                }
            }
            Kind::Unknown => out.push(Output::DeadLetter(rejection(
                "unknown_kind",
                "kind is none that this release knows",
                &input,
            ))),
        }
        visitor.fit(out);
        visitor.settled()
    }

    fn timers(&self, state: &Visitor) -> Timers {
        state.timers()
    }

    fn on_timer(
        &self,
        _: &TaskTime,
        key: &CustomerId,
        mut state: Visitor,
        due: Timer,
        out: &mut Vec<Output>,
    ) -> Option<Visitor> {
        let mut teller = self.teller(key, &state, Moment::of_timer(due.deadline), out);
        if due.kind == timer::FORGET {
            state
                .visits
                .retain(|memory| memory.forget_at() != Some(due.deadline));
            return state.settled();
        }
        for memory in &mut state.visits {
            with_visit(memory, |memory, visit| match due.kind {
                timer::SILENCE => teller.silence(memory, visit, due.deadline),
                timer::UNRESOLVED => teller.unresolved(memory, visit, due.deadline),
                _ => {
                    let hits = teller.compiled.strike(memory, visit, due.deadline);
                    if let Some(cause) = hits.first().map(|hit| hit.event_id.clone()) {
                        let actions = teller.follow(memory, visit, hits, &cause);
                        teller.qualify(memory, visit, &actions);
                    }
                }
            });
        }
        state.settled()
    }

    fn silent_since(&self, state: &Visitor) -> Timestamp {
        state.silent_since()
    }

    fn open_in(&self, state: &Visitor) -> usize {
        let offers = state.visits.iter().flat_map(|memory| &memory.offers);
        offers.filter(|offer| offer.open.is_some()).count()
    }

    fn evict(&self, time: &TaskTime, key: &CustomerId, mut state: Visitor, out: &mut Vec<Output>) {
        let now = Moment::of_timer(time.frontier.max(Timestamp(0)));
        let mut teller = self.teller(key, &state, now, out);
        for memory in &mut state.visits {
            with_visit(memory, |memory, visit| {
                teller.withdraw(memory, visit, Withdrawal::VisitEnded);
            });
        }
    }

    fn adopt(&mut self, definitions: &Arc<DefinitionSet>) {
        self.compiled = Compiled::shared(definitions);
    }
}

impl Stage for Segmenter {
    const METRICS: OwnMetrics = OwnMetrics {
        counters: crate::output::COUNTERS,
        gauge: Some(OFFERS_OPEN),
        latency: Some(OFFER_LATENCY),
        ..OwnMetrics::NONE
    };
    const TOPOLOGY: Topology = Topology {
        stage: "segmenter",
        inputs: &[topics::VISITS],
        outputs: &[
            OutputTopic {
                name: topics::JOURNEY_EVENTS,
                schema: Some(JourneyEvent::SCHEMA),
                co_partitioned: true,
            },
            OutputTopic {
                name: topics::OFFERS,
                schema: Some(Offer::SCHEMA),
                co_partitioned: true,
            },
            OutputTopic {
                name: topics::DEMAND,
                schema: Some(DemandSignal::SCHEMA),
                co_partitioned: false,
            },
        ],
        time_from: TimeFrom::Marks,
        marks_into: MarksInto::EveryPartition(DEMAND),
        definitions: true,
        stateless: false,
        dead_letter_bytes: true,
        dead_letter_limit: true,
    };

    fn decode(&mut self, record: &Record<'_>) -> Result<Happening, Refusal> {
        let rejected = |reason, message: String| Refusal::Rejected(Rejection::new(reason, message));
        let value = record
            .value
            .ok_or_else(|| rejected("no_value", "a visit event has a value".to_owned()))?;
        self.visits
            .decode_with(value, Happening::read)
            .map_err(|error| match error {
                DecodeError::UnknownSchema(id) => Refusal::UnknownSchema(id),
                DecodeError::NotFramed => rejected("not_framed", error.to_string()),
                DecodeError::Malformed { .. } => rejected("malformed", error.to_string()),
            })
    }

    fn gauge(&self, _: &TaskTime, open: usize) -> Option<f64> {
        Some(open as f64)
    }

    fn learn(&mut self, id: u32, schema: &str) -> Result<(), Incompatible> {
        self.visits.learn(id, schema)
    }

    fn encode(&self, key: &CustomerId, output: Output, out: &mut Outbox<'_>) {
        output.write(key, self.format, out);
    }

    fn take_slow_decodes(&mut self) -> u64 {
        self.visits.take_slow_count()
    }
}
