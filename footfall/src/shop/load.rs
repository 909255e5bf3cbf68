//! Endless realistic events at any speed, for load: templates are rendered once, and only ids and dates are patched.

use std::ops::Range;

use journey::{Millis, Text, Timestamp};

use super::{
    Fate,
    agents::AGENTS,
    random::{Random, mix, write_uuid},
    site::{CATEGORIES, DOCS, PRODUCTS, Page, SEARCHES, Site},
    visitor::{Act, Nature, Origin, Place, Planned, Stance, Visitor},
    wire,
};

const DATE_LENGTH: usize = 24;
const PER_AGENT: usize = 32;
/// How many events a visit has on average, of [`LoadGenerator::browsing`].
const EVENTS_OF_A_VISIT: u32 = 8;
/// The number of the visitor who sends more than all others.
const HOT: u64 = u64::MAX;

/// An event with holes for what differs from event to event.
#[derive(Debug)]
struct Template {
    bytes: Vec<u8>,
    event_id: usize,
    cookie: usize,
    created: usize,
    sent: usize,
}

/// Who sends the next event.
#[derive(Debug)]
enum Who {
    /// Any of so many visitors, again and again.
    Anyone(u64),
    /// One of those who are browsing now: each a number, and how many events of the visit are left.
    Browsing(Vec<(u64, u32)>),
}

/// Endless events of many visitors to the demo's shop: 700 to 1,000 bytes each, all valid, consent granted.
///
/// A visitor keeps its browser; what it does is drawn anew each time, so that over a visit carts fill and segments match.
#[derive(Debug)]
pub struct LoadGenerator {
    templates: Vec<Template>,
    random: Random,
    salt: u64,
    who: Who,
    /// The share of one visitor who sends more than all others.
    hot: f64,
    count: u64,
    cookie: String,
    /// `created` of the last event, as text.
    date: (Timestamp, [u8; DATE_LENGTH]),
}

impl LoadGenerator {
    /// A generator for `visitors` visitors, at least one, any of whom sends the next event. The same seed gives the same
    /// events for the same dates.
    pub fn new(seed: u64, visitors: u64) -> LoadGenerator {
        LoadGenerator::with(seed, Who::Anyone(visitors.max(1)))
    }

    /// A generator of visits: so many visitors browse at once, at least one; each sends eight events on
    /// average, then another visitor comes.
    pub fn browsing(seed: u64, at_once: u64) -> LoadGenerator {
        let visits =
            (0..at_once.max(1)).map(|visitor| (visitor, 1 + visitor as u32 % EVENTS_OF_A_VISIT));
        LoadGenerator::with(seed, Who::Browsing(visits.collect()))
    }

    fn with(seed: u64, who: Who) -> LoadGenerator {
        let mut random = Random::new(seed, 0x10ad);
        let site = &Site::demo()[0];
        let agents = AGENTS.len() - 1;
        let templates = (0..agents * PER_AGENT)
            .map(|at| Template::new(site, at / PER_AGENT, at % PER_AGENT, &mut random));
        LoadGenerator {
            templates: templates.collect(),
            salt: random.bits(),
            random,
            who,
            hot: 0.0,
            count: 0,
            cookie: String::with_capacity(36),
            date: (Timestamp(0), *b"1970-01-01T00:00:00.000Z"),
        }
    }

    /// The same, with one visitor more, who sends this share of all events.
    #[must_use]
    pub fn with_hot_key(mut self, share: f64) -> LoadGenerator {
        self.hot = share;
        self
    }

    /// The cookie of the visitor who sends more than all others.
    pub fn hot_cookie(&self) -> String {
        let (who, mut cookie) = (mix(self.salt ^ HOT), [0; 36]);
        write_uuid(who, mix(who), &mut cookie);
        cookie.iter().map(|byte| char::from(*byte)).collect()
    }

