//! Two partitions side by side: record by record as long as they are the same, then by what they tell. Pure but for the two
//! sources of records.

use std::collections::BTreeMap;

use journey::{TimeMark, Timestamp};
use pipeline::{kafka::read::ReadRecord, log::LogError};

/// Where the records of one side come from, in order; `None` at its end.
pub(super) type Source<'s> = &'s mut dyn FnMut() -> Result<Option<ReadRecord>, LogError>;

/// Something told, by which both sides are compared: its id, and all that is said of it.
pub(super) type Told = (String, Vec<u8>);

/// What a record tells, if anything.
pub(super) type Tell<'t> = &'t mut dyn FnMut(&ReadRecord) -> Result<Option<Told>, LogError>;

/// Where two partitions first differ, and in what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// Offset on the first side; `None` where it has ended.
    pub(super) a: Option<i64>,
    /// Offset on the second side; `None` where it has ended.
    pub(super) b: Option<i64>,
    /// `key`, `value`, `headers`, or `end`.
    pub(super) part: &'static str,
}

/// What came of two partitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Compared {
    /// Records that are the same, from the beginning on.
    pub(super) same_records: u64,
    /// Where that ends.
    pub(super) difference: Option<Difference>,
    /// One side goes on, and was not asked about that.
    pub(super) goes_on: Option<&'static str>,
    /// Told by both, and the same.
    pub(super) same: u64,
    /// Told by both, and not the same.
    pub(super) changed: Vec<String>,
    /// Told by the first alone.
    pub(super) missing: Vec<String>,
    /// Told by the second alone.
    pub(super) added: Vec<String>,
}

/// One side.
struct Side<'s> {
    source: Source<'s>,
    /// The times of its marks.
    marks: Vec<Timestamp>,
    ended: bool,
    /// Told here and not on the other side yet, with the number of marks before it.
    pending: BTreeMap<String, Vec<(usize, Vec<u8>)>>,
}

impl Side<'_> {
    fn new(source: Source<'_>) -> Side<'_> {
        Side {
            source,
            marks: Vec::new(),
            ended: false,
            pending: BTreeMap::new(),
        }
    }

    fn next(&mut self) -> Result<Option<ReadRecord>, LogError> {
        let record = (self.source)()?;
        self.ended = record.is_none();
        if let Some(at) = record.as_ref().and_then(claim) {
            self.marks.push(at);
        }
        Ok(record)
    }

    /// The time that it has passed.
    fn frontier(&self) -> Timestamp {
        self.marks.last().copied().unwrap_or(Timestamp::MIN)
    }

    /// What is left, of what time up to `until` made it tell: what stands before a mark that claims no more.
    fn left(self, until: Option<Timestamp>) -> Vec<String> {
        let marks = self.marks;
        let is_within = |segment: &usize| {
            until.is_none_or(|until| marks.get(*segment).is_some_and(|at| *at <= until))
        };
        let pending = self.pending.into_iter();
        let left = pending.flat_map(|(id, all)| {
            let count = all.iter().filter(|(segment, _)| is_within(segment)).count();
            std::iter::repeat_n(id, count)
        });
        left.collect()
    }
}

/// What a mark claims, of one source: that is what a stage's own marks have.
fn claim(record: &ReadRecord) -> Option<Timestamp> {
    let mark = TimeMark::from_json(record.mark()?).ok()?;
    mark.sources.iter().map(|(_, _, at)| *at).min()
}

/// Compares. With `common`, only as far as both sides go: by time where there are marks, else by count.
pub(super) fn compare(
    a: Source<'_>,
    b: Source<'_>,
    tell: Tell<'_>,
    common: bool,
) -> Result<Compared, LogError> {
    let (mut a, mut b) = (Side::new(a), Side::new(b));
    let mut compared = Compared::default();
    let apart = loop {
        let (one, other) = (a.next()?, b.next()?);
        let Some(part) = difference(one.as_ref(), other.as_ref()) else {
            let Some(record) = one else { break None };
            compared.same_records += 1;
            compared.same += u64::from(tell(&record)?.is_some());
            continue;
        };
        if common && (one.is_none() || other.is_none()) {
            compared.goes_on = Some(if one.is_none() { "b" } else { "a" });
            break None;
        }
        compared.difference = Some(Difference {
            a: one.as_ref().map(|record| record.offset),
            b: other.as_ref().map(|record| record.offset),
            part,
        });
        break Some((one, other));
    };
    if let Some((one, other)) = apart {
        take(one, &mut a, &mut b, tell, &mut compared)?;
        take(other, &mut b, &mut a, tell, &mut compared)?;
        go_on(&mut a, &mut b, tell, common, &mut compared)?;
        // Without any mark there is no time to go by.
        let until = a.frontier().min(b.frontier());
        let until = Some(until).filter(|until| common && *until > Timestamp::MIN);
        compared.missing = a.left(until);
        compared.added = b.left(until);
    }
    Ok(compared)
}

/// Goes on behind the first difference: whoever is behind in time reads first.
fn go_on<'s>(
    a: &mut Side<'s>,
    b: &mut Side<'s>,
    tell: Tell<'_>,
    common: bool,
    compared: &mut Compared,
) -> Result<(), LogError> {
    let mut turn_of_a = true;
    while !(a.ended && b.ended) {
        let a_first = match a.frontier().cmp(&b.frontier()) {
            std::cmp::Ordering::Less => true,
            std::cmp::Ordering::Greater => false,
            std::cmp::Ordering::Equal => turn_of_a,
        };
        turn_of_a = !turn_of_a;
        let (first, second) = if a_first {
            (&mut *a, &mut *b)
        } else {
            (&mut *b, &mut *a)
        };
        let is_ahead = second.frontier() > first.frontier() || second.marks.is_empty();
        if common && first.ended && is_ahead {
            compared.goes_on = Some(if a_first { "b" } else { "a" });
            return Ok(());
        }
        let (reads, other) = if first.ended {
            (second, first)
        } else {
            (first, second)
        };
        let record = reads.next()?;
        take(record, reads, other, tell, compared)?;
    }
    Ok(())
}

/// What a record of one side tells is looked for among what only the other told so far.
fn take(
    record: Option<ReadRecord>,
    here: &mut Side<'_>,
    there: &mut Side<'_>,
    tell: Tell<'_>,
    compared: &mut Compared,
) -> Result<(), LogError> {
    let Some(record) = record else { return Ok(()) };
    let Some((id, said)) = tell(&record)? else {
        return Ok(());
    };
    let found = there.pending.get_mut(&id).map(|all| {
        let same = all.iter().position(|(_, other)| *other == said);
        all.remove(same.unwrap_or(0)).1 == said
    });
    if found.is_some() && there.pending.get(&id).is_some_and(Vec::is_empty) {
        there.pending.remove(&id);
    }
    match found {
        Some(true) => compared.same += 1,
        Some(false) => compared.changed.push(id),
        None => {
            let pending = here.pending.entry(id).or_default();
            pending.push((here.marks.len(), said));
        }
    }
    Ok(())
}

/// In what two records differ.
fn difference(a: Option<&ReadRecord>, b: Option<&ReadRecord>) -> Option<&'static str> {
    match (a, b) {
        (None, None) => None,
        (Some(a), Some(b)) if a.key != b.key => Some("key"),
        (Some(a), Some(b)) if a.value != b.value => Some("value"),
        (Some(a), Some(b)) if a.headers != b.headers => Some("headers"),
        (Some(_), Some(_)) => None,
        _ => Some("end"),
    }
}

#[cfg(test)]
mod tests;
