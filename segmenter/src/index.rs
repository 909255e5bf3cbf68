//! Which rules an event or a visit can touch at all: what one event costs grows with these, not with all definitions.
//!
//! Each step of a rule is filed under one condition that it cannot do without: an equality, a piece of text, an event name, a
//! field that must be there. What the index finds is a superset of what matches; every find is checked in full.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, MatchKind};
use journey::{Text, definitions::Operator, web_event::PAGE_VIEWED};

use crate::{
    fields::{Facts, Field},
    operator::{Test, folded, number},
};

/// A rule and one of its steps.
pub(crate) type Entry = (u32, u32);

/// The steps of all rules, by a condition that each cannot do without.
#[derive(Debug, Default)]
pub(crate) struct Index {
    always: Vec<Entry>,
    names: HashMap<Text, Vec<Entry>>,
    fields: Vec<(Field, Lookup)>,
    attributes: HashMap<Text, Lookup>,
}

/// The steps that are filed under one field.
#[derive(Debug, Default)]
struct Lookup {
    present: Vec<Entry>,
    exact: HashMap<Text, Vec<Entry>>,
    folded: HashMap<Text, Vec<Entry>>,
    numbers: HashMap<u64, Vec<Entry>>,
    pieces: Pieces,
    folded_pieces: Pieces,
}

/// Pieces of text, all looked for in one pass.
#[derive(Debug, Default)]
struct Pieces {
    words: Vec<Text>,
    entries: Vec<Vec<Entry>>,
    known: HashMap<Text, usize>,
    automaton: Option<AhoCorasick>,
}

/// What a step is filed under, the most telling first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Anchor {
    Value,
    Name,
    Piece,
    CommonName,
    Presence,
}

impl Index {
    /// Files a step under the most telling of its conditions.
    pub(crate) fn insert(&mut self, entry: Entry, event_name: Option<&Text>, tests: &[Test]) {
        let by_test = tests
            .iter()
            .filter_map(|test| Some((anchor(test)?, test)))
            .min_by_key(|(anchor, _)| *anchor);
        let by_name = event_name.map(|name| {
            (
                if name == PAGE_VIEWED {
                    Anchor::CommonName
                } else {
                    Anchor::Name
                },
                name,
            )
        });
        match (by_test, by_name) {
            (Some((kind, test)), None) => self.file(entry, kind, test),
            (Some((kind, test)), Some((other, _))) if kind < other => self.file(entry, kind, test),
            (_, Some((_, name))) => self.names.entry(name.clone()).or_default().push(entry),
            (None, None) => self.always.push(entry),
        }
    }

    fn file(&mut self, entry: Entry, kind: Anchor, test: &Test) {
        let lookup = match &test.field {
            Field::Attribute(name) => self.attributes.entry(name.clone()).or_default(),
            field => {
                let at = self
                    .fields
                    .iter()
                    .position(|(known, _)| known == field)
                    .unwrap_or_else(|| {
                        self.fields.push((field.clone(), Lookup::default()));
                        self.fields.len() - 1
                    });
                &mut self.fields[at].1
            }
        };
        match kind {
            Anchor::Presence => lookup.present.push(entry),
            Anchor::Piece => lookup.file_pieces(entry, test),
            Anchor::Value | Anchor::Name | Anchor::CommonName => lookup.file_values(entry, test),
        }
    }

    /// Builds what is looked up in one pass. Nothing can be filed afterwards.
    pub(crate) fn finish(&mut self) {
        for (_, lookup) in &mut self.fields {
            lookup.finish();
        }
        #[allow(clippy::iter_over_hash_type, reason = "each is finished on its own")]
        for lookup in self.attributes.values_mut() {
            lookup.finish();
        }
    }

