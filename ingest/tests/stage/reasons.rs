//! Each reason has an input that shows it; each input has exactly its reason.

use std::collections::BTreeSet;

use ingest::{RejectReason as R, SuppressReason as S};
use pipeline::Refusal;

use crate::{decode, event, outcome, report, stage};

/// Inputs of `web.events.raw` and why each is kept apart.
fn rejected_events() -> Vec<(R, Vec<u8>)> {
    let long = "x".repeat(3000);
    let many: Vec<String> = (0..51).map(|i| format!(r#""a{i}":1"#)).collect();
    let changed = [
        (R::TooLarge, format!(r#""other":"{}""#, "x".repeat(40_000))),
        (R::WrongType, r#""eventName":5"#.into()),
        (R::WrongType, r#""page":"https://shop.example/""#.into()),
        (
            R::WrongType,
            r#""page":"https://shop.example/","screenName":"Home""#.into(),
        ),
        (R::WrongType, r#""page":[],"screenName":"Home""#.into()),
        (R::WrongType, r#""attributes":{"a":[1]}"#.into()),
        (R::WrongType, r#""attributes":[]"#.into()),
        (R::WrongType, r#""authenticated":"yes""#.into()),
        (R::WrongType, r#""deploymentId":{"id":"shop"}"#.into()),
        (R::WrongType, r#""device":{"isMobile":1}"#.into()),
        (R::WrongType, r#""device":{"screenDensity":"xhdpi"}"#.into()),
        (R::InvalidNumber, r#""device":{"screenWidth":-1}"#.into()),
        (
            R::InvalidNumber,
            r#""device":{"screenWidth":3000000000}"#.into(),
        ),
        (
            R::InvalidNumber,
            r#""attributes":{"a":100000000000000000000000000}"#.into(),
        ),
        (R::MissingDeploymentId, r#""deploymentId":null"#.into()),
        (R::InvalidDeploymentId, r#""deploymentId":"sh op""#.into()),
        (R::UnknownDeployment, r#""deploymentId":"nobody's""#.into()),
        (
            R::OriginNotAllowed,
            r#""deploymentId":"fenced","page":{"url":"https://elsewhere.example/"}"#.into(),
        ),
        (
            R::MissingCustomerCookieId,
            r#""customerCookieId":null"#.into(),
        ),
        (
            R::MissingCustomerCookieId,
            r#""customerCookieId":"""#.into(),
        ),
        (R::MissingEventName, r#""eventName":null"#.into()),
        (R::InvalidEventName, r#""eventName":"page viewed""#.into()),
        (
            R::InvalidEventName,
            format!(r#""eventName":"{}""#, "n".repeat(65)),
        ),
        (R::MissingPage, r#""page":null"#.into()),
        (R::MissingPage, r#""page":{"title":"x"}"#.into()),
        (
            R::UrlTooLong,
            format!(r#""page":{{"url":"https://shop.example/{long}"}}"#),
        ),
        (R::InvalidUrl, r#""page":{"url":"shop.example"}"#.into()),
        (
            R::ReferrerTooLong,
            format!(r#""referrerUrl":"https://shop.example/{long}""#),
        ),
        (R::MissingCreatedDate, r#""createdDate":null"#.into()),
        (R::InvalidDate, r#""createdDate":"23.11.2026""#.into()),
        (R::InvalidDate, r#""sentDate":"now""#.into()),
        (
            R::TooManyAttributes,
            format!(r#""attributes":{{{}}}"#, many.join(",")),
        ),
        (
            R::TooManyAttributes,
            format!(r#""traits":{{{}}}"#, many.join(",")),
        ),
        (R::AttributeName, r#""attributes":{"1st":1}"#.into()),
        (
            R::AttributeName,
            format!(r#""attributes":{{"{}":1}}"#, "n".repeat(65)),
        ),
        (
            R::AttributeName,
            r#""attributes":{"DE89370400440532013000":1}"#.into(),
        ),
        (
            R::AttributeType,
            r#""attributes":{"a":{"dataType":"date","value":"x"}}"#.into(),
        ),
        (
            R::AttributeValue,
            r#""attributes":{"a":{"dataType":"number","value":"abc"}}"#.into(),
        ),
        (
            R::AttributeValue,
            r#""attributes":{"a":{"dataType":"integer","value":1.5}}"#.into(),
        ),
        (
            R::AttributeValue,
            r#""deploymentId":"known","traits":{"mail":{"dataType":"BOOLEAN","value":"yes"}}"#
                .into(),
        ),
        (
            R::AttributeTooLong,
            format!(r#""attributes":{{"a":"{long}"}}"#),
        ),
        (
            R::ValueTooLong,
            format!(
                r#""page":{{"url":"https://shop.example/","title":"{}"}}"#,
                long.repeat(2)
            ),
        ),
        (R::ValueTooLong, format!(r#""eventId":"{long}""#)),
        (R::NullByte, r#""customerCookieId":"a\u0000b""#.into()),
        (R::NullByte, r#""attributes":{"a":"\u0000"}"#.into()),
    ];
    let whole = |(reason, members): (R, String)| (reason, event(&members).into_bytes());
    changed.into_iter().map(whole).collect()
}

/// Values of `web.events.raw` that are no events at all, and why.
fn no_events() -> Vec<(R, Vec<u8>)> {
    let raw: [(R, &[u8]); 13] = [
        (R::EmptyValue, b""),
        (R::InvalidUtf8, b"{\"eventName\":\"\xff\"}"),
        (R::NullByte, b"{\"deploymentId\":\"shop\",\"eventName\":\"a\0b\"}"),
        (R::NotJson, b"event=page_viewed"),
        (R::NotJson, b"\xef\xbb\xbf{}"),
        (R::NotJson, b"{} {}"),
        (R::InvalidNumber, b"{\"a\":1e999,\"gpc\":1e999}"),
        (R::Truncated, b"{\"deploymentId\":\"shop\",\"eventName\":\"page_v"),
        (R::Truncated, b" "),
        (R::WrongType, b"[]"),
        (R::WrongType, b"null"),
        (R::DuplicateKey, br#"{"deploymentId":"shop","eventName":"a","eventName":"b","page":{"url":"https://x.example"}}"#),
        (R::DuplicateKey, br#"{"deploymentId":"shop","customerCookieId":"c","eventName":"a","createdDate":"2026-11-23T14:00:00Z","page":{"url":"https://x.example"},"attributes":{"a":1,"a":2}}"#),
    ];
    raw.into_iter()
        .map(|(reason, bytes)| (reason, bytes.to_vec()))
        .collect()
}

/// Inputs of `engagement.events.raw` and why each is kept apart.
fn rejected_reports() -> Vec<(R, Vec<u8>)> {
    let elsewhere = r#""customerId":"other.aaaaaaaaaaaaaaaaaaaaaaaaaa""#;
    let somebody = r#""customerId":"dev.aaaaaaaaaaaaaaaaaaaaaaaaaa""#;
    [
        (R::MissingOfferId, r#""offerId":null"#),
        (R::OfferMismatch, r#""actionId":"o2""#),
        (R::MissingActionState, r#""actionState":null"#),
        (R::InvalidActionState, r#""actionState":"delighted""#),
        (R::InvalidCustomerId, r#""customerId":"c1""#),
        (R::UnknownVisitorKey, elsewhere),
        (R::VisitorMismatch, somebody),
        (R::MissingCustomerCookieId, r#""customerCookieId":null"#),
        (R::MissingDeploymentId, r#""deploymentId":"""#),
        (R::UnknownDeployment, r#""deploymentId":"else""#),
        (R::MissingCreatedDate, r#""createdDate":null"#),
        (R::InvalidDate, r#""createdDate":"2026-11-23""#),
        (R::InvalidNumber, r#""handleTimeSeconds":-3"#),
        (R::InvalidNumber, r#""handleTimeSeconds":1e300"#),
        (
            R::InvalidNumber,
            r#""handleTimeSeconds":9223372036854775807"#,
        ),
        (R::WrongType, r#""handleTimeSeconds":"long""#),
    ]
    .into_iter()
    .map(|(reason, members)| (reason, report(members).into_bytes()))
    .collect()
}

#[test]
fn every_reason_to_reject_has_an_input_that_shows_it() {
    let mut shown = BTreeSet::new();
    for (input, examples) in [
        (0, rejected_events()),
        (0, no_events()),
        (1, rejected_reports()),
    ] {
        let mut ingest = stage(input);
        for (reason, bytes) in examples {
            let text = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
            assert_eq!(outcome(&mut ingest, &bytes), reason.as_str(), "{text}");
            shown.insert(reason);
        }
    }
    let missing: Vec<_> = R::ALL
        .iter()
        .filter(|reason| !shown.contains(reason))
        .collect();
    assert!(missing.is_empty(), "no input shows {missing:?}");
}

#[test]
fn every_reason_to_suppress_has_an_input_that_shows_it() {
    let mut shown = BTreeSet::new();
    for (reason, members) in [
        (S::ConsentDenied, r#""consent":{"state":"denied"}"#),
        (S::ConsentMissing, r#""deploymentId":"strict""#),
        (
            S::ConsentPurpose,
            r#""deploymentId":"strict","consent":{"state":"granted","purposes":["contact"]}"#,
        ),
        (S::ConsentUnreadable, r#""consent":"yes""#),
        (S::Gpc, r#""deploymentId":"plain","gpc":true"#),
        (
            S::PageBlocked,
            r#""page":{"url":"https://shop.example/health/heart"}"#,
        ),
        (
            S::Bot,
            r#""deploymentId":"plain","userAgentString":"Googlebot/2.1""#,
        ),
        (
            S::IpExcluded,
            r#""deploymentId":"fenced","ipAddress":"192.0.2.9""#,
        ),
    ] {
        assert_eq!(
            outcome(&mut stage(0), event(members).as_bytes()),
            reason.as_str(),
            "{members}"
        );
        shown.insert(reason);
    }
    shown.extend(
        [S::QuotaVisitor, S::QuotaDeployment]
            .into_iter()
            .filter(|reason| {
                let mut ingest = stage(0);
                (0..5).any(|i| {
                    let who = if *reason == S::QuotaVisitor { 0 } else { i };
                    let members =
                        format!(r#""deploymentId":"metered","customerCookieId":"c{who}""#);
                    outcome(&mut ingest, event(&members).as_bytes()) == reason.as_str()
                })
            }),
    );
    assert_eq!(shown.len(), S::ALL.len());
}

#[test]
fn a_message_names_the_member_and_never_its_value() {
    let mut ingest = stage(0);
    let secret = "hunter2hunter2hunter2";
    for (members, name) in [
        (format!(r#""eventName":"{secret} {secret}""#), "`eventName`"),
        (format!(r#""createdDate":"{secret}""#), "`createdDate`"),
        (format!(r#""page":{{"url":"{secret}"}}"#), "`page.url`"),
        (
            format!(r#""attributes":{{"plan":["{secret}"]}}"#),
            "`attributes.plan`",
        ),
        (
            format!(r#""attributes":{{"{secret} 1":1}}"#),
            "`attributes`",
        ),
        (
            format!(r#""attributes":{{"plan":{{"dataType":"{secret}","value":1}}}}"#),
            "`attributes.plan.dataType`",
        ),
        (format!(r#""deploymentId":"{secret}""#), "`deploymentId`"),
        (format!(r#""authenticated":"{secret}""#), "`authenticated`"),
    ] {
        let Err(Refusal::Rejected(rejection)) = decode(&mut ingest, event(&members).as_bytes())
        else {
            panic!("{members} is rejected");
        };
        assert!(rejection.message.contains(name), "{}", rejection.message);
        assert!(!rejection.message.contains(secret), "{}", rejection.message);
    }
}

#[test]
fn no_message_holds_a_text_of_what_it_rejects() {
    fn texts(value: &serde_json::Value, found: &mut Vec<String>) {
        match value {
            serde_json::Value::String(text) => found.push(text.clone()),
            serde_json::Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
            serde_json::Value::Object(members) => {
                members.values().for_each(|member| texts(member, found));
            }
            _ => {}
        }
    }
    let mut looked_at = 0;
    for (input, rejected) in [rejected_events(), rejected_reports()]
        .into_iter()
        .enumerate()
    {
        let mut ingest = stage(input);
        for (_, bytes) in rejected {
            let Ok(value) = serde_json::from_slice(&bytes) else {
                continue;
            };
            let Err(Refusal::Rejected(rejection)) = decode(&mut ingest, &bytes) else {
                panic!("{value} is rejected");
            };
            let mut found = Vec::new();
            texts(&value, &mut found);
            // Names of data types are shorter, and the date is the one that messages give as an example.
            let example = "2026-11-23T14:00:00.000Z";
            let told = |text: &&String| text.len() > 8 && !example.contains(text.as_str());
            for text in found.iter().filter(told) {
                looked_at += 1;
                assert!(
                    !rejection.message.contains(text.as_str()),
                    "{} tells {text}",
                    rejection.message
                );
            }
        }
    }
    assert!(looked_at > 50, "{looked_at}");
}

#[test]
fn a_rejection_says_whose_it_is_as_far_as_that_was_read() {
    for (bytes, deployment) in [
        (event(r#""eventName":5"#), Some("shop")),
        (event(r#""deploymentId":"d-91ac""#), Some("d-91ac")),
        (
            r#"{"deploymentId":"shop","eventName":"page_v"#.to_owned(),
            Some("shop"),
        ),
        (r#"{"eventName":"page_v"#.to_owned(), None),
        (event(r#""deploymentId":"two words""#), None),
    ] {
        let Err(Refusal::Rejected(rejection)) = decode(&mut stage(0), bytes.as_bytes()) else {
            panic!("{bytes} is rejected");
        };
        assert_eq!(rejection.deployment.as_deref(), deployment, "{bytes}");
    }
}
