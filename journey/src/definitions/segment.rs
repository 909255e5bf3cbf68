//! Segments and outcomes: audiences and goals.

use serde::{Deserialize, Serialize};

use super::{Context, Journey, yes};
use crate::Text;

/// An audience: visits that meet all context patterns and, in order, all journey patterns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Segment {
    /// Unique.
    pub id: Text,
    /// Set when applied.
    #[serde(default)]
    pub version: i64,
    /// Inactive ones match nothing.
    #[serde(default = "yes")]
    pub is_active: bool,
    /// For people.
    pub display_name: Text,
    /// For people.
    #[serde(default)]
    pub description: Option<Text>,
    /// `#rrggbb`.
    #[serde(default)]
    pub color: Option<Text>,
    /// `Session` or `Customer`.
    #[serde(default)]
    pub scope: Option<Text>,
    /// Whether agents see it.
    #[serde(default = "yes")]
    pub should_display_to_agent: bool,
    /// Over the visit.
    #[serde(default)]
    pub context: Option<Context>,
    /// Over its events.
    #[serde(default)]
    pub journey: Option<Journey>,
    /// Customer scope: days until it lapses.
    #[serde(default)]
    pub assignment_expiration_days: Option<u32>,
}

/// A goal: as a segment, with a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// Unique.
    pub id: Text,
    /// Set when applied.
    #[serde(default)]
    pub version: i64,
    /// Inactive ones match nothing.
    #[serde(default = "yes")]
    pub is_active: bool,
    /// For people.
    pub display_name: Text,
    /// For people.
    #[serde(default)]
    pub description: Option<Text>,
    /// To be wished for, or to be minimised.
    #[serde(default = "yes")]
    pub is_positive: bool,
    /// Over the visit.
    #[serde(default)]
    pub context: Option<Context>,
    /// Over its events.
    #[serde(default)]
    pub journey: Option<Journey>,
    /// The attribute of the last matching event that holds the value.
    #[serde(default)]
    pub associated_value_field: Option<ValueField>,
}

/// The attribute that holds an outcome's value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ValueField {
    /// `Number` or `Integer`.
    pub data_type: Text,
    /// The attribute's name.
    pub name: Text,
}
