//! What a person looks at: five records as consumers get them, and one visitor's way to an offer.

use std::fmt::Write as _;

use journey::{JourneyEvent, journey_event::event_type};
use serde_json::json;

use super::day::Told;

/// One record of each kind that matters, as JSON.
pub(super) fn samples(told: &Told) -> String {
    let mut text = String::new();
    let events = || told.stories.values().flatten();
    for kind in [
        event_type::SESSION,
        event_type::WEB,
        event_type::SEGMENT_ASSIGNMENT,
    ] {
        if let Some(event) = events().find(|event| event.event_type == kind) {
            let _ = writeln!(text, "journey.events   {}", brief(event));
        }
    }
    if let Some(offer) = told.offers.iter().find(|offer| offer.status == "offered") {
        let json = json!({
            "id": offer.id, "status": offer.status, "expiresDate": offer.expires_date.to_string(),
            "actionMap": offer.action_map.display_name, "trigger": offer.trigger.kind,
            "routePath": offer.route_path.as_ref().map(|path| &path.id), "reasons": offer.reasons,
        });
        let _ = writeln!(text, "journey.offers   {json}");
    }
    if let Some(interval) = told
        .summary
        .intervals
        .values()
        .max_by_key(|interval| interval.actual.interactions_offered)
    {
        let actual = &interval.actual;
        let json = json!({
            "routePathId": interval.route_path_id, "intervalStart": interval.interval_start.to_string(),
            "status": interval.status, "revision": interval.revision, "completeness": interval.completeness,
            "actual": {
                "qualified": actual.qualified, "invitationsOffered": actual.invitations_offered,
                "invitationsAccepted": actual.invitations_accepted, "interactionsOffered": actual.interactions_offered,
                "interactionsHandled": actual.interactions_handled,
                "totalHandleTimeSeconds": actual.total_handle_time_seconds,
            },
        });
        let _ = writeln!(text, "journey.staffing {json}");
    }
    text
}

fn brief(event: &JourneyEvent) -> String {
    let page = event.web_event.as_ref().map(|web| &web.page.pathname);
    let segment = event
        .segment_assignment_event
        .as_ref()
        .map(|s| &s.segment.display_name);
    let mut json = json!({
        "eventType": event.event_type, "createdDate": event.created_date.to_string(), "session": event.session.id,
        "sequence": event.sequence,
    });
    let extra = [
        (
            "eventName",
            event.web_event.as_ref().map(|web| &web.event_name),
        ),
        ("pathname", page),
        (
            "state",
            event.session_event.as_ref().map(|session| &session.state),
        ),
        ("segment", segment),
    ];
    for (name, value) in extra {
        if let Some(value) = value {
            json[name] = json!(value);
        }
    }
    json.to_string()
}

/// The story of one visit that got an offer by dwelling, accepted if there is such a one.
pub(super) fn offer(told: &Told) -> String {
    let accepted = |story: &&Vec<JourneyEvent>| {
        story.iter().any(|e| {
            e.web_action_event
                .as_ref()
                .is_some_and(|action| action.action_state == "completed")
        })
    };
    let dwelt: Vec<_> = told
        .offers
        .iter()
        .filter(|offer| offer.trigger.kind == "dwell")
        .filter_map(|offer| {
            told.stories
                .get(offer.journey_context.customer_session.id.as_str())
        })
        .collect();
    let Some(story) = dwelt.iter().find(|story| accepted(story)).or(dwelt.first()) else {
        return "nobody lingered long enough today".to_owned();
    };
    let mut text = String::new();
    for event in story.iter() {
        let _ = writeln!(
            text,
            "{:>3}  {}  {}",
            event.sequence,
            event.created_date,
            say(event)
        );
    }
    text
}

fn say(event: &JourneyEvent) -> String {
    if let Some(web) = &event.web_event {
        return format!("{} {}", web.event_name, web.page.pathname);
    }
    if let Some(session) = &event.session_event {
        return format!(
            "visit {}{}",
            session.state,
            session
                .reason
                .as_ref()
                .map(|r| format!(" ({r})"))
                .unwrap_or_default()
        );
    }
    if let Some(segment) = &event.segment_assignment_event {
        return format!(
            "segment {:?} {}",
            segment.segment.display_name,
            segment.assignment_state.to_lowercase()
        );
    }
    if let Some(outcome) = &event.outcome_achieved_event {
        return format!("outcome {:?} achieved", outcome.outcome.display_name);
    }
    if let Some(action) = &event.web_action_event {
        let inferred = if action.inferred { " (inferred)" } else { "" };
        return format!(
            "action {} {}{inferred}",
            action.action_map.id, action.action_state
        );
    }
    if let Some(blocked) = &event.blocked_web_action_offer_event {
        return format!(
            "action {} blocked: {}",
            blocked.action_map.id, blocked.blocking_reason
        );
    }
    event.event_type.to_string()
}
