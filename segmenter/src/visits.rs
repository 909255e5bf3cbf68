//! One record of a visit, and what follows from it.

use journey::{
    EventId, Text, Timestamp,
    journey_event::{
        AssignedSegment, ConsentEvent, Named, OutcomeAchievedEvent, OutcomeAchievement,
        SegmentAssignment, SegmentAssignmentEvent, SessionEvent,
    },
    visit::end_reason,
    web_event::{Control, Forget},
};
use schemas::record::text;

use crate::{
    fields::Facts,
    input::{Cause, Deed, Happening, Kind as What},
    offers::is_known_away,
    output::{OUTCOMES_REACHED_TOTAL, Output, SEGMENTS_MATCHED_TOTAL},
    progress::{Hit, Seen},
    rule::{Goal, Kind},
    state::{Memory, Visitor},
    teller::{COUNT_ONLY, Teller},
    told::About,
    visit::Visit,
    withdraw::Withdrawal,
};

impl Teller<'_> {
    /// `activity`: the event itself, and all that it makes the visit meet.
    pub(crate) fn activity(
        &mut self,
        memory: &mut Memory,
        visit: &Visit,
        page_since: Option<Timestamp>,
        cause: &Cause,
        ping: bool,
    ) {
        memory.note(visit);
        let activity = cause.activity.as_ref();
        let deed = activity.map_or_else(Deed::default, |activity| Deed::of(activity.bytes()));
        let current = is_on(&deed, visit, page_since, cause.occurred_at);
        let turned = memory.turn(visit, page_since, current.then_some(cause.page_class()));
        if cause.page_class() == COUNT_ONLY {
            self.withdraw_from_page(memory, visit);
            self.out.push(Output::Suppressed(COUNT_ONLY));
            return;
        }
        let at = cause.occurred_at;
        let mut hits = Vec::new();
        let seen = |facts, at, current, counts| Seen {
            facts,
            event_id: &cause.event_id,
            at,
            current,
            counts,
        };
        if !ping {
            let seen = seen(Facts::Event(&deed), at, current, true);
            hits = self.compiled.see(memory, visit, seen);
        }
        if turned && (ping || !current) && memory.stay.page_class != COUNT_ONLY {
            let page = visit.last_page();
            let seen = seen(Facts::Page(&page), page_since.unwrap_or(at), true, false);
            hits.extend(self.compiled.see(memory, visit, seen));
        }
        hits.extend(self.compiled.look(memory, visit, &cause.event_id));
        hits.sort_by_key(|hit| hit.rule);
        if !ping {
            self.tell_activity(memory, visit, cause);
        }
        let actions = self.follow(memory, visit, hits, &cause.event_id);
        self.withdraw_from_page(memory, visit);
        self.qualify(memory, visit, &actions);
    }

    fn tell_activity(&mut self, memory: &mut Memory, visit: &Visit, cause: &Cause) {
        let about = About::Web(cause.activity.clone());
        let mut told = self.envelope(memory, visit, about);
        told.authenticated = cause.authenticated;
        told.bot = cause.bot || visit.bot;
        if told.page_class != cause.page_class() {
            told.page_class = cause.page_class().into();
        }
        told.consent = cause.consent.clone();
        self.tell(told);
    }

    /// What rules that are met mean: assignments, then outcomes. Gives the action maps that are met, those that the assignments
    /// trigger among them.
    pub(crate) fn follow(
        &mut self,
        memory: &mut Memory,
        visit: &Visit,
        mut hits: Vec<Hit>,
        cause: &EventId,
    ) -> Vec<Hit> {
        let of = |hit: &Hit| self.compiled.rules[hit.rule].kind();
        let mut actions: Vec<Hit> = hits
            .extract_if(.., |hit| of(hit) == Kind::ActionMap)
            .collect();
        let mut assigned = Vec::new();
        for hit in hits {
            match of(&hit) {
                Kind::Segment => assigned.push(self.assign(memory, visit, hit)),
                _ => self.achieve(memory, visit, hit),
            }
        }
        let triggered = self.compiled.triggered_by(memory, visit, &assigned, cause);
        actions.extend(
            triggered
                .into_iter()
                .filter(|hit| !actions.iter().any(|known| known.rule == hit.rule))
                .collect::<Vec<_>>(),
        );
        actions
    }

    fn assign(&mut self, memory: &mut Memory, visit: &Visit, hit: Hit) -> Text {
        let rule = &self.compiled.rules[hit.rule];
        let id = rule.definition.id.clone();
        let Goal::Segment {
            display_name,
            for_agents,
        } = &rule.goal
        else {
            return id;
        };
        let now = self.now.clone();
        memory.segments.push(SegmentAssignment {
            segment: rule.definition.clone(),
            assigned_date: now.created,
        });
        self.now = now.because_of(&hit.event_id);
        let assigned = SegmentAssignmentEvent {
            segment: AssignedSegment {
                id: id.clone(),
                version: rule.definition.version,
                display_name: display_name.clone(),
                should_display_to_agent: *for_agents,
            },
            assignment_state: "Assigned".into(),
            date_assigned: now.created,
            date_for_unassignment: None,
            evidence: hit.evidence,
        };
        self.tell_of(memory, visit, About::Segment(assigned));
        self.count(&SEGMENTS_MATCHED_TOTAL, hit.cause.as_str());
        self.now = now;
        id
    }

    fn achieve(&mut self, memory: &mut Memory, visit: &Visit, hit: Hit) {
        let rule = &self.compiled.rules[hit.rule];
        let Goal::Outcome {
            display_name,
            positive,
            ..
        } = &rule.goal
        else {
            return;
        };
        let now = self.now.clone();
        let outcome = rule.definition.clone();
        memory.outcomes.push(OutcomeAchievement {
            outcome,
            achieved_date: now.created,
            value: hit.value,
        });
        self.now = now.because_of(&hit.event_id);
        let id = rule.definition.id.clone();
        let achieved = OutcomeAchievedEvent {
            outcome: Named {
                id,
                version: rule.definition.version,
                display_name: display_name.clone(),
            },
            associated_value: hit.value,
            touchpoints: memory
                .offers
                .iter()
                .map(|offer| offer.id.0.clone())
                .collect(),
        };
        self.tell_of(memory, visit, About::Outcome(achieved));
        self.count(
            &OUTCOMES_REACHED_TOTAL,
            if *positive { "positive" } else { "negative" },
        );
        self.now = now;
    }

    /// `started`, `idle`, `away`, `resumed`, `ended` and `merged`.
    pub(crate) fn transition(
        &mut self,
        memory: &mut Memory,
        visit: &Visit,
        input: &Happening,
        kind: What,
    ) {
        memory.note(visit);
        match kind {
            What::Away => memory.leave(),
            What::Resumed => memory.come_back(input.time),
            _ => {}
        }
        let merged_into = input.merged_into.clone();
        let reason = input
            .reason
            .clone()
            .or_else(|| visit.end_reason.clone().filter(|_| kind == What::Ended));
        let event = SessionEvent {
            state: kind.as_str().into(),
            merged_into,
            reason,
        };
        self.tell_of(memory, visit, About::Session(event));
        if kind == What::Away && is_known_away(memory, visit) {
            self.withdraw(memory, visit, Withdrawal::VisitorAway);
        }
        if kind == What::Ended {
            let why = match input.reason.as_deref().or(visit.end_reason.as_deref()) {
                Some(end_reason::CONSENT_WITHDRAWN) => Withdrawal::ConsentWithdrawn,
                Some(end_reason::ERASED) => Withdrawal::Erased,
                _ => Withdrawal::VisitEnded,
            };
            self.withdraw(memory, visit, why);
            memory.end(input.time, why != Withdrawal::VisitEnded);
        }
    }

    /// `control`: takes back what is open and says that consent changed. Whether the visitor is to be
    /// forgotten then: consent withdrawn for other purposes than visits leaves the visits alone.
    pub(crate) fn control(&mut self, visitor: &mut Visitor, input: &Happening) -> bool {
        let control = input
            .cause
            .as_ref()
            .and_then(|cause| cause.control.as_ref());
        let erased = control.is_some_and(Control::erases);
        let (state, why) = match erased {
            true => ("erased", Withdrawal::Erased),
            false => ("withdrawn", Withdrawal::ConsentWithdrawn),
        };
        let shown = |memory: &Memory| {
            memory
                .seen
                .as_deref()
                .or(input.visit.as_ref())
                .cloned()
                .unwrap_or_default()
        };
        for memory in &mut visitor.visits {
            let visit = shown(memory);
            self.withdraw(memory, &visit, why);
            // From now on consent is for what this record shows.
            if let Some(now) = input.visit.as_ref().filter(|visit| visit.id == memory.id) {
                memory.keep(now.clone());
            }
        }
        let mut nowhere = Memory::default();
        let known = !visitor.visits.is_empty();
        let open = visitor
            .visits
            .iter()
            .rposition(|memory| memory.ended_at.is_none());
        let at = open.unwrap_or(visitor.visits.len().saturating_sub(1));
        let memory = visitor.visits.get_mut(at).unwrap_or(&mut nowhere);
        let visit = shown(memory);
        let about = About::Consent(ConsentEvent {
            state: state.into(),
            purposes: control.map_or_else(Vec::new, |control| control.purposes.clone()),
        });
        let mut told = self.envelope(memory, &visit, about);
        if !known {
            let cause = input
                .cause
                .as_ref()
                .map_or("", |cause| cause.event_id.as_str());
            let parts = [self.customer.as_str(), "control", cause];
            told.id = journey::id::derive(&parts.map(str::as_bytes));
            told.sequence = 0;
        }
        let forget = control.is_none_or(|control| control.forget() != Forget::Nothing);
        self.tell(told);
        forget
    }
}

/// Whether an event happened on the page that the visit is on now.
fn is_on(deed: &Deed<'_>, visit: &Visit, page_since: Option<Timestamp>, at: Timestamp) -> bool {
    let url = visit.last_url();
    !url.is_empty() && text(deed.page.url) == url && page_since.is_none_or(|since| at >= since)
}
