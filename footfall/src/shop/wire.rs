//! What a planned event looks like on the wire: Genesys' `WebEventRequest` with Footfall's additions.

use std::collections::BTreeMap;

use journey::{Timestamp, definitions::ConsentMode, web_event::purpose};
use serde::Serialize;

use super::{
    Fate, Raw, Sent, Truth,
    random::mix,
    site::{Page, SEARCHES, Site},
    visitor::{Act, Origin, Planned, Stance, Visitor, source},
};

/// One record of `web.events.raw`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawEvent<'a> {
    pub(crate) event_id: &'a str,
    pub(crate) deployment_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) customer_cookie_id: Option<&'a str>,
    pub(crate) event_name: &'a str,
    pub(crate) page: RawPage<'a>,
    pub(crate) created_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sent_date: Option<String>,
    pub(crate) user_agent_string: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) browser: Option<RawBrowser<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) device: Option<RawDevice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) search_query: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) form_name: Option<&'a str>,
    pub(crate) ip_address: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) referrer_url: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) attributes: BTreeMap<&'a str, RawAttribute>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) authenticated: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) consent: Option<RawConsent<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) gpc: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reply_to: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct RawPage<'a> {
    pub(crate) url: String,
    pub(crate) title: String,
    pub(crate) lang: &'a str,
}

#[derive(Debug, Serialize)]
pub(crate) struct RawBrowser<'a> {
    pub(crate) lang: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawDevice<'a> {
    pub(crate) category: &'a str,
    pub(crate) is_mobile: bool,
    pub(crate) screen_height: i32,
    pub(crate) screen_width: i32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawAttribute {
    pub(crate) data_type: &'static str,
    pub(crate) value: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct RawConsent<'a> {
    pub(crate) state: &'a str,
    pub(crate) purposes: &'a [&'a str],
    pub(crate) source: &'a str,
}

/// A planned event as it is sent.
pub(crate) fn render(visitor: &Visitor, planned: &Planned) -> Sent {
    let event_id = visitor.event_id(planned.number);
    let raw = raw_event(visitor, planned, &event_id);
    let json = match planned.fate {
        Fate::DeadLettered(reason) => broken(raw, reason),
        _ => json(&raw),
    };
    let truth = Truth {
        deployment_id: visitor.site.deployment_id.clone(),
        cookie: visitor.cookie.clone(),
        event_id,
        occurred_at: planned.occurred_at,
        event_name: planned.act.event_name(),
        pathname: planned.place.page.path(),
        fate: planned.fate,
    };
    let key = visitor.keyed.then(|| visitor.cookie.to_string());
    Sent {
        send_at: planned.send_at,
        topic: Raw::Web,
        key,
        json,
        truth: Some(truth),
    }
}

fn json(raw: &RawEvent<'_>) -> String {
    serde_json::to_string(raw).expect("texts and numbers are always JSON")
}

fn raw_event<'a>(visitor: &'a Visitor, planned: &Planned, event_id: &'a str) -> RawEvent<'a> {
    let Place {
        page,
        landing,
        referrer,
    } = place(visitor, planned);
    let agent = visitor.agent;
    let by_clock = |at: Timestamp| (at + visitor.skew).to_string();
    let (search_query, form_name) = match planned.act {
        Act::Search(term) => (Some(SEARCHES[usize::from(term) % SEARCHES.len()]), None),
        Act::Form { name, .. } => (None, Some(name)),
        _ => (None, None),
    };
    RawEvent {
        event_id,
        deployment_id: &visitor.site.deployment_id,
        customer_cookie_id: Some(&visitor.cookie),
        event_name: planned.act.event_name(),
        page: RawPage {
            url: url(&visitor.site, page, landing.as_deref()),
            title: page.title(),
            lang: &agent.lang[..2],
        },
        created_date: by_clock(planned.occurred_at),
        sent_date: planned.stamped.then(|| by_clock(planned.send_at)),
        user_agent_string: agent.user_agent,
        browser: (agent.screen.0 > 0).then_some(RawBrowser { lang: agent.lang }),
        device: (agent.screen.0 > 0).then_some(RawDevice {
            category: agent.category,
            is_mobile: agent.category != "desktop",
            screen_height: agent.screen.1,
            screen_width: agent.screen.0,
        }),
        search_query,
        form_name,
        ip_address: &visitor.address,
        referrer_url: referrer,
        attributes: attributes(visitor, planned),
        authenticated: matches!(page, Page::Account(_) | Page::Thanks).then_some(true),
        consent: consent(visitor, planned.act),
        gpc: (visitor.stance == Stance::PrivacyControl).then_some(true),
        reply_to: visitor
            .site
            .registered
            .then(|| format!("tab-{:012x}", mix(visitor.salt ^ 4) >> 16)),
    }
}

