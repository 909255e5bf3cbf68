//! What became of an offer: reports of the chat engine, and what follows from silence.
//!
//! Reports come in any order and more than once. Each state of an offer is told once, and once more where a report confirms
//! what was inferred. What demand sees is a function of what is known of the offer; a change is told as the difference.

use journey::{Text, Timestamp, journey_event::WebActionEvent};

use crate::{
    fields::fingerprint,
    input::Cause,
    known_offer::State,
    output::REPORTS_TOTAL,
    state::{KnownOffer, Memory},
    teller::{Demand, Teller},
    told::About,
    visit::Visit,
};

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Counted,
    Duplicate,
    Contradictory,
    Unknown,
}

impl Teller<'_> {
    /// Takes a report on an offer of the visit.
    pub(crate) fn report(
        &mut self,
        memory: &mut Memory,
        visit: &Visit,
        at: usize,
        cause: &Cause,
    ) -> Fate {
        let Some(report) = &cause.engagement else {
            return Fate::Unknown;
        };
        let Some(state) = State::parse(&report.action_state) else {
            return Fate::Unknown;
        };
        let mut offer = std::mem::take(&mut memory.offers[at]);
        let fate = offer.judge(state, fingerprint(cause.event_id.as_str()));
        if fate == Fate::Counted {
            let before = offer.counts();
            if report.conversation_id.is_some() {
                offer.conversation_id.clone_from(&report.conversation_id);
            }
            let now = self.now.created;
            for implied in offer.implied_by(state) {
                self.imply(memory, visit, &mut offer, *implied, now);
            }
            offer.reported |= state.bit();
            offer.learn(state, now, report.handle_time_seconds);
            let mut event = offer.event(state);
            event.time_to_disposition_millis = state
                .is_decision()
                .then(|| (now - offer.offered_at).0.max(0));
            self.tell_of(memory, visit, About::Action(event));
            self.signal_change(&mut offer, before);
        }
        memory.offers[at] = offer;
        fate
    }

    /// A state that nobody reported and that must have been.
    fn imply(
        &mut self,
        memory: &mut Memory,
        visit: &Visit,
        offer: &mut KnownOffer,
        state: State,
        now: Timestamp,
    ) {
        let known = match state {
            State::Accepted => offer.decision == State::Accepted.bit(),
            state => offer.has_told(state),
        };
        if known {
            return;
        }
        let told = offer.has_told(state);
        offer.learn(state, now, None);
        if !told {
            let event = WebActionEvent {
                inferred: true,
                ..offer.event(state)
            };
            self.tell_of(memory, visit, About::Action(event));
        }
    }

    /// Nobody reported on the invitation in time.
    pub(crate) fn silence(&mut self, memory: &mut Memory, visit: &Visit, deadline: Timestamp) {
        self.each_offer(
            memory,
            visit,
            State::TimedOut,
            |offer| offer.silent_at() == Some(deadline),
            |_| {},
        );
    }

    /// Nobody reported on the conversation in time.
    pub(crate) fn unresolved(&mut self, memory: &mut Memory, visit: &Visit, deadline: Timestamp) {
        let due = |offer: &KnownOffer| offer.unresolved_at() == Some(deadline);
        self.each_offer(memory, visit, State::Unresolved, due, |offer| {
            offer.unresolved = true
        });
    }

    fn each_offer(
        &mut self,
        memory: &mut Memory,
        visit: &Visit,
        state: State,
        due: impl Fn(&KnownOffer) -> bool,
        change: impl Fn(&mut KnownOffer),
    ) {
        for at in 0..memory.offers.len() {
            if !due(&memory.offers[at]) {
                continue;
            }
            let mut offer = std::mem::take(&mut memory.offers[at]);
            let before = offer.counts();
            offer.learn(state, self.now.created, None);
            change(&mut offer);
            self.now.correlation = Some(offer.id.0.clone());
            let event = WebActionEvent {
                inferred: true,
                ..offer.event(state)
            };
            self.tell_of(memory, visit, About::Action(event));
            self.signal_change(&mut offer, before);
            memory.offers[at] = offer;
        }
    }

    /// Signals the difference between what the offer counted for and what it counts for now: what is taken back first.
    pub(crate) fn signal_change(
        &mut self,
        offer: &mut KnownOffer,
        before: Vec<(&'static str, Timestamp, i64)>,
    ) {
        let Some(route_path) = offer.route_path.clone() else {
            return;
        };
        let after = offer.counts();
        let amount = |counts: &[(&'static str, Timestamp, i64)], field: &str, at: Timestamp| {
            counts
                .iter()
                .find(|count| count.0 == field && count.1 == at)
                .map_or(0, |count| count.2)
        };
        let taken = before
            .iter()
            .map(|(field, at, was)| (*field, *at, amount(&after, field, *at) - was));
        let added = after
            .iter()
            .map(|(field, at, is)| (*field, *at, is - amount(&before, field, *at)));
        let taken = taken.filter(|change| change.2 < 0);
        let changes: Vec<_> = taken.chain(added.filter(|change| change.2 > 0)).collect();
        let action_map = offer.action_map.clone();
        for (field, at, delta) in changes {
            offer.signals += 1;
            let demand = Demand {
                route_path: route_path.as_str(),
                action_map: &action_map,
                reason: None,
            };
            self.signal(
                &[offer.id.as_str().as_bytes(), &offer.signals.to_be_bytes()],
                demand,
                field,
                at,
                delta,
            );
        }
    }

    /// Counts what became of a report, and settles the record's own fate.
    pub(crate) fn count_report(&mut self, fate: Fate) {
        self.count(&REPORTS_TOTAL, fate.as_str());
    }
}

impl Fate {
    /// In metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Fate::Counted => "counted",
            Fate::Duplicate => "duplicate_report",
            Fate::Contradictory => "contradictory_report",
            Fate::Unknown => "unknown_state",
        }
    }
}

/// Which offer a report is about, as far as it says.
pub(crate) fn offer_id(cause: &Cause) -> Option<&Text> {
    cause.engagement.as_ref().map(|report| &report.offer_id)
}
