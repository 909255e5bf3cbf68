//! What is remembered of a visitor: each visit as the segmenter sees it. Its encoding is canonical.

use journey::{
    DeploymentId, EventId, Millis, Offer, OfferId, RoutePathId, Text, Timestamp, VisitId, id,
    journey_event::{OutcomeAchievement, SegmentAssignment, Versioned},
};
use pipeline::{By, Timers};
use schemas::record;

use crate::visit::Visit;

/// How long after its expiry an offer waits for a report.
pub(crate) const SILENCE: Millis = Millis::from_secs(30);
/// How long a conversation may run before nobody is expected to say what became of it.
pub(crate) const UNRESOLVED: Millis = Millis::from_mins(4 * 60);
/// How long after its visit an offer stays known.
pub(crate) const KNOWN: Millis = Millis::from_mins(24 * 60);

/// What a timer is for. Of two with the same deadline the lower one fires first.
pub(crate) mod timer {
    /// An offer that nobody reported on.
    pub(crate) const SILENCE: u8 = 0;
    /// A visitor who stayed on a page.
    pub(crate) const DWELL: u8 = 1;
    /// A conversation that nobody reported on.
    pub(crate) const UNRESOLVED: u8 = 2;
    /// A visit that nobody can report on any more.
    pub(crate) const FORGET: u8 = 3;
}

/// What is remembered of a visitor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Visitor {
    /// Where.
    pub(crate) deployment_id: DeploymentId,
    /// In the order in which they were first heard of.
    pub(crate) visits: Vec<Memory>,
}

/// What is remembered of a visit.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Memory {
    pub(crate) id: VisitId,
    /// The sequence of the last journey event.
    pub(crate) sequence: i64,
    /// Of one that was first heard of when it was under way: when. What was told of it before is forgotten.
    pub(crate) heard_at: Option<Timestamp>,
    /// When it ended; open if absent.
    pub(crate) ended_at: Option<Timestamp>,
    /// When another one followed it by a new source, though its end is yet to be told.
    pub(crate) left_at: Option<Timestamp>,
    /// It ended because consent did: the control record that says so follows.
    pub(crate) awaits_control: bool,
    /// When it will end unless something happens.
    pub(crate) ends_at: Timestamp,
    /// The visitor is away.
    pub(crate) away: bool,
    /// When the visitor last came back.
    pub(crate) back_at: Option<Timestamp>,
    /// The page that the visit is on.
    pub(crate) stay: Stay,
    /// What the visit looked like when contexts were last compared.
    pub(crate) context: u64,
    /// In order of assignment.
    pub(crate) segments: Vec<SegmentAssignment>,
    /// In order of achievement.
    pub(crate) outcomes: Vec<OutcomeAchievement>,
    /// Action maps, in order of qualification.
    pub(crate) qualified: Vec<Text>,
    /// Route paths that the visit qualified for, and in which interval.
    pub(crate) active: Vec<(RoutePathId, Timestamp)>,
    /// Rules that are begun, in no order but that of beginning.
    pub(crate) progress: Vec<Progress>,
    /// Dwell clocks of this stay.
    pub(crate) clocks: Vec<Clock>,
    /// Offers made in the visit, or in one that was merged into it.
    pub(crate) offers: Vec<KnownOffer>,
    /// The visit as last seen, as long as something may have to be told with no record that shows it.
    pub(crate) seen: Option<Box<Visit>>,
}

/// The page that a visit is on, and since when.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Stay {
    pub(crate) url: Text,
    pub(crate) since: Option<Timestamp>,
    pub(crate) page_class: Text,
}

/// How far a visit is in a rule.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Progress {
    pub(crate) kind: u8,
    pub(crate) rule: Versioned,
    /// Steps that are met.
    pub(crate) step: u32,
    /// How often the next one was.
    pub(crate) count: u32,
    /// Of an outcome: what the last matching event said.
    pub(crate) value: Option<f64>,
    /// The events that matched, the first few.
    pub(crate) evidence: Vec<EventId>,
}

