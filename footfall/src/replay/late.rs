//! The events that a lane's sessionizer refused as late, from its dead letters, which keep the bytes.

use std::{collections::BTreeMap, time::Duration};

use journey::{WebEvent, topics};
use pipeline::{
    dead_letter::DeadLetter,
    kafka::{
        Settings,
        read::{From, TopicReader},
    },
    log::LogError,
};

use super::partition::LateEvent;
use crate::records::Records;

/// The sessionizer's reason.
const LATE: &str = "late";

/// Late events by the partition in which they stood, each once.
pub(super) fn read(
    settings: &Settings,
    events: &mut Records<WebEvent>,
) -> Result<BTreeMap<u32, Vec<LateEvent>>, LogError> {
    let topic = settings
        .lane
        .topic(&topics::dead_letter(topics::WEB_EVENTS));
    let mut reader = TopicReader::open(settings, &[topic], From::Beginning)?;
    let mut found: BTreeMap<(u32, i64), LateEvent> = BTreeMap::new();
    while !reader.is_at_end() {
        let Some(record) = reader.next(Duration::from_millis(20))? else {
            continue;
        };
        let headers = record.headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.as_slice()));
        let Some(cause) = DeadLetter::from_headers(headers) else {
            continue;
        };
        if cause.reason != LATE || cause.topic != topics::WEB_EVENTS {
            continue;
        }
        let Some(value) = record.value else { continue };
        let Some(event) = events.read(&value)? else {
            continue;
        };
        let late = LateEvent {
            occurred_at: event.occurred_at,
            offset: cause.offset,
            key: record.key,
            value,
        };
        found.insert((cause.partition, cause.offset), late);
    }
    let mut by_partition: BTreeMap<u32, Vec<LateEvent>> = BTreeMap::new();
    for ((partition, _), late) in found {
        by_partition.entry(partition).or_default().push(late);
    }
    Ok(by_partition)
}
