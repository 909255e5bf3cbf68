use journey::definitions::{DefinitionSet, NeededPurposes};

use super::*;
use crate::{
    accepted::Words,
    config::{Config, UnknownDeployments},
    raw::{self, RawEvent},
    site::Sites,
    visitor_key::VisitorKeys,
};

#[track_caller]
fn check(mode: ConsentMode, purposes: &[&str], event: &str, expected: &str) {
    let visits = purposes.iter().map(|p| Text::from(*p)).collect();
    check_uses(mode, NeededPurposes::of_visits(visits), event, expected);
}

#[track_caller]
fn check_uses(mode: ConsentMode, purposes: NeededPurposes, event: &str, expected: &str) {
    let policy = ConsentPolicy { mode, purposes };
    let mut read = RawEvent::default();
    raw::read(event.as_bytes(), 1 << 15, &mut read).expect("JSON");
    let config = Config::new(VisitorKeys::development(), UnknownDeployments::Refuse);
    let rules = Rules {
        config: &config,
        sites: &Sites::new(&DefinitionSet::default(), false, 1),
        words: &Words::default(),
        quotas: &Default::default(),
        lately: &Default::default(),
    };
    let mut hits = Hits::default();
    let got = match gate(&policy, &read.consent, read.gpc, &rules, &mut hits) {
        Ok(Stance::Allowed(consent)) => format!("{} {:?}", consent.state, consent.purposes),
        Ok(Stance::Withdrawn(purposes)) => format!("withdrawn {purposes:?}"),
        Err(Flaw::Suppressed(reason)) => reason.to_string(),
        Err(Flaw::Rejected(reason, _)) => format!("rejected {reason}"),
    };
    assert_eq!(got, expected, "{mode:?} {event}");
}

