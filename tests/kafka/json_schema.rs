//! As much of JSON Schema as the files under `schemas/json/` use. What it does not know it refuses to judge.

use serde_json::Value;

/// The words that are understood; the rest say nothing of a value.
const UNDERSTOOD: [&str; 7] = [
    "type",
    "properties",
    "required",
    "items",
    "additionalProperties",
    "$ref",
    "format",
];
const SILENT: [&str; 4] = ["description", "title", "$schema", "$defs"];

/// A schema of one of the files.
pub(crate) struct JsonSchema(Value);

impl JsonSchema {
    /// Reads `schemas/json/<name>.schema.json`.
    pub(crate) fn named(name: &str) -> JsonSchema {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/json");
        let text = std::fs::read_to_string(format!("{folder}/{name}.schema.json"));
        JsonSchema(serde_json::from_str(&text.expect("a schema")).expect("JSON"))
    }

    /// What is wrong with a value, each with its path.
    pub(crate) fn faults(&self, value: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        self.judge(&self.0, value, "", &mut faults);
        faults
    }

    fn judge(&self, schema: &Value, value: &Value, path: &str, faults: &mut Vec<String>) {
        let words = schema.as_object().expect("a schema is an object").keys();
        for word in words {
            let known = UNDERSTOOD.iter().chain(&SILENT).any(|known| known == word);
            assert!(known, "{word} is not understood");
        }
        if let Some(name) = schema["$ref"].as_str() {
            let name = name.strip_prefix("#/$defs/").expect("a definition");
            return self.judge(&self.0["$defs"][name], value, path, faults);
        }
        let fits = match schema["type"].as_str().expect("a type") {
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64(),
            "number" => value.is_number(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            other => panic!("{other} is not understood"),
        };
        if !fits {
            return faults.push(format!("{path}: {value} is no {}", schema["type"]));
        }
        if schema["format"] == "date-time" {
            let text = value.as_str().unwrap_or_default();
            if journey::Timestamp::parse(text).is_none() {
                faults.push(format!("{path}: {text:?} is no time"));
            }
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            if value.get(name.as_str().expect("a name")).is_none() {
                faults.push(format!("{path}/{} is missing", name.as_str().unwrap_or("")));
            }
        }
        for (name, member) in value.as_object().into_iter().flatten() {
            let of_member = schema["properties"].get(name);
            match of_member.or_else(|| schema.get("additionalProperties")) {
                Some(schema) => self.judge(schema, member, &format!("{path}/{name}"), faults),
                None => faults.push(format!("{path}/{name} is not described")),
            }
        }
        for (at, item) in value.as_array().into_iter().flatten().enumerate() {
            self.judge(&schema["items"], item, &format!("{path}/{at}"), faults);
        }
    }
}

#[test]
fn a_value_that_is_not_as_described_is_found_out() {
    let schema = JsonSchema::named("staffing_interval");
    let faults = schema.faults(&serde_json::json!({
        "intervalStart": "soon", "revision": "1", "actual": {"blocked": {"Bot": 1.5}}, "offered": 1,
    }));
    for fault in [
        "/intervalStart: \"soon\" is no time",
        "/revision: \"1\" is no \"integer\"",
        "/actual/blocked/Bot: 1.5 is no \"integer\"",
        "/offered is not described",
        "/routePathId is missing",
    ] {
        assert!(
            faults.iter().any(|found| found == fault),
            "{fault}: {faults:#?}"
        );
    }
}
