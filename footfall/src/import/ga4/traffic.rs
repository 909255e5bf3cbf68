//! Which campaign an event of Google Analytics came by: `collected_traffic_source`, else the event's own parameters.

use serde_json::Value;

use super::{Params, says_something, text};
use crate::import::campaign::Campaign;

/// What it is called in an address, in `collected_traffic_source` and among the parameters.
const CAMPAIGN: &[(&str, &str, &str)] = &[
    ("utm_source", "manual_source", "source"),
    ("utm_medium", "manual_medium", "medium"),
    ("utm_campaign", "manual_campaign_name", "campaign"),
    ("utm_term", "manual_term", "term"),
    ("utm_content", "manual_content", "content"),
];

/// As [`CAMPAIGN`].
const CLICKS: &[(&str, &str, &str)] = &[("gclid", "gclid", "gclid"), ("dclid", "dclid", "dclid")];

/// Parameters that none but a campaign has: where there is one, `source`, `term` and `content` are of it, too, and else the
/// site's own.
const TELLING: &[&str] = &["medium", "campaign"];

/// What Google writes where it concludes of the referrer where somebody came from: no campaign, and the referrer says it.
const CONCLUDED: &[&str] = &["(organic)", "(referral)", "(direct)", "(none)"];

/// The campaign of an event, and what of the line says more than it.
pub(super) fn of<'a>(
    line: &'a Value,
    params: &'a Params<'_>,
) -> (Campaign<'a>, Option<&'static str>) {
    let collected = |name: &str| text(&line["collected_traffic_source"][name]);
    let given = |name: &str| params.text(name);
    let of_line = CAMPAIGN.iter().map(|(to, from, _)| (*to, collected(from)));
    let of_line: Vec<_> = of_line.collect();
    let of_params = CAMPAIGN.iter().map(|(to, _, from)| (*to, given(from)));
    let of_params = of_params.filter(|_| is_campaign(params)).collect();
    let said = [of_line, of_params].into_iter().find(is_said);
    let is_concluded = said.as_ref().is_some_and(is_concluded);
    let parts = said.filter(|_| !is_concluded).into_iter().flatten();
    let clicks = CLICKS
        .iter()
        .map(|(to, from, param)| match collected(from) {
            "" => (*to, given(param)),
            id => (*to, id),
        });
    let more = is_concluded || says_more(&line["collected_traffic_source"]);
    let campaign = Campaign::new(parts.chain(clicks));
    (campaign, more.then_some("collected_traffic_source"))
}

/// Whether a parameter is of the campaign, and so none of the event's attributes.
pub(super) fn is_part(name: &str, params: &Params<'_>) -> bool {
    let one_of = |parts: &[(&str, &str, &str)]| parts.iter().any(|(_, _, param)| *param == name);
    one_of(CLICKS) || one_of(CAMPAIGN) && is_campaign(params)
}

fn is_campaign(params: &Params<'_>) -> bool {
    let mut telling = TELLING.iter();
    telling.any(|name| !params.text(name).is_empty())
}

fn is_said(parts: &Vec<(&str, &str)>) -> bool {
    parts.iter().any(|(_, value)| !value.is_empty())
}

fn is_concluded(parts: &Vec<(&str, &str)>) -> bool {
    parts.iter().any(|(_, value)| CONCLUDED.contains(value))
}

/// Whether more is said of where somebody came from than an address has names for.
fn says_more(collected: &Value) -> bool {
    let ours = |name: &str| {
        let mut all = CAMPAIGN.iter().chain(CLICKS);
        all.any(|(_, known, _)| *known == name)
    };
    let members = collected.as_object().into_iter().flatten();
    let mut others = members.filter(|(name, _)| !ours(name));
    others.any(|(_, value)| says_something(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The campaign of a line with this source and these parameters, as an address, and what is left out.
    fn of_line(source: Value, params: &[(&str, &str)]) -> (Option<String>, Option<&'static str>) {
        let params = params.iter();
        let params =
            params.map(|(key, value)| json!({"key": key, "value": {"string_value": value}}));
        let params: Vec<Value> = params.collect();
        let line = json!({"collected_traffic_source": source, "event_params": params});
        let params = Params::of(&line);
        let (campaign, more) = of(&line, &params);
        (campaign.put_into("https://a.example/"), more)
    }

    fn address(query: &str) -> Option<String> {
        Some(format!("https://a.example/?{query}"))
    }

    #[test]
    fn a_campaign_is_what_was_collected_or_what_the_event_says() {
        let collected = json!({
            "manual_source": "news", "manual_medium": "email", "manual_campaign_name": "spring",
            "manual_term": null, "gclid": "g1",
        });
        let whole = "utm_source=news&utm_medium=email&utm_campaign=spring&gclid=g1";
        let params = [("source", "other"), ("medium", "cpc")];
        assert_eq!(of_line(collected, &params), (address(whole), None));
        let of_params = address("utm_source=other&utm_medium=cpc&gclid=g2");
        let params = [&params[..], &[("gclid", "g2")]].concat();
        assert_eq!(of_line(Value::Null, &params), (of_params, None));
        let unset = json!({"manual_source": "(not set)", "gclid": "g3"});
        assert_eq!(of_line(unset, &[]), (address("gclid=g3"), None));
    }

    #[test]
    fn what_google_concludes_of_the_referrer_is_no_campaign() {
        let organic = json!({
            "manual_source": "google", "manual_medium": "organic", "manual_campaign_name": "(organic)",
        });
        let left_out = Some("collected_traffic_source");
        assert_eq!(of_line(organic, &[]), (None, left_out));
        let direct = [("source", "(direct)"), ("medium", "(none)")];
        assert_eq!(of_line(Value::Null, &direct), (None, left_out));
    }

    #[test]
    fn what_an_address_has_no_name_for_is_said() {
        let more = json!({"manual_source": "news", "srsltid": "s1"});
        let left_out = Some("collected_traffic_source");
        assert_eq!(of_line(more, &[]), (address("utm_source=news"), left_out));
    }

    #[test]
    fn a_source_without_a_campaign_is_the_sites_own_attribute() {
        let line = json!({"event_params": [{"key": "source", "value": {"string_value": "menu"}}]});
        let params = Params::of(&line);
        assert!(!is_part("source", &params) && is_part("gclid", &params));
        assert!(of(&line, &params).0.is_empty());
    }
}
