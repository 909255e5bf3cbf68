//! What the segmenter says, and how it is written.

use journey::{CustomerId, Offer, Timestamp, demand::DemandSignal};
use pipeline::{Address, Counter, Counts, Gauge, Outbox, Place, Rejection};
use schemas::{Avro, CloudEvent, Format};

use crate::told::Told;

/// Index of `journey.events` in the topology's outputs.
pub(crate) const EVENTS: usize = 0;
/// Index of `journey.offers` in the topology's outputs.
pub(crate) const OFFERS: usize = 1;
/// Index of `journey.demand` in the topology's outputs.
pub(crate) const DEMAND: usize = 2;

/// One thing that the segmenter says. `caused_at` is the arrival of the record that caused it; absent where a timer did.
#[derive(Clone, Debug)]
pub enum Output {
    /// For everyone.
    Event {
        /// The record.
        event: Box<Told>,
        /// Arrival of its cause.
        caused_at: Option<Timestamp>,
    },
    /// For the chat engine.
    Offer {
        /// The record.
        offer: Box<Offer>,
        /// When it was made or taken back.
        at: Timestamp,
        /// Arrival of its cause.
        caused_at: Option<Timestamp>,
    },
    /// For staffing.
    Demand {
        /// The record.
        signal: Box<DemandSignal>,
        /// Arrival of its cause.
        caused_at: Option<Timestamp>,
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

/// Offers that nobody has decided yet.
pub(crate) static OFFERS_OPEN: Gauge = Gauge {
    name: "footfall_offers_open",
    help: "Offers that are made, and neither decided, nor withdrawn, nor over.",
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
        ],
    ),
];

impl Output {
    /// Writes it.
    pub(crate) fn write(&self, customer: &CustomerId, format: Format, out: &mut Outbox<'_>) {
        let of_visitor = |topic, caused_at| Address {
            topic,
            place: Place::SamePartition,
            key: customer.as_str().as_bytes(),
            caused_at,
        };
        match self {
            Output::Event { event, caused_at } => {
                out.send(of_visitor(EVENTS, *caused_at), |bytes| event.write(bytes))
            }
            Output::Offer {
                offer,
                at,
                caused_at,
            } => {
                let event = cloud_event(offer, *at, format);
                let to = of_visitor(OFFERS, *caused_at);
                out.send_with(to, &event.headers(), |bytes| format.write(&**offer, bytes));
            }
            Output::Demand { signal, caused_at } => {
                let key = signal.route_path_id.as_str().as_bytes();
                let to = Address {
                    topic: DEMAND,
                    place: Place::ByKey,
                    key,
                    caused_at: *caused_at,
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
