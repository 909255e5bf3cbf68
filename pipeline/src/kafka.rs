//! The log over Apache Kafka: the only place that names rdkafka.
//!
//! `log` is a worker's consumer and producer; [`settings`] what both are made with; `producer` transactions and their
//! outcomes; `consumer` assignments; `follow` the definitions while a stage runs; `restore` changelogs; `ticks` time on silent raw partitions; [`admin`] topics;
//! [`start_check`] what a stage must find; [`read`] and [`mod@write`] plain reading and writing for the tool; `native` the few calls
//! that the bindings do not wrap.

pub mod admin;
mod caller;
mod consumer;
pub(crate) mod failpoint;
mod failure;
pub(crate) mod follow;
mod log;
mod native;
mod producer;
pub mod read;
mod restore;
pub mod settings;
pub mod start_check;
mod ticks;
pub mod write;

pub use log::KafkaLog;
pub use settings::Settings;
