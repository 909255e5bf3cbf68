//! Enriched events of Snowplow: 131 columns, separated by tabs, without a head.

mod described;

use std::collections::BTreeMap;

use journey::Timestamp;
use serde_json::{Number, Value};

use super::{
    Converted, Skip,
    campaign::Campaign,
    raw_event::{RawEvent, event_name},
};

/// The columns, in order.
const COLUMNS: &str = "app_id platform etl_tstamp collector_tstamp dvce_created_tstamp event event_id txn_id name_tracker \
    v_tracker v_collector v_etl user_id user_ipaddress user_fingerprint domain_userid domain_sessionidx network_userid \
    geo_country geo_region geo_city geo_zipcode geo_latitude geo_longitude geo_region_name ip_isp ip_organization ip_domain \
    ip_netspeed page_url page_title page_referrer page_urlscheme page_urlhost page_urlport page_urlpath page_urlquery \
    page_urlfragment refr_urlscheme refr_urlhost refr_urlport refr_urlpath refr_urlquery refr_urlfragment refr_medium \
    refr_source refr_term mkt_medium mkt_source mkt_term mkt_content mkt_campaign contexts se_category se_action se_label \
    se_property se_value unstruct_event tr_orderid tr_affiliation tr_total tr_tax tr_shipping tr_city tr_state tr_country \
    ti_orderid ti_sku ti_name ti_category ti_price ti_quantity pp_xoffset_min pp_xoffset_max pp_yoffset_min pp_yoffset_max \
    useragent br_name br_family br_version br_type br_renderengine br_lang br_features_pdf br_features_flash \
    br_features_java br_features_director br_features_quicktime br_features_realplayer br_features_windowsmedia \
    br_features_gears br_features_silverlight br_cookies br_colordepth br_viewwidth br_viewheight os_name os_family \
    os_manufacturer os_timezone dvce_type dvce_ismobile dvce_screenwidth dvce_screenheight doc_charset doc_width doc_height \
    tr_currency tr_total_base tr_tax_base tr_shipping_base ti_currency ti_price_base base_currency geo_timezone mkt_clickid \
    mkt_network etl_tags dvce_sent_tstamp refr_domain_userid refr_dvce_tstamp derived_contexts domain_sessionid \
    derived_tstamp event_vendor event_name event_format event_version event_fingerprint true_tstamp";

/// Columns that are attributes under their own names, and whether they hold numbers.
const ATTRIBUTES: &[(&str, bool)] = &[
    ("se_category", false),
    ("se_action", false),
    ("se_label", false),
    ("se_property", false),
    ("se_value", true),
    ("tr_orderid", false),
    ("tr_affiliation", false),
    ("tr_total", true),
    ("tr_tax", true),
    ("tr_shipping", true),
    ("tr_currency", false),
    ("ti_orderid", false),
    ("ti_sku", false),
    ("ti_name", false),
    ("ti_category", false),
    ("ti_price", true),
    ("ti_quantity", true),
    ("ti_currency", false),
];

/// Columns that are members of the event.
const MEMBERS: &[(&str, &str)] = &[
    ("event_id", "eventId"),
    ("page_title", "page.title"),
    ("page_referrer", "referrerUrl"),
    ("useragent", "userAgentString"),
    ("br_lang", "browser.lang"),
];

/// What has no place in a raw event: `ingest` looks places up itself, addresses are written nowhere, and people are named on
/// purpose or not at all.
const UNMAPPED: &[(&str, &str)] = &[
    ("geo_country", "geo"),
    ("user_ipaddress", "user_ipaddress"),
    ("user_id", "user_id"),
    ("contexts", "contexts"),
];

/// What a campaign is called in an address.
const CAMPAIGN: &[(&str, &str)] = &[
    ("mkt_source", "utm_source"),
    ("mkt_medium", "utm_medium"),
    ("mkt_campaign", "utm_campaign"),
    ("mkt_term", "utm_term"),
    ("mkt_content", "utm_content"),
];

/// The networks of a click id, as Snowplow names them, and what their ids are called in an address.
const NETWORKS: &[(&str, &str)] = &[
    ("Google", "gclid"),
    ("DoubleClick", "dclid"),
    ("Microsoft", "msclkid"),
    ("Facebook", "fbclid"),
    ("TikTok", "ttclid"),
    ("LinkedIn", "li_fat_id"),
    ("Twitter", "twclid"),
];

/// Turns lines into raw events.
#[derive(Clone, Debug)]
pub struct Snowplow {
    deployment: String,
    consent: String,
    columns: BTreeMap<&'static str, usize>,
}

/// The fields of a line, by the columns' names.
struct Row<'a> {
    columns: &'a BTreeMap<&'static str, usize>,
    fields: Vec<&'a str>,
}

impl<'a> Row<'a> {
    fn get(&self, column: &str) -> &'a str {
        let at = self.columns.get(column);
        at.map_or("", |at| self.fields[*at])
    }

    /// The first of these that says something.
    fn first(&self, columns: [&str; 2]) -> &'a str {
        let [first, second] = columns.map(|column| self.get(column));
        if first.is_empty() { second } else { first }
    }
}

