//! The stage through its own door: bytes in, one outcome out.

mod admission;
mod any_bytes;
mod consent;
mod encode;
mod events;
mod geo;
mod hostile;
mod kept;
mod mmdb;
mod privacy;
mod real_traffic;
mod reasons;
mod reports;

use std::sync::Arc;

use ingest::{Accepted, Config, Ingest, UnknownDeployments, VisitorKeys};
use journey::{
    Timestamp,
    definitions::{Definition, DefinitionSet},
};
use pipeline::{Processor, Record, Refusal, Stage, TaskContext};

/// When every record of these tests is received.
pub(crate) const RECEIVED: &str = "2026-11-23T14:00:10.000Z";

/// The deployments that these tests know: `shop` needs no consent, `strict` does and lists purposes, `tcf` those of its consent tool, `plain` wants no robots,
/// `fenced` takes only its own pages and nobody of the house, `metered` only so much.
pub(crate) const DEFINITIONS: &str = r#"[
  {"kind": "deployment", "id": "shop", "consent": {"mode": "not_needed"}, "visitTimeoutMinutes": 30,
   "excludedQueryParameters": ["token"],
   "traitsMapper": [{"fieldName": "CustomerEmail", "traitName": "email"}, {"fieldName": "givenName"}]},
  {"kind": "deployment", "id": "known", "consent": {"mode": "not_needed"}, "defaultCountry": "DE", "shouldKeepIpNetwork": true,
   "traitsMapper": [{"fieldName": "mail", "traitName": "email", "type": "email"},
                    {"fieldName": "cellPhone", "type": "phone"}, {"fieldName": "externalId", "type": "externalId"}]},
  {"kind": "deployment", "id": "strict", "consent": {"mode": "required", "purposes": ["visits"]}},
  {"kind": "deployment", "id": "tcf", "consent": {"mode": "required",
   "purposes": {"visits": ["1"], "personalisation": ["3", "4"], "contact": ["10"]}},
   "traitsMapper": [{"fieldName": "CustomerEmail", "traitName": "email"}]},
  {"kind": "deployment", "id": "plain", "consent": {"mode": "implied"}, "suppressBots": true},
  {"kind": "deployment", "id": "fenced", "consent": {"mode": "not_needed"},
   "allowedOrigins": ["https://shop.example", "*.shop.example:8443"], "excludedIpAddresses": ["192.0.2.0/24", "2001:db8::7"]},
  {"kind": "deployment", "id": "metered", "consent": {"mode": "implied"},
   "eventsPerSecond": 2, "eventBurst": 4, "visitorEventsPerSecond": 1, "visitorEventBurst": 3},
  {"kind": "pageClass", "id": "health", "patterns": ["shop.example/health/*"], "class": "block"},
  {"kind": "pageClass", "id": "account", "patterns": ["shop.example/account/*"], "class": "no_offer"},
  {"kind": "pageClass", "id": "advice", "patterns": ["shop.example/advice/*"], "class": "no_link"},
  {"kind": "pageClass", "id": "clinic", "patterns": ["shop.example/clinic/*"], "class": "count_only"}
]"#;

/// Ingest of one partition of `web.events.raw` (input 0) or `engagement.events.raw` (input 1).
pub(crate) fn stage(input: usize) -> Ingest {
    stage_with(
        input,
        Config::new(VisitorKeys::development(), UnknownDeployments::Refuse),
    )
}

pub(crate) fn stage_with(input: usize, config: Config) -> Ingest {
    let definitions: Vec<Definition> = serde_json::from_str(DEFINITIONS).expect("definitions");
    let context = TaskContext {
        input,
        partition: 0,
        partition_count: 1,
    };
    let mut ingest = Ingest::new(Arc::new(config), context);
    ingest.adopt(&Arc::new(DefinitionSet::new(1, Timestamp(0), definitions)));
    ingest
}

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a date")
}

pub(crate) fn decode(ingest: &mut Ingest, value: &[u8]) -> Result<Box<Accepted>, Refusal> {
    decode_at(ingest, value, at(RECEIVED))
}

pub(crate) fn decode_at(
    ingest: &mut Ingest,
    value: &[u8],
    received_at: Timestamp,
) -> Result<Box<Accepted>, Refusal> {
    decode_again(ingest, value, received_at, received_at)
}

/// Decodes what was received before: a dead letter that is sent again.
pub(crate) fn decode_again(
    ingest: &mut Ingest,
    value: &[u8],
    received_at: Timestamp,
    first_received_at: Timestamp,
) -> Result<Box<Accepted>, Refusal> {
    let input = ingest.context().input;
    let topic = Ingest::TOPOLOGY.inputs[input];
    let value = Some(value);
    ingest.decode(&Record {
        topic,
        partition: 0,
        offset: 7,
        received_at,
        first_received_at,
        key: None,
        value,
    })
}

/// A valid event of `shop` with these members put in, or in the place of its own; `null` takes one out.
pub(crate) fn event(members: &str) -> String {
    with(
        r#"{"deploymentId":"shop","customerCookieId":"c1","eventName":"page_viewed","eventId":"e1",
            "createdDate":"2026-11-23T14:00:00.000Z","page":{"url":"https://shop.example/"}}"#,
        members,
    )
}

/// A valid report of `shop`, as [`event`].
pub(crate) fn report(members: &str) -> String {
    with(
        r#"{"deploymentId":"shop","customerCookieId":"c1","eventId":"r1","offerId":"o1","actionState":"accepted",
            "createdDate":"2026-11-23T14:00:00.000Z"}"#,
        members,
    )
}

fn with(base: &str, members: &str) -> String {
    let mut object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(base).expect("JSON");
    let changes: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&format!("{{{members}}}")).expect("members");
    for (name, value) in changes {
        match value.is_null() {
            true => object.remove(&name),
            false => object.insert(name, value),
        };
    }
    serde_json::to_string(&object).expect("JSON")
}

/// The outcome in a word: `forwarded`, or the reason.
pub(crate) fn outcome(ingest: &mut Ingest, value: &[u8]) -> String {
    match decode(ingest, value) {
        Ok(_) => "forwarded".to_owned(),
        Err(Refusal::Rejected(rejection)) => rejection.reason.to_owned(),
        Err(Refusal::Suppressed(reason)) => reason.to_owned(),
        Err(Refusal::UnknownSchema(_)) => panic!("raw records have no schema"),
    }
}
