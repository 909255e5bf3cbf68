//! How a visit's memory follows the visit: the page it is on, the visitor's presence, its end, a merge.

use journey::{Text, Timestamp, VisitId};

use crate::{
    state::{Memory, Stay, Visitor},
    visit::Visit,
};

impl Memory {
    /// Takes note of what every record of a visit shows.
    pub(crate) fn note(&mut self, visit: &Visit) {
        let by_itself = visit.last_event_date + visit.timeout;
        self.ends_at = self.left_at.map_or(by_itself, |left| left.min(by_itself));
        self.away = visit.is_away;
    }

    /// Another visit has followed this one.
    pub(crate) fn leave_for_good(&mut self, at: Timestamp) {
        self.left_at = Some(self.left_at.map_or(at, |left| left.min(at)));
        self.ends_at = self.ends_at.min(at);
    }

    /// Notes the page that the visit is on; whether that is a new stay, in which nothing dwells yet.
    pub(crate) fn turn(
        &mut self,
        visit: &Visit,
        since: Option<Timestamp>,
        class: Option<&str>,
    ) -> bool {
        let url = visit.last_url();
        let turned = self.stay.url != url || since > self.stay.since;
        if turned {
            self.clocks.clear();
            let page_class = class.unwrap_or_else(|| visit.page_class()).into();
            self.stay = Stay {
                url: url.into(),
                since,
                page_class,
            };
        } else {
            if since < self.stay.since {
                self.stay.since = since;
                let (since, back_at) = (since.unwrap_or_default(), self.back_at);
                for clock in &mut self.clocks {
                    clock.start = if clock.presence {
                        back_at.map_or(since, |back| back.max(since))
                    } else {
                        since
                    };
                }
            }
            if let Some(class) = class.filter(|class| self.stay.page_class != *class) {
                self.stay.page_class = class.into();
            }
        }
        turned && !url.is_empty()
    }

    /// The visitor is away: dwells that ask for presence stop.
    pub(crate) fn leave(&mut self) {
        self.away = true;
        for clock in &mut self.clocks {
            clock.paused = clock.presence;
        }
    }

    /// The visitor is back: dwells that ask for presence start anew.
    pub(crate) fn come_back(&mut self, at: Timestamp) {
        self.away = false;
        self.back_at = Some(at);
        for clock in self.clocks.iter_mut().filter(|clock| clock.presence) {
            clock.paused = false;
            clock.start = at;
        }
    }

    /// The visit is over: nothing dwells, nothing is under way. Where consent ended it, the control record that says so is
    /// still to come.
    pub(crate) fn end(&mut self, at: Timestamp, awaits_control: bool) {
        self.awaits_control = awaits_control;
        self.ended_at = Some(at);
        self.clocks.clear();
        self.progress.clear();
    }
}

impl Visitor {
    /// Joins what a merged visit had into the one that lives on. Its progress is dropped.
    pub(crate) fn merge(&mut self, from: usize, into: &VisitId, at: Timestamp) {
        let from = self.visits.remove(from);
        let into = self.under_way(into, at);
        let lacks = |memory: &Memory, id: &Text| {
            !memory.segments.iter().any(|known| known.segment.id == *id)
        };
        for assigned in from.segments {
            if lacks(into, &assigned.segment.id) {
                into.segments.push(assigned);
            }
        }
        for achieved in from.outcomes {
            if !into
                .outcomes
                .iter()
                .any(|known| known.outcome.id == achieved.outcome.id)
            {
                into.outcomes.push(achieved);
            }
        }
        into.qualified.extend(
            from.qualified
                .into_iter()
                .filter(|id| !into.qualified.contains(id))
                .collect::<Vec<_>>(),
        );
        into.active.extend(
            from.active
                .into_iter()
                .filter(|known| !into.active.contains(known))
                .collect::<Vec<_>>(),
        );
        into.offers.extend(from.offers);
        if let Some(left) = from.left_at {
            into.left_at = None;
            into.leave_for_good(left);
        }
        // The page that it is on now may be the other's: the next record shows it.
        into.stay = Stay::default();
        into.clocks.clear();
        if into.seen.is_none() {
            into.seen = from.seen;
        }
    }
}
