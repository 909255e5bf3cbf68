//! A definition as a rule: what a visit must look like and do, and what meeting it means.

use journey::{
    Millis, Text, Timestamp,
    definitions::{
        ActionMap, Context, DefinitionSet, EventCondition, Journey, JourneyPattern, Outcome,
        RoutePath, Segment,
    },
    journey_event::Versioned,
    offer::DisplayCondition,
};

use crate::{fields::Facts, operator::Test};

/// What a rule is for. The numbers stand in states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Segment = 0,
    Outcome = 1,
    ActionMap = 2,
}

/// Something that a visit can meet, once.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) definition: Versioned,
    pub(crate) goal: Goal,
    /// All hold of the visit.
    pub(crate) context: Vec<Test>,
    /// Met in this order.
    pub(crate) steps: Vec<Step>,
}

/// What meeting a rule means.
#[derive(Debug)]
pub(crate) enum Goal {
    /// The visit is in a segment.
    Segment {
        display_name: Text,
        for_agents: bool,
    },
    /// The visit achieved an outcome.
    Outcome {
        display_name: Text,
        positive: bool,
        value: Option<Text>,
    },
    /// The visitor qualifies for an offer.
    Action(Box<Action>),
}

/// What to offer, and when not to.
#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) display_name: Text,
    /// Any of these triggers; none: the steps do.
    pub(crate) segments: Vec<Text>,
    /// All hold of the page.
    pub(crate) page: Vec<Test>,
    /// The same, for the chat engine.
    pub(crate) display_conditions: Vec<DisplayCondition>,
    pub(crate) weight: i32,
    pub(crate) created: Timestamp,
    pub(crate) starts: Option<Timestamp>,
    pub(crate) ends: Option<Timestamp>,
    pub(crate) life: Millis,
    pub(crate) media_type: Text,
    pub(crate) properties: Text,
    pub(crate) route_path: Option<RoutePath>,
}

/// One pattern over the visit's events.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) event_name: Option<Text>,
    /// All hold of one and the same event.
    pub(crate) tests: Vec<Test>,
    pub(crate) count: u32,
    /// Met by staying on the event's page for so long.
    pub(crate) dwell: Option<Millis>,
    pub(crate) presence: bool,
}

impl Step {
    /// Whether these facts meet the step, its dwell aside.
    pub(crate) fn meets(&self, facts: &Facts<'_>) -> bool {
        self.event_name
            .as_ref()
            .is_none_or(|name| facts.event_name() == Some(name.as_str()))
            && self.tests.iter().all(|test| test.holds(facts))
    }
}

impl Rule {
    /// What it is for.
    pub(crate) fn kind(&self) -> Kind {
        match self.goal {
            Goal::Segment { .. } => Kind::Segment,
            Goal::Outcome { .. } => Kind::Outcome,
            Goal::Action(_) => Kind::ActionMap,
        }
    }

    /// What it offers, if it is an action map.
    pub(crate) fn action(&self) -> Option<&Action> {
        match &self.goal {
            Goal::Action(action) => Some(action),
            Goal::Segment { .. } | Goal::Outcome { .. } => None,
        }
    }
}

fn versioned(id: &Text, version: i64) -> Versioned {
    Versioned {
        id: id.clone(),
        version,
    }
}

pub(crate) fn segment(segment: &Segment) -> Option<Rule> {
    // Customer scope outlives the visit: it is refused by validation until visitors have a memory of their own.
    if !segment.is_active || segment.scope.as_deref() == Some("Customer") {
        return None;
    }
    let goal = Goal::Segment {
        display_name: segment.display_name.clone(),
        for_agents: segment.should_display_to_agent,
    };
    rule(
        versioned(&segment.id, segment.version),
        goal,
        segment.context.as_ref(),
        segment.journey.as_ref(),
    )
}

pub(crate) fn outcome(outcome: &Outcome) -> Option<Rule> {
    if !outcome.is_active {
        return None;
    }
    let goal = Goal::Outcome {
        display_name: outcome.display_name.clone(),
        positive: outcome.is_positive,
        value: outcome
            .associated_value_field
            .as_ref()
            .map(|field| field.name.clone()),
    };
    rule(
        versioned(&outcome.id, outcome.version),
        goal,
        outcome.context.as_ref(),
        outcome.journey.as_ref(),
    )
}

