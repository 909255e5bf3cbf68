//! What the topics of one run hold, and that it is what those of another hold, or the oracle says.

use std::{collections::BTreeMap, sync::Arc};

use footfall::chain::Chain;
use journey::{
    JourneyEvent, Text, Timestamp, VisitEvent,
    staffing::{Actual, StaffingInterval},
    topics, visit,
};
use journey_tests::oracle::EndedVisit;
use pipeline::memory::{MemoryBroker, Stored};
use schemas::{Avro, from_bytes, unframe};

use crate::PARTITIONS;

/// A framed value of ours.
pub(crate) fn decode<T: Avro>(value: &[u8]) -> T {
    from_bytes(unframe(value).expect("framed").1).expect("our own record")
}

/// Every value of a topic, decoded.
pub(crate) fn values<T: Avro>(broker: &MemoryBroker, topic: &str) -> Vec<T> {
    let records = (0..PARTITIONS).flat_map(|p| broker.records(topic, p));
    let values = records.filter_map(|record| record.value.clone());
    values.map(|value| decode(&value)).collect()
}

/// Each partition's keys, values and headers.
fn contents(broker: &MemoryBroker, topic: &str) -> Vec<Vec<Stored>> {
    let bare = |record: &Arc<Stored>| Stored {
        offset: 0,
        appended_at: Timestamp(0),
        ..Stored::clone(record)
    };
    (0..PARTITIONS)
        .map(|p| broker.records(topic, p).iter().map(bare).collect())
        .collect()
}

/// Two runs made the same of one and the same log: byte for byte, or, of staffing, in the end.
pub(crate) fn same(one: &MemoryBroker, other: &MemoryBroker) {
    for topic in [topics::VISITS, topics::JOURNEY_EVENTS, topics::OFFERS] {
        let (one, other) = (contents(one, topic), contents(other, topic));
        for (partition, (one, other)) in one.iter().zip(&other).enumerate() {
            let first = one.iter().zip(other).position(|(a, b)| a != b);
            assert!(
                first.is_none() && one.len() == other.len(),
                "{topic}-{partition} differs at {first:?} of {} and {} records",
                one.len(),
                other.len()
            );
        }
    }
    assert_eq!(staffing(one), staffing(other), "staffing differs");
}

/// The values of a topic are the same, in whatever order.
pub(crate) fn same_in_any_order(one: &MemoryBroker, other: &MemoryBroker, topic: &str) {
    assert!(
        multiset(one, topic) == multiset(other, topic),
        "{topic} differs as a multiset"
    );
}

/// The visits of these visitors are the oracle's.
pub(crate) fn as_the_oracle_says(
    broker: &MemoryBroker,
    oracle: &[EndedVisit],
    covers: impl Fn(&str) -> bool,
) {
    let covered = |visits: &[EndedVisit]| -> Vec<EndedVisit> {
        let covered = visits.iter().filter(|visit| covers(&visit.visitor));
        covered.cloned().collect()
    };
    let (ended, oracle) = (covered(&ended(broker)), covered(oracle));
    let lacks = |these: &[EndedVisit], those: &[EndedVisit]| -> Vec<EndedVisit> {
        let lacking = those.iter().filter(|visit| !these.contains(visit));
        lacking.take(3).cloned().collect()
    };
    assert!(
        ended == oracle,
        "missing {:#?}\nnot the oracle's {:#?}",
        lacks(&ended, &oracle),
        lacks(&oracle, &ended)
    );
}

/// Every visit that ended.
pub(crate) fn ended(broker: &MemoryBroker) -> Vec<EndedVisit> {
    let visits = values::<VisitEvent>(broker, topics::VISITS)
        .into_iter()
        .filter(|e| e.kind == visit::kind::ENDED);
    let mut ended: Vec<_> = visits
        .filter_map(|event| {
            let visit = event.visit?;
            Some(EndedVisit {
                visitor: event.customer_id.to_string(),
                first: visit.created_date.0,
                last: visit.last_event_date.0,
                event_count: visit.event_count,
                pageview_count: visit.pageview_count,
                entry_page: visit.first_page.pathname.to_string(),
                exit_page: visit.last_page.pathname.to_string(),
            })
        })
        .collect();
    ended.sort();
    ended
}

