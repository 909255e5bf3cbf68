//! What the segmenter said of a story, in words.

use std::collections::BTreeMap;

use journey::{EventId, JourneyEvent, Offer, demand::DemandSignal};

use super::Story;
use crate::Output;

impl Story {
    pub(in crate::tests) fn events(&self) -> impl Iterator<Item = JourneyEvent> {
        self.out.iter().filter_map(|output| match output {
            Output::Event { event, .. } => Some(event.record().expect("what is told can be read")),
            _ => None,
        })
    }

    pub(in crate::tests) fn offers(&self) -> impl Iterator<Item = &Offer> {
        self.out.iter().filter_map(|output| match output {
            Output::Offer { offer, .. } => Some(&**offer),
            _ => None,
        })
    }

    pub(in crate::tests) fn signals(&self) -> impl Iterator<Item = &DemandSignal> {
        self.out.iter().filter_map(|output| match output {
            Output::Demand { signal, .. } => Some(&**signal),
            _ => None,
        })
    }

    /// What demand adds up to: by field (with the reason) and minute of the interval; what cancels out is left out.
    pub(in crate::tests) fn demand(&self) -> BTreeMap<String, i64> {
        let mut sums = BTreeMap::new();
        for signal in self.signals() {
            let reason = signal
                .reason
                .as_ref()
                .map(|reason| format!(" {reason}"))
                .unwrap_or_default();
            let field = format!(
                "{}{reason} @{}",
                signal.field,
                signal.interval_start.0 / 60_000
            );
            *sums.entry(field).or_insert(0) += signal.delta;
        }
        sums.retain(|_, sum| *sum != 0);
        sums
    }

    /// What was said, a line each, WebEvents and demand aside.
    pub(in crate::tests) fn said(&self) -> Vec<String> {
        self.out.iter().filter_map(line).collect()
    }

    pub(in crate::tests) fn check(&self, expected: &[&str]) {
        assert_eq!(self.said(), expected);
    }

    pub(in crate::tests) fn check_demand(&self, expected: &[(&str, i64)]) {
        let demand = self.demand();
        let found: Vec<_> = demand
            .iter()
            .map(|(field, sum)| (field.as_str(), *sum))
            .collect();
        assert_eq!(found, expected);
    }
}

/// One thing that was said, in words; `None` of WebEvents, demand and counts.
fn line(output: &Output) -> Option<String> {
    match output {
        Output::Event { event, .. } => {
            let event = event.record().expect("what is told can be read");
            let seconds = event.created_date.0 / 1000;
            Some(format!("{seconds} {}", subject(&event)?))
        }
        Output::Offer { offer, .. } => {
            let why = offer
                .withdraw_reason
                .as_ref()
                .map(|why| format!(" {why}"))
                .unwrap_or_default();
            Some(format!(
                "offer {} {}{why}",
                offer.action_map.id, offer.status
            ))
        }
        Output::Suppressed(reason) => Some(format!("suppressed {reason}")),
        Output::DeadLetter(rejection) => Some(format!("dead letter {}", rejection.reason)),
        Output::Demand { .. } | Output::Count(..) => None,
    }
}

fn subject(event: &JourneyEvent) -> Option<String> {
    if let Some(session) = &event.session_event {
        return Some(session.state.to_string());
    }
    if let Some(assignment) = &event.segment_assignment_event {
        let evidence: Vec<_> = assignment.evidence.iter().map(EventId::as_str).collect();
        return Some(format!(
            "assigned {} by {}",
            assignment.segment.id,
            evidence.join(" ")
        ));
    }
    if let Some(outcome) = &event.outcome_achieved_event {
        let value = outcome
            .associated_value
            .map(|value| format!(" worth {value}"))
            .unwrap_or_default();
        let touchpoints = outcome.touchpoints.len();
        return Some(format!(
            "achieved {}{value} after {touchpoints} offers",
            outcome.outcome.id
        ));
    }
    if let Some(action) = &event.web_action_event {
        let inferred = if action.inferred { " (inferred)" } else { "" };
        let after = action
            .time_to_disposition_millis
            .map(|millis| format!(" after {millis} ms"))
            .unwrap_or_default();
        return Some(format!(
            "{} {}{inferred}{after}",
            action.action_map.id, action.action_state
        ));
    }
    if let Some(blocked) = &event.blocked_web_action_offer_event {
        let by = blocked
            .blocking_action_map_id
            .as_ref()
            .map(|map| format!(" by {map}"))
            .unwrap_or_default();
        return Some(format!(
            "{} blocked {}{by}",
            blocked.action_map.id, blocked.blocking_reason
        ));
    }
    event
        .consent_event
        .as_ref()
        .map(|consent| format!("consent {}", consent.state))
}
