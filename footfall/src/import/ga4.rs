//! The BigQuery export of Google Analytics 4, as JSON: one event a line.

mod event_id;
mod traffic;

use journey::Timestamp;
use serde_json::Value;

use super::{
    Converted, Skip,
    campaign::Campaign,
    raw_event::{RawEvent, event_name},
};

/// What the export adds to the events by itself: nothing that a visitor did.
const DERIVED: &[&str] = &["session_start", "first_visit", "first_open"];

/// Parameters that have members of their own.
const KNOWN: &[&str] = &[
    "page_location",
    "page_title",
    "page_referrer",
    "search_term",
    "form_name",
    "firebase_screen",
    "screen_name",
];

/// Parameters of Google's own book-keeping.
const BOOKKEEPING: &[&str] = &[
    "ga_session_id",
    "ga_session_number",
    "session_engaged",
    "engaged_session_event",
    "entrances",
    "engagement_time_msec",
    "batch_ordering_id",
    "batch_page_id",
    "debug_mode",
    "ignore_referrer",
    "firebase_event_origin",
    "firebase_screen_id",
    "firebase_previous_id",
];

/// What has no place in a raw event: `ingest` looks places up itself, by what somebody came the first time is no matter of
/// this event, and people are named on purpose or not at all.
const UNMAPPED: &[&str] = &[
    "geo",
    "traffic_source",
    "session_traffic_source_last_click",
    "user_id",
    "user_properties",
    "items",
    "ecommerce",
];

/// Turns lines into raw events.
#[derive(Clone, Debug)]
pub struct Ga4 {
    /// Whose events they are.
    pub deployment: String,
    /// What the visitors agreed to, as the caller knows it; what a line says against it counts.
    pub consent: String,
}

impl Ga4 {
    /// The raw event that a line is with what was left out of it, or why it is none.
    pub fn convert(&self, line: &str) -> Result<Converted, Skip> {
        let line: Value = serde_json::from_str(line).map_err(|_| Skip::Malformed)?;
        if !line.is_object() {
            return Err(Skip::Malformed);
        }
        let given = text(&line["event_name"]);
        if DERIVED.contains(&given) {
            return Err(Skip::Derived);
        }
        let name = name_of(given).ok_or(Skip::NoName)?;
        let visitor = text(&line["user_pseudo_id"]);
        if visitor.is_empty() {
            return Err(Skip::NoVisitor);
        }
        let at = number(&line["event_timestamp"]).filter(|micros| *micros > 0);
        let at = Timestamp(at.ok_or(Skip::NoTime)?.div_euclid(1_000));
        let params = Params::of(&line);
        let mut event = RawEvent::new(&self.deployment, visitor, &name, at);
        event.set("eventId", &event_id::of(&line, &params));
        let (campaign, more) = traffic::of(&line, &params);
        if let Some(more) = more {
            event.leave_out(more);
        }
        set_page(&mut event, &line, &params, &campaign)?;
        set_device(&mut event, &line);
        let denied = text(&line["privacy_info"]["analytics_storage"]) == "No";
        event.consent(if denied { "denied" } else { &self.consent });
        event.set("referrerUrl", params.text("page_referrer"));
        event.set("searchQuery", params.text("search_term"));
        event.set("formName", params.text("form_name"));
        for (name, value) in params.others() {
            event.attribute(name, value.clone());
        }
        for member in UNMAPPED {
            if says_something(&line[member]) {
                event.leave_out(member);
            }
        }
        Ok(event.finish())
    }
}

/// Ours, where there is one for the same.
fn name_of(given: &str) -> Option<String> {
    let known = match given {
        "page_view" => "page_viewed",
        "screen_view" => "screen_viewed",
        "view_search_results" => "search_performed",
        "form_submit" => "form_submitted",
        "user_engagement" => "ping",
        other => return event_name(other),
    };
    Some(known.to_owned())
}

fn set_page(
    event: &mut RawEvent,
    line: &Value,
    params: &Params<'_>,
    campaign: &Campaign<'_>,
) -> Result<(), Skip> {
    let url = params.text("page_location");
    let screens = ["firebase_screen", "screen_name", "firebase_screen_class"];
    let screen = screens.map(|name| params.text(name));
    let screen = screen.into_iter().find(|screen| !screen.is_empty());
    match (url, screen) {
        ("", None) => return Err(Skip::NoPage),
        ("", Some(screen)) => {
            event.set("screenName", screen);
            event.set("app.namespace", text(&line["app_info"]["id"]));
            event.set("app.version", text(&line["app_info"]["version"]));
            // A screen has no address that could say it.
            if !campaign.is_empty() {
                event.leave_out("campaign");
            }
        }
        (url, _) => {
            event.page_by(url, campaign)?;
            event.set("page.title", params.text("page_title"));
            event.set("browser.lang", text(&line["device"]["language"]));
        }
    }
    Ok(())
}

