//! Visits in; segments, outcomes, offers and demand out.
//!
//! A fold over what happens to one visitor's visits (`journey.visits`), under the definitions in force. Pure: no clock, no
//! I/O. What it means is in `docs/segments.md`; this is where it is done:
//!
//! `fields` and `operator` (what a criterion is), `compile` and `index` (definitions, made ready), `progress` (how a visit
//! gets on in its rules), `visits` (what a record does), `offers` and `reports` (what is offered and what becomes of it),
//! `teller` (how it is told), `state` (what is remembered), [`segmenter`] (the stage).

mod compile;
mod fields;
mod index;
mod offers;
mod operator;
mod output;
mod progress;
mod reports;
pub mod segmenter;
mod state;
mod teller;
mod visits;

pub use output::Output;
pub use segmenter::Segmenter;
pub use state::Visitor;

#[cfg(test)]
mod tests;
