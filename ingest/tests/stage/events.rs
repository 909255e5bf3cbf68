//! Web events of every kind, and what becomes of their members.

use std::sync::Arc;

use ingest::{Config, Ingest, Limits, UnknownDeployments, VisitorKeys};
use journey::{
    Millis, Timestamp, WebEvent,
    definitions::{Definition, DefinitionSet},
    web_event::Activity,
};
use pipeline::{Processor, Record, Refusal, Stage};

use crate::{DEFINITIONS, RECEIVED, at, decode, decode_at, event, outcome, stage, stage_with};

fn accepted(members: &str) -> WebEvent {
    decode(&mut stage(0), event(members).as_bytes())
        .unwrap_or_else(|refusal| panic!("{members}: {refusal:?}"))
        .event
}

fn activity(members: &str) -> Activity {
    accepted(members).web_event.expect("a web event")
}

#[test]
fn a_page_view_becomes_a_web_event() {
    let event = accepted(
        r#""page":{"url":"https://www.shop.example/men/shoes?size=42&utm_source=news","title":"Shoes","lang":"en"},
           "referrerUrl":"https://www.google.com/search?q=red+shoes","replyTo":"r-1","authenticated":true"#,
    );
    assert_eq!(event.kind, "web");
    assert_eq!(event.event_id.as_str(), "e1");
    assert_eq!(
        event.customer_id,
        VisitorKeys::development().customer_id("shop", "c1")
    );
    assert_eq!(event.deployment_id.as_str(), "shop");
    assert_eq!(event.policy.visit_timeout, Millis::from_mins(30));
    assert_eq!(event.consent.state, "not_needed");
    assert_eq!(event.page_class, "none");
    assert_eq!(event.occurred_at, at("2026-11-23T14:00:00.000Z"));
    assert_eq!(event.received_at, at(crate::RECEIVED));
    assert!(event.authenticated && !event.bot && !event.time_corrected);
    assert_eq!(event.reply_to.as_deref(), Some("r-1"));
    let activity = event.web_event.expect("a web event");
    assert_eq!(activity.page.title.as_deref(), Some("Shoes"));
    assert_eq!(activity.page.domain, "shop.example");
    assert_eq!(
        activity
            .mkt_campaign
            .and_then(|campaign| campaign.source)
            .as_deref(),
        Some("news")
    );
    assert_eq!(
        activity
            .referrer
            .map(|referrer| referrer.medium.to_string())
            .as_deref(),
        Some("search")
    );
}

#[test]
fn every_event_of_the_catalogue_is_passed_on_as_what_it_is() {
    for members in [
        r#""eventName":"search_performed","searchQuery":"red shoes""#,
        r#""eventName":"contact_submitted","formName":"contact","attributes":{"topic":"returns"}"#,
        r#""eventName":"contact_abandoned","formName":"contact""#,
        r#""eventName":"buy_clicked""#,
        r#""eventName":"banner_in_viewport""#,
        r#""eventName":"scrolled_75_percent""#,
        r#""eventName":"idle_30_seconds""#,
        r#""eventName":"promo:interest""#,
        r#""eventName":"product_added","attributes":{"sku":{"dataType":"string","value":"s-1"}}"#,
        r#""eventName":"screen_viewed","page":{"url":"app://shop.example/home"}"#,
        r#""ipAddress":"192.0.2.1","unknown":{"anything":[1,{"x":null}]}"#,
    ] {
        let sent: serde_json::Value =
            serde_json::from_str(&format!("{{{members}}}")).expect("JSON");
        let sent = |name: &str| sent[name].as_str().map(str::to_owned);
        let became = activity(members);
        let name = sent("eventName").unwrap_or_else(|| "page_viewed".to_owned());
        assert_eq!(became.event_name.as_str(), name, "{members}");
        let told =
            |text: &Option<journey::Text>| text.as_ref().map(|text| text.as_str().to_owned());
        assert_eq!(told(&became.search_query), sent("searchQuery"), "{members}");
        assert_eq!(told(&became.form_name), sent("formName"), "{members}");
    }
    let asked_of = activity(
        r#""eventName":"contact_submitted","formName":"contact","attributes":{"topic":"returns"}"#,
    );
    let product = activity(
        r#""eventName":"product_added","attributes":{"sku":{"dataType":"string","value":"s-1"}}"#,
    );
    for (became, name, value) in [(asked_of, "topic", "returns"), (product, "sku", "s-1")] {
        let (kept, attribute) = &became.attributes[0];
        assert_eq!((kept.as_str(), &*attribute.value), (name, value));
    }
}