fn set_device(event: &mut RawEvent, line: &Value) {
    let device = &line["device"];
    let web = |name: &str| match text(&device["web_info"][name]) {
        "" => text(&device[name]),
        value => value,
    };
    event.set("device.category", text(&device["category"]));
    event.set("device.osFamily", text(&device["operating_system"]));
    event.set(
        "device.osVersion",
        text(&device["operating_system_version"]),
    );
    event.set("device.manufacturer", text(&device["mobile_brand_name"]));
    event.set("browser.family", web("browser"));
    event.set("browser.version", web("browser_version"));
}

/// `event_params`: `[{"key": …, "value": {"string_value": …}}, …]`.
struct Params<'a>(Vec<(&'a str, Value)>);

impl<'a> Params<'a> {
    fn of(line: &'a Value) -> Params<'a> {
        let params = line["event_params"].as_array();
        let params = params.into_iter().flatten();
        Params(
            params
                .filter_map(|param| Some((param["key"].as_str()?, value(&param["value"])?)))
                .collect(),
        )
    }

    fn text(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(key, _)| *key == name);
        found.map_or("", |(_, value)| text(value))
    }

    fn others(&self) -> impl Iterator<Item = (&'a str, &Value)> {
        let ours = |name: &str| {
            KNOWN.contains(&name) || BOOKKEEPING.contains(&name) || traffic::is_part(name, self)
        };
        let all = self.0.iter().map(|(name, value)| (*name, value));
        all.filter(move |(name, _)| !ours(name))
    }
}

/// The one member of a parameter's value that says something. BigQuery writes whole numbers as text; what is no number stays as
/// it is written.
fn value(value: &Value) -> Option<Value> {
    if let Some(text) = value["string_value"].as_str() {
        return Some(text.into());
    }
    if let Some(number) = number(&value["int_value"]) {
        return Some(number.into());
    }
    let numbers = ["int_value", "double_value", "float_value"].map(|name| &value[name]);
    let given = numbers.into_iter().find(|value| !value.is_null())?;
    let parsed = given.as_f64().or_else(|| text(given).parse().ok());
    let parsed = parsed.filter(|number| number.is_finite());
    Some(parsed.map_or_else(|| given.clone(), Value::from))
}

fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| text(value).parse().ok())
}

fn text(value: &Value) -> &str {
    let text = value.as_str().unwrap_or_default();
    if text == "(not set)" { "" } else { text }
}

