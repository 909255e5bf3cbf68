//! One open visit: what it remembers, and what that makes of the next event.
//!
//! Bounds, counts, entry and exit page and all that is told first or last are as if the events had come in order; presence,
//! splits and caps go by the order of the log. Which visit an event belongs to is not decided here.

use journey::{
    CustomerId, DeploymentId, Text, Timestamp, VisitId, id, visit::end_reason, web_event::Policy,
};
use pipeline::{By, Timers};
use schemas::{from_bytes, to_bytes};

use crate::{
    consent,
    event::{Event, What},
    forms::Forms,
    moment::Moment,
    seen::Seen,
    shared::Shared,
    sizes,
    so_far::{Part, Presence, VisitSoFar},
    stay::Stay,
    told::Told,
};

mod source;
mod unite;

/// The kinds of timers, in the order in which those with the same deadline fire.
pub(crate) mod timer {
    /// The visitor is to be taken for idle.
    pub(crate) const IDLE: u8 = 0;
    /// The visitor is to be taken for away.
    pub(crate) const AWAY: u8 = 1;
    /// The visit is over.
    pub(crate) const END: u8 = 2;
    /// What came before a withdrawal or an erasure need not be known any more.
    pub(crate) const FORGOTTEN: u8 = 3;
    /// The visitor was not seen for so long that nothing is remembered.
    pub(crate) const LIFETIME: u8 = 4;
    /// Nothing that is older than what consent was withdrawn for comes in on time any more.
    pub(crate) const WITHDRAWN: u8 = 5;
}

/// The most search terms that a visit keeps.
const SEARCH_TERMS: usize = 20;

/// A visit that may go on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct OpenVisit {
    /// Where.
    pub(crate) deployment_id: DeploymentId,
    /// The visit so far.
    pub(crate) visit: Shared<VisitSoFar>,
    /// Who says what the visit's first page and referrer are.
    pub(crate) first: Shared<Moment>,
    /// Who says what the visit's last page and consent are.
    pub(crate) last: Shared<Moment>,
    /// Who says the rest.
    pub(crate) told: Told,
    /// When each search term was first searched for.
    pub(crate) searched: Vec<Timestamp>,
    /// What became of forms, and when.
    pub(crate) forms: Forms,
    /// Since when the visitor has been on the last page.
    pub(crate) stay: Stay,
    /// The time of the last `started`, `idle`, `away` or `resumed`.
    pub(crate) last_transition: Timestamp,
    /// No event before this is taken in: it may belong to a visit that is gone.
    pub(crate) floor: Timestamp,
    /// A new traffic source began another visit here: no event from this on is taken in, and the visit ends.
    pub(crate) sealed: Option<Timestamp>,
    /// What a duplicate is known by.
    pub(crate) seen: Seen,
}

impl OpenVisit {
    /// A visit that `event` begins; it is not taken in yet.
    pub(crate) fn new(key: &CustomerId, event: &Event, floor: Timestamp) -> OpenVisit {
        let at = event.occurred_at;
        let parts = [
            key.as_str(),
            event.deployment_id.as_str(),
            event.event_id.as_str(),
        ]
        .map(str::as_bytes);
        let id = id::derive(&[parts[0], parts[1], parts[2], &at.0.to_be_bytes()]);
        let visit = VisitSoFar {
            id: VisitId::from(id),
            policy: event.policy.clone(),
            created_date: at,
            last_activity_date: at,
            last_event_date: at,
            last_page_date: at,
            ..VisitSoFar::default()
        };
        OpenVisit {
            deployment_id: event.deployment_id.clone(),
            visit: visit.into(),
            first: Moment::never(),
            last: Moment::never(),
            told: Told::default(),
            searched: Vec::new(),
            forms: Forms::default(),
            stay: Stay::default(),
            last_transition: at,
            floor,
            sealed: None,
            seen: Seen::default(),
        }
    }

    /// The deployment's rules for this visit.
    pub(crate) fn policy(&self) -> &Policy {
        &self.visit.policy
    }

