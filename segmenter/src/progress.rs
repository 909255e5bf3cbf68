//! How a visit gets on in its rules: by events, by staying on a page, by what the visit looks like.

use journey::{EventId, Text, Timestamp};

use crate::{
    compile::Compiled,
    fields::{self, Facts},
    index::Entry,
    operator::number,
    rule::{Goal, Kind, Rule, Step},
    state::{Clock, Memory, Progress},
    visit::Visit,
};

/// The most events that are named as evidence of one match.
const EVIDENCE: usize = 8;
/// The most events that a visit remembers as evidence of matches to come.
const EVIDENCE_OF_VISIT: usize = 1_000;

/// What set a match off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Event,
    Dwell,
    Segment,
}

/// A rule that is met.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hit {
    pub(crate) rule: usize,
    pub(crate) cause: Cause,
    pub(crate) event_id: EventId,
    pub(crate) evidence: Vec<EventId>,
    pub(crate) value: Option<f64>,
}

/// What happened, as rules see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) facts: Facts<'a>,
    pub(crate) event_id: &'a EventId,
    pub(crate) at: Timestamp,
    /// It happened on the page that the visit is on: dwell counts from here.
    pub(crate) current: bool,
    /// An event, not merely a page that the visit is on.
    pub(crate) counts: bool,
}

impl Compiled {
    /// The rules that an event makes the visit meet, in order.
    pub(crate) fn see(&self, memory: &mut Memory, visit: &Visit, seen: Seen<'_>) -> Vec<Hit> {
        self.see_among(memory, visit, seen, &self.events.candidates(&seen.facts))
    }

    /// [`Compiled::see`] with the steps that the event may meet: in order of rule.
    pub(crate) fn see_among(
        &self,
        memory: &mut Memory,
        visit: &Visit,
        seen: Seen<'_>,
        candidates: &[Entry],
    ) -> Vec<Hit> {
        let mut hits = Vec::new();
        let mut done = None;
        for (at, step) in candidates {
            let rule = &self.rules[*at as usize];
            if done == Some(*at) || memory.step(rule) != *step || memory.has_met(rule) {
                continue;
            }
            done = Some(*at);
            if advance(memory, rule, seen)
                && let Some(hit) =
                    self.met(memory, visit, *at as usize, Cause::Event, seen.event_id)
            {
                hits.push(hit);
            }
        }
        hits
    }

    /// The rules that the visit meets by what it looks like, in order, if it looks different from before.
    pub(crate) fn look(&self, memory: &mut Memory, visit: &Visit, event_id: &EventId) -> Vec<Hit> {
        if !self.looks_at_visits {
            return Vec::new();
        }
        let context = fields::context_fingerprint(visit, self.version());
        if context == memory.context {
            return Vec::new();
        }
        memory.context = context;
        let facts = Facts::Visit(visit);
        let mut rules: Vec<usize> = self
            .contexts
            .candidates(&facts)
            .iter()
            .map(|(rule, _)| *rule as usize)
            .collect();
        let waiting = memory.progress.iter().filter_map(|progress| {
            let rule = self.rule_of(progress.kind, &progress.rule.id)?;
            (progress.step as usize >= self.rules[rule].steps.len()).then_some(rule)
        });
        rules.extend(waiting);
        rules.sort_unstable();
        rules.dedup();
        let unmet = |rule: &usize| !memory.has_met(&self.rules[*rule]);
        let rules: Vec<usize> = rules.into_iter().filter(unmet).collect();
        rules
            .into_iter()
            .filter_map(|rule| self.met(memory, visit, rule, Cause::Event, event_id))
            .collect()
    }

