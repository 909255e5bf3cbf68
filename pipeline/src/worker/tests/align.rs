//! Raw partitions of which one is far ahead of the other.

use journey::Timestamp;

use super::*;
use crate::task::tests::raw::Entrance;

/// Of two partitions the first has a record each second, the second a hundred a second: what is read of both at one speed lies
/// far apart.
fn uneven(align_sources: bool) -> Worker<Entrance, MemoryLog> {
    let broker = MemoryBroker::new();
    let names = Names::new(&Entrance::TOPOLOGY, &Lane::default());
    for name in [&names.inputs, &names.outputs, &names.dead_letters].into_iter() {
        name.iter().for_each(|name| broker.create(name, 2));
    }
    for (partition, apart) in [(0, 1_000), (1, 10)] {
        for record in 0..600 {
            broker.set_time(Timestamp(1 + record * apart));
            broker.append("in", partition, None, Some(b"x"));
        }
    }
    let log = MemoryLog::open(&broker, Entrance::TOPOLOGY, names, Faults::default(), 0);
    let parts = Parts {
        align_sources,
        pace: Pace::default(),
        ..parts(&broker, |_| Entrance)
    };
    Worker::new(log, parts)
}

/// How far the two have come, in seconds, after each turn.
fn turns(align_sources: bool) -> Vec<[i64; 2]> {
    let mut worker = uneven(align_sources);
    let mut turns = Vec::new();
    while turns.last() != Some(&[599, 5]) {
        assert_eq!(worker.turn(NOW).expect("no faults"), Turn::Worked);
        let reached = worker.tasks().map(|task| task.time().frontier.0 / 1_000);
        turns.push(reached.collect::<Vec<_>>().try_into().expect("two tasks"));
    }
    turns
}

#[test]
fn a_raw_partition_that_is_far_ahead_waits_until_the_others_are_read() {
    let waits = |turns: Vec<[i64; 2]>| {
        let first = turns[0][0];
        turns.iter().filter(|turn| turn[0] == first).count() - 1
    };
    let aligned = turns(true);
    assert!(aligned[0][0] > 60 + aligned[0][1], "{aligned:?}");
    assert_eq!(waits(aligned), 1);
    assert_eq!(waits(turns(false)), 0);
}
