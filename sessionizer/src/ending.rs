//! How visits turn and end by themselves, and before their time; and what a cap leaves behind.

use journey::{
    Millis, TaskTime, Timestamp,
    visit::{end_reason, kind},
    web_event::Control,
};
use pipeline::Timer;

use crate::{
    event::Event,
    lifetime::Lifetime,
    open_visit::{OpenVisit, timer},
    output::{Cause, Happening, Output},
    rate::Rate,
    sizes,
    so_far::Presence,
    visitor::Visitor,
};

/// For how long, by the watermark, it is remembered up to when a visitor's events are forgotten: as long as the longest
/// timeout that a deployment may have, so that no visit reaches back beyond it afterwards.
pub(crate) const FORGOTTEN_FOR: Millis = Millis::from_mins(120);

/// What is left of a visit that a cap ended: it suppresses until the visitor has been silent for the timeout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stub {
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    pub(crate) timeout: Millis,
}

impl Stub {
    pub(crate) fn deadline(&self) -> Timestamp {
        self.last + self.timeout
    }

    pub(crate) fn reaches(&self, at: Timestamp) -> bool {
        at <= self.deadline() && self.first - at <= self.timeout
    }

    /// The visitor was not silent at `at`.
    pub(crate) fn cover(&mut self, at: Timestamp) {
        self.first = self.first.min(at);
        self.last = self.last.max(at);
    }

    /// Whether there was no silence beyond the timeout between this one and another.
    fn touches(&self, other: &Stub) -> bool {
        self.reaches(other.first) || other.reaches(self.first)
    }
}

impl Visitor {
    /// A timer is due: every visit that waits for it hears of it.
    pub(crate) fn fire(&mut self, due: Timer, out: &mut Vec<Output>) {
        let (presence, kind) = match due.kind {
            timer::IDLE => (Presence::Idle, kind::IDLE),
            timer::AWAY => (Presence::Away, kind::AWAY),
            timer::FORGOTTEN => return self.forgotten = None,
            timer::LIFETIME => return self.lifetime = None,
            _ => return self.end_due(due.deadline, out),
        };
        for visit in &mut self.visits {
            if visit.next_signal() == Some((due.deadline, due.kind)) {
                let time = visit.turn(presence, due.deadline);
                out.push(Output::Visit(Happening::of(
                    kind,
                    time,
                    visit,
                    Cause::timer(due.deadline),
                )));
            }
        }
    }

    /// What is over at its deadline, and with it the visits before it, which would otherwise reach on across it: their timeout was
    /// a longer one.
    fn end_due(&mut self, deadline: Timestamp, out: &mut Vec<Output>) {
        let visits = self
            .visits
            .iter()
            .filter(|visit| visit.deadline() == deadline)
            .map(|visit| visit.visit.created_date);
        let stubs = self
            .stubs
            .iter()
            .filter(|stub| stub.deadline() == deadline)
            .map(|stub| stub.first);
        let until = visits.chain(stubs).max();
        let over = |visits: &[OpenVisit]| {
            let firsts = visits.iter().map(|visit| visit.visit.created_date);
            let first = firsts.enumerate().min_by_key(|(_, first)| *first);
            first
                .filter(|(_, first)| Some(*first) <= until)
                .map(|(index, _)| index)
        };
        while let Some(index) = over(&self.visits) {
            let reason = self.visits[index].reason();
            self.end(index, deadline, reason, Cause::timer(deadline), out);
        }
        if let Some(lifetime) = &mut self.lifetime {
            let over = self.stubs.iter().filter(|stub| stub.deadline() == deadline);
            over.for_each(|stub| lifetime.see(stub.last));
        }
        self.stubs.retain(|stub| stub.deadline() != deadline);
        if self.is_at_rest() {
            self.rate = Rate::default();
        }
    }

    /// A visit ends at `at`, or at its own deadline if that came first. What is left of it comes back.
    pub(crate) fn end(
        &mut self,
        index: usize,
        at: Timestamp,
        reason: &'static str,
        cause: Cause,
        out: &mut Vec<Output>,
    ) -> Stub {
        let mut visit = self.visits.remove(index);
        if self.visits.is_empty() {
            // What is remembered of a visitor for months must not hold the room of a visit.
            self.visits = Vec::new();
        }
        let deadline = visit.deadline();
        let (at, reason) = if deadline < at {
            (deadline, visit.reason())
        } else {
            (at, reason)
        };
        let last = visit.visit.last_event_date;
        let at = at.max(last);
        let time = at.max(visit.last_transition);
        visit.visit.ended = Some((at, reason));
        out.push(Output::Visit(Happening {
            reason: Some(reason),
            ..Happening::of(kind::ENDED, time, &visit, cause)
        }));
        for other in self
            .visits
            .iter_mut()
            .filter(|other| other.visit.created_date > last)
        {
            other.floor = other.floor.max(last + Millis(1));
        }
        Stub {
            first: visit.visit.created_date,
            last,
            timeout: visit.policy().visit_timeout,
        }
    }

