//! What older and newer versions wrote is read as if this version had written it.

use std::{collections::BTreeMap, fmt::Debug};

use apache_avro::{Schema, types::Value};
use journey::demand::DemandSignal;
use proptest::sample::Index;
use schemas::{DecodeError, Decoder, Record, frame, from_bytes, to_bytes};
use serde_json::{Value as Json, json};

use crate::{
    for_each_record,
    generate::{check, names, resolved, sample, written},
};

/// One field of one record type of a schema.
type Field = (String, String);

/// A schema with something changed in its record types; definitions move to where a type is first named.
fn changed<T: Record>(change: impl Fn(&str, &mut Vec<Json>)) -> Schema {
    let mut types = BTreeMap::new();
    let root = take_types(&serde_json::from_str(T::SCHEMA).expect("JSON"), &mut types);
    for (name, record) in &mut types {
        change(name, record["fields"].as_array_mut().expect("fields"));
    }
    let json = put_types(&root, &mut types);
    Schema::parse_str(&json.to_string()).expect("a schema")
}

/// The schema with every record type replaced by its name; the types, taken apart in the same way.
fn take_types(schema: &Json, types: &mut BTreeMap<String, Json>) -> Json {
    match schema {
        Json::Array(variants) => variants
            .iter()
            .map(|variant| take_types(variant, types))
            .collect(),
        Json::Object(object) => {
            let mut object = object.clone();
            for inner in ["items", "values", "type"] {
                if let Some(inner) = object.get_mut(inner) {
                    *inner = take_types(inner, types);
                }
            }
            let Some(fields) = object.get_mut("fields") else {
                return Json::Object(object);
            };
            for field in fields.as_array_mut().expect("a list") {
                field["type"] = take_types(&field["type"], types);
            }
            let name = object["name"].clone();
            types.insert(
                name.as_str().expect("a name").to_owned(),
                Json::Object(object),
            );
            name
        }
        name => name.clone(),
    }
}

/// What [`take_types`] took apart, each type where it is first named.
fn put_types(schema: &Json, types: &mut BTreeMap<String, Json>) -> Json {
    match schema {
        Json::Array(variants) => variants
            .iter()
            .map(|variant| put_types(variant, types))
            .collect(),
        Json::Object(object) => {
            let mut object = object.clone();
            for inner in ["items", "values"] {
                if let Some(inner) = object.get_mut(inner) {
                    *inner = put_types(inner, types);
                }
            }
            for field in object
                .get_mut("fields")
                .and_then(Json::as_array_mut)
                .into_iter()
                .flatten()
            {
                field["type"] = put_types(&field["type"], types);
            }
            Json::Object(object)
        }
        Json::String(name) => match types.remove(name) {
            Some(record) => put_types(&record, types),
            None => schema.clone(),
        },
        other => other.clone(),
    }
}

/// The value without that field, wherever its record type stands.
fn without(value: Value, schema: &Schema, field: &Field) -> Value {
    fn strip(
        value: Value,
        schema: &Schema,
        names: &crate::generate::Names<'_>,
        field: &Field,
    ) -> Value {
        match (value, resolved(schema, names)) {
            (Value::Union(i, value), Schema::Union(union)) => Value::Union(
                i,
                Box::new(strip(*value, &union.variants()[i as usize], names, field)),
            ),
            (Value::Array(items), Schema::Array(array)) => Value::Array(
                items
                    .into_iter()
                    .map(|item| strip(item, &array.items, names, field))
                    .collect(),
            ),
            (Value::Map(entries), Schema::Map(map)) => {
                let strip = |(name, value)| (name, strip(value, &map.types, names, field));
                Value::Map(entries.into_iter().map(strip).collect())
            }
            (Value::Record(values), Schema::Record(record)) => {
                let here = record.name.name() == field.0;
                let kept = values
                    .into_iter()
                    .zip(&record.fields)
                    .filter(|((name, _), _)| !here || *name != field.1);
                Value::Record(
                    kept.map(|((name, v), f)| (name, strip(v, &f.schema, names, field)))
                        .collect(),
                )
            }
            (value, _) => value,
        }
    }
    strip(value, schema, &names(schema), field)
}

