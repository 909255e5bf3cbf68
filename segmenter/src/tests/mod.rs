//! Timelines: what is told of a visit, event by event, timer by timer.

mod actions;
mod formats;
mod properties;
mod rules;
mod staffing;
mod story;
mod visits;
