//! How far behind its input each task is, and whether an open transaction keeps it there.

use std::time::{Duration, Instant};

use journey::Timestamp;
use rdkafka::consumer::Consumer;

use super::KafkaLog;
use crate::{
    changelog::CommitMetadata,
    kafka::{consumer::Ends, native, settings::wall_clock},
};

/// For how long the last stable offset of a partition has stood where it stands, with records behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    stable: i64,
    since: Instant,
}

impl Held {
    /// What is to be said of a partition that now ends there; nothing if all its records can be read.
    fn look(before: Option<Held>, ends: Ends, now: Instant) -> Option<Held> {
        let held = before.filter(|held| held.stable == ends.stable);
        (ends.high > ends.stable).then_some(held.unwrap_or(Held {
            stable: ends.stable,
            since: now,
        }))
    }
}

/// A partition that is ours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owned {
    /// The offset after the task's last changelog record.
    pub(super) end: i64,
    /// The next to be handed out.
    pub(super) next_offset: i64,
    /// Up to here, records are handed out to be folded again.
    replayed_until: i64,
    /// When the last record that was read was appended; before the first, when it was committed or, failing that, assigned.
    pub(super) read_at: Timestamp,
    /// While an open transaction keeps records from being read.
    held: Option<Held>,
}

impl Owned {
    /// A partition as it was committed, assigned now.
    pub(super) fn new(
        next_offset: Option<i64>,
        metadata: Option<&CommitMetadata>,
        now: Timestamp,
    ) -> Owned {
        let floor = metadata.map(|metadata| metadata.floor).or(next_offset);
        // A mark that was half done is the record at the committed offset.
        let in_mark = metadata.is_some_and(|metadata| metadata.note.cursor.is_some());
        Owned {
            end: metadata.map_or(0, |metadata| metadata.end),
            next_offset: floor.unwrap_or(0),
            replayed_until: next_offset.unwrap_or(0) + i64::from(in_mark),
            read_at: metadata.map_or(now, |metadata| Timestamp(metadata.at)),
            held: None,
        }
    }

    /// Hands out a record.
    pub(super) fn read(&mut self, offset: i64, appended_at: Timestamp) {
        self.next_offset = offset + 1;
        self.read_at = appended_at;
    }

    /// Records that wait, as far as known, and for how many seconds the oldest has waited at the most. A high watermark that no
    /// broker has told us yet is no sign that nothing waits: a partition that cannot be fetched must not look well.
    fn lag(&self, high: Option<i64>, now: Timestamp) -> (i64, f64) {
        let behind = high.map_or(0, |high| (high - self.next_offset).max(0));
        // One may be a transaction's control record, which is never handed out.
        let waits = high.is_none() || behind > 1;
        let age = (now - self.read_at).0.max(0);
        (behind, if waits { age as f64 / 1000.0 } else { 0.0 })
    }

    /// Records that are still to be folded again.
    fn left_to_restore(&self) -> i64 {
        (self.replayed_until - self.next_offset).max(0)
    }
}

impl KafkaLog {
    /// A restore ends when all that was committed has been folded again.
    pub(super) fn observe_restore(&mut self) {
        let is_done = |owned: &Owned| owned.left_to_restore() == 0;
        if self.restoring_since.is_some() && self.tasks.values().all(is_done) {
            let took = self.restoring_since.take().map(|since| since.elapsed());
            self.metrics.restore_took(took.unwrap_or_default());
        }
    }

    pub(super) fn observe_lag(&mut self) {
        let now = wall_clock();
        for (task, owned) in &mut self.tasks {
            let topic = &self.names.inputs[task.input];
            let high = native::cached_high_watermark(&self.consumer, topic, task.partition as i32);
            let (behind, seconds) = owned.lag(high, now);
            let ends = self.consumer.context().ends(topic, task.partition);
            let topic = self.topology.inputs[task.input];
            if let Some(ends) = ends {
                owned.held = Held::look(owned.held, ends, Instant::now());
                let held = owned
                    .held
                    .map_or(Duration::ZERO, |held| held.since.elapsed());
                let unstable = ends.high - ends.stable;
                self.metrics.unstable(topic, task.partition, unstable, held);
            }
            self.metrics.lag(topic, task.partition, behind, seconds);
            self.metrics
                .left_to_restore(topic, task.partition, owned.left_to_restore());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::changelog::OffsetNote;

    const NOW: Timestamp = Timestamp(100_000);

    fn committed(floor: i64, at: i64) -> Option<CommitMetadata> {
        Some(CommitMetadata {
            end: 5,
            at,
            floor,
            note: OffsetNote {
                received: Timestamp(at),
                definitions: 0,
                own: serde_json::Value::Null,
                cursor: None,
                fingerprint: None,
            },
        })
    }

    #[test]
    fn a_task_that_is_stuck_from_its_start_falls_behind() {
        let owned = Owned::new(Some(10), committed(10, 40_000).as_ref(), NOW);
        assert_eq!(owned.lag(Some(30), NOW), (20, 60.0));
        let fresh = Owned::new(None, None, NOW);
        assert_eq!(fresh.lag(Some(30), Timestamp(130_000)), (30, 30.0));
        assert_eq!(
            fresh.lag(None, Timestamp(130_000)),
            (0, 30.0),
            "nothing was ever fetched"
        );
    }

    #[test]
    fn who_has_read_all_there_is_is_not_behind() {
        let mut owned = Owned::new(Some(10), committed(10, 40_000).as_ref(), NOW);
        owned.read(29, Timestamp(41_000));
        assert_eq!(owned.lag(Some(30), NOW), (0, 0.0));
        assert_eq!(owned.lag(Some(31), NOW), (1, 0.0), "a control record");
        assert_eq!(owned.lag(Some(32), NOW), (2, 59.0));
    }

    #[test]
    fn an_open_transaction_holds_a_partition_until_the_last_stable_offset_moves() {
        let began = Instant::now();
        let ends = |stable, high| Ends { high, stable };
        let look = |before, ends, seconds| {
            let now = began + Duration::from_secs(seconds);
            Held::look(before, ends, now)
        };
        let since = |held: Option<Held>| held.map(|held| (held.since - began).as_secs());
        let none = look(None, ends(100, 100), 0);
        assert_eq!(since(none), None, "all can be read");
        let held = look(none, ends(100, 120), 1);
        let held = look(held, ends(100, 150), 30);
        assert_eq!(since(held), Some(1));
        let moved = look(held, ends(150, 160), 31);
        assert_eq!(since(moved), Some(31), "another transaction");
        assert_eq!(since(look(moved, ends(160, 160), 32)), None);
    }

    #[test]
    fn what_was_committed_is_restored_once_it_was_folded_again() {
        let mut owned = Owned::new(Some(10), committed(4, 40_000).as_ref(), NOW);
        assert_eq!((owned.next_offset, owned.left_to_restore()), (4, 6));
        owned.read(8, NOW);
        assert_eq!(owned.left_to_restore(), 1);
        owned.read(9, NOW);
        assert_eq!(owned.left_to_restore(), 0);

        let mut in_mark = committed(10, 40_000).expect("some");
        in_mark.note.cursor = Some((NOW, 0, Vec::new()));
        let mut owned = Owned::new(Some(10), Some(&in_mark), NOW);
        assert_eq!(owned.left_to_restore(), 1, "the mark that was half done");
        owned.read(10, NOW);
        assert_eq!(owned.left_to_restore(), 0);
    }
}
