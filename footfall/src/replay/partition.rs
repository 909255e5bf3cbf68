//! One partition of the log as it is replayed: which records go over, which marks, and where late events stand. Pure.
//!
//! Records keep their order and their bytes. Two things may differ: marks beyond the window's end are cut to it, and with
//! `--late` an event that was late where it stood stands before the first mark that had put the watermark beyond it,
//! and not where it stood.

use std::collections::{BTreeSet, VecDeque};

use journey::{Millis, TimeMark, Timestamp, mark, mark::Claims};
use pipeline::kafka::read::ReadRecord;

use super::window::Window;

/// An event behind the watermark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LateEvent {
    /// When it happened.
    pub(super) occurred_at: Timestamp,
    /// When it came.
    pub(super) received_at: Timestamp,
    /// Where it stood in its partition.
    pub(super) offset: i64,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Vec<u8>,
}

/// A record as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Vec<(String, Vec<u8>)>,
}

/// What went over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Events in their places.
    pub(super) events: u64,
    /// Of these, what cannot be read as an event: it goes over all the same.
    pub(super) unreadable: u64,
    /// Late events that were placed.
    pub(super) late: u64,
    /// Late events of the window that happened outside of it: they stay where they stood.
    pub(super) late_outside: u64,
    /// Marks.
    pub(super) marks: u64,
    /// Events outside the window.
    pub(super) outside: u64,
}

impl Counts {
    /// Both together.
    pub(super) fn and(self, other: Counts) -> Counts {
        Counts {
            events: self.events + other.events,
            unreadable: self.unreadable + other.unreadable,
            late: self.late + other.late,
            late_outside: self.late_outside + other.late_outside,
            marks: self.marks + other.marks,
            outside: self.outside + other.outside,
        }
    }
}

/// One partition.
#[derive(Debug)]
pub(super) struct Partition {
    window: Window,
    /// Records before the first that is read are gone: late events from before it would be visits in part.
    begins_in_the_middle: bool,
    /// Still to be placed, in the order in which they happened.
    late: VecDeque<LateEvent>,
    /// Placed or to be placed, by where they stood: there they are left out.
    moved: BTreeSet<i64>,
    claims: Claims,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    over: bool,
    counts: Counts,
}

impl Partition {
    /// A partition of which nothing was read yet. `begins_in_the_middle`: earlier records of it are gone.
    pub(super) fn new(
        window: Window,
        mut late: Vec<LateEvent>,
        begins_in_the_middle: bool,
    ) -> Partition {
        late.sort_by_key(|event| (event.occurred_at, event.offset));
        let outside = |event: &&LateEvent| {
            window.holds(event.received_at) && !window.holds(event.occurred_at)
        };
        let late_outside = late.iter().filter(outside).count() as u64;
        late.retain(|event| window.holds(event.occurred_at));
        Partition {
            window,
            begins_in_the_middle,
            moved: late.iter().map(|event| event.offset).collect(),
            counts: Counts {
                late_outside,
                ..Counts::default()
            },
            late: late.into(),
            claims: Claims::default(),
            first: None,
            last: None,
            over: false,
        }
    }

    /// Takes the next record in, and says what is written for it. `received_at` is that of an event that could be read.
    pub(super) fn take(
        &mut self,
        record: ReadRecord,
        received_at: Option<Timestamp>,
        out: &mut Vec<Entry>,
    ) -> Result<(), serde_json::Error> {
        if self.over {
            return Ok(());
        }
        let is_time = record.key.is_none() && record.value.is_none();
        if let Some(json) = record.mark().filter(|_| is_time) {
            let mark = TimeMark::from_json(json)?;
            self.take_mark(&mark, record, out);
        } else {
            self.take_event(record, received_at, out);
        }
        Ok(())
    }

