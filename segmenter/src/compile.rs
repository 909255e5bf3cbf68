//! Definitions, compiled: what can match, in the order in which it is told, and the index that finds it.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use journey::definitions::DefinitionSet;

use crate::{
    index::Index,
    rule::{self, Kind, Rule},
};

/// Everything in force, compiled once for all tasks of a process.
#[derive(Debug, Default)]
pub(crate) struct Compiled {
    /// The definitions themselves.
    pub(crate) set: Arc<DefinitionSet>,
    /// Segments, outcomes, action maps; each kind in order of id.
    pub(crate) rules: Vec<Rule>,
    /// Steps by the events that may meet them.
    pub(crate) events: Index,
    /// Rules without steps by the visits that may meet them.
    pub(crate) contexts: Index,
    /// Whether any rule looks at the visit.
    pub(crate) looks_at_visits: bool,
}

/// What was compiled and is still in use.
static KNOWN: Mutex<Vec<Weak<Compiled>>> = Mutex::new(Vec::new());

impl Compiled {
    /// The set, compiled; once for all who hold the same set.
    pub(crate) fn shared(set: &Arc<DefinitionSet>) -> Arc<Compiled> {
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|compiled| compiled.strong_count() > 0);
        if let Some(compiled) = known
            .iter()
            .filter_map(Weak::upgrade)
            .find(|c| Arc::ptr_eq(&c.set, set))
        {
            return compiled;
        }
        let compiled = Arc::new(Compiled::new(set));
        known.push(Arc::downgrade(&compiled));
        compiled
    }

    /// The set, compiled.
    pub(crate) fn new(set: &Arc<DefinitionSet>) -> Compiled {
        let segments = set.segments.iter().filter_map(rule::segment);
        let outcomes = set.outcomes.iter().filter_map(rule::outcome);
        let actions = set
            .action_maps
            .iter()
            .filter_map(|map| rule::action_map(map, set));
        let rules: Vec<Rule> = segments.chain(outcomes).chain(actions).collect();
        let mut events = Index::default();
        let mut contexts = Index::default();
        for (at, rule) in rules.iter().enumerate() {
            for (step, pattern) in rule.steps.iter().enumerate() {
                events.insert(
                    (at as u32, step as u32),
                    pattern.event_name.as_ref(),
                    &pattern.tests,
                );
            }
            if rule.steps.is_empty() && !rule.context.is_empty() {
                contexts.insert((at as u32, 0), None, &rule.context);
            }
        }
        events.finish();
        contexts.finish();
        let looks_at_visits = rules.iter().any(|rule| !rule.context.is_empty());
        Compiled {
            set: Arc::clone(set),
            rules,
            events,
            contexts,
            looks_at_visits,
        }
    }

    /// The version that is stamped into what is told.
    pub(crate) fn version(&self) -> i64 {
        self.set.version
    }

    /// Where the rule of this kind and id stands.
    pub(crate) fn find(&self, kind: Kind, id: &str) -> Option<usize> {
        self.rules
            .binary_search_by(|rule| {
                rule.kind()
                    .cmp(&kind)
                    .then_with(|| rule.definition.id.as_str().cmp(id))
            })
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use journey::{Timestamp, definitions::Definition};

    use super::*;

    fn check(json: &str, expected: usize) {
        let definition: Definition = serde_json::from_str(json).expect("a definition");
        let set = Arc::new(DefinitionSet::new(1, Timestamp(0), [definition]));
        assert_eq!(Compiled::new(&set).rules.len(), expected, "{json}");
    }

    #[test]
    fn what_can_never_match_is_left_out() {
        let segment =
            |rest: &str| format!(r#"{{"kind":"segment","id":"s","displayName":"S"{rest}}}"#);
        let journey = |pattern: &str| segment(&format!(r#","journey":{{"patterns":[{pattern}]}}"#));
        check(&segment(""), 0);
        check(&journey(r#"{"eventName":"bought"}"#), 1);
        check(&journey(r#"{"eventName":"bought","streamType":"App"}"#), 0);
        check(
            &journey(r#"{"eventName":"bought","streamType":"Web","sessionType":"web"}"#),
            1,
        );
        check(
            &journey(
                r#"{"criteria":[{"key":"page.colour","values":["a"],"operator":"notEqual"}]}"#,
            ),
            0,
        );
        check(
            &segment(r#","isActive":false,"journey":{"patterns":[{"eventName":"bought"}]}"#),
            0,
        );
        check(
            &segment(r#","scope":"Customer","journey":{"patterns":[{"eventName":"bought"}]}"#),
            0,
        );
    }

    #[test]
    fn tasks_that_hold_the_same_set_share_what_is_compiled() {
        let set = Arc::new(DefinitionSet::default());
        let held = Compiled::shared(&set);
        assert!(Arc::ptr_eq(&held, &Compiled::shared(&set)));
        assert!(!Arc::ptr_eq(
            &held,
            &Compiled::shared(&Arc::new(DefinitionSet::default()))
        ));
    }
}
