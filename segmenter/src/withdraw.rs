//! Taking an offer back that the visitor has not decided on.

use journey::{EventId, offer::DisplayCondition, web_event::purpose};

use crate::{
    fields::Facts,
    known_offer::State,
    offers::is_regulated,
    operator::Test,
    output::{OFFERS_TOTAL, OFFERS_WITHDRAWN_TOTAL, Output},
    rule::Kind,
    state::Memory,
    teller::Teller,
    told::About,
    visit::Visit,
};

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

impl Teller<'_> {
    /// Takes back every offer of the visit that is open.
    pub(crate) fn withdraw(&mut self, memory: &mut Memory, visit: &Visit, why: Withdrawal) {
        for at in 0..memory.offers.len() {
            self.take_back(memory, visit, at, why);
        }
    }

    /// Takes back every offer that cannot stand by what the visit's last event says.
    pub(crate) fn withdraw_from_page(&mut self, memory: &mut Memory, visit: &Visit) {
        for at in 0..memory.offers.len() {
            if let Some(why) = self.page_withdrawal(memory, visit, at) {
                self.take_back(memory, visit, at, why);
            }
        }
    }

    fn take_back(&mut self, memory: &mut Memory, visit: &Visit, at: usize, why: Withdrawal) {
        let Some(mut offer) = memory.offers[at].open.take() else {
            return;
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
            at: now.created,
            trigger: now.trigger,
        });
        self.count(&OFFERS_TOTAL, "withdrawn");
        self.count(&OFFERS_WITHDRAWN_TOTAL, why.as_str());
        self.tell_of(memory, visit, About::Action(event));
        self.now = now;
    }

    /// Why the offer, if it is open, cannot stand by what the visit's last event says: its consent, its page.
    fn page_withdrawal(&self, memory: &Memory, visit: &Visit, at: usize) -> Option<Withdrawal> {
        let known = &memory.offers[at];
        let open = known.open.as_deref()?;
        let map = &known.action_map.id;
        if self.compiled.find(Kind::ActionMap, map).is_none() {
            return Some(Withdrawal::DefinitionDeactivated);
        }
        if !visit.allows(purpose::PERSONALISATION) {
            return Some(Withdrawal::ConsentWithdrawn);
        }
        let page = visit.last_page();
        let page = Facts::Page(&page);
        let conditions = open.display_conditions.iter();
        let stands = !is_regulated(&memory.stay.page_class)
            && conditions
                .filter_map(display_test)
                .all(|test| test.holds(&page));
        (!stands).then_some(Withdrawal::PageLeft)
    }
}

/// What an offer was made under: whatever the definitions say by now.
fn display_test(condition: &DisplayCondition) -> Option<Test> {
    let operator = serde_json::from_value(condition.operator.as_str().into()).ok()?;
    Test::new("page.url", operator, &condition.values, false)
}