/// Reads what another version wrote.
fn decoded<T: Record>(theirs: &Schema, body: &[u8]) -> Result<T, DecodeError> {
    let mut decoder = Decoder::<T>::default();
    let json = serde_json::to_string(theirs).expect("JSON");
    decoder
        .learn(5, &json)
        .unwrap_or_else(|incompatible| panic!("{incompatible}"));
    let mut framed = Vec::new();
    frame(5, &mut framed);
    framed.extend_from_slice(body);
    let record = decoder.decode(&framed);
    assert_eq!(decoder.take_slow_count(), 1, "resolution is counted");
    record
}

/// The fields that an older version may have lacked.
fn defaulted<T: Record>() -> Vec<Field> {
    let mut types = BTreeMap::new();
    take_types(&serde_json::from_str(T::SCHEMA).expect("JSON"), &mut types);
    let mut all = Vec::new();
    for (name, record) in &types {
        let fields = record["fields"].as_array().expect("fields");
        let with_default = fields.iter().filter(|field| field.get("default").is_some());
        all.extend(with_default.map(|field| {
            (
                name.clone(),
                field["name"].as_str().expect("a name").to_owned(),
            )
        }));
    }
    all
}

#[test]
fn an_older_version_without_a_field_is_read_with_the_fields_default() {
    fn older<T: Record + Debug + PartialEq>() {
        for field in defaulted::<T>() {
            let theirs = changed::<T>(|record, fields| {
                fields.retain(|json| record != field.0 || json["name"] != field.1.as_str());
            });
            check(&theirs, 1, 3, |value| {
                let read: T = decoded(&theirs, &written(&theirs, &value)).expect("readable");
                let ours = schemas_value(&read);
                assert_eq!(
                    written(&theirs, &without(ours, T::schema(), &field)),
                    written(&theirs, &value),
                    "{field:?}"
                );
            });
        }
    }
    /// The record as apache-avro sees it.
    fn schemas_value<T: Record>(record: &T) -> Value {
        crate::generate::read(T::schema(), &to_bytes(record))
    }
    for_each_record!(older);
}

#[test]
fn a_newer_version_with_more_fields_is_read_without_them() {
    fn newer<T: Record + Debug>() {
        for (at, extra) in [
            json!("string"),
            json!(["null", "double"]),
            json!({"type": "enum", "name": "Mood", "symbols": ["GOOD", "BAD"]}),
            json!({"type": "record", "name": "Extra", "fields": [{"name": "x", "type": "long"}]}),
            json!(["null", {"type": "record", "name": "Extra", "fields": [{"name": "x", "type": "string"}]}]),
            json!({"type": "array", "items": {"type": "map", "values": "boolean"}}),
        ]
        .iter()
        .enumerate()
        {
            let mut types = BTreeMap::new();
            take_types(&serde_json::from_str(T::SCHEMA).expect("JSON"), &mut types);
            for record in types.into_keys() {
                let field = (record, "extra".to_owned());
                let theirs = changed::<T>(|record, fields| {
                    if record == field.0 {
                        let place = Index::index(&sample_index(at), fields.len() + 1);
                        fields.insert(place, json!({"name": "extra", "type": extra}));
                    }
                });
                let value = sample(&theirs);
                let read: T = decoded(&theirs, &written(&theirs, &value)).expect("readable");
                let expected = written(T::schema(), &without(value, &theirs, &field));
                assert_eq!(to_bytes(&read), expected, "{field:?} {extra}");
            }
        }
    }
    for_each_record!(newer);
}

/// First, last, and places between.
fn sample_index(at: usize) -> Index {
    use proptest::{
        prelude::any, strategy::Strategy, strategy::ValueTree, test_runner::TestRunner,
    };
    let mut runner = TestRunner::deterministic();
    (0..=at)
        .map(|_| {
            any::<Index>()
                .new_tree(&mut runner)
                .expect("an index")
                .current()
        })
        .next_back()
        .expect("one")
}