    fn take_mark(&mut self, mark: &TimeMark, mut record: ReadRecord, out: &mut Vec<Entry>) {
        self.begin_at(mark.sources.iter().map(|(_, _, at)| *at).min());
        let cut = self.window.cut(mark);
        if let Some(cut) = &cut {
            record.headers = vec![(mark::HEADER.to_owned(), cut.to_json())];
        }
        self.claims.take(cut.as_ref().unwrap_or(mark));
        self.place_late(self.claims.frontier() - self.claims.grace(), out);
        self.counts.marks += 1;
        out.push(entry(record));
        // Nothing that was received before the end can follow any more.
        self.over = self
            .window
            .until
            .is_some_and(|until| self.claims.frontier() >= until);
    }

    fn take_event(
        &mut self,
        record: ReadRecord,
        received_at: Option<Timestamp>,
        out: &mut Vec<Entry>,
    ) {
        self.begin_at(received_at);
        // What cannot be read was received when what stands before it was, as far as anybody can tell.
        let at = received_at.or(self.last).unwrap_or(Timestamp::MIN);
        if !self.window.holds(at) {
            self.counts.outside += 1;
            return;
        }
        if self.moved.contains(&record.offset) {
            return;
        }
        self.counts.events += 1;
        self.counts.unreadable += u64::from(received_at.is_none());
        if received_at.is_some() {
            self.first = self.first.or(received_at);
            self.last = self.last.max(received_at);
        }
        out.push(entry(record));
    }

    /// Once it is known from when on there are records: events that happened before that would be visits in part.
    fn begin_at(&mut self, at: Option<Timestamp>) {
        let Some(at) = at.filter(|_| self.begins_in_the_middle) else {
            return;
        };
        self.begins_in_the_middle = false;
        while let Some(event) = self.late.pop_front_if(|event| event.occurred_at < at) {
            self.moved.remove(&event.offset);
            self.counts.late_outside += 1;
        }
    }

    /// Writes the late events that happened before `watermark`.
    fn place_late(&mut self, watermark: Timestamp, out: &mut Vec<Entry>) {
        while let Some(event) = self
            .late
            .pop_front_if(|event| event.occurred_at < watermark)
        {
            self.counts.late += 1;
            out.push(Entry {
                key: event.key,
                value: Some(event.value),
                headers: Vec::new(),
            });
        }
    }

    /// Nothing more comes: what is late still stands behind everything.
    pub(super) fn end(&mut self, out: &mut Vec<Entry>) {
        self.place_late(Timestamp::MAX, out);
    }

    /// Nothing that comes belongs to the window.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// What is known of time here.
    pub(super) fn claims(&self) -> &Claims {
        &self.claims
    }

    /// When the first event and the last were received.
    pub(super) fn received(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        (self.first, self.last)
    }

    /// What went over.
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }
}

fn entry(record: ReadRecord) -> Entry {
    Entry {
        key: record.key,
        value: record.value,
        headers: record.headers,
    }
}

/// The mark that ends a replay: every source has passed on all up to `after` beyond whatever was received or claimed in any
/// partition, and grace. `None` where no mark says which sources there are.
pub(super) fn closing_mark(partitions: &[Partition], after: Millis) -> Option<TimeMark> {
    let mut mark = TimeMark::default();
    let mut last = Timestamp::MIN;
    for partition in partitions {
        mark.grace = mark.grace.max(partition.claims.grace());
        let claims = partition.claims.sources().map(|(_, _, at)| at);
        last = claims.chain(partition.last).fold(last, Timestamp::max);
        for (topic, count) in partition.claims.to_parts().of {
            let known = mark.of.entry(topic).or_default();
            *known = (*known).max(count);
        }
    }
    let at = last + after + mark.grace;
    for (topic, count) in &mark.of {
        let sources = (0..*count).map(|partition| (topic.clone(), partition, at));
        mark.sources.extend(sources);
    }
    (!mark.sources.is_empty()).then_some(mark)
}

#[cfg(test)]
mod tests;
