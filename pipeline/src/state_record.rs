//! How a task's memory lies on its changelog (`docs/architecture.md`, "State and restore").
//!
//! Each record carries the input position up to which it holds. Keys: one zero byte for the task's own record, a one and
//! the key's encoding for a state. A tombstone is a null value, its position in a header.

use journey::{Timestamp, mark::ClaimParts};
use schemas::{Avro, Malformed, avro::Reader};

/// The format that a release writes until it is told otherwise: the one before its newest, which the release before it can
/// read, in a rolling upgrade and after a rollback.
pub const fn default_format(newest: u8) -> u8 {
    if newest > 1 { newest - 1 } else { 1 }
}

/// The header of a tombstone that holds its position.
pub const POSITION_HEADER: &str = "footfall-position";

/// The input position up to which a state holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The next input offset to read; inside a half-done mark, the mark's own.
    pub next_offset: i64,
    /// Inside a half-done mark: the last timer that fired (deadline, kind, encoded key).
    pub cursor: Option<(Timestamp, u8, Vec<u8>)>,
}

impl Avro for Position {
    fn write(&self, to: &mut Vec<u8>) {
        self.next_offset.write(to);
        self.cursor.write(to);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Position {
            next_offset: Avro::read(from)?,
            cursor: Avro::read(from)?,
        })
    }
}

/// What a task remembers of itself, beside its keys' states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskRecord {
    /// The claim of every source.
    pub claims: ClaimParts,
    /// The greatest append time read: it never goes back within a partition.
    pub last_received: Timestamp,
    /// The definitions in force.
    pub definitions_version: i64,
    /// The frontier of the last mark that the task itself wrote.
    pub marked: Timestamp,
}

impl Avro for TaskRecord {
    fn write(&self, to: &mut Vec<u8>) {
        let ClaimParts {
            grace,
            frontier,
            of,
            claimed,
            passed,
        } = &self.claims;
        grace.write(to);
        frontier.write(to);
        of.write(to);
        claimed.write(to);
        passed.write(to);
        self.last_received.write(to);
        self.definitions_version.write(to);
        self.marked.write(to);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let claims = ClaimParts {
            grace: Avro::read(from)?,
            frontier: Avro::read(from)?,
            of: Avro::read(from)?,
            claimed: Avro::read(from)?,
            passed: Avro::read(from)?,
        };
        Ok(TaskRecord {
            claims,
            last_received: Avro::read(from)?,
            definitions_version: Avro::read(from)?,
            marked: Avro::read(from)?,
        })
    }
}

/// The key of the task's own record.
pub const TASK_KEY: &[u8] = &[0];

/// Appends the changelog key of a state.
pub fn write_key<K: Avro>(key: &K, to: &mut Vec<u8>) {
    to.push(1);
    key.write(to);
}

/// The state's key, if it is one's.
pub fn read_key<K: Avro>(bytes: &[u8]) -> Result<K, Malformed> {
    match bytes.split_first() {
        Some((1, key)) => schemas::from_bytes(key),
        _ => Err(Malformed::Branch),
    }
}

/// What stands in front of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The format of what follows.
    pub format: u8,
    /// Up to where it holds.
    pub position: Position,
}

/// What comes in front of every value of one commit: format, fold version, position.
pub fn write_head(format: u8, fold_version: u8, position: &Position, to: &mut Vec<u8>) {
    to.push(format);
    to.push(fold_version);
    position.write(to);
}

/// A record that this binary cannot go on from.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Another release wrote it.
    #[error(
        "it has format {found}, and this release reads formats up to {newest}: run the release that wrote it, or a newer one"
    )]
    Format {
        /// The format found.
        found: u8,
        /// The newest that is read.
        newest: u8,
    },
    /// Another fold made it.
    #[error(
        "it was made by fold version {found}, and this release has {expected}: stop the old release cleanly first"
    )]
    Fold {
        /// The version found.
        found: u8,
        /// Ours.
        expected: u8,
    },
    /// Not ours, or damaged.
    #[error("its bytes cannot be read: {0}")]
    Malformed(#[from] Malformed),
    /// It knows of input that the committed offset does not cover.
    #[error(
        "it holds up to input offset {holds}, beyond the committed offset {committed}: the changelog and the group's offsets do not belong together"
    )]
    Ahead {
        /// Up to where it holds.
        holds: i64,
        /// What is committed.
        committed: i64,
    },
}

/// Takes the head off: what it says, and the rest. Every format up to `newest` is read.
pub fn read_head(bytes: &[u8], newest: u8, fold_version: u8) -> Result<(Head, &[u8]), Unreadable> {
    let mut reader = Reader::new(bytes);
    let format = reader.byte()?;
    if !(1..=newest).contains(&format) {
        return Err(Unreadable::Format {
            found: format,
            newest,
        });
    }
    let fold = reader.byte()?;
    if fold != fold_version {
        return Err(Unreadable::Fold {
            found: fold,
            expected: fold_version,
        });
    }
    let position = Position::read(&mut reader)?;
    Ok((Head { format, position }, reader.rest()))
}
