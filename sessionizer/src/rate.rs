//! How fast a visitor's events come: a robot is known by it.

use journey::{Timestamp, web_event::Policy};
use schemas::record;

/// The events of a visitor in the rate window that runs. A window begins with the first event after the one before is over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rate {
    since: Timestamp,
    count: i64,
}

record!(Rate { since, count });

impl Rate {
    /// Counts an event, in the order of the log. Says whether these are more than a person's.
    pub(crate) fn exceeds(&mut self, at: Timestamp, policy: &Policy) -> bool {
        if policy.bot_rate_events <= 0 {
            return false;
        }
        if self.count == 0 || at - self.since >= policy.bot_rate_window {
            *self = Rate {
                since: at,
                count: 0,
            };
        }
        self.count += 1;
        self.count > policy.bot_rate_events
    }
}

#[cfg(test)]
mod tests {
    use journey::Millis;

    use super::*;

    #[test]
    fn more_events_than_allowed_in_a_window_are_a_robots() {
        let policy = Policy {
            bot_rate_events: 2,
            bot_rate_window: Millis(10),
            ..Policy::default()
        };
        let mut rate = Rate::default();
        let mut exceeds = |at| rate.exceeds(Timestamp(at), &policy);
        let said: Vec<_> = [0, 9, 10, 11, 5, 12, 20, 21].map(&mut exceeds).into();
        assert_eq!(
            said,
            [false, false, false, false, true, true, false, false],
            "a straggler counts in the window that runs"
        );
    }

    #[test]
    fn where_there_is_no_such_rule_nothing_is_counted() {
        let policy = Policy {
            bot_rate_events: 0,
            ..Policy::default()
        };
        let mut rate = Rate::default();
        assert!((0..1000).all(|at| !rate.exceeds(Timestamp(at), &policy)));
        assert_eq!(rate, Rate::default());
    }
}
