//! What is held against every input: raw event, report, URL, referrer, definition. The fuzz targets and the test that plays
//! the committed corpus (`tests/fuzz_corpus.rs`) call the same functions.

use std::{cell::RefCell, sync::Arc};

use ingest::{
    Accepted, Config, Ingest, RejectReason, SuppressReason, UnknownDeployments, VisitorKeys,
};
use journey::{
    Timestamp, WebEvent,
    definitions::{Definition, DefinitionSet, Sets, validate},
    web_event::Activity,
};
use pipeline::{Processor, Record, Refusal, Stage, TaskContext};
use segmenter::Segmenter;
use serde_json::json;
use staffing::Staffing;
use url::Url;

/// What is held against an input.
pub type Target = fn(&[u8]);

/// Every target by its name, which is also the directory of its corpus.
pub const TARGETS: [(&str, Target); 5] = [
    ("event", event),
    ("report", report),
    ("url", url),
    ("referrer", referrer),
    ("definition", definition),
];

/// One deployment that keeps all it can, and one that keeps little.
const DEFINITIONS: &str = r#"[
  {"kind": "deployment", "id": "open", "consent": {"mode": "not_needed"}, "shouldKeepUrlFragment": true,
   "shouldKeepIpNetwork": true, "searchQueryParameters": ["q"], "defaultCountry": "DE",
   "traitsMapper": [{"fieldName": "mail", "type": "email"}, {"fieldName": "cell", "type": "phone"},
                    {"fieldName": "externalId", "type": "externalId"}, {"fieldName": "givenName"}]},
  {"kind": "deployment", "id": "strict", "consent": {"mode": "required", "purposes": ["visits"]}, "suppressBots": true,
   "allowedQueryParameters": ["q", "utm_source"], "excludedQueryParameters": ["token"]},
  {"kind": "pageClass", "id": "health", "patterns": ["*/health/*"], "class": "block"},
  {"kind": "pageClass", "id": "account", "patterns": ["shop.example/account/*?tab=*"], "class": "no_offer"}
]"#;

const CREATED: &str = "2026-11-23T14:00:00.000Z";
const RECEIVED: Timestamp = Timestamp(1_795_442_410_000);
const CONTEXT: TaskContext = TaskContext {
    input: 0,
    partition: 0,
    partition_count: 1,
};

thread_local! {
    static STAGE: RefCell<Ingest> = RefCell::new(stage(UnknownDeployments::Refuse));
    static ADOPTING: RefCell<Ingest> = RefCell::new(stage(UnknownDeployments::Accept));
}

fn stage(unknown: UnknownDeployments) -> Ingest {
    let config = Config::new(VisitorKeys::development(), unknown);
    let mut stage = Ingest::new(Arc::new(config), CONTEXT);
    let definitions: Vec<Definition> = serde_json::from_str(DEFINITIONS).expect("definitions");
    stage.adopt(&Arc::new(DefinitionSet::new(1, Timestamp(0), definitions)));
    stage
}

/// A record of `web.events.raw`.
pub fn event(bytes: &[u8]) {
    STAGE.with_borrow_mut(|stage| outcome(stage, 0, bytes));
}

/// A record of `engagement.events.raw`.
pub fn report(bytes: &[u8]) {
    STAGE.with_borrow_mut(|stage| outcome(stage, 1, bytes));
}

/// A page's address, of every deployment. What is kept of it is an address again, of the same host, without a user.
pub fn url(bytes: &[u8]) {
    for deployment in ["open", "strict"] {
        let Some(activity) = activity_of(bytes, deployment, |text| json!({"page": {"url": text}}))
        else {
            continue;
        };
        let page = activity.page;
        is_address(&page.url, &page.hostname);
        assert!(page.url.contains(&*page.pathname));
        assert!(deployment == "open" || page.fragment.is_none());
    }
}

/// A referrer, of every deployment, held to the same.
pub fn referrer(bytes: &[u8]) {
    for deployment in ["open", "strict"] {
        let referrer = |text: &str| json!({"page": {"url": "https://shop.example/?gclid=x"}, "referrerUrl": text});
        let Some(activity) = activity_of(bytes, deployment, referrer) else {
            continue;
        };
        if let Some(referrer) = activity.referrer {
            is_address(&referrer.url, &referrer.hostname);
            // The dot of a name that is written whole is no part of its domain.
            let name = referrer.hostname.trim_end_matches('.');
            assert!(name.ends_with(&*referrer.domain) || *referrer.domain == *referrer.hostname);
        }
    }
}

