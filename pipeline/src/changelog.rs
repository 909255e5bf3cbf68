//! Reading a changelog back: committed records only, up to the end that the committed offset names, waiting for it, and
//! never less.

use std::time::{Duration, Instant};

use hashbrown::HashMap;
use journey::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{fold::Cursor, log::LogError};

/// What a committed offset's metadata says: where the changelog ended, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitMetadata {
    /// The changelog offset after the task's last record.
    pub end: i64,
    /// Wall time of the commit, ms: a group's offset carries none of its own.
    pub at: i64,
    /// The input offset from which on the changelog knows nothing: what lies between it and the committed offset is folded
    /// again.
    pub floor: i64,
    /// What the task must know of itself as it was then.
    pub note: OffsetNote,
}

/// What stands beside a committed offset: what a task must know of itself as it was then. A member that this release does not
/// know may be one that it cannot go on without: such a note is not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OffsetNote {
    /// The greatest append time read: it never goes back within a partition.
    pub received: Timestamp,
    /// The definitions in force.
    pub definitions: i64,
    /// What a stage without a changelog has still to tell, in few bytes; null of every other.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub own: Value,
    /// The last timer that had fired of a mark that was half done, which is the record at the committed offset, with its key
    /// encoded. Nothing where no mark is half done, or where the changelog has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor<Vec<u8>>>,
    /// What it held and had said, to be compared with what is restored; nothing of a stage without a changelog.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
}

/// What a task held at a committed offset, and how much it had said since its floor: one that is restored and has folded again
/// must come to the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Keys with a state.
    pub states: u64,
    /// Records for other topics than the changelog, from the floor on.
    pub said: u64,
}

/// The longest metadata that a broker takes by default.
pub const METADATA_LIMIT: usize = 4096;
/// The most bytes of it that a stage's own part may take ([`OffsetNote::own`]).
pub const OWN_LIMIT: usize = 3072;
/// The longest encoded key that a cursor may have there ([`OffsetNote::cursor`]): as numbers, four characters to a byte. A
/// stage has either this or a part of its own.
pub const CURSOR_KEY_LIMIT: usize = 768;

impl CommitMetadata {
    /// As the broker stores it: JSON, UTF-8, bounded.
    pub fn to_text(&self) -> String {
        let text = serde_json::to_string(self).expect("numbers and texts");
        assert!(
            text.len() <= METADATA_LIMIT,
            "commit metadata over the broker's limit is a bug"
        );
        text
    }

