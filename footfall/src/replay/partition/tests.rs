use super::*;

const GRACE: i64 = 10;

/// A record of this partition: an event received at this time, or a mark with what each source claims.
#[derive(Clone, Copy)]
enum Step {
    Event(i64),
    Unreadable,
    Mark(i64, i64),
}

fn record(offset: i64, step: Step) -> (ReadRecord, Option<Timestamp>) {
    let mut record = ReadRecord {
        topic: "web.events".to_owned(),
        partition: 0,
        offset,
        timestamp: Timestamp(0),
        key: None,
        value: None,
        headers: Vec::new(),
    };
    let received_at = match step {
        Step::Mark(first, second) => {
            let mark = mark(&[first, second]);
            record.headers = vec![(mark::HEADER.to_owned(), mark.to_json())];
            None
        }
        Step::Event(at) => {
            record.key = Some(b"v".to_vec());
            record.value = Some(at.to_string().into_bytes());
            Some(Timestamp(at))
        }
        Step::Unreadable => {
            record.value = Some(b"?".to_vec());
            None
        }
    };
    (record, received_at)
}

fn mark(claims: &[i64]) -> TimeMark {
    let claims = (0..).zip(claims);
    TimeMark {
        grace: Millis(GRACE),
        sources: claims
            .map(|(p, at)| ("raw".into(), p, Timestamp(*at)))
            .collect(),
        of: [("raw".into(), 2)].into(),
        passed: None,
    }
}

fn late(occurred_at: i64, offset: i64) -> LateEvent {
    LateEvent {
        occurred_at: Timestamp(occurred_at),
        received_at: Timestamp(100),
        offset,
        key: None,
        value: format!("late {occurred_at}").into_bytes(),
    }
}

/// What is written: an event's value, or a mark's claims.
fn shown(entries: &[Entry]) -> Vec<String> {
    let show = |entry: &Entry| match &entry.value {
        Some(value) => String::from_utf8_lossy(value).into_owned(),
        None => {
            let mark = TimeMark::from_json(&entry.headers[0].1).expect("a mark");
            let claims = mark.sources.iter().map(|(_, _, at)| at.0.to_string());
            format!("mark {}", claims.collect::<Vec<_>>().join(" "))
        }
    };
    entries.iter().map(show).collect()
}

fn play(mut partition: Partition, steps: &[Step]) -> (Vec<String>, Partition) {
    let mut entries = Vec::new();
    for (offset, step) in (0..).zip(steps) {
        let (record, received_at) = record(offset, *step);
        let taken = partition.take(record, received_at, &mut entries);
        taken.expect("its marks can be read");
    }
    partition.end(&mut entries);
    (shown(&entries), partition)
}

fn window(from: Option<i64>, until: Option<i64>) -> Window {
    Window {
        from: from.map(Timestamp),
        until: until.map(Timestamp),
    }
}

#[test]
fn a_whole_log_goes_over_as_it_is() {
    let steps = [
        Step::Event(1),
        Step::Unreadable,
        Step::Mark(2, 0),
        Step::Event(0),
        Step::Mark(2, 3),
    ];
    let (written, partition) = play(Partition::new(Window::default(), vec![], true), &steps);
    assert_eq!(written, ["1", "?", "mark 2 0", "0", "mark 2 3"]);
    let counts = Counts {
        events: 3,
        unreadable: 1,
        marks: 2,
        ..Counts::default()
    };
    assert_eq!(partition.counts(), counts);
    assert_eq!(partition.claims().frontier(), Timestamp(2));
}

#[test]
fn a_window_holds_what_was_received_in_it_whichever_source_was_behind() {
    let steps = [
        Step::Event(90),
        Step::Mark(95, 60),
        Step::Event(150),
        Step::Unreadable,
        Step::Event(120),
        Step::Mark(250, 130),
        Step::Event(199),
        Step::Event(200),
        Step::Mark(250, 220),
        Step::Event(230),
    ];
    let partition = Partition::new(window(Some(100), Some(200)), vec![], false);
    let (written, partition) = play(partition, &steps);
    assert_eq!(
        written,
        [
            "mark 95 60",
            "150",
            "?",
            "120",
            "mark 200 130",
            "199",
            "mark 200 200"
        ]
    );
    assert!(partition.is_over());
    assert_eq!(
        partition.counts().outside,
        2,
        "90 and 200, and 230 is not read"
    );
    assert_eq!(
        partition.received(),
        (Some(Timestamp(150)), Some(Timestamp(199)))
    );
}

#[test]
fn a_late_event_stands_before_the_mark_that_made_it_late_and_nowhere_else() {
    let steps = [
        Step::Mark(40, 40),
        Step::Event(50),
        Step::Mark(55, 55),
        Step::Mark(56, 56),
        Step::Event(60),
        // The first of the two late ones, where it stood.
        Step::Event(61),
    ];
    let late = vec![late(46, 5), late(45, 9)];
    let (written, partition) = play(Partition::new(Window::default(), late, false), &steps);
    // At a frontier of 55 the watermark is 45: what happened then is not late yet; at 56 it is, and 46 is not.
    assert_eq!(
        written,
        [
            "mark 40 40",
            "50",
            "mark 55 55",
            "late 45",
            "mark 56 56",
            "60",
            "late 46"
        ]
    );
    assert_eq!(partition.counts().late, 2);
    assert_eq!(partition.counts().events, 2);
}

#[test]
fn late_events_of_before_the_window_or_of_before_what_is_retained_stay_late() {
    let steps = [Step::Event(100), Step::Event(101), Step::Mark(200, 200)];
    let late = || vec![late(90, 1), late(150, 50)];
    for partition in [
        Partition::new(window(Some(95), None), late(), false),
        Partition::new(Window::default(), late(), true),
    ] {
        let (written, partition) = play(partition, &steps);
        assert_eq!(written, ["100", "101", "late 150", "mark 200 200"]);
        assert_eq!(partition.counts().late_outside, 1);
    }
    let (written, _) = play(Partition::new(Window::default(), late(), false), &steps);
    assert_eq!(written, ["100", "late 90", "late 150", "mark 200 200"]);
}

#[test]
fn the_closing_mark_speaks_for_every_source_from_beyond_all_that_was_said() {
    let claimed = |first, second| {
        let partition = Partition::new(Window::default(), vec![], false);
        play(partition, &[Step::Mark(first, second)]).1
    };
    let none = Partition::new(Window::default(), vec![], false);
    let partitions = [claimed(5, 70), none, claimed(30, 1)];
    let mark = closing_mark(&partitions, Millis(1000)).expect("sources are known");
    assert_eq!(mark.grace, Millis(GRACE));
    let at = Timestamp(70 + 1000 + GRACE);
    assert_eq!(mark.sources, [("raw".into(), 0, at), ("raw".into(), 1, at)]);
    assert_eq!(closing_mark(&partitions[1..2], Millis(1000)), None);
}
