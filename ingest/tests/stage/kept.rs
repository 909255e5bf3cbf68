//! How little is kept: of pages that are only counted, of addresses, of user agents, of traits that nobody asked for.

use ingest::Accepted;

use crate::{decode, event, stage};

fn accepted(members: &str) -> Accepted {
    *decode(&mut stage(0), event(members).as_bytes())
        .unwrap_or_else(|refusal| panic!("{members}: {refusal:?}"))
}

#[test]
fn of_a_page_that_is_only_counted_its_host_is_kept_and_its_class() {
    let rest = r#""searchQuery":"hiv","formName":"diagnosis","referrerUrl":"https://www.google.com/search?q=hiv",
        "attributes":{"drug":"x"},"eventId":null"#;
    let of = |page: &str| {
        let url = format!("https://shop.example/clinic/{page}");
        accepted(&format!(
            r#""page":{{"url":"{url}?diag=hiv&utm_campaign=hiv","title":"Diagnosis"}},{rest}"#
        ))
    };
    let event = of("jane").event;
    assert_eq!(event.page_class, "count_only");
    let activity = event.web_event.expect("an activity");
    let page = &activity.page;
    assert_eq!(
        (&*page.url, &*page.hostname),
        ("https://shop.example/[count_only]", "shop.example")
    );
    assert_eq!(activity.event_name, "page_viewed");
    let all = format!("{activity:?}").to_lowercase();
    for word in ["hiv", "diag", "drug", "clinic", "google"] {
        assert!(!all.contains(word), "{word} is in {all}");
    }
    assert_ne!(
        of("john").event.event_id,
        event.event_id,
        "another page, another event"
    );
}

#[test]
fn which_page_was_counted_cannot_be_tried_out_by_the_event_id() {
    let url = "https://shop.example/clinic/jane";
    let event = accepted(&format!(r#""eventId":null,"page":{{"url":"{url}"}}"#)).event;
    let guessed = journey::id::derive(&[
        event.customer_id.as_str().as_bytes(),
        &event.occurred_at.0.to_be_bytes(),
        b"page_viewed",
        url.as_bytes(),
    ]);
    assert_ne!(event.event_id.0, guessed);
}

#[test]
fn an_attribute_that_is_an_address_is_cut_to_its_network() {
    for deployment in ["shop", "known"] {
        let event = accepted(&format!(
            r#""deploymentId":"{deployment}","attributes":{{"ipAddress":"203.0.113.77","client_ip":"2001:db8:1:2::3","appVersion":"3.12.0.45"}}"#
        ));
        let attributes = event.event.web_event.expect("an activity").attributes;
        let value = |name: &str| {
            let found = attributes.iter().find(|(known, _)| *known == name);
            found.map(|(_, attribute)| attribute.value.as_str().to_owned())
        };
        let values = ["ipAddress", "client_ip", "appVersion"].map(value);
        assert_eq!(
            values.each_ref().map(Option::as_deref),
            [Some("203.0.113.0"), Some("2001:db8:1::"), Some("3.12.0.45")]
        );
    }
}

#[test]
fn an_event_that_is_sent_again_from_another_network_has_the_same_id() {
    let id = |rest: &str| {
        let members = format!(r#""deploymentId":"known","eventId":null,{rest}"#);
        accepted(&members).event.event_id
    };
    let wifi = id(r#""ipAddress":"203.0.113.7","networkConnectivity":{"wifiEnabled":true}"#);
    let cell = id(r#""ipAddress":"198.51.100.7","networkConnectivity":{"wifiEnabled":false}"#);
    assert_eq!(wifi, cell);
    assert_ne!(wifi, id(r#""attributes":{"a":"1"}"#));
}

#[test]
fn a_user_agent_of_any_length_is_cut_and_never_refused() {
    let long = format!("Mozilla/5.0 {}", "x".repeat(20_000));
    let event = accepted(&format!(r#""userAgentString":"{long}""#)).event;
    let kept = event
        .web_event
        .and_then(|activity| activity.user_agent_string);
    let kept = kept.expect("a user agent");
    assert!(
        kept.len() < 5_000 && long.starts_with(&*kept),
        "{} bytes",
        kept.len()
    );
}

#[test]
fn a_trait_that_no_mapper_names_is_dropped_whatever_is_wrong_with_it() {
    let long = "x".repeat(5_000);
    for trait_ in [
        r#""given name":"Jane""#.to_owned(),
        r#""age":{"dataType":"number","value":"unknown"}"#.to_owned(),
        format!(r#""note":"{long}""#),
    ] {
        let accepted = accepted(&format!(r#""deploymentId":"known","traits":{{{trait_}}}"#));
        assert_eq!(accepted.traits, []);
    }
}