    /// Reads what [`CommitMetadata::to_text`] wrote. Nothing, if it is nothing of ours, as beside an offset that was set by
    /// hand; an error, if another release wrote it.
    pub fn from_text(text: &str) -> Result<Option<CommitMetadata>, serde_json::Error> {
        match serde_json::from_str(text) {
            Ok(Value::Object(members)) if members.contains_key("end") => {
                serde_json::from_str(text).map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// A record of a changelog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which of the partitions that are read it stands in: an index.
    pub of: usize,
    /// Its offset.
    pub offset: i64,
    /// Its key.
    pub key: Vec<u8>,
    /// Its value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
}

/// The last value of every key, in no order.
pub type KeysAndValues = Vec<(Vec<u8>, Vec<u8>)>;

/// Changelog partitions, read from their beginnings, committed records only.
pub trait ChangelogReader {
    /// The next record of any of them; `None` if none is there now.
    fn next(&mut self) -> Result<Option<Entry>, LogError>;
}

/// A changelog partition, and up to where it is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its name, for people.
    pub name: String,
    /// The offset that its committed offset names.
    pub end: i64,
}

#[derive(Debug, Default)]
struct Reading {
    last: HashMap<Vec<u8>, Vec<u8>>,
    reached: i64,
}

/// The last value of every key below each partition's end, all partitions together. Waits for every end to be reached,
/// for `patience` without any progress at the most: a commit marker may come after the offset that it belongs to.
pub fn read(
    reader: &mut impl ChangelogReader,
    wanted: &[Wanted],
    patience: Duration,
) -> Result<Vec<KeysAndValues>, LogError> {
    let mut reading: Vec<Reading> = wanted.iter().map(|_| Reading::default()).collect();
    let mut left = wanted.iter().filter(|wanted| wanted.end > 0).count();
    let mut progress = Instant::now();
    while left > 0 {
        let Some(entry) = reader.next()? else {
            if progress.elapsed() > patience {
                return Err(too_short(wanted, &reading));
            }
            continue;
        };
        let (end, reading) = (wanted[entry.of].end, &mut reading[entry.of]);
        if reading.reached >= end {
            continue;
        }
        progress = Instant::now();
        reading.reached = entry.offset + 1;
        left -= usize::from(reading.reached >= end);
        if entry.offset < end {
            match entry.value {
                Some(value) => reading.last.insert(entry.key, value),
                None => reading.last.remove(&entry.key),
            };
        }
    }
    let all = reading.into_iter();
    Ok(all
        .map(|reading| reading.last.into_iter().collect())
        .collect())
}

fn too_short(wanted: &[Wanted], reading: &[Reading]) -> LogError {
    let all = wanted.iter().zip(reading);
    let short = all
        .filter(|(wanted, reading)| reading.reached < wanted.end)
        .map(|(Wanted { name, end }, Reading { reached, .. })| {
            format!("{name} ends at offset {reached}, and the committed offset speaks of {end}")
        });
    LogError::new(format!(
        "{}: its records are gone or a transaction hangs; look with `kafka-transactions.sh find-hanging` before anything else",
        short.collect::<Vec<_>>().join("; ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands its entries out only after as many empty answers as it is told.
    struct Slow {
        entries: std::vec::IntoIter<Entry>,
        empty: usize,
    }

    impl ChangelogReader for Slow {
        fn next(&mut self) -> Result<Option<Entry>, LogError> {
            if self.empty > 0 {
                self.empty -= 1;
                return Ok(None);
            }
            Ok(self.entries.next())
        }
    }

    fn entry(offset: i64, key: &str, value: Option<&str>) -> Entry {
        Entry {
            of: 0,
            offset,
            key: key.into(),
            value: value.map(Into::into),
        }
    }

    fn slow(entries: Vec<Entry>, empty: usize) -> Slow {
        Slow {
            entries: entries.into_iter(),
            empty,
        }
    }

    /// Reads one partition.
    fn read_one(
        entries: Vec<Entry>,
        empty: usize,
        end: i64,
        patience: Duration,
    ) -> Result<KeysAndValues, LogError> {
        let read = read(
            &mut slow(entries, empty),
            &[wanted("c-changelog", end)],
            patience,
        );
        read.map(|mut all| all.remove(0))
    }

    fn wanted(name: &str, end: i64) -> Wanted {
        Wanted {
            name: name.into(),
            end,
        }
    }

    #[test]
    fn partitions_are_read_together_each_to_its_own_end() {
        let in_second = |offset, value| Entry {
            of: 1,
            ..entry(offset, "a", Some(value))
        };
        let entries = vec![
            entry(0, "a", Some("1")),
            in_second(0, "2"),
            entry(1, "a", Some("beyond the end")),
            in_second(4, "3"),
        ];
        let ends = [wanted("c-0", 1), wanted("c-1", 5), wanted("c-2", 0)];
        let read = read(&mut slow(entries, 0), &ends, Duration::ZERO).expect("complete");
        let one = |value: &str| vec![(b"a".to_vec(), value.as_bytes().to_vec())];
        assert_eq!(read, [one("1"), one("3"), Vec::new()]);
    }

    #[test]
    fn the_last_value_below_the_end_stands_and_a_tombstone_takes_it_away() {
        let entries = vec![
            entry(0, "a", Some("1")),
            entry(2, "b", Some("1")),
            entry(5, "a", None),
            entry(6, "b", Some("2")),
        ];
        let read = read_one(entries, 0, 7, Duration::ZERO).expect("complete");
        assert_eq!(read, [(b"b".to_vec(), b"2".to_vec())]);
    }

    #[test]
    fn the_commit_marker_is_awaited() {
        let entries = vec![entry(0, "a", Some("1"))];
        let read = read_one(entries, 3, 1, Duration::from_secs(60));
        assert_eq!(read.expect("complete").len(), 1);
    }

    #[test]
    fn less_than_the_named_end_is_an_error_and_never_a_shorter_state() {
        let error = read_one(vec![entry(0, "a", Some("1"))], 0, 3, Duration::ZERO);
        assert!(
            error
                .expect_err("short")
                .to_string()
                .contains("c-changelog ends at offset 1")
        );
    }

    #[test]
    fn what_lies_beyond_the_end_is_not_read() {
        let entries = vec![entry(0, "a", Some("1")), entry(1, "a", Some("2"))];
        let read = read_one(entries, 0, 1, Duration::ZERO).expect("complete");
        assert_eq!(read, [(b"a".to_vec(), b"1".to_vec())]);
    }

    #[test]
    fn commit_metadata_reads_back_as_written() {
        let note = OffsetNote {
            received: Timestamp::MIN,
            definitions: i64::MIN,
            own: Value::from("a"),
            cursor: Some((Timestamp::MIN, 255, vec![255; CURSOR_KEY_LIMIT])),
            fingerprint: Some(Fingerprint { states: 1, said: 2 }),
        };
        let written = CommitMetadata {
            end: i64::MAX,
            at: i64::MIN,
            floor: 7,
            note,
        };
        let read = |text: &str| CommitMetadata::from_text(text).map_err(|e| e.to_string());
        assert_eq!(read(&written.to_text()), Ok(Some(written)));
        for of_others in ["", "by hand", r#"{"by":"hand"}"#] {
            assert_eq!(read(of_others), Ok(None));
        }
        let before = r#"{"end":1,"at":2,"floor":3,"note":{"received":4,"definitions":5}}"#;
        let before = read(before).expect("readable");
        let before = before.expect("as it was before fingerprints");
        assert_eq!(before.note.fingerprint, None);
        assert_eq!(before.note.cursor, None);
        let after = r#"{"end":1,"at":2,"floor":3,"note":{"received":4,"definitions":5,"more":6}}"#;
        let refused = read(after).expect_err("of a release to come");
        assert!(refused.contains("unknown field `more`"), "{refused}");
    }
}
