//! The vocabulary of Footfall: ids, time, events, visits, offers, demand and definitions.
//!
//! Everything here is plain data and pure functions. This crate does no I/O, reads no clock and knows nothing of Kafka,
//! Avro or any stage; its types become a wire contract only in the crate `schemas`.
//!
//! Read in this order: [`time`] (what time means), [`web_event`] (what a site sends), [`visit`] (what the sessionizer makes
//! of it), [`journey_event`] and [`offer`] (what leaves), [`demand`] and [`staffing`] (what WFM gets), [`definitions`] (what
//! users write), [`mark`] (how time travels through topics), [`topics`] (where everything lies).

pub mod account;
pub mod definitions;
pub mod demand;
pub mod id;
pub mod journey_event;
pub mod mark;
pub mod offer;
pub mod partition;
pub mod percent;
pub mod quarters;
pub mod staffing;
pub mod text;
pub mod time;
pub mod topics;
pub mod trait_record;
pub mod visit;
pub mod web_event;

pub use account::{AccountCount, IngestAccount};
pub use id::{CustomerId, DeploymentId, EventId, OfferId, RoutePathId, VisitId};
pub use journey_event::JourneyEvent;
pub use mark::TimeMark;
pub use offer::Offer;
pub use quarters::Quarters;
pub use text::Text;
pub use time::{Millis, TaskTime, Timestamp};
pub use trait_record::VisitorTrait;
pub use visit::{Visit, VisitEvent};
pub use web_event::WebEvent;
