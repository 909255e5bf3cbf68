//! Demand signals in, staffing numbers per route path and 15-minute interval out.
//!
//! [`Staffing`] is the stage: which topics, which bytes, which intervals exist. [`interval`] is what is remembered of one
//! interval and when it is told again; [`counts`] is the arithmetic. No forecast yet: only what happened.

pub mod counts;
pub mod interval;
pub mod key;
mod source;
mod staffing;

pub use interval::{Interval, Revision, Status};
pub use key::IntervalKey;
pub use source::Source;
pub use staffing::{Config, Input, Output, Staffing, reason};
