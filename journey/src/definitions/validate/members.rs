//! Members that a definition does not have.

use serde_json::Value;

use super::Mistake;
use crate::definitions::Definition;

/// Every member of `json` that `definition`, which was read from it, does not have: what is misspelt would otherwise be taken for left
/// out. Of deployments, page classes and route paths, whose members are ours alone; whatever else Genesys' exports hold of segments,
/// outcomes and action maps is accepted.
pub fn unknown_members(json: &Value, definition: &Definition) -> Vec<Mistake> {
    let ours = matches!(
        definition,
        Definition::Deployment(_) | Definition::PageClass(_) | Definition::RoutePath(_)
    );
    let mut mistakes = Vec::new();
    // What can be read can be written: these types have no map with keys that are no strings.
    if let (true, Ok(known)) = (ours, serde_json::to_value(definition)) {
        compare(json, &known, "", &mut |place, what| {
            let path = format!("{}/{}{place}", definition.kind(), definition.id());
            mistakes.push(Mistake { path, what });
        });
    }
    mistakes
}

fn compare(json: &Value, known: &Value, place: &str, tell: &mut dyn FnMut(&str, String)) {
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
                    None => {
                        let names: Vec<_> = known.keys().map(String::as_str).collect();
                        let names = names.join(", ");
                        let what = format!(
                            "is no member here: correct its name, or remove it; there are {names}"
                        );
                        tell(&place, what);
                    }
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