/// An interval: whose, when, its status, and what was counted.
type Counted = (String, Timestamp, Text, Actual);

/// What the last revision of every interval says.
fn staffing(broker: &MemoryBroker) -> Vec<Counted> {
    let mut last = BTreeMap::new();
    for interval in values::<StaffingInterval>(broker, topics::STAFFING) {
        last.insert(
            (interval.route_path_id.to_string(), interval.interval_start),
            interval,
        );
    }
    let counted = last.into_iter();
    counted
        .map(|((id, start), i)| (id, start, i.status, i.actual))
        .collect()
}

fn multiset(broker: &MemoryBroker, topic: &str) -> Vec<Vec<u8>> {
    let records = (0..PARTITIONS).flat_map(|p| broker.records(topic, p));
    let mut values: Vec<_> = records.filter_map(|record| record.value.clone()).collect();
    values.sort();
    values
}

/// Records by raw topic, partition and minute.
type ByMinute = BTreeMap<(String, u32, Timestamp), i64>;

/// What came in, ticks aside, is what ingest accounts for, minute by minute.
pub(crate) fn adds_up(broker: &MemoryBroker) {
    let (came, accounted) = (came_in(broker), accounted_for(broker));
    assert!(!came.is_empty(), "nothing came in");
    assert!(
        came == accounted,
        "{came:#?} came in, {accounted:#?} are accounted for"
    );
}

fn came_in(broker: &MemoryBroker) -> ByMinute {
    let mut came = ByMinute::new();
    for topic in [topics::WEB_EVENTS_RAW, topics::ENGAGEMENT_EVENTS_RAW] {
        for partition in 0..PARTITIONS {
            let mut received = Timestamp::MIN;
            for record in broker.records(topic, partition) {
                // A broker's clock may step back; what a task takes for the time does not.
                received = received.max(record.appended_at);
                if record.value.is_some() {
                    let minute = received.floor(journey::account::SPAN);
                    let place = (topic.to_owned(), partition, minute);
                    *came.entry(place).or_default() += 1;
                }
            }
        }
    }
    came
}

fn accounted_for(broker: &MemoryBroker) -> ByMinute {
    let mut accounted = ByMinute::new();
    for account in values::<journey::IngestAccount>(broker, topics::ACCOUNTS) {
        let (partition, minute) = (account.partition as u32, account.minute);
        let place = (account.topic.to_string(), partition, minute);
        let counts = account.counts.iter().map(|counted| counted.count);
        *accounted.entry(place).or_default() += counts.sum::<i64>();
    }
    accounted
}

/// Whatever was restored came to what was committed.
pub(crate) fn nothing_diverged(chain: &Chain) {
    for metrics in chain.metrics() {
        let mut lines = metrics.lines();
        let count = lines.find(|line| line.starts_with("footfall_restore_divergence_total{"));
        let count = count.expect("counted from zero");
        assert!(count.ends_with(" 0"), "{count}");
    }
}

/// The sequence of every session is 1, 2, 3…
pub(crate) fn gapless(broker: &MemoryBroker) {
    let mut last = BTreeMap::new();
    let events = values::<JourneyEvent>(broker, topics::JOURNEY_EVENTS).into_iter();
    // What is said of a visitor without a visit, as that it is forgotten, belongs to no session.
    for event in events.filter(|event| !event.session.id.is_empty()) {
        let sequence = last.entry(event.session.id.clone()).or_insert(0);
        assert_eq!(
            event.sequence,
            *sequence + 1,
            "session {}",
            event.session.id
        );
        *sequence = event.sequence;
    }
}
