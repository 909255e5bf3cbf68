//! When it happened at the visitor: the client's clock, corrected by its own skew, never later than the arrival.

use journey::{Millis, Timestamp};

/// How old an event may be and still be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Believed {
    /// One that says when it was sent: it may have waited offline.
    pub sent: Millis,
    /// One that does not.
    pub unsent: Millis,
}

impl Default for Believed {
    fn default() -> Self {
        Believed {
            sent: Millis::from_mins(30 * 24 * 60),
            unsent: Millis::from_mins(60),
        }
    }
}

/// Event time, and what was wrong with the client's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventTime {
    pub(crate) occurred_at: Timestamp,
    pub(crate) corrected: Option<Correction>,
}

/// Why `occurred_at` is not what the client's clock says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Correction {
    /// The client's clock says later than the arrival.
    Future,
    /// Older than can be believed of a client that does not say when it sent.
    Implausible,
    /// It says when it sent, and that it waited for longer than can be believed.
    TooOld,
}

impl Correction {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Correction::Future => "future",
            Correction::Implausible => "implausible",
            Correction::TooOld => "too_old",
        }
    }
}

/// The event time of what was created and sent, by the client's clock, and received by ours.
pub(crate) fn event_time(
    created: Timestamp,
    sent: Option<Timestamp>,
    received: Timestamp,
    believed: Believed,
) -> EventTime {
    let (occurred_at, oldest, too_old) = match sent {
        Some(sent) => (
            received - (sent - created),
            believed.sent,
            Correction::TooOld,
        ),
        None => (created, believed.unsent, Correction::Implausible),
    };
    let corrected = if occurred_at > received {
        Some(Correction::Future)
    } else if received - occurred_at > oldest {
        Some(too_old)
    } else {
        None
    };
    let occurred_at = if corrected.is_some() {
        received
    } else {
        occurred_at
    };
    EventTime {
        occurred_at,
        corrected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Minutes since some day's start.
    #[track_caller]
    fn check(
        created: i64,
        sent: Option<i64>,
        received: i64,
        occurred_at: i64,
        corrected: Option<Correction>,
    ) {
        let at = |minutes: i64| Timestamp(minutes * 60_000);
        let expected = EventTime {
            occurred_at: at(occurred_at),
            corrected,
        };
        assert_eq!(
            event_time(at(created), sent.map(at), at(received), Believed::default()),
            expected
        );
    }

    #[test]
    fn a_clock_that_is_wrong_by_the_same_at_both_times_does_no_harm() {
        check(600, Some(601), 605, 604, None);
        check(60, Some(61), 605, 604, None);
        check(6000, Some(6001), 605, 604, None);
    }

    #[test]
    fn an_event_kept_offline_for_days_keeps_its_time() {
        check(600, Some(600 + 3 * 1440), 10_000, 10_000 - 3 * 1440, None);
    }

    #[test]
    fn nobody_was_offline_for_longer_than_is_believed() {
        const MONTH: i64 = 30 * 1440;
        check(0, Some(MONTH), 50_000, 50_000 - MONTH, None);
        check(0, Some(MONTH + 1), 50_000, 50_000, Some(Correction::TooOld));
    }

    #[test]
    fn without_a_time_of_sending_a_date_within_the_hour_stands() {
        check(600, None, 600, 600, None);
        check(600, None, 660, 600, None);
        check(600, None, 661, 661, Some(Correction::Implausible));
    }

    #[test]
    fn nothing_happens_after_it_was_received() {
        check(606, None, 605, 605, Some(Correction::Future));
        check(602, Some(601), 605, 605, Some(Correction::Future));
    }

    #[test]
    fn dates_at_the_ends_of_time_do_no_harm() {
        let ends = [Timestamp::MIN, Timestamp(0), Timestamp::MAX];
        for created in ends {
            for sent in ends {
                for received in ends {
                    let time = event_time(created, Some(sent), received, Believed::default());
                    assert!(time.occurred_at <= received);
                }
            }
        }
    }
}
