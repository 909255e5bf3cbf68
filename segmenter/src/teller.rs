//! Telling: the envelope that every journey event has, the visit's own sequence, and demand signals.

use journey::{
    CustomerId, DeploymentId, EventId, Text, Timestamp,
    demand::DemandSignal,
    id,
    journey_event::{Reference, Versioned},
    offer::Customer,
    staffing,
};
use pipeline::{Counter, Trigger};

use crate::{
    compile::Compiled,
    input::Happening,
    output::Output,
    state::Memory,
    told::{self, About, Summary, Told},
    visit::Visit,
};

/// The class of pages of which nothing is told but that they were there.
pub(crate) const COUNT_ONLY: &str = "count_only";

/// Texts that stand in every record, made once.
#[derive(Clone, Debug)]
pub(crate) struct Words {
    cookie: Text,
    web: Text,
}

impl Default for Words {
    fn default() -> Self {
        Words {
            cookie: told::COOKIE.into(),
            web: told::WEB.into(),
        }
    }
}

/// When something happens, and because of what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moment {
    /// When it happened; of a timer, its deadline.
    pub(crate) created: Timestamp,
    /// Arrival of its cause; of a timer, its deadline.
    pub(crate) received: Timestamp,
    /// The record or the timer that it comes of.
    pub(crate) trigger: Option<Trigger>,
    /// The event or offer that caused it.
    pub(crate) correlation: Option<Text>,
    pub(crate) late: bool,
}

impl Moment {
    /// That of a record.
    pub(crate) fn of(input: &Happening) -> Moment {
        Moment {
            created: input.time,
            received: input.received_date,
            trigger: Some(Trigger::Record(input.received_date)),
            correlation: input.cause.as_ref().map(|cause| cause.event_id.0.clone()),
            late: input.late,
        }
    }

    /// The same moment, of what an activity brings about and says nothing more of.
    pub(crate) fn opening(&self) -> Moment {
        Moment {
            correlation: None,
            late: false,
            ..self.clone()
        }
    }

    /// That of a timer.
    pub(crate) fn of_timer(deadline: Timestamp) -> Moment {
        Moment {
            created: deadline,
            received: deadline,
            trigger: Some(Trigger::Timer(deadline)),
            ..Moment::default()
        }
    }

    /// The same moment, because of something else.
    pub(crate) fn because_of(&self, cause: &EventId) -> Moment {
        let correlation = Some(cause.0.clone()).filter(|id| !id.is_empty());
        Moment {
            correlation,
            ..self.clone()
        }
    }
}

/// Says what happens in one moment to one visitor.
#[derive(Debug)]
pub(crate) struct Teller<'a> {
    pub(crate) compiled: &'a Compiled,
    pub(crate) words: &'a Words,
    pub(crate) customer: &'a CustomerId,
    pub(crate) deployment: DeploymentId,
    pub(crate) now: Moment,
    pub(crate) out: &'a mut Vec<Output>,
}

impl Teller<'_> {
    /// The next journey event of a visit, without the visit so far.
    pub(crate) fn envelope(&self, memory: &mut Memory, visit: &Visit, about: About) -> Told {
        memory.sequence += 1;
        Told {
            id: memory.event_id(),
            created_date: self.now.created,
            received_date: self.now.received,
            correlation_id: self.now.correlation.clone(),
            deployment_id: self.deployment.clone(),
            customer_id: self.customer.clone(),
            visit_id: memory.id.clone(),
            sequence: memory.sequence,
            authenticated: visit.authenticated,
            consent: visit.consent(),
            page_class: memory.page_class(visit),
            late: self.now.late,
            bot: visit.bot,
            definitions_version: self.compiled.version(),
            visit: None,
            about,
        }
    }

    /// The visitor, as other systems refer to them.
    pub(crate) fn customer(&self) -> Customer {
        Customer {
            id: self.customer.0.clone(),
            id_type: self.words.cookie.clone(),
        }
    }

    /// A visit, as other systems refer to it.
    pub(crate) fn session(&self, memory: &Memory) -> Reference {
        Reference {
            id: memory.id.0.clone(),
            kind: self.words.web.clone(),
        }
    }

    /// Says it.
    pub(crate) fn tell(&mut self, told: Told) {
        self.out.push(Output::Event {
            event: Box::new(told),
            trigger: self.now.trigger,
        });
    }

    /// Counts one more.
    pub(crate) fn count(&mut self, counter: &'static Counter, label: &'static str) {
        self.out.push(Output::Count(counter, label));
    }

    /// Says it of a visit, with the visit so far.
    pub(crate) fn tell_of(&mut self, memory: &mut Memory, visit: &Visit, about: About) {
        let mut told = self.envelope(memory, visit, about);
        told.visit = Some(summary(memory, visit));
        self.tell(told);
    }

    /// Signals demand of a visit, in the interval of `at`.
    pub(crate) fn signal(
        &mut self,
        id: &[&[u8]],
        to: Demand<'_>,
        field: &str,
        at: Timestamp,
        delta: i64,
    ) {
        let signal = DemandSignal {
            id: id::derive(id),
            route_path_id: to.route_path.into(),
            interval_start: at.floor(staffing::INTERVAL),
            action_map: to.action_map.clone(),
            field: field.into(),
            reason: to.reason.map(Text::from),
            delta,
            time: self.now.created,
            received_date: self.now.received,
        };
        self.out.push(Output::Demand {
            signal: Box::new(signal),
            trigger: self.now.trigger,
        });
    }
}

/// Whose demand moves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demand<'a> {
    pub(crate) route_path: &'a str,
    pub(crate) action_map: &'a Versioned,
    pub(crate) reason: Option<&'a str>,
}

/// The visit so far, as journey events carry it. Of a visit that saw a `count_only` page no page and no search is told.
fn summary(memory: &Memory, visit: &Visit) -> Summary {
    Summary {
        visit: visit.clone(),
        pages: visit.page_class() != COUNT_ONLY && memory.stay.page_class != COUNT_ONLY,
        segments: memory.segments.clone(),
        outcomes: memory.outcomes.clone(),
    }
}
