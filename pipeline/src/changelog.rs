//! Reading a changelog back: committed records only, up to the end that the committed offset names, waiting for it, and
//! never less.

use std::time::{Duration, Instant};

mod beside_offset;
mod records;

pub use self::{
    beside_offset::{
        CURSOR_KEY_LIMIT, CommitMetadata, Fingerprint, METADATA_LIMIT, OWN_LIMIT, OffsetNote,
    },
    records::Changelog,
};
use crate::log::LogError;

/// How many bytes are held before it is looked whether they all count.
const ROOM: usize = 1 << 30;

/// A record of a changelog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Which of the partitions that are read it stands in: an index.
    pub of: usize,
    /// Its offset.
    pub offset: i64,
    /// Its key.
    pub key: &'a [u8],
    /// Its value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
}

/// Changelog partitions, read from their beginnings, committed records only.
pub trait ChangelogReader {
    /// Hands over the next record of any of them; none if none is there now.
    fn next(&mut self, take: &mut dyn FnMut(Entry<'_>)) -> Result<(), LogError>;
}

/// A changelog partition, and up to where it is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its name, for people.
    pub name: String,
    /// The offset that its committed offset names.
    pub end: i64,
}

/// How far each partition has been read.
struct Reading<'a> {
    wanted: &'a [Wanted],
    reached: Vec<i64>,
    /// How many have not been read to their ends.
    left: usize,
}

impl Reading<'_> {
    /// Whether a record stands below its partition's end. Nothing, if that had been reached before.
    fn take(&mut self, entry: &Entry<'_>) -> Option<bool> {
        let (end, reached) = (self.wanted[entry.of].end, &mut self.reached[entry.of]);
        if *reached >= end {
            return None;
        }
        *reached = entry.offset + 1;
        self.left -= usize::from(*reached >= end);
        Some(entry.offset < end)
    }
}

/// Reads every record below each partition's end, all partitions together. Waits for every end to be reached, for `patience` without
/// any progress at the most: a commit marker may come after the offset that it belongs to.
pub fn read(
    reader: &mut impl ChangelogReader,
    wanted: &[Wanted],
    patience: Duration,
) -> Result<Vec<Changelog>, LogError> {
    read_within(ROOM, reader, wanted, patience)
}

/// As [`read`], holding no more bytes than twice those that count, or so many.
fn read_within(
    room: usize,
    reader: &mut impl ChangelogReader,
    wanted: &[Wanted],
    patience: Duration,
) -> Result<Vec<Changelog>, LogError> {
    let mut reading = Reading {
        wanted,
        reached: vec![0; wanted.len()],
        left: wanted.iter().filter(|wanted| wanted.end > 0).count(),
    };
    let mut held = Held::new(wanted.len(), room);
    let mut stalled = None;
    while reading.left > 0 {
        let mut progress = false;
        reader.next(&mut |entry| {
            let below = reading.take(&entry);
            progress = below.is_some();
            if below == Some(true) {
                held.push(&entry);
            }
        })?;
        if progress {
            stalled = None;
        } else if stalled.get_or_insert_with(Instant::now).elapsed() > patience {
            return Err(too_short(&reading));
        }
    }
    Ok(held.changelogs)
}

/// What has been read. A changelog may be many times as long as what counts of it: a broker compacts late, or never.
struct Held {
    changelogs: Vec<Changelog>,
    bytes: usize,
    room: usize,
    compact_at: usize,
}

impl Held {
    fn new(changelogs: usize, room: usize) -> Held {
        Held {
            changelogs: vec![Changelog::default(); changelogs],
            bytes: 0,
            room,
            compact_at: room,
        }
    }

    fn push(&mut self, entry: &Entry<'_>) {
        self.changelogs[entry.of].push(entry.key, entry.value);
        self.bytes += entry.key.len() + entry.value.map_or(0, <[u8]>::len);
        if self.bytes >= self.compact_at {
            self.changelogs.iter_mut().for_each(Changelog::compact);
            self.bytes = self.changelogs.iter().map(Changelog::byte_count).sum();
            self.compact_at = self.room.max(2 * self.bytes);
        }
    }
}