    /// The rules that the visit meets because its dwell clocks reached `deadline`, in order.
    pub(crate) fn strike(
        &self,
        memory: &mut Memory,
        visit: &Visit,
        deadline: Timestamp,
    ) -> Vec<Hit> {
        let due: Vec<usize> = memory
            .deadlines()
            .filter(|(_, at)| *at == deadline)
            .map(|(clock, _)| clock)
            .collect();
        let mut hits = Vec::new();
        for clock in due {
            memory.clocks[clock].fired = true;
            let clock = memory.clocks[clock].clone();
            let Some(at) = self.rule_of(clock.kind, &clock.rule.id) else {
                continue;
            };
            let rule = &self.rules[at];
            if rule.definition != clock.rule
                || memory.step(rule) != clock.step
                || memory.has_met(rule)
            {
                continue;
            }
            let Some(step) = rule.steps.get(clock.step as usize) else {
                continue;
            };
            if count(memory.progress_of(rule), step, Some(&clock.event_id)) {
                hits.extend(self.met(memory, visit, at, Cause::Dwell, &clock.event_id));
            }
        }
        hits.sort_by_key(|hit| hit.rule);
        hits
    }

    /// The action maps that wait for one of these segments, in order.
    pub(crate) fn triggered_by(
        &self,
        memory: &mut Memory,
        visit: &Visit,
        segments: &[Text],
        event_id: &EventId,
    ) -> Vec<Hit> {
        if segments.is_empty() {
            return Vec::new();
        }
        let mut hits = Vec::new();
        for (at, rule) in self
            .rules
            .iter()
            .enumerate()
            .rev()
            .take_while(|(_, rule)| rule.kind() == Kind::ActionMap)
        {
            let triggers = rule
                .action()
                .is_some_and(|action| action.segments.iter().any(|id| segments.contains(id)));
            if triggers && !memory.has_met(rule) {
                hits.extend(self.met(memory, visit, at, Cause::Segment, event_id));
            }
        }
        hits.reverse();
        hits
    }

    fn rule_of(&self, kind: u8, id: &str) -> Option<usize> {
        let kind = [Kind::Segment, Kind::Outcome, Kind::ActionMap]
            .into_iter()
            .find(|known| *known as u8 == kind)?;
        self.find(kind, id)
    }

    /// The hit, if every step is met, and all that the rule asks of the visit.
    fn met(
        &self,
        memory: &mut Memory,
        visit: &Visit,
        at: usize,
        cause: Cause,
        event_id: &EventId,
    ) -> Option<Hit> {
        let rule = &self.rules[at];
        let facts = Facts::Visit(visit);
        let in_segment = rule.action().is_none_or(|action| {
            action.segments.is_empty()
                || memory
                    .segments
                    .iter()
                    .any(|assigned| action.segments.contains(&assigned.segment.id))
        });
        let complete = memory.step(rule) as usize >= rule.steps.len();
        if !complete || !in_segment || !rule.context.iter().all(|test| test.holds(&facts)) {
            return None;
        }
        let progress = memory.take_progress(rule);
        let mut evidence = progress.evidence;
        if rule.steps.is_empty() {
            evidence.push(event_id.clone());
        }
        Some(Hit {
            rule: at,
            cause,
            event_id: event_id.clone(),
            evidence,
            value: progress.value,
        })
    }
}

/// Takes an event into a rule's progress, as many steps as it meets. Whether that was the last step.
fn advance(memory: &mut Memory, rule: &Rule, seen: Seen<'_>) -> bool {
    loop {
        let at = memory.step(rule);
        let Some(step) = rule.steps.get(at as usize) else {
            return true;
        };
        if !step.meets(&seen.facts) {
            return false;
        }
        if let Some(dwell) = step.dwell {
            if seen.current {
                memory.arm(rule, at, dwell, step.presence, seen);
            }
            note_value(memory, rule, seen);
            return false;
        }
        if !seen.counts {
            return false;
        }
        note_value(memory, rule, seen);
        let room = memory
            .progress
            .iter()
            .map(|p| p.evidence.len())
            .sum::<usize>()
            < EVIDENCE_OF_VISIT;
        if !count(
            memory.progress_of(rule),
            step,
            room.then_some(seen.event_id),
        ) && memory.step(rule) == at
        {
            return false;
        }
    }
}

