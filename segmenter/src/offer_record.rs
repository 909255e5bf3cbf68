//! An offer as the chat engine gets it.

use journey::{
    Offer, Text,
    definitions::RoutePath,
    offer::{
        self, JourneyContext, OfferPage, OfferingMap, RoutePathReference, SegmentReference,
        TriggeringAction,
    },
};

use schemas::{
    from_bytes,
    record::{optional, text},
};

use crate::{
    offers::Qualified,
    progress::Cause,
    rule::{Goal, Kind},
    state::Memory,
    teller::Teller,
    visit::Visit,
};

impl Teller<'_> {
    /// The offer of an action map that the visit qualified for.
    pub(crate) fn make(&self, memory: &Memory, visit: &Visit, qualified: &Qualified<'_>) -> Offer {
        let Qualified {
            id,
            rule,
            action,
            hit,
        } = qualified;
        let page = visit.last_page();
        let now = self.now.created;
        Offer {
            id: id.clone(),
            status: "offered".into(),
            sequence: 1,
            created_date: now,
            offered_date: now,
            expires_date: now + action.life,
            trigger: offer::Trigger {
                kind: hit.cause.as_str().into(),
                event_id: Some(hit.event_id.0.clone()).filter(|id| !id.is_empty()),
                created_date: now,
                received_date: self.now.received,
            },
            deployment_id: self.deployment.clone(),
            journey_context: JourneyContext {
                customer: self.customer(),
                customer_session: self.session(memory),
                triggering_action: TriggeringAction {
                    id: id.0.clone(),
                    action_map: rule.definition.clone(),
                },
            },
            action_map: OfferingMap {
                id: rule.definition.id.clone(),
                version: rule.definition.version,
                display_name: action.display_name.clone(),
                weight: action.weight,
            },
            action: offer::Action {
                media_type: action.media_type.clone(),
                properties: action.properties.clone(),
            },
            route_path: action.route_path.as_ref().map(reference),
            display_conditions: action.display_conditions.clone(),
            page: (!visit.last_url().is_empty()).then(|| OfferPage {
                url: text(page.url).into(),
                title: optional(page.title).map(|title| text(title).into()),
                pathname: text(page.pathname).into(),
            }),
            reply_to: visit.reply_to().map(Text::from),
            segments: self.segments(memory),
            reasons: self.reasons(memory, visit, qualified),
            withdraw_reason: None,
            consent: from_bytes(visit.consent().bytes()).unwrap_or_default(),
            definitions_version: self.compiled.version(),
        }
    }

    /// The segments that the visit is in, with the names that agents may see.
    fn segments(&self, memory: &Memory) -> Vec<SegmentReference> {
        let assigned = memory.segments.iter().map(|assigned| &assigned.segment);
        assigned
            .map(|segment| SegmentReference {
                id: segment.id.clone(),
                version: segment.version,
                display_name: self.name_for_agents(&segment.id),
            })
            .collect()
    }

    fn name_for_agents(&self, segment: &str) -> Option<Text> {
        match &self.compiled.rules[self.compiled.find(Kind::Segment, segment)?].goal {
            Goal::Segment {
                display_name,
                for_agents: true,
            } => Some(display_name.clone()),
            _ => None,
        }
    }

    /// Why, in words, for the agent's card.
    fn reasons(&self, memory: &Memory, visit: &Visit, qualified: &Qualified<'_>) -> Vec<Text> {
        let on = text(visit.last_page().pathname);
        match qualified.hit.cause {
            Cause::Segment => {
                let of_the_map = |id: &Text| qualified.action.segments.contains(id);
                let ids = memory
                    .segments
                    .iter()
                    .map(|assigned| &assigned.segment.id)
                    .filter(|id| of_the_map(id));
                ids.filter_map(|id| {
                    Some(format!("is in segment {}", self.name_for_agents(id)?).into())
                })
                .collect()
            }
            Cause::Dwell => {
                let last = qualified
                    .rule
                    .steps
                    .iter()
                    .rev()
                    .find_map(|step| step.dwell);
                let seconds = last.map_or(0, |dwell| dwell.as_secs());
                vec![format!("stayed on {on} for {seconds} s").into()]
            }
            Cause::Event => vec![
                format!(
                    "did what {} asks for, last on {on}",
                    qualified.action.display_name
                )
                .into(),
            ],
        }
    }
}

/// A route path, by its ids.
fn reference(path: &RoutePath) -> RoutePathReference {
    RoutePathReference {
        id: path.id.as_str().into(),
        queue_id: path.queue_id.clone(),
        media_type: path.media_type.clone(),
        language_id: path.language_id.clone(),
        skill_ids: path.skill_ids.clone(),
    }
}
