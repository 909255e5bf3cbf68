//! Patterns: what a visit and its events must look like.

use serde::{Deserialize, Serialize};

use crate::Text;

/// One of Genesys' twelve operators (`genesys-journey.md` §3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Operator {
    /// Every listed value is contained.
    ContainsAll,
    /// Some listed value is contained.
    ContainsAny,
    /// Not every listed value is contained.
    NotContainsAll,
    /// No listed value is contained.
    NotContainsAny,
    /// Equals some listed value.
    Equal,
    /// Equals no listed value.
    NotEqual,
    /// Numerically.
    GreaterThan,
    /// Numerically.
    GreaterThanOrEqual,
    /// Numerically.
    LessThan,
    /// Numerically.
    LessThanOrEqual,
    /// Begins with some listed value.
    StartsWith,
    /// Ends with some listed value.
    EndsWith,
}

impl Operator {
    /// As it stands in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Operator::ContainsAll => "containsAll",
            Operator::ContainsAny => "containsAny",
            Operator::NotContainsAll => "notContainsAll",
            Operator::NotContainsAny => "notContainsAny",
            Operator::Equal => "equal",
            Operator::NotEqual => "notEqual",
            Operator::GreaterThan => "greaterThan",
            Operator::GreaterThanOrEqual => "greaterThanOrEqual",
            Operator::LessThan => "lessThan",
            Operator::LessThanOrEqual => "lessThanOrEqual",
            Operator::StartsWith => "startsWith",
            Operator::EndsWith => "endsWith",
        }
    }
}

/// One comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Criterion {
    /// What is looked at: `page.url`, `device.category`, `attributes.plan.value`, …
    pub key: Text,
    /// What it is compared with.
    pub values: Vec<Text>,
    /// Whether case is folded on both sides.
    #[serde(default)]
    pub should_ignore_case: bool,
    /// How.
    pub operator: Operator,
}

/// Criteria over the visit: all of them hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContextPattern {
    /// All hold.
    pub criteria: Vec<Criterion>,
}

/// Patterns over the visit: all of them hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Context {
    /// All hold.
    pub patterns: Vec<ContextPattern>,
}

fn one() -> u32 {
    1
}

/// A step over the visit's events: one event meets all criteria, `count` times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JourneyPattern {
    /// All hold of one and the same event.
    #[serde(default)]
    pub criteria: Vec<Criterion>,
    /// How many events must.
    #[serde(default = "one")]
    pub count: u32,
    /// `Web`, `App`, …; any if absent.
    #[serde(default)]
    pub stream_type: Option<Text>,
    /// `web`, …; any if absent.
    #[serde(default)]
    pub session_type: Option<Text>,
    /// The event's name; any if absent.
    #[serde(default)]
    pub event_name: Option<Text>,
    /// Not met by the event itself but by staying on its page for so long.
    #[serde(default)]
    pub dwell_seconds: Option<u32>,
    /// Dwell counts only while the visitor is not away, and anew from `resumed`.
    #[serde(default)]
    pub presence: bool,
}

/// Patterns over the visit's events, in the order defined.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Journey {
    /// In order: each by an event at or after the one before it was met.
    pub patterns: Vec<JourneyPattern>,
}
