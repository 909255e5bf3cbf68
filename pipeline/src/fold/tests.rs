use std::convert::Infallible;

use journey::{Millis, TaskTime, Timestamp};

use super::*;

/// Puts one state back.
fn restore(fold: &mut Fold<Counting>, key: u32, state: Seen) {
    let restored: Result<(), Infallible> = fold.restore([Ok((key, state))]);
    restored.expect("infallible");
}

/// Counts a key's inputs; wants an idle signal 10 after the last by frontier, and its end 100 after by watermark.
#[derive(Debug)]
struct Counting;

type Seen = (i64, i64, i64);

impl Processor for Counting {
    type Key = u32;
    type Input = (u32, i64);
    type State = Seen;
    type Output = String;

    fn key(&self, input: &(u32, i64)) -> u32 {
        input.0
    }

    fn time(&self, input: &(u32, i64)) -> Timestamp {
        Timestamp(input.1)
    }

    fn apply(
        &self,
        _: &TaskTime,
        key: &u32,
        state: Option<Seen>,
        input: (u32, i64),
        out: &mut Vec<String>,
    ) -> Option<Seen> {
        let (count, last, _) = state.unwrap_or_default();
        out.push(format!("{key}:{}", count + 1));
        Some((count + 1, last.max(input.1), 0))
    }

    fn timers(&self, (_, last, idle): &Seen) -> Timers {
        let timers = Timers::default().and(By::Watermark, Timestamp(last + 100), 1);
        if *idle == 0 {
            timers.and(By::Frontier, Timestamp(last + 10), 0)
        } else {
            timers
        }
    }

    fn open_in(&self, (count, ..): &Seen) -> usize {
        *count as usize
    }

    fn on_timer(
        &self,
        _: &TaskTime,
        key: &u32,
        state: Seen,
        timer: Timer,
        out: &mut Vec<String>,
    ) -> Option<Seen> {
        out.push(format!("{key}@{}/{}", timer.deadline.0, timer.kind));
        (timer.kind == 0).then_some((state.0, state.1, 1))
    }
}

fn mark(fold: &mut Fold<Counting>, frontier: i64, grace: i64) -> Vec<String> {
    let mut out = Vec::new();
    fold.set_time(TaskTime::new(Timestamp(frontier), Millis(grace)));
    while fold.fire_next(&mut out).is_some() {}
    out
}

#[test]
fn timers_fire_in_the_order_of_deadline_kind_and_key() {
    let mut fold = Fold::new(Counting);
    let mut out = Vec::new();
    for input in [(2, 0), (1, 0), (3, 5)] {
        fold.apply(input, &mut out);
    }
    assert_eq!(
        mark(&mut fold, 200, 0),
        [
            "1@10/0", "2@10/0", "3@15/0", "1@100/1", "2@100/1", "3@105/1"
        ]
    );
    assert!(fold.is_empty());
}

#[test]
fn a_timer_is_due_strictly_after_its_deadline() {
    let mut fold = Fold::new(Counting);
    fold.apply((1, 0), &mut Vec::new());
    assert!(mark(&mut fold, 10, 0).is_empty());
    assert_eq!(mark(&mut fold, 11, 0), ["1@10/0"]);
}

#[test]
fn a_later_record_fires_its_own_keys_frontier_timers_first_and_no_watermark_timer() {
    let mut fold = Fold::new(Counting);
    let mut out = Vec::new();
    fold.apply((1, 0), &mut out);
    fold.apply((2, 0), &mut out);
    fold.apply((1, 500), &mut out);
    assert_eq!(out, ["1:1", "2:1", "1@10/0", "1:2"]);
}

#[test]
fn the_next_deadline_is_the_first_of_both_clocks_as_the_frontier_sees_them() {
    let mut fold = Fold::new(Counting);
    assert_eq!(fold.next_deadline(Millis(50)), None);
    fold.apply((1, 0), &mut Vec::new());
    assert_eq!(fold.next_deadline(Millis(50)), Some(Timestamp(10)));
    mark(&mut fold, 11, 50);
    assert_eq!(fold.next_deadline(Millis(50)), Some(Timestamp(150)));
    assert!(mark(&mut fold, 150, 50).is_empty());
    assert_eq!(mark(&mut fold, 151, 50), ["1@100/1"]);
}

