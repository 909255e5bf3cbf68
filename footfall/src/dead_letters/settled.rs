//! Which dead letters are settled: sent again, or dropped.
//!
//! That is said in the dead letters' own topic and partition, by a record behind them: a header with the verdict, and the
//! offsets in its value. So it lives as long as what it speaks of, and is written in one transaction with what is sent again.

use std::collections::{BTreeMap, BTreeSet};

use pipeline::kafka::{
    Settings,
    read::{From, ReadRecord, TopicReader},
};
use serde::{Deserialize, Serialize};

/// The header of such a record.
const HEADER: &str = "dead-letter.settled";

/// What was done with a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was sent again.
    Redriven,
    /// Nothing more is to be done about it.
    Dropped,
}

impl Verdict {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Verdict::Redriven => "redriven",
            Verdict::Dropped => "dropped",
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Settles {
    offsets: Vec<i64>,
}

/// The settled dead letters of one topic, by partition.
#[derive(Debug, Default)]
pub(super) struct Settled(BTreeMap<u32, BTreeSet<i64>>);

impl Settled {
    /// All that a topic says, from there on: what is settled lies before what settles it.
    pub(super) fn read(settings: &Settings, topic: &str, from: From) -> anyhow::Result<Settled> {
        let mut settled = Settled::default();
        let mut reader = TopicReader::open(settings, &[topic.to_owned()], from)?;
        while let Some(record) = reader.next_there()? {
            settled.learn(&record);
        }
        Ok(settled)
    }

    /// Learns from a record what it settles; of any other, nothing.
    pub(super) fn learn(&mut self, record: &ReadRecord) {
        if !is_verdict(record) {
            return;
        }
        let value = record.value.as_deref().unwrap_or_default();
        if let Ok(settles) = serde_json::from_slice::<Settles>(value) {
            let offsets = self.0.entry(record.partition).or_default();
            offsets.extend(settles.offsets);
        }
    }

    /// Whether something was done about it already.
    pub(super) fn holds(&self, letter: &ReadRecord) -> bool {
        let offsets = self.0.get(&letter.partition);
        offsets.is_some_and(|offsets| offsets.contains(&letter.offset))
    }
}

/// Whether a record of a dead-letter topic is no dead letter but says what was done with some.
pub(super) fn is_verdict(record: &ReadRecord) -> bool {
    said(record).is_some()
}

/// What such a record says was done with those at its offsets, as it stands there; of any other, nothing.
pub(super) fn said(record: &ReadRecord) -> Option<&[u8]> {
    record.header(HEADER)
}

/// The headers and the value of the record that settles these offsets of its partition.
pub(super) fn verdict(verdict: Verdict, offsets: Vec<i64>) -> (Vec<(String, Vec<u8>)>, Vec<u8>) {
    let headers = vec![(HEADER.to_owned(), verdict.as_str().into())];
    let value = serde_json::to_vec(&Settles { offsets });
    (headers, value.expect("numbers are JSON"))
}

#[cfg(test)]
mod tests {
    use journey::Timestamp;

    use super::*;

    fn record(partition: u32, offset: i64) -> ReadRecord {
        ReadRecord {
            topic: "web.events.dead-letter".into(),
            partition,
            offset,
            timestamp: Timestamp(0),
            key: None,
            value: None,
            headers: Vec::new(),
        }
    }

    #[test]
    fn a_verdict_settles_its_own_partition_and_is_no_dead_letter() {
        let (headers, value) = verdict(Verdict::Dropped, vec![3, 5]);
        let verdict = ReadRecord {
            headers,
            value: Some(value),
            ..record(1, 9)
        };
        let mut settled = Settled::default();
        settled.learn(&verdict);
        settled.learn(&record(1, 4));
        assert!(is_verdict(&verdict) && !is_verdict(&record(1, 3)));
        let holds = |partition, offset| settled.holds(&record(partition, offset));
        assert!(holds(1, 3) && holds(1, 5));
        assert!(!holds(1, 4) && !holds(0, 3));
    }
}