    /// Replaces `into` with the next event, created and sent at `created`. The visitor's cookie, a fitting record key,
    /// is returned.
    pub fn next(&mut self, created: Timestamp, into: &mut Vec<u8>) -> &str {
        let visitor = self.visitor();
        let who = mix(self.salt ^ visitor);
        let agent = who as usize % (self.templates.len() / PER_AGENT);
        let template =
            &self.templates[agent * PER_AGENT + self.random.below(PER_AGENT as u64) as usize];
        self.count += 1;
        write_date(&mut self.date, created);
        let (mut cookie, mut event_id) = ([0; 36], [0; 36]);
        write_uuid(who, mix(who), &mut cookie);
        let event = mix(self.salt.wrapping_add(self.count));
        write_uuid(event, mix(event ^ self.salt), &mut event_id);
        into.clear();
        into.extend_from_slice(&template.bytes);
        into[hole(template.event_id, 36)].copy_from_slice(&event_id);
        into[hole(template.cookie, 36)].copy_from_slice(&cookie);
        into[hole(template.created, DATE_LENGTH)].copy_from_slice(&self.date.1);
        into[hole(template.sent, DATE_LENGTH)].copy_from_slice(&self.date.1);
        self.cookie.clear();
        self.cookie
            .extend(cookie.iter().map(|byte| char::from(*byte)));
        &self.cookie
    }
}

impl LoadGenerator {
    fn visitor(&mut self) -> u64 {
        if self.hot > 0.0 && self.random.chance(self.hot) {
            return HOT;
        }
        match &mut self.who {
            Who::Anyone(visitors) => self.random.below(*visitors),
            Who::Browsing(visits) => {
                let at_once = visits.len() as u64;
                let (visitor, left) = &mut visits[self.random.below(at_once) as usize];
                let sent = *visitor;
                *left -= 1;
                if *left == 0 {
                    // Numbers go on in steps of how many there are at once: no two visitors share one.
                    *visitor += at_once;
                    *left = 1 + self.random.below(2 * u64::from(EVENTS_OF_A_VISIT) - 1) as u32;
                }
                sent
            }
        }
    }
}

fn hole(at: usize, length: usize) -> Range<usize> {
    at..at + length
}

/// Writes `at` as RFC 3339 with milliseconds; within a second only these change.
fn write_date(date: &mut (Timestamp, [u8; DATE_LENGTH]), at: Timestamp) {
    let second = Millis(1000);
    if date.0 == at {
        return;
    }
    if date.0.floor(second) != at.floor(second) {
        let text = at.to_string();
        if text.len() == DATE_LENGTH {
            date.1.copy_from_slice(text.as_bytes());
        }
    }
    let millis = at.0.rem_euclid(1000);
    for (place, unit) in [(20, 100), (21, 10), (22, 1)] {
        date.1[place] = b'0' + (millis / unit % 10) as u8;
    }
    date.0 = at;
}

impl Template {
    fn new(site: &Site, agent: usize, at: usize, random: &mut Random) -> Template {
        let salt = random.bits();
        let visitor = Visitor {
            site: site.clone(),
            cookie: Text::from("cccccccc-cccc-cccc-cccc-cccccccccccc"),
            agent: &AGENTS[agent],
            nature: Nature::Person,
            pinging: false,
            stance: Stance::Granted,
            keyed: true,
            stamped: true,
            skew: Millis(0),
            address: format!("198.51.100.{}", agent + 1),
            salt,
            click_id: format!("Cj0KCQ{salt:016x}EALw_wcB"),
        };
        let (act, place) = scene(at, random);
        // Both dates are found by their own place in time.
        let (created, sent) = (Timestamp(0), Timestamp(1));
        let planned = Planned {
            send_at: sent,
            occurred_at: created,
            number: 1,
            stamped: true,
            fate: Fate::Joins,
            joins_two: false,
            place,
            act,
        };
        let json = wire::render(&visitor, &planned).json;
        let find = |what: &str| {
            json.find(what)
                .expect("the event holds what it was made of")
        };
        Template {
            event_id: find(&visitor.event_id(1)),
            cookie: find(&visitor.cookie),
            created: find(&created.to_string()),
            sent: find(&sent.to_string()),
            bytes: json.into_bytes(),
        }
    }
}

