//! Time is data: nobody here reads a clock.
//!
//! Three times must not be mixed: **event time** (`occurred_at`, at the visitor), **receive time** (`received_at`, the
//! broker's append time: the clock of frontiers) and the **deadline** of a timer, which is computed from event times.

use std::{fmt, ops, time::Duration};

use jiff::{
    Timestamp as Instant,
    fmt::{StdFmtWrite, temporal::DateTimePrinter},
};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// A length of time in milliseconds, as records and definitions carry it.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(transparent)]
pub struct Millis(pub i64);

impl Timestamp {
    /// Before every event: the frontier of a task whose sources have not all spoken yet.
    pub const MIN: Timestamp = Timestamp(i64::MIN);
    /// After every event.
    pub const MAX: Timestamp = Timestamp(i64::MAX);

    /// The start of the interval of `length` that holds this time, counted from 1970.
    pub fn floor(self, length: Millis) -> Timestamp {
        Timestamp(self.0.div_euclid(length.0).saturating_mul(length.0))
    }

    /// Reads an RFC 3339 time (`2026-11-23T14:00:00.000Z`, or with an offset). Digits beyond milliseconds are cut.
    pub fn parse(text: &str) -> Option<Timestamp> {
        text.parse::<Instant>()
            .ok()
            .map(|t| Timestamp(t.as_millisecond()))
    }
}

impl ops::Add<Millis> for Timestamp {
    type Output = Timestamp;

    fn add(self, length: Millis) -> Timestamp {
        Timestamp(self.0.saturating_add(length.0))
    }
}

impl ops::Sub<Millis> for Timestamp {
    type Output = Timestamp;

    /// `MIN` stays `MIN`: a task that knows no time yet has no watermark either.
    fn sub(self, length: Millis) -> Timestamp {
        Timestamp(self.0.saturating_sub(length.0))
    }
}

impl ops::Sub for Timestamp {
    type Output = Millis;

    fn sub(self, earlier: Timestamp) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 with milliseconds and `Z`; what no calendar holds is printed as a number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Instant::from_millisecond(self.0) {
            Ok(instant) => DateTimePrinter::new()
                .precision(Some(3))
                .print_timestamp(&instant, StdFmtWrite(&mut *f))
                .map_err(|_| fmt::Error),
            Err(_) => write!(f, "{}", self.0),
        }
    }
}

impl Millis {
    /// So many seconds.
    pub const fn from_secs(seconds: i64) -> Millis {
        Millis(seconds * 1000)
    }

    /// So many minutes.
    pub const fn from_mins(minutes: i64) -> Millis {
        Millis(minutes * 60_000)
    }

    /// Whole seconds, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }
}

impl From<Duration> for Millis {
    fn from(duration: Duration) -> Self {
        Millis(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
    }
}

/// What time a task knows it to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskTime {
    /// All that was received up to here has been seen. What can be taken back acts on it.
    pub frontier: Timestamp,
    /// `frontier` − grace: no earlier event is expected. What cannot be taken back acts on it.
    pub watermark: Timestamp,
}

impl TaskTime {
    /// The time of a task that has heard of none.
    pub const UNKNOWN: TaskTime = TaskTime {
        frontier: Timestamp::MIN,
        watermark: Timestamp::MIN,
    };

    /// The time at a frontier, with a grace.
    pub fn new(frontier: Timestamp, grace: Millis) -> TaskTime {
        TaskTime {
            frontier,
            watermark: frontier - grace,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_prints_as_it_parses() {
        let at = Timestamp::parse("2026-11-23T14:00:00.120Z").expect("valid");
        assert_eq!(at.to_string(), "2026-11-23T14:00:00.120Z");
        assert_eq!(Timestamp::parse("2026-11-23T15:00:00.120+01:00"), Some(at));
    }

    #[test]
    fn an_unknown_frontier_has_an_unknown_watermark() {
        assert_eq!(
            TaskTime::new(Timestamp::MIN, Millis::from_mins(15)),
            TaskTime::UNKNOWN
        );
    }

    #[test]
    fn an_interval_starts_at_or_before_its_time() {
        let quarter = Millis::from_mins(15);
        assert_eq!(Timestamp(900_000).floor(quarter), Timestamp(900_000));
        assert_eq!(Timestamp(899_999).floor(quarter), Timestamp(0));
        assert_eq!(Timestamp(-1).floor(quarter), Timestamp(-900_000));
    }
}
