//! What an event says that is described by itself: the members of its data, but for what a visitor typed.

use serde_json::Value;

use crate::import::raw_event::RawEvent;

/// Events of a form's field, whose `value` is what the visitor typed.
const TYPED: &[&str] = &["change_form", "focus_form"];

/// Sets the attributes of an event of this name.
pub(super) fn set(event: &mut RawEvent, name: &str, described: &str) {
    let described: Value = serde_json::from_str(described).unwrap_or_default();
    let data = &described["data"];
    let schema = data["schema"].as_str().unwrap_or_default();
    let of_schema = schema.split('/').nth(1).unwrap_or_default();
    let is_typed = [name, of_schema].iter().any(|name| TYPED.contains(name));
    for (member, value) in data["data"].as_object().into_iter().flatten() {
        if is_typed && member == "value" {
            event.leave_out("form_value");
        } else {
            event.attribute(member, value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use journey::Timestamp;
    use serde_json::json;

    use super::*;

    /// The attributes of an event of this name and schema, and what was left out.
    fn of(name: &str, schema: &str, data: &Value) -> (Value, BTreeSet<&'static str>) {
        let schema = format!("iglu:com.snowplowanalytics.snowplow/{schema}/jsonschema/1-0-0");
        let described = json!({"schema": "unstruct", "data": {"schema": schema, "data": data}});
        let mut event = RawEvent::new("shop", "v", "e", Timestamp(0));
        set(&mut event, name, &described.to_string());
        let (event, left_out) = event.finish();
        (event["attributes"].clone(), left_out)
    }

    #[test]
    fn what_a_visitor_typed_is_passed_on_to_nobody() {
        let typed = json!({"formId": "f", "elementId": "iban", "value": "DE89 3704"});
        let kept = json!({"formId": "f", "elementId": "iban"});
        let expected = (kept, BTreeSet::from(["form_value"]));
        for name in ["change_form", "focus_form"] {
            assert_eq!(of(name, name, &typed), expected, "{name}");
            assert_eq!(of("renamed", name, &typed), expected, "{name}");
            assert_eq!(of(name, "renamed", &typed), expected, "{name}");
        }
    }

    #[test]
    fn a_value_of_another_event_is_an_attribute() {
        let donated = json!({"value": 5});
        assert_eq!(
            of("donated", "donated", &donated),
            (donated, BTreeSet::new())
        );
    }
}
