//! Whatever comes, exactly one outcome comes of it: an event or a reason of the closed lists, without a panic.

use ingest::{Ingest, RejectReason, SuppressReason};
use pipeline::Refusal;
use proptest::prelude::*;

use crate::{decode, event, outcome, report, stage};

/// Decodes and holds the outcome against the closed lists.
fn check(ingest: &mut Ingest, bytes: &[u8]) {
    match decode(ingest, bytes) {
        Ok(accepted) => {
            let event = &accepted.event;
            let members = [
                event.web_event.is_some(),
                event.engagement.is_some(),
                event.control.is_some(),
            ];
            assert_eq!(members.iter().filter(|there| **there).count(), 1);
            assert!(event.occurred_at <= event.received_at);
            let written = schemas::to_bytes(event);
            assert!(written.len() < 256 * 1024);
            assert_eq!(schemas::from_bytes(&written).as_ref(), Ok(event));
        }
        Err(Refusal::Rejected(rejection)) => {
            assert!(
                RejectReason::ALL
                    .iter()
                    .any(|reason| reason.as_str() == rejection.reason)
            );
            assert!(!rejection.message.is_empty() && rejection.message.len() < 500);
        }
        Err(Refusal::Suppressed(reason)) => {
            assert!(
                SuppressReason::ALL
                    .iter()
                    .any(|known| known.as_str() == reason)
            );
        }
        Err(Refusal::UnknownSchema(_)) => panic!("raw records have no schema"),
    }
}

/// A full event, to be damaged.
fn full() -> String {
    event(
        r#""page":{"url":"https://shop.example/a/b?q=x&utm_source=y#z","title":"t","keywords":"k","lang":"en"},
           "sentDate":"2026-11-23T14:00:05.000Z","userAgentString":"Mozilla/5.0 (X11; Linux x86_64) Firefox/27.0",
           "browser":{"family":"f","version":"1","lang":"en"},"device":{"category":"desktop","isMobile":false,"screenWidth":1},
           "searchQuery":"s","referrerUrl":"https://www.google.com/?q=x","attributes":{"a":{"dataType":"string","value":"v"},"b":1},
           "traits":{"givenName":"j"},"consent":{"state":"granted","purposes":["visits","contact"],"source":"tcf"},"gpc":false"#,
    )
}

/// Pieces that JSON text can be damaged with.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "null",
    "true",
    "1e308",
    "-1",
    "99999999999999999999",
    "\\u0000",
    "\\ud800",
    "\u{feff}",
    "é",
    "@",
    "%40",
    "+",
    "4111111111111111",
    "\"consent\":",
    "\"page\":{\"url\":\"x\"}",
    "\"eventName\":\"ping\",",
];

proptest! {
    #[test]
    fn arbitrary_bytes_have_one_outcome(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for input in [0, 1] {
            check(&mut stage(input), &bytes);
        }
    }

    #[test]
    fn a_damaged_event_has_one_outcome(
        damages in prop::collection::vec((any::<prop::sample::Index>(), 0..20usize, 0..PIECES.len()), 1..6),
        is_report in any::<bool>(),
    ) {
        let whole = if is_report { report(r#""handleTimeSeconds":3,"errorMessage":"m""#) } else { full() };
        let mut bytes = whole.into_bytes();
        for (place, length, piece) in damages {
            let start = place.index(bytes.len() + 1);
            let end = (start + length).min(bytes.len());
            bytes.splice(start..end, PIECES[piece].bytes());
        }
        check(&mut stage(usize::from(is_report)), &bytes);
    }

    #[test]
    fn any_text_in_any_member_has_one_outcome(
        member in prop::sample::select(vec![
            "eventId", "deploymentId", "customerCookieId", "eventName", "createdDate", "sentDate", "userAgentString",
            "searchQuery", "referrerUrl", "formName", "replyTo", "externalId", "gpc",
        ]),
        text in any::<String>(),
    ) {
        let members = serde_json::json!({ member: text }).to_string();
        check(&mut stage(0), event(&members[1..members.len() - 1]).as_bytes());
    }

    #[test]
    fn any_url_has_one_outcome(url in "(https?|app|file)://[a-z0-9.@:\\[\\]-]{0,20}/\\PC{0,60}") {
        let page = serde_json::json!({ "page": { "url": url, "title": url }, "referrerUrl": url }).to_string();
        check(&mut stage(0), event(&page[1..page.len() - 1]).as_bytes());
    }
}

#[test]
fn a_full_event_is_accepted() {
    assert_eq!(outcome(&mut stage(0), full().as_bytes()), "forwarded");
}

#[test]
fn json_as_deep_as_an_event_may_be_is_no_danger() {
    let deep = |open: &str, close: &str, n: usize| open.repeat(n) + &close.repeat(n);
    let mut ingest = stage(0);
    for (members, expected) in [
        (
            format!(r#""other":{}"#, deep("[", "]", 10_000)),
            "forwarded",
        ),
        (
            format!(r#""page":{}"#, deep("[", "]", 10_000)),
            "wrong_type",
        ),
        (
            format!(r#""attributes":{{"a":{}}}"#, deep("[", "]", 10_000)),
            "wrong_type",
        ),
    ] {
        let whole = event("").replacen('{', &format!("{{{members},"), 1);
        let whole = if members.starts_with("\"page\"") {
            whole.replace("\"page\":{\"url\"", "\"x\":{\"url\"")
        } else {
            whole
        };
        assert_eq!(outcome(&mut ingest, whole.as_bytes()), expected);
    }
    assert_eq!(
        outcome(&mut ingest, deep("[", "]", 100_000).as_bytes()),
        "too_large"
    );
    assert_eq!(
        outcome(&mut ingest, deep("[", "", 30_000).as_bytes()),
        "truncated"
    );
    assert_eq!(
        outcome(&mut ingest, deep("{\"a\":", "", 6_000).as_bytes()),
        "truncated"
    );
}