/// A dwell that began with an event on the visit's page.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Clock {
    pub(crate) kind: u8,
    pub(crate) rule: Versioned,
    pub(crate) step: u32,
    /// The event that set it going.
    pub(crate) event_id: EventId,
    /// Not before this.
    pub(crate) armed_at: Timestamp,
    pub(crate) start: Timestamp,
    pub(crate) dwell: Millis,
    pub(crate) presence: bool,
    /// The visitor is away.
    pub(crate) paused: bool,
    /// One stay is one dwell.
    pub(crate) fired: bool,
}

/// What is known of an offer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct KnownOffer {
    pub(crate) id: OfferId,
    pub(crate) action_map: Versioned,
    pub(crate) route_path: Option<RoutePathId>,
    pub(crate) offered_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    /// As it was made, while it is open.
    pub(crate) open: Option<Box<Offer>>,
    /// States that were told, one bit each.
    pub(crate) told: u32,
    /// States that were reported, one bit each.
    pub(crate) reported: u32,
    /// What the visitor decided: a state's bit.
    pub(crate) decision: u32,
    /// Of the conversation.
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) completed_at: Option<Timestamp>,
    pub(crate) handle_seconds: i64,
    pub(crate) unresolved: bool,
    pub(crate) conversation_id: Option<Text>,
    /// Short stand-ins of the ids of reports, the last few.
    pub(crate) reports: Vec<u64>,
    /// Demand signals so far.
    pub(crate) signals: i64,
}

record!(Visitor {
    deployment_id,
    visits
});
record!(Memory {
    id,
    sequence,
    heard_at,
    ended_at,
    left_at,
    awaits_control,
    ends_at,
    away,
    back_at,
    stay,
    context,
    segments,
    outcomes,
    qualified,
    active,
    progress,
    clocks,
    offers,
    seen,
});
record!(Stay {
    url,
    since,
    page_class
});
record!(Progress {
    kind,
    rule,
    step,
    count,
    value,
    evidence
});
record!(Clock {
    kind,
    rule,
    step,
    event_id,
    armed_at,
    start,
    dwell,
    presence,
    paused,
    fired
});
record!(KnownOffer {
    id,
    action_map,
    route_path,
    offered_at,
    expires_at,
    open,
    told,
    reported,
    decision,
    started_at,
    completed_at,
    handle_seconds,
    unresolved,
    conversation_id,
    reports,
    signals,
});

impl Visitor {
    /// The memory of a visit, made if there is none.
    pub(crate) fn visit(&mut self, id: &VisitId) -> &mut Memory {
        let at = self
            .visits
            .iter()
            .position(|memory| memory.id == *id)
            .unwrap_or_else(|| {
                self.visits.reserve_exact(1);
                self.visits.push(Memory {
                    id: id.clone(),
                    ..Memory::default()
                });
                self.visits.len() - 1
            });
        &mut self.visits[at]
    }

    /// The memory of a visit that began before: made, if there is none, as one that others have heard of.
    pub(crate) fn under_way(&mut self, id: &VisitId, at: Timestamp) -> &mut Memory {
        let memory = self.visit(id);
        if memory.sequence == 0 && memory.heard_at.is_none() {
            memory.heard_at = Some(at);
        }
        memory
    }

    /// What all visits wait for.
    pub(crate) fn timers(&self) -> Timers {
        let mut timers = Timers::default();
        for memory in &self.visits {
            timers = memory.timers(timers);
        }
        timers
    }

    /// Since when the visitor has been silent, or will have been, as far as is known.
    pub(crate) fn silent_since(&self) -> Timestamp {
        let ends = self.visits.iter();
        ends.map(|memory| memory.ended_at.unwrap_or(memory.ends_at))
            .max()
            .unwrap_or(Timestamp::MIN)
    }

    /// Drops visits that are over and that nobody can report on; `None` if none is left.
    pub(crate) fn settled(mut self) -> Option<Visitor> {
        self.visits.retain(|memory| {
            memory.ended_at.is_none() || memory.awaits_control || !memory.offers.is_empty()
        });
        (!self.visits.is_empty()).then_some(self)
    }
}

