//! Which event of an export a line is. `ingest` tells events without an id apart by what they say, in milliseconds; two of one
//! batch may say the same.

use journey::id;
use serde_json::Value;

use super::Params;

/// What an event is known by in its export.
const KEY: &[&str] = &[
    "user_pseudo_id",
    "event_timestamp",
    "event_name",
    "event_bundle_sequence_id",
    "batch_page_id",
    "batch_ordering_id",
    "batch_event_index",
];

/// The same for the same line of another import. The visitor's cookie, which nobody can guess, keeps the other parts from being
/// tried out.
pub(super) fn of(line: &Value, params: &Params<'_>) -> String {
    let mut parts = vec!["ga4".to_owned()];
    parts.extend(KEY.iter().map(|member| plain(&line[member])));
    // What older exports say of an event's place in its batch, and what else tells two of the same moment apart there.
    if line["batch_event_index"].is_null() {
        let mut said: Vec<_> = params
            .0
            .iter()
            .map(|(name, value)| (*name, plain(value)))
            .collect();
        said.sort_unstable();
        parts.extend(
            said.into_iter()
                .flat_map(|(name, value)| [name.to_owned(), value]),
        );
    }
    let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
    id::derive(&parts).to_string()
}

/// A number as text: BigQuery's tools write it either way.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line() -> Value {
        json!({
            "event_name": "view_item", "event_timestamp": "1795434000123456", "user_pseudo_id": "1234.5678",
            "event_bundle_sequence_id": "77", "batch_page_id": "1795434000000", "batch_ordering_id": "2", "batch_event_index": "1",
            "event_params": [
                {"key": "page_location", "value": {"string_value": "https://shop.example/a"}},
                {"key": "price", "value": {"int_value": "3"}},
            ],
        })
    }

    fn of_line(line: &Value) -> String {
        of(line, &Params::of(line))
    }

    #[test]
    fn each_event_of_a_batch_has_an_id_of_its_own_and_the_same_each_time() {
        let id = of_line(&line());
        assert_eq!(id, of_line(&line()));
        for member in KEY {
            let mut other = line();
            other[member] = "3".into();
            assert_ne!(id, of_line(&other), "{member}");
        }
        let mut written_otherwise = line();
        written_otherwise["batch_event_index"] = 1.into();
        written_otherwise["event_timestamp"] = 1_795_434_000_123_456_i64.into();
        assert_eq!(id, of_line(&written_otherwise));
    }

    #[test]
    fn where_an_export_does_not_number_events_their_parameters_tell_them_apart() {
        let mut old = line();
        old["batch_event_index"] = Value::Null;
        let id = of_line(&old);
        let mut other = old.clone();
        other["event_params"][1]["value"]["int_value"] = "4".into();
        assert_ne!(id, of_line(&other));
        let mut turned = old.clone();
        let params = turned["event_params"].as_array_mut().expect("a list");
        params.reverse();
        assert_eq!(id, of_line(&turned));
    }
}
