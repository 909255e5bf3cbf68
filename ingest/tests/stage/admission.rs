//! Who may send, and how much.

use ingest::Ingest;
use journey::Millis;
use pipeline::Refusal;

use crate::{RECEIVED, at, decode_again, decode_at, event, outcome, report, stage};

#[track_caller]
fn check(members: &str, expected: &str) {
    assert_eq!(
        outcome(&mut stage(0), event(members).as_bytes()),
        expected,
        "{members}"
    );
}

#[test]
fn a_deployment_takes_events_of_its_own_pages_alone() {
    for (url, expected) in [
        ("https://shop.example/x?y", "forwarded"),
        ("https://shop.example./x", "forwarded"),
        ("https://www.shop.example:8443/", "forwarded"),
        ("http://shop.example/", "origin_not_allowed"),
        ("https://www.shop.example/", "origin_not_allowed"),
        ("https://shop.example.evil.example/", "origin_not_allowed"),
        ("file:///shop.example/", "origin_not_allowed"),
    ] {
        check(
            &format!(r#""deploymentId":"fenced","page":{{"url":"{url}"}}"#),
            expected,
        );
    }
}

#[test]
fn an_origin_that_is_sent_must_be_allowed_too() {
    for (origin, expected) in [
        (r#""https://shop.example""#, "forwarded"),
        (r#""""#, "forwarded"),
        ("null", "forwarded"),
        (r#""https://evil.example""#, "origin_not_allowed"),
        (r#""null""#, "forwarded"),
        ("5", "origin_not_allowed"),
    ] {
        check(
            &format!(r#""deploymentId":"fenced","origin":{origin}"#),
            expected,
        );
    }
    check(r#""origin":"https://evil.example""#, "forwarded");
}

#[test]
fn events_of_excluded_addresses_leave_a_count_and_nothing_more() {
    for (address, expected) in [
        ("192.0.2.9", "ip_excluded"),
        ("::ffff:192.0.2.9", "ip_excluded"),
        ("2001:db8::7", "ip_excluded"),
        ("198.51.100.9", "forwarded"),
        ("no address", "forwarded"),
    ] {
        check(
            &format!(r#""deploymentId":"fenced","ipAddress":"{address}""#),
            expected,
        );
    }
    check(r#""ipAddress":"192.0.2.9""#, "forwarded");
    check(
        r#""deploymentId":"fenced","ipAddress":"192.0.2.9","eventName":5"#,
        "ip_excluded",
    );
}

/// What `deploy/collector/vector.toml` makes of a post, from this address and of a page of this origin.
fn collected(body: &str, address: &str, origin: &str) -> String {
    match body.trim().strip_prefix('{') {
        Some(members) if members.trim_start().starts_with('"') => {
            format!(r#"{{"ipAddress":"{address}","origin":"{origin}",{members}"#)
        }
        _ => body.to_owned(),
    }
}

#[test]
fn what_the_collector_knows_stands_beside_a_post_that_is_otherwise_as_it_was() {
    let config = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../deploy/collector/vector.toml"
    );
    let config = std::fs::read_to_string(config).expect("the collector's configuration");
    // Read and written again, half a character is an error and a member that stands twice is gone.
    assert!(!config.contains("parse_json"), "{config}");
    assert!(config.contains(r#".message = "{" + known + "," + slice!(body, 1)"#));
    let post = event(r#""deploymentId":"fenced""#);
    let with = |members: &str| post.replacen('{', &format!("{{{members},"), 1);
    let ours = ("198.51.100.9", "https://shop.example");
    for (body, (address, origin), expected) in [
        (post.clone(), ours, "forwarded"),
        (format!(" {post} "), ours, "forwarded"),
        (with(r#""formName":"cut \ud83d""#), ours, "forwarded"),
        (post.clone(), ("192.0.2.9", ours.1), "ip_excluded"),
        (
            post.clone(),
            (ours.0, "https://evil.example"),
            "origin_not_allowed",
        ),
        (with(r#""eventName":"a""#), ours, "duplicate_key"),
        (with(r#""ipAddress":"203.0.113.7""#), ours, "duplicate_key"),
        (
            with(r#""origin":null"#),
            (ours.0, "https://evil.example"),
            "duplicate_key",
        ),
        ("{}".to_owned(), ours, "missing_deployment_id"),
        ("hello".to_owned(), ours, "not_json"),
    ] {
        let record = collected(&body, address, origin);
        assert_eq!(
            outcome(&mut stage(0), record.as_bytes()),
            expected,
            "{record}"
        );
    }
}

/// The outcomes of events of `metered`, each of a visitor and so many milliseconds after the first.
fn sent(ingest: &mut Ingest, events: &[(&str, i64)]) -> Vec<String> {
    let each = |(members, after): &(&str, i64)| {
        let bytes = event(&format!(r#""deploymentId":"metered",{members}"#));
        match decode_at(ingest, bytes.as_bytes(), at(RECEIVED) + Millis(*after)) {
            Ok(accepted) => accepted.event.kind.to_string(),
            Err(Refusal::Suppressed(reason)) => reason.to_owned(),
            Err(other) => panic!("{other:?}"),
        }
    };
    events.iter().map(each).collect()
}

#[test]
fn a_visitor_may_send_so_much_and_does_not_use_up_what_the_deployment_may() {
    let (a, b) = (r#""customerCookieId":"a""#, r#""customerCookieId":"b""#);
    let events = [
        (a, 0),
        (a, 0),
        (a, 0),
        (a, 0),
        (a, 0),
        (b, 0),
        (b, 0),
        (b, 500),
        (a, 1000),
    ];
    assert_eq!(
        sent(&mut stage(0), &events),
        [
            "web",
            "web",
            "web",
            "quota_visitor",
            "quota_visitor",
            "web",
            "quota_deployment",
            "web",
            "web",
        ]
    );
}

#[test]
fn what_a_visitor_refused_uses_up_nothing_and_a_withdrawal_is_always_taken() {
    let denied = r#""customerCookieId":"a","consent":{"state":"denied"}"#;
    let withdrawn = r#""customerCookieId":"a","consent":{"state":"withdrawn"}"#;
    let erase = r#""customerCookieId":"a","eventName":"footfall_erase""#;
    let a = r#""customerCookieId":"a""#;
    let events = [denied, denied, denied, denied, a, a, a, a, withdrawn, erase];
    assert_eq!(
        sent(&mut stage(0), &events.map(|members| (members, 0))),
        [
            "consent_denied",
            "consent_denied",
            "consent_denied",
            "consent_denied",
            "web",
            "web",
            "web",
            "quota_visitor",
            "control",
            "control",
        ]
    );
}

#[test]
fn what_is_sent_again_as_a_dead_letter_meets_no_quota_and_uses_none_up() {
    let mut ingest = stage(0);
    let excluded = event(r#""deploymentId":"fenced","ipAddress":"192.0.2.9""#);
    let bytes = event(r#""deploymentId":"metered","customerCookieId":"a""#);
    let mut again = |bytes: &str| {
        let first = at(RECEIVED) - Millis(60_000);
        decode_again(&mut ingest, bytes.as_bytes(), at(RECEIVED), first)
    };
    for _ in 0..100 {
        assert!(again(&bytes).is_ok());
    }
    assert_eq!(again(&excluded), Err(Refusal::Suppressed("ip_excluded")));
    let live = [r#""customerCookieId":"a""#; 4].map(|members| (members, 0));
    assert_eq!(
        sent(&mut ingest, &live),
        ["web", "web", "web", "quota_visitor"]
    );
}

#[test]
fn reports_have_no_quota() {
    let mut ingest = stage(1);
    for _ in 0..100 {
        let bytes = report(r#""deploymentId":"metered""#);
        assert_eq!(outcome(&mut ingest, bytes.as_bytes()), "forwarded");
    }
}