impl Memory {
    /// The class of the page that the visit is on; as long as that is not known, the strictest that it saw.
    pub(crate) fn page_class(&self, visit: &Visit) -> Text {
        match self.stay.url.is_empty() {
            true => visit.page_class().into(),
            false => self.stay.page_class.clone(),
        }
    }

    /// Whether an offer is out that the visitor has not decided on.
    pub(crate) fn open_offer(&self) -> Option<&KnownOffer> {
        self.offers.iter().find(|offer| offer.open.is_some())
    }

    /// The id of its last journey event. One that was heard of again has told its first sequences before.
    pub(crate) fn event_id(&self) -> Text {
        let id = self.id.as_str().as_bytes();
        let sequence = self.sequence.to_be_bytes();
        match self.heard_at {
            None => id::derive(&[id, &sequence]),
            Some(at) => id::derive(&[id, &sequence, &at.0.to_be_bytes()]),
        }
    }

    /// Whether it had begun before then and, as far as is known, has not ended.
    pub(crate) fn goes_on_at(&self, at: Timestamp) -> bool {
        let has_begun = self.stay.since.is_some_and(|since| since < at);
        self.ended_at.is_none() && has_begun && at <= self.ends_at
    }

    /// Keeps the visit as last seen, if something may have to be told without a record that shows it.
    pub(crate) fn keep(&mut self, visit: Visit) {
        self.seen = self.needs_visit().then(|| Box::new(visit.apart()));
    }

    /// Whether something may have to be told with no record that shows the visit.
    pub(crate) fn needs_visit(&self) -> bool {
        self.awaits_control
            || !self.offers.is_empty()
            || self.clocks.iter().any(|clock| !clock.fired)
    }

    /// Clocks that go, with their deadlines. One past the visit's own end never fires.
    pub(crate) fn deadlines(&self) -> impl Iterator<Item = (usize, Timestamp)> {
        let going = self
            .clocks
            .iter()
            .enumerate()
            .filter(|(_, clock)| !clock.paused && !clock.fired);
        going
            .map(|(at, clock)| (at, clock.deadline()))
            .filter(|(_, deadline)| *deadline < self.ends_at)
    }

    /// When nobody can report on the visit's offers any more, and nothing is to be said of them.
    pub(crate) fn forget_at(&self) -> Option<Timestamp> {
        let ended_at = self.ended_at?;
        // Whether a conversation is resolved by now does not count: a timer that fires must not bring this one forward.
        let conversations = self
            .offers
            .iter()
            .filter_map(|offer| offer.started_at.map(|at| at + UNRESOLVED));
        Some(conversations.fold(ended_at + KNOWN, Timestamp::max))
    }

    fn timers(&self, mut timers: Timers) -> Timers {
        for (_, deadline) in self.deadlines() {
            timers = timers.and(By::Frontier, deadline, timer::DWELL);
        }
        for offer in &self.offers {
            for (deadline, kind) in [
                (offer.silent_at(), timer::SILENCE),
                (offer.unresolved_at(), timer::UNRESOLVED),
            ] {
                if let Some(deadline) = deadline {
                    timers = timers.and(By::Frontier, deadline, kind);
                }
            }
        }
        match self.forget_at() {
            Some(last) => timers.and(By::Frontier, last, timer::FORGET),
            None => timers,
        }
    }
}

impl Clock {
    /// When the dwell is long enough.
    pub(crate) fn deadline(&self) -> Timestamp {
        (self.start + self.dwell).max(self.armed_at)
    }
}

impl KnownOffer {
    /// When nobody is expected to report on the invitation any more.
    pub(crate) fn silent_at(&self) -> Option<Timestamp> {
        self.open.as_ref().map(|_| self.expires_at + SILENCE)
    }

    /// When nobody is expected to report on the conversation any more.
    pub(crate) fn unresolved_at(&self) -> Option<Timestamp> {
        self.started_at
            .filter(|_| !self.unresolved && !self.is_resolved())
            .map(|at| at + UNRESOLVED)
    }
}
