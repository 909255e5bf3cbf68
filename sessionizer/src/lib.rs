//! Web events in, visits out: the fold that turns what a visitor did into visits, told as they happen.
//!
//! Read in this order: [`sessionizer`] (how it meets the log), `visitor` and its `place` (which visit an event belongs to: touching,
//! merging, splitting, late, capped), `ending` (how visits turn and end), `open_visit` (what a visit remembers, whatever order
//! its events come in), `consent` (what it may be used for), [`so_far`] (the part of it that is told), `state` (how it is written),
//! `seen` (duplicates), [`output`] (what is told). The rules, each with a worked timeline: `docs/semantics.md`.
//!
//! Pure: no clock, no I/O, no setting of its own. What a deployment wants is stamped into each event.

mod consent;
mod ending;
pub mod event;
mod forms;
mod lifetime;
mod moment;
mod open_visit;
pub mod output;
mod page;
mod rate;
mod seen;
pub mod sessionizer;
pub mod shared;
mod sizes;
pub mod so_far;
mod state;
mod stay;
mod told;
mod visitor;

pub use event::Event;
pub use output::{Happening, Output};
pub use sessionizer::Sessionizer;
pub use visitor::Visitor;