    /// The visit is over when the watermark has passed this: exactly the timeout after its last event still joins.
    pub(crate) fn deadline(&self) -> Timestamp {
        self.sealed
            .unwrap_or(self.visit.last_event_date + self.visit.policy.visit_timeout)
    }

    /// Why it is over at this time, its own deadline or an earlier one.
    pub(crate) fn reason_at(&self, deadline: Timestamp) -> &'static str {
        if self.sealed == Some(deadline) {
            end_reason::NEW_SOURCE
        } else {
            end_reason::TIMEOUT
        }
    }

    /// Whether an event after its last one is near enough to join.
    pub(crate) fn reaches_on_to(&self, at: Timestamp) -> bool {
        at - self.visit.last_event_date <= self.policy().visit_timeout
            && self.sealed.is_none_or(|sealed| at < sealed)
    }

    /// Whether an event before its first one is near enough to join.
    pub(crate) fn reaches_back_to(&self, at: Timestamp) -> bool {
        self.visit.created_date - at <= self.policy().visit_timeout && at >= self.floor
    }

    /// What comes next if nothing happens: idle, or away; never beyond the visit's own end.
    pub(crate) fn next_signal(&self) -> Option<(Timestamp, u8)> {
        let signal = match self.visit.presence {
            Presence::Active => (self.visit.idle_date(), timer::IDLE),
            Presence::Idle => (self.visit.away_date(), timer::AWAY),
            Presence::Away => return None,
        };
        (self.sealed.is_none() && signal.0 <= self.deadline()).then_some(signal)
    }

    /// Whether something new would be `resumed`: not of a visit that another one has followed.
    pub(crate) fn may_resume(&self) -> bool {
        self.visit.presence != Presence::Active && self.sealed.is_none()
    }

    /// Adds what this visit waits for.
    pub(crate) fn timers(&self, timers: Timers) -> Timers {
        let timers = timers.and(By::Watermark, self.deadline(), timer::END);
        match self.next_signal() {
            Some((deadline, kind)) => timers.and(By::Frontier, deadline, kind),
            None => timers,
        }
    }

    /// The visitor's presence is now this. Says when, which is never before the last transition.
    pub(crate) fn turn(&mut self, to: Presence, at: Timestamp) -> Timestamp {
        self.visit.presence = to;
        self.last_transition = self.last_transition.max(at);
        self.last_transition
    }

    /// The cap that `event` would break: as many pings as events, each counted by itself. A visit's length is held against
    /// events newer than its last only, and against pings where they extend visits.
    pub(crate) fn cap(&self, event: &Event) -> Option<&'static str> {
        let (visit, policy) = (&self.visit, self.policy());
        let count = if event.is_ping() {
            visit.ping_count
        } else {
            visit.event_count
        };
        if count >= policy.max_events {
            return Some(end_reason::MAX_EVENTS);
        }
        let newer = event.occurred_at > visit.last_event_date;
        let too_long = event.occurred_at - visit.created_date > policy.max_duration;
        (newer && too_long && event.extends(policy)).then_some(end_reason::MAX_DURATION)
    }

    /// What it weighs in the state at most.
    pub(crate) fn weight(&self) -> usize {
        let moments = self
            .told
            .0
            .iter()
            .flatten()
            .chain([&self.first, &self.last]);
        let texts = moments
            .map(|moment| moment.id.as_str().len() + 24)
            .sum::<usize>()
            + self.deployment_id.as_str().len()
            + self.visit.id.as_str().len()
            + self.visit.page_class.len();
        let times = self.stay.times.len() + self.searched.len() + self.forms.firsts.len();
        sizes::VISIT + self.visit.kept.len() + texts + times * sizes::TIME + self.seen.weight()
    }

    /// Takes an event in.
    pub(crate) fn absorb(&mut self, event: &Event, late: bool) {
        let at = event.occurred_at;
        let ping = event.is_ping();
        let visit = &mut *self.visit;
        let fresh = visit.event_count + visit.ping_count == 0;
        if !fresh {
            visit.engaged.0 += self.seen.engaged(at, visit).0;
        }
        if ping {
            visit.ping_count += 1;
        } else {
            visit.event_count += 1;
            visit.late_count += i64::from(late);
        }
        visit.last_activity_date = visit.last_activity_date.max(at);
        visit.bot |= event.bot;
        visit.authenticated |= event.authenticated;
        note_class(visit, event.page_class());
        if !event.extends(&visit.policy) {
            return;
        }
        visit.created_date = visit.created_date.min(at);
        visit.last_event_date = visit.last_event_date.max(at);
        if event.is_activity() {
            self.listen(fresh, event);
        }
    }

    /// Keeps what an event tells.
    fn listen(&mut self, fresh: bool, event: &Event) {
        let moment = Moment::of(event);
        let visit = &mut *self.visit;
        visit.pageview_count += i64::from(event.what == What::PageView);
        if fresh {
            visit.kept.reserve(event);
        }
        if fresh || moment.before(&self.first) {
            sizes::keep_page(visit, Part::FirstPage, event.page());
            if !sizes::keep_light(visit, Part::Referrer, event.referrer()) {
                visit.keep(Part::Referrer, &to_bytes(&None::<Text>));
            }
            self.first = moment.clone();
        }
        let another_page = sizes::is_another_page(visit, event.page());
        if fresh || moment.after(&self.last) {
            if another_page || fresh || self.last.ping != moment.ping {
                let left = (!fresh && self.last.ping == moment.ping).then_some(self.last.at);
                self.stay.begin(left, moment.at);
            } else {
                self.stay.here(moment.at);
            }
            sizes::keep_page(visit, Part::LastPage, event.page());
            consent::hear(visit, event.consent(), moment.at, fresh);
            self.last = moment.clone();
        } else if self.last.ping == moment.ping {
            if another_page {
                self.stay.elsewhere(moment.at);
            } else {
                self.stay.here(moment.at);
            }
        }
        visit.last_page_date = self.stay.since(self.last.at);
        self.told.hear_event(visit, event, &moment);
        self.forms.hear_event(visit, event);
        if let Some(term) = event.search_query() {
            visit.search_count += 1;
            self.search(Text::from(term), moment.at);
        }
    }

    /// What was searched for, in order.
    fn search_terms(&self) -> Vec<Text> {
        from_bytes(self.visit.kept.get(Part::SearchTerms)).unwrap_or_default()
    }

    /// Keeps a search term: in order of when each was first searched for, each once.
    fn search(&mut self, term: Text, at: Timestamp) {
        let (term, cut) = sizes::fit_text(term);
        self.visit.truncated |= cut;
        let mut terms = self.search_terms();
        if let Some(known) = terms.iter().position(|other| *other == term) {
            if self.searched[known] <= at {
                return;
            }
            terms.remove(known);
            self.searched.remove(known);
        }
        let earlier = |i: &usize| (self.searched[*i], &terms[*i]) < (at, &term);
        let place = (0..self.searched.len()).take_while(earlier).count();
        terms.insert(place, term);
        self.searched.insert(place, at);
        terms.truncate(SEARCH_TERMS);
        self.searched.truncate(SEARCH_TERMS);
        self.visit.keep(Part::SearchTerms, &to_bytes(&terms));
    }
}

/// A visit is of the strictest class of any page seen.
fn note_class(visit: &mut VisitSoFar, class: &str) {
    if visit.page_class == *class {
        return;
    }
    let unknown = visit.page_class.is_empty() && !class.is_empty();
    if unknown || strictness(class) > strictness(&visit.page_class) {
        visit.page_class = Text::from(class);
    }
}

/// What a later version adds is taken for the strictest.
fn strictness(class: &str) -> u8 {
    match class {
        "" | "none" => 0,
        "no_offer" => 1,
        "no_link" => 2,
        "count_only" => 3,
        _ => 4,
    }
}
