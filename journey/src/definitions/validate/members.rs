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
        let path = format!("{}/{}", definition.kind(), definition.id());
        compare(json, &known, &path, &mut mistakes);
    }
    mistakes
}

fn compare(json: &Value, known: &Value, path: &str, mistakes: &mut Vec<Mistake>) {
    match (json, known) {
        // Which are read strictly, and written in short.
        (Value::Object(_), _) if path.ends_with(".consent.purposes") => {}
        (Value::Object(members), Value::Object(known)) => {
            for (name, member) in members {
                let path = format!("{path}.{name}");
                match known.get(name) {
                    Some(known) => compare(member, known, &path, mistakes),
                    None => {
                        let names: Vec<_> = known.keys().map(String::as_str).collect();
                        let what = format!(
                            "is no member here: correct its name, or remove it; there are {}",
                            names.join(", ")
                        );
                        mistakes.push(Mistake { path, what });
                    }
                }
            }
        }
        (Value::Array(elements), Value::Array(known)) => {
            for (i, (element, known)) in elements.iter().zip(known).enumerate() {
                compare(element, known, &format!("{path}[{i}]"), mistakes);
            }
        }
        _ => {}
    }
}
