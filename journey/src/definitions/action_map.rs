//! Action maps: what to offer, to whom, when.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Operator, yes};
use crate::Text;

/// What to offer, to whom, when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActionMap {
    /// Unique.
    pub id: Text,
    /// Set when applied.
    #[serde(default)]
    pub version: i64,
    /// Inactive ones offer nothing.
    #[serde(default = "yes")]
    pub is_active: bool,
    /// For people.
    pub display_name: Text,
    /// Any of these segments is assigned.
    #[serde(default)]
    pub trigger_with_segments: Vec<Text>,
    /// All of these are met.
    #[serde(default)]
    pub trigger_with_event_conditions: Vec<EventCondition>,
    /// The page must match for the offer to be made.
    #[serde(default)]
    pub page_url_conditions: Vec<PageUrlCondition>,
    /// When after qualifying.
    #[serde(default)]
    pub activation: Activation,
    /// 1 low, 2 medium, 3 high.
    #[serde(default = "medium")]
    pub weight: i32,
    /// What to show; passed on untouched but for `mediaType` and `routePathId`, which are read.
    pub action: Value,
    /// How long an offer lives.
    #[serde(default = "a_minute")]
    pub offer_life_seconds: u32,
    /// Not before.
    #[serde(default)]
    pub start_date: Option<Text>,
    /// Not at or after.
    #[serde(default)]
    pub end_date: Option<Text>,
    /// When it was first written: of two with the same weight the older one is offered.
    #[serde(default)]
    pub created_date: Option<Text>,
}

impl ActionMap {
    /// The route path that the action names: who would answer.
    pub fn route_path_id(&self) -> Option<&str> {
        self.action.get("routePathId").and_then(Value::as_str)
    }

    /// The action's media type.
    pub fn media_type(&self) -> &str {
        self.action
            .get("mediaType")
            .and_then(Value::as_str)
            .unwrap_or("")
    }
}

fn medium() -> i32 {
    2
}

fn a_minute() -> u32 {
    60
}

/// A condition on one event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventCondition {
    /// What is looked at.
    pub key: Text,
    /// What it is compared with.
    pub values: Vec<Text>,
    /// How.
    pub operator: Operator,
    /// Whether case is folded on both sides.
    #[serde(default)]
    pub should_ignore_case: bool,
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

/// A condition on the page's URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PageUrlCondition {
    /// What it is compared with.
    pub values: Vec<Text>,
    /// How.
    pub operator: Operator,
}

/// When after qualifying an offer is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Activation {
    /// `immediate`, `delay`, `on-next-visit` or `on-next-session`.
    #[serde(rename = "type")]
    pub kind: Text,
    /// Of `delay`.
    #[serde(default)]
    pub delay_in_seconds: Option<u32>,
}

impl Default for Activation {
    fn default() -> Self {
        Activation {
            kind: "immediate".into(),
            delay_in_seconds: None,
        }
    }
}
