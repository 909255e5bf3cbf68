//! Which events a visit has seen: what a duplicate is known by.

use std::collections::VecDeque;

use journey::{EventId, Millis, TaskTime, Timestamp};
use schemas::{
    Avro, Malformed,
    avro::{Reader, write_long},
};

use crate::{sizes, so_far::VisitSoFar};

/// How far behind the watermark an event is remembered.
const REMEMBERED: Millis = Millis::from_mins(10);
/// The most that a visit remembers; the oldest in the log goes first.
const MOST: usize = 512;

/// The hashes of a visit's event ids, with their times, in the order of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    events: VecDeque<(u64, Timestamp)>,
}

/// A 64-bit hash of an event's id. It stands in states, so it never changes: FNV-1a, mixed as murmur3 ends.
pub(crate) fn hash(id: &EventId) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for byte in id.as_str().bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

impl Seen {
    /// Whether an event with this hash is remembered.
    pub(crate) fn contains(&self, hash: u64) -> bool {
        self.events.iter().any(|(seen, _)| *seen == hash)
    }

    /// Remembers an event, and forgets what no duplicate is expected of any more.
    pub(crate) fn insert(&mut self, hash: u64, at: Timestamp, time: &TaskTime) {
        let oldest = time.watermark - REMEMBERED;
        if self.events.front().is_some_and(|(_, at)| *at < oldest) {
            self.events.retain(|(_, at)| *at >= oldest);
        }
        self.events.push_back((hash, at));
        self.bound();
    }

    /// What an event at `at` adds to the time that a visitor was engaged: of the silence that it cuts, what is no longer than
    /// the idle time, in as far as it was not counted as a whole.
    pub(crate) fn engaged(&self, at: Timestamp, visit: &VisitSoFar) -> Millis {
        let counted = |silence: Millis| {
            Some(silence)
                .filter(|silence| *silence <= visit.policy.idle_after)
                .unwrap_or_default()
        };
        if at >= visit.last_activity_date {
            return counted(at - visit.last_activity_date);
        }
        let times = || self.events.iter().map(|(_, at)| *at);
        let before = times().filter(|time| *time <= at).max();
        let after = times().filter(|time| *time > at).min();
        let whole = before.zip(after).map(|(before, after)| after - before);
        let parts = [
            before.map(|before| at - before),
            after.map(|after| after - at),
        ];
        let parts = parts.into_iter().flatten().map(counted);
        let whole = whole.map(counted).unwrap_or_default();
        Millis(parts.map(|part| part.0).sum::<i64>() - whole.0)
    }

    /// What it weighs in the state at most.
    pub(crate) fn weight(&self) -> usize {
        10 + self.events.len() * (8 + sizes::TIME)
    }

    /// Remembers what another visit of the visitor remembered.
    pub(crate) fn unite(&mut self, other: Seen) {
        self.events.extend(other.events);
        self.events.make_contiguous().sort_by_key(|(_, at)| *at);
        self.bound();
    }

    /// A count; whether the first and the last remembered are the visit's own first and last event; then for each the hash,
    /// unless that is said already, and the time since the one before.
    pub(crate) fn write_packed(&self, zero: Timestamp, ends: [&EventId; 2], to: &mut Vec<u8>) {
        write_long(self.events.len() as i64, to);
        let known = [self.events.front(), self.events.back()];
        let [first, last] =
            [0, 1].map(|end| known[end].is_some_and(|(h, _)| *h == hash(ends[end])));
        to.push(u8::from(first) | (u8::from(last) << 1));
        let mut before = zero.0;
        for (place, (hash, at)) in self.events.iter().enumerate() {
            let is_known = (first && place == 0) || (last && place + 1 == self.events.len());
            if !is_known {
                to.extend_from_slice(&hash.to_le_bytes());
            }
            write_long(at.0.wrapping_sub(before), to);
            before = at.0;
        }
    }

