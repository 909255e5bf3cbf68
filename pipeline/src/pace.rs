//! When a worker commits: pure decisions over times that it is told.

use std::time::Duration;

use crate::{outbox::Batch, task::MARK_EVERY};

/// When a worker commits, and how much it takes into one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Not sooner after the end of the last commit than this, however drained the input is. The broker still writes that
    /// one's markers: a transaction that begins before it is done is sent back, and waits 20 ms. Nor sooner than that commit
    /// took: the slower the brokers, the fewer and the larger the transactions.
    pub at_least: Duration,
    /// Not later after the first uncommitted record than this.
    pub at_most: Duration,
    /// What only moved offsets may wait so long.
    pub quiet: Duration,
    /// Input records of one transaction.
    pub records: usize,
    /// Outgoing records of one transaction.
    pub outputs: usize,
    /// Outgoing bytes of one transaction.
    pub bytes: usize,
    /// A task's changed states are written to its changelog no later than this after the last time; what was folded since is
    /// folded again on restore. Zero: with every commit.
    pub state_age: Duration,
    /// Nor after more input than this, or more changed states.
    pub state_records: usize,
}

impl Default for Pace {
    /// 10 ms between commits halves the broker's work against none and costs no latency.
    fn default() -> Self {
        Pace {
            at_least: Duration::from_millis(10),
            at_most: Duration::from_millis(100),
            quiet: Duration::from_millis(200),
            records: 50_000,
            outputs: 100_000,
            bytes: 32 << 20,
            state_age: Duration::from_secs(10),
            state_records: 100_000,
        }
    }
}

impl Pace {
    /// Whether a batch is as large as a transaction may get.
    pub fn is_over(&self, batch: &Batch) -> bool {
        batch.record_count() >= self.outputs || batch.byte_count() >= self.bytes
    }
}

/// How long a worker with nothing to commit waits for a record.
const IDLE: Duration = Duration::from_millis(50);

/// What there is to commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Uncommitted {
    /// Something was said, or is to be remembered.
    pub(crate) outputs: bool,
    /// Offsets moved.
    pub(crate) offsets: bool,
    /// Time has risen and no mark has said so yet. If nothing comes after it, as at the end of a backfill, a transaction of
    /// its own must.
    pub(crate) mark: bool,
}

impl Uncommitted {
    /// Whether records wait for a commit.
    pub(crate) fn is_open(self) -> bool {
        self.outputs || self.offsets
    }
}

/// The times that pacing goes by, on any clock that does not go back.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pacing {
    pace: Pace,
    /// Input records since the last commit.
    taken: usize,
    opened_at: Option<Duration>,
    /// When the turn after the last commit began: pacing counts from the commit's end, which no earlier turn has seen.
    committed_at: Option<Duration>,
    /// How long the last commit took.
    took: Duration,
    has_just_committed: bool,
    marked_at: Option<Duration>,
    /// Whether the worker itself writes marks.
    writes_marks: bool,
}

impl Pacing {
    pub(crate) fn new(pace: Pace, writes_marks: bool) -> Pacing {
        Pacing {
            pace,
            writes_marks,
            ..Pacing::default()
        }
    }

    pub(crate) fn pace(&self) -> Pace {
        self.pace
    }

    /// Input records since the last commit.
    pub(crate) fn taken(&self) -> usize {
        self.taken
    }

    /// A turn begins.
    pub(crate) fn turned(&mut self, now: Duration) {
        if std::mem::take(&mut self.has_just_committed) {
            self.committed_at = Some(now);
        }
    }

    /// A record was taken in.
    pub(crate) fn took(&mut self, now: Duration) {
        self.taken += 1;
        self.opened_at.get_or_insert(now);
    }

    /// A commit ended, or what was open is gone.
    pub(crate) fn committed(&mut self, now: Duration, took: Duration) {
        (self.committed_at, self.has_just_committed) = (Some(now), true);
        self.took = took;
        self.begin_anew();
    }

    /// Nothing is open.
    pub(crate) fn begin_anew(&mut self) {
        self.taken = 0;
        self.opened_at = None;
    }

    /// A mark was written.
    pub(crate) fn marked(&mut self, now: Duration) {
        self.marked_at = Some(now);
    }

    /// The next mark must not wait for its turn: nobody comes after it.
    pub(crate) fn hurry_mark(&mut self) {
        self.marked_at = None;
    }

    /// Whether a transaction is as large as it may get.
    pub(crate) fn is_full(&self, batch: &Batch) -> bool {
        self.taken >= self.pace.records || self.pace.is_over(batch)
    }

    /// Whether a commit can wait no longer, drained or not.
    pub(crate) fn must_commit(&self, now: Duration, open: Uncommitted) -> bool {
        let overdue = self
            .opened_at
            .is_some_and(|opened| now.saturating_sub(opened) >= self.pace.at_most);
        overdue && (open.outputs || self.may_commit(now, open))
    }

    /// Whether a drained input may be committed now.
    pub(crate) fn may_commit(&self, now: Duration, open: Uncommitted) -> bool {
        let mark_due = self.mark_due(now, open);
        if !open.is_open() && !mark_due {
            return false;
        }
        let since = self
            .committed_at
            .map_or(Duration::MAX, |at| now.saturating_sub(at));
        since >= self.pause(open.outputs || mark_due)
    }

