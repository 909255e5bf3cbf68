//! The library part of the tool: what commands, tests and bench share.
//!
//! [`shop`] simulates traffic and a chat engine; [`generate`] writes it as JSON lines; [`definitions_dir`] reads
//! definitions from files.

pub mod backfill;
pub mod chain;
pub mod child;
pub mod definitions_dir;
pub mod generate;
pub mod import;
pub mod lane;
pub mod live;
pub mod run;
pub mod shop;
pub mod source_file;
pub mod summary;
pub mod target_file;

/// Says something on standard error, where that is still read.
pub fn say(text: impl std::fmt::Display) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}
