//! What is remembered of a visitor across visits: numbers, and no page.

use journey::{Millis, Timestamp};
use schemas::record;

use crate::event::{Event, What};

/// For how long, by the watermark, after the last event.
const KEPT: Millis = Millis::from_mins(90 * 24 * 60);

/// A visitor's visits so far, open ones included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lifetime {
    /// How many began: the number of the latest.
    visit_count: i64,
    totals: Totals,
    /// The last event or ping, by its time.
    last_seen: Timestamp,
}

/// What every record of a visit tells of the visitor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Events, pings aside.
    pub(crate) event_count: i64,
    /// Page views.
    pub(crate) pageview_count: i64,
    /// The first event or ping, by its time.
    pub(crate) first_seen: Timestamp,
}

record!(Lifetime {
    visit_count,
    totals,
    last_seen
});
record!(Totals {
    event_count,
    pageview_count,
    first_seen
});

impl Lifetime {
    /// Of a visitor who was never seen before `event`; it is not counted yet.
    pub(crate) fn beginning(event: &Event) -> Lifetime {
        Lifetime {
            totals: Totals {
                first_seen: event.occurred_at,
                ..Totals::default()
            },
            last_seen: event.occurred_at,
            ..Lifetime::default()
        }
    }

    /// Another visit begins. Says which one it is.
    pub(crate) fn next_visit(&mut self) -> i64 {
        self.visit_count += 1;
        self.visit_count
    }

    /// A visit takes an event in.
    pub(crate) fn count(&mut self, event: &Event) {
        let totals = &mut self.totals;
        totals.event_count += i64::from(!event.is_ping());
        totals.pageview_count += i64::from(event.what == What::PageView);
        totals.first_seen = totals.first_seen.min(event.occurred_at);
        self.see(event.occurred_at);
    }

    /// The visitor did something, if only what was suppressed.
    pub(crate) fn see(&mut self, at: Timestamp) {
        self.last_seen = self.last_seen.max(at);
    }

    pub(crate) fn totals(&self) -> Totals {
        self.totals
    }

    /// The last event or ping, also one that was suppressed for a cap.
    pub(crate) fn last_seen(&self) -> Timestamp {
        self.last_seen
    }

    /// When the visitor is forgotten.
    pub(crate) fn deadline(&self) -> Timestamp {
        self.last_seen + KEPT
    }
}
