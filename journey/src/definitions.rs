//! What users write: deployments, segments, outcomes, action maps, route paths and their kin, by Genesys' field names.
//!
//! These types are the JSON contract of the topic `journey.definitions` and of the files that `footfall definitions` reads.
//! Unknown fields are accepted, so that what Genesys exports is accepted; [`validate`] names every mistake with its path.
//! Definitions act as a [`DefinitionSet`]: all that is in force from a moment of the log on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Text, Timestamp, staffing, web_event::Policy};

mod set;
mod validate;

pub use set::{Applied, Manifest, SetError, Sets};
pub use validate::{CONTEXT_KEYS, EVENT_KEYS, Mistake, validate};

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
        }
    }
}

/// On what basis a deployment's visitors are tracked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsentPolicy {
    /// What an event must say.
    pub mode: ConsentMode,
    /// Purposes that must have been granted, where an event lists purposes.
    pub purposes: Vec<Text>,
}

/// What an event must say of consent to be let in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentMode {
    /// `granted`, and no Global Privacy Control signal.
    #[default]
    Required,
    /// Anything but `denied` or a Global Privacy Control signal.
    Implied,
    /// Nothing: the owner has another basis. A `denied` is honoured all the same.
    NotNeeded,
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
