//! The staffing stage, driven as a task drives it: signals, marks, restores.

mod formats;
mod grid;
mod model;
mod rules;
mod script;
mod stage;
mod timeline;
