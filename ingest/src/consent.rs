//! The consent gate: what an event says of consent, held against what its deployment needs, before anything else is read.

use std::borrow::Cow;

use journey::{
    Text,
    definitions::{ConsentMode, ConsentPolicy},
    web_event::{Consent, purpose},
};

use crate::{
    accepted::Rules,
    field,
    json::{Scalar, Take},
    purposes,
    raw::RawConsent,
    reason::{Flaw, SuppressReason},
    scrub::{Form, Hits, scrub},
};

/// What the event's consent allows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stance {
    /// The event may be used, on this basis.
    Allowed(Consent),
    /// The visitor takes consent back, for these purposes (all of them if empty).
    Withdrawn(Vec<Text>),
}

/// Reads the event's consent and Global Privacy Control signal against the deployment's policy.
pub(crate) fn gate(
    policy: &ConsentPolicy,
    raw: &RawConsent<'_>,
    gpc: Signal,
    rules: &Rules<'_>,
    hits: &mut Hits,
) -> Result<Stance, Flaw> {
    let unreadable = || Flaw::from(SuppressReason::ConsentUnreadable);
    let (words, limits) = (rules.words, &rules.config.limits);
    let most = limits.consent_bytes;
    let state = state(raw, most)?;
    if raw.wrong.is_some() || raw.duplicate.is_some() || raw.purposes.wrong.is_some() {
        return Err(unreadable());
    }
    let said = &raw.purposes.items;
    if said.len() > limits.purposes || said.iter().any(|purpose| purpose.len() > most) {
        return Err(unreadable());
    }
    let said = said.iter().map(|purpose| words.purpose(purpose, hits));
    let listed: Vec<Text> = said.collect();
    if state == State::Withdrawn {
        let withdrawn = purposes::withdrawn(&policy.purposes, listed, words);
        return Ok(Stance::Withdrawn(withdrawn));
    }
    let granted = state == State::Granted;
    if gpc == Signal::Unreadable {
        return Err(unreadable());
    }
    if policy.mode != ConsentMode::NotNeeded {
        if gpc == Signal::On {
            return Err(SuppressReason::Gpc.into());
        }
        if policy.mode == ConsentMode::Required && !granted {
            return Err(SuppressReason::ConsentMissing.into());
        }
        if !listed.is_empty() && !purposes::has_all(&listed, &policy.purposes.visits) {
            return Err(SuppressReason::ConsentPurpose.into());
        }
    }
    let source = field::text("consent.source", &raw.source, most)?;
    Ok(Stance::Allowed(Consent {
        state: words.basis(policy.mode, granted),
        purposes: purposes::granted(&policy.purposes, listed, words),
        source: source.map(|text| Text::from(&*scrub(text, Form::Plain, hits))),
        updated_date: field::date("consent.updatedDate", &raw.updated_date)?,
    }))
}

/// What a state says that is no no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Unknown,
    Granted,
    Withdrawn,
}

fn state(raw: &RawConsent<'_>, most: usize) -> Result<State, SuppressReason> {
    let said = field::text("consent.state", &raw.state, most);
    let said = said.map_err(|_| SuppressReason::ConsentUnreadable)?;
    let said = said.unwrap_or_default().trim();
    let is = |word: &str| said.eq_ignore_ascii_case(word);
    if is("granted") {
        Ok(State::Granted)
    } else if is("withdrawn") {
        Ok(State::Withdrawn)
    } else if is("") || is("unknown") {
        Ok(State::Unknown)
    } else if is("denied") {
        Err(SuppressReason::ConsentDenied)
    } else {
        // A word that is none of ours may be a no: `declined`, `opt_out`.
        Err(SuppressReason::ConsentUnreadable)
    }
}

/// Whether purposes are for visitor traits too: of consent, whether these may be kept; of a withdrawal, whether it takes them along.
pub(crate) fn covers_contact(purposes: &[Text]) -> bool {
    purpose::covers(purposes.iter().map(Text::as_str), purpose::CONTACT)
}

/// A Global Privacy Control signal, the milder first: of several in one event the strictest stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Signal {
    /// None came.
    #[default]
    Absent,
    /// `false`, or what is as good.
    Off,
    /// `true`, or `1` as the header says it.
    On,
    /// Something else: what is meant cannot be known.
    Unreadable,
}

impl Signal {
    fn of(scalar: &Scalar<'_>) -> Signal {
        match scalar {
            Scalar::Absent | Scalar::Null | Scalar::Boolean(false) | Scalar::Integer(0) => {
                Signal::Off
            }
            Scalar::Boolean(true) | Scalar::Integer(_) => Signal::On,
            Scalar::Text(text) => match text.as_ref() {
                "1" | "true" => Signal::On,
                "" | "0" | "false" => Signal::Off,
                _ => Signal::Unreadable,
            },
            Scalar::Number(_) | Scalar::Wrong(_) => Signal::Unreadable,
        }
    }

    fn note(&mut self, scalar: &Scalar<'_>) {
        *self = (*self).max(Signal::of(scalar));
    }
}

impl<'de> Take<'de> for Signal {
    fn wrong(&mut self, _: &'static str) {
        *self = Signal::Unreadable;
    }

    fn is_absent(&self) -> bool {
        *self == Signal::Absent
    }

    fn null(&mut self) {
        self.note(&Scalar::Null);
    }

    fn text(&mut self, text: Cow<'de, str>) {
        self.note(&Scalar::Text(text));
    }

    fn boolean(&mut self, value: bool) {
        self.note(&Scalar::Boolean(value));
    }

    fn integer(&mut self, value: i64) {
        self.note(&Scalar::Integer(value));
    }

    fn number(&mut self, value: f64) {
        self.note(&Scalar::Number(value));
    }
}

#[cfg(test)]
mod tests {
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
    fn each_use_needs_the_purposes_that_the_deployment_names_for_it() {
        let needed = r#"{"visits": ["1"], "personalisation": ["3", "4"], "contact": []}"#;
        let policy = format!(r#"{{"mode": "required", "purposes": {needed}}}"#);
        let policy: ConsentPolicy = serde_json::from_str(&policy).expect("a policy");
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
            (Required, "granted", "", "granted []"),
            (
                Required,
                "withdrawn",
                r#""4""#,
                r#"withdrawn ["personalisation", "4"]"#,
            ),
            (
                Required,
                "withdrawn",
                r#""1""#,
                r#"withdrawn ["visits", "1"]"#,
            ),
            (
                Required,
                "withdrawn",
                r#""personalisation""#,
                r#"withdrawn ["personalisation"]"#,
            ),
            (Required, "withdrawn", "", "withdrawn []"),
        ] {
            let event = format!(r#"{{"consent":{{"state":"{state}","purposes":[{listed}]}}}}"#);
            check_uses(mode, policy.purposes.clone(), &event, expected);
        }
        let refused = |listed: &str| {
            let needed = NeededPurposes {
                personalisation: Some(vec!["3".into()]),
                ..NeededPurposes::default()
            };
            let event = format!(r#"{{"consent":{{"state":"granted","purposes":[{listed}]}}}}"#);
            check_uses(Required, needed, &event, r#"granted ["visits"]"#);
        };
        // Nothing left is not everything.
        refused(r#""personalisation""#);
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
            r#"{"consent":{"state":"granted","purposes":[1]}}"#,
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
}
