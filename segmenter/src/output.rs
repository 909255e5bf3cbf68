//! What the segmenter says, and how it is written.

use journey::{CustomerId, Offer, Timestamp, demand::DemandSignal, visit::end_reason};
use pipeline::{Address, Counter, Counts, Gauge, Latency, Outbox, Place, Rejection, Trigger};
use schemas::{Avro, CloudEvent, Format};

use crate::told::Told;

/// Index of `journey.events` in the topology's outputs.
pub(crate) const EVENTS: usize = 0;
/// Index of `journey.offers` in the topology's outputs.
pub(crate) const OFFERS: usize = 1;
/// Index of `journey.demand` in the topology's outputs.
pub(crate) const DEMAND: usize = 2;

/// One thing that the segmenter says. `trigger` is the record or the timer that it came of.
#[derive(Clone, Debug)]
pub enum Output {
    /// For everyone.
    Event {
        /// The record.
        event: Box<Told>,
        /// What it came of.
        trigger: Option<Trigger>,
    },
    /// For the chat engine.
    Offer {
        /// The record.
        offer: Box<Offer>,
        /// When it was made or taken back.
        at: Timestamp,
        /// What it came of.
        trigger: Option<Trigger>,
    },
    /// For staffing.
    Demand {
        /// The record.
        signal: Box<DemandSignal>,
        /// What it came of.
        trigger: Option<Trigger>,
    },
    /// One more of something: which counter, which label.
    Count(&'static Counter, &'static str),
    /// The input is left out on purpose.
    Suppressed(&'static str),
    /// The input is kept apart.
    DeadLetter(Rejection),
}

/// Offers made and withdrawn.
pub(crate) static OFFERS_TOTAL: Counter = Counter {
    name: "footfall_offers_total",
    help: "Offers, by what became of them first: offered, withdrawn or blocked.",
    label: "status",
};
/// Offers that were due and not made.
pub(crate) static OFFERS_BLOCKED_TOTAL: Counter = Counter {
    name: "footfall_offers_blocked_total",
    help: "Offers that were due and not made, by reason.",
    label: "reason",
};
/// Offers that were taken back.
pub(crate) static OFFERS_WITHDRAWN_TOTAL: Counter = Counter {
    name: "footfall_offers_withdrawn_total",
    help: "Offers that were taken back before the visitor decided, by reason.",
    label: "reason",
};
/// Segments assigned.
pub(crate) static SEGMENTS_MATCHED_TOTAL: Counter = Counter {
    name: "footfall_segments_matched_total",
    help: "Segments assigned to visits, by what set the match off.",
    label: "cause",
};
/// Outcomes achieved.
pub(crate) static OUTCOMES_REACHED_TOTAL: Counter = Counter {
    name: "footfall_outcomes_reached_total",
    help: "Outcomes achieved by visits, by whether they are to be wished for.",
    label: "polarity",
};
/// The chat engine's reports.
pub(crate) static REPORTS_TOTAL: Counter = Counter {
    name: "footfall_reports_total",
    help: "Reports of the chat engine, by what became of them.",
    label: "result",
};

/// The reason of reports on offers that are not known, or no longer.
pub(crate) const UNKNOWN_OFFER: &str = "unknown_offer";

/// Visits that take more of a visitor's room than there is.
pub(crate) static VISITS_FORGOTTEN_TOTAL: Counter = Counter {
    name: "footfall_visits_forgotten_total",
    help: "Visits forgotten, with their offers, before a day has passed since their end, by reason.",
    label: "reason",
};

/// Offers that nobody has decided yet.
pub(crate) const OFFERS_OPEN: Gauge = Gauge {
    name: "footfall_offers_open",
    help: "Offers that are made, and neither decided, nor withdrawn, nor over.",
};

/// How fast offers are.
pub(crate) const OFFER_LATENCY: Latency = Latency {
    name: "footfall_offer_latency_seconds",
    help: "From what an offer came of to its commit, or that of its withdrawal: an event's arrival, a timer's deadline.",
    output: OFFERS,
};

/// What the segmenter counts.
pub(crate) const COUNTERS: &[Counts] = &[
    (&OFFERS_TOTAL, &["offered", "withdrawn", "blocked"]),
    (
        &OFFERS_BLOCKED_TOTAL,
        &[
            "Bot",
            "TriggerDateInFuture",
            "OfferedOutsideSchedule",
            "RegulatedPage",
            "NoConsent",
            "PageUrlConditionsNotMatching",
            "VisitorAway",
            "AlreadyExistingOffer",
            "MultipleSimultaneousOffers",
        ],
    ),
    (
        &OFFERS_WITHDRAWN_TOTAL,
        &[
            "page_left",
            "visitor_away",
            "visit_ended",
            "consent_withdrawn",
            "erased",
            "definition_deactivated",
        ],
    ),
    (&SEGMENTS_MATCHED_TOTAL, &["event", "dwell", "segment"]),
    (&OUTCOMES_REACHED_TOTAL, &["positive", "negative"]),
    (
        &REPORTS_TOTAL,
        &[
            "counted",
            "duplicate_report",
            "contradictory_report",
            "unknown_state",
            UNKNOWN_OFFER,
        ],
    ),
    (&VISITS_FORGOTTEN_TOTAL, &[end_reason::TOO_LARGE]),
];

impl Output {
    /// Writes it.
    pub(crate) fn write(&self, customer: &CustomerId, format: Format, out: &mut Outbox<'_>) {
        let of_visitor = |topic, trigger| Address {
            topic,
            place: Place::SamePartition,
            key: customer.as_str().as_bytes(),
            trigger,
        };
        match self {
            Output::Event { event, trigger } => {
                out.send(of_visitor(EVENTS, *trigger), |bytes| event.write(bytes))
            }
            Output::Offer { offer, at, trigger } => {
                let event = cloud_event(offer, *at, format);
                let to = of_visitor(OFFERS, *trigger);
                out.send_with(to, &event.headers(), |bytes| format.write(&**offer, bytes));
            }
            Output::Demand { signal, trigger } => {
                let key = signal.route_path_id.as_str().as_bytes();
                let to = Address {
                    topic: DEMAND,
                    place: Place::ByKey,
                    key,
                    trigger: *trigger,
                };
                out.send(to, |bytes| signal.write(bytes));
            }
            Output::Count(counter, label) => out.count(counter, label),
            Output::Suppressed(reason) => out.suppress(reason),
            Output::DeadLetter(rejection) => out.dead_letter(rejection),
        }
    }
}

/// An offer's attributes: each of its records has its own id.
fn cloud_event(offer: &Offer, at: Timestamp, format: Format) -> CloudEvent {
    let kind = if offer.status == "withdrawn" {
        "footfall.offer.withdrawn"
    } else {
        "footfall.offer.offered"
    };
    let id = format!("{}/{}", offer.id, offer.sequence);
    CloudEvent::new(id, "/footfall/segmenter", kind, at, format)
}
