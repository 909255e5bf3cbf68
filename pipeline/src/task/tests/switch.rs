//! Definitions that a task learns of while it runs.

use super::*;

#[test]
fn a_set_that_is_learnt_too_late_is_not_backdated_and_nothing_before_the_switch_is_folded_again() {
    let mut bench = Bench::new(&[i64::MIN]);
    bench.input(0, "1@0");
    bench.mark(1, 1_000);
    bench.go_on(10);
    let (said, _) = bench.commit();
    assert_eq!(said[0], "1 had 1 until 100 under 0");

    bench.input(2, "2@1000");
    bench.task.set_sets(sets(&[i64::MIN, 500]));
    bench.input(3, "2@1001");
    let (_, position) = bench.commit_with(false);
    assert_eq!(
        (bench.task.definitions_version(), position.floor),
        (0, 2),
        "it takes effect at a mark, and this commit captured nothing"
    );

    bench.mark(4, 2_000);
    bench.go_on(10);
    let (said, position) = bench.commit_with(false);
    assert_eq!(said[0], "2 had 2 until 1101 under 1");
    assert!(
        position.task_record.is_some() && position.floor == 5,
        "where it switched is captured in the commit that says so"
    );
    let restored = bench.restored(Some(5), &[i64::MIN, 500]).expect("ours");
    assert_eq!(restored.definitions_version(), 1);
}

#[test]
fn a_set_that_is_known_in_time_is_switched_to_at_the_first_mark_at_or_after_it() {
    let mut bench = Bench::new(&[i64::MIN]);
    bench.task.set_sets(sets(&[i64::MIN, 1_000]));
    bench.mark(0, 999);
    assert_eq!(bench.task.definitions_version(), 0);
    bench.mark(1, 1_000);
    assert_eq!(bench.task.definitions_version(), 1);
}
