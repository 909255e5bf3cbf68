//! What `ingest` must be told: plain data, checked before it gets here.

use std::sync::Arc;

pub use crate::{event_time::Believed, referrer::Referrers};
use crate::{geo::GeoDatabase, visitor_key::VisitorKeys};

/// How `ingest` judges what comes.
#[derive(Clone, Debug)]
pub struct Config {
    /// What is too long, too large, too many.
    pub limits: Limits,
    /// What visitors' ids are made with.
    pub visitor_keys: VisitorKeys,
    /// What of a deployment that no definition knows.
    pub unknown_deployments: UnknownDeployments,
    /// How many user agents a task remembers.
    pub user_agents: usize,
    /// How old an event may be and still be believed.
    pub believed: Believed,
    /// What is known of referrers' hosts.
    pub referrers: Arc<Referrers>,
    /// Where addresses are, if anybody knows.
    pub geo: Option<Arc<GeoDatabase>>,
}

impl Config {
    /// The design's limits, with these keys.
    pub fn new(visitor_keys: VisitorKeys, unknown_deployments: UnknownDeployments) -> Config {
        Config {
            limits: Limits::default(),
            visitor_keys,
            unknown_deployments,
            user_agents: 10_000,
            believed: Believed::default(),
            referrers: Arc::default(),
            geo: None,
        }
    }
}

/// What to do with an event of a deployment that no definition knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum UnknownDeployments {
    /// Dead-letter it: nobody answers for that snippet.
    Refuse,
    /// Take it as known, with the default rules and consent as not needed: for a first look at a file.
    Accept,
}

/// What an event may hold. Lengths are in bytes of UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of a whole event.
    pub event_bytes: usize,
    /// Of the page's URL, and of the referrer's.
    pub url_bytes: usize,
    /// Of attributes, and of traits: how many.
    pub attributes: usize,
    /// Of an event's or an attribute's name.
    pub name_bytes: usize,
    /// Of an attribute's value.
    pub value_bytes: usize,
    /// Of an id.
    pub id_bytes: usize,
    /// Of a title, a search text, a user agent and every other text.
    pub text_bytes: usize,
    /// Of a deployment's id.
    pub deployment_id_bytes: usize,
    /// Of a user agent: what is looked at and kept; the rest is cut off.
    pub user_agent_bytes: usize,
    /// Of consent's purposes: how many.
    pub purposes: usize,
    /// Of consent's state, source and each purpose.
    pub consent_bytes: usize,
}

impl Default for Limits {
    /// The design's.
    fn default() -> Self {
        Limits {
            event_bytes: 32 * 1024,
            url_bytes: 2048,
            attributes: 50,
            name_bytes: 64,
            value_bytes: 1024,
            id_bytes: 255,
            text_bytes: 4096,
            deployment_id_bytes: 128,
            user_agent_bytes: 1024,
            purposes: 64,
            consent_bytes: 128,
        }
    }
}
