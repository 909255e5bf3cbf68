//! What became of an offer: reports of the chat engine, and what follows from silence.
//!
//! Reports come in any order and more than once. Each state of an offer is told once, and once more where a report confirms
//! what was inferred. What demand sees is a function of what is known of the offer; a change is told as the difference.

use journey::{
    Text, Timestamp, Visit, WebEvent, demand::field, journey_event::WebActionEvent, staffing,
};

use crate::{
    fields::fingerprint,
    output::REPORTS_TOTAL,
    state::{KnownOffer, Memory},
    teller::{Demand, Teller},
};

/// The most reports of one offer whose ids are remembered.
const REPORTS: usize = 32;

/// The states of an action, as Genesys names them, and three of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Qualified,
    Offered,
    Accepted,
    Rejected,
    TimedOut,
    Ignored,
    Errored,
    Started,
    Engaged,
    Abandoned,
    Completed,
    Withdrawn,
    Unresolved,
}

impl State {
    /// On the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            State::Qualified => "qualified",
            State::Offered => "offered",
            State::Accepted => "accepted",
            State::Rejected => "rejected",
            State::TimedOut => "timedout",
            State::Ignored => "ignored",
            State::Errored => "errored",
            State::Started => "started",
            State::Engaged => "engaged",
            State::Abandoned => "abandoned",
            State::Completed => "completed",
            State::Withdrawn => "withdrawn",
            State::Unresolved => "unresolved",
        }
    }

    /// A state that the chat engine may report.
    fn parse(text: &str) -> Option<State> {
        let reported = [
            State::Offered,
            State::Started,
            State::Engaged,
            State::Abandoned,
            State::Completed,
        ];
        let all = reported.into_iter().chain(DECISIONS);
        all.into_iter().find(|state| state.as_str() == text)
    }

    /// Its bit in a state's set of states.
    pub(crate) fn bit(self) -> u32 {
        1 << self as u32
    }

    fn is_decision(self) -> bool {
        DECISIONS.contains(&self)
    }
}

/// What a visitor may make of an invitation.
const DECISIONS: [State; 5] = [
    State::Accepted,
    State::Rejected,
    State::TimedOut,
    State::Ignored,
    State::Errored,
];

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Counted,
    Duplicate,
    Contradictory,
    Unknown,
}

impl KnownOffer {
    /// The action's event at a state.
    pub(crate) fn event(&self, state: State) -> WebActionEvent {
        WebActionEvent {
            action_id: self.id.0.clone(),
            action_map: self.action_map.clone(),
            action_state: state.as_str().into(),
            conversation_id: self.conversation_id.clone(),
            ..WebActionEvent::default()
        }
    }

    fn has_told(&self, state: State) -> bool {
        self.told & state.bit() != 0
    }

    fn has_reported(&self, state: State) -> bool {
        self.reported & state.bit() != 0
    }

    /// Whether it is known how the conversation went.
    pub(crate) fn is_resolved(&self) -> bool {
        self.has_reported(State::Completed) || self.is_abandoned()
    }

    fn is_abandoned(&self) -> bool {
        self.has_reported(State::Abandoned) && !self.has_reported(State::Engaged)
    }

    /// Whether a report says the opposite of what is known.
    fn contradicts(&self, state: State) -> bool {
        match state {
            State::Rejected | State::TimedOut | State::Ignored | State::Errored => {
                self.decision == State::Accepted.bit() || self.reported & self.decision != 0
            }
            State::Abandoned => self.has_reported(State::Engaged),
            _ => false,
        }
    }

    /// The states that a report implies, the first one first.
    fn implied_by(&self, state: State) -> &'static [State] {
        match state {
            State::Started => &[State::Accepted],
            State::Engaged | State::Abandoned => &[State::Accepted, State::Started],
            State::Completed if self.is_abandoned() => &[State::Accepted, State::Started],
            State::Completed => &[State::Accepted, State::Started, State::Engaged],
            _ => &[],
        }
    }

    /// What the offer counts for, each in its interval: never less than nothing.
    pub(crate) fn counts(&self) -> Vec<(&'static str, Timestamp, i64)> {
        let mut counts = vec![(field::INVITATIONS_OFFERED, interval(self.offered_at), 1)];
        let decided = DECISIONS
            .into_iter()
            .find(|state| state.bit() == self.decision);
        if let Some(decided) = decided {
            counts.push((decision_field(decided), interval(self.offered_at), 1));
        }
        let Some(started_at) = self.started_at.map(interval) else {
            return counts;
        };
        counts.push((field::INTERACTIONS_OFFERED, started_at, 1));
        let completed = self.has_reported(State::Completed);
        if self.is_abandoned() {
            counts.push((field::INTERACTIONS_ABANDONED, started_at, 1));
        } else if self.has_reported(State::Engaged) || completed {
            counts.push((field::INTERACTIONS_ANSWERED, started_at, 1));
        }
        if self.unresolved && !self.is_resolved() {
            counts.push((field::INTERACTIONS_UNRESOLVED, started_at, 1));
        }
        if let Some(completed_at) = self
            .completed_at
            .map(interval)
            .filter(|_| completed && !self.is_abandoned())
        {
            counts.push((field::INTERACTIONS_HANDLED, completed_at, 1));
            counts.push((
                field::TOTAL_HANDLE_TIME_SECONDS,
                completed_at,
                self.handle_seconds,
            ));
        }
        counts
    }

    /// Takes what is reported or inferred into account.
    fn learn(&mut self, state: State, at: Timestamp, handle_seconds: Option<i64>) {
        match state {
            State::Started => self.started_at = Some(at),
            State::Completed => {
                self.completed_at = Some(at);
                self.handle_seconds = handle_seconds.unwrap_or(0).max(0);
            }
            state if state.is_decision() => {
                self.decision = state.bit();
                self.open = None;
            }
            _ => {}
        }
        self.told |= state.bit();
    }
}

fn interval(at: Timestamp) -> Timestamp {
    at.floor(staffing::INTERVAL)
}

fn decision_field(state: State) -> &'static str {
    match state {
        State::Rejected => field::INVITATIONS_REJECTED,
        State::TimedOut => field::INVITATIONS_TIMED_OUT,
        State::Ignored => field::INVITATIONS_IGNORED,
        State::Errored => field::INVITATIONS_ERRORED,
        _ => field::INVITATIONS_ACCEPTED,
    }
}

impl Teller<'_> {
    /// Takes a report on an offer of the visit.
    pub(crate) fn report(
        &mut self,
        memory: &mut Memory,
        visit: &Visit,
        at: usize,
        cause: &WebEvent,
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
            self.tell_action(memory, visit, event);
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
            self.tell_action(memory, visit, event);
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
            self.tell_action(
                memory,
                visit,
                WebActionEvent {
                    inferred: true,
                    ..offer.event(state)
                },
            );
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

impl KnownOffer {
    fn judge(&mut self, state: State, report: u64) -> Fate {
        if self.reports.contains(&report) {
            return Fate::Duplicate;
        }
        if self.reports.len() == REPORTS {
            self.reports.remove(0);
        }
        self.reports.push(report);
        if self.has_reported(state) || state == State::Offered {
            Fate::Duplicate
        } else if self.contradicts(state) {
            Fate::Contradictory
        } else {
            Fate::Counted
        }
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
pub(crate) fn offer_id(cause: &WebEvent) -> Option<&Text> {
    cause.engagement.as_ref().map(|report| &report.offer_id)
}
