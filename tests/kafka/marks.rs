//! Marks, read as the design has them: a mark is a promise that all its sources received up to a time has been passed on.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::{
    auditor::{Isolation, Record},
    lane::{Lane, RAW},
};

/// What the marks of one partition claim.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Claims {
    claimed: BTreeMap<(String, i64), i64>,
    sources: usize,
}

impl Claims {
    /// Takes in what a mark claims.
    pub(crate) fn take(&mut self, mark: &str) {
        let mark: Value = serde_json::from_str(mark).expect("a mark is JSON");
        let of = mark["of"].as_object().expect("of");
        let count: u64 = of.values().filter_map(Value::as_u64).sum();
        self.sources = count as usize;
        for source in mark["sources"].as_array().expect("sources") {
            let topic = source[0].as_str().expect("a topic").to_owned();
            let (partition, at) = (source[1].as_i64(), source[2].as_i64());
            let known = self
                .claimed
                .entry((topic, partition.expect("a partition")))
                .or_insert(i64::MIN);
            *known = (*known).max(at.expect("a time"));
        }
    }

    /// The least that any source claims, once each has claimed.
    pub(crate) fn frontier(&self) -> Option<i64> {
        let complete = self.sources > 0 && self.claimed.len() >= self.sources;
        self.claimed.values().min().copied().filter(|_| complete)
    }

    /// What a source claims.
    fn of(&self, topic: &str, partition: i32) -> Option<i64> {
        let source = (topic.to_owned(), i64::from(partition));
        self.claimed.get(&source).copied()
    }
}

/// The least that any source claims in any partition, once each has claimed in each.
pub(crate) fn frontier(partitions: &[Claims]) -> Option<i64> {
    let each: Option<Vec<i64>> = partitions.iter().map(Claims::frontier).collect();
    each?.into_iter().min()
}

/// Where a raw event lies, and when it was received.
struct Place {
    topic: &'static str,
    partition: i32,
    at: i64,
}

/// By event id: its place, of the events that were sent once.
fn places(lane: &Lane) -> HashMap<String, Place> {
    let mut places = HashMap::new();
    let mut twice = Vec::new();
    for topic in RAW {
        for record in lane.auditor.read(&lane.topic(topic), Isolation::Committed) {
            let value = record.value.as_deref().unwrap_or_default();
            let json: Option<Value> = serde_json::from_slice(value).ok();
            let Some(id) = json.and_then(|json| Some(json["eventId"].as_str()?.to_owned())) else {
                continue;
            };
            let place = Place {
                topic,
                partition: record.partition,
                at: record.timestamp,
            };
            if places.insert(id.clone(), place).is_some() {
                twice.push(id);
            }
        }
    }
    for id in twice {
        places.remove(&id);
    }
    places
}

/// Up to when the marks of a partition of `web.events` claim that all was passed on, those included that nobody can read
/// yet, and only those before an offset.
pub(crate) fn claimed_before(lane: &Lane, partition: i32, offset: i64) -> Option<i64> {
    let topic = lane.topic("web.events");
    let records = lane.auditor.read(&topic, Isolation::Uncommitted);
    let mut claims = Claims::default();
    let marks = records.iter().filter(|record| {
        record.is_time() && record.partition == partition && record.offset < offset
    });
    for mark in marks {
        claims.take(&mark.header("footfall-mark"));
    }
    claims.frontier()
}

/// No event stands in `web.events` behind a mark that had said that all received until then was passed on: nobody has
/// pushed time forward.
pub(crate) fn assert_marks_keep_their_word(lane: &Lane) {
    let places = places(lane);
    let records = lane
        .auditor
        .read(&lane.topic("web.events"), Isolation::Committed);
    let (mut marks, mut held) = (0, 0);
    for partition in records.chunk_by(|a: &Record, b| a.partition == b.partition) {
        let mut claims = Claims::default();
        for record in partition {
            if record.is_time() {
                claims.take(&record.header("footfall-mark"));
                marks += 1;
                continue;
            }
            let event = lane.auditor.decode(record);
            let id = event["eventId"].as_str().expect("an id");
            let Some(place) = places.get(id) else {
                continue;
            };
            held += 1;
            let claimed = claims.of(place.topic, place.partition);
            assert!(
                claimed.is_none_or(|claimed| claimed <= place.at),
                "{id}, received by {}-{} at {}, stands behind a mark that had claimed {claimed:?}",
                place.topic,
                place.partition,
                place.at
            );
        }
    }
    assert!(marks > 0 && held > 0, "there is something to look at");
    println!(
        "{}: {marks} marks kept their word to {held} events",
        lane.prefix
    );
}
