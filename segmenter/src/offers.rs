//! From qualifying to an offer, or to what stood in its way; and taking an offer back.

use journey::{
    EventId, Offer, OfferId, Text, Visit,
    demand::field,
    id,
    journey_event::{BlockedWebActionOfferEvent, WebActionEvent, event_type},
    offer::{
        self, DisplayCondition, JourneyContext, OfferPage, OfferingMap, RoutePathReference,
        SegmentReference, TriggeringAction,
    },
    staffing,
};

use crate::{
    compile::{Action, Goal, Kind, Rule},
    fields::Facts,
    operator::Test,
    output::{OFFERS_BLOCKED_TOTAL, OFFERS_TOTAL, OFFERS_WITHDRAWN_TOTAL, Output},
    progress::{Cause, Hit},
    reports::State,
    state::{KnownOffer, Memory},
    teller::{Demand, Teller},
};

/// Why an offer that was due was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    Bot,
    TriggerDateInFuture,
    OfferedOutsideSchedule,
    RegulatedPage,
    PageUrlConditionsNotMatching,
    VisitorAway,
    AlreadyExistingOffer,
    MultipleSimultaneousOffers,
}

impl Block {
    /// On the wire and in metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Block::Bot => "Bot",
            Block::TriggerDateInFuture => "TriggerDateInFuture",
            Block::OfferedOutsideSchedule => "OfferedOutsideSchedule",
            Block::RegulatedPage => "RegulatedPage",
            Block::PageUrlConditionsNotMatching => "PageUrlConditionsNotMatching",
            Block::VisitorAway => "VisitorAway",
            Block::AlreadyExistingOffer => "AlreadyExistingOffer",
            Block::MultipleSimultaneousOffers => "MultipleSimultaneousOffers",
        }
    }
}

/// Why an offer was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Withdrawal {
    PageLeft,
    VisitorAway,
    VisitEnded,
    ConsentWithdrawn,
    Erased,
    DefinitionDeactivated,
}

impl Withdrawal {
    /// On the wire and in metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Withdrawal::PageLeft => "page_left",
            Withdrawal::VisitorAway => "visitor_away",
            Withdrawal::VisitEnded => "visit_ended",
            Withdrawal::ConsentWithdrawn => "consent_withdrawn",
            Withdrawal::Erased => "erased",
            Withdrawal::DefinitionDeactivated => "definition_deactivated",
        }
    }
}

/// An action map that a visit qualified for just now.
struct Qualified<'a> {
    id: OfferId,
    rule: &'a Rule,
    action: &'a Action,
    hit: &'a Hit,
}

/// What an offer was made under: whatever the definitions say by now.
fn display_test(condition: &DisplayCondition) -> Option<Test> {
    let operator = serde_json::from_value(condition.operator.as_str().into()).ok()?;
    Test::new("page.url", operator, &condition.values, false)
}

/// Whether pages of this class never see an offer.
pub(crate) fn is_regulated(page_class: &str) -> bool {
    !matches!(page_class, "" | "none")
}

/// Whether the visitor is known to be away: without pings a silent reader counts as reading.
pub(crate) fn is_known_away(memory: &Memory, visit: &Visit) -> bool {
    memory.away && visit.ping_count > 0
}

