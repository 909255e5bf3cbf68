//! The one entrance: raw web events and the chat engine's reports in, validated, consented, scrubbed and enriched events
//! out, each under its visitor's key and with its time.
//!
//! Everything that a site's owner answers for is decided here, in this order: is it JSON within its limits (`raw`, `json`),
//! whose snippet sent it (`deployment`, `site`), does the visitor consent (`consent`), may the sender send (`admission`, `quota`),
//! may this page be tracked (`site`),
//! is every member right (`field`, `attributes`), who is it ([`visitor_key`], `visitor`), when was it (`event_time`), and
//! what can be known of it (`page`, `query`, `referrer`, `machine`, `user_agent`) once personal data is taken out (`scrub`).
//!
//! No clock, no I/O (but for the files that [`args`] names, read before anything runs, and the one of [`geo`], read again when
//! it changes), no state but quotas and counts: one record in, exactly one
//! outcome out. What comes is never trusted: whatever bytes arrive, the outcome is an event or a reason, in bounded time.

pub mod args;
pub mod config;
pub mod geo;
pub mod ingest;
pub mod reason;
pub mod visitor_key;

mod accepted;
mod accounts;
mod address;
mod admission;
mod app;
mod attributes;
mod classify;
mod consent;
mod control;
mod counted;
mod deployment;
mod event_time;
mod field;
mod hints;
mod identifier;
mod json;
mod language;
mod lately;
mod machine;
mod page;
mod purposes;
mod query;
mod quota;
mod raw;
mod referrer;
mod report;
mod said;
mod scrub;
mod site;
mod surrogates;
mod user_agent;
mod visitor;
mod web;

pub use accepted::Accepted;
pub use args::Args;
pub use classify::{Classified, Met, classify};
pub use config::{Believed, Config, Limits, UnknownDeployments};
pub use control::{CONSENT_WITHDRAWN, ERASE, ERASE_ACTION};
pub use field::is_attribute_name;
pub use ingest::{Ingest, Nothing};
pub use reason::{RejectReason, SuppressReason};
pub use visitor_key::VisitorKeys;
