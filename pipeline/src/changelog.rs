//! Reading a changelog back: committed records only, up to the end that the committed offset names, waiting for it, and
//! never less.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use journey::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::log::LogError;

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

/// What stands beside a committed offset: what a task must know of itself as it was then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OffsetNote {
    /// The greatest append time read: it never goes back within a partition.
    pub received: Timestamp,
    /// The definitions in force.
    pub definitions: i64,
    /// What a stage without a changelog has still to tell, in few bytes; null of every other.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub own: Value,
}

/// The longest metadata that a broker takes by default.
pub const METADATA_LIMIT: usize = 4096;
/// The most bytes of it that a stage's own part may take ([`OffsetNote::own`]).
pub const OWN_LIMIT: usize = 3072;

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

    /// Reads what [`CommitMetadata::to_text`] wrote.
    pub fn from_text(text: &str) -> Option<CommitMetadata> {
        serde_json::from_str(text).ok()
    }
}

/// A record of a changelog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its offset.
    pub offset: i64,
    /// Its key.
    pub key: Vec<u8>,
    /// Its value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
}

/// The last value of every key, in order of key.
pub type KeysAndValues = Vec<(Vec<u8>, Vec<u8>)>;

/// A changelog partition, read from its beginning, committed records only.
pub trait ChangelogReader {
    /// The next record; `None` if none is there now.
    fn next(&mut self) -> Result<Option<Entry>, LogError>;
}

/// The last value of every key below `end`, in order of key. Waits for `end` to be reached, for `patience` without any
/// progress at the most: a commit marker may come after the offset that it belongs to.
pub fn read(
    reader: &mut impl ChangelogReader,
    name: &str,
    end: i64,
    patience: Duration,
) -> Result<KeysAndValues, LogError> {
    let mut last = BTreeMap::new();
    let mut reached = 0;
    let mut progress = Instant::now();
    while reached < end {
        let Some(entry) = reader.next()? else {
            if progress.elapsed() > patience {
                return Err(LogError::new(format!(
                    "{name} ends at offset {reached}, and the committed offset speaks of {end}: its records are gone or a \
                     transaction hangs; look with `kafka-transactions.sh find-hanging` before anything else"
                )));
            }
            continue;
        };
        progress = Instant::now();
        reached = entry.offset + 1;
        if entry.offset >= end {
            break;
        }
        match entry.value {
            Some(value) => last.insert(entry.key, value),
            None => last.remove(&entry.key),
        };
    }
    Ok(last.into_iter().collect())
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

    #[test]
    fn the_last_value_below_the_end_stands_and_a_tombstone_takes_it_away() {
        let entries = vec![
            entry(0, "a", Some("1")),
            entry(2, "b", Some("1")),
            entry(5, "a", None),
            entry(6, "b", Some("2")),
        ];
        let read = read(&mut slow(entries, 0), "c", 7, Duration::ZERO).expect("complete");
        assert_eq!(read, [(b"b".to_vec(), b"2".to_vec())]);
    }

    #[test]
    fn the_commit_marker_is_awaited() {
        let read = read(
            &mut slow(vec![entry(0, "a", Some("1"))], 3),
            "c",
            1,
            Duration::from_secs(60),
        );
        assert_eq!(read.expect("complete").len(), 1);
    }

    #[test]
    fn less_than_the_named_end_is_an_error_and_never_a_shorter_state() {
        let error = read(
            &mut slow(vec![entry(0, "a", Some("1"))], 0),
            "c-changelog",
            3,
            Duration::ZERO,
        );
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
        let read = read(&mut slow(entries, 0), "c", 1, Duration::ZERO).expect("complete");
        assert_eq!(read, [(b"a".to_vec(), b"1".to_vec())]);
    }

    #[test]
    fn commit_metadata_reads_back_as_written() {
        let note = OffsetNote {
            received: Timestamp::MIN,
            definitions: i64::MIN,
            own: Value::from("a"),
        };
        let written = CommitMetadata {
            end: i64::MAX,
            at: i64::MIN,
            floor: 7,
            note,
        };
        assert_eq!(CommitMetadata::from_text(&written.to_text()), Some(written));
        assert_eq!(CommitMetadata::from_text(""), None);
    }
}