/// Counts one match of the step. Whether that was the last step.
fn count(progress: (&mut Progress, usize), step: &Step, event_id: Option<&EventId>) -> bool {
    let (progress, steps) = progress;
    if let Some(event_id) = event_id
        && progress.evidence.len() < EVIDENCE
        && progress.evidence.last() != Some(event_id)
    {
        progress.evidence.push(event_id.clone());
    }
    progress.count += 1;
    if progress.count >= step.count {
        progress.step += 1;
        progress.count = 0;
    }
    progress.step as usize >= steps
}

/// Remembers what the event says an outcome is worth.
fn note_value(memory: &mut Memory, rule: &Rule, seen: Seen<'_>) {
    let Goal::Outcome {
        value: Some(name), ..
    } = &rule.goal
    else {
        return;
    };
    let value = seen
        .facts
        .attributes()
        .into_iter()
        .find(|(known, _)| name == known)
        .and_then(|(_, value)| number(value));
    memory.progress_of(rule).0.value = value;
}

impl Memory {
    /// Whether the visit met the rule, at whatever version.
    pub(crate) fn has_met(&self, rule: &Rule) -> bool {
        let id = &rule.definition.id;
        match rule.kind() {
            Kind::Segment => self
                .segments
                .iter()
                .any(|assigned| assigned.segment.id == *id),
            Kind::Outcome => self
                .outcomes
                .iter()
                .any(|achieved| achieved.outcome.id == *id),
            Kind::ActionMap => self.qualified.contains(id),
        }
    }

    fn begun(&self, rule: &Rule) -> Option<usize> {
        let kind = rule.kind() as u8;
        self.progress
            .iter()
            .position(|known| known.kind == kind && known.rule.id == rule.definition.id)
    }

    /// How many of the rule's steps are met. Another version of it starts afresh.
    fn step(&self, rule: &Rule) -> u32 {
        let known = self.begun(rule).map(|at| &self.progress[at]);
        known
            .filter(|known| known.rule.version == rule.definition.version)
            .map_or(0, |known| known.step)
    }

    /// The progress in a rule, and how many steps it has.
    fn progress_of(&mut self, rule: &Rule) -> (&mut Progress, usize) {
        let fresh = || Progress {
            kind: rule.kind() as u8,
            rule: rule.definition.clone(),
            ..Progress::default()
        };
        let at = self.begun(rule).unwrap_or_else(|| {
            self.progress.push(fresh());
            self.progress.len() - 1
        });
        if self.progress[at].rule.version != rule.definition.version {
            self.progress[at] = fresh();
        }
        (&mut self.progress[at], rule.steps.len())
    }

    fn take_progress(&mut self, rule: &Rule) -> Progress {
        self.begun(rule)
            .map(|at| self.progress.remove(at))
            .unwrap_or_default()
    }

    /// Sets a dwell clock going, once in a stay.
    fn arm(
        &mut self,
        rule: &Rule,
        step: u32,
        dwell: journey::Millis,
        presence: bool,
        seen: Seen<'_>,
    ) {
        let kind = rule.kind() as u8;
        let known = |clock: &Clock| {
            clock.kind == kind && clock.rule == rule.definition && clock.step == step
        };
        if self.clocks.iter().any(known) {
            return;
        }
        let reached = self.stay.since.unwrap_or(seen.at);
        let start = if presence {
            self.back_at.map_or(reached, |back| back.max(reached))
        } else {
            reached
        };
        self.clocks.push(Clock {
            kind,
            rule: rule.definition.clone(),
            step,
            event_id: seen.event_id.clone(),
            armed_at: seen.at,
            start,
            dwell,
            presence,
            paused: presence && self.away,
            fired: false,
        });
    }
}
