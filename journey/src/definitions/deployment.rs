//! Deployments: whose snippet it is, and the rules of its events.

use serde::{Deserialize, Serialize};

use super::ConsentPolicy;
use crate::{Text, web_event::Policy};

/// A snippet on a site: who answers for it, and its rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Deployment {
    /// As events name it.
    pub id: Text,
    /// Set when applied.
    pub version: i64,
    /// Who answers for it.
    pub owner: Text,
    /// What for.
    pub purpose: Text,
    /// How to reach the owner.
    pub contact: Text,
    /// Where its pages are: scheme, host and port of those whose events are taken. None listed: everywhere.
    pub allowed_origins: Vec<Text>,
    /// Addresses and ranges (CIDR) whose events are left out: the owner's own people, monitoring.
    pub excluded_ip_addresses: Vec<Text>,
    /// The most events a second, over all raw partitions; no limit if absent.
    pub events_per_second: Option<f64>,
    /// The most at once; ten seconds' worth if absent.
    pub event_burst: Option<u32>,
    /// The most events a second of one visitor; no limit if absent.
    pub visitor_events_per_second: Option<f64>,
    /// The most of one visitor at once; ten seconds' worth if absent.
    pub visitor_event_burst: Option<u32>,
    /// On what basis visitors are tracked.
    pub consent: ConsentPolicy,
    /// 1–120.
    pub visit_timeout_minutes: f64,
    /// Silence after which a visitor is idle.
    pub idle_seconds: f64,
    /// Silence after which a visitor is away.
    pub away_seconds: f64,
    /// Whether a ping extends the visit.
    pub pings_extend_visit: bool,
    /// Whether a new traffic source starts a new visit.
    pub new_visit_on_new_source: bool,
    /// The longest visit.
    pub max_visit_hours: f64,
    /// The most events of a visit.
    pub max_visit_events: i64,
    /// Whether robots' events are suppressed.
    pub suppress_bots: bool,
    /// Whether robots may get offers and count for staffing.
    pub serve_bots: bool,
    /// The most events of one visitor in `bot_rate_seconds`, pings included where they extend visits; more are a robot's. 0: no such
    /// rule.
    pub bot_rate_events: i64,
    /// In how many seconds.
    pub bot_rate_seconds: f64,
    /// URL parameters that hold what was searched for on the site.
    pub search_query_parameters: Vec<Text>,
    /// URL parameters that are dropped.
    pub excluded_query_parameters: Vec<Text>,
    /// The only URL parameters that are kept, if any is named; excludes [`Deployment::excluded_query_parameters`].
    pub allowed_query_parameters: Vec<Text>,
    /// Whether the network that a visitor's address is in (/24 or /48) is kept, as the attribute `ipAddress`.
    pub should_keep_ip_network: bool,
    /// Where telephone numbers without a country are from: ISO 3166-1 alpha-2.
    pub default_country: Option<Text>,
    /// Whether the URL's fragment is kept.
    pub should_keep_url_fragment: bool,
    /// Which attributes are traits of the visitor.
    pub traits_mapper: Vec<TraitMapping>,
}

impl Default for Deployment {
    fn default() -> Self {
        Deployment {
            id: Text::default(),
            version: 0,
            owner: Text::default(),
            purpose: Text::default(),
            contact: Text::default(),
            allowed_origins: Vec::new(),
            excluded_ip_addresses: Vec::new(),
            events_per_second: None,
            event_burst: None,
            visitor_events_per_second: None,
            visitor_event_burst: None,
            consent: ConsentPolicy::default(),
            visit_timeout_minutes: 20.0,
            idle_seconds: 45.0,
            away_seconds: 60.0,
            pings_extend_visit: true,
            new_visit_on_new_source: false,
            max_visit_hours: 24.0,
            max_visit_events: 10_000,
            suppress_bots: false,
            serve_bots: false,
            bot_rate_events: 300,
            bot_rate_seconds: 10.0,
            search_query_parameters: vec!["q".into(), "query".into(), "search".into(), "s".into()],
            excluded_query_parameters: Vec::new(),
            allowed_query_parameters: Vec::new(),
            should_keep_ip_network: false,
            default_country: None,
            should_keep_url_fragment: false,
            traits_mapper: Vec::new(),
        }
    }
}

impl Deployment {
    /// The rules that act after `ingest`.
    pub fn policy(&self) -> Policy {
        let millis = |value: f64, unit: f64| crate::Millis((value * unit).round() as i64);
        Policy {
            visit_timeout: millis(self.visit_timeout_minutes, 60_000.0),
            idle_after: millis(self.idle_seconds, 1000.0),
            away_after: millis(self.away_seconds, 1000.0),
            pings_extend: self.pings_extend_visit,
            split_on_source: self.new_visit_on_new_source,
            max_duration: millis(self.max_visit_hours, 3_600_000.0),
            max_events: self.max_visit_events,
            serve_bots: self.serve_bots,
            bot_rate_events: self.bot_rate_events,
            bot_rate_window: millis(self.bot_rate_seconds, 1000.0),
        }
    }
}

/// An attribute that is a trait of the visitor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TraitMapping {
    /// The attribute's name.
    pub field_name: Text,
    /// The trait's name; the attribute's if absent.
    #[serde(default)]
    pub trait_name: Option<Text>,
    /// What the trait identifies the visitor by, if it does: its value is then held to that.
    #[serde(default, rename = "type")]
    pub identifier: Option<IdentifierType>,
}

/// What a trait identifies a visitor by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum IdentifierType {
    /// An e-mail address, kept in lower case.
    Email,
    /// A telephone number, kept in E.164.
    Phone,
    /// The customer's id in the owner's own systems.
    ExternalId,
}

impl IdentifierType {
    /// As it stands in records and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            IdentifierType::Email => "email",
            IdentifierType::Phone => "phone",
            IdentifierType::ExternalId => "externalId",
        }
    }
}

/// Pages that are treated in a special way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PageClass {
    /// Unique.
    pub id: Text,
    /// Set when applied.
    #[serde(default)]
    pub version: i64,
    /// Where; everywhere if absent.
    #[serde(default)]
    pub deployment_id: Option<Text>,
    /// URL patterns: host and path, `*` for any run of characters, as `shop.example/account/*`.
    pub patterns: Vec<Text>,
    /// `block`, `count_only`, `no_link` or `no_offer`.
    pub class: Text,
}