#[test]
fn a_deadline_that_moved_on_does_not_fire_at_its_old_place() {
    let mut fold = Fold::new(Counting);
    fold.apply((1, 0), &mut Vec::new());
    fold.apply((1, 8), &mut Vec::new());
    assert!(mark(&mut fold, 12, 0).is_empty());
    assert_eq!(mark(&mut fold, 19, 0), ["1@18/0"]);
}

#[test]
fn changes_are_handed_out_once_and_a_key_that_never_was_captured_leaves_no_tombstone() {
    let mut fold = Fold::new(Counting);
    let changes = |fold: &mut Fold<Counting>| {
        let mut seen = Vec::new();
        fold.drain_changes(|key, state| seen.push((*key, state.map(|s| s.0))));
        seen
    };
    fold.apply((1, 0), &mut Vec::new());
    fold.apply((2, 0), &mut Vec::new());
    fold.apply((1, 1), &mut Vec::new());
    assert_eq!(changes(&mut fold), [(1, Some(2)), (2, Some(1))]);
    mark(&mut fold, 1000, 0);
    fold.apply((3, 950), &mut Vec::new());
    mark(&mut fold, 2000, 0);
    assert_eq!(changes(&mut fold), [(2, None), (1, None)]);
    assert_eq!(changes(&mut fold), []);
}

#[test]
fn a_restored_state_fires_nothing_by_itself_and_its_timers_at_the_next_mark() {
    let mut fold = Fold::new(Counting);
    fold.set_time(TaskTime::new(Timestamp(50), Millis(0)));
    restore(&mut fold, 7, (3, 0, 0));
    assert_eq!(fold.len(), 1);
    fold.drain_changes(|_, _| panic!("a restored state is no change"));
    assert_eq!(mark(&mut fold, 51, 0), ["7@10/0"]);
}

/// Breaks the contract: its timer arms an earlier one.
#[derive(Debug)]
struct Backwards;

impl Processor for Backwards {
    type Key = u32;
    type Input = u32;
    type State = i64;
    type Output = ();

    fn key(&self, input: &u32) -> u32 {
        *input
    }

    fn time(&self, _: &u32) -> Timestamp {
        Timestamp(0)
    }

    fn apply(&self, _: &TaskTime, _: &u32, _: Option<i64>, _: u32, _: &mut Vec<()>) -> Option<i64> {
        Some(50)
    }

    fn timers(&self, deadline: &i64) -> Timers {
        Timers::default().and(By::Frontier, Timestamp(*deadline), 0)
    }

    fn on_timer(
        &self,
        _: &TaskTime,
        _: &u32,
        deadline: i64,
        _: Timer,
        _: &mut Vec<()>,
    ) -> Option<i64> {
        (deadline > 40).then_some(deadline - 10)
    }
}

#[test]
fn a_timer_that_arms_an_earlier_one_is_caught() {
    let caught = std::panic::catch_unwind(|| {
        let mut fold = Fold::new(Backwards);
        fold.apply(1, &mut Vec::new());
        fold.set_time(TaskTime::new(Timestamp(100), Millis(0)));
        while fold.fire_next(&mut Vec::new()).is_some() {}
    });
    assert!(
        caught.is_err(),
        "a mark that goes on from its cursor would never fire it"
    );
}

#[test]
fn how_much_is_open_is_the_sum_over_all_states() {
    let mut fold = Fold::new(Counting);
    restore(&mut fold, 9, (7, 0, 1));
    for input in [(1, 0), (1, 1), (2, 3)] {
        fold.apply(input, &mut Vec::new());
    }
    assert_eq!((fold.len(), fold.open()), (3, 10));
    fold.evict(&9, &mut Vec::new());
    assert_eq!((fold.len(), fold.open()), (2, 3));
    mark(&mut fold, 103, 0);
    assert_eq!((fold.len(), fold.open()), (1, 1), "key 2 is left");
    mark(&mut fold, 200, 0);
    assert_eq!((fold.len(), fold.open()), (0, 0));
}