/// A file of definitions, and a record of their topic: read, checked, adopted by every stage, and an event judged by them.
pub fn definition(bytes: &[u8]) {
    for key in ["segment/a/1", "set/1"] {
        let mut sets = Sets::default();
        if sets.take(key, Some(bytes)).is_ok() {
            let _ = (sets.in_order(), sets.current());
        }
    }
    let Ok(definitions) = serde_json::from_slice::<Vec<Definition>>(bytes) else {
        return;
    };
    for mistake in validate(&definitions) {
        assert!(!mistake.what.is_empty());
    }
    let written = serde_json::to_vec(&definitions).expect("definitions are plain data");
    let again: Vec<Definition> = serde_json::from_slice(&written).expect("what was just written");
    assert_eq!(again, definitions);
    let set = Arc::new(DefinitionSet::new(2, Timestamp(0), definitions));
    Segmenter::new(CONTEXT).adopt(&set);
    Staffing::new(CONTEXT).adopt(&set);
    let deployment = set.deployments.keys().next().cloned().unwrap_or_default();
    let members = json!({
        "page": {"url": "https://shop.example/account/?q=shoes&tab=jane%40example.com#x"},
        "attributes": {"mail": "jane@example.com", "cell": "0170 1234567"},
        "consent": {"state": "granted", "purposes": ["visits", "contact"]},
    });
    ADOPTING.with_borrow_mut(|stage| {
        stage.adopt(&set);
        outcome(stage, 0, &event_of(&deployment, members));
    });
}

/// A well-formed event with these members.
fn event_of(deployment: &str, members: serde_json::Value) -> Vec<u8> {
    let mut event = json!({
        "deploymentId": deployment, "customerCookieId": "c1", "eventName": "page_viewed", "createdDate": CREATED,
        "consent": {"state": "granted", "purposes": ["visits"]},
    });
    let (into, from) = (event.as_object_mut(), members.as_object());
    into.expect("an object")
        .extend(from.expect("an object").clone());
    serde_json::to_vec(&event).expect("JSON")
}

/// What an event tells in which a text stands in a place; nothing where the event is refused.
fn activity_of(
    bytes: &[u8],
    deployment: &str,
    place: impl Fn(&str) -> serde_json::Value,
) -> Option<Activity> {
    let text = std::str::from_utf8(bytes).ok()?;
    let event = event_of(deployment, place(text));
    STAGE
        .with_borrow_mut(|stage| outcome(stage, 0, &event))?
        .event
        .web_event
}

fn is_address(kept: &str, hostname: &str) {
    let url = Url::parse(kept).expect("what is kept of an address is one");
    assert_eq!(url.host_str().unwrap_or_default(), hostname);
    assert!(url.username().is_empty() && url.password().is_none());
}

/// Reads a record and holds the outcome against the closed lists. An event that is forwarded is whole, and is read back as it
/// was written.
fn outcome(stage: &mut Ingest, input: usize, bytes: &[u8]) -> Option<Accepted> {
    let record = Record {
        topic: Ingest::TOPOLOGY.inputs[input],
        partition: 0,
        offset: 0,
        received_at: RECEIVED,
        first_received_at: RECEIVED,
        key: None,
        value: Some(bytes),
    };
    match stage.decode(&record) {
        Ok(accepted) => {
            let event = &accepted.event;
            assert!(event.occurred_at <= event.received_at);
            let written = schemas::to_bytes(event);
            let read: WebEvent = schemas::from_bytes(&written).expect("what was just written");
            assert_eq!(read, by_name(event));
            for one in &accepted.traits {
                assert_eq!(one.customer_id, event.customer_id);
                let written = schemas::to_bytes(one);
                assert_eq!(schemas::from_bytes(&written).as_ref(), Ok(one));
            }
            Some(*accepted)
        }
        Err(Refusal::Rejected(rejection)) => {
            let mut reasons = RejectReason::ALL.iter();
            assert!(reasons.any(|reason| reason.as_str() == rejection.reason));
            assert!((1..500).contains(&rejection.message.len()));
            None
        }
        Err(Refusal::Suppressed(reason)) => {
            let mut reasons = SuppressReason::ALL.iter();
            assert!(reasons.any(|known| known.as_str() == reason));
            None
        }
        Err(Refusal::UnknownSchema(_)) => panic!("raw records have no schema"),
    }
}

/// As it is read back: attributes by name, in whatever order they came.
fn by_name(event: &WebEvent) -> WebEvent {
    let mut event = event.clone();
    if let Some(activity) = &mut event.web_event {
        activity
            .attributes
            .sort_by(|(one, _), (other, _)| one.cmp(other));
    }
    event
}
