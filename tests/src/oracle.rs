//! What visits should be, said as briefly as possible: sort, cut where the silence is too long, count.
//!
//! It shares no code with the pipeline. It knows nothing of caps, of a new visit on a new traffic source, or of lateness:
//! compare it with traffic that has none of them. Where pings do not extend visits, give it [`without_pings`].

use std::collections::{BTreeMap, BTreeSet};

/// One thing that a visitor did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Who.
    pub visitor: String,
    /// The event's id: a second event with it is a duplicate.
    pub id: String,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// On which page.
    pub page: String,
    /// It is the view of a page, rather than something that was done on one.
    pub page_view: bool,
    /// It is a heartbeat: it keeps the visit alive, and nothing else.
    pub ping: bool,
    /// The silence that ends a visit at this deployment, in milliseconds; exactly so much still joins.
    pub timeout: i64,
}

/// A visit that is over.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct EndedVisit {
    /// Who.
    pub visitor: String,
    /// When it began, in milliseconds since 1970.
    pub first: i64,
    /// When something last happened.
    pub last: i64,
    /// Events, heartbeats aside.
    pub event_count: i64,
    /// Views of pages.
    pub pageview_count: i64,
    /// The first event's page (the first heartbeat's, if there is no event).
    pub entry_page: String,
    /// The last event's page (the last heartbeat's, if there is no event).
    pub exit_page: String,
}

/// What a visitor gave attention to in a visit that is over.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attention {
    /// Who.
    pub visitor: String,
    /// When the visit began, in milliseconds since 1970.
    pub first: i64,
    /// Since when the visitor was on the exit page: from the first event on it that is later than all on other pages.
    pub page_since: i64,
    /// From then to the last event, in milliseconds.
    pub on_last_page: i64,
    /// The sum of all silences no longer than [`IDLE`], in milliseconds.
    pub engaged: i64,
}

/// A silence longer than this, in milliseconds, is one in which the visitor was not engaged.
pub const IDLE: i64 = 45_000;

/// What a log holds.
#[derive(Clone, Debug)]
pub enum Record {
    /// A visitor did something.
    Did(Event),
    /// A visitor is to be forgotten.
    Forget {
        /// Who.
        visitor: String,
        /// When it was asked for, in milliseconds since 1970.
        at: i64,
    },
}

/// The visits of a log: what it has of a visitor before a wish to be forgotten is apart from what it has afterwards, and what
/// happened by then, as far as the log knew, begins nothing any more.
pub fn sessionize_log(log: &[Record]) -> Vec<EndedVisit> {
    let (mut lots, mut visits) = (BTreeMap::<&str, (i64, Vec<Event>)>::new(), Vec::new());
    for record in log {
        match record {
            Record::Did(event) => {
                let lot = lots.entry(&event.visitor).or_insert((i64::MIN, Vec::new()));
                lot.1
                    .extend(Some(event.clone()).filter(|event| event.at > lot.0));
            }
            Record::Forget { visitor, at } => {
                let lot = lots.entry(visitor).or_insert((i64::MIN, Vec::new()));
                visits.extend(sessionize(&lot.1));
                let known = lot.1.drain(..).map(|event| event.at);
                lot.0 = known.fold(lot.0.max(*at), i64::max);
            }
        }
    }
    visits.extend(lots.values().flat_map(|(_, lot)| sessionize(lot)));
    visits.sort();
    visits
}

/// All that says where visits begin and end at a deployment whose heartbeats do not extend them.
pub fn without_pings(events: &[Event]) -> Vec<Event> {
    events.iter().filter(|event| !event.ping).cloned().collect()
}

/// The visits of all `events`, in order of visitor and time, whatever order the events are in.
pub fn sessionize(events: &[Event]) -> Vec<EndedVisit> {
    of_each_visit(events, summarize)
}

/// What was given attention to in each of those visits.
pub fn attention(events: &[Event]) -> Vec<Attention> {
    of_each_visit(events, attend)
}

fn of_each_visit<T>(events: &[Event], say: fn(&[&Event]) -> T) -> Vec<T> {
    let mut events: Vec<&Event> = events.iter().collect();
    events.sort_by_key(|event| (&event.visitor, event.at, &event.id));
    let mut seen = BTreeSet::new();
    events.retain(|event| seen.insert((&event.visitor, &event.id)));
    let same_visit = |a: &&Event, b: &&Event| a.visitor == b.visitor && b.at - a.at <= a.timeout;
    events.chunk_by(same_visit).map(say).collect()
}

fn summarize(visit: &[&Event]) -> EndedVisit {
    let (first, last) = (visit[0], visit[visit.len() - 1]);
    let entry = visit.iter().find(|event| !event.ping).unwrap_or(&first);
    let exit = visit.iter().rfind(|event| !event.ping).unwrap_or(&last);
    EndedVisit {
        visitor: first.visitor.clone(),
        first: first.at,
        last: last.at,
        event_count: visit.iter().filter(|event| !event.ping).count() as i64,
        pageview_count: visit
            .iter()
            .filter(|event| event.page_view && !event.ping)
            .count() as i64,
        entry_page: entry.page.clone(),
        exit_page: exit.page.clone(),
    }
}

fn attend(visit: &[&Event]) -> Attention {
    let silent = visit.iter().all(|event| event.ping);
    let mut told = visit.iter().filter(|event| event.ping == silent).rev();
    let exit = told.clone().next().expect("a visit has events");
    let left = told.find(|event| event.page != exit.page);
    let since = |event: &&&Event| left.is_none_or(|left| event.at > left.at);
    let mut stay = visit.iter().filter(|event| event.ping == silent);
    let page_since = stay.find(since).map_or(exit.at, |event| event.at);
    let silences = visit.windows(2).map(|pair| pair[1].at - pair[0].at);
    Attention {
        visitor: visit[0].visitor.clone(),
        first: visit[0].at,
        page_since,
        on_last_page: visit[visit.len() - 1].at - page_since,
        engaged: silences.filter(|silence| *silence <= IDLE).sum(),
    }
}