    /// How long after the last commit the next may be made.
    fn pause(&self, is_pressing: bool) -> Duration {
        if is_pressing {
            let half = self.pace.at_most / 2;
            self.pace.at_least.max(self.took.min(half))
        } else {
            self.pace.quiet
        }
    }

    /// Whether it is time for a mark of the worker's own.
    pub(crate) fn mark_due(&self, now: Duration, open: Uncommitted) -> bool {
        open.mark
            && self
                .marked_at
                .is_none_or(|at| now.saturating_sub(at) >= mark_every())
    }

    /// How long to wait for a record, so that a commit is not late.
    pub(crate) fn wait(&self, now: Duration, open: Uncommitted) -> Duration {
        if !open.is_open() && !open.mark {
            return IDLE;
        }
        let until = |at: Option<Duration>, pause: Duration| {
            at.map_or(Duration::ZERO, |at| (at + pause).saturating_sub(now))
        };
        let wait = until(self.committed_at, self.pause(open.outputs));
        if self.writes_marks {
            wait.min(until(self.marked_at, mark_every()))
        } else {
            wait
        }
    }
}

fn mark_every() -> Duration {
    Duration::from_millis(MARK_EVERY.0 as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFSETS: Uncommitted = Uncommitted {
        outputs: false,
        offsets: true,
        mark: false,
    };
    const OUTPUTS: Uncommitted = Uncommitted {
        outputs: true,
        offsets: true,
        mark: false,
    };
    const MARK: Uncommitted = Uncommitted {
        outputs: false,
        offsets: false,
        mark: true,
    };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// A commit ended before the turn at 1000 ms.
    fn committed() -> Pacing {
        let mut pacing = Pacing::new(Pace::default(), true);
        pacing.marked(ms(990));
        pacing.committed(ms(900), ms(5));
        pacing.turned(ms(1_000));
        pacing
    }

    #[test]
    fn outputs_wait_ten_ms_after_the_end_of_the_last_commit_and_offsets_alone_longer() {
        let pacing = committed();
        assert!(!pacing.may_commit(ms(1_009), OUTPUTS));
        assert!(pacing.may_commit(ms(1_010), OUTPUTS));
        assert!(!pacing.may_commit(ms(1_199), OFFSETS));
        assert!(pacing.may_commit(ms(1_200), OFFSETS));
    }

    #[test]
    fn after_a_slow_commit_the_next_waits_as_long_as_that_took_up_to_half_of_at_most() {
        for (took, pause) in [(30, 30), (400, 50)] {
            let mut pacing = committed();
            pacing.marked(ms(2_990));
            pacing.committed(ms(2_000), ms(took));
            pacing.turned(ms(3_000));
            assert!(!pacing.may_commit(ms(3_000 + pause - 1), OUTPUTS));
            assert!(pacing.may_commit(ms(3_000 + pause), OUTPUTS));
            assert_eq!(pacing.wait(ms(3_010), OUTPUTS), ms(pause - 10));
        }
    }

    #[test]
    fn with_nothing_to_commit_nothing_is_committed() {
        let pacing = committed();
        assert!(!pacing.may_commit(ms(9_000), Uncommitted::default()));
        assert!(!pacing.must_commit(ms(9_000), Uncommitted::default()));
        assert_eq!(pacing.wait(ms(9_000), Uncommitted::default()), IDLE);
    }

    #[test]
    fn a_mark_comes_200_ms_after_the_last_and_needs_no_record() {
        let mut pacing = committed();
        assert!(!pacing.may_commit(ms(1_189), MARK));
        assert!(pacing.may_commit(ms(1_190), MARK));
        pacing.hurry_mark();
        assert!(pacing.mark_due(ms(1_001), MARK));
    }

    #[test]
    fn under_load_a_record_waits_no_longer_than_at_most() {
        let mut pacing = committed();
        pacing.took(ms(1_001));
        pacing.took(ms(1_090));
        assert!(!pacing.must_commit(ms(1_100), OUTPUTS));
        assert!(pacing.must_commit(ms(1_101), OUTPUTS));
        assert!(
            !pacing.must_commit(ms(1_101), OFFSETS),
            "what only moved offsets waits longer"
        );
    }

    #[test]
    fn waiting_ends_when_the_commit_or_the_mark_may_be_made() {
        let mut pacing = committed();
        assert_eq!(pacing.wait(ms(1_004), OUTPUTS), ms(6));
        assert_eq!(pacing.wait(ms(1_004), OFFSETS), ms(186), "for the mark");
        pacing.writes_marks = false;
        assert_eq!(pacing.wait(ms(1_004), OFFSETS), ms(196));
        assert_eq!(pacing.wait(ms(5_000), OFFSETS), Duration::ZERO);
    }

    #[test]
    fn a_transaction_is_full_by_records() {
        let mut pacing = Pacing::new(
            Pace {
                records: 2,
                ..Pace::default()
            },
            false,
        );
        pacing.took(ms(0));
        assert!(!pacing.is_full(&Batch::default()));
        pacing.took(ms(0));
        assert!(pacing.is_full(&Batch::default()));
        pacing.begin_anew();
        assert_eq!(pacing.taken(), 0);
    }
}
