//! Releases side by side in one group: an upgrade instance by instance, and its rollback.

use super::*;

const ROUNDS: usize = 12;

/// A member of the group for one round: what its release knows and writes.
#[derive(Clone, Copy, Debug)]
enum Member {
    /// The release before, which knows the first format only.
    Old,
    /// This one, told to write a format.
    New(u8),
}
use Member::{New, Old};

/// A round's members with what each did: `[of partition 0 in even rounds, of the other]`.
type Round = [Member; 2];

/// Inputs and a mark for each partition.
fn feed(broker: &MemoryBroker, round: usize) {
    let at = round as i64 * 60;
    for partition in 0..2 {
        for key in 0..20 {
            let value = format!("{}@{at}", key * (1 + round as i64 % 3));
            broker.append("in", partition, None, Some(value.as_bytes()));
        }
        let mark = TimeMark {
            grace: Millis(10),
            sources: vec![("raw".into(), 0, Timestamp(at))],
            of: [("raw".into(), 1)].into(),
            passed: None,
        };
        broker.append_mark("in", partition, &mark);
    }
}

/// Takes one partition over from whoever had it; every third round ends in a kill, not in a stop.
fn work<const NEWEST: u8>(broker: &MemoryBroker, format: Option<u8>, partition: u32, stops: bool) {
    let task = TaskId {
        input: 0,
        partition,
    };
    let (topology, none) = (Counting::TOPOLOGY, Faults::default());
    let log = MemoryLog::open_with(broker, topology, names(), vec![task], none, 0);
    let mut worker = worker_over::<NEWEST>(log, broker, format);
    drain(&mut worker);
    if stops {
        worker.stop(NOW).expect("no faults");
    }
}

/// What is said when these members have the two partitions, which they swap in each round; and the formats that the changelog
/// holds in the end.
fn said_by(rounds: &[Round; ROUNDS]) -> (Vec<Option<Vec<u8>>>, BTreeSet<u8>) {
    let broker = MemoryBroker::new();
    let names = names();
    for topic in [&names.inputs, &names.outputs, &names.changelogs] {
        topic.iter().for_each(|name| broker.create(name, 2));
    }
    for (round, members) in rounds.iter().enumerate() {
        feed(&broker, round);
        for (place, member) in members.iter().enumerate() {
            let partition = ((round + place) % 2) as u32;
            let stops = round % 3 != 2;
            match member {
                Old => work::<1>(&broker, None, partition, stops),
                New(format) => work::<2>(&broker, Some(*format), partition, stops),
            }
        }
    }
    let said = (0..2).flat_map(|partition| broker.records("out", partition));
    let mut last = BTreeMap::new();
    for partition in 0..2 {
        for record in broker.records(&names.changelogs[0], partition) {
            last.insert((partition, record.key.clone()), record.value.clone());
        }
    }
    let formats = last.into_values().flatten().map(|value| value[0]);
    (
        said.map(|record| record.value.clone()).collect(),
        formats.collect(),
    )
}

#[test]
fn an_upgrade_instance_by_instance_and_its_rollback_change_nothing_that_is_said() {
    let (undisturbed, formats) = said_by(&[[Old, Old]; ROUNDS]);
    assert!(undisturbed.len() > 100, "{}", undisturbed.len());
    assert_eq!(formats, [1].into());
    let upgraded = [
        [Old, Old],
        [New(1), Old],
        [New(1), New(1)],
        [New(1), New(2)],
        [New(2), New(1)],
        [New(2), New(2)],
        [New(2), New(2)],
        [New(1), New(2)],
        [New(2), New(2)],
        // This round ends in a stop, which captures all states, and the next touches every other key alone.
        [New(2), New(2)],
        [New(1), New(1)],
        [Old, Old],
    ];
    assert_eq!(said_by(&upgraded), (undisturbed.clone(), formats));
    let (said, formats) = said_by(&[[New(2), New(2)]; ROUNDS]);
    assert_eq!(
        (said, formats),
        (undisturbed, [2].into()),
        "nobody goes back"
    );
}
