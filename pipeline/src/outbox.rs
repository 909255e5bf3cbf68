//! What a batch has to say, encoded once: the bytes are kept until they are committed and sent again after a clean abort.

use journey::{Timestamp, partition};

use crate::processor::{Rejection, Topology};

/// Where an output goes within its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The same partition number as the input.
    SamePartition,
    /// By the key's murmur2, as the Java client places it.
    ByKey,
}

/// An output's address.
#[derive(Clone, Copy, Debug)]
pub struct Address<'a> {
    /// Index into [`Topology::outputs`].
    pub topic: usize,
    /// Where within the topic.
    pub place: Place,
    /// The record's key.
    pub key: &'a [u8],
    /// What it came of, for the latency metrics; `None` where that says nothing of latency.
    pub trigger: Option<Trigger>,
}

/// What an output came of, and when that was: its latency counts from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A record, which arrived then.
    Record(Timestamp),
    /// A timer, which was due then.
    Timer(Timestamp),
}

/// A counter that a stage keeps: `footfall_visits_ended_total{reason}`.
#[derive(Debug)]
pub struct Counter {
    /// The metric's name.
    pub name: &'static str,
    /// The metric's help text.
    pub help: &'static str,
    /// Its one label's name. Labels are bounded: never an id.
    pub label: &'static str,
}

/// An encoded record on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Which topic of the worker: outputs first, see [`Destination`].
    pub destination: Destination,
    /// The partition.
    pub partition: u32,
    key: Option<Span>,
    value: Option<Span>,
    headers: Span,
    /// What it came of.
    pub trigger: Option<Trigger>,
}

/// Which topic an encoded record goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Destination {
    /// Index into [`Topology::outputs`].
    Output(usize),
    /// The dead letters of this input.
    DeadLetter(usize),
    /// The changelog of this input: the partition is the task's.
    Changelog(usize),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Span {
    start: usize,
    end: usize,
}

/// Appends a key or a value.
pub(crate) type Write<'a> = &'a dyn Fn(&mut Vec<u8>);

/// Encoded records in order, in one buffer.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    records: Vec<Outgoing>,
    headers: Vec<(&'static str, Span)>,
    /// Few, the most frequent in front: found faster than hashed.
    counts: Vec<(Count, u64)>,
}

/// What a committed batch adds to the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Count {
    /// An input record's fate: index of the input, fate, reason.
    Fate(usize, Fate, Option<&'static str>),
    /// A stage's own counter: its name, help, label and the label's value.
    Fact(&'static str, &'static str, &'static str, &'static str),
}

/// What became of an input record: exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It did what it was there for.
    Forwarded,
    /// Left out on purpose.
    Suppressed,
    /// Kept apart.
    DeadLettered,
}

impl Fate {
    /// As the metric's label says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Fate::Forwarded => "forwarded",
            Fate::Suppressed => "suppressed",
            Fate::DeadLettered => "dead_lettered",
        }
    }
}

impl Batch {
    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.records.clear();
        self.headers.clear();
        self.counts.clear();
    }

    /// Nothing to send and nothing to count.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.counts.is_empty()
    }

    /// Records so far.
    pub fn record_count(&self) -> usize {
        self.records.len()
    }

    /// Bytes so far.
    pub fn byte_count(&self) -> usize {
        self.bytes.len()
    }

    /// The records, in order.
    pub fn records(&self) -> &[Outgoing] {
        &self.records
    }

    /// A record's key.
    pub fn key(&self, record: &Outgoing) -> Option<&[u8]> {
        record.key.map(|span| &self.bytes[span.start..span.end])
    }

    /// A record's value.
    pub fn value(&self, record: &Outgoing) -> Option<&[u8]> {
        record.value.map(|span| &self.bytes[span.start..span.end])
    }

    /// A record's headers, in order.
    pub fn headers(
        &self,
        record: &Outgoing,
    ) -> impl ExactSizeIterator<Item = (&'static str, &[u8])> {
        let range = record.headers.start..record.headers.end;
        self.headers[range]
            .iter()
            .map(|(name, span)| (*name, &self.bytes[span.start..span.end]))
    }

    /// What to count once this is committed.
    pub fn counts(&self) -> impl Iterator<Item = (&Count, u64)> {
        self.counts.iter().map(|(count, n)| (count, *n))
    }

    /// Adds to a count.
    pub fn count(&mut self, count: Count) {
        match self.counts.iter_mut().find(|(known, _)| *known == count) {
            Some((_, n)) => *n += 1,
            None => self.counts.push((count, 1)),
        }
    }

    fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Span {
        let start = self.bytes.len();
        write(&mut self.bytes);
        Span {
            start,
            end: self.bytes.len(),
        }
    }

    fn append_headers<'h>(
        &mut self,
        headers: impl IntoIterator<Item = (&'static str, &'h [u8])>,
    ) -> Span {
        let start = self.headers.len();
        for (name, value) in headers {
            let span = self.append(|bytes| bytes.extend_from_slice(value));
            self.headers.push((name, span));
        }
        Span {
            start,
            end: self.headers.len(),
        }
    }

    /// Appends a record whose key and value are written in place; `None` writes none.
    pub(crate) fn push<'h>(
        &mut self,
        destination: Destination,
        partition: u32,
        key: Option<Write<'_>>,
        value: Option<Write<'_>>,
        headers: impl IntoIterator<Item = (&'static str, &'h [u8])>,
    ) {
        let key = key.map(|write| self.append(write));
        let value = value.map(|write| self.append(write));
        let headers = self.append_headers(headers);
        self.records.push(Outgoing {
            destination,
            partition,
            key,
            value,
            headers,
            trigger: None,
        });
    }
}

