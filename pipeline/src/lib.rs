//! The shell that all stages share: exactly-once over a transactional log.
//!
//! Pure: [`processor`] (the contract of a stage), [`fold`] (states and timers), [`outbox`] (what a batch says),
//! [`dead_letter`].

pub mod dead_letter;
pub mod fold;
pub mod outbox;
pub mod processor;

pub use fold::Fold;
pub use outbox::{Address, Counter, Outbox, Place, Trigger};
pub use processor::{
    By, CountedReason, Counts, Gauge, Latency, MarksInto, OutputTopic, OwnMetrics, Processor,
    Record, Refusal, Rejection, Stage, TaskContext, TimeFrom, Timer, Timers, Topology,
};

pub mod admin_http;
pub mod changelog;
pub mod config;
pub mod definitions;
mod hot_key;
pub mod kafka;
pub mod log;
pub mod memory;
pub mod metrics;
pub mod names;
pub mod pace;
mod raw_marks;
pub mod registry;
pub mod run;
pub mod state_record;
pub mod task;
pub mod worker;
