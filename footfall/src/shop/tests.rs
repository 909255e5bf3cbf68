//! The generated stream itself is checked, not what the generator meant to do.

use std::collections::{BTreeMap, BTreeSet};

use journey::{Millis, Timestamp};
use serde_json::Value;

use super::*;

const START: Timestamp = Timestamp(1_795_392_000_000);

fn plausible(seed: u64, visitors: u32) -> Shop {
    Shop::new(ShopConfig::plausible(
        seed,
        visitors,
        START,
        Millis::from_mins(24 * 60),
    ))
}

/// An event as a reader with no grace for guesses sees it: by nothing but the sending time and the JSON.
struct Seen {
    sent_at: Timestamp,
    occurred_at: Timestamp,
    event_id: String,
}

fn read(sent: &Sent) -> Seen {
    let json: Value = serde_json::from_str(&sent.json).expect("JSON");
    let date = |name: &str| {
        json[name]
            .as_str()
            .map(|text| Timestamp::parse(text).expect("a date"))
    };
    let created = date("createdDate").expect("always there");
    let occurred_at = match date("sentDate") {
        Some(stamped) => sent.send_at - (stamped - created),
        None => {
            assert!(
                created <= sent.send_at && sent.send_at - created <= Millis::from_mins(60),
                "the date must stand"
            );
            created
        }
    };
    Seen {
        sent_at: sent.send_at,
        occurred_at,
        event_id: json["eventId"].as_str().expect("an id").to_owned(),
    }
}

/// A sessionizer of twenty lines in order of arrival: how often each case really occurs.
#[derive(Debug, Default)]
struct Cases {
    merges: u64,
    late: u64,
    late_joins: u64,
    duplicates: u64,
    at_timeout: u64,
    past_timeout: u64,
    returns_after_away: u64,
}

impl Cases {
    fn of(events: &[Seen], timeout: Millis, grace: Millis) -> Cases {
        let mut cases = Cases::default();
        let mut visits: Vec<(Timestamp, Timestamp)> = Vec::new();
        let (mut ids, mut times) = (BTreeSet::new(), Vec::new());
        for event in events {
            let at = event.occurred_at;
            let watermark = event.sent_at - grace;
            if !ids.insert(&event.event_id) {
                cases.duplicates += 1;
                continue;
            }
            let open = |visit: &(Timestamp, Timestamp)| visit.1 + timeout >= watermark;
            let touches =
                |visit: &(Timestamp, Timestamp)| visit.0 - timeout <= at && at <= visit.1 + timeout;
            let (joined, rest): (Vec<_>, Vec<_>) = visits
                .into_iter()
                .partition(|visit| open(visit) && touches(visit));
            visits = rest;
            if joined.is_empty() && at < watermark {
                cases.late += 1;
                continue;
            }
            cases.late_joins += u64::from(at < watermark);
            cases.merges += (joined.len() as u64).saturating_sub(1);
            let first = joined.iter().map(|visit| visit.0).fold(at, Timestamp::min);
            visits.push((
                first,
                joined.iter().map(|visit| visit.1).fold(at, Timestamp::max),
            ));
            times.push(at);
        }
        times.sort();
        for pair in times.windows(2) {
            let gap = pair[1] - pair[0];
            cases.at_timeout += u64::from(gap == timeout);
            cases.past_timeout += u64::from(gap.0 == timeout.0 + 1);
            cases.returns_after_away += u64::from(gap > Millis::from_mins(1) && gap <= timeout);
        }
        cases
    }

    fn add(&mut self, other: &Cases) {
        self.merges += other.merges;
        self.late += other.late;
        self.late_joins += other.late_joins;
        self.duplicates += other.duplicates;
        self.at_timeout += other.at_timeout;
        self.past_timeout += other.past_timeout;
        self.returns_after_away += other.returns_after_away;
    }
}

fn cases(shop: &mut Shop) -> Cases {
    let (timeout, grace) = (shop.config().visit_timeout, shop.config().grace);
    let mut by_visitor: BTreeMap<String, Vec<Seen>> = BTreeMap::new();
    for sent in shop {
        let truth = sent.truth.as_ref().expect("web events have one");
        if !matches!(
            truth.fate,
            Fate::Suppressed(_) | Fate::DeadLettered(_) | Fate::Withdraws
        ) {
            by_visitor
                .entry(truth.cookie.to_string())
                .or_default()
                .push(read(&sent));
        }
    }
    let mut total = Cases::default();
    for events in by_visitor.values() {
        total.add(&Cases::of(events, timeout, grace));
    }
    total
}

fn check_cases(mut shop: Shop, at_least: u64) {
    let found = cases(&mut shop);
    let tally = shop.tally();
    let pairs = [
        ("merges", found.merges, tally.merges),
        ("late", found.late, tally.late),
        ("late joins", found.late_joins, tally.late_joins),
        ("duplicates", found.duplicates, tally.duplicates),
        ("at timeout", found.at_timeout, tally.at_timeout),
        ("past timeout", found.past_timeout, tally.past_timeout),
        (
            "returns after away",
            found.returns_after_away,
            tally.returns_after_away,
        ),
    ];
    for (name, found, tallied) in pairs {
        assert_eq!(
            found, tallied,
            "{name}: what the stream holds and what the tally says"
        );
        assert!(found >= at_least, "{name}: {found}");
    }
}

