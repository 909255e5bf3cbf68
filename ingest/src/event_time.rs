//! When it happened at the visitor: the client's clock, corrected by its own skew, never later than the arrival.

use journey::{Millis, Timestamp};

/// Without a time of sending, a date is believed if it is no older than this.
const BELIEVED: Millis = Millis::from_mins(60);

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
}

impl Correction {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Correction::Future => "future",
            Correction::Implausible => "implausible",
        }
    }
}

/// The event time of what was created and sent, by the client's clock, and received by ours.
pub(crate) fn event_time(
    created: Timestamp,
    sent: Option<Timestamp>,
    received: Timestamp,
) -> EventTime {
    let occurred_at = match sent {
        Some(sent) => received - (sent - created),
        None => created,
    };
    if occurred_at > received {
        EventTime {
            occurred_at: received,
            corrected: Some(Correction::Future),
        }
    } else if sent.is_none() && received - occurred_at > BELIEVED {
        EventTime {
            occurred_at: received,
            corrected: Some(Correction::Implausible),
        }
    } else {
        EventTime {
            occurred_at,
            corrected: None,
        }
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
            event_time(at(created), sent.map(at), at(received)),
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
                    assert!(event_time(created, Some(sent), received).occurred_at <= received);
                }
            }
        }
    }
}
