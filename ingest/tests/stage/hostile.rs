//! What is written to hurt: one reason comes of it, and the work is bounded by the bytes that came, however large the limit.

use ingest::{Config, UnknownDeployments, VisitorKeys};

use crate::{event, outcome, report, stage, stage_with};

/// A stage that takes events of any size: what bounds the work then is the code alone.
fn unlimited() -> ingest::Ingest {
    let mut config = Config::new(VisitorKeys::development(), UnknownDeployments::Refuse);
    config.limits.event_bytes = usize::MAX;
    config.limits.url_bytes = 4 << 20;
    config.limits.text_bytes = 4 << 20;
    stage_with(0, config)
}

fn first(members: &str) -> Vec<u8> {
    event("")
        .replacen('{', &format!("{{{members},"), 1)
        .into_bytes()
}

#[test]
fn a_million_attributes_are_counted_and_not_kept() {
    let many: Vec<String> = (0..1_000_000).map(|i| format!("\"a{i}\":{i}")).collect();
    for within in ["attributes", "traits"] {
        let members = format!("\"{within}\":{{{}}}", many.join(","));
        assert_eq!(
            outcome(&mut unlimited(), &first(&members)),
            "too_many_attributes"
        );
        assert_eq!(outcome(&mut stage(0), &first(&members)), "too_large");
    }
}

#[test]
fn a_million_purposes_brands_and_unknown_members_are_counted_and_not_kept() {
    let many = |one: &str| vec![one; 1_000_000].join(",");
    for (members, expected) in [
        (
            format!(
                "\"consent\":{{\"state\":\"granted\",\"purposes\":[{}]}}",
                many("\"visits\"")
            ),
            "consent_unreadable",
        ),
        (
            format!("\"userAgentData\":{{\"brands\":[{}]}}", many("{}")),
            "forwarded",
        ),
        (many("\"x\":1"), "forwarded"),
    ] {
        assert_eq!(outcome(&mut unlimited(), &first(&members)), expected);
    }
}

#[test]
fn json_of_any_depth_is_passed_over_without_a_stack() {
    let deep = |open: &str, close: &str| open.repeat(100_000) + &close.repeat(100_000);
    for (members, expected) in [
        (format!("\"other\":{}", deep("[", "]")), "forwarded"),
        (
            format!(
                "\"other\":{}1{}",
                "{\"a\":".repeat(100_000),
                "}".repeat(100_000)
            ),
            "forwarded",
        ),
        (format!("\"userAgentData\":{}", deep("[", "]")), "forwarded"),
        (
            format!("\"attributes\":{{\"a\":{}}}", deep("[", "]")),
            "wrong_type",
        ),
        (format!("\"other\":{}", "[".repeat(100_000)), "not_json"),
    ] {
        let got = outcome(&mut unlimited(), &first(&members));
        assert_eq!(got, expected, "{}", &members[..20]);
    }
}

#[test]
fn texts_that_make_detectors_start_over_and_over_are_looked_at_once() {
    let agents = [
        "(".repeat(100_000),
        "Mozilla/5.0 (".repeat(20_000),
        "Android ; ".repeat(20_000) + "Build/",
        "a1 ".repeat(100_000),
    ];
    for agent in agents {
        let members = format!("\"userAgentString\":\"{agent}\"");
        assert_eq!(
            outcome(&mut unlimited(), event(&members).as_bytes()),
            "forwarded"
        );
    }
    for piece in [
        "%40", "@a.com", "a@", "+4", "4-", "DE89", "1 ", "%2B1", "((", "*",
    ] {
        let text = piece.repeat(300_000);
        let url = format!("https://shop.example/{text}?q={text}");
        let members = format!(
            "\"searchQuery\":\"{text}\",\"page\":{{\"url\":\"{url}\"}},\"referrerUrl\":\"{text}\""
        );
        outcome(&mut unlimited(), event(&members).as_bytes());
    }
}

#[test]
fn what_no_number_holds_has_a_reason() {
    for (members, expected) in [
        (
            r#""attributes":{"a":99999999999999999999}"#,
            "invalid_number",
        ),
        (
            r#""attributes":{"a":-99999999999999999999}"#,
            "invalid_number",
        ),
        (
            r#""device":{"screenWidth":9223372036854775808}"#,
            "invalid_number",
        ),
    ] {
        assert_eq!(
            outcome(&mut stage(0), &first(members)),
            expected,
            "{members}"
        );
    }
    let huge = report("").replacen('{', "{\"handleTimeSeconds\":1e999,", 1);
    assert_eq!(outcome(&mut stage(1), huge.as_bytes()), "invalid_number");
}
