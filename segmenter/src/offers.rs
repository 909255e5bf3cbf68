//! From qualifying to an offer, or to what stood in its way.

use journey::{
    OfferId, Text,
    demand::field,
    id,
    journey_event::{BlockedWebActionOfferEvent, WebActionEvent},
    staffing,
    web_event::purpose,
};

use crate::{
    fields::Facts,
    known_offer::State,
    output::{OFFERS_BLOCKED_TOTAL, OFFERS_TOTAL, Output},
    progress::{Cause, Hit},
    rule::{Action, Rule},
    state::{KnownOffer, Memory},
    teller::{Demand, Teller},
    told::About,
    visit::Visit,
};

/// Why an offer that was due was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    Bot,
    TriggerDateInFuture,
    OfferedOutsideSchedule,
    RegulatedPage,
    NoConsent,
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
            Block::NoConsent => "NoConsent",
            Block::PageUrlConditionsNotMatching => "PageUrlConditionsNotMatching",
            Block::VisitorAway => "VisitorAway",
            Block::AlreadyExistingOffer => "AlreadyExistingOffer",
            Block::MultipleSimultaneousOffers => "MultipleSimultaneousOffers",
        }
    }
}

/// An action map that a visit qualified for just now.
pub(crate) struct Qualified<'a> {
    pub(crate) id: OfferId,
    pub(crate) rule: &'a Rule,
    pub(crate) action: &'a Action,
    pub(crate) hit: &'a Hit,
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
        if hits.is_empty() {
            return;
        }
        let due = self.due(memory, hits);
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

    /// The action maps among `hits`, the one to be offered first in front.
    fn due<'h>(&self, memory: &Memory, hits: &'h [Hit]) -> Vec<Qualified<'h>>
    where
        Self: 'h,
    {
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
        due
    }

    fn tell_qualified(&mut self, memory: &mut Memory, visit: &Visit, qualified: &Qualified<'_>) {
        memory.qualified.push(qualified.rule.definition.id.clone());
        self.tell_of(
            memory,
            visit,
            About::Action(qualified.event(State::Qualified)),
        );
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

    /// Whose demand moves; nobody's, if nobody needs to answer, a robot asks, or the visitor's consent is not for that.
    fn demand<'q>(
        &self,
        visit: &Visit,
        qualified: &Qualified<'q>,
        block: Option<Block>,
    ) -> Option<Demand<'q>> {
        let route_path = &qualified.action.route_path.as_ref()?.id;
        let counts = (!visit.bot || visit.serve_bots) && visit.allows(purpose::STAFFING);
        let reason = block.map(Block::as_str);
        counts.then_some(Demand {
            route_path,
            action_map: &qualified.rule.definition,
            reason,
        })
    }

    /// What stands in the way of an offer, other offers aside.
    fn block(&self, memory: &Memory, visit: &Visit, action: &Action) -> Option<Block> {
        let page = visit.last_page();
        let page = Facts::Page(&page);
        let now = self.now.created;
        let checks = [
            (visit.bot && !visit.serve_bots, Block::Bot),
            (
                action.starts.is_some_and(|starts| now < starts),
                Block::TriggerDateInFuture,
            ),
            (
                action.ends.is_some_and(|ends| now >= ends),
                Block::OfferedOutsideSchedule,
            ),
            (is_regulated(&memory.stay.page_class), Block::RegulatedPage),
            (!visit.allows(purpose::PERSONALISATION), Block::NoConsent),
            (
                !action.page.iter().all(|test| test.holds(&page)),
                Block::PageUrlConditionsNotMatching,
            ),
            (
                is_known_away(memory, visit) || memory.left_at.is_some(),
                Block::VisitorAway,
            ),
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
        let blocked = BlockedWebActionOfferEvent {
            action_map: qualified.rule.definition.clone(),
            blocking_reason: block.as_str().into(),
            blocking_action_map_id: map,
            blocking_action_id: offer,
            ..BlockedWebActionOfferEvent::default()
        };
        self.tell_of(memory, visit, About::Blocked(blocked));
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
            at: self.now.created,
            trigger: self.now.trigger,
        });
        self.count(&OFFERS_TOTAL, "offered");
        self.tell_of(
            memory,
            visit,
            About::Action(qualified.event(State::Offered)),
        );
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
        known.open = Some(Box::new(offer));
        self.signal_change(&mut known, Vec::new());
        memory.offers.push(known);
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
