//! Mistakes in what matches and what is offered: segments, outcomes, action maps.

use serde_json::Value;

use super::{CONTEXT_KEYS, EVENT_KEYS, Report};
use crate::{
    Text, Timestamp,
    definitions::{
        ActionMap, Context, EventCondition, Journey, JourneyPattern, Operator, Outcome, Segment,
    },
};

/// The longest dwell: a day, which is also the longest visit by default.
const LONGEST_DWELL: u32 = 24 * 3600;

impl Report<'_> {
    pub(super) fn segment(&mut self, segment: &Segment) {
        self.filled(&segment.display_name, ".displayName");
        if let Some(color) = &segment.color {
            let digits = color.strip_prefix('#').unwrap_or_default();
            let fits = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            self.expect(
                fits,
                ".color",
                format!("{color:?} is no colour; write one as #2f6fde"),
            );
        }
        match segment.scope.as_deref() {
            None | Some("Session") => {}
            Some("Customer") => self.add(
                ".scope",
                "Customer is not evaluated by this release: use Session, which is the default, or leave the segment out",
            ),
            Some(scope) => self.add(".scope", format!("{scope:?} is no scope: must be Session")),
        }
        if segment.assignment_expiration_days.is_some() {
            self.add(
                ".assignmentExpirationDays",
                "is of customer scope, which this release does not evaluate: remove it",
            );
        }
        self.patterns(segment.context.as_ref(), segment.journey.as_ref());
    }

    pub(super) fn outcome(&mut self, outcome: &Outcome) {
        self.filled(&outcome.display_name, ".displayName");
        if let Some(field) = &outcome.associated_value_field {
            let fits = matches!(field.data_type.as_str(), "Number" | "Integer");
            let what = format!(
                "{:?} is no type of a value: must be Number or Integer",
                field.data_type
            );
            self.expect(fits, ".associatedValueField.dataType", what);
            self.attribute_name(&field.name, ".associatedValueField.name");
        }
        self.patterns(outcome.context.as_ref(), outcome.journey.as_ref());
    }

    fn patterns(&mut self, context: Option<&Context>, journey: Option<&Journey>) {
        let contexts = context.map_or(&[][..], |context| &context.patterns);
        let journeys = journey.map_or(&[][..], |journey| &journey.patterns);
        if contexts.is_empty() && journeys.is_empty() {
            self.add("", "has no pattern and would match nothing: add one to context.patterns or journey.patterns");
        }
        for (i, pattern) in contexts.iter().enumerate() {
            let place = format!(".context.patterns[{i}]");
            if pattern.criteria.is_empty() {
                self.add(
                    &format!("{place}.criteria"),
                    "must hold at least one criterion",
                );
            }
            for (j, criterion) in pattern.criteria.iter().enumerate() {
                let place = format!("{place}.criteria[{j}]");
                self.context_key(&criterion.key, &place);
                self.values(criterion.operator, &criterion.values, &place);
            }
        }
        for (i, pattern) in journeys.iter().enumerate() {
            self.journey_pattern(pattern, &format!(".journey.patterns[{i}]"));
        }
    }

    fn journey_pattern(&mut self, pattern: &JourneyPattern, place: &str) {
        if pattern.criteria.is_empty() && pattern.event_name.is_none() {
            self.add(
                place,
                "would match every event: add an eventName or a criterion",
            );
        }
        let counts = (1..=10_000).contains(&pattern.count);
        self.expect(
            counts,
            &format!("{place}.count"),
            format!("is {}: must be 1 to 10,000", pattern.count),
        );
        for (j, criterion) in pattern.criteria.iter().enumerate() {
            let place = format!("{place}.criteria[{j}]");
            self.event_key(&criterion.key, &place);
            self.values(criterion.operator, &criterion.values, &place);
        }
        let (stream, session) = (pattern.stream_type.as_ref(), pattern.session_type.as_ref());
        self.event(stream, session, pattern.event_name.as_ref(), place);
        self.dwell(pattern.dwell_seconds, pattern.presence, place);
    }

    fn event(
        &mut self,
        stream: Option<&Text>,
        session: Option<&Text>,
        name: Option<&Text>,
        place: &str,
    ) {
        if let Some(stream) = stream.filter(|stream| !stream.eq_ignore_ascii_case("web")) {
            self.add(
                &format!("{place}.streamType"),
                format!("{stream:?} is not collected: must be Web, or absent"),
            );
        }
        if let Some(session) = session.filter(|session| !session.eq_ignore_ascii_case("web")) {
            self.add(
                &format!("{place}.sessionType"),
                format!("{session:?} is not collected: must be web, or absent"),
            );
        }
        let Some(name) = name else { return };
        self.filled(name, &format!("{place}.eventName"));
        if name == crate::web_event::PING {
            self.add(
                &format!("{place}.eventName"),
                "a ping is presence and meets no pattern; use dwellSeconds with presence",
            );
        }
    }

    fn dwell(&mut self, seconds: Option<u32>, presence: bool, place: &str) {
        let field = format!("{place}.dwellSeconds");
        match seconds {
            Some(seconds) => {
                let fits = (1..=LONGEST_DWELL).contains(&seconds);
                self.expect(
                    fits,
                    &field,
                    format!("is {seconds}: must be 1 to {LONGEST_DWELL}"),
                );
            }
            None if presence => self.add(
                &format!("{place}.presence"),
                "says how dwellSeconds counts: add dwellSeconds or remove it",
            ),
            None => {}
        }
    }

    fn context_key(&mut self, key: &str, place: &str) {
        if CONTEXT_KEYS.contains(&key) {
            return;
        }
        let hint = if is_event_key(key) {
            "is a key of events: put the criterion into journey.patterns".to_owned()
        } else {
            format!(
                "is no key of a visit: must be one of {}",
                CONTEXT_KEYS.join(", ")
            )
        };
        self.add(&format!("{place}.key"), format!("{key:?} {hint}"));
    }

    fn event_key(&mut self, key: &str, place: &str) {
        if is_event_key(key) {
            return;
        }
        let hint = if CONTEXT_KEYS.contains(&key) {
            "is a key of visits: put the criterion into context.patterns of a segment".to_owned()
        } else {
            format!(
                "is no key of an event: must be one of {}, attributes.<name>.value",
                EVENT_KEYS.join(", ")
            )
        };
        self.add(&format!("{place}.key"), format!("{key:?} {hint}"));
    }

    fn attribute_name(&mut self, name: &str, place: &str) {
        self.expect(
            is_attribute_name(name),
            place,
            format!("{name:?} is no attribute's name, as orderValue"),
        );
    }

    fn values(&mut self, operator: Operator, values: &[Text], place: &str) {
        let place = format!("{place}.values");
        if matches!(
            operator,
            Operator::GreaterThan
                | Operator::GreaterThanOrEqual
                | Operator::LessThan
                | Operator::LessThanOrEqual
        ) {
            let number = |text: &Text| text.parse::<f64>().is_ok_and(f64::is_finite);
            let fits = matches!(values, [only] if number(only));
            self.expect(
                fits,
                &place,
                format!(
                    "{} compares with exactly one number, as [\"10\"]",
                    operator.as_str()
                ),
            );
            return;
        }
        self.expect(!values.is_empty(), &place, "must hold at least one value");
        for (i, value) in values.iter().enumerate() {
            self.expect(
                !value.is_empty(),
                &format!("{place}[{i}]"),
                "must not be empty: an empty value is part of every text",
            );
        }
    }

    pub(super) fn action_map(&mut self, map: &ActionMap) {
        self.filled(&map.display_name, ".displayName");
        self.triggers(map);
        for (i, condition) in map.page_url_conditions.iter().enumerate() {
            self.values(
                condition.operator,
                &condition.values,
                &format!(".pageUrlConditions[{i}]"),
            );
        }
        match map.activation.kind.as_str() {
            "immediate" => {}
            "delay" | "on-next-visit" | "on-next-session" => self.add(
                ".activation.type",
                format!(
                    "{} is not offered by this release: must be immediate",
                    map.activation.kind
                ),
            ),
            other => self.add(
                ".activation.type",
                format!("{other:?} is no activation: must be immediate"),
            ),
        }
        self.expect(
            (1..=3).contains(&map.weight),
            ".weight",
            format!("is {}: must be 1 (low), 2 or 3 (high)", map.weight),
        );
        let life = map.offer_life_seconds;
        self.expect(
            (5..=86_400).contains(&life),
            ".offerLifeSeconds",
            format!("is {life}: must be 5 to 86,400"),
        );
        let start = self.date(map.start_date.as_ref(), ".startDate");
        let end = self.date(map.end_date.as_ref(), ".endDate");
        self.date(map.created_date.as_ref(), ".createdDate");
        if let (Some(start), Some(end)) = (start, end) {
            self.expect(start < end, ".endDate", "must be after startDate");
        }
        self.action(map);
    }

    fn triggers(&mut self, map: &ActionMap) {
        let (segments, events) = (
            &map.trigger_with_segments,
            &map.trigger_with_event_conditions,
        );
        match (segments.is_empty(), events.is_empty()) {
            (true, true) => self.add(
                "",
                "has no trigger: add triggerWithSegments or triggerWithEventConditions",
            ),
            (false, false) => self.add(
                "",
                "has two triggers: use either triggerWithSegments or triggerWithEventConditions; \
                 a segment can hold the event conditions as journey.patterns",
            ),
            _ => {}
        }
        for (i, id) in segments.iter().enumerate() {
            let known = self.knows("segment", id);
            let what = format!("no segment {id:?} is defined here: define it, or correct the id");
            self.expect(known, &format!(".triggerWithSegments[{i}]"), what);
        }
        for (i, condition) in events.iter().enumerate() {
            self.event_condition(condition, &format!(".triggerWithEventConditions[{i}]"));
        }
    }

    fn event_condition(&mut self, condition: &EventCondition, place: &str) {
        self.event_key(&condition.key, place);
        self.values(condition.operator, &condition.values, place);
        let (stream, session) = (
            condition.stream_type.as_ref(),
            condition.session_type.as_ref(),
        );
        self.event(stream, session, condition.event_name.as_ref(), place);
        self.dwell(condition.dwell_seconds, condition.presence, place);
    }

    fn action(&mut self, map: &ActionMap) {
        if !map.action.is_object() {
            self.add(".action", "must be an object with at least a mediaType");
            return;
        }
        self.expect(
            !map.media_type().is_empty(),
            ".action.mediaType",
            "must be a text, as webMessagingOffer",
        );
        match map.action.get("routePathId") {
            None | Some(Value::Null) => {}
            Some(Value::String(id)) => {
                let known = self.knows("routePath", id);
                let what = format!(
                    "no route path {id:?} is defined here: define it, or remove the field if nobody answers"
                );
                self.expect(known, ".action.routePathId", what);
            }
            Some(_) => self.add(
                ".action.routePathId",
                "must be the id of a route path, as text",
            ),
        }
    }

    fn date(&mut self, date: Option<&Text>, place: &str) -> Option<Timestamp> {
        let date = date?;
        let parsed = Timestamp::parse(date);
        self.expect(
            parsed.is_some(),
            place,
            format!("{date:?} is no date; write one as 2026-11-23T14:00:00Z"),
        );
        parsed
    }
}

fn is_event_key(key: &str) -> bool {
    let attribute = key
        .strip_prefix("attributes.")
        .and_then(|rest| rest.strip_suffix(".value"));
    EVENT_KEYS.contains(&key) || attribute.is_some_and(is_attribute_name)
}

/// `[A-Za-z_][A-Za-z0-9_.-]{0,63}`
fn is_attribute_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && name.len() <= 64
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}