/// The facts that a worker's outputs are addressed by.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// The stage.
    pub topology: Topology,
    /// Partition count by input.
    pub input_partitions: Vec<u32>,
    /// Partition count by output.
    pub partitions: Vec<u32>,
    /// Schema id by output.
    pub schema_ids: Vec<Option<u32>>,
    /// Partition count of the dead letters by input.
    pub dead_letter_partitions: Vec<u32>,
    /// Whether dead letters hold the record's bytes.
    pub dead_letter_bytes: bool,
}

/// Where an input record came from, while it is worked on.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// Index into [`Topology::inputs`].
    pub input: usize,
    /// The partition.
    pub partition: u32,
    /// The offset.
    pub offset: i64,
    /// The key, as it came.
    pub key: Option<&'a [u8]>,
    /// The value, as it came.
    pub value: Option<&'a [u8]>,
    /// How often it was sent again as a dead letter: its next dead letter says so.
    pub attempts: u32,
    /// When it was received, the first time if it was sent again.
    pub first_received_at: Timestamp,
}

/// What a stage writes its outputs to, while one input, timer or mark is worked on.
#[derive(Debug)]
pub struct Outbox<'a> {
    batch: &'a mut Batch,
    addresses: &'a Addresses,
    partition: u32,
    origin: Option<Origin<'a>>,
    fate: Option<(Fate, Option<&'static str>)>,
}

impl<'a> Outbox<'a> {
    /// For the outputs of one input (`origin`), or of a timer or mark (`None`).
    pub fn new(
        batch: &'a mut Batch,
        addresses: &'a Addresses,
        partition: u32,
        origin: Option<Origin<'a>>,
    ) -> Self {
        Outbox {
            batch,
            addresses,
            partition,
            origin,
            fate: None,
        }
    }

    /// Sends a record. `write` appends the value's own bytes; the frame, where the topic has a schema, is already there.
    pub fn send(&mut self, to: Address<'_>, write: impl FnOnce(&mut Vec<u8>)) {
        self.send_with(to, &[], write);
    }

    /// [`Outbox::send`], with headers.
    pub fn send_with(
        &mut self,
        to: Address<'_>,
        headers: &[(&'static str, &str)],
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let partition = match to.place {
            Place::SamePartition => self.partition,
            Place::ByKey => partition::of_key(to.key, self.addresses.partitions[to.topic]),
        };
        let key = self.batch.append(|bytes| bytes.extend_from_slice(to.key));
        let schema_id = self.addresses.schema_ids[to.topic];
        let value = self.batch.append(|bytes| {
            if let Some(id) = schema_id {
                schemas::frame(id, bytes);
            }
            write(bytes);
        });
        let headers = self
            .batch
            .append_headers(headers.iter().map(|(name, text)| (*name, text.as_bytes())));
        self.batch.records.push(Outgoing {
            destination: Destination::Output(to.topic),
            partition,
            key: Some(key),
            value: Some(value),
            headers,
            trigger: to.trigger,
        });
    }

    /// Writes a tombstone: a key with no value, on a compacted output.
    pub fn tombstone(&mut self, to: Address<'_>) {
        let partition = match to.place {
            Place::SamePartition => self.partition,
            Place::ByKey => partition::of_key(to.key, self.addresses.partitions[to.topic]),
        };
        let key = to.key;
        self.batch.push(
            Destination::Output(to.topic),
            partition,
            Some(&|b| b.extend_from_slice(key)),
            None,
            [],
        );
    }

    /// The input is left out on purpose: a count and nothing more.
    pub fn suppress(&mut self, reason: &'static str) {
        self.settle(Fate::Suppressed, reason);
    }

    /// The input is kept apart.
    pub fn dead_letter(&mut self, rejection: &Rejection) {
        self.settle(Fate::DeadLettered, rejection.reason);
        if let Some(origin) = self.origin {
            crate::dead_letter::write(self.batch, self.addresses, &origin, rejection);
        }
    }

    /// Adds one to a counter of the stage.
    pub fn count(&mut self, counter: &'static Counter, label: &'static str) {
        self.batch.count(Count::Fact(
            counter.name,
            counter.help,
            counter.label,
            label,
        ));
    }

    fn settle(&mut self, fate: Fate, reason: &'static str) {
        debug_assert!(
            self.fate.is_none(),
            "an input ends as exactly one of forwarded, suppressed, dead-lettered"
        );
        self.fate = Some((fate, Some(reason)));
    }

    /// Counts what became of the input; forwarded unless something else was said.
    pub(crate) fn finish(self) {
        if let Some(origin) = self.origin {
            let (fate, reason) = self.fate.unwrap_or((Fate::Forwarded, None));
            self.batch.count(Count::Fate(origin.input, fate, reason));
        }
    }
}
