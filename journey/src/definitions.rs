//! What users write: deployments, segments, outcomes, action maps, route paths and their kin, by Genesys' field names.
//!
//! These types are the JSON contract of the topic `journey.definitions` and of the files that `footfall definitions` reads.
//! Unknown fields are accepted, so that what Genesys exports is accepted, and what a later release writes can be read;
//! [`validate`] names every mistake with its path, and [`unknown_members`] those that no release of ours has;
//! [`strange_members`] those that may be misspelt.
//! Definitions act as a [`DefinitionSet`]: all that is in force from a moment of the log on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Text, Timestamp};

mod action_map;
mod calling_code;
mod consent_policy;
mod deployment;
mod host;
mod ip_range;
mod origin;
mod page_pattern;
mod pattern;
mod route_path;
mod segment;
mod set;
mod validate;

pub use action_map::{ActionMap, Activation, EventCondition, PageUrlCondition};
pub use calling_code::{CALLING_CODES, CallingCode};
pub use consent_policy::{ConsentMode, ConsentPolicy, NeededPurposes};
pub use deployment::{Deployment, IdentifierType, PageClass, TraitMapping};
pub use ip_range::IpRange;
pub use origin::Origin;
pub use page_pattern::{PageName, PagePattern};
pub use pattern::{Context, ContextPattern, Criterion, Journey, JourneyPattern, Operator};
pub use route_path::RoutePath;
pub use segment::{Outcome, Segment, ValueField};
pub use set::{Applied, Manifest, SetError, Sets};
pub use validate::{CONTEXT_KEYS, EVENT_KEYS, Mistake, strange_members, unknown_members, validate};

/// One definition. In JSON an object with its `kind` beside its fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
#[allow(clippy::large_enum_variant, reason = "definitions are few")]
pub enum Definition {
    /// A snippet on a site.
    Deployment(Deployment),
    /// An audience.
    Segment(Segment),
    /// A goal.
    Outcome(Outcome),
    /// What to offer, to whom, when.
    ActionMap(ActionMap),
    /// A queue, media type, language and skills.
    RoutePath(RoutePath),
    /// Pages that are treated in a special way.
    PageClass(PageClass),
    /// Kept and versioned, read by nobody yet.
    ActionTemplate(Opaque),
    /// Kept and versioned, read by nobody yet.
    ScheduleGroup(Opaque),
    /// Kept and versioned, read by nobody yet.
    FrequencyCap(Opaque),
}

impl Definition {
    /// The kind as it stands in JSON and in topic keys.
    pub fn kind(&self) -> &'static str {
        match self {
            Definition::Deployment(_) => "deployment",
            Definition::Segment(_) => "segment",
            Definition::Outcome(_) => "outcome",
            Definition::ActionMap(_) => "actionMap",
            Definition::RoutePath(_) => "routePath",
            Definition::PageClass(_) => "pageClass",
            Definition::ActionTemplate(_) => "actionTemplate",
            Definition::ScheduleGroup(_) => "scheduleGroup",
            Definition::FrequencyCap(_) => "frequencyCap",
        }
    }

    /// The id, unique within the kind.
    pub fn id(&self) -> &str {
        match self {
            Definition::Deployment(d) => &d.id,
            Definition::Segment(d) => &d.id,
            Definition::Outcome(d) => &d.id,
            Definition::ActionMap(d) => &d.id,
            Definition::RoutePath(d) => &d.id,
            Definition::PageClass(d) => &d.id,
            Definition::ActionTemplate(d)
            | Definition::ScheduleGroup(d)
            | Definition::FrequencyCap(d) => &d.id,
        }
    }

    /// The version, set when the definition is applied.
    pub fn version(&self) -> i64 {
        match self {
            Definition::Deployment(d) => d.version,
            Definition::Segment(d) => d.version,
            Definition::Outcome(d) => d.version,
            Definition::ActionMap(d) => d.version,
            Definition::RoutePath(d) => d.version,
            Definition::PageClass(d) => d.version,
            Definition::ActionTemplate(d)
            | Definition::ScheduleGroup(d)
            | Definition::FrequencyCap(d) => d.version,
        }
    }

    /// The same definition at another version.
    #[must_use]
    pub fn at_version(mut self, version: i64) -> Definition {
        match &mut self {
            Definition::Deployment(d) => d.version = version,
            Definition::Segment(d) => d.version = version,
            Definition::Outcome(d) => d.version = version,
            Definition::ActionMap(d) => d.version = version,
            Definition::RoutePath(d) => d.version = version,
            Definition::PageClass(d) => d.version = version,
            Definition::ActionTemplate(d)
            | Definition::ScheduleGroup(d)
            | Definition::FrequencyCap(d) => d.version = version,
        }
        self
    }
}

/// All definitions in force from `effective_at` on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DefinitionSet {
    /// Rises with every `definitions apply`; 0 is the empty set.
    pub version: i64,
    /// A task switches at the first mark at or after this.
    pub effective_at: Timestamp,
    /// By id.
    pub deployments: BTreeMap<Text, Deployment>,
    /// In order of id.
    pub segments: Vec<Segment>,
    /// In order of id.
    pub outcomes: Vec<Outcome>,
    /// In order of id.
    pub action_maps: Vec<ActionMap>,
    /// By id.
    pub route_paths: BTreeMap<Text, RoutePath>,
    /// In order of id.
    pub page_classes: Vec<PageClass>,
}

impl DefinitionSet {
    /// The first set: in force from the beginning, each definition at version 1.
    pub fn first(definitions: impl IntoIterator<Item = Definition>) -> DefinitionSet {
        let versioned = definitions
            .into_iter()
            .map(|definition| definition.at_version(1));
        DefinitionSet::new(1, Timestamp::MIN, versioned)
    }

    /// The set of these definitions. Of two with the same kind and id the later one stands.
    pub fn new(
        version: i64,
        effective_at: Timestamp,
        definitions: impl IntoIterator<Item = Definition>,
    ) -> Self {
        let mut set = DefinitionSet {
            version,
            effective_at,
            ..DefinitionSet::default()
        };
        let unique: BTreeMap<(&'static str, String), Definition> = definitions
            .into_iter()
            .map(|d| ((d.kind(), d.id().to_owned()), d))
            .collect();
        for definition in unique.into_values() {
            match definition {
                Definition::Deployment(d) => {
                    set.deployments.insert(d.id.clone(), d);
                }
                Definition::RoutePath(d) => {
                    set.route_paths.insert(d.id.clone(), d);
                }
                Definition::Segment(d) => set.segments.push(d),
                Definition::Outcome(d) => set.outcomes.push(d),
                Definition::ActionMap(d) => set.action_maps.push(d),
                Definition::PageClass(d) => set.page_classes.push(d),
                Definition::ActionTemplate(_)
                | Definition::ScheduleGroup(_)
                | Definition::FrequencyCap(_) => {}
            }
        }
        set
    }
}

/// A definition that is kept as it came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Opaque {
    /// Unique within the kind.
    pub id: Text,
    /// Set when applied.
    #[serde(default)]
    pub version: i64,
    /// Everything else.
    #[serde(flatten)]
    pub rest: serde_json::Map<String, Value>,
}

fn yes() -> bool {
    true
}