/// An event that says no more than this.
fn said(state: &str, listed: &str) -> String {
    format!(r#"{{"consent":{{"state":"{state}","purposes":[{listed}]}}}}"#)
}

use ConsentMode::{Implied, NotNeeded, Required};

#[test]
fn required_needs_a_yes_and_no_privacy_signal() {
    check(
        Required,
        &[],
        r#"{"consent":{"state":"granted"}}"#,
        "granted []",
    );
    check(
        Required,
        &[],
        r#"{"consent":{"state":"GRANTED","purposes":["visits"]}}"#,
        r#"granted ["visits"]"#,
    );
    check(Required, &[], r#"{}"#, "consent_missing");
    check(Required, &[], r#"{"consent":null}"#, "consent_missing");
    check(
        Required,
        &[],
        r#"{"consent":{"state":"unknown"}}"#,
        "consent_missing",
    );
    check(
        Required,
        &[],
        r#"{"consent":{"state":"granted"},"gpc":true}"#,
        "gpc",
    );
    check(
        Required,
        &[],
        r#"{"consent":{"state":"granted"},"gpc":"1"}"#,
        "gpc",
    );
    check(
        Required,
        &[],
        r#"{"consent":{"state":"granted"},"gpc":0}"#,
        "granted []",
    );
}

#[test]
fn implied_needs_no_yes_but_honours_a_no() {
    check(Implied, &[], r#"{}"#, "implied []");
    check(
        Implied,
        &[],
        r#"{"consent":{"state":"granted"}}"#,
        "granted []",
    );
    check(
        Implied,
        &[],
        r#"{"consent":{"state":"denied"}}"#,
        "consent_denied",
    );
    check(Implied, &[], r#"{"gpc":1}"#, "gpc");
}

#[test]
fn not_needed_still_honours_a_no() {
    check(NotNeeded, &[], r#"{}"#, "not_needed []");
    check(NotNeeded, &[], r#"{"gpc":true}"#, "not_needed []");
    check(
        NotNeeded,
        &[],
        r#"{"consent":{"state":"denied"}}"#,
        "consent_denied",
    );
}

#[test]
fn a_purpose_that_is_needed_must_be_among_those_listed() {
    let listed = r#"{"consent":{"state":"granted","purposes":["visits"]}}"#;
    check(Required, &["visits"], listed, r#"granted ["visits"]"#);
    check(Required, &["visits", "staffing"], listed, "consent_purpose");
    check(
        Required,
        &["visits"],
        r#"{"consent":{"state":"granted"}}"#,
        "granted []",
    );
    check(NotNeeded, &["staffing"], listed, r#"granted ["visits"]"#);
}

#[test]
fn the_case_of_a_purpose_does_not_count() {
    let listed = r#"{"consent":{"state":"granted","purposes":["Visits","CONTACT"]}}"#;
    check(
        Required,
        &["VISITS"],
        listed,
        r#"granted ["visits", "contact"]"#,
    );
    check(
        Required,
        &[],
        r#"{"consent":{"state":"withdrawn","purposes":["Contact"]}}"#,
        r#"withdrawn ["contact"]"#,
    );
}

#[test]
fn neither_space_nor_case_nor_a_number_makes_another_purpose() {
    let needed = NeededPurposes {
        visits: vec![" 1".into(), "Übersicht".into()],
        contact: Some(vec!["news@shop.com".into()]),
        ..NeededPurposes::default()
    };
    let check = |state: &str, listed: &str, expected: &str| {
        check_uses(Required, needed.clone(), &said(state, listed), expected);
    };
    check(
        "granted",
        r#"1," übersicht ","x@shop.com""#,
        r#"granted ["visits", "1", "übersicht", "[email]"]"#,
    );
    check("granted", r#""1""#, "consent_purpose");
    check(
        "withdrawn",
        r#""ÜBERSICHT""#,
        r#"withdrawn ["visits", "übersicht"]"#,
    );
    check(
        "withdrawn",
        r#""News@shop.com ""#,
        r#"withdrawn ["contact", "[email]"]"#,
    );
}

#[test]
fn a_withdrawal_of_which_a_part_cannot_be_read_is_one_of_everything() {
    let many = vec![r#""visits""#; 65].join(",");
    let long = "x".repeat(129);
    for rest in [
        r#""purposes":[true]"#,
        r#""purposes":"contact""#,
        r#""purposes":["contact"],"purposes":["staffing"]"#,
        &format!(r#""purposes":[{many}]"#),
        &format!(r#""purposes":["{long}"]"#),
    ] {
        let event = format!(r#"{{"consent":{{"state":"withdrawn",{rest}}}}}"#);
        check(Required, &[], &event, "withdrawn []");
    }
}

/// Visits need `1`, offers `3` and `4`, traits nothing, the forecast `staffing`.
fn of_a_consent_tool() -> NeededPurposes {
    let policy = r#"{"purposes": {"visits": ["1"], "personalisation": ["3", "4"], "contact": []}}"#;
    let policy: ConsentPolicy = serde_json::from_str(policy).expect("a policy");
    policy.purposes
}

#[test]
fn each_use_needs_the_purposes_that_the_deployment_names_for_it() {
    for (mode, state, listed, expected) in [
        (
            Required,
            "granted",
            r#""1","3","4""#,
            r#"granted ["visits", "personalisation", "contact", "1", "3", "4"]"#,
        ),
        (
            Required,
            "granted",
            r#""1","3""#,
            r#"granted ["visits", "contact", "1", "3"]"#,
        ),
        // The site's own word is no use where the use needs others.
        (
            Required,
            "granted",
            r#""1","Personalization""#,
            r#"granted ["visits", "contact", "1"]"#,
        ),
        (
            Required,
            "granted",
            r#""1","staffing""#,
            r#"granted ["visits", "contact", "1", "staffing"]"#,
        ),
        (Required, "granted", r#""3","4""#, "consent_purpose"),
        (
            NotNeeded,
            "unknown",
            r#""3""#,
            r#"not_needed ["visits", "contact", "3"]"#,
        ),
        // To answer with none is to say no to each.
        (Required, "granted", "", "consent_purpose"),
        (NotNeeded, "granted", "", r#"granted ["visits", "contact"]"#),
    ] {
        check_uses(mode, of_a_consent_tool(), &said(state, listed), expected);
    }
}

#[test]
fn with_a_purpose_goes_each_use_that_needs_it() {
    for (listed, expected) in [
        (r#""4""#, r#"withdrawn ["personalisation", "4"]"#),
        (r#""1""#, r#"withdrawn ["visits", "1"]"#),
        (r#""personalisation""#, r#"withdrawn ["personalisation"]"#),
        ("", "withdrawn []"),
    ] {
        let event = said("withdrawn", listed);
        check_uses(Required, of_a_consent_tool(), &event, expected);
    }
}

#[test]
fn nothing_left_is_not_everything() {
    let needed = NeededPurposes {
        personalisation: Some(vec!["3".into()]),
        ..NeededPurposes::default()
    };
    let event = said("granted", r#""personalisation""#);
    check_uses(Required, needed, &event, r#"granted ["visits"]"#);
}

#[test]
fn a_list_or_a_word_that_is_too_long_cannot_be_read() {
    let many = vec![r#""visits""#; 65].join(",");
    let long = "x".repeat(129);
    for event in [
        format!(r#"{{"consent":{{"state":"granted","purposes":[{many}]}}}}"#),
        format!(r#"{{"consent":{{"state":"granted","purposes":["{long}"]}}}}"#),
        format!(r#"{{"consent":{{"state":"{long}"}}}}"#),
    ] {
        check(Required, &[], &event, "consent_unreadable");
    }
}

#[test]
fn of_several_signals_and_consents_the_strictest_stands() {
    for (event, expected) in [
        (
            r#"{"consent":{"state":"granted"},"gpc":true,"gpc":false}"#,
            "gpc",
        ),
        (
            r#"{"consent":{"state":"granted"},"gpc":"1","gpc":null}"#,
            "gpc",
        ),
        (
            r#"{"consent":{"state":"granted"},"gpc":[],"gpc":false}"#,
            "consent_unreadable",
        ),
        (
            r#"{"consent":{"state":"granted"},"consent":{"purposes":["visits"]}}"#,
            "consent_unreadable",
        ),
        (
            r#"{"consent":{"state":"granted"},"consent":null}"#,
            "consent_unreadable",
        ),
        (
            r#"{"consent":{"state":"granted"},"consent":{"state":"denied"}}"#,
            "consent_denied",
        ),
        (
            r#"{"consent":{"state":"denied"},"consent":{"state":"granted"}}"#,
            "consent_unreadable",
        ),
    ] {
        check(Required, &["visits"], event, expected);
    }
}

#[test]
fn a_withdrawal_is_taken_whatever_the_mode_and_signal() {
    for mode in [Required, Implied, NotNeeded] {
        check(
            mode,
            &["visits"],
            r#"{"consent":{"state":"withdrawn"},"gpc":true}"#,
            "withdrawn []",
        );
        check(
            mode,
            &[],
            r#"{"consent":{"state":"withdrawn","purposes":["contact"]}}"#,
            r#"withdrawn ["contact"]"#,
        );
    }
}

#[test]
fn consent_that_cannot_be_read_is_no_consent() {
    for event in [
        r#"{"consent":"granted"}"#,
        r#"{"consent":{"state":1}}"#,
        r#"{"consent":{"state":"declined"}}"#,
        r#"{"consent":{"state":"opt_out"}}"#,
        r#"{"consent":{"state":"granted","purposes":"visits"}}"#,
        r#"{"consent":{"state":"granted","purposes":[true]}}"#,
        r#"{"consent":{"state":"granted","state":"denied","purposes":[],"state":"granted"}}"#,
        r#"{"consent":{"state":"granted"},"gpc":[]}"#,
        r#"{"consent":{"state":"granted"},"gpc":"maybe"}"#,
    ] {
        check(Required, &[], event, "consent_unreadable");
        check(Implied, &[], event, "consent_unreadable");
        check(NotNeeded, &[], event, "consent_unreadable");
    }
    for (state, outcome) in [
        ("denied ", "consent_denied"),
        (" Granted", "granted []"),
        (" ", "implied []"),
    ] {
        let event = format!(r#"{{"consent":{{"state":"{state}"}}}}"#);
        check(Implied, &[], &event, outcome);
    }
    check(
        Required,
        &[],
        r#"{"consent":{"state":"granted","updatedDate":"yesterday"}}"#,
        "rejected invalid_date",
    );
}
