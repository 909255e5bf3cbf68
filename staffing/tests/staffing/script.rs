//! Timelines in words, and what is told in one line each.

use journey::{Millis, Timestamp, staffing::StaffingInterval};

use crate::timeline::{Task, WHOLE, at, definitions, signal};

pub(crate) const GRACE: Millis = Millis::from_mins(15);

/// Steps: `mark 14:00:00.200`; `14:00 qualified +1` (a signal of `support` for the interval of 14:00, arrived at its start);
/// `14:00 qualified +1 at 14:31` (one that arrived then).
pub(crate) fn play(task: &mut Task, steps: &[&str]) {
    for step in steps {
        let words: Vec<&str> = step.split_whitespace().collect();
        match words[..] {
            ["mark", frontier] => task.mark(at(frontier)),
            [start, field, delta, ref arrived @ ..] => {
                let (field, reason) = field.split_once(':').unwrap_or((field, ""));
                let mut signal = signal(
                    "support",
                    at(start),
                    field,
                    delta.parse().expect("a number"),
                );
                if let ["at", time] = arrived {
                    signal.time = at(time);
                    signal.received_date = at(time);
                }
                signal.reason = (!reason.is_empty()).then(|| reason.into());
                task.signal(signal);
            }
            _ => panic!("no step: {step}"),
        }
    }
}

/// `14:00 r2 provisional qualified=1 [actual.qualified]`
pub(crate) fn line(interval: &StaffingInterval) -> String {
    let start = interval.interval_start.to_string();
    let mut line = format!(
        "{} r{} {}",
        &start[11..16],
        interval.revision,
        interval.status
    );
    let actual = &interval.actual;
    for (name, count) in [
        ("qualified", actual.qualified),
        ("offered", actual.invitations_offered),
        ("accepted", actual.invitations_accepted),
        ("timedOut", actual.invitations_timed_out),
    ] {
        if count != 0 {
            line += &format!(" {name}={count}");
        }
    }
    for (reason, count) in &actual.blocked {
        line += &format!(" {reason}={count}");
    }
    line += &format!(" [{}]", interval.changed.join(","));
    line
}

pub(crate) fn task() -> Task {
    Task::new(WHOLE, definitions(Timestamp(0), &["support"]), GRACE)
}

pub(crate) fn check(steps: &[&str], told: &[&str]) -> Task {
    let mut task = task();
    play(&mut task, steps);
    let lines: Vec<String> = task.told.iter().map(line).collect();
    assert_eq!(lines, told, "{steps:#?}");
    task
}
