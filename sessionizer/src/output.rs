//! What the sessionizer has to say of one input or timer.

use journey::{
    CustomerId, DeploymentId, Timestamp, VisitEvent, VisitId,
    visit::{end_reason, kind},
};
use pipeline::{Address, Counter, Counts, Outbox, Place, Rejection, Trigger};
use schemas::{Avro, Malformed, avro::write_str};

use crate::{
    event::Event,
    open_visit::OpenVisit,
    shared::Shared,
    so_far::{VisitSoFar, write_optional},
};

/// Why an event is suppressed.
pub mod suppressed {
    /// An event with its id came before.
    pub const DUPLICATE: &str = "duplicate";
    /// The visitor's visit reached a cap, and the visitor has not been silent for the timeout since.
    pub const CAPPED: &str = "capped";
    /// It happened before the visitor withdrew consent or was erased, and comes after that in the log.
    pub const FORGOTTEN: &str = "forgotten";
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

/// What the sessionizer counts.
pub(crate) const COUNTERS: &[Counts] = &[
    (&OPENED, &["visitor", "bot"]),
    (
        &ENDED,
        &[
            kind::MERGED,
            end_reason::TIMEOUT,
            end_reason::NEW_SOURCE,
            end_reason::MAX_DURATION,
            end_reason::MAX_EVENTS,
            end_reason::TOO_LARGE,
            end_reason::LIMIT,
            end_reason::CONSENT_WITHDRAWN,
            end_reason::ERASED,
        ],
    ),
    (&CAME_LATE, &["joined", "dead_lettered"]),
];

/// One thing to say.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// A record of `journey.visits`.
    Visit(Happening),
    /// The event came too late for any visit.
    Late(DeploymentId),
    /// The event is left out, for one of the reasons in [`suppressed`].
    Suppressed(&'static str),
}

/// A [`VisitEvent`] in the making: it shares the visit with the state, and takes the event over.
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
    pub visit: Option<Shared<VisitSoFar>>,
    /// As [`VisitEvent::last_page_date`].
    pub last_page_date: Option<Timestamp>,
    /// The event, report or control record itself, in `activity`, `engagement` and `control`.
    pub cause: Option<Event>,
    /// Of `merged`: the visit that lives on.
    pub merged_into: Option<VisitId>,
    /// Of `ended`: why.
    pub reason: Option<&'static str>,
    /// Of `activity`: a heartbeat.
    pub ping: bool,
    /// Of `activity`: behind the watermark when it came.
    pub late: bool,
    /// Of `activity`: as [`VisitEvent::opens`].
    pub opens: Option<&'static str>,
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
            visit: Some(visit.visit.clone()),
            last_page_date: Some(visit.visit.last_page_date),
            ..Happening::default()
        }
    }

    /// The record as its readers see it.
    pub fn record(&self, key: &CustomerId) -> Result<VisitEvent, Malformed> {
        let mut bytes = Vec::new();
        self.write(key, &mut bytes);
        let mut record: VisitEvent = schemas::from_bytes(&bytes)?;
        record.fill();
        Ok(record)
    }

    /// Whether `activity`, which follows, says all that this does: then it may say this too.
    fn is_said_by(&self, activity: &Happening) -> bool {
        matches!(self.kind, kind::STARTED | kind::RESUMED)
            && activity.kind == kind::ACTIVITY
            && activity.opens.is_none()
            && (self.time, self.received_date) == (activity.time, activity.received_date)
            && self.last_page_date == activity.last_page_date
            && self.visit == activity.visit
            && self.deployment_id == activity.deployment_id
    }

    /// Appends the encoding of the [`VisitEvent`] that this is.
    pub fn write(&self, key: &CustomerId, to: &mut Vec<u8>) {
        write_str(self.kind, to);
        self.time.write(to);
        self.received_date.write(to);
        key.write(to);
        self.deployment_id.write(to);
        let in_cause = match (&self.visit, &self.cause) {
            (Some(visit), Some(cause)) if self.kind == kind::ACTIVITY => visit.in_cause(cause),
            _ => 0,
        };
        match &self.visit {
            None => to.push(0),
            Some(visit) => {
                to.push(2);
                visit.write(in_cause, to);
            }
        }
        self.last_page_date.write(to);
        match &self.cause {
            None => to.push(0),
            Some(cause) => {
                to.push(2);
                to.extend_from_slice(cause.encoded());
            }
        }
        self.merged_into.write(to);
        write_optional(self.reason, to);
        self.ping.write(to);
        self.late.write(to);
        in_cause.write(to);
        write_optional(self.opens, to);
    }

    fn count(&self, out: &mut Outbox<'_>) {
        if [Some(self.kind), self.opens].contains(&Some(kind::STARTED)) {
            let bot = self.visit.as_ref().is_some_and(|visit| visit.bot);
            out.count(&OPENED, if bot { "bot" } else { "visitor" });
        }
        match self.kind {
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
    pub(crate) fn of(record: &Event) -> Cause {
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

/// Lets an activity say what stands just before it, where it says all of that anyway.
pub(crate) fn condense(out: &mut Vec<Output>) {
    let [.., Output::Visit(before), Output::Visit(activity)] = out.as_mut_slice() else {
        return;
    };
    if before.is_said_by(activity) {
        activity.opens = Some(before.kind);
        out.remove(out.len() - 2);
    }
}

/// Says it to the log.
pub(crate) fn encode(key: &CustomerId, output: Output, out: &mut Outbox<'_>) {
    match output {
        Output::Visit(happening) => {
            happening.count(out);
            let (by_record, at) = (happening.by_record, happening.received_date);
            let to = Address {
                topic: 0,
                place: Place::SamePartition,
                key: key.as_str().as_bytes(),
                trigger: by_record.then_some(Trigger::Record(at)),
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
    use journey::{
        WebEvent,
        web_event::{Activity, Browser, Consent, PAGE_VIEWED, Page},
    };

    use super::*;
    use crate::so_far::Part;

    #[test]
    fn a_happening_is_written_as_its_record_would_be() {
        let key = CustomerId::from("k1.visitor");
        let cause = WebEvent {
            event_id: "e".into(),
            ..WebEvent::default()
        };
        let visit = VisitSoFar {
            event_count: 3,
            ended: Some((Timestamp(6), "timeout")),
            ..VisitSoFar::default()
        };
        let full = Happening {
            kind: kind::ENDED,
            time: Timestamp(7),
            received_date: Timestamp(8),
            by_record: true,
            deployment_id: DeploymentId::from("shop"),
            visit: Some(visit.into()),
            last_page_date: Some(Timestamp(5)),
            cause: Some(Event::from(&cause)),
            merged_into: Some(VisitId::from("v")),
            reason: Some("timeout"),
            ping: true,
            late: true,
            opens: Some(kind::RESUMED),
        };
        let record = full.record(&key).expect("a record");
        let visit = record.visit.clone().expect("the visit");
        assert_eq!(
            (visit.event_count, visit.ended_date),
            (3, Some(Timestamp(6)))
        );
        assert_eq!(visit.end_reason.as_deref(), Some("timeout"));
        let expected = VisitEvent {
            kind: kind::ENDED.into(),
            time: Timestamp(7),
            received_date: Timestamp(8),
            customer_id: key.clone(),
            deployment_id: "shop".into(),
            visit: Some(visit),
            last_page_date: Some(Timestamp(5)),
            cause: Some(cause),
            merged_into: Some("v".into()),
            reason: Some("timeout".into()),
            ping: true,
            late: true,
            in_cause: 0,
            opens: Some(kind::RESUMED.into()),
        };
        assert_eq!(record, expected);
        for happening in [
            full,
            Happening {
                kind: kind::IDLE,
                ..Happening::default()
            },
        ] {
            let mut bytes = Vec::new();
            happening.write(&key, &mut bytes);
            let record = happening.record(&key).expect("a record");
            assert_eq!(bytes, schemas::to_bytes(&record));
        }
    }

    fn visit_and_its_event() -> (VisitSoFar, WebEvent) {
        let page = Page {
            url: "https://shop.example/pricing".into(),
            ..Page::default()
        };
        let event = WebEvent {
            event_id: "e".into(),
            occurred_at: Timestamp(5),
            consent: Consent {
                state: "granted".into(),
                ..Consent::default()
            },
            reply_to: Some("there".into()),
            web_event: Some(Activity {
                event_name: PAGE_VIEWED.into(),
                page,
                browser: Some(Browser::default()),
                ..Activity::default()
            }),
            ..WebEvent::default()
        };
        let mut visit = OpenVisit::new(&"k".into(), &Event::from(&event), Timestamp(0));
        visit.absorb(&Event::from(&event), false);
        (VisitSoFar::clone(&visit.visit), event)
    }

    #[test]
    fn what_the_event_says_is_left_out_of_an_activitys_visit_and_read_back_from_it() {
        let (mut visit, event) = visit_and_its_event();
        visit.keep(
            Part::FirstPage,
            &schemas::to_bytes(&Page {
                url: "/".into(),
                ..Page::default()
            }),
        );
        let told = |kind| Happening {
            kind,
            visit: Some(visit.clone().into()),
            cause: Some(Event::from(&event)),
            ..Happening::default()
        };
        let size = |happening: &Happening| {
            let mut bytes = Vec::new();
            happening.write(&"k".into(), &mut bytes);
            bytes.len()
        };
        let (activity, report) = (told(kind::ACTIVITY), told(kind::ENGAGEMENT));
        assert!(size(&activity) + 50 < size(&report));
        let read = activity.record(&"k".into()).expect("a record");
        let whole = report.record(&"k".into()).expect("a record");
        assert_eq!(read.visit, whole.visit);
        let shown = read.visit.expect("the visit");
        assert_eq!(shown.first_page.url, "/");
        assert_eq!(shown.last_page.url, "https://shop.example/pricing");
        assert_eq!(shown.reply_to.as_deref(), Some("there"));
    }

    #[test]
    fn an_activity_says_what_it_opens_unless_that_says_something_else() {
        let (visit, event) = visit_and_its_event();
        let happening = |kind, count| {
            let visit = VisitSoFar {
                event_count: count,
                ..visit.clone()
            };
            let cause = (kind == kind::ACTIVITY).then(|| Event::from(&event));
            Happening {
                kind,
                visit: Some(visit.into()),
                cause,
                ..Happening::default()
            }
        };
        for (before, count, condensed) in [
            (kind::STARTED, 1, Some(kind::STARTED)),
            (kind::RESUMED, 1, Some(kind::RESUMED)),
            (kind::RESUMED, 0, None),
            (kind::MERGED, 1, None),
        ] {
            let mut out = [happening(before, count), happening(kind::ACTIVITY, 1)]
                .map(Output::Visit)
                .to_vec();
            condense(&mut out);
            let Some(Output::Visit(last)) = out.last() else {
                panic!("an activity")
            };
            assert_eq!(
                (out.len(), last.opens),
                (2 - usize::from(condensed.is_some()), condensed)
            );
        }
    }
}
