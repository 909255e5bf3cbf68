//! Which of a visitor's open visits an event belongs to, and how far a new one may reach back.
//!
//! Open visits and stubs of one visitor never overlap, so only the neighbours of an event in time can have to do with it: what
//! holds it or came last before it, and what came first after it. An event never crosses either.

use journey::{Millis, Timestamp};

use super::Visitor;
use crate::{event::Event, lifetime::Lifetime};

/// Where an event belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In this visit.
    In(usize),
    /// In the visit that these two, the earlier and the later, are from now on.
    Between(usize, usize),
    /// After this visit, which a new traffic source ends; before the other one, if that is near enough.
    Leaving(usize, Option<usize>),
    /// In what is left of a capped visit.
    Capped(usize),
    /// Near none.
    Apart,
}

/// What lies next to a point in time: a visit or a stub, by index.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Span {
    Visit(usize),
    Stub(usize),
}

impl Visitor {
    /// Which visit `event` belongs to.
    pub(super) fn place(&self, event: &Event, late: bool) -> Place {
        let at = event.occurred_at;
        let (before, after) = self.neighbours(at);
        let mut earlier = None;
        match before {
            Some(Span::Visit(i)) if at <= self.visits[i].visit.last_event_date => {
                return Place::In(i);
            }
            Some(Span::Stub(i)) if at <= self.stubs[i].last => return Place::Capped(i),
            Some(Span::Visit(i)) if self.visits[i].reaches_on_to(at) => earlier = Some(i),
            _ => {}
        }
        let later = match after {
            Some(Span::Visit(i)) if self.visits[i].reaches_back_to(at) => Some(i),
            _ => None,
        };
        let leaves = |i: &usize| !late && self.visits[*i].is_split_by(event);
        if let Some(i) = earlier.filter(leaves) {
            return Place::Leaving(i, later.or_else(|| self.begun_by(after, event)));
        }
        match (earlier, later) {
            (Some(i), Some(j))
                if [i, j]
                    .iter()
                    .all(|i| event.extends(self.visits[*i].policy())) =>
            {
                Place::Between(i, j)
            }
            (Some(i), _) | (None, Some(i)) => Place::In(i),
            (None, None) => self
                .near_stub(at, before, after)
                .map_or(Place::Apart, Place::Capped),
        }
    }

    /// The visit there, if `event` came by the new source that began it, and before that was known.
    fn begun_by(&self, there: Option<Span>, event: &Event) -> Option<usize> {
        match there {
            Some(Span::Visit(i)) if self.visits[i].may_begin_with(event) => Some(i),
            _ => None,
        }
    }

    /// All that is open and all stubs, each with its beginning.
    pub(crate) fn spans(&self) -> impl Iterator<Item = (Timestamp, Span)> + '_ {
        let visits = self
            .visits
            .iter()
            .enumerate()
            .map(|(i, visit)| (visit.visit.created_date, Span::Visit(i)));
        let stubs = self
            .stubs
            .iter()
            .enumerate()
            .map(|(i, stub)| (stub.first, Span::Stub(i)));
        visits.chain(stubs)
    }

    /// What holds `at` or came last before it, and what came first after it.
    fn neighbours(&self, at: Timestamp) -> (Option<Span>, Option<Span>) {
        let mut before: Option<(Timestamp, Span)> = None;
        let mut after: Option<(Timestamp, Span)> = None;
        for (first, span) in self.spans() {
            if first <= at {
                before = before
                    .filter(|(known, _)| *known >= first)
                    .or(Some((first, span)));
            } else {
                after = after
                    .filter(|(known, _)| *known <= first)
                    .or(Some((first, span)));
            }
        }
        (before.map(|(_, span)| span), after.map(|(_, span)| span))
    }

    fn near_stub(&self, at: Timestamp, before: Option<Span>, after: Option<Span>) -> Option<usize> {
        [before, after]
            .into_iter()
            .flatten()
            .find_map(|span| match span {
                Span::Stub(i) if self.stubs[i].reaches(at) => Some(i),
                _ => None,
            })
    }

    /// How far a visit that begins at `at` may reach back, at least to `floor` by its own timeout: not into what is forgotten, what a
    /// cap ended, or what ended by a shorter timeout than its own.
    pub(super) fn floor(&self, floor: Timestamp, at: Timestamp, watermark: Timestamp) -> Timestamp {
        let after = |last: Timestamp| last + Millis(1);
        let stubs = self.stubs.iter().map(|stub| stub.last);
        let capped = stubs.filter(|last| *last < at).map(after);
        // What ended at its deadline lies before the watermark: before a visit that is the only one, all that was ever seen, and before
        // another one what that one may not reach back to.
        let last_seen = self.lifetime.as_ref().map(Lifetime::last_seen);
        let ended = last_seen.filter(|_| self.visits.is_empty()).map(after);
        let later = self
            .visits
            .iter()
            .filter(|visit| visit.visit.created_date > at);
        let next = later.min_by_key(|visit| visit.visit.created_date);
        let ended = ended.or(next.map(|next| next.floor));
        capped
            .chain(ended.map(|ended| ended.min(watermark)))
            .chain(self.forgotten.map(after))
            .fold(floor, Timestamp::max)
    }
}