    /// The steps that these facts may meet, in order, each once.
    pub(crate) fn candidates(&self, facts: &Facts<'_>) -> Vec<Entry> {
        let mut found = self.always.clone();
        if let Some(entries) = facts.event_name().and_then(|name| self.names.get(name)) {
            found.extend_from_slice(entries);
        }
        for (field, lookup) in &self.fields {
            if let Some(value) = facts.value(field) {
                lookup.find(value, &mut found);
            }
        }
        if !self.attributes.is_empty() {
            for (name, value) in facts.attributes() {
                if let Some(lookup) = self.attributes.get(name) {
                    lookup.find(value, &mut found);
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// What a test can be filed under; `None` for tests that a missing field meets.
fn anchor(test: &Test) -> Option<Anchor> {
    let pieces = !test.values.is_empty() && test.values.iter().all(|value| !value.is_empty());
    match test.operator {
        Operator::NotEqual | Operator::NotContainsAny | Operator::NotContainsAll => None,
        Operator::Equal
            if test.field == Field::EventName && test.values.iter().any(|v| v == PAGE_VIEWED) =>
        {
            Some(Anchor::CommonName)
        }
        Operator::Equal => Some(Anchor::Value),
        Operator::ContainsAny
        | Operator::ContainsAll
        | Operator::StartsWith
        | Operator::EndsWith
            if pieces =>
        {
            Some(Anchor::Piece)
        }
        _ => Some(Anchor::Presence),
    }
}

impl Lookup {
    fn file_values(&mut self, entry: Entry, test: &Test) {
        for value in &test.values {
            if let Some(number) = number(value) {
                self.numbers
                    .entry(number_key(number))
                    .or_default()
                    .push(entry);
            } else if test.fold {
                self.folded.entry(value.clone()).or_default().push(entry);
            } else {
                self.exact.entry(value.clone()).or_default().push(entry);
            }
        }
    }

    fn file_pieces(&mut self, entry: Entry, test: &Test) {
        let pieces = if test.fold {
            &mut self.folded_pieces
        } else {
            &mut self.pieces
        };
        if test.operator == Operator::ContainsAll {
            if let Some(longest) = test.values.iter().max_by_key(|value| value.len()) {
                pieces.file(longest, entry);
            }
            return;
        }
        for value in &test.values {
            pieces.file(value, entry);
        }
    }

    fn finish(&mut self) {
        self.pieces.finish();
        self.folded_pieces.finish();
    }

    fn find(&self, value: &str, found: &mut Vec<Entry>) {
        found.extend_from_slice(&self.present);
        let mut take = |entries: Option<&Vec<Entry>>| {
            found.extend_from_slice(entries.map_or(&[], Vec::as_slice))
        };
        if !self.exact.is_empty() {
            take(self.exact.get(value));
        }
        if !self.numbers.is_empty()
            && let Some(number) = number(value)
        {
            take(self.numbers.get(&number_key(number)));
        }
        if !self.folded.is_empty() || !self.folded_pieces.words.is_empty() {
            let value = folded(value);
            take(self.folded.get(value.as_ref()));
            self.folded_pieces.find(&value, found);
        }
        self.pieces.find(value, found);
    }
}

/// Equal numbers have equal keys.
fn number_key(number: f64) -> u64 {
    (number + 0.0).to_bits()
}

impl Pieces {
    fn file(&mut self, word: &Text, entry: Entry) {
        let at = *self.known.entry(word.clone()).or_insert(self.words.len());
        if at == self.words.len() {
            self.words.push(word.clone());
            self.entries.push(Vec::new());
        }
        self.entries[at].push(entry);
    }

    fn finish(&mut self) {
        if self.words.is_empty() {
            return;
        }
        let words = self.words.iter().map(|word| word.as_bytes());
        self.automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(words)
            .ok();
    }

    fn find(&self, value: &str, found: &mut Vec<Entry>) {
        match &self.automaton {
            Some(automaton) => {
                for hit in automaton.find_overlapping_iter(value) {
                    found.extend_from_slice(&self.entries[hit.pattern().as_usize()]);
                }
            }
            // More pieces than one automaton holds: one by one.
            None => {
                for (word, entries) in self.words.iter().zip(&self.entries) {
                    if value.contains(word.as_str()) {
                        found.extend_from_slice(entries);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use journey::web_event::{Activity, Attribute, Page};

    use super::*;
    use crate::input::Deed;

    fn test(key: &str, operator: Operator, values: &[&str], fold: bool) -> Test {
        let values: Vec<Text> = values.iter().map(|v| Text::from(*v)).collect();
        Test::new(key, operator, &values, fold).expect("a key")
    }

    fn check(event_name: Option<&str>, tests: &[Test], event: &Activity, expected: bool) {
        let mut index = Index::default();
        index.insert((7, 0), event_name.map(Text::from).as_ref(), tests);
        index.finish();
        let encoded = schemas::to_bytes(event);
        let found = index.candidates(&Facts::Event(&Deed::of(&encoded)));
        assert_eq!(found == [(7, 0)], expected, "{event_name:?} {tests:?}");
    }

    #[test]
    fn a_step_is_found_by_the_condition_it_is_filed_under() {
        let plan = (
            "plan".into(),
            Attribute {
                data_type: "number".into(),
                value: "10.0".into(),
            },
        );
        let page = Page {
            url: "https://shop/Pricing/all".into(),
            ..Page::default()
        };
        let event = Activity {
            event_name: "page_viewed".into(),
            page,
            attributes: vec![plan],
            ..Activity::default()
        };
        let url = |operator, values: &[&str], fold| [test("page.url", operator, values, fold)];
        let plan =
            |operator, value: &str| [test("attributes.plan.value", operator, &[value], false)];
        check(
            None,
            &url(Operator::ContainsAny, &["x", "Pricing"], false),
            &event,
            true,
        );
        check(
            None,
            &url(Operator::ContainsAny, &["pricing"], false),
            &event,
            false,
        );
        check(
            None,
            &url(Operator::ContainsAny, &["pricing"], true),
            &event,
            true,
        );
        check(
            None,
            &url(Operator::ContainsAll, &["all", "missing-word"], false),
            &event,
            false,
        );
        check(
            None,
            &url(Operator::StartsWith, &["https://shop"], false),
            &event,
            true,
        );
        check(None, &plan(Operator::Equal, "10"), &event, true);
        check(None, &plan(Operator::Equal, "11"), &event, false);
        check(None, &plan(Operator::GreaterThan, "99"), &event, true);
        check(None, &plan(Operator::NotEqual, "10"), &event, true);
        check(Some("page_viewed"), &[], &event, true);
        check(Some("bought"), &[], &event, false);
        check(
            Some("page_viewed"),
            &url(Operator::EndsWith, &["nothing"], false),
            &event,
            false,
        );
    }
}
