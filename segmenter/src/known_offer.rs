//! What is known of an offer: which states were reported, which follow, and what it counts for.

use journey::{Timestamp, demand::field, journey_event::WebActionEvent, staffing};

use crate::{reports::Fate, state::KnownOffer};

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
    pub(crate) fn parse(text: &str) -> Option<State> {
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

    pub(crate) fn is_decision(self) -> bool {
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

    pub(crate) fn has_told(&self, state: State) -> bool {
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
    pub(crate) fn implied_by(&self, state: State) -> &'static [State] {
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
    pub(crate) fn learn(&mut self, state: State, at: Timestamp, handle_seconds: Option<i64>) {
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

impl KnownOffer {
    pub(crate) fn judge(&mut self, state: State, report: u64) -> Fate {
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
