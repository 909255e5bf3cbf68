//! One visitor: what an event leads to in the visit that it belongs to.

use journey::{CustomerId, TaskTime, Timestamp, visit::kind};
use pipeline::{By, Timers};

use crate::{
    consent::Withdrawal,
    ending::{FORGOTTEN_FOR, Stub},
    event::Event,
    lifetime::Lifetime,
    open_visit::{OpenVisit, timer},
    output::{Cause, Happening, Output, suppressed},
    rate::Rate,
    seen,
    so_far::Presence,
};

mod place;

use place::Place;
pub(crate) use place::Span;

/// What is remembered of one visitor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Visitor {
    /// In the order in which the log opened them.
    pub(crate) visits: Vec<OpenVisit>,
    /// What is left of visits that a cap ended.
    pub(crate) stubs: Vec<Stub>,
    /// Up to when events are forgotten: the visitor withdrew consent or was erased.
    pub(crate) forgotten: Option<Timestamp>,
    /// For what consent was withdrawn, each purpose once, until nothing older than the last may come in on time.
    pub(crate) withdrawn: Vec<Withdrawal>,
    /// All visits so far.
    pub(crate) lifetime: Option<Lifetime>,
    /// How fast the events come while any visit is open.
    pub(crate) rate: Rate,
}

impl Visitor {
    /// Nothing is left to remember.
    pub(crate) fn is_empty(&self) -> bool {
        self.is_at_rest()
            && self.forgotten.is_none()
            && self.withdrawn.is_empty()
            && self.lifetime.is_none()
    }

