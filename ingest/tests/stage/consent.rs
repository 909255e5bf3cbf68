//! A no in other words, in another place, or in an event that cannot be read: it is one all the same.

use crate::{event, outcome, stage};

fn of(members: &str) -> String {
    outcome(&mut stage(0), event(members).as_bytes())
}

#[test]
fn consent_that_says_something_and_no_state_is_no_yes_in_any_mode() {
    for mode in ["shop", "plain", "strict"] {
        for consent in [
            r#"{"status":"denied"}"#,
            r#"{"State":"denied"}"#,
            r#"{"granted":false}"#,
            r#"{"state":"","analytics_storage":"denied"}"#,
        ] {
            let said = of(&format!(r#""deploymentId":"{mode}","consent":{consent}"#));
            assert_eq!(said, "consent_unreadable", "{mode}: {consent}");
        }
    }
    let known = r#""consent":{"source":"tcf","purposes":["visits"]}"#;
    assert_eq!(of(known), "forwarded", "what is known says no no");
    let more = r#""consent":{"state":"granted","tcString":"CO…"}"#;
    assert_eq!(of(more), "forwarded", "it has a state");
}

#[test]
fn a_gpc_signal_counts_inside_consent_too() {
    let said = |mode: &str, inside: &str, outside: &str| {
        of(&format!(
            r#""deploymentId":"{mode}","consent":{{"state":"granted","gpc":{inside}}},"gpc":{outside}"#
        ))
    };
    assert_eq!(said("strict", "true", "false"), "gpc");
    assert_eq!(said("strict", "false", "true"), "gpc");
    assert_eq!(said("plain", "1", "null"), "gpc");
    assert_eq!(said("plain", "\"perhaps\"", "null"), "consent_unreadable");
    assert_eq!(said("plain", "false", "null"), "forwarded");
    assert_eq!(
        said("shop", "true", "null"),
        "forwarded",
        "consent is not needed"
    );
}

#[test]
fn who_refuses_leaves_no_dead_letter_whatever_else_is_wrong_with_the_event() {
    let broken = |deployment: &str, says: &str, rest: &str| {
        let text = format!(
            r#"{{"deploymentId":"{deployment}","consent":{{{says}}},"customerCookieId":"c1","eventName":"x"{rest}"#
        );
        outcome(&mut stage(0), text.as_bytes())
    };
    let unreadable = [
        (r#","attributes":{"price":1e999}}"#, "invalid_number"),
        (",\"page\":{\"title\":\"a\tb\"}}", "not_json"),
        (r#","page":{"title":"a"#, "truncated"),
    ];
    for (rest, otherwise) in unreadable {
        assert_eq!(
            broken("shop", r#""state":"denied""#, rest),
            "consent_denied"
        );
        assert_eq!(
            broken("shop", r#""state":"nope""#, rest),
            "consent_unreadable"
        );
        assert_eq!(broken("plain", r#""gpc":true"#, rest), "gpc");
        assert_eq!(broken("shop", r#""gpc":true"#, rest), otherwise);
        assert_eq!(broken("shop", r#""state":"granted""#, rest), otherwise);
    }
    assert_eq!(
        broken("nobodys", r#""state":"denied""#, "}"),
        "consent_denied"
    );
    assert_eq!(broken("nobodys", r#""gpc":true"#, "}"), "gpc");
    assert_eq!(
        broken("nobodys", r#""state":"granted""#, "}"),
        "unknown_deployment"
    );
}

#[test]
fn a_withdrawal_or_an_erasure_that_fails_is_kept_to_be_given_again() {
    let failed = |members: &str| {
        let text = format!(r#"{{"customerCookieId":"c1","gpc":true,{members}"#);
        outcome(&mut stage(0), text.as_bytes())
    };
    let withdrawn = |deployment: &str, end: &str| {
        failed(&format!(
            r#""consent":{{"state":"withdrawn"}},"eventName":"x","deploymentId":"{deployment}"{end}"#
        ))
    };
    assert_eq!(withdrawn("nobodys", "}"), "unknown_deployment");
    assert_eq!(withdrawn("strict", r#","page":{"title":"a"#), "truncated");
    let erase =
        r#""eventName":"footfall_erase","deploymentId":"nobodys","consent":{"state":"denied"}}"#;
    assert_eq!(failed(erase), "unknown_deployment");
}
