//! Which topic holds which record, and what its schema may become.

use std::fmt;

use journey::{
    IngestAccount, JourneyEvent, Offer, VisitEvent, VisitorTrait, WebEvent, demand::DemandSignal,
    staffing::StaffingInterval, topics,
};

use crate::Record;

/// What a registry lets a subject's next schema be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compatibility {
    /// New readers read all older records, old readers all newer ones: topics that others read.
    FullTransitive,
    /// New readers read all older records: topics between our own stages, which are upgraded readers first.
    BackwardTransitive,
}

impl Compatibility {
    /// As the registry's API says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Compatibility::FullTransitive => "FULL_TRANSITIVE",
            Compatibility::BackwardTransitive => "BACKWARD_TRANSITIVE",
        }
    }
}

impl fmt::Display for Compatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A topic whose values are framed Avro.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The topic, without the lane's prefix.
    pub topic: &'static str,
    /// The schema of this version of the code, as JSON.
    pub schema: &'static str,
    /// What the next version may change.
    pub compatibility: Compatibility,
}

const fn internal<T: Record>(topic: &'static str) -> Subject {
    Subject {
        topic,
        schema: T::SCHEMA,
        compatibility: Compatibility::BackwardTransitive,
    }
}

const fn public<T: Record>(topic: &'static str) -> Subject {
    Subject {
        topic,
        schema: T::SCHEMA,
        compatibility: Compatibility::FullTransitive,
    }
}

const ALL: &[Subject] = &[
    internal::<WebEvent>(topics::WEB_EVENTS),
    internal::<VisitorTrait>(topics::VISITORS),
    internal::<IngestAccount>(topics::ACCOUNTS),
    internal::<VisitEvent>(topics::VISITS),
    public::<JourneyEvent>(topics::JOURNEY_EVENTS),
    public::<Offer>(topics::OFFERS),
    internal::<DemandSignal>(topics::DEMAND),
    public::<StaffingInterval>(topics::STAFFING),
    public::<StaffingInterval>(topics::STAFFING_REVISIONS),
];

/// Every topic whose values are framed Avro, in the order in which records flow.
pub fn all() -> &'static [Subject] {
    ALL
}

impl Subject {
    /// The subject's name in the registry, in a lane: `<topic>-value`, by topic name.
    pub fn name(&self, lane: &topics::Lane) -> String {
        format!("{}-value", lane.topic(self.topic))
    }
}
