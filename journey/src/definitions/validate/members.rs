//! Members that a definition does not have.

use serde_json::{Map, Value};

use super::{Mistake, nearest::nearest};
use crate::definitions::Definition;

/// Every member of `json` that `definition`, which was read from it, does not have: what is misspelt would otherwise be taken for left
/// out. Of deployments, page classes and route paths, whose members are ours alone; whatever else Genesys' exports hold of segments,
/// outcomes and action maps is accepted: see [`strange_members`].
pub fn unknown_members(json: &Value, definition: &Definition) -> Vec<Mistake> {
    if is_ours(definition) {
        differing(json, definition, |_, known| {
            let names: Vec<_> = known.keys().map(String::as_str).collect();
            let names = names.join(", ");
            format!("is no member here: correct its name, or remove it; there are {names}")
        })
    } else {
        Vec::new()
    }
}

/// The same of segments, outcomes and action maps, where it may be part of an export, or misspelt.
pub fn strange_members(json: &Value, definition: &Definition) -> Vec<Mistake> {
    if is_ours(definition) {
        return Vec::new();
    }
    differing(json, definition, |name, known| {
        match nearest(name, known.keys().map(String::as_str)) {
            Some(meant) => format!("is no member here, and passed over: was {meant} meant?"),
            None => "is no member here, and passed over".to_owned(),
        }
    })
}

fn is_ours(definition: &Definition) -> bool {
    matches!(
        definition,
        Definition::Deployment(_) | Definition::PageClass(_) | Definition::RoutePath(_)
    )
}

fn differing(
    json: &Value,
    definition: &Definition,
    what: impl Fn(&str, &Map<String, Value>) -> String,
) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    // What can be read can be written: these types have no map with keys that are no strings.
    if let Ok(known) = serde_json::to_value(definition) {
        compare(json, &known, "", &mut |place, name, known| {
            let path = format!("{}/{}{place}", definition.kind(), definition.id());
            let what = what(name, known);
            mistakes.push(Mistake { path, what });
        });
    }
    mistakes
}

/// What is told of a member: where it is, its name, and what is known there.
type Tell<'a> = dyn FnMut(&str, &str, &Map<String, Value>) + 'a;

fn compare(json: &Value, known: &Value, place: &str, tell: &mut Tell<'_>) {
    match (json, known) {
        // Which are read strictly, and written in short.
        (Value::Object(_), _) if place == ".consent.purposes" => {}
        (Value::Object(members), Value::Object(known)) => {
            for (name, member) in members {
                let place = format!("{place}.{name}");
                match known.get(name) {
                    Some(known) => compare(member, known, &place, tell),
                    // `$schema` and the like are an editor's.
                    None if name.starts_with('$') => {}
                    None => tell(&place, name, known),
                }
            }
        }
        (Value::Array(elements), Value::Array(known)) => {
            for (i, (element, known)) in elements.iter().zip(known).enumerate() {
                compare(element, known, &format!("{place}[{i}]"), tell);
            }
        }
        _ => {}
    }
}
