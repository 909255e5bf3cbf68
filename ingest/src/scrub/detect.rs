//! The detectors: each looks at one place of a text and either finds something there or says where to look next.

use std::ops::Range;

use super::{Form, Kind};

mod card;
mod gap;
mod iban;
mod mail;
mod phone;
mod reading;

use card::{SHORTEST_CARD, begins_card, card};
use gap::goes_on;
use iban::iban;
use mail::email;
use phone::{is_plus, phone};
use reading::{character, digit};

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
        b'+' if digit(bytes, at + 1).is_some() && is_plus(bytes, at, form) => {
            phone(bytes, at, at + 1, form)
        }
        b'0'..=b'9' if form != Form::Id => return number(bytes, done, at, form),
        b'%' | FULL_WIDTH => return disguised(text, done, at, form),
        _ => None,
    };
    found.ok_or(at + 1)
}

/// The first byte of a character of full width, which East Asian texts have for each of ASCII's.
pub(super) const FULL_WIDTH: u8 = 0xef;

/// What begins with a digit, or where the run of digits ends.
fn number(bytes: &[u8], done: usize, at: usize, form: Form) -> Result<Found, usize> {
    let run = bytes[at..]
        .iter()
        .take_while(|b| b.is_ascii_digit())
        .count();
    let may_be_card =
        begins_card(bytes[at]) && (run >= SHORTEST_CARD || goes_on(bytes, at, run, form));
    let found = iban_before(bytes, done, at, 2, form)
        .or_else(|| may_be_card.then(|| card(bytes, at, form)).flatten());
    found.ok_or(at + run)
}

/// What begins with an escape or with a character of full width.
fn disguised(text: &str, done: usize, at: usize, form: Form) -> Result<Found, usize> {
    let bytes = text.as_bytes();
    let Some((character, length)) = character(bytes, at) else {
        return Err(at + 1);
    };
    let found = match character {
        '@' => email(text, done, at, at + length),
        '+' => phone(bytes, at, at + length, form),
        '0'..='9' if form != Form::Id => {
            iban_before(bytes, done, at, 2, form).or_else(|| card(bytes, at, form))
        }
        'A'..='Z' | 'a'..='z' if form != Form::Id => {
            iban(bytes, at, form).or_else(|| iban_before(bytes, done, at, 1, form))
        }
        _ => None,
    };
    // Behind a `%` that stands for itself, digits may begin with what would be an escape.
    let passed = match character {
        _ if character.is_ascii_alphanumeric() => length.min(3),
        _ => length,
    };
    found.ok_or(at + passed)
}

/// An IBAN of whose country so many plain letters stand before `at`.
fn iban_before(bytes: &[u8], done: usize, at: usize, letters: usize, form: Form) -> Option<Found> {
    let start = at.checked_sub(letters).filter(|start| *start >= done)?;
    let are_letters = bytes[start..at].iter().all(u8::is_ascii_alphabetic);
    are_letters.then(|| iban(bytes, start, form)).flatten()
}
