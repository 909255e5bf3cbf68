//! Visits in; segments, outcomes, offers and demand out.
//!
//! A fold over what happens to one visitor's visits (`journey.visits`), under the definitions in force. Pure: no clock, no
//! I/O. What it means is in `docs/segments.md`; this is where it is done:
//!
//! [`input`], `visit` and `encoded` (what comes, looked at where it lies), `fields` and `operator` (what a criterion is), `rule`, `compile` and `index` (definitions, made ready), `progress` (how a
//! visit gets on in its rules), `visits` and `stay` (what a record does), `offers`, `offer_record` and `withdraw` (what is
//! offered and taken back), `known_offer` and `reports` (what becomes of it), `teller`, [`told`] and `output` (how it is told),
//! `state` (what is remembered), [`segmenter`] (the stage).

mod compile;
mod encoded;
mod fields;
mod index;
pub mod input;
mod known_offer;
mod offer_record;
mod offers;
mod operator;
mod output;
mod progress;
mod reports;
mod rule;
pub mod segmenter;
mod sizes;
mod state;
mod stay;
mod teller;
pub mod told;
mod visit;
mod visits;
mod withdraw;

pub use input::Happening;
pub use output::Output;
pub use segmenter::Segmenter;
pub use state::Visitor;
pub use told::Told;

#[cfg(test)]
mod tests;