struct Place {
    page: Page,
    landing: Option<String>,
    referrer: Option<String>,
}

/// Where it happens, with the campaign's parameters on a landing page.
fn place(visitor: &Visitor, planned: &Planned) -> Place {
    let page = planned.place.page;
    match planned.place.from {
        Origin::Source(at) => {
            let source = source(at);
            let landing = source
                .query
                .map(|query| query.replace('$', &visitor.click_id));
            Place {
                page,
                landing,
                referrer: source.referrer.map(str::to_owned),
            }
        }
        Origin::Page(before) => Place {
            page,
            landing: None,
            referrer: Some(url(&visitor.site, before, None)),
        },
    }
}

fn url(site: &Site, page: Page, campaign: Option<&str>) -> String {
    let query = page.query();
    let parts: Vec<&str> = query.as_deref().into_iter().chain(campaign).collect();
    let mark = if parts.is_empty() { "" } else { "?" };
    format!(
        "https://{}{}{mark}{}",
        site.host,
        page.path(),
        parts.join("&")
    )
}

fn attributes(visitor: &Visitor, planned: &Planned) -> BTreeMap<&'static str, RawAttribute> {
    let typed = |data_type, value: String| RawAttribute { data_type, value };
    let price = |product: u8| format!("{}.90", 19 + u32::from(product) * 7);
    let email = || format!("visitor-{:08x}@mail.example", mix(visitor.salt ^ 5) >> 32);
    match (planned.act, planned.place.page) {
        (Act::View, Page::Product(product)) | (Act::Add(product), _) => BTreeMap::from([
            ("productId", typed("string", format!("p-{product}"))),
            ("price", typed("number", price(product))),
            (
                "inStock",
                typed("boolean", (!product.is_multiple_of(7)).to_string()),
            ),
        ]),
        (Act::Order { cents }, _) => BTreeMap::from([
            (
                "orderValue",
                typed("number", format!("{}.{:02}", cents / 100, cents % 100)),
            ),
            (
                "orderId",
                typed(
                    "string",
                    format!(
                        "o-{:010x}",
                        mix(visitor.salt ^ 6 ^ u64::from(planned.number) << 8) >> 24
                    ),
                ),
            ),
            ("items", typed("integer", (cents % 4 + 1).to_string())),
        ]),
        (
            Act::Form {
                submitted: true, ..
            },
            _,
        ) => BTreeMap::from([
            ("customerEmail", typed("string", email())),
            (
                "newsletter",
                typed("boolean", visitor.salt.is_multiple_of(3).to_string()),
            ),
        ]),
        (
            Act::Form {
                submitted: false, ..
            },
            _,
        ) => BTreeMap::from([("fieldsFilled", typed("integer", "2".to_owned()))]),
        _ => BTreeMap::new(),
    }
}

/// What the event says of consent. Where nobody has to ask, a visitor who agrees says nothing.
fn consent(visitor: &Visitor, act: Act) -> Option<RawConsent<'static>> {
    let (state, purposes): (_, &[&str]) = match (act, visitor.stance) {
        (Act::Withdraw, _) => ("withdrawn", &[]),
        (_, Stance::Denied) => ("denied", &[]),
        (_, Stance::Silent) => return None,
        _ if visitor.site.consent != ConsentMode::Required => return None,
        _ => ("granted", &purpose::ALL),
    };
    Some(RawConsent {
        state,
        purposes,
        source: "tcf",
    })
}

/// The event as something breaks it on the way.
fn broken(mut raw: RawEvent<'_>, reason: &'static str) -> String {
    match reason {
        "not_json" => "<html><body>502 Bad Gateway</body></html>".to_owned(),
        "truncated" => {
            let mut text = json(&raw);
            let mut length = text.len() * 2 / 3;
            while !text.is_char_boundary(length) {
                length -= 1;
            }
            text.truncate(length);
            text
        }
        "missing_customer_cookie_id" => {
            raw.customer_cookie_id = None;
            json(&raw)
        }
        "wrong_type" => {
            let name = format!("\"eventName\":\"{}\"", raw.event_name);
            json(&raw).replacen(&name, &format!("\"eventName\":[\"{}\"]", raw.event_name), 1)
        }
        "attribute_too_long" => {
            raw.attributes.insert(
                "comment",
                RawAttribute {
                    data_type: "string",
                    value: "very ".repeat(500),
                },
            );
            json(&raw)
        }
        "null_byte" => {
            raw.page.title.push('\0');
            json(&raw)
        }
        _ => json(&raw),
    }
}
