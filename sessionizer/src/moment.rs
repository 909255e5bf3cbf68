//! What "first" and "last" mean in a visit, whatever order its events come in.

use std::sync::LazyLock;

use journey::{EventId, Timestamp};

use crate::{event::Event, shared::Shared};

/// When something of a visit was told, and by which event. Ties go by event id; a ping tells only where no event does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Told by a ping.
    pub(crate) ping: bool,
    /// Event time.
    pub(crate) at: Timestamp,
    /// The event.
    pub(crate) id: EventId,
}

schemas::record!(Moment { ping, at, id });

impl Moment {
    /// When an event told what it tells; shared, as a visit holds it for each thing that it was told.
    pub(crate) fn of(event: &Event) -> Shared<Moment> {
        let moment = Moment {
            ping: event.is_ping(),
            at: event.occurred_at,
            id: event.event_id.clone(),
        };
        moment.into()
    }

    /// Of what nobody told yet.
    pub(crate) fn never() -> Shared<Moment> {
        static NEVER: LazyLock<Shared<Moment>> = LazyLock::new(Shared::default);
        NEVER.clone()
    }

    /// Whether this one says what the first was, rather than `other`.
    pub(crate) fn before(&self, other: &Moment) -> bool {
        (self.ping, self.at, &self.id) < (other.ping, other.at, &other.id)
    }

    /// Whether this one says what the last was, rather than `other`.
    pub(crate) fn after(&self, other: &Moment) -> bool {
        (!self.ping, self.at, &self.id) > (!other.ping, other.at, &other.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(ping: bool, at: i64, id: &str) -> Moment {
        Moment {
            ping,
            at: Timestamp(at),
            id: EventId::from(id),
        }
    }

    #[test]
    fn ties_go_by_event_id_and_a_ping_tells_only_where_no_event_does() {
        for (one, other, before, after) in [
            (moment(false, 1, "a"), moment(false, 2, "a"), true, false),
            (moment(false, 1, "a"), moment(false, 1, "b"), true, false),
            (moment(false, 1, "b"), moment(false, 1, "a"), false, true),
            (moment(false, 1, "a"), moment(false, 1, "a"), false, false),
            (moment(true, 1, "a"), moment(false, 2, "a"), false, false),
            (moment(false, 2, "a"), moment(true, 1, "a"), true, true),
            (moment(false, 1, "a"), moment(true, 2, "a"), true, true),
        ] {
            assert_eq!(
                (one.before(&other), one.after(&other)),
                (before, after),
                "{one:?} {other:?}"
            );
        }
    }
}
