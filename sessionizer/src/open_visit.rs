//! One open visit: what it remembers, and what that makes of the next event.
//!
//! Bounds, counts, entry and exit page and all that is told first or last are as if the events had come in order; presence,
//! splits and caps go by the order of the log. Which visit an event belongs to is not decided here.

use std::sync::Arc;

use journey::{
    CustomerId, DeploymentId, Text, Timestamp, Visit, VisitId, WebEvent, id,
    visit::{end_reason, presence},
    web_event::{Activity, PAGE_VIEWED, Policy},
};
use pipeline::{By, Timers};

use crate::{
    moment::Moment,
    seen::Seen,
    sizes::{self, Fit},
    told::Told,
};

/// The kinds of timers, in the order in which those with the same deadline fire.
pub(crate) mod timer {
    /// The visitor is to be taken for idle.
    pub(crate) const IDLE: u8 = 0;
    /// The visitor is to be taken for away.
    pub(crate) const AWAY: u8 = 1;
    /// The visit is over.
    pub(crate) const END: u8 = 2;
}

/// The most search terms that a visit keeps.
const SEARCH_TERMS: usize = 20;

/// How present the visitor is, the more active the greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Presence {
    Away,
    Idle,
    #[default]
    Active,
}

impl Presence {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Presence::Away => presence::AWAY,
            Presence::Idle => presence::IDLE,
            Presence::Active => presence::ACTIVE,
        }
    }
}