/// Whether anything stands in it: the export writes empty lists and records full of nulls.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => items.iter().any(says_something),
        Value::Object(members) => members.values().any(says_something),
        other => other.as_str() != Some(""),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    fn ga4() -> Ga4 {
        Ga4 {
            deployment: "shop".into(),
            consent: "granted".into(),
        }
    }

    fn line() -> Value {
        json!({
            "event_name": "page_view", "event_timestamp": "1795434000123456", "user_pseudo_id": "1234.5678",
            "event_params": [
                {"key": "page_location", "value": {"string_value": "https://shop.example/a?utm_source=news", "int_value": null}},
                {"key": "page_title", "value": {"string_value": "A"}},
                {"key": "page_referrer", "value": {"string_value": "https://www.google.com/"}},
                {"key": "ga_session_id", "value": {"int_value": "77"}},
                {"key": "items_seen", "value": {"string_value": null, "int_value": "3"}},
                {"key": "score", "value": {"double_value": 1.5}},
            ],
            "device": {"category": "mobile", "operating_system": "iOS", "language": "de-de",
                       "web_info": {"browser": "Safari", "browser_version": "17.1"}},
            "user_properties": [], "geo": {"country": "Germany", "city": null}, "items": [],
        })
    }

    #[test]
    fn a_page_view_has_its_page_its_device_and_its_parameters() {
        let (event, left_out) = ga4().convert(&line().to_string()).expect("an event");
        assert_eq!(
            event,
            json!({
                "deploymentId": "shop", "customerCookieId": "1234.5678", "eventName": "page_viewed",
                "eventId": event["eventId"], "createdDate": "2026-11-23T11:40:00.123Z",
                "page": {"url": "https://shop.example/a?utm_source=news", "title": "A"},
                "device": {"category": "mobile", "osFamily": "iOS"},
                "browser": {"family": "Safari", "version": "17.1", "lang": "de-de"},
                "referrerUrl": "https://www.google.com/", "attributes": {"items_seen": 3, "score": 1.5},
                "consent": {"state": "granted", "source": "import"},
            })
        );
        assert_eq!(left_out, BTreeSet::from(["geo"]));
        assert_eq!(event["eventId"].as_str().map(str::len), Some(36));
    }

    #[test]
    fn a_campaign_goes_into_the_address_and_is_no_attribute() {
        let mut line = line();
        line["event_params"] = json!([
            {"key": "page_location", "value": {"string_value": "https://shop.example/a"}},
            {"key": "campaign", "value": {"string_value": "spring"}},
            {"key": "gclid", "value": {"string_value": "g1"}},
        ]);
        let (event, _) = ga4().convert(&line.to_string()).expect("an event");
        let url = "https://shop.example/a?utm_campaign=spring&gclid=g1";
        assert_eq!(event["page"]["url"], url);
        assert_eq!(event["attributes"], Value::Null);
        line["event_params"] =
            json!([{"key": "firebase_screen", "value": {"string_value": "Home"}}]);
        line["collected_traffic_source"] = json!({"manual_source": "news"});
        let (_, left_out) = ga4().convert(&line.to_string()).expect("an event");
        assert_eq!(left_out, BTreeSet::from(["campaign", "geo"]));
    }

    #[test]
    fn a_number_beyond_64_bits_is_left_out_and_said() {
        for value in [
            json!({"int_value": "99999999999999999999"}),
            json!({"int_value": u64::MAX}),
            json!({"double_value": 1e19}),
        ] {
            let mut line = line();
            line["event_params"][5]["value"] = value;
            let (event, left_out) = ga4().convert(&line.to_string()).expect("an event");
            assert_eq!(event["attributes"], json!({"items_seen": 3}));
            assert_eq!(left_out, BTreeSet::from(["attribute", "geo"]));
        }
        let read = |of: Value| value(&of);
        assert_eq!(read(json!({"double_value": "NaN"})), Some("NaN".into()));
        assert_eq!(read(json!({"double_value": "2.5"})), Some(2.5.into()));
        assert_eq!(read(json!({"int_value": null})), None);
    }

    #[test]
    fn a_screen_of_an_app_is_a_page_too() {
        let mut line = line();
        line["event_name"] = "screen_view".into();
        line["event_params"] =
            json!([{"key": "firebase_screen", "value": {"string_value": "Home"}}]);
        line["app_info"] = json!({"id": "example.shop", "version": "2.1"});
        let (event, _) = ga4().convert(&line.to_string()).expect("an event");
        assert_eq!(event["screenName"], "Home");
        let app = json!({"namespace": "example.shop", "version": "2.1"});
        assert_eq!(event["app"], app);
        assert_eq!(event["page"], Value::Null);
    }

    #[test]
    fn a_no_to_storage_is_no_consent() {
        let mut line = line();
        line["privacy_info"] = json!({"analytics_storage": "No"});
        let (event, _) = ga4().convert(&line.to_string()).expect("an event");
        assert_eq!(event["consent"]["state"], "denied");
    }

    #[test]
    fn what_is_no_event_says_why() {
        let without = |member: &str, value: Value| {
            let mut line = line();
            line[member] = value;
            ga4().convert(&line.to_string()).err()
        };
        assert_eq!(without("event_name", Value::Null), Some(Skip::NoName));
        let derived = without("event_name", "session_start".into());
        assert_eq!(derived, Some(Skip::Derived));
        assert_eq!(
            without("user_pseudo_id", Value::Null),
            Some(Skip::NoVisitor)
        );
        assert_eq!(
            without("event_timestamp", "soon".into()),
            Some(Skip::NoTime)
        );
        assert_eq!(without("event_params", json!([])), Some(Skip::NoPage));
        for broken in ["", "[]", "{", "7"] {
            assert_eq!(
                ga4().convert(broken).err(),
                Some(Skip::Malformed),
                "{broken}"
            );
        }
    }
}