/// `None` where there is nothing to meet, or something that can never be met.
fn rule(
    definition: Versioned,
    goal: Goal,
    context: Option<&Context>,
    journey: Option<&Journey>,
) -> Option<Rule> {
    let criteria = context
        .iter()
        .flat_map(|context| &context.patterns)
        .flat_map(|pattern| &pattern.criteria);
    let context = criteria.map(Test::of).collect::<Option<Vec<_>>>()?;
    let patterns = journey.iter().flat_map(|journey| &journey.patterns);
    let steps = patterns.map(step).collect::<Option<Vec<_>>>()?;
    (!context.is_empty() || !steps.is_empty()).then_some(Rule {
        definition,
        goal,
        context,
        steps,
    })
}

/// `None` where no event of the web can ever meet the pattern.
fn step(pattern: &JourneyPattern) -> Option<Step> {
    let of_the_web = |name: &Option<Text>| {
        name.as_ref()
            .is_none_or(|name| name.eq_ignore_ascii_case("web"))
    };
    if !of_the_web(&pattern.stream_type) || !of_the_web(&pattern.session_type) {
        return None;
    }
    Some(Step {
        event_name: pattern.event_name.clone(),
        tests: pattern
            .criteria
            .iter()
            .map(Test::of)
            .collect::<Option<Vec<_>>>()?,
        count: pattern.count.max(1),
        dwell: pattern
            .dwell_seconds
            .map(|seconds| Millis::from_secs(i64::from(seconds))),
        presence: pattern.presence,
    })
}

/// A condition is a pattern with one criterion.
fn condition(condition: &EventCondition) -> Option<Step> {
    let of_the_web = |name: &Option<Text>| {
        name.as_ref()
            .is_none_or(|name| name.eq_ignore_ascii_case("web"))
    };
    if !of_the_web(&condition.stream_type) || !of_the_web(&condition.session_type) {
        return None;
    }
    let fold = condition.should_ignore_case;
    Some(Step {
        event_name: condition.event_name.clone(),
        tests: vec![Test::new(
            &condition.key,
            condition.operator,
            &condition.values,
            fold,
        )?],
        count: 1,
        dwell: condition
            .dwell_seconds
            .map(|seconds| Millis::from_secs(i64::from(seconds))),
        presence: condition.presence,
    })
}

pub(crate) fn action_map(map: &ActionMap, set: &DefinitionSet) -> Option<Rule> {
    let triggered =
        !map.trigger_with_segments.is_empty() || !map.trigger_with_event_conditions.is_empty();
    if !map.is_active || !triggered || map.activation.kind != "immediate" {
        return None;
    }
    let steps = map
        .trigger_with_event_conditions
        .iter()
        .map(condition)
        .collect::<Option<Vec<_>>>()?;
    let page = map.page_url_conditions.iter();
    let date = |text: &Option<Text>| text.as_ref().and_then(|text| Timestamp::parse(text));
    let action = Action {
        display_name: map.display_name.clone(),
        segments: map.trigger_with_segments.clone(),
        page: page
            .clone()
            .map(|c| Test::new("page.url", c.operator, &c.values, false))
            .collect::<Option<_>>()?,
        display_conditions: page
            .map(|c| DisplayCondition {
                operator: c.operator.as_str().into(),
                values: c.values.clone(),
            })
            .collect(),
        weight: map.weight,
        created: date(&map.created_date).unwrap_or(Timestamp::MAX),
        starts: date(&map.start_date),
        ends: date(&map.end_date),
        life: Millis::from_secs(i64::from(map.offer_life_seconds.max(1))),
        media_type: map.media_type().into(),
        properties: map.action.to_string().into(),
        route_path: map
            .route_path_id()
            .and_then(|id| set.route_paths.get(id))
            .cloned(),
    };
    let goal = Goal::Action(Box::new(action));
    Some(Rule {
        definition: versioned(&map.id, map.version),
        goal,
        context: Vec::new(),
        steps,
    })
}
