//! Time marks: how a writer tells its readers up to when it has passed on all that it received.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Millis, Text, Timestamp};

/// The header under which a mark travels, on a record with no key and no value.
pub const HEADER: &str = "footfall-mark";

/// One time mark: JSON `{grace, sources: [[topic, partition, ms]…], of: {topic: source count}}`.
///
/// A reader keeps, per source, the most that was ever claimed; its frontier is the least over all sources, and unknown until
/// each of them has claimed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeMark {
    /// How far the watermark stays behind the frontier: chosen by `ingest`, passed on by everyone.
    pub grace: Millis,
    /// What the writer claims: for each source, the receive time up to which all of it has been passed on.
    pub sources: Vec<(Text, u32, Timestamp)>,
    /// How many partitions of each source topic have their marks here: how many a reader must wait for.
    pub of: BTreeMap<Text, u32>,
    /// How many of the sources of raw events have passed the end of the staffing interval that holds the frontier, and how
    /// many there are. Absent from `ingest`'s own marks, whose readers see each source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<(u32, u32)>,
}

impl TimeMark {
    /// The mark as the header's value.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a mark is plain data")
    }

    /// Reads a header's value.
    pub fn from_json(bytes: &[u8]) -> Result<TimeMark, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

/// What a task has been told of time: per source, the most that was ever claimed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    claimed: BTreeMap<(Text, u32), Timestamp>,
    of: BTreeMap<Text, u32>,
    passed: BTreeMap<(Text, u32), (u32, u32)>,
    grace: Millis,
    frontier: Option<Timestamp>,
}

impl Claims {
    /// Takes a mark in. Claims never go back, and neither does the frontier: a topic that grows holds it where it is until
    /// the new source has claimed.
    pub fn take(&mut self, mark: &TimeMark) {
        self.grace = mark.grace;
        for (topic, count) in &mark.of {
            let known = self.of.entry(topic.clone()).or_insert(*count);
            *known = (*known).max(*count);
        }
        for (topic, partition, at) in &mark.sources {
            let source = (topic.clone(), *partition);
            if let Some(passed) = mark.passed {
                self.passed.insert(source.clone(), passed);
            }
            let known = self.claimed.entry(source).or_insert(*at);
            *known = (*known).max(*at);
        }
        if let Some(least) = self.least() {
            self.frontier = Some(self.frontier.map_or(least, |was| was.max(least)));
        }
    }

    /// The least claim, if every source has claimed.
    fn least(&self) -> Option<Timestamp> {
        let claimed = |topic: &Text| {
            self.claimed
                .range((topic.clone(), 0)..=(topic.clone(), u32::MAX))
                .count()
        };
        let complete = !self.of.is_empty()
            && self
                .of
                .iter()
                .all(|(topic, count)| claimed(topic) >= *count as usize);
        if complete {
            self.claimed.values().min().copied()
        } else {
            None
        }
    }

    /// Up to when all that was received has been seen.
    pub fn frontier(&self) -> Timestamp {
        self.frontier.unwrap_or(Timestamp::MIN)
    }

    /// The grace of the last mark.
    pub fn grace(&self) -> Millis {
        self.grace
    }

    /// Each source with the most it ever claimed, in order: who holds the frontier back.
    pub fn sources(&self) -> impl Iterator<Item = (&Text, u32, Timestamp)> {
        self.claimed
            .iter()
            .map(|((topic, partition), at)| (topic, *partition, *at))
    }

    /// How many sources of raw events have passed `end`, of how many. Where marks carry the counts of their own sources
    /// (from the segmenter on), the most pessimistic of them stands for the interval that holds the frontier.
    pub fn passed(&self, end: Timestamp) -> (u32, u32) {
        if let Some(least) = self.passed.values().min_by_key(|(passed, _)| *passed) {
            return if self.frontier() >= end {
                (least.1, least.1)
            } else {
                *least
            };
        }
        let total = self.of.values().sum();
        let passed = self.claimed.values().filter(|at| **at >= end).count() as u32;
        (passed, total)
    }