impl Teller<'_> {
    /// Says which action maps the visit qualified for, and what came of each. At most one becomes an offer.
    pub(crate) fn qualify(&mut self, memory: &mut Memory, visit: &Visit, hits: &[Hit]) {
        let rules = hits.iter().map(|hit| (hit, &self.compiled.rules[hit.rule]));
        let mut due: Vec<Qualified<'_>> = rules
            .filter_map(|(hit, rule)| {
                let action = rule.action()?;
                let parts = [
                    memory.id.as_str(),
                    rule.definition.id.as_str(),
                    hit.event_id.as_str(),
                ];
                let id = OfferId::from(id::derive(&parts.map(str::as_bytes)));
                Some(Qualified {
                    id,
                    rule,
                    action,
                    hit,
                })
            })
            .collect();
        due.sort_by_key(|q| {
            (
                std::cmp::Reverse(q.action.weight),
                q.action.created,
                q.rule.definition.id.clone(),
            )
        });
        let now = self.now.clone();
        let mut winner: Option<&Qualified<'_>> = None;
        for qualified in &due {
            self.now = now.because_of(&qualified.hit.event_id);
            self.tell_qualified(memory, visit, qualified);
            let stands = memory
                .open_offer()
                .map(|offer| (offer.action_map.id.clone(), offer.id.0.clone()));
            let block = self.block(memory, visit, qualified.action);
            match (block, stands, winner) {
                (Some(block), _, _) => self.tell_blocked(memory, visit, qualified, block, None),
                (None, Some(stands), None) => {
                    self.tell_blocked(
                        memory,
                        visit,
                        qualified,
                        Block::AlreadyExistingOffer,
                        Some(stands),
                    );
                }
                (None, stands, Some(_)) => {
                    self.tell_blocked(
                        memory,
                        visit,
                        qualified,
                        Block::MultipleSimultaneousOffers,
                        stands,
                    );
                }
                (None, None, None) => {
                    self.offer(memory, visit, qualified);
                    winner = Some(qualified);
                }
            }
        }
        self.now = now;
    }

    fn tell_qualified(&mut self, memory: &mut Memory, visit: &Visit, qualified: &Qualified<'_>) {
        memory.qualified.push(qualified.rule.definition.id.clone());
        self.tell_action(memory, visit, qualified.event(State::Qualified));
        let Some(demand) = self.demand(visit, qualified, None) else {
            return;
        };
        let at = self.now.created;
        let parts = [
            memory.id.as_str(),
            qualified.rule.definition.id.as_str(),
            field::QUALIFIED,
        ];
        self.signal(&parts.map(str::as_bytes), demand, field::QUALIFIED, at, 1);
        let interval = at.floor(staffing::INTERVAL);
        let active = (demand.route_path.into(), interval);
        if !memory.active.contains(&active) {
            let id = [
                memory.id.as_str().as_bytes(),
                demand.route_path.as_bytes(),
                &interval.0.to_be_bytes(),
            ];
            self.signal(&id, demand, field::VISITS_ACTIVE, at, 1);
            memory.active.push(active);
        }
    }

    /// Whose demand moves; nobody's, if nobody needs to answer or a robot asks.
    fn demand<'q>(
        &self,
        visit: &Visit,
        qualified: &Qualified<'q>,
        block: Option<Block>,
    ) -> Option<Demand<'q>> {
        let route_path = &qualified.action.route_path.as_ref()?.id;
        let counts = !visit.bot || visit.policy.serve_bots;
        let reason = block.map(Block::as_str);
        counts.then_some(Demand {
            route_path,
            action_map: &qualified.rule.definition,
            reason,
        })
    }

    /// What stands in the way of an offer, other offers aside.
    fn block(&self, memory: &Memory, visit: &Visit, action: &Action) -> Option<Block> {
        let page = Facts::Page(&visit.last_page);
        let now = self.now.created;
        let checks = [
            (visit.bot && !visit.policy.serve_bots, Block::Bot),
            (
                action.starts.is_some_and(|starts| now < starts),
                Block::TriggerDateInFuture,
            ),
            (
                action.ends.is_some_and(|ends| now >= ends),
                Block::OfferedOutsideSchedule,
            ),
            (is_regulated(&memory.stay.page_class), Block::RegulatedPage),
            (
                !action.page.iter().all(|test| test.holds(&page)),
                Block::PageUrlConditionsNotMatching,
            ),
            (is_known_away(memory, visit), Block::VisitorAway),
        ];
        checks
            .into_iter()
            .find(|(blocked, _)| *blocked)
            .map(|(_, block)| block)
    }

    fn tell_blocked(
        &mut self,
        memory: &mut Memory,
        visit: &Visit,
        qualified: &Qualified<'_>,
        block: Block,
        by: Option<(Text, Text)>,
    ) {
        let (map, offer) = by.unzip();
        let mut event = self.about(memory, visit, event_type::BLOCKED_OFFER);
        event.blocked_web_action_offer_event = Some(BlockedWebActionOfferEvent {
            action_map: qualified.rule.definition.clone(),
            blocking_reason: block.as_str().into(),
            blocking_action_map_id: map,
            blocking_action_id: offer,
            ..BlockedWebActionOfferEvent::default()
        });
        self.tell(event);
        self.count(&OFFERS_TOTAL, "blocked");
        self.count(&OFFERS_BLOCKED_TOTAL, block.as_str());
        if let Some(demand) = self.demand(visit, qualified, Some(block)) {
            let parts = [
                memory.id.as_str(),
                qualified.rule.definition.id.as_str(),
                field::BLOCKED,
            ];
            self.signal(
                &parts.map(str::as_bytes),
                demand,
                field::BLOCKED,
                self.now.created,
                1,
            );
        }
    }

    fn offer(&mut self, memory: &mut Memory, visit: &Visit, qualified: &Qualified<'_>) {
        let offer = self.make(memory, visit, qualified);
        self.out.push(Output::Offer {
            offer: Box::new(offer.clone()),
            caused_at: self.now.caused_at,
        });
        self.count(&OFFERS_TOTAL, "offered");
        self.tell_action(memory, visit, qualified.event(State::Offered));
        let mut known = KnownOffer {
            id: offer.id.clone(),
            action_map: qualified.rule.definition.clone(),
            route_path: offer
                .route_path
                .as_ref()
                .map(|route_path| route_path.id.clone()),
            offered_at: offer.offered_date,
            expires_at: offer.expires_date,
            told: State::Offered.bit(),
            ..KnownOffer::default()
        };
        let before = Vec::new();
        known.open = Some(Box::new(offer));
        self.signal_change(&mut known, before);
        memory.offers.push(known);
    }

    fn make(&self, memory: &Memory, visit: &Visit, qualified: &Qualified<'_>) -> Offer {
        let Qualified {
            id,
            rule,
            action,
            hit,
        } = qualified;
        let page = &visit.last_page;
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
                customer: self.customer_reference(),
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
            route_path: action.route_path.as_ref().map(|path| RoutePathReference {
                id: path.id.as_str().into(),
                queue_id: path.queue_id.clone(),
                media_type: path.media_type.clone(),
                language_id: path.language_id.clone(),
                skill_ids: path.skill_ids.clone(),
            }),
            display_conditions: action.display_conditions.clone(),
            page: (!page.url.is_empty()).then(|| OfferPage {
                url: page.url.clone(),
                title: page.title.clone(),
                pathname: page.pathname.clone(),
            }),
            reply_to: visit.reply_to.clone(),
            segments: self.segments(memory),
            reasons: self.reasons(memory, visit, qualified),
            withdraw_reason: None,
            consent: visit.consent.clone(),
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
        let on = &visit.last_page.pathname;
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

    /// Takes back every offer of the visit that is open.
    pub(crate) fn withdraw(&mut self, memory: &mut Memory, visit: &Visit, why: Withdrawal) {
        for at in 0..memory.offers.len() {
            let Some(mut offer) = memory.offers[at].open.take() else {
                continue;
            };
            let now = self.now.clone();
            offer.status = "withdrawn".into();
            offer.sequence += 1;
            offer.withdraw_reason = Some(why.as_str().into());
            offer.definitions_version = self.compiled.version();
            let event = memory.offers[at].event(State::Withdrawn);
            memory.offers[at].told |= State::Withdrawn.bit();
            if now.correlation.is_none() {
                self.now = now.because_of(&EventId(offer.id.0.clone()));
            }
            self.out.push(Output::Offer {
                offer,
                caused_at: now.caused_at,
            });
            self.count(&OFFERS_TOTAL, "withdrawn");
            self.count(&OFFERS_WITHDRAWN_TOTAL, why.as_str());
            self.tell_action(memory, visit, event);
            self.now = now;
        }
    }

    /// Why the open offer cannot stand on the page that the visit is on now, if it cannot.
    pub(crate) fn page_withdrawal(&self, memory: &Memory, visit: &Visit) -> Option<Withdrawal> {
        let open = memory.open_offer()?;
        if self
            .compiled
            .find(Kind::ActionMap, &open.action_map.id)
            .is_none()
        {
            return Some(Withdrawal::DefinitionDeactivated);
        }
        let page = Facts::Page(&visit.last_page);
        let conditions = open.open.iter().flat_map(|offer| &offer.display_conditions);
        let stands = !is_regulated(&memory.stay.page_class)
            && conditions
                .filter_map(display_test)
                .all(|test| test.holds(&page));
        (!stands).then_some(Withdrawal::PageLeft)
    }
}

impl Qualified<'_> {
    fn event(&self, state: State) -> WebActionEvent {
        WebActionEvent {
            action_id: self.id.0.clone(),
            action_map: self.rule.definition.clone(),
            action_state: state.as_str().into(),
            ..WebActionEvent::default()
        }
    }
}

impl Cause {
    /// As an offer's trigger names it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Cause::Event => "event",
            Cause::Dwell => "dwell",
            Cause::Segment => "segment",
        }
    }
}