/// A visit that may go on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct OpenVisit {
    /// Where.
    pub(crate) deployment_id: DeploymentId,
    /// The visit so far, shared with what is told of it: copied only where two things told at once differ.
    pub(crate) visit: Arc<Visit>,
    /// As the visit says in words.
    pub(crate) presence: Presence,
    /// Who says what the visit's first page and referrer are.
    pub(crate) first: Moment,
    /// Who says what the visit's last page and consent are.
    pub(crate) last: Moment,
    /// Who says the rest.
    pub(crate) told: Told,
    /// When each search term was first searched for.
    pub(crate) searched: Vec<Timestamp>,
    /// When the last page was reached.
    pub(crate) last_page_date: Timestamp,
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
    pub(crate) fn new(key: &CustomerId, event: &WebEvent, floor: Timestamp) -> OpenVisit {
        let at = event.occurred_at;
        let parts = [
            key.as_str(),
            event.deployment_id.as_str(),
            event.event_id.as_str(),
        ]
        .map(str::as_bytes);
        let id = id::derive(&[parts[0], parts[1], parts[2], &at.0.to_be_bytes()]);
        let visit = Visit {
            id: VisitId::from(id),
            policy: event.policy.clone(),
            created_date: at,
            last_activity_date: at,
            last_event_date: at,
            presence: Text::from(presence::ACTIVE),
            ..Visit::default()
        };
        OpenVisit {
            deployment_id: event.deployment_id.clone(),
            visit: Arc::new(visit),
            last_page_date: at,
            last_transition: at,
            floor,
            ..OpenVisit::default()
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

    /// Why it is over then.
    pub(crate) fn reason(&self) -> &'static str {
        if self.sealed.is_some() {
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
        let signal = match self.presence {
            Presence::Active => (self.visit.idle_date, timer::IDLE),
            Presence::Idle => (self.visit.away_date, timer::AWAY),
            Presence::Away => return None,
        };
        (self.sealed.is_none() && signal.0 <= self.deadline()).then_some(signal)
    }

    /// Whether something new would be `resumed`: not of a visit that another one has followed.
    pub(crate) fn may_resume(&self) -> bool {
        self.presence != Presence::Active && self.sealed.is_none()
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
        self.presence = to;
        Arc::make_mut(&mut self.visit).presence = Text::from(to.as_str());
        self.last_transition = self.last_transition.max(at);
        self.last_transition
    }

    /// Whether `event` came by another campaign, or from another site, than the visit did.
    pub(crate) fn is_left_by(&self, event: &WebEvent) -> bool {
        let Some(activity) = event.web_event.as_ref().filter(|_| !event.is_ping()) else {
            return false;
        };
        let other_campaign =
            activity.mkt_campaign.is_some() && activity.mkt_campaign != self.visit.mkt_campaign;
        let came_from = |domain: &str| {
            self.visit
                .referrer
                .as_ref()
                .is_some_and(|referrer| referrer.domain == *domain)
        };
        other_campaign || external_domain(activity).is_some_and(|domain| !came_from(domain))
    }

    /// The cap that `event` would break. A visit's length is held against events newer than its last only.
    pub(crate) fn cap(&self, event: &WebEvent) -> Option<&'static str> {
        let (visit, policy) = (&self.visit, self.policy());
        let ping = event.is_ping();
        if !ping && visit.event_count >= policy.max_events {
            return Some(end_reason::MAX_EVENTS);
        }
        let newer = event.occurred_at > visit.last_event_date;
        let too_long = event.occurred_at - visit.created_date > policy.max_duration;
        (newer && too_long && (!ping || policy.pings_extend)).then_some(end_reason::MAX_DURATION)
    }

    /// Takes an event in.
    pub(crate) fn absorb(&mut self, event: &WebEvent, late: bool) {
        let at = event.occurred_at;
        let ping = event.is_ping();
        let visit = Arc::make_mut(&mut self.visit);
        let fresh = visit.event_count + visit.ping_count == 0;
        if ping {
            visit.ping_count += 1;
        } else {
            visit.event_count += 1;
            visit.late_count += i64::from(late);
        }
        visit.last_activity_date = visit.last_activity_date.max(at);
        visit.bot |= event.bot;
        visit.authenticated |= event.authenticated;
        note_class(visit, &event.page_class);
        let extends = !ping || visit.policy.pings_extend;
        if extends {
            visit.created_date = visit.created_date.min(at);
            visit.last_event_date = visit.last_event_date.max(at);
        }
        foresee(visit);
        if let Some(activity) = event.web_event.as_ref().filter(|_| extends) {
            self.listen(fresh, event, activity);
        }
    }

    /// Keeps what an event tells.
    fn listen(&mut self, fresh: bool, event: &WebEvent, activity: &Activity) {
        let moment = Moment::of(event);
        let visit = Arc::make_mut(&mut self.visit);
        visit.pageview_count += i64::from(activity.event_name == PAGE_VIEWED);
        if fresh || moment.before(&self.first) {
            visit.first_page = activity.page.clone();
            visit.truncated |= visit.first_page.fit();
            visit.referrer = activity.referrer.clone();
            if visit.referrer.as_ref().is_some_and(sizes::too_heavy) {
                visit.referrer = None;
                visit.truncated = true;
            }
            self.first = moment.clone();
        }
        let another_page = activity.page.url != visit.last_page.url;
        if fresh || moment.after(&self.last) {
            if another_page {
                self.last_page_date = moment.at;
            }
            visit.last_page = activity.page.clone();
            visit.truncated |= visit.last_page.fit();
            if visit.consent != event.consent {
                visit.consent = event.consent.clone();
                visit.truncated |= visit.consent.fit();
            }
            self.last = moment.clone();
        } else if another_page && !moment.ping && moment.at > self.last_page_date {
            self.last_page_date = self.last.at;
        }
        self.told.hear_event(visit, event, activity, &moment);
        if let Some(term) = &activity.search_query {
            self.search(term.clone(), moment.at);
        }
    }

    /// Keeps a search term: in order of when each was first searched for, each once.
    fn search(&mut self, mut term: Text, at: Timestamp) {
        let visit = Arc::make_mut(&mut self.visit);
        visit.truncated |= term.fit();
        if let Some(known) = visit.search_terms.iter().position(|other| *other == term) {
            if self.searched[known] <= at {
                return;
            }
            visit.search_terms.remove(known);
            self.searched.remove(known);
        }
        let earlier = |i: &usize| (self.searched[*i], &visit.search_terms[*i]) < (at, &term);
        let place = (0..self.searched.len()).take_while(earlier).count();
        visit.search_terms.insert(place, term);
        self.searched.insert(place, at);
        visit.search_terms.truncate(SEARCH_TERMS);
        self.searched.truncate(SEARCH_TERMS);
    }

    /// Takes another visit of the visitor in, all but its presence. Id, policy and transitions stay this one's.
    pub(crate) fn unite(&mut self, other: OpenVisit) {
        let theirs = &*other.visit;
        for (term, at) in theirs.search_terms.iter().zip(&other.searched) {
            self.search(term.clone(), *at);
        }
        let visit = Arc::make_mut(&mut self.visit);
        if theirs.created_date < visit.created_date {
            self.floor = other.floor;
        } else {
            self.sealed = other.sealed;
        }
        visit.created_date = visit.created_date.min(theirs.created_date);
        visit.last_activity_date = visit.last_activity_date.max(theirs.last_activity_date);
        visit.last_event_date = visit.last_event_date.max(theirs.last_event_date);
        visit.event_count += theirs.event_count;
        visit.pageview_count += theirs.pageview_count;
        visit.ping_count += theirs.ping_count;
        visit.late_count += theirs.late_count;
        visit.bot |= theirs.bot;
        visit.authenticated |= theirs.authenticated;
        visit.truncated |= theirs.truncated;
        note_class(visit, &theirs.page_class);
        foresee(visit);
        if other.first.before(&self.first) {
            visit.first_page = theirs.first_page.clone();
            visit.referrer = theirs.referrer.clone();
            self.first = other.first;
        }
        if other.last.after(&self.last) {
            visit.last_page = theirs.last_page.clone();
            visit.consent = theirs.consent.clone();
            self.last = other.last;
            self.last_page_date = other.last_page_date;
        }
        self.told.hear_visit(visit, theirs, &other.told);
        self.seen.unite(other.seen);
    }
}

/// When the visitor is to be taken for idle and away: both count from the last activity.
pub(crate) fn foresee(visit: &mut Visit) {
    let Policy {
        idle_after,
        away_after,
        ..
    } = visit.policy;
    visit.idle_date = visit.last_activity_date + idle_after;
    visit.away_date = visit.last_activity_date + idle_after.max(away_after);
}

/// A visit is of the strictest class of any page seen.
fn note_class(visit: &mut Visit, class: &Text) {
    if visit.page_class.is_empty() || strictness(class) > strictness(&visit.page_class) {
        visit.page_class = class.clone();
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

/// The site that the visitor came from, if another than the page's own.
fn external_domain(activity: &Activity) -> Option<&Text> {
    let referrer = activity.referrer.as_ref()?;
    let external = referrer.medium != "internal"
        && !referrer.domain.is_empty()
        && referrer.domain != activity.page.domain;
    external.then_some(&referrer.domain)
}
