//! Route paths: what WFM plans for.

use serde::{Deserialize, Serialize};

use crate::{Text, staffing};

/// A queue, media type, language and skills: what WFM plans for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RoutePath {
    /// Unique.
    pub id: Text,
    /// Set when applied.
    pub version: i64,
    /// The queue.
    pub queue_id: Text,
    /// As WFM imports want it.
    pub queue_name: Text,
    /// `message`, `chat`, `callback`, `voice`, …
    pub media_type: Text,
    /// The language, where one is asked for.
    pub language_id: Option<Text>,
    /// Its name.
    pub language_name: Option<Text>,
    /// The skills that are asked for.
    pub skill_ids: Vec<Text>,
    /// Their names.
    pub skill_names: Vec<Text>,
    /// The planning group it belongs to.
    pub planning_group_id: Option<Text>,
    /// The business unit it belongs to.
    pub business_unit_id: Option<Text>,
    /// IANA name.
    pub time_zone: Text,
    /// The business unit's first day of the week.
    pub week_start: Option<Text>,
    /// Conversations that an agent holds at once.
    pub concurrency: Option<f64>,
}

impl RoutePath {
    /// As a staffing record carries it.
    pub fn summary(&self) -> staffing::RoutePathSummary {
        staffing::RoutePathSummary {
            queue_id: self.queue_id.clone(),
            queue_name: self.queue_name.clone(),
            media_type: self.media_type.clone(),
            language_name: self.language_name.clone(),
            skill_names: self.skill_names.clone(),
            planning_group_id: self.planning_group_id.clone(),
            business_unit_id: self.business_unit_id.clone(),
            time_zone: self.time_zone.clone(),
        }
    }
}
