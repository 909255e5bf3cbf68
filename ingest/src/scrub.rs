//! Personal data that got into places where none belongs: e-mail addresses, payment cards, IBANs and telephone numbers in
//! URLs, titles, search texts and attributes. Each is replaced by `[email]`, `[card]`, `[iban]` or `[phone]`, and counted.
//!
//! The detectors prefer to miss over false alarms, and so ask for proof: a known top-level domain, a card network's prefix
//! and Luhn's check digit, a country's IBAN length and its check digits, an international number's `+`.

use std::borrow::Cow;

mod detect;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Email,
    Card,
    Iban,
    Phone,
}

impl Kind {
    pub(crate) const ALL: [Kind; 4] = [Kind::Email, Kind::Card, Kind::Iban, Kind::Phone];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Kind::Email => "email",
            Kind::Card => "card",
            Kind::Iban => "iban",
            Kind::Phone => "phone",
        }
    }

    fn stand_in(self) -> &'static str {
        match self {
            Kind::Email => "[email]",
            Kind::Card => "[card]",
            Kind::Iban => "[iban]",
            Kind::Phone => "[phone]",
        }
    }
}

/// How many were found, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hits([u16; 4]);

impl Hits {
    pub(crate) fn add(&mut self, kind: Kind) {
        self.0[kind as usize] = self.0[kind as usize].saturating_add(1);
    }

    pub(crate) fn add_all(&mut self, other: Hits) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum = sum.saturating_add(more);
        }
    }

    pub(crate) fn of(&self, kind: Kind) -> u16 {
        self.0[kind as usize]
    }
}

/// What kind of text it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Plain,
    /// A URL's query or a value of it, as it stands: a `+` is a space.
    Query,
    /// Another part of a URL, where a `+` is one.
    Path,
    /// Its digits are no card's and no account's, however much they look like it: a UUID must stay what it is.
    Id,
}

impl Form {
    fn is_of_url(self) -> bool {
        matches!(self, Form::Query | Form::Path)
    }
}

/// The bytes at which a detector starts: every other is passed over.
const STARTS: [bool; 256] = starts(true);
/// In an id, where digits start nothing.
const STARTS_IN_ID: [bool; 256] = starts(false);

const fn starts(by_digit: bool) -> [bool; 256] {
    let mut starts = [false; 256];
    let mut digit = b'0';
    while digit <= b'9' {
        starts[digit as usize] = by_digit;
        digit += 1;
    }
    starts[b'@' as usize] = true;
    starts[b'%' as usize] = true;
    starts[b'+' as usize] = true;
    starts[detect::FULL_WIDTH as usize] = true;
    starts
}

/// The text with what was found replaced.
pub(crate) fn scrub<'a>(text: &'a str, form: Form, hits: &mut Hits) -> Cow<'a, str> {
    let bytes = text.as_bytes();
    let starts = if form == Form::Id {
        &STARTS_IN_ID
    } else {
        &STARTS
    };
    let (mut at, mut done) = (0, 0);
    let mut clean = String::new();
    while let Some(skipped) = bytes[at..].iter().position(|b| starts[usize::from(*b)]) {
        at += skipped;
        match detect::at(text, done, at, form) {
            Ok((kind, range)) => {
                clean.push_str(&text[done..range.start]);
                clean.push_str(kind.stand_in());
                hits.add(kind);
                (at, done) = (range.end, range.end);
            }
            Err(next) => at = next,
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    clean.push_str(&text[done..]);
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests;
