//! The rules that every schema keeps, so that it can go on being read.

use std::collections::BTreeSet;

use apache_avro::Schema;
use journey::topics;
use schemas::{Compatibility, Record};
use serde_json::Value as Json;

use crate::for_each_record;

/// Calls `each` with every field of every record, in order, with the record's name.
fn fields(schema: &Json, each: &mut impl FnMut(&str, &Json)) {
    match schema {
        Json::Array(variants) => variants.iter().for_each(|variant| fields(variant, each)),
        Json::Object(object) => {
            for field in object
                .get("fields")
                .and_then(Json::as_array)
                .into_iter()
                .flatten()
            {
                each(object["name"].as_str().expect("a name"), field);
                fields(&field["type"], each);
            }
            for inner in ["items", "values", "type"] {
                object
                    .get(inner)
                    .into_iter()
                    .for_each(|inner| fields(inner, each));
            }
        }
        _ => {}
    }
}

fn all_fields<T: Record>() -> Vec<(String, Json)> {
    let mut all = Vec::new();
    let schema = serde_json::from_str(T::SCHEMA).expect("JSON");
    fields(&schema, &mut |record, field| {
        all.push((record.to_owned(), field.clone()))
    });
    all
}

#[test]
fn a_union_is_null_and_one_other_type_and_null_by_default() {
    fn check<T: Record>() {
        for (record, field) in all_fields::<T>() {
            let Some(variants) = field["type"].as_array() else {
                continue;
            };
            assert_eq!(variants.len(), 2, "{record}.{field}");
            assert_eq!(variants[0], "null", "{record}.{field}");
            assert_eq!(field.get("default"), Some(&Json::Null), "{record}.{field}");
        }
    }
    for_each_record!(check);
}

#[test]
fn a_list_or_map_is_empty_by_default() {
    fn check<T: Record>() {
        for (record, field) in all_fields::<T>() {
            let default = match field["type"]["type"].as_str() {
                Some("array") => Json::Array(Vec::new()),
                Some("map") => Json::Object(serde_json::Map::new()),
                _ => continue,
            };
            assert_eq!(
                field.get("default"),
                Some(&default),
                "{record}.{}",
                field["name"]
            );
        }
    }
    for_each_record!(check);
}

#[test]
fn there_are_no_enums_and_every_field_says_what_it_means() {
    fn check<T: Record>() {
        assert!(
            !T::SCHEMA.contains("\"enum\""),
            "a new symbol breaks every reader: use a string"
        );
        for (record, field) in all_fields::<T>() {
            assert!(
                field["doc"].as_str().is_some_and(|doc| doc.len() > 2),
                "{record}.{}",
                field["name"]
            );
        }
    }
    for_each_record!(check);
}

#[test]
fn every_avro_topic_has_a_subject() {
    let listed: Vec<&str> = schemas::all().iter().map(|subject| subject.topic).collect();
    let expected = [
        topics::WEB_EVENTS,
        topics::VISITORS,
        topics::ACCOUNTS,
        topics::VISITS,
        topics::JOURNEY_EVENTS,
        topics::OFFERS,
        topics::DEMAND,
        topics::STAFFING,
        topics::STAFFING_REVISIONS,
    ];
    assert_eq!(listed, expected);
    for subject in schemas::all() {
        Schema::parse_str(subject.schema).expect("a schema");
    }
}

#[test]
fn public_subjects_are_fully_compatible_and_internal_ones_backwards() {
    let public: BTreeSet<&str> = schemas::all()
        .iter()
        .filter(|subject| subject.compatibility == Compatibility::FullTransitive)
        .map(|subject| subject.topic)
        .collect();
    let expected = [
        topics::JOURNEY_EVENTS,
        topics::OFFERS,
        topics::STAFFING,
        topics::STAFFING_REVISIONS,
    ];
    assert_eq!(public, BTreeSet::from(expected));
    assert_eq!(Compatibility::FullTransitive.to_string(), "FULL_TRANSITIVE");
    assert_eq!(
        Compatibility::BackwardTransitive.to_string(),
        "BACKWARD_TRANSITIVE"
    );
}

#[test]
fn a_subject_is_named_by_its_topic_in_its_lane() {
    let offers = schemas::all()
        .iter()
        .find(|subject| subject.topic == topics::OFFERS)
        .expect("listed");
    assert_eq!(
        offers.name(&topics::Lane::default()),
        "journey.offers-value"
    );
    assert_eq!(
        offers.name(&topics::Lane::new("acme.")),
        "acme.journey.offers-value"
    );
}
