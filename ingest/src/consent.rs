//! The consent gate: what an event says of consent, held against what its deployment needs, before anything else is read.

use std::borrow::Cow;

use journey::{
    Text,
    definitions::{ConsentMode, ConsentPolicy},
    web_event::{Consent, purpose},
};

use crate::{
    accepted::Rules,
    config::Limits,
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
    let said = &raw.purposes.items;
    let is_readable = raw.wrong.is_none()
        && raw.duplicates.first().is_none()
        && raw.purposes.wrong.is_none()
        && said.len() <= limits.purposes
        && said.iter().all(|purpose| purpose.len() <= most);
    if !is_readable {
        return match state {
            // What cannot be read of it may be anything.
            State::Withdrawn => Ok(Stance::Withdrawn(Vec::new())),
            State::Unknown | State::Granted => Err(unreadable()),
        };
    }
    let listed: Vec<Text> = said.iter().map(|purpose| words.purpose(purpose)).collect();
    if state == State::Withdrawn {
        let withdrawn = purposes::withdrawn(&policy.purposes, listed, words);
        return Ok(Stance::Withdrawn(words.scrubbed_purposes(withdrawn, hits)));
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
        if raw.purposes.present && !purposes::has_all(&listed, &policy.purposes.visits) {
            return Err(SuppressReason::ConsentPurpose.into());
        }
    }
    let purposes = match raw.purposes.present {
        true => purposes::granted(&policy.purposes, listed, words),
        false => Vec::new(),
    };
    let source = field::text("consent.source", &raw.source, most)?;
    Ok(Stance::Allowed(Consent {
        state: words.basis(policy.mode, granted),
        purposes: words.scrubbed_purposes(purposes, hits),
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
    if raw.says_nothing_that_is_known() {
        Err(SuppressReason::ConsentUnreadable)
    } else if is("granted") {
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

/// The no that an event says, as far as it was read: one that is refused for its form leaves no more than one that is not. A
/// withdrawal is no such no.
pub(crate) fn refusal(
    raw: &RawConsent<'_>,
    gpc: Signal,
    policy: Option<&ConsentPolicy>,
    limits: &Limits,
) -> Option<SuppressReason> {
    match state(raw, limits.consent_bytes) {
        Err(refused) => return Some(refused),
        Ok(State::Withdrawn) => return None,
        Ok(State::Unknown | State::Granted) => {}
    }
    let heeds = policy.is_none_or(|policy| policy.mode != ConsentMode::NotNeeded);
    (heeds && gpc == Signal::On).then_some(SuppressReason::Gpc)
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
mod tests;
