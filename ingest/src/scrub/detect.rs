//! The detectors: each looks at one place of a text and either finds something there or says where to look next.

use std::ops::Range;

use super::{Form, Kind};

mod card;
mod gap;
mod iban;
mod mail;
mod phone;
mod reading;

use card::{SHORTEST_CARD, card};
use gap::goes_on;
use iban::iban;
use mail::email;
use phone::phone;
use reading::{escaped, starts_word};

#[cfg(test)]
pub(super) use {
    card::luhn,
    iban::{countries, with_check_digits},
};

type Found = (Kind, Range<usize>);

/// What stands at `at`, or where to look next. Nothing before `done` may be touched any more.
pub(super) fn at(text: &str, done: usize, at: usize, form: Form) -> Result<Found, usize> {
    let bytes = text.as_bytes();
    let found = match bytes[at] {
        b'@' => email(text, done, at, at + 1),
        b'%' => match escaped(bytes, at) {
            Some((b'@', length)) => email(text, done, at, at + length),
            Some((b'+', length)) => phone(bytes, at, at + length, form),
            Some((b'0'..=b'9', _)) if form != Form::Id => {
                return card(bytes, at, form).ok_or(at + 3);
            }
            // Behind a `%` that stands for itself, digits may begin with what would be an escape.
            Some((byte, _)) if byte.is_ascii_alphanumeric() => return Err(at + 3),
            Some((_, length)) => return Err(at + length),
            None => None,
        },
        b'+' if form != Form::Url
            || (at > 0 && matches!(bytes[at - 1], b'=' | b'/' | b':' | b',')) =>
        {
            phone(bytes, at, at + 1, form)
        }
        b'0'..=b'9' if form != Form::Id => return number(bytes, done, at, form),
        _ => None,
    };
    found.ok_or(at + 1)
}

/// What begins with a digit, or where the run of digits ends.
fn number(bytes: &[u8], done: usize, at: usize, form: Form) -> Result<Found, usize> {
    let run = bytes[at..]
        .iter()
        .take_while(|b| b.is_ascii_digit())
        .count();
    let found = if !starts_word(bytes, at) {
        iban(bytes, done, at, form)
    } else if run >= SHORTEST_CARD || goes_on(bytes, at + run, form) {
        card(bytes, at, form)
    } else {
        None
    };
    found.ok_or(at + run)
}
