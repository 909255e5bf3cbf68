//! Time marks: how a writer tells its readers up to when it has passed on all that it received.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Millis, Quarters, Text, Timestamp, staffing::INTERVAL};

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
    /// How far the sources of raw events behind the writer have come, under the name `quarters`. Absent from `ingest`'s own
    /// marks, whose readers see each source.
    #[serde(default, rename = "quarters", skip_serializing_if = "Option::is_none")]
    pub passed: Option<Quarters>,
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
    passed: BTreeMap<(Text, u32), Quarters>,
    grace: Millis,
    frontier: Option<Timestamp>,
}

impl Claims {
    /// Takes a mark in. Claims never go back, and neither does the frontier: a topic that grows holds it where it is until
    /// the new source has claimed.
    pub fn take(&mut self, mark: &TimeMark) {
        let (was, grace) = (self.frontier, self.grace);
        for (topic, count) in &mark.of {
            let known = self.of.entry(topic.clone()).or_insert(*count);
            *known = (*known).max(*count);
        }
        for (topic, partition, at) in &mark.sources {
            let source = (topic.clone(), *partition);
            if let Some(passed) = &mark.passed {
                self.passed.insert(source.clone(), passed.clone());
            }
            let known = self.claimed.entry(source).or_insert(*at);
            *known = (*known).max(*at);
        }
        if let Some(least) = self.least() {
            self.frontier = Some(self.frontier.map_or(least, |was| was.max(least)));
        }
        self.grace = match (was, self.frontier) {
            // The watermark never goes back: a longer grace is reached as the frontier rises.
            (Some(was), Some(now)) => mark.grace.min(now - (was - grace)),
            _ => mark.grace,
        };
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

    /// How far the watermark is behind the frontier: the grace of the last mark, or less, as long as the watermark would have to go
    /// back for it.
    pub fn grace(&self) -> Millis {
        self.grace
    }

    /// Each source with the most it ever claimed, in order: who holds the frontier back.
    pub fn sources(&self) -> impl Iterator<Item = (&Text, u32, Timestamp)> {
        self.claimed
            .iter()
            .map(|((topic, partition), at)| (topic, *partition, *at))
    }

    /// How far the sources of raw events have come. Where marks speak of sources behind their own (from the segmenter on), the
    /// one that has seen least counts; one that has said nothing yet has seen nothing.
    pub fn quarters(&self) -> Quarters {
        let sources = self.of.values().sum();
        if self.passed.is_empty() {
            return Quarters::of(self.claimed.values().copied(), sources);
        }
        let silent = (self.passed.len() < sources as usize).then(Quarters::default);
        Quarters::least(self.passed.values().chain(&silent))
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
                .flat_map(|((topic, p), quarters)| {
                    let number = |at: Timestamp| (at.0 / INTERVAL.0) as u32;
                    quarters
                        .pairs()
                        .map(move |(at, n)| (topic.clone(), *p, number(at), n))
                })
                .collect(),
        }
    }

    /// What [`Claims::to_parts`] gave.
    pub fn from_parts(parts: ClaimParts) -> Claims {
        let mut passed: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (topic, p, number, n) in parts.passed {
            let quarter = Timestamp(i64::from(number) * INTERVAL.0);
            passed.entry((topic, p)).or_default().push((quarter, n));
        }
        Claims {
            grace: parts.grace,
            frontier: parts.frontier,
            of: parts.of.into_iter().collect(),
            claimed: parts
                .claimed
                .into_iter()
                .map(|(topic, p, at)| ((topic, p), at))
                .collect(),
            passed: passed
                .into_iter()
                .map(|(source, pairs)| (source, Quarters::from_pairs(pairs)))
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
    /// What each source said of the raw sources behind it: the number of a quarter of an hour since the epoch, and how many
    /// have passed it and none after it.
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
    fn a_longer_grace_never_takes_the_watermark_back_and_a_shorter_one_holds_at_once() {
        let mut claims = Claims::default();
        let mut watermark = |at: i64, grace: i64| {
            let mut mark = mark(&[("raw", 0, at)], &[("raw", 1)]);
            mark.grace = Millis(grace);
            claims.take(&mark);
            (claims.frontier() - claims.grace()).0
        };
        assert_eq!(watermark(100, 10), 90);
        assert_eq!(watermark(105, 60), 90);
        assert_eq!(watermark(120, 10), 110, "of another instance");
        assert_eq!(watermark(130, 60), 110);
        assert_eq!(watermark(175, 60), 115, "reached");
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

    #[test]
    fn readers_further_on_know_how_far_each_source_of_raw_events_is() {
        let quarter = |n: i64| n * INTERVAL.0;
        let mut first = Claims::default();
        first.take(&mark(
            &[("raw", 0, quarter(9)), ("raw", 1, quarter(12) + 5)],
            &[("raw", 2)],
        ));
        assert_eq!(first.quarters().share(Timestamp(quarter(12))), 0.5);
        let tell = |task: u32| TimeMark {
            passed: Some(first.quarters()),
            ..mark(&[("visits", task, quarter(9))], &[("visits", 2)])
        };
        let mut second = Claims::default();
        second.take(&tell(0));
        let end = Timestamp(quarter(9));
        assert_eq!(
            second.quarters().share(end),
            0.0,
            "the other task is silent"
        );
        second.take(&tell(1));
        assert_eq!(second.quarters(), first.quarters());
        assert_eq!(Claims::from_parts(second.to_parts()), second);
    }

    #[test]
    fn a_mark_that_counted_sources_otherwise_is_read_without_them() {
        let old = br#"{"grace":10,"sources":[["raw",0,7]],"of":{"raw":1},"passed":[3,8]}"#;
        assert_eq!(TimeMark::from_json(old).expect("valid").passed, None);
    }
}
