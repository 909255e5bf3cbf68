//! A log in memory: topics, groups and transactions as a broker keeps them, with faults drawn from a seed. For simulation and
//! for `footfall run`; it proves nothing about Kafka itself.

mod broker;
mod faults;
mod log;
mod reader;

pub use broker::{MemoryBroker, Stored};
pub use faults::{Fault, Faults, Random};
pub use log::MemoryLog;
