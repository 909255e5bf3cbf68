//! What the sessionizer has to say of one input or timer.

use std::sync::Arc;

use journey::{
    CustomerId, DeploymentId, Text, Timestamp, Visit, VisitEvent, VisitId, WebEvent, visit::kind,
};
use pipeline::{Address, Counter, Outbox, Place, Rejection};
use schemas::{Avro, avro::write_str};

use crate::open_visit::OpenVisit;

/// Why an event is suppressed.
pub mod suppressed {
    /// An event with its id came before.
    pub const DUPLICATE: &str = "duplicate";
    /// The visitor's visit reached a cap, and the visitor has not been silent for the timeout since.
    pub const CAPPED: &str = "capped";
    /// A ping that meets no visit, where pings extend none.
    pub const PING: &str = "ping";
}

/// The reason of the dead letters: behind the watermark, and no open visit to join.
pub const LATE: &str = "late";

static OPENED: Counter = Counter {
    name: "footfall_visits_opened_total",
    help: "Visits that began, by who came.",
    label: "who",
};
static ENDED: Counter = Counter {
    name: "footfall_visits_ended_total",
    help: "Visits that ended, by reason; merged ones went into another.",
    label: "reason",
};
static CAME_LATE: Counter = Counter {
    name: "footfall_records_late_total",
    help: "Events behind the watermark when they came, by what became of them.",
    label: "result",
};

/// One thing to say.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every output is the large one"
)]
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// A record of `journey.visits`.
    Visit(Happening),
    /// The event came too late for any visit.
    Late(DeploymentId),
    /// The event is left out, for one of the reasons in [`suppressed`].
    Suppressed(&'static str),
}

/// A [`VisitEvent`] in the making: it shares the visit with the state, and takes the event over, without copying either.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Happening {
    /// See [`journey::visit::kind`].
    pub kind: &'static str,
    /// As [`VisitEvent::time`].
    pub time: Timestamp,
    /// As [`VisitEvent::received_date`].
    pub received_date: Timestamp,
    /// Whether a record caused it; otherwise a timer did.
    pub by_record: bool,
    /// Where.
    pub deployment_id: DeploymentId,
    /// The visit so far.
    pub visit: Option<Arc<Visit>>,
    /// As [`VisitEvent::last_page_date`].
    pub last_page_date: Option<Timestamp>,
    /// The event, report or control record itself, in `activity`, `engagement` and `control`.
    pub cause: Option<WebEvent>,
    /// Of `merged`: the visit that lives on.
    pub merged_into: Option<VisitId>,
    /// Of `ended`: why.
    pub reason: Option<&'static str>,
    /// Of `activity`: a heartbeat.
    pub ping: bool,
    /// Of `activity`: behind the watermark when it came.
    pub late: bool,
}

impl Happening {
    /// What there is to say of a visit.
    pub(crate) fn of(
        kind: &'static str,
        time: Timestamp,
        visit: &OpenVisit,
        cause: Cause,
    ) -> Happening {
        Happening {
            kind,
            time,
            received_date: cause.received_date,
            by_record: cause.by_record,
            deployment_id: visit.deployment_id.clone(),
            visit: Some(Arc::clone(&visit.visit)),
            last_page_date: Some(visit.last_page_date),
            ..Happening::default()
        }
    }

    /// The record as its readers see it.
    pub fn record(self, key: &CustomerId) -> VisitEvent {
        VisitEvent {
            kind: Text::from(self.kind),
            time: self.time,
            received_date: self.received_date,
            customer_id: key.clone(),
            deployment_id: self.deployment_id,
            visit: self.visit.map(Arc::unwrap_or_clone),
            last_page_date: self.last_page_date,
            cause: self.cause,
            merged_into: self.merged_into,
            reason: self.reason.map(Text::from),
            ping: self.ping,
            late: self.late,
        }
    }

    /// The bytes of [`Happening::record`].
    pub fn write(&self, key: &CustomerId, to: &mut Vec<u8>) {
        write_str(self.kind, to);
        self.time.write(to);
        self.received_date.write(to);
        key.write(to);
        self.deployment_id.write(to);
        match &self.visit {
            None => to.push(0),
            Some(visit) => {
                to.push(2);
                Visit::write(visit, to);
            }
        }
        self.last_page_date.write(to);
        self.cause.write(to);
        self.merged_into.write(to);
        match self.reason {
            None => to.push(0),
            Some(reason) => {
                to.push(2);
                write_str(reason, to);
            }
        }
        self.ping.write(to);
        self.late.write(to);
    }

    fn count(&self, out: &mut Outbox<'_>) {
        match self.kind {
            kind::STARTED => {
                let bot = self.visit.as_ref().is_some_and(|visit| visit.bot);
                out.count(&OPENED, if bot { "bot" } else { "visitor" });
            }
            kind::MERGED => out.count(&ENDED, kind::MERGED),
            kind::ENDED => out.count(&ENDED, self.reason.unwrap_or_default()),
            kind::ACTIVITY if self.late => out.count(&CAME_LATE, "joined"),
            _ => {}
        }
    }
}

/// What something comes of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cause {
    received_date: Timestamp,
    by_record: bool,
}

impl Cause {
    pub(crate) fn of(record: &WebEvent) -> Cause {
        Cause {
            received_date: record.received_at,
            by_record: true,
        }
    }

    pub(crate) fn timer(deadline: Timestamp) -> Cause {
        Cause {
            received_date: deadline,
            by_record: false,
        }
    }
}

/// Says it to the log.
pub(crate) fn encode(key: &CustomerId, output: Output, out: &mut Outbox<'_>) {
    match output {
        Output::Visit(happening) => {
            happening.count(out);
            let caused_at = happening.by_record.then_some(happening.received_date);
            let to = Address {
                topic: 0,
                place: Place::SamePartition,
                key: key.as_str().as_bytes(),
                caused_at,
            };
            out.send(to, |bytes| happening.write(key, bytes));
        }
        Output::Late(deployment) => {
            out.count(&CAME_LATE, "dead_lettered");
            out.dead_letter(&Rejection {
                reason: LATE,
                message:
                    "it happened before the watermark, and no open visit is near enough to join"
                        .to_owned(),
                deployment: Some(deployment.as_str().to_owned()),
            });
        }
        Output::Suppressed(reason) => out.suppress(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_happening_is_written_as_its_record_would_be() {
        let key = CustomerId::from("k1.visitor");
        let full = Happening {
            kind: kind::ENDED,
            time: Timestamp(7),
            received_date: Timestamp(8),
            by_record: true,
            deployment_id: DeploymentId::from("shop"),
            visit: Some(Arc::new(Visit {
                event_count: 3,
                ..Visit::default()
            })),
            last_page_date: Some(Timestamp(5)),
            cause: Some(WebEvent {
                event_id: "e".into(),
                ..WebEvent::default()
            }),
            merged_into: Some(VisitId::from("v")),
            reason: Some("timeout"),
            ping: true,
            late: true,
        };
        for happening in [
            full,
            Happening {
                kind: kind::IDLE,
                ..Happening::default()
            },
        ] {
            let mut bytes = Vec::new();
            happening.write(&key, &mut bytes);
            assert_eq!(bytes, schemas::to_bytes(&happening.record(&key)));
        }
    }
}