impl Snowplow {
    /// Of this deployment; what the visitors agreed to is what the caller knows.
    pub fn new(deployment: &str, consent: &str) -> Snowplow {
        let columns = COLUMNS.split_whitespace().enumerate();
        Snowplow {
            deployment: deployment.to_owned(),
            consent: consent.to_owned(),
            columns: columns.map(|(at, name)| (name, at)).collect(),
        }
    }

    /// The raw event that a line is with what was left out of it, or why it is none.
    pub fn convert(&self, line: &str) -> Result<Converted, Skip> {
        let row = Row {
            columns: &self.columns,
            fields: line.split('\t').collect(),
        };
        if row.fields.len() != self.columns.len() {
            return Err(Skip::Malformed);
        }
        let name = name_of(&row).ok_or(Skip::NoName)?;
        let visitor = row.first(["domain_userid", "network_userid"]);
        if visitor.is_empty() {
            return Err(Skip::NoVisitor);
        }
        let sent = time(row.get("collector_tstamp")).ok_or(Skip::NoTime)?;
        let url = row.get("page_url");
        if url.is_empty() {
            return Err(Skip::NoPage);
        }
        // Corrected already by Snowplow's own reckoning; from there to the collector it was on its way.
        let at = time(row.get("derived_tstamp")).map_or(sent, |at| at.min(sent));
        let mut event = RawEvent::new(&self.deployment, visitor, &name, at);
        event.set("sentDate", &sent.to_string());
        let click = click(&row);
        event.page_by(url, &campaign(&row, click))?;
        for (column, member) in MEMBERS {
            event.set(member, row.get(column));
        }
        event.consent(&self.consent);
        for (column, number) in ATTRIBUTES {
            event.attribute(column, attribute(row.get(column), *number));
        }
        described::set(&mut event, row.get("event_name"), row.get("unstruct_event"));
        if click.is_none() && !url.contains(row.get("mkt_clickid")) {
            event.leave_out("mkt_clickid");
        }
        for (column, what) in UNMAPPED {
            if !row.get(column).is_empty() {
                event.leave_out(what);
            }
        }
        Ok(event.finish())
    }
}

/// Ours, where there is one for the same; of an event that is described by itself or by its action, what it says.
fn name_of(row: &Row<'_>) -> Option<String> {
    match row.get("event") {
        "page_view" => Some("page_viewed".to_owned()),
        "page_ping" => Some("ping".to_owned()),
        "struct" => event_name(row.first(["se_action", "se_category"])),
        "unstruct" => event_name(row.get("event_name")),
        other => event_name(other),
    }
}

/// `2026-11-23 14:00:00.123`, in UTC.
fn time(text: &str) -> Option<Timestamp> {
    let (date, clock) = text.split_once(' ')?;
    Timestamp::parse(&format!("{date}T{clock}Z"))
}

/// The click id, by what it is called in an address; `None` where that is not known.
fn click<'a>(row: &Row<'a>) -> Option<(&'static str, &'a str)> {
    let network = row.get("mkt_network");
    let mut networks = NETWORKS.iter();
    let (_, name) = networks.find(|(known, _)| known.eq_ignore_ascii_case(network))?;
    Some((name, row.get("mkt_clickid")))
}

/// What stands in columns alone: other names than those of `ingest` can be set in Snowplow.
fn campaign<'a>(row: &Row<'a>, click: Option<(&'static str, &'a str)>) -> Campaign<'a> {
    let columns = CAMPAIGN.iter();
    let columns = columns.map(|(column, name)| (*name, row.get(column)));
    Campaign::new(columns.chain(click))
}