    /// The parts, for a task's own record.
    pub fn to_parts(&self) -> ClaimParts {
        ClaimParts {
            grace: self.grace,
            frontier: self.frontier,
            of: self
                .of
                .iter()
                .map(|(topic, count)| (topic.clone(), *count))
                .collect(),
            claimed: self
                .claimed
                .iter()
                .map(|((topic, p), at)| (topic.clone(), *p, *at))
                .collect(),
            passed: self
                .passed
                .iter()
                .map(|((topic, p), (n, of))| (topic.clone(), *p, *n, *of))
                .collect(),
        }
    }

    /// What [`Claims::to_parts`] gave.
    pub fn from_parts(parts: ClaimParts) -> Claims {
        Claims {
            grace: parts.grace,
            frontier: parts.frontier,
            of: parts.of.into_iter().collect(),
            claimed: parts
                .claimed
                .into_iter()
                .map(|(topic, p, at)| ((topic, p), at))
                .collect(),
            passed: parts
                .passed
                .into_iter()
                .map(|(topic, p, n, of)| ((topic, p), (n, of)))
                .collect(),
        }
    }
}

/// [`Claims`] as plain lists, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimParts {
    /// The grace of the last mark.
    pub grace: Millis,
    /// The frontier, if every source has claimed.
    pub frontier: Option<Timestamp>,
    /// Partition counts by source topic.
    pub of: Vec<(Text, u32)>,
    /// The most each source claimed.
    pub claimed: Vec<(Text, u32, Timestamp)>,
    /// What each source said of the raw sources behind it.
    pub passed: Vec<(Text, u32, u32, u32)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(sources: &[(&str, u32, i64)], of: &[(&str, u32)]) -> TimeMark {
        TimeMark {
            grace: Millis(10),
            sources: sources
                .iter()
                .map(|(t, p, at)| (Text::from(*t), *p, Timestamp(*at)))
                .collect(),
            of: of.iter().map(|(t, n)| (Text::from(*t), *n)).collect(),
            passed: None,
        }
    }

    #[test]
    fn the_frontier_is_unknown_until_every_source_has_claimed() {
        let mut claims = Claims::default();
        claims.take(&mark(&[("raw", 0, 100)], &[("raw", 2)]));
        assert_eq!(claims.frontier(), Timestamp::MIN);
        claims.take(&mark(&[("raw", 1, 80)], &[("raw", 2)]));
        assert_eq!(claims.frontier(), Timestamp(80));
    }

    #[test]
    fn a_claim_never_goes_back() {
        let mut claims = Claims::default();
        claims.take(&mark(&[("raw", 0, 100)], &[("raw", 1)]));
        claims.take(&mark(&[("raw", 0, 50)], &[("raw", 1)]));
        assert_eq!(claims.frontier(), Timestamp(100));
    }

    #[test]
    fn a_topic_that_grows_holds_the_frontier_and_never_lowers_it() {
        let mut claims = Claims::default();
        claims.take(&mark(&[("raw", 0, 100)], &[("raw", 1)]));
        claims.take(&mark(&[("raw", 0, 150)], &[("raw", 2)]));
        assert_eq!(claims.frontier(), Timestamp(100));
        claims.take(&mark(&[("raw", 1, 90)], &[("raw", 2)]));
        assert_eq!(claims.frontier(), Timestamp(100));
        claims.take(&mark(&[("raw", 1, 140)], &[("raw", 2)]));
        assert_eq!(claims.frontier(), Timestamp(140));
    }

    #[test]
    fn a_mark_reads_back_as_written() {
        let written = mark(&[("web.events.raw", 3, 7)], &[("web.events.raw", 4)]);
        assert_eq!(
            TimeMark::from_json(&written.to_json()).expect("valid"),
            written
        );
    }
}
