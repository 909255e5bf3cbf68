//! The staffing stage, driven as a task drives it: signals, marks, restores.

mod model;
mod rules;
mod stage;
mod timeline;
