//! The real binary, as a person calls it. What needs Kafka runs where FOOTFALL_BROKERS is set, in a lane of its own.

#[path = "cli/dev.rs"]
mod dev;
#[path = "cli/footfall.rs"]
mod footfall_command;
#[path = "cli/import.rs"]
mod import;
#[path = "cli/kafka.rs"]
mod kafka;
#[path = "cli/pages.rs"]
mod pages;
#[path = "cli/redrive.rs"]
mod redrive;
#[path = "cli/usage.rs"]
mod usage;