fn attribute(text: &str, number: bool) -> Value {
    let parsed = text.parse().ok().filter(|_| number);
    let parsed = parsed.and_then(Number::from_f64);
    parsed.map_or_else(|| text.into(), Value::Number)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    fn line(fields: &[(&str, &str)]) -> String {
        let of = |column| {
            let field = fields.iter().rfind(|(name, _)| *name == column);
            field.map_or("", |(_, value)| *value)
        };
        let all: Vec<&str> = COLUMNS.split_whitespace().map(of).collect();
        all.join("\t")
    }

    const VIEW: &[(&str, &str)] = &[
        ("event", "page_view"),
        ("event_id", "e-1"),
        ("domain_userid", "u-1"),
        ("collector_tstamp", "2026-11-23 14:00:05.000"),
        ("derived_tstamp", "2026-11-23 14:00:01.250"),
        ("page_url", "https://shop.example/a?x=1"),
        ("page_title", "A"),
        ("useragent", "Mozilla/5.0"),
    ];

    fn convert(more: &[(&str, &str)]) -> Result<Converted, Skip> {
        let fields = [VIEW, more].concat();
        Snowplow::new("shop", "granted").convert(&line(&fields))
    }

    #[test]
    fn there_are_131_columns_of_different_names() {
        assert_eq!(COLUMNS.split_whitespace().count(), 131);
        assert_eq!(Snowplow::new("", "").columns.len(), 131);
    }

    #[test]
    fn a_page_view_has_its_page_and_both_of_its_times() {
        let (event, left_out) = convert(&[]).expect("an event");
        assert_eq!(
            event,
            json!({
                "deploymentId": "shop", "customerCookieId": "u-1", "eventName": "page_viewed", "eventId": "e-1",
                "createdDate": "2026-11-23T14:00:01.250Z", "sentDate": "2026-11-23T14:00:05.000Z",
                "page": {"url": "https://shop.example/a?x=1", "title": "A"}, "userAgentString": "Mozilla/5.0",
                "consent": {"state": "granted", "source": "import"},
            })
        );
        assert!(left_out.is_empty());
    }

    #[test]
    fn a_campaign_that_stands_in_columns_alone_goes_into_the_address() {
        let campaign = [("mkt_source", "news letter"), ("mkt_medium", "email")];
        let (event, _) = convert(&campaign).expect("an event");
        let url = "https://shop.example/a?x=1&utm_source=news+letter&utm_medium=email";
        assert_eq!(event["page"]["url"], url);
        let there = ("page_url", "https://shop.example/a?utm_source=n");
        let (event, _) = convert(&[campaign[0], there]).expect("an event");
        assert_eq!(event["page"]["url"], there.1);
    }

    #[test]
    fn a_click_id_goes_into_the_address_by_its_networks_name_for_it() {
        let of = |network: &str, url: &str| {
            let click = [
                ("mkt_clickid", "c1"),
                ("mkt_network", network),
                ("page_url", url),
            ];
            let (event, left_out) = convert(&click).expect("an event");
            (event["page"]["url"].clone(), left_out)
        };
        let (none, left_out) = (BTreeSet::new(), BTreeSet::from(["mkt_clickid"]));
        let plain = "https://shop.example/";
        let whole = Value::from("https://shop.example/?msclkid=c1");
        assert_eq!(of("Microsoft", plain), (whole, none.clone()));
        assert_eq!(of("Billboards", plain), (plain.into(), left_out));
        let there = "https://shop.example/?board=c1";
        assert_eq!(of("Billboards", there), (there.into(), none));
    }

    #[test]
    fn a_number_beyond_64_bits_is_left_out_and_the_browsers_language_is_the_browsers() {
        let fields = [("se_value", "1e30"), ("br_lang", "de-DE")];
        let (event, left_out) = convert(&fields).expect("an event");
        assert_eq!(event["attributes"], Value::Null);
        assert_eq!(left_out, BTreeSet::from(["attribute"]));
        assert_eq!(event["browser"]["lang"], "de-DE");
        assert_eq!(event["page"]["lang"], Value::Null);
    }

    #[test]
    fn other_events_are_named_by_what_they_say() {
        let named = |fields: &[(&str, &str)]| convert(fields).expect("an event").0;
        let event = named(&[
            ("event", "struct"),
            ("se_category", "shop"),
            ("se_action", "add to basket"),
            ("se_value", "2.5"),
        ]);
        assert_eq!(event["eventName"], "add_to_basket");
        let said = json!({"se_category": "shop", "se_action": "add to basket", "se_value": 2.5});
        assert_eq!(event["attributes"], said);
        let event = named(&[
            ("event", "unstruct"),
            ("event_name", "link_click"),
            (
                "unstruct_event",
                r#"{"schema": "s", "data": {"schema": "t", "data": {"targetUrl": "https://a.example/"}}}"#,
            ),
        ]);
        assert_eq!(event["eventName"], "link_click");
        assert_eq!(event["attributes"]["targetUrl"], "https://a.example/");
        assert_eq!(named(&[("event", "page_ping")])["eventName"], "ping");
    }

    #[test]
    fn addresses_and_people_are_left_out_and_said() {
        let personal = [("user_ipaddress", "203.0.113.7"), ("user_id", "ann")];
        let (event, left_out) = convert(&personal).expect("an event");
        assert_eq!(left_out, BTreeSet::from(["user_ipaddress", "user_id"]));
        let text = event.to_string();
        assert!(!text.contains("203.0.113.7") && !text.contains("ann"));
    }

    #[test]
    fn what_is_no_event_says_why() {
        let without = |column| convert(&[(column, "")]).err();
        assert_eq!(without("event"), Some(Skip::NoName));
        assert_eq!(without("domain_userid"), Some(Skip::NoVisitor));
        assert_eq!(without("collector_tstamp"), Some(Skip::NoTime));
        assert_eq!(without("page_url"), Some(Skip::NoPage));
        let of = |bytes: usize| {
            let url = format!("https://shop.example/{}", "a".repeat(bytes - 21));
            let page = [("page_url", url.as_str()), ("page_referrer", url.as_str())];
            convert(&page).map(|(_, left_out)| left_out.contains("referrerUrl"))
        };
        assert_eq!((of(2_048), of(2_049)), (Ok(false), Err(Skip::URL_TOO_LONG)));
        assert_eq!(without("derived_tstamp"), None);
        let short = Snowplow::new("shop", "granted").convert("a\tb");
        assert_eq!(short.err(), Some(Skip::Malformed));
    }
}