#[test]
fn a_biting_shop_bites() {
    check_cases(Shop::new(ShopConfig::biting(1, 3000)), 100);
}

#[test]
fn a_small_biting_shop_bites_too() {
    check_cases(Shop::new(ShopConfig::biting(2, 300)), 100);
}

#[test]
fn a_shop_with_another_timeout_and_grace_bites_too() {
    let (visit_timeout, grace) = (Millis::from_mins(5), Millis::from_mins(3));
    let rates = Rates {
        robots: 0.0,
        ..Rates::plausible()
    };
    check_cases(
        Shop::new(ShopConfig {
            visit_timeout,
            grace,
            rates,
            ..ShopConfig::biting(3, 600)
        }),
        100,
    );
}

#[test]
fn the_tally_of_a_plausible_shop_is_true() {
    check_cases(plausible(5, 3000), 0);
}

#[test]
fn the_same_seed_sends_the_same_bytes() {
    assert!(plausible(9, 200).eq(plausible(9, 200)));
    assert!(!plausible(9, 200).eq(plausible(10, 200)));
    assert!(Shop::new(ShopConfig::biting(9, 200)).eq(Shop::new(ShopConfig::biting(9, 200))));
}

#[test]
fn events_come_in_order_of_sending() {
    let mut shop = plausible(4, 500);
    let mut last = Timestamp::MIN;
    while let Some(next) = shop.next_send_at() {
        let sent = shop.next().expect("announced");
        assert_eq!(sent.send_at, next);
        assert!(next >= last);
        last = next;
    }
    assert!(shop.next().is_none());
}

#[test]
fn a_reader_finds_the_true_time_whatever_the_visitors_clock_says() {
    let mut wrong_clocks = 0;
    for sent in plausible(6, 1000) {
        let truth = sent.truth.as_ref().expect("web events have one");
        if !matches!(truth.fate, Fate::DeadLettered(_)) {
            let seen = read(&sent);
            assert_eq!(
                (seen.occurred_at, &seen.event_id),
                (truth.occurred_at, &truth.event_id)
            );
            wrong_clocks += u32::from(!sent.json.contains(&truth.occurred_at.to_string()));
        }
    }
    assert!(wrong_clocks > 100, "{wrong_clocks}");
}

#[test]
fn every_event_is_complete_unless_it_is_broken_on_purpose() {
    let required = [
        "eventId",
        "deploymentId",
        "customerCookieId",
        "eventName",
        "createdDate",
        "userAgentString",
    ];
    let mut fates = BTreeMap::new();
    for sent in plausible(8, 4000) {
        let truth = sent.truth.expect("web events have one");
        *fates.entry(truth.fate).or_insert(0) += 1;
        let json: Option<Value> = serde_json::from_str(&sent.json).ok();
        if let Fate::DeadLettered("not_json" | "truncated") = truth.fate {
            assert_eq!(json, None);
            continue;
        }
        let json = json.expect("JSON");
        let complete =
            required.iter().all(|name| json[name].is_string()) && json["page"]["url"].is_string();
        let broken = matches!(
            truth.fate,
            Fate::DeadLettered("wrong_type" | "missing_customer_cookie_id")
        );
        assert_eq!(complete, !broken, "{:?}: {}", truth.fate, sent.json);
        assert_eq!(
            sent.json.contains("\\u0000"),
            truth.fate == Fate::DeadLettered("null_byte")
        );
        assert!(sent.json.len() < 4096);
    }
    let dead_letters = browse::BREAKAGES
        .into_iter()
        .chain(["unknown_deployment"])
        .map(Fate::DeadLettered);
    let suppressed =
        ["consent_denied", "consent_missing", "gpc", "page_blocked"].map(Fate::Suppressed);
    let others = [Fate::Joins, Fate::Late, Fate::Duplicate, Fate::Withdraws];
    for fate in dead_letters.chain(suppressed).chain(others) {
        assert!(fates.contains_key(&fate), "{fate:?} never happens");
    }
}

#[test]
fn visitors_do_what_the_definitions_wait_for() {
    let mut events = BTreeMap::new();
    let mut words: BTreeMap<&str, u32> = BTreeMap::new();
    for sent in plausible(2, 2000) {
        let truth = sent.truth.expect("web events have one");
        *events.entry(truth.event_name).or_insert(0) += 1;
        for word in [
            "/pricing",
            "/cart",
            "orderValue",
            "customerEmail",
            "gclid=",
            "utm_medium=email",
            "chatgpt.com",
        ] {
            *words.entry(word).or_default() += u32::from(sent.json.contains(word));
        }
    }
    let names = [
        "page_viewed",
        "search_performed",
        "form_submitted",
        "form_abandoned",
        "product_added",
        "order_placed",
    ];
    assert!(
        names
            .iter()
            .all(|name| events.get(name).is_some_and(|count| *count > 50)),
        "{events:?}"
    );
    assert!(events["ping"] > events["page_viewed"] / 4, "{events:?}");
    assert!(words.values().all(|count| *count > 20), "{words:?}");
}