#[test]
fn a_text_that_was_cut_inside_a_character_is_no_reason() {
    let whole = event(r#""page":{"url":"https://shop.example/","title":"shoes HALF"}"#);
    let cut = whole.replace("HALF", r"\ud83d");
    let read = decode(&mut stage(0), cut.as_bytes()).expect("an event");
    let title = read.event.web_event.expect("a web event").page.title;
    assert_eq!(title.as_deref(), Some("shoes \u{fffd}"));
}

#[test]
fn a_screen_whose_page_is_empty_is_a_page() {
    let members = r#""page":{"url":""},"eventName":"screen_viewed","screenName":"Home""#;
    assert_eq!(activity(members).page.url, "app://app/Home");
}

#[test]
fn a_screen_of_an_app_is_a_page() {
    let members = r#""page":null,"eventName":"screen_viewed","screenName":"Order 4711/Track & trace",
        "app":{"name":"Shop","namespace":"example.Shop.ios","version":"3.2","buildNumber":"1207"},
        "sdkLibrary":{"name":"messenger","version":"1.9"},
        "networkConnectivity":{"carrier":"Example","wifiEnabled":true,"bluetoothEnabled":false},
        "device":{"category":"mobile","osFamily":"iOS","fingerprint":"f"},"attributes":{"app.version":"own"}"#;
    let activity = activity(members);
    let page = activity.page;
    assert_eq!(
        page.url,
        "app://example.shop.ios/Order%204711/Track%20&%20trace"
    );
    assert_eq!(
        (&*page.hostname, &*page.pathname),
        ("example.shop.ios", "/Order%204711/Track%20&%20trace")
    );
    assert_eq!(page.title.as_deref(), Some("Order 4711/Track & trace"));
    let attributes: Vec<String> = activity
        .attributes
        .iter()
        .map(|(name, a)| format!("{name}={}", a.value))
        .collect();
    assert_eq!(
        attributes,
        [
            "app.version=own",
            "app.name=Shop",
            "app.namespace=example.Shop.ios",
            "app.buildNumber=1207",
            "sdkLibrary.name=messenger",
            "sdkLibrary.version=1.9",
            "networkConnectivity.carrier=Example",
            "networkConnectivity.bluetoothEnabled=false",
            "networkConnectivity.wifiEnabled=true",
        ]
    );
}

#[test]
fn a_screen_without_a_namespace_or_of_any_name_is_a_page_too() {
    let url = |screen: &str| {
        let members = serde_json::json!({ "screenName": screen }).to_string();
        let members = format!(r#""page":null,{}"#, &members[1..members.len() - 1]);
        activity(&members).page.url.to_string()
    };
    assert_eq!(url("Home"), "app://app/Home");
    assert_eq!(url("/a?b#c"), "app://app/a%3Fb%23c");
    assert_eq!(url("../x"), "app://app/x");
    let own = r#""page":{"url":"https://shop.example/x"},"screenName":"Home""#;
    assert_eq!(activity(own).page.url, "https://shop.example/x");
}

#[test]
fn languages_are_written_in_one_way() {
    let said = r#""page":{"url":"https://shop.example/","lang":"DE_de"},"browser":{"lang":"de-ch,en;q=0.5"}"#;
    let activity = activity(said);
    assert_eq!(activity.page.lang.as_deref(), Some("de-DE"));
    assert_eq!(
        activity.browser.and_then(|b| b.lang).as_deref(),
        Some("de-CH")
    );
}

#[test]
fn a_ping_is_an_event_of_that_name() {
    assert!(accepted(r#""eventName":"ping""#).is_ping());
}

#[test]
fn an_attribute_is_typed_or_bare() {
    let read = |attributes: &str| {
        let activity = activity(&format!(r#""attributes":{{{attributes}}}"#));
        let show = |(name, a): &(journey::Text, journey::web_event::Attribute)| {
            format!("{name}:{}={}", a.data_type, a.value)
        };
        activity
            .attributes
            .iter()
            .map(show)
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        read(r#""a":"x","b":true,"c":3,"d":1.5"#),
        "a:string=x b:boolean=true c:integer=3 d:number=1.5"
    );
    assert_eq!(
        read(r#""a":{"dataType":"NUMBER","value":"7"}"#),
        "a:number=7"
    );
    assert_eq!(
        read(r#""a":{"dataType":"number","value":7},"b":{"value":"x"}"#),
        "a:number=7 b:string=x"
    );
    assert_eq!(
        read(r#""a":null,"b":{"dataType":"string","value":null}"#),
        ""
    );
}

#[test]
fn an_event_without_an_id_gets_one_of_what_it_says() {
    let id = |members: &str| accepted(&format!(r#""eventId":null,{members}"#)).event_id;
    let plain = id(r#""x":1"#);
    assert_eq!(plain.as_str().len(), 36);
    assert_eq!(plain, id(r#""x":2,"sentDate":"2026-11-23T14:00:05.000Z""#));
    for other in [
        r#""customerCookieId":"c2""#,
        r#""createdDate":"2026-11-23T14:00:00.001Z""#,
        r#""eventName":"clicked""#,
        r#""page":{"url":"https://shop.example/x"}"#,
        r#""attributes":{"a":1}"#,
    ] {
        assert_ne!(plain, id(other), "{other}");
    }
}

#[test]
fn a_resend_with_its_attributes_in_another_order_is_the_same_event() {
    let id = |attributes: &str| {
        let members = format!(r#""attributes":{attributes}}}"#);
        let base = event(r#""eventId":null"#);
        let whole = format!("{},{members}", &base[..base.len() - 1]);
        decode(&mut stage(0), whole.as_bytes())
            .expect("an event")
            .event
            .event_id
    };
    assert_eq!(id(r#"{"a":1,"b":2,"c":3}"#), id(r#"{"c":3,"a":1,"b":2}"#));
    assert_ne!(id(r#"{"a":1,"b":2}"#), id(r#"{"a":2,"b":1}"#));
}

#[test]
fn the_clients_clock_is_corrected_by_its_own_skew() {
    let occurred = |members: &str| {
        let event = accepted(members);
        (event.occurred_at.to_string(), event.time_corrected)
    };
    let ten_fast =
        r#""createdDate":"2026-11-23T14:10:00.000Z","sentDate":"2026-11-23T14:10:04.000Z""#;
    assert_eq!(
        occurred(ten_fast),
        ("2026-11-23T14:00:06.000Z".into(), false)
    );
    let future = r#""createdDate":"2026-11-23T15:00:00.000Z""#;
    assert_eq!(occurred(future), (crate::RECEIVED.into(), true));
    let old = r#""createdDate":"2026-11-23T12:00:00.000Z""#;
    assert_eq!(occurred(old), (crate::RECEIVED.into(), true));
}

#[test]
fn what_the_event_says_of_browser_and_device_stands_above_the_user_agent() {
    let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36";
    let activity = activity(&format!(
        r#""userAgentString":"{chrome}","browser":{{"family":"Chromium","lang":"de-CH"}},
           "device":{{"category":"TABLET","screenWidth":1024,"osVersion":"11"}}"#,
    ));
    let browser = activity.browser.expect("a browser");
    assert_eq!(
        (
            &*browser.family,
            browser.version.as_deref(),
            browser.lang.as_deref()
        ),
        ("Chromium", Some("120"), Some("de-CH"))
    );
    let device = activity.device.expect("a device");
    assert_eq!(
        (&*device.category, device.mobile, device.screen_width),
        ("tablet", true, Some(1024))
    );
    assert_eq!(
        (device.os_family.as_deref(), device.os_version.as_deref()),
        (Some("Windows"), Some("11"))
    );
    assert_eq!(activity.user_agent_string.as_deref(), Some(chrome));
}

#[test]
fn a_search_is_what_the_event_says_or_the_parameter() {
    let asked = |members: &str| activity(members).search_query.map(|text| text.to_string());
    let page = r#""page":{"url":"https://shop.example/s?q=from+url"}"#;
    assert_eq!(asked(page).as_deref(), Some("from url"));
    assert_eq!(
        asked(&format!(r#"{page},"searchQuery":"from event""#)).as_deref(),
        Some("from event")
    );
    assert_eq!(asked(r#""x":1"#), None);
}

#[test]
fn a_limit_is_what_the_configuration_says() {
    let mut config = Config::new(VisitorKeys::development(), UnknownDeployments::Refuse);
    config.limits = Limits {
        attributes: 1,
        value_bytes: 2,
        name_bytes: 11,
        url_bytes: 22,
        ..config.limits
    };
    let mut ingest = stage_with(0, config);
    for (members, expected) in [
        (r#""attributes":{"a":"xy"}"#, "forwarded"),
        (r#""attributes":{"a":"xyz"}"#, "attribute_too_long"),
        (r#""attributes":{"a":1,"b":2}"#, "too_many_attributes"),
        (r#""eventName":"page_viewed2""#, "invalid_event_name"),
        (r#""page":{"url":"https://shop.example/x"}"#, "forwarded"),
        (
            r#""page":{"url":"https://shop.example/xy"}"#,
            "url_too_long",
        ),
    ] {
        assert_eq!(
            outcome(&mut ingest, event(members).as_bytes()),
            expected,
            "{members}"
        );
    }
}

#[test]
fn without_definitions_every_deployment_is_taken_and_consent_not_needed() {
    let config = Config::new(VisitorKeys::development(), UnknownDeployments::Accept);
    let mut ingest = stage_with(0, config);
    let new = event(r#""deploymentId":"met-today""#);
    let accepted = decode(&mut ingest, new.as_bytes()).expect("taken").event;
    assert_eq!(accepted.deployment_id.as_str(), "met-today");
    assert_eq!(accepted.consent.state, "not_needed");
    assert_eq!(accepted.policy.visit_timeout, Millis::from_mins(20));
    let strict = event(r#""deploymentId":"strict""#);
    assert_eq!(
        decode(&mut ingest, strict.as_bytes()),
        Err(Refusal::Suppressed("consent_missing"))
    );
}

#[test]
fn received_at_is_the_records() {
    let late = at("2026-11-23T14:30:00.000Z");
    let event = decode_at(&mut stage(0), event("").as_bytes(), late)
        .expect("accepted")
        .event;
    assert_eq!(
        (event.received_at, event.occurred_at),
        (late, at("2026-11-23T14:00:00.000Z"))
    );
}

#[test]
fn what_is_sent_again_as_a_dead_letter_happened_when_it_did() {
    let hours = |hours: i64| Millis::from_mins(60 * hours);
    let now = at(RECEIVED) + hours(3);
    let again = |ingest: &mut Ingest, members: &str, first_received_at| {
        let sent = ingest.decode(&Record {
            topic: Ingest::TOPOLOGY.inputs[0],
            partition: 0,
            offset: 7,
            received_at: now,
            first_received_at,
            key: None,
            value: Some(event(members).as_bytes()),
        });
        sent.expect("accepted").event
    };
    let mut ingest = stage(0);
    for members in ["", r#""sentDate":"2026-11-23T14:00:10.000Z""#] {
        let event = again(&mut ingest, members, at(RECEIVED));
        assert_eq!(
            event.occurred_at,
            at("2026-11-23T14:00:00.000Z"),
            "{members}"
        );
        assert_eq!(event.received_at, now);
        assert!(!event.time_corrected);
    }
    // Anybody may write the header: it is believed as far back as an event's own time is.
    let event = again(
        &mut ingest,
        r#""sentDate":"2026-11-23T14:00:10.000Z""#,
        at("2020-01-01T00:00:00.000Z"),
    );
    assert_eq!(event.occurred_at, now - hours(30 * 24) - Millis(10_000));
}

#[test]
fn what_a_task_remembers_of_an_address_goes_with_the_definitions() {
    let mut ingest = stage(0);
    let viewed = event(
        r#""page":{"url":"https://shop.example/clinic/x"},"referrerUrl":"https://shop.example/clinic/y?a=1""#,
    );
    let told = |ingest: &mut Ingest| decode(ingest, viewed.as_bytes()).expect("accepted").event;
    let first = told(&mut ingest);
    assert_eq!(told(&mut ingest), first);
    let adopt = |ingest: &mut Ingest, version, more: &str| {
        let mut definitions: Vec<Definition> =
            serde_json::from_str(DEFINITIONS).expect("definitions");
        definitions.push(serde_json::from_str(more).expect("a definition"));
        ingest.adopt(&Arc::new(DefinitionSet::new(
            version,
            Timestamp(0),
            definitions,
        )));
    };
    let class = |pattern: &str| {
        format!(
            r#"{{"kind":"pageClass","id":"clinic","patterns":["shop.example/clinic/{pattern}"],"class":"block"}}"#
        )
    };
    adopt(&mut ingest, 2, &class("y"));
    let activity = told(&mut ingest).web_event.expect("an activity");
    assert_eq!(
        activity.referrer.expect("a referrer").url,
        "https://shop.example/"
    );
    adopt(&mut ingest, 3, &class("x"));
    assert_eq!(outcome(&mut ingest, viewed.as_bytes()), "page_blocked");
    let strict = r#"{"kind":"deployment","id":"shop","consent":{"mode":"required"}}"#;
    adopt(&mut ingest, 4, strict);
    assert_ne!(outcome(&mut ingest, viewed.as_bytes()), "forwarded");
}