#[test]
fn a_number_that_was_narrower_is_read_as_a_long() {
    let narrow = DemandSignal::SCHEMA.replacen(
        r#""type": "long"
    },
    {
      "name": "time""#,
        r#""type": "int"
    },
    {
      "name": "time""#,
        1,
    );
    let theirs = Schema::parse_str(&narrow).expect("a schema");
    assert_ne!(
        theirs.canonical_form(),
        DemandSignal::schema().canonical_form(),
        "`delta` is an int"
    );
    let mut signal = DemandSignal {
        id: "a".into(),
        delta: -3,
        ..DemandSignal::default()
    };
    signal.action_map.id = "map".into();
    let value = crate::generate::read(DemandSignal::schema(), &to_bytes(&signal));
    let Value::Record(mut fields) = value else {
        panic!("a record")
    };
    for (name, value) in &mut fields {
        if name == "delta" {
            *value = Value::Int(-3);
        }
    }
    assert_eq!(
        decoded(&theirs, &written(&theirs, &Value::Record(fields))),
        Ok(signal)
    );
}

#[test]
fn a_version_cut_off_is_an_error_and_never_a_null() {
    fn refused<T: Record + Debug>() {
        let theirs = changed::<T>(|_, fields| {
            fields.push(json!({"name": "extra", "type": ["null", "string"], "default": null}));
        });
        let bytes = written(&theirs, &sample(&theirs));
        for length in 0..bytes.len() {
            let read = decoded::<T>(&theirs, &bytes[..length]);
            assert!(
                matches!(read, Err(DecodeError::Malformed { .. })),
                "{length} of {} bytes",
                bytes.len()
            );
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(decoded::<T>(&theirs, &longer).is_err());
    }
    refused::<DemandSignal>();
    refused::<journey::Offer>();
}

#[test]
fn a_length_beyond_a_record_is_refused_before_anything_is_allocated() {
    let theirs = changed::<DemandSignal>(|_, fields| {
        fields.push(json!({"name": "extra", "type": "string"}))
    });
    for length in [1i64 << 21, 1 << 40, i64::MAX, -1, i64::MIN] {
        assert!(
            decoded::<DemandSignal>(&theirs, &to_bytes(&length)).is_err(),
            "{length}"
        );
    }
}

#[test]
fn maps_of_other_versions_are_in_order_too() {
    let theirs = changed::<journey::WebEvent>(|record, fields| {
        if record == "WebEvent" {
            fields.push(json!({"name": "extra", "type": "long"}));
        }
    });
    check(&theirs, 6, 32, |value| {
        let read: journey::WebEvent =
            decoded(&theirs, &written(&theirs, &value)).expect("readable");
        let names: Vec<_> = read
            .web_event
            .iter()
            .flat_map(|w| &w.attributes)
            .map(|(name, _)| name)
            .collect();
        assert!(names.is_sorted(), "{names:?}");
        assert_eq!(
            from_bytes::<journey::WebEvent>(&to_bytes(&read)).map(|again| to_bytes(&again)),
            Ok(to_bytes(&read))
        );
    });
}

#[test]
fn a_type_that_is_first_named_elsewhere_is_the_same_type() {
    fn reversed<T: Record>() {
        let theirs = changed::<T>(|_, fields| fields.reverse());
        let value = sample(&theirs);
        let read: T = decoded(&theirs, &written(&theirs, &value)).expect("readable");
        let again = crate::generate::read(T::schema(), &to_bytes(&read));
        assert_eq!(format!("{again:?}"), format!("{:?}", reordered(value)));
    }
    /// With the fields of every record in this version's order.
    fn reordered(value: Value) -> Value {
        match value {
            Value::Record(fields) => Value::Record(
                fields
                    .into_iter()
                    .rev()
                    .map(|(name, value)| (name, reordered(value)))
                    .collect(),
            ),
            Value::Union(i, value) => Value::Union(i, Box::new(reordered(*value))),
            Value::Array(items) => Value::Array(items.into_iter().map(reordered).collect()),
            Value::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(name, v)| (name, reordered(v)))
                    .collect(),
            ),
            other => other,
        }
    }
    for_each_record!(reversed);
}
