//! What the generator says should come out, in the auditor's own words.

use std::collections::{BTreeMap, BTreeSet};

use footfall::shop::{Fate, Raw, Sent, Shop, ShopConfig, Truth};
use hmac::{Hmac, KeyInit, Mac};
use journey_tests::oracle::{EndedVisit, Event};
use serde_json::Value;

/// A simulated day, and what must become of it.
pub(crate) struct Day {
    pub(crate) sent: Vec<Sent>,
    pub(crate) config: ShopConfig,
}

impl Day {
    /// A day, whatever is in it.
    pub(crate) fn new(seed: u64, visitors: u32) -> Day {
        let config = ShopConfig::biting(seed, visitors);
        let sent = Shop::new(config.clone()).collect();
        Day { sent, config }
    }

    /// A day that bites; the generator's own count says whether it does.
    pub(crate) fn biting(seed: u64, visitors: u32) -> Day {
        let config = ShopConfig::biting(seed, visitors);
        let mut shop = Shop::new(config.clone());
        let sent: Vec<Sent> = shop.by_ref().collect();
        let tally = shop.tally();
        for (what, count) in [
            ("merges", tally.merges),
            ("late", tally.late),
            ("duplicates", tally.duplicates),
            ("at the timeout", tally.at_timeout),
            ("1 ms past it", tally.past_timeout),
            ("returns after away", tally.returns_after_away),
        ] {
            assert!(
                count >= 100,
                "{what}: {count}, which is not enough to prove anything"
            );
        }
        assert!(sent.iter().all(|sent| sent.topic == Raw::Web));
        Day { sent, config }
    }

    pub(crate) fn truths(&self) -> impl Iterator<Item = &Truth> {
        self.sent.iter().filter_map(|sent| sent.truth.as_ref())
    }

    /// Ids of the events that ingest must pass on, each as often as it was sent.
    pub(crate) fn forwarded(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = self
            .truths()
            .filter(|truth| is_forwarded(truth.fate))
            .map(|truth| truth.event_id.as_str())
            .collect();
        ids.sort_unstable();
        ids
    }

    /// By reason: what ingest must suppress, and what it must keep apart.
    pub(crate) fn refused(&self) -> (BTreeMap<&str, usize>, BTreeMap<&str, usize>) {
        let (mut suppressed, mut dead) = (BTreeMap::new(), BTreeMap::new());
        for truth in self.truths() {
            match truth.fate {
                Fate::Suppressed(reason) => *suppressed.entry(reason).or_default() += 1,
                Fate::DeadLettered(reason) => *dead.entry(reason).or_default() += 1,
                _ => {}
            }
        }
        (suppressed, dead)
    }

    /// Ids of the events that were sent so late that no visit may take them.
    pub(crate) fn late(&self) -> BTreeSet<&str> {
        let late = self.truths().filter(|truth| truth.fate == Fate::Late);
        late.map(|truth| truth.event_id.as_str()).collect()
    }

    /// What a batch sessionization is given: all that was passed on, but what came too late, or never.
    pub(crate) fn events(&self, left_out: &BTreeSet<String>) -> Vec<Event> {
        self.truths()
            .filter(|truth| is_forwarded(truth.fate) && !left_out.contains(&truth.event_id))
            .map(|truth| Event {
                visitor: customer_id(&truth.deployment_id, &truth.cookie),
                id: truth.event_id.clone(),
                at: truth.occurred_at.0,
                page: page(truth),
                page_view: truth.event_name == "page_viewed",
                ping: truth.is_ping(),
                timeout: self.config.visit_timeout.0,
            })
            .collect()
    }
}

/// The page as visits know it: of those that the demo's definitions only count, no more than the host.
fn page(truth: &Truth) -> String {
    match truth.pathname.starts_with("/health/") {
        true => "/[count_only]".to_owned(),
        false => truth.pathname.clone(),
    }
}

/// Whether ingest must pass it on.
pub(crate) fn is_forwarded(fate: Fate) -> bool {
    !matches!(fate, Fate::Suppressed(_) | Fate::DeadLettered(_))
}

/// The visitor of a cookie under the development key, by the published rule and no code of the product.
pub(crate) fn customer_id(deployment: &str, cookie: &str) -> String {
    let key = b"footfall development visitor key";
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).expect("a key");
    mac.update(deployment.as_bytes());
    mac.update(&[0]);
    mac.update(cookie.as_bytes());
    format!("dev.{}", &base32(&mac.finalize().into_bytes())[..26])
}

fn base32(bytes: &[u8]) -> String {
    let alphabet = b"abcdefghijklmnopqrstuvwxyz234567";
    let (mut text, mut buffer, mut bits) = (String::new(), 0u32, 0);
    for byte in bytes {
        buffer = (buffer << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(alphabet[(buffer >> bits & 31) as usize] as char);
        }
    }
    text
}

/// The visits that ended, as `journey.visits` tells, in order of visitor and time.
pub(crate) fn ended(visits: &[Value]) -> Vec<EndedVisit> {
    let ended = visits.iter().filter(|record| record["kind"] == "ended");
    let number = |value: &Value| value.as_i64().expect("a number");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let mut ended: Vec<EndedVisit> = ended
        .map(|record| {
            let visit = &record["visit"];
            EndedVisit {
                visitor: text(&record["customerId"]),
                first: number(&visit["createdDate"]),
                last: number(&visit["lastEventDate"]),
                event_count: number(&visit["eventCount"]),
                pageview_count: number(&visit["pageviewCount"]),
                entry_page: text(&visit["firstPage"]["pathname"]),
                exit_page: text(&visit["lastPage"]["pathname"]),
            }
        })
        .collect();
    ended.sort();
    ended
}

/// Compares two lists of visits and shows the first visitors that differ.
pub(crate) fn assert_same_visits(found: &[EndedVisit], expected: &[EndedVisit]) {
    if found == expected {
        return;
    }
    let of = |visits: &[EndedVisit], visitor: &str| -> Vec<String> {
        let visits = visits.iter().filter(|visit| visit.visitor == visitor);
        visits.map(|visit| format!("  {visit:?}")).collect()
    };
    let all: BTreeSet<&str> = found
        .iter()
        .chain(expected)
        .map(|v| v.visitor.as_str())
        .collect();
    let differing = all.into_iter().filter(|v| of(found, v) != of(expected, v));
    let differing: Vec<&str> = differing.collect();
    for visitor in differing.iter().take(3) {
        let (found, expected) = (of(found, visitor), of(expected, visitor));
        eprintln!(
            "{visitor} found:\n{}\nexpected:\n{}",
            found.join("\n"),
            expected.join("\n")
        );
    }
    panic!(
        "{} visitors differ; {} visits found, {} expected",
        differing.len(),
        found.len(),
        expected.len()
    );
}
