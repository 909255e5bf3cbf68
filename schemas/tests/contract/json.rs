//! Records as people see them.

use apache_avro::Schema;
use journey::{Timestamp, staffing::StaffingInterval};
use schemas::{Record, to_bytes, to_json};
use serde_json::json;

use crate::{
    for_each_record,
    generate::{check, sample, written},
};

#[test]
fn a_record_is_an_object_with_times_as_text_and_without_nulls() {
    let mut interval = StaffingInterval {
        route_path_id: "support".into(),
        interval_start: Timestamp::parse("2026-11-23T14:00:00Z").expect("a time"),
        interval_seconds: 900,
        changed: vec!["actual.blocked".into()],
        completeness: 1.0,
        ..StaffingInterval::default()
    };
    interval.actual.blocked = vec![("FrequencyCap".into(), 2)];
    let json = to_json(StaffingInterval::schema(), &to_bytes(&interval)).expect("a record");
    assert_eq!(json["intervalStart"], "2026-11-23T14:00:00.000Z");
    assert_eq!(json["changed"], json!(["actual.blocked"]));
    assert_eq!(json["actual"]["blocked"], json!({"FrequencyCap": 2}));
    assert_eq!(json["completeness"], json!(1.0));
    assert_eq!(json.get("forecast"), None);
    assert_eq!(json["routePath"].get("languageName"), None);
}

#[test]
fn every_record_can_be_shown() {
    fn shown<T: Record>() {
        check(T::schema(), 2, 16, |value| {
            let json = to_json(T::schema(), &written(T::schema(), &value)).expect("a record");
            assert!(json.is_object() && !json.to_string().contains(":null"));
        });
    }
    for_each_record!(shown);
}

#[test]
fn what_is_cut_off_is_no_record() {
    fn refused<T: Record>() {
        let bytes = written(T::schema(), &sample(T::schema()));
        for length in 0..bytes.len() {
            assert!(
                to_json(T::schema(), &bytes[..length]).is_err(),
                "{length} of {}",
                bytes.len()
            );
        }
        assert!(to_json(T::schema(), &[&bytes[..], &[0]].concat()).is_err());
    }
    for_each_record!(refused);
}

#[test]
fn schemas_of_others_are_shown_too() {
    let schema = Schema::parse_str(
        r#"{"type": "record", "name": "Theirs", "fields": [
            {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["A", "B"]}},
            {"name": "share", "type": "float"},
            {"name": "day", "type": {"type": "int", "logicalType": "date"}}
        ]}"#,
    )
    .expect("a schema");
    let json = to_json(&schema, &[2, 0, 0, 192, 127, 2]).expect("a record");
    assert_eq!(json, json!({"kind": "B", "share": "NaN", "day": 1}));
}
