//! `docs/definitions.md` is held against the types that read definition files: their members, the defaults, what cannot be left out.

use std::collections::{BTreeMap, BTreeSet};

use journey::definitions::{CONTEXT_KEYS, Definition, EVENT_KEYS, validate};
use serde_json::Value;

use crate::{blocks, read};

/// A table's heading, and where in the document's own examples such an object stands: kind, and the place in it.
const TABLES: &[(&str, &str, &str)] = &[
    ("deployment", "deployment", ""),
    ("consent", "deployment", "/consent"),
    ("needed purposes", "deployment", "/consent/purposes"),
    ("trait mapping", "deployment", "/traitsMapper/0"),
    ("pageClass", "pageClass", ""),
    ("segment", "segment", ""),
    ("outcome", "outcome", ""),
    ("value field", "outcome", "/associatedValueField"),
    ("criterion", "segment", "/context/patterns/0/criteria/0"),
    ("journey pattern", "segment", "/journey/patterns/0"),
    ("actionMap", "actionMap", ""),
    (
        "event condition",
        "actionMap",
        "/triggerWithEventConditions/0",
    ),
    ("page URL condition", "actionMap", "/pageUrlConditions/0"),
    ("activation", "actionMap", "/activation"),
    ("routePath", "routePath", ""),
];

/// The examples of the document, by kind.
fn examples(text: &str) -> BTreeMap<String, Value> {
    let mut examples = BTreeMap::new();
    for block in blocks(text, "json") {
        let json: Value = serde_json::from_str(&block.join("\n")).expect("an example is JSON");
        let each = match json {
            Value::Array(each) => each,
            one => vec![one],
        };
        for example in each {
            let kind = example["kind"].as_str().expect("a kind").to_owned();
            examples.insert(kind, example);
        }
    }
    examples
}

/// The examples, with all that the tables need and a beginner does not.
fn with_parts_of_a_deployment(text: &str) -> BTreeMap<String, Value> {
    let mut examples = examples(text);
    let deployment = examples.get_mut("deployment").expect("the first example");
    let uses = ["visits", "personalisation", "staffing", "contact"].map(|name| (name, ["1"]));
    let uses: BTreeMap<_, _> = uses.into_iter().collect();
    deployment["consent"] = serde_json::json!({ "mode": "required", "purposes": uses });
    deployment["traitsMapper"] = serde_json::json!([{ "fieldName": "mail" }]);
    examples
}

/// A row's default and member: what stands between backquotes in these cells.
fn tables(text: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut tables: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut heading = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("### ") {
            name.clone_into(&mut heading);
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let ["", member, _, default, ..] = cells.as_slice()
            && member.starts_with('`')
        {
            let plain = |cell: &str| cell.trim_matches('`').to_owned();
            let table = tables.entry(heading.clone()).or_default();
            let before = table.insert(plain(member), plain(default));
            assert!(before.is_none(), "{heading}: {member} stands there twice");
        }
    }
    tables
}

/// Reads every example, one of them changed: the changed one as it is understood, or `None` if that member is asked for.
fn understood(examples: &BTreeMap<String, Value>, kind: &str, member: &str) -> Option<Value> {
    let mut definitions = Vec::new();
    for example in examples.values() {
        definitions.push(serde_json::from_value::<Definition>(example.clone()).ok()?);
    }
    let asked_for = format!(".{member}");
    let mistakes = validate(&definitions);
    if mistakes
        .iter()
        .any(|mistake| mistake.path.ends_with(&asked_for))
    {
        return None;
    }
    let changed = definitions.iter().find(|d| d.kind() == kind)?;
    serde_json::to_value(changed).ok()
}

/// Numbers are the same however they are written.
fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

#[test]
fn the_examples_of_definitions_have_no_mistake() {
    let examples = examples(&read("docs/definitions.md"));
    let definitions = examples.values().map(|example| {
        serde_json::from_value::<Definition>(example.clone()).expect("a definition")
    });
    let definitions: Vec<_> = definitions.collect();
    assert_eq!(validate(&definitions), []);
}

#[test]
fn the_tables_of_definitions_name_every_member_and_its_default() {
    let text = read("docs/definitions.md");
    let (examples, tables) = (with_parts_of_a_deployment(&text), tables(&text));
    let headings: BTreeSet<&str> = TABLES.iter().map(|(heading, ..)| *heading).collect();
    let written: BTreeSet<&str> = tables.keys().map(String::as_str).collect();
    assert_eq!(written, headings, "the tables of docs/definitions.md");
    for (heading, kind, place) in TABLES {
        let whole = understood(&examples, kind, "no such member").expect("the example is valid");
        let object = whole.pointer(place).expect("the object of the table");
        let members: BTreeSet<&String> = object.as_object().expect("an object").keys().collect();
        let table = &tables[*heading];
        assert_eq!(table.keys().collect::<BTreeSet<_>>(), members, "{heading}");
        for (member, default) in table {
            let mut without = examples.clone();
            let place_there = without.get_mut(*kind).and_then(|e| e.pointer_mut(place));
            let there = place_there.and_then(Value::as_object_mut);
            there.expect("the object of the table").remove(member);
            let Some(understood) = understood(&without, kind, member) else {
                assert_eq!(
                    default, "required",
                    "{heading}: {member} cannot be left out"
                );
                continue;
            };
            let found = understood.pointer(&format!("{place}/{member}"));
            // What is written only where it is said has no default to name.
            let named = serde_json::from_str::<Value>(default).ok();
            let well = match (found, &named) {
                (Some(found), Some(named)) => same(found, named),
                (None, None) => default.is_empty(),
                _ => false,
            };
            assert!(
                well,
                "{heading}: {member} has the default {found:?}, and `{default}` is written"
            );
        }
    }
}

#[test]
fn every_key_of_a_criterion_is_named() {
    let text = read("docs/definitions.md");
    for key in CONTEXT_KEYS.iter().chain(&EVENT_KEYS) {
        let named = text.contains(&format!("`{key}`"));
        assert!(named, "docs/definitions.md does not name the key {key}");
    }
}