    /// Keeps what is left of a visit, as one with what is left of another if no silence and no visit lies between them.
    pub(crate) fn leave(&mut self, stub: Stub) {
        let apart = |known: &Stub| {
            let between = known.last.min(stub.last)..known.first.max(stub.first);
            self.visits
                .iter()
                .any(|visit| between.contains(&visit.visit.created_date))
        };
        let near = |known: &Stub| known.touches(&stub) && !apart(known);
        match self.stubs.iter().position(near) {
            None => self.stubs.push(stub),
            Some(known) => {
                let known = &mut self.stubs[known];
                known.cover(stub.first);
                known.cover(stub.last);
                known.timeout = known.timeout.max(stub.timeout);
            }
        }
    }

    /// Every visit ends, for a reason that lies in the visitor; in order of time. All that is left is up to when events are
    /// forgotten: what happened before the record did, or came before it in the log, begins no visit any more.
    pub(crate) fn forget(
        &mut self,
        time: &TaskTime,
        reason: &'static str,
        record: &Event,
        out: &mut Vec<Output>,
    ) {
        let known = self.lifetime.iter().map(Lifetime::last_seen);
        let known = known.chain(self.stubs.iter().map(|stub| stub.last));
        let until = known
            .chain(self.forgotten)
            .fold(record.occurred_at, Timestamp::max);
        self.visits.sort_by_key(|visit| visit.visit.created_date);
        while !self.visits.is_empty() {
            self.end(0, record.occurred_at, reason, Cause::of(record), out);
        }
        *self = Visitor {
            forgotten: Some(until).filter(|until| *until + FORGOTTEN_FOR >= time.watermark),
            ..Visitor::default()
        };
    }

    /// Consent is withdrawn for other purposes than visits: what is open goes on, and says so.
    pub(crate) fn narrow_consent(&mut self, asked: &Control, at: Timestamp) {
        for visit in &mut self.visits {
            visit.narrow_consent(asked, at);
        }
    }

    /// What the visitor weighs in the state at most.
    pub(crate) fn weight(&self) -> usize {
        let visits = self.visits.iter().map(OpenVisit::weight).sum::<usize>();
        sizes::REST + visits + self.stubs.len() * sizes::STUB
    }

    /// Since when the visitor has been silent. Of one with no open visit: by the last event, or by what makes it forgotten, which
    /// must not go before the events that it keeps out.
    pub(crate) fn silent_since(&self) -> Timestamp {
        let visits = self
            .visits
            .iter()
            .map(|visit| visit.visit.last_activity_date);
        visits
            .chain(self.stubs.iter().map(|stub| stub.last))
            .max()
            .or(self.lifetime.as_ref().map(Lifetime::last_seen))
            .max(self.forgotten)
            .unwrap_or(Timestamp::MIN)
    }

    /// There are too many visitors, and this one goes: every visit ends where it is, in order of time.
    pub(crate) fn end_at_limit(&mut self, frontier: Timestamp, out: &mut Vec<Output>) {
        self.visits.sort_by_key(|visit| visit.visit.created_date);
        while let Some(visit) = self.visits.first() {
            let at = visit.visit.last_event_date;
            let cause = Cause::timer(frontier.max(at));
            self.end(0, at, end_reason::LIMIT, cause, out);
        }
        self.stubs.clear();
    }

    /// Keeps the state within its size: the earliest visits of a visitor with far too many of them end where they are.
    pub(crate) fn bound(&mut self, cause: Cause, out: &mut Vec<Output>) {
        while self.visits.len() > sizes::SAFE_VISITS && self.weight() > sizes::STATE {
            let firsts = self
                .visits
                .iter()
                .map(|visit| visit.visit.created_date)
                .enumerate();
            let earliest = firsts
                .min_by_key(|(_, first)| *first)
                .map_or(0, |(index, _)| index);
            let at = self.visits[earliest].visit.last_event_date;
            let stub = self.end(earliest, at, end_reason::TOO_LARGE, cause, out);
            self.leave(stub);
        }
    }
}