    /// Reads what [`Seen::write_packed`] wrote.
    pub(crate) fn read_packed(
        zero: Timestamp,
        ends: [&EventId; 2],
        from: &mut Reader<'_>,
    ) -> Result<Self, Malformed> {
        let count = read_count(from)?;
        let known = from.byte()?;
        if known > 3 {
            return Err(Malformed::Branch);
        }
        let mut events = VecDeque::with_capacity(count);
        let mut before = zero.0;
        for place in 0..count {
            let hash = match place {
                0 if known & 1 != 0 => hash(ends[0]),
                _ if known & 2 != 0 && place + 1 == count => hash(ends[1]),
                _ => read_hash(from)?,
            };
            before = before.wrapping_add(from.long()?);
            events.push_back((hash, Timestamp(before)));
        }
        Ok(Seen { events })
    }

    fn bound(&mut self) {
        while self.events.len() > MOST {
            self.events.pop_front();
        }
    }
}

impl Avro for Seen {
    /// A count; then for each the hash as it is and the time since the one before.
    fn write(&self, to: &mut Vec<u8>) {
        write_long(self.events.len() as i64, to);
        let mut before = 0i64;
        for (hash, at) in &self.events {
            to.extend_from_slice(&hash.to_le_bytes());
            write_long(at.0.wrapping_sub(before), to);
            before = at.0;
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let count = read_count(from)?;
        let mut events = VecDeque::with_capacity(count);
        let mut before = 0i64;
        for _ in 0..count {
            let hash = read_hash(from)?;
            before = before.wrapping_add(from.long()?);
            events.push_back((hash, Timestamp(before)));
        }
        Ok(Seen { events })
    }
}

fn read_count(from: &mut Reader<'_>) -> Result<usize, Malformed> {
    let count = usize::try_from(from.long()?).map_err(|_| Malformed::Length)?;
    Some(count)
        .filter(|count| *count <= MOST)
        .ok_or(Malformed::Length)
}

fn read_hash(from: &mut Reader<'_>) -> Result<u64, Malformed> {
    let bytes = from.bytes(8)?.try_into();
    bytes
        .map(u64::from_le_bytes)
        .map_err(|_| Malformed::Truncated)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_watermark(minutes: i64) -> TaskTime {
        TaskTime {
            frontier: Timestamp::MAX,
            watermark: Timestamp(minutes * 60_000),
        }
    }

    #[test]
    fn the_hash_never_changes_as_it_stands_in_states() {
        assert_eq!(hash(&EventId::from("")), 0xefd0_1f60_ba99_2926);
        assert_eq!(hash(&EventId::from("e1")), hash(&EventId::from("e1")));
        assert_ne!(hash(&EventId::from("e1")), hash(&EventId::from("e2")));
    }

    #[test]
    fn an_event_is_remembered_until_the_watermark_is_ten_minutes_past_it() {
        let mut seen = Seen::default();
        seen.insert(1, Timestamp(0), &TaskTime::UNKNOWN);
        seen.insert(2, Timestamp(600_000), &at_watermark(10));
        assert!(seen.contains(1));
        seen.insert(3, Timestamp(660_000), &at_watermark(11));
        assert!(!seen.contains(1));
        assert!(seen.contains(2) && seen.contains(3));
    }

    #[test]
    fn a_visit_remembers_512_events_at_most_and_forgets_the_oldest() {
        let mut seen = Seen::default();
        for n in 0..600 {
            seen.insert(n, Timestamp(n as i64), &TaskTime::UNKNOWN);
        }
        assert!(!seen.contains(87));
        assert!(seen.contains(88));
        let mut other = Seen::default();
        other.insert(9999, Timestamp(-1), &TaskTime::UNKNOWN);
        seen.unite(other);
        assert!(
            !seen.contains(9999),
            "the oldest goes, whoever remembered it"
        );
    }

    #[test]
    fn what_is_remembered_reads_back_as_written() {
        let mut seen = Seen::default();
        for (hash, at) in [(u64::MAX, 5), (0, -7), (1 << 63, i64::MIN)] {
            seen.insert(hash, Timestamp(at), &TaskTime::UNKNOWN);
        }
        assert_eq!(
            schemas::from_bytes::<Seen>(&schemas::to_bytes(&seen)),
            Ok(seen)
        );
    }
}
