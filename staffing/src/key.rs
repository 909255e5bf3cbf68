//! What staffing is kept by: one route path in one interval.

use std::fmt;

use journey::{Millis, RoutePathId, Timestamp, staffing::INTERVAL};

/// One 15-minute interval (UTC) of one route path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntervalKey {
    /// Whose queue.
    pub route_path_id: RoutePathId,
    /// Where the interval begins: a multiple of 15 minutes.
    pub start: Timestamp,
}

schemas::record!(IntervalKey {
    route_path_id,
    start
});

impl IntervalKey {
    /// Where the interval ends: the first moment that is not in it.
    pub fn end(&self) -> Timestamp {
        self.start + INTERVAL
    }

    /// Whether `start` is the start of an interval at all.
    pub fn is_on_grid(&self) -> bool {
        self.start.floor(INTERVAL) == self.start
    }
}

impl fmt::Display for IntervalKey {
    /// The key of the record: `support-en|2026-11-23T14:00:00Z`, in seconds, as WFM tools write times.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.start.to_string();
        let seconds = start.strip_suffix(".000Z");
        write!(
            f,
            "{}|{}{}",
            self.route_path_id,
            seconds.unwrap_or(&start),
            if seconds.is_some() { "Z" } else { "" }
        )
    }
}

/// The starts of the intervals that a frontier enters on its way from `was` to `now`, at most those of the last `reach`.
///
/// An interval is entered once the frontier lies past its start (strictly, as timers do). A frontier that was not known
/// before enters only the interval that is running.
pub(crate) fn entered(
    was: Timestamp,
    now: Timestamp,
    reach: Millis,
) -> impl Iterator<Item = Timestamp> {
    let first = if was == Timestamp::MIN {
        running(now)
    } else {
        at_or_after(was.max(now - reach))
    };
    let next = |start: &Timestamp| Some(*start + INTERVAL).filter(|next| next > start);
    std::iter::successors(Some(first), next).take_while(move |start| *start < now)
}

/// The start of the interval that a frontier has entered last.
pub(crate) fn running(frontier: Timestamp) -> Timestamp {
    (frontier - Millis(1)).floor(INTERVAL)
}

fn at_or_after(time: Timestamp) -> Timestamp {
    (time + Millis(INTERVAL.0 - 1)).floor(INTERVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(&format!("2026-11-23T{text}Z")).expect("a time")
    }

    fn between(was: Timestamp, now: &str) -> Vec<String> {
        let starts = entered(was, at(now), Millis::from_mins(60));
        starts
            .map(|start| start.to_string()[11..16].to_owned())
            .collect()
    }

    #[test]
    fn a_key_reads_route_path_and_start_in_seconds() {
        let key = IntervalKey {
            route_path_id: "support-en".into(),
            start: at("14:00:00"),
        };
        assert_eq!(key.to_string(), "support-en|2026-11-23T14:00:00Z");
    }

    #[test]
    fn a_frontier_enters_an_interval_once_it_lies_past_its_start() {
        assert_eq!(between(at("13:59:59"), "14:00:00"), Vec::<String>::new());
        assert_eq!(between(at("14:00:00"), "14:00:00.001"), ["14:00"]);
        assert_eq!(
            between(at("14:00:00.001"), "14:15:00"),
            Vec::<String>::new()
        );
        assert_eq!(between(at("13:50:00"), "14:16:00"), ["14:00", "14:15"]);
    }

    #[test]
    fn a_frontier_that_was_unknown_enters_the_running_interval_only() {
        assert_eq!(between(Timestamp::MIN, "14:07:00"), ["14:00"]);
        assert_eq!(between(Timestamp::MIN, "14:00:00"), ["13:45"]);
    }

    #[test]
    fn a_frontier_that_jumps_enters_no_more_than_the_reach() {
        assert_eq!(
            between(at("01:00:00"), "14:01:00"),
            ["13:15", "13:30", "13:45", "14:00"]
        );
    }
}