/// What happens in template `at` of a browser: of 32 events 27 are page views, one fills a cart, every hundredth or so
/// is an order.
fn scene(at: usize, random: &mut Random) -> (Act, Place) {
    let from = Origin::Page(Page::Product(random.small(PRODUCTS)));
    let on = |page| Place { page, from };
    let product = random.small(PRODUCTS);
    match at {
        0..=3 => (
            Act::View,
            Place {
                page: Page::Home,
                from: Origin::Source(random.small(10)),
            },
        ),
        4..=6 => (
            Act::View,
            on(Page::Category(random.small(CATEGORIES.len() as u8))),
        ),
        7 => (Act::View, on(Page::Pricing)),
        8..=10 => (Act::View, on(Page::Docs(random.small(DOCS.len() as u8)))),
        11 => (Act::Add(product), on(Page::Product(product))),
        12 => (Act::View, on(Page::Cart)),
        13 if random.chance(0.33) => (Act::Order { cents: 8990 }, on(Page::Checkout)),
        14 | 15 => {
            let term = random.small(SEARCHES.len() as u8);
            (Act::Search(term), on(Page::Search(term)))
        }
        16 => (
            Act::Form {
                name: "contact",
                submitted: true,
            },
            on(Page::Contact),
        ),
        _ => (Act::View, on(Page::Product(product))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_its_own_id_and_the_date_it_was_given() {
        let mut load = LoadGenerator::new(1, 100);
        let mut json = Vec::new();
        let mut ids = std::collections::BTreeSet::new();
        for at in 0..5000 {
            let created = Timestamp(1_795_392_000_000 + at * 37);
            let cookie = load.next(created, &mut json).to_owned();
            let value: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
            assert_eq!(value["customerCookieId"], cookie.as_str());
            assert_eq!(value["createdDate"], created.to_string());
            assert_eq!(value["sentDate"], created.to_string());
            assert!(ids.insert(value["eventId"].as_str().expect("an id").to_owned()));
        }
    }

    #[test]
    fn events_are_as_long_as_real_ones() {
        let mut load = LoadGenerator::new(1, 100);
        let mut json = Vec::new();
        let mut total = 0;
        for at in 0..10_000 {
            load.next(Timestamp(at), &mut json);
            assert!(
                (600..1300).contains(&json.len()),
                "{}",
                String::from_utf8_lossy(&json)
            );
            total += json.len();
        }
        assert!(
            (700..1000).contains(&(total / 10_000)),
            "{}",
            total / 10_000
        );
    }

    #[test]
    fn who_browses_sends_a_visit_and_goes() {
        let mut load = LoadGenerator::browsing(1, 50);
        let mut json = Vec::new();
        let mut sent = std::collections::BTreeMap::new();
        for at in 0..40_000 {
            *sent
                .entry(load.next(Timestamp(at), &mut json).to_owned())
                .or_insert(0u32) += 1;
        }
        assert!(
            sent.values()
                .all(|events| (1..2 * EVENTS_OF_A_VISIT).contains(events))
        );
        let average = 40_000 / sent.len() as u32;
        assert!(
            (EVENTS_OF_A_VISIT - 1..=EVENTS_OF_A_VISIT + 1).contains(&average),
            "{average}"
        );
    }

    #[test]
    fn a_hot_key_sends_its_share() {
        let mut load = LoadGenerator::new(1, 100).with_hot_key(0.3);
        let (hot, mut json) = (load.hot_cookie(), Vec::new());
        let mut of_hot = 0;
        for at in 0..10_000 {
            of_hot += u32::from(load.next(Timestamp(at), &mut json) == hot);
        }
        assert!((2_800..3_200).contains(&of_hot), "{of_hot}");
    }

    #[test]
    fn a_visitor_keeps_its_browser() {
        let mut load = LoadGenerator::new(3, 5);
        let mut json = Vec::new();
        let mut agents = std::collections::BTreeMap::new();
        for _ in 0..500 {
            let cookie = load.next(Timestamp(0), &mut json).to_owned();
            let value: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
            let agent = value["userAgentString"].clone();
            assert_eq!(
                *agents.entry(cookie).or_insert_with(|| agent.clone()),
                agent
            );
        }
        assert_eq!(agents.len(), 5);
    }
}
