//! `schemas/json/`: the public records that may be written as JSON, for readers without a registry. Each file follows from
//! the `.avsc`; `FOOTFALL_WRITE_JSON_SCHEMAS=1 cargo test -p schemas json_schema` writes them anew.

use std::{fs, path::PathBuf};

use journey::{Offer, staffing::StaffingInterval};
use schemas::Record;
use serde_json::{Map, Value as Json, json};

/// What `Format::Json` writes of a type of a `.avsc`. Named records go to `definitions`.
fn described(schema: &Json, definitions: &mut Map<String, Json>) -> Json {
    match schema {
        Json::String(name) => match name.as_str() {
            "string" | "boolean" => json!({"type": name}),
            "int" | "long" => json!({"type": "integer"}),
            "double" => json!({"type": "number"}),
            record => json!({"$ref": format!("#/$defs/{record}")}),
        },
        // Null is left out: the member is not required.
        Json::Array(variants) => described(&variants[1], definitions),
        _ if schema["logicalType"] == "timestamp-millis" => {
            json!({"type": "string", "format": "date-time"})
        }
        _ => match schema["type"].as_str().expect("a type") {
            "array" => {
                json!({"type": "array", "items": described(&schema["items"], definitions)})
            }
            "map" => {
                let values = described(&schema["values"], definitions);
                json!({"type": "object", "additionalProperties": values})
            }
            "record" => {
                let name = schema["name"].as_str().expect("a name");
                let object = object(schema, definitions);
                definitions.insert(name.to_owned(), object);
                json!({"$ref": format!("#/$defs/{name}")})
            }
            other => described(&Json::from(other), definitions),
        },
    }
}

/// A record. Members that a later version adds are allowed: ignore what you don't know.
fn object(record: &Json, definitions: &mut Map<String, Json>) -> Json {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for field in record["fields"].as_array().expect("fields") {
        let name = field["name"].as_str().expect("a name");
        let mut property = described(&field["type"], definitions);
        property["description"] = field["doc"].clone();
        properties.insert(name.to_owned(), property);
        if !field["type"].is_array() {
            required.push(Json::from(name));
        }
    }
    json!({
        "type": "object", "description": record["doc"], "properties": properties, "required": required,
    })
}

fn json_schema<T: Record>() -> Json {
    let avro: Json = serde_json::from_str(T::SCHEMA).expect("JSON");
    let mut definitions = Map::new();
    let mut schema = object(&avro, &mut definitions);
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = avro["name"].clone();
    schema["$defs"] = Json::Object(definitions);
    schema
}

#[test]
fn the_json_schemas_say_what_the_avro_schemas_say() {
    fn check<T: Record>(file: &str) {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("json")
            .join(file);
        let schema = json_schema::<T>();
        if std::env::var_os("FOOTFALL_WRITE_JSON_SCHEMAS").is_some() {
            let text = serde_json::to_string_pretty(&schema).expect("JSON");
            fs::write(&path, text + "\n").expect("written");
        }
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let written: Json = serde_json::from_str(&text).expect("JSON");
        assert_eq!(written, schema, "{file} is not what the .avsc says");
    }
    check::<Offer>("offer.schema.json");
    check::<StaffingInterval>("staffing_interval.schema.json");
}
