//! Disorder: every event on its way for up to the whole grace, clocks that are wrong, dates in the future, copies, and events
//! that come too late.
//! The visits are those of a batch that sees all of it in order.

use std::collections::BTreeSet;

use journey_tests::oracle::{Event, sessionize};
use serde_json::json;

use crate::{
    kafka,
    lane::{Lane, RAW, SMALL, WEB_RAW},
    rounds,
    stage::STAGES,
    truth::{assert_same_visits, customer_id, ended},
};

const DEPLOYMENT: &str = r#"{"kind": "deployment", "id": "disorder", "owner": "o", "purpose": "p",
    "contact": "c@disorder.example", "consent": {"mode": "not_needed"}}"#;

const START: i64 = 1_795_434_000_000;
const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const TIMEOUT: i64 = 20 * MINUTE;
const GRACE: i64 = 15 * MINUTE;

/// Numbers that look random, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: i64) -> i64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as i64 % limit
    }
}

/// What somebody sends, and when it gets there.
struct Sent {
    event: Event,
    cookie: String,
    skew: i64,
    arrives: i64,
    /// Its date lies hours ahead, and nothing is said of when it was sent: when it arrives is all that is known of it.
    future: bool,
}

impl Sent {
    /// Whether any visit that it could join is over when it arrives.
    fn is_too_late(&self) -> bool {
        self.arrives - self.event.at > GRACE + 60 * MINUTE
    }

    /// The JSON by the sender's own clock, which is wrong by its skew.
    fn json(&self) -> String {
        let date = |at: i64| journey::Timestamp(at + self.skew).to_string();
        let sent = (!self.future).then(|| date(self.arrives));
        let created = match self.future {
            true => date(self.event.at + 3 * 60 * MINUTE),
            false => date(self.event.at),
        };
        json!({
            "eventId": self.event.id, "deploymentId": "disorder", "customerCookieId": self.cookie,
            "eventName": "page_viewed", "page": {"url": format!("https://disorder.example{}", self.event.page)},
            "createdDate": created, "sentDate": sent,
        })
        .to_string()
    }
}

/// What one visitor does, one event after the other.
struct Visitor {
    number: i64,
    dice: Dice,
    at: i64,
}

/// Who sends one event an hour after it could still count: its visit is over.
const LATE: i64 = 0;
/// Who sends one event late, while its visit is still open.
const STEADY: i64 = 1;
/// Who dates everything into the future.
const AHEAD: i64 = 2;

impl Visitor {
    fn new(number: i64) -> Visitor {
        let mut dice = Dice(number as u64 + 6);
        let at = START + dice.below(60 * MINUTE);
        Visitor { number, dice, at }
    }

    fn kind(&self) -> i64 {
        self.number % 30
    }

    /// How long after the one before it the n-th event happens.
    fn pause(&mut self, n: i64) -> i64 {
        match (n, self.kind()) {
            (_, STEADY) => 5 * MINUTE + self.dice.below(3 * MINUTE),
            (9, LATE) => 70 * MINUTE,
            (10, LATE) => 180 * MINUTE,
            _ if n % 6 == 0 => TIMEOUT + self.dice.below(2),
            _ => SECOND + self.dice.below(TIMEOUT + 2 * MINUTE),
        }
    }

    /// How long each copy of the n-th event is on its way.
    fn delays(&mut self, n: i64) -> Vec<i64> {
        match (n, self.kind()) {
            (9, LATE) => vec![GRACE + 65 * MINUTE],
            (9, STEADY) => vec![GRACE + 10 * MINUTE],
            (_, AHEAD) => vec![0],
            _ => {
                let copies = 1 + i64::from(self.dice.below(20) == 0);
                (0..copies).map(|_| self.dice.below(GRACE)).collect()
            }
        }
    }

    fn sends(mut self) -> Vec<Sent> {
        let cookie = format!("v{}", self.number);
        let skew = [0, -180 * MINUTE, 120 * MINUTE, 90 * SECOND][self.number as usize % 4];
        let future = self.kind() == AHEAD;
        let skew = if future { 0 } else { skew };
        let mut sends = Vec::new();
        for n in 0..20 {
            self.at += self.pause(n);
            let event = Event {
                visitor: customer_id("disorder", &cookie),
                id: format!("{cookie}-{n}"),
                at: self.at,
                page: format!("/{}", self.dice.below(7)),
                page_view: true,
                ping: false,
                timeout: TIMEOUT,
            };
            sends.extend(self.delays(n).into_iter().map(|delay| Sent {
                event: event.clone(),
                cookie: cookie.clone(),
                skew,
                arrives: self.at + delay,
                future,
            }));
        }
        sends
    }
}

/// What everybody sends, in order of arrival; it is really out of order, and more than once.
fn traffic(visitors: i64) -> Vec<Sent> {
    let mut all: Vec<Sent> = (0..visitors)
        .flat_map(|v| Visitor::new(v).sends())
        .collect();
    all.sort_by_key(|sent| sent.arrives);
    let ids: BTreeSet<&str> = all.iter().map(|sent| sent.event.id.as_str()).collect();
    let copies = all.len() - ids.len();
    let inversions = all
        .windows(2)
        .filter(|pair| pair[1].event.at < pair[0].event.at)
        .count();
    println!(
        "{} events, {copies} copies, {inversions} before the one that came before",
        all.len()
    );
    assert!(copies > 100 && inversions > 1_000, "this proves nothing");
    all
}

#[test]
fn disorder_within_grace_and_copies_change_no_visit_and_what_is_too_late_is_kept_apart() {
    let Some(kafka) = kafka() else { return };
    let sent = traffic(300 * rounds() as i64);
    let lane = Lane::new(&kafka, "disorder", true);
    lane.define(&[DEPLOYMENT]);
    let _stages = STAGES.map(|name| lane.start(name, "a", SMALL));
    let mut loader = lane.producer();
    for sent in &sent {
        loader.tick_by_the_minute(&RAW);
        if sent.is_too_late() {
            loader.flush();
            let over_at = sent.event.at + TIMEOUT + GRACE;
            lane.until_marked("web.events", over_at);
        }
        let (key, json) = (Some(sent.cookie.as_str()), sent.json());
        loader.send(WEB_RAW, key, json.as_bytes(), Some(sent.arrives));
    }
    for _ in 1..=26 {
        loader.tick(&RAW, loader.now() + 60 * MINUTE);
    }
    loader.flush();
    lane.until_all_done("ingest", loader.now());

    let is_too_late = |sent: &&Sent| sent.arrives - sent.event.at > GRACE + 60 * MINUTE;
    let too_late = sent
        .iter()
        .filter(is_too_late)
        .map(|sent| sent.event.id.clone());
    let too_late: BTreeSet<String> = too_late.collect();
    let letters = lane.values("web.events.dead-letter");
    let kept = letters
        .iter()
        .map(|event| event["eventId"].as_str().expect("an id").to_owned());
    assert_eq!(kept.collect::<BTreeSet<_>>(), too_late);
    assert_eq!(letters.len(), too_late.len(), "each once");

    let events = sent.iter().map(|sent| sent.event.clone());
    let events: Vec<Event> = events
        .filter(|event| !too_late.contains(&event.id))
        .collect();
    assert_same_visits(&ended(&lane.values("journey.visits")), &sessionize(&events));
}
