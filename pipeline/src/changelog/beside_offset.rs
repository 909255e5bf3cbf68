//! What stands beside a committed offset: where the changelog ended, and what the task must know of itself.

use journey::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fold::Cursor;

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

#[cfg(test)]
mod tests {
    use super::*;

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
