//! How visits turn and end by themselves, and before their time; and what a cap leaves behind.

use std::{cmp::Reverse, mem};

use journey::{
    Millis, TaskTime, Timestamp,
    visit::{end_reason, kind},
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
    visitor::{Span, Visitor},
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

    /// Whether there was no silence beyond the timeout between this one and another, whose timeout is the same. Of two timeouts
    /// each has its own end.
    fn touches(&self, other: &Stub) -> bool {
        self.timeout == other.timeout && (self.reaches(other.first) || other.reaches(self.first))
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
            timer::WITHDRAWN => return self.withdrawn = Vec::new(),
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

    /// When each visit and each stub is over if nothing happens: at its own deadline, and no later than what follows it, across
    /// which it would reach otherwise. That is sooner only where its timeout is a longer one. Beyond a stub a seal ends nothing: the
    /// stub stays between the two.
    fn deadlines(&self) -> (Vec<Timestamp>, Vec<Timestamp>) {
        let mut visits: Vec<_> = self.visits.iter().map(OpenVisit::deadline).collect();
        let mut stubs: Vec<_> = self.stubs.iter().map(Stub::deadline).collect();
        if visits.len() + stubs.len() < 2 {
            return (visits, stubs);
        }
        let mut spans: Vec<_> = self.spans().collect();
        spans.sort_by_key(|(first, _)| Reverse(*first));
        // The soonest so far, of what no stub keeps apart from the rest, and of seals since the last stub.
        let (mut next, mut seal) = (Timestamp::MAX, Timestamp::MAX);
        for (_, span) in spans {
            let (deadline, sealed) = match span {
                Span::Visit(i) => (&mut visits[i], self.visits[i].sealed.is_some()),
                Span::Stub(i) => {
                    seal = Timestamp::MAX;
                    (&mut stubs[i], false)
                }
            };
            let soonest = if sealed { &mut seal } else { &mut next };
            *soonest = (*soonest).min(*deadline);
            *deadline = next.min(seal);
        }
        (visits, stubs)
    }

    /// All that is over at this deadline, in order of time.
    fn end_due(&mut self, deadline: Timestamp, out: &mut Vec<Output>) {
        let (visits, stubs) = self.deadlines();
        let mut over: Vec<_> = visits
            .iter()
            .zip(&self.visits)
            .filter(|(over, _)| **over == deadline)
            .map(|(_, visit)| visit.visit.created_date)
            .collect();
        over.sort_unstable();
        for created in over {
            let visit = |visit: &OpenVisit| visit.visit.created_date == created;
            if let Some(index) = self.visits.iter().position(visit) {
                let reason = self.visits[index].reason_at(deadline);
                self.end(index, deadline, reason, Cause::timer(deadline), out);
            }
        }
        let mut due = stubs.iter().map(|over| *over == deadline);
        let lifetime = &mut self.lifetime;
        self.stubs.retain(|stub| {
            let due = due.next().unwrap_or_default();
            if let (true, Some(lifetime)) = (due, lifetime.as_mut()) {
                lifetime.see(stub.last);
            }
            !due
        });
        if self.is_at_rest() {
            self.rate = Rate::default();
        }
    }

    /// A visit ends at `at`. What is left of it comes back.
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
        let last = visit.visit.last_event_date;
        let at = at.max(last);
        let time = at.max(visit.last_transition);
        visit.visit.ended = Some((at, reason));
        out.push(Output::Visit(Happening {
            reason: Some(reason),
            ..Happening::of(kind::ENDED, time, &visit, cause)
        }));
        // Pings that extend nothing came after the last event, and were its own up to where another visit began.
        let floor = visit.visit.last_activity_date + Millis(1);
        let floor = visit.sealed.map_or(floor, |sealed| floor.min(sealed));
        for other in self
            .visits
            .iter_mut()
            .filter(|other| other.visit.created_date > last)
        {
            other.floor = other.floor.max(floor);
        }
        Stub {
            first: visit.visit.created_date,
            last,
            timeout: visit.policy().visit_timeout,
        }
    }

    /// Keeps what is left of a visit, as one with what is left of others if no silence and nothing else lies between them.
    pub(crate) fn leave(&mut self, mut stub: Stub) {
        while let Some(near) = self
            .stubs
            .iter()
            .position(|known| self.is_near(known, &stub))
        {
            let near = self.stubs.remove(near);
            stub.cover(near.first);
            stub.cover(near.last);
        }
        self.stubs.push(stub);
    }

    fn is_near(&self, known: &Stub, stub: &Stub) -> bool {
        let between = known.last.min(stub.last)..known.first.max(stub.first);
        let mut others = self
            .spans()
            .map(|(first, _)| first)
            .filter(|first| *first != known.first);
        known.touches(stub) && !others.any(|first| between.contains(&first))
    }

    /// Every visit ends, for a reason that lies in the visitor; in order of time. All that is left is up to when events are
    /// forgotten: what happened before the record did, or came before it in the log, begins no visit any more. What was withdrawn
    /// beyond that still holds.
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
        for deadline in self.deadlines().0 {
            let (at, reason) = if deadline < record.occurred_at {
                (deadline, self.visits[0].reason_at(deadline))
            } else {
                (record.occurred_at, reason)
            };
            self.end(0, at, reason, Cause::of(record), out);
        }
        let mut withdrawn = mem::take(&mut self.withdrawn);
        withdrawn.retain(|known| known.at > until);
        *self = Visitor {
            forgotten: Some(until).filter(|until| *until + FORGOTTEN_FOR >= time.watermark),
            withdrawn,
            ..Visitor::default()
        };
    }

    /// What the visitor weighs in the state at most.
    pub(crate) fn weight(&self) -> usize {
        let visits = self.visits.iter().map(OpenVisit::weight).sum::<usize>();
        let withdrawn = sizes::withdrawn_weight(&self.withdrawn);
        sizes::REST + visits + self.stubs.len() * sizes::STUB + withdrawn
    }

    /// Since when the visitor has been silent. Of one with no open visit: by the last event, or by what makes it forgotten or its
    /// consent narrower, which must not go before the events that it is held against.
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
            .max(self.withdrawn_until())
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