    /// No visit is open, and nothing is left of one.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.visits.is_empty() && self.stubs.is_empty()
    }

    /// What the visitor's visits wait for.
    pub(crate) fn timers(&self) -> Timers {
        let timers = self
            .visits
            .iter()
            .fold(Timers::default(), |timers, visit| visit.timers(timers));
        let timers = self.stubs.iter().fold(timers, |timers, stub| {
            timers.and(By::Watermark, stub.deadline(), timer::END)
        });
        let timers = match self.forgotten {
            Some(until) => timers.and(By::Watermark, until + FORGOTTEN_FOR, timer::FORGOTTEN),
            None => timers,
        };
        let timers = match self.withdrawn_until() {
            Some(until) => timers.and(By::Watermark, until, timer::WITHDRAWN),
            None => timers,
        };
        match &self.lifetime {
            Some(lifetime) if self.is_at_rest() => {
                timers.and(By::Watermark, lifetime.deadline(), timer::LIFETIME)
            }
            _ => timers,
        }
    }

    /// The visitor did something.
    pub(crate) fn take(
        &mut self,
        time: &TaskTime,
        key: &CustomerId,
        event: Event,
        out: &mut Vec<Output>,
    ) {
        if self
            .forgotten
            .is_some_and(|until| event.occurred_at <= until)
        {
            return out.push(Output::Suppressed(suppressed::FORGOTTEN));
        }
        let hash = seen::hash(&event.event_id);
        if self.visits.iter().any(|visit| visit.seen.contains(hash)) {
            return out.push(Output::Suppressed(suppressed::DUPLICATE));
        }
        let (at, cause) = (event.occurred_at, Cause::of(&event));
        // What extends no visit may come between its last event and its end, when the count is dropped: marks would decide.
        let robot = event.extends(&event.policy) && self.rate.exceeds(at, &event.policy);
        let late = at < time.watermark;
        let mut floor = time.watermark - event.policy.visit_timeout;
        let mut merged = false;
        let joined = match self.place(&event, late) {
            Place::Capped(stub) => {
                if event.extends(&event.policy) {
                    self.stubs[stub].cover(at);
                }
                return out.push(Output::Suppressed(suppressed::CAPPED));
            }
            Place::In(visit) => Some(visit),
            Place::Between(earlier, later) => {
                merged = true;
                Some(self.merge(earlier, later, at, cause, out))
            }
            Place::Leaving(visit, next) => {
                self.visits[visit].sealed = Some(at);
                floor = at;
                next.inspect(|next| self.visits[*next].floor = floor)
            }
            Place::Apart => None,
        };
        let arrival = Arrival {
            event,
            hash,
            late,
            merged,
            robot,
            time,
        };
        match joined {
            Some(visit) => self.join(visit, arrival, out),
            None => self.open(floor, key, arrival, out),
        }
        self.bound(cause, out);
    }

    /// Makes one visit of two. The one that the log opened first lives on; says where it stands now.
    fn merge(
        &mut self,
        earlier: usize,
        later: usize,
        at: Timestamp,
        cause: Cause,
        out: &mut Vec<Output>,
    ) -> usize {
        let (into, from) = (earlier.min(later), earlier.max(later));
        let other = self.visits.remove(from);
        let survivor = &mut self.visits[into];
        let merged_into = Some(survivor.visit.id.clone());
        let time = at.max(other.last_transition);
        out.push(Output::Visit(Happening {
            merged_into,
            ..Happening::of(kind::MERGED, time, &other, cause)
        }));
        let wakes = other.visit.presence == Presence::Active;
        survivor.unite(other);
        if wakes && survivor.may_resume() {
            let time = survivor.turn(Presence::Active, at);
            out.push(Output::Visit(Happening::of(
                kind::RESUMED,
                time,
                survivor,
                cause,
            )));
        }
        into
    }

    /// The event is part of an open visit, unless that has reached a cap.
    fn join(&mut self, index: usize, arrival: Arrival<'_>, out: &mut Vec<Output>) {
        let Arrival {
            event,
            hash,
            late,
            merged,
            robot,
            time,
        } = arrival;
        let (at, cause) = (event.occurred_at, Cause::of(&event));
        if let Some(reason) = self.visits[index].cap(&event) {
            let extends = event.extends(self.visits[index].policy());
            let mut stub = self.end(index, at, reason, cause, out);
            if extends {
                stub.cover(at);
            }
            self.leave(stub);
            return out.push(Output::Suppressed(suppressed::CAPPED));
        }
        let newer = at > self.visits[index].visit.last_activity_date;
        self.visits[index].absorb(&event, late);
        self.visits[index].heed(&self.withdrawn);
        self.count(&event);
        let visit = &mut self.visits[index];
        visit.visit.bot |= robot;
        visit.seen.insert(hash, at, time);
        if newer && visit.may_resume() {
            let time = visit.turn(Presence::Active, at);
            out.push(Output::Visit(Happening::of(
                kind::RESUMED,
                time,
                visit,
                cause,
            )));
        }
        let time = if merged {
            at.max(visit.last_transition)
        } else {
            at
        };
        let (ping, activity) = (
            event.is_ping(),
            Happening::of(kind::ACTIVITY, time, visit, cause),
        );
        out.push(Output::Visit(Happening {
            ping,
            late,
            cause: Some(event),
            ..activity
        }));
    }

    /// The event begins a visit, unless it is late, or a ping that extends none: what is late may belong to a visit that has ended.
    fn open(
        &mut self,
        floor: Timestamp,
        key: &CustomerId,
        arrival: Arrival<'_>,
        out: &mut Vec<Output>,
    ) {
        let Arrival {
            event,
            hash,
            late,
            robot,
            time,
            ..
        } = arrival;
        if late {
            return out.push(Output::Late(event.deployment_id.clone()));
        }
        let ping = event.is_ping();
        if ping && !event.policy.pings_extend {
            return out.push(Output::Suppressed(suppressed::PING));
        }
        let (at, cause) = (event.occurred_at, Cause::of(&event));
        let floor = self.floor(floor, at, time.watermark);
        let mut visit = OpenVisit::new(key, &event, floor);
        visit.absorb(&event, false);
        visit.visit.bot |= robot;
        visit.seen.insert(hash, at, time);
        visit.heed(&self.withdrawn);
        let lifetime = self
            .lifetime
            .get_or_insert_with(|| Lifetime::beginning(&event));
        visit.visit.number = lifetime.next_visit();
        // Most visitors have one visit open: room for four would be most of their state.
        self.visits.reserve_exact(1);
        self.visits.push(visit);
        self.count(&event);
        let visit = &self.visits[self.visits.len() - 1];
        out.push(Output::Visit(Happening::of(
            kind::STARTED,
            at,
            visit,
            cause,
        )));
        out.push(Output::Visit(Happening {
            ping,
            cause: Some(event),
            ..Happening::of(kind::ACTIVITY, at, visit, cause)
        }));
    }

    /// A visit took an event in, which counts in the visitor's lifetime, as every open visit knows.
    fn count(&mut self, event: &Event) {
        let lifetime = self
            .lifetime
            .get_or_insert_with(|| Lifetime::beginning(event));
        lifetime.count(event);
        self.share_totals();
    }

    /// Every open visit tells the same of the visitor.
    pub(crate) fn share_totals(&mut self) {
        let totals = self
            .lifetime
            .as_ref()
            .map(Lifetime::totals)
            .unwrap_or_default();
        for visit in &mut self.visits {
            visit.visit.totals = totals;
        }
    }

    /// The open visit that a report speaks of: the one it names; if it names none, the latest.
    pub(crate) fn spoken_of(&self, session_id: Option<&str>) -> Option<&OpenVisit> {
        match session_id {
            Some(id) => self
                .visits
                .iter()
                .find(|visit| visit.visit.id.as_str() == id),
            None => self
                .visits
                .iter()
                .max_by_key(|visit| visit.visit.last_event_date),
        }
    }
}

/// An event, and what is known of it.
#[derive(Debug)]
struct Arrival<'a> {
    event: Event,
    /// Of its id.
    hash: u64,
    /// Behind the watermark.
    late: bool,
    /// It made one visit of two.
    merged: bool,
    /// By the rate at which the visitor's events come.
    robot: bool,
    time: &'a TaskTime,
}

#[cfg(test)]
mod tests;