fn too_short(reading: &Reading<'_>) -> LogError {
    let all = reading.wanted.iter().zip(&reading.reached);
    let short = all.filter(|(wanted, reached)| **reached < wanted.end).map(
        |(Wanted { name, end }, reached)| {
            format!("{name} ends at offset {reached}, and the committed offset speaks of {end}")
        },
    );
    LogError::new(format!(
        "{}: its records are gone or a transaction hangs; look with `kafka-transactions.sh find-hanging` before anything else",
        short.collect::<Vec<_>>().join("; ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry's partition, offset, key and value.
    type Given = (usize, i64, &'static str, Option<&'static str>);

    /// Hands its entries out only after as many empty answers as it is told.
    struct Slow {
        entries: std::vec::IntoIter<Given>,
        empty: usize,
    }

    impl ChangelogReader for Slow {
        fn next(&mut self, take: &mut dyn FnMut(Entry<'_>)) -> Result<(), LogError> {
            if self.empty > 0 {
                self.empty -= 1;
            } else if let Some((of, offset, key, value)) = self.entries.next() {
                take(Entry {
                    of,
                    offset,
                    key: key.as_bytes(),
                    value: value.map(str::as_bytes),
                });
            }
            Ok(())
        }
    }

    /// What is read of each partition, in its order.
    fn read_all(
        entries: &[Given],
        empty: usize,
        wanted: &[Wanted],
        patience: Duration,
    ) -> Result<Vec<Vec<String>>, LogError> {
        let mut slow = Slow {
            entries: Vec::from(entries).into_iter(),
            empty,
        };
        let read = read(&mut slow, wanted, patience)?;
        Ok(read.into_iter().map(texts).collect())
    }

    fn texts(changelog: Changelog) -> Vec<String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut all = Vec::new();
        let read = changelog.each_from_the_end(|key, value| {
            let value = value.map_or("gone".into(), text);
            all.push(format!("{} {value}", text(key)));
            Ok::<_, ()>(())
        });
        assert_eq!(read, Ok(()));
        all.reverse();
        all
    }

    /// Reads one partition.
    fn read_one(
        entries: &[Given],
        empty: usize,
        end: i64,
        patience: Duration,
    ) -> Result<Vec<String>, LogError> {
        read_all(entries, empty, &[wanted("c-changelog", end)], patience)
            .map(|mut all| all.remove(0))
    }

    fn wanted(name: &str, end: i64) -> Wanted {
        Wanted {
            name: name.into(),
            end,
        }
    }

    #[test]
    fn partitions_are_read_together_each_to_its_own_end() {
        let entries = [
            (0, 0, "a", Some("1")),
            (1, 0, "a", Some("2")),
            (0, 1, "a", Some("beyond the end")),
            (1, 4, "a", Some("3")),
        ];
        let ends = [wanted("c-0", 1), wanted("c-1", 5), wanted("c-2", 0)];
        let read = read_all(&entries, 0, &ends, Duration::MAX).expect("complete");
        assert_eq!(read, [vec!["a 1"], vec!["a 2", "a 3"], vec![]]);
    }

    #[test]
    fn all_below_the_end_is_handed_over_in_its_order_and_tombstones_too() {
        let entries = [
            (0, 0, "a", Some("1")),
            (0, 2, "b", Some("1")),
            (0, 5, "a", None),
            (0, 6, "b", Some("2")),
        ];
        let read = read_one(&entries, 0, 7, Duration::ZERO).expect("complete");
        assert_eq!(read, ["a 1", "b 1", "a gone", "b 2"]);
    }

    #[test]
    fn the_commit_marker_is_awaited() {
        let read = read_one(&[(0, 0, "a", Some("1"))], 3, 1, Duration::from_secs(60));
        assert_eq!(read.expect("complete").len(), 1);
    }

    #[test]
    fn less_than_the_named_end_is_an_error_and_never_a_shorter_state() {
        let error = read_one(&[(0, 0, "a", Some("1"))], 0, 3, Duration::ZERO);
        assert!(
            error
                .expect_err("short")
                .to_string()
                .contains("c-changelog ends at offset 1")
        );
    }

    #[test]
    fn what_comes_beyond_the_end_of_one_is_no_progress_of_another() {
        let entries = vec![(0, 5, "a", Some("beyond the end")); 1_000_000];
        let ends = [wanted("c-0", 1), wanted("c-1", 5)];
        let error = read_all(&entries, 0, &ends, Duration::ZERO).expect_err("short");
        assert!(error.to_string().contains("c-1 ends at offset 0"));
    }

    #[test]
    fn what_is_held_goes_by_what_counts_and_not_by_how_long_a_changelog_is() {
        let keys = ["a", "b", "c", "d"];
        let value = "ninety-nine bytes or so: ".repeat(4);
        let value: &'static str = value.leak();
        let entries = (0..100_000).map(|n| (n % 2, n as i64, keys[n % 4], Some(value)));
        let mut held = Held::new(2, 1_000);
        for (of, offset, key, value) in entries {
            held.push(&Entry {
                of,
                offset,
                key: key.as_bytes(),
                value: value.map(str::as_bytes),
            });
            let bytes: usize = held.changelogs.iter().map(Changelog::byte_count).sum();
            assert!(bytes < 1_000, "{bytes} of 404 that count");
        }
        let mut slow = Slow {
            entries: vec![
                (0, 0, "a", Some("1")),
                (0, 1, "b", Some("2")),
                (0, 2, "a", None),
                (0, 3, "b", Some("3")),
            ]
            .into_iter(),
            empty: 0,
        };
        let read = read_within(7, &mut slow, &[wanted("c-0", 4)], Duration::ZERO);
        let read = read.expect("complete").into_iter().map(texts);
        assert_eq!(read.collect::<Vec<_>>(), [["b 3"]]);
    }

    #[test]
    fn what_lies_beyond_the_end_is_not_read() {
        let entries = [(0, 0, "a", Some("1")), (0, 1, "a", Some("2"))];
        let read = read_one(&entries, 0, 1, Duration::ZERO).expect("complete");
        assert_eq!(read, ["a 1"]);
    }
}
