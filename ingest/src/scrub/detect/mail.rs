//! E-mail addresses.

use super::{
    super::Kind,
    Found,
    reading::{character, character_before},
};

/// The longest name before an `@`: 64 bytes, each of which may be percent-encoded.
const LONGEST_LOCAL: usize = 3 * 64;
/// The longest domain.
const LONGEST_DOMAIN: usize = 253;

/// An address whose `@` is at `at` and whose domain begins at `after`. The domain first: it stands at most once per `@`, where names
/// before it may overlap (`%40%40%40…`).
pub(super) fn email(text: &str, done: usize, at: usize, after: usize) -> Option<Found> {
    let bytes = text.as_bytes();
    let end = domain_end(bytes, after)?;
    let earliest = done.max(at.saturating_sub(LONGEST_LOCAL));
    let length = bytes[earliest..at]
        .iter()
        .rev()
        .take_while(|b| !b.is_ascii() || **b == b'%' || is_of_name(char::from(**b)))
        .count();
    // A bound inside a character is no place to cut.
    let first = text.ceil_char_boundary(at - length);
    let start = name_start(bytes, first, at, |c| is_of_name(c) && !parts_words(c))
        .or_else(|| name_start(bytes, first, at, is_of_name))
        .or_else(|| quoted_start(bytes, earliest, at))?;
    Some((Kind::Email, start..end))
}

/// Whether a name before an `@` may hold it.
fn is_of_name(character: char) -> bool {
    !character.is_ascii()
        || character.is_ascii_alphanumeric()
        || matches!(character, '.' | '_' | '+' | '-' | '\'')
}

/// Whether it stands between words, as no name has it: spaces, punctuation and signs that are no ASCII. All others may be letters.
fn parts_words(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(
            character,
            '\u{a1}'..='\u{a9}' | '\u{ab}'..='\u{b4}' | '\u{b6}' | '\u{b8}' | '\u{b9}' | '\u{bb}'..='\u{bf}' | '×' | '÷'
            | '\u{2000}'..='\u{200b}' | '\u{200e}'..='\u{206f}' | '\u{20a0}'..='\u{20cf}'
            | '\u{2100}'..='\u{2bff}' | '\u{2e00}'..='\u{2e7f}' | '\u{3000}'..='\u{3004}'
            | '\u{3008}'..='\u{3020}' | '\u{fe00}'..='\u{fe6f}' | '\u{feff}' | '\u{ff5f}'..='\u{ff65}'
            | '\u{1f000}'..='\u{1faff}'
        )
}

/// Where the name that ends at `at` begins, of what begins at `first`: behind all that is part of none, plain or escaped.
fn name_start(
    bytes: &[u8],
    first: usize,
    at: usize,
    belongs: impl Fn(char) -> bool,
) -> Option<usize> {
    let (mut start, mut look, mut named) = (first, first, false);
    while look < at {
        let (character, width) = character(bytes, look)?;
        look += width;
        if belongs(character) {
            named |= !character.is_ascii() || character.is_ascii_alphanumeric();
        } else {
            (start, named) = (look.min(at), false);
        }
    }
    named.then_some(start)
}

/// Where a name in quotation marks begins that ends at `at` (`"jane doe"@example.com`). What stands between two quotations
/// (`"a" and "@b.example"`) is none.
fn quoted_start(bytes: &[u8], earliest: usize, at: usize) -> Option<usize> {
    let before = |at| character_before(bytes, at).filter(|(_, from)| *from >= earliest);
    let (_, mut start) = before(at).filter(|(c, _)| *c == '"')?;
    let (mut first, last) = (None, before(start)?.0);
    loop {
        let (character, from) = before(start)?;
        start = from;
        if character == '"' {
            break;
        }
        first = Some(character);
    }
    let is_named = first?.is_alphanumeric() && last.is_alphanumeric();
    is_named.then_some(start)
}

/// Where the domain that takes mail ends, if one begins at `after`: the longest that may be one, as a sentence, a file's ending or
/// words without a space may follow (`jane@example.com.pdf`, `jane@example.comまで`).
fn domain_end(bytes: &[u8], after: usize) -> Option<usize> {
    let (mut name, mut ends) = (String::new(), Vec::new());
    let (mut at, mut before) = (after, None);
    while let Some((character, width)) = character(bytes, at) {
        if character.is_ascii() && !is_of_domain(character) {
            break;
        }
        if before.is_some_and(|before| may_end_between(before, character, &name)) {
            ends.push((at, name.len()));
        }
        if parts_words(character)
            && let Some(end) = longest_known(&mut ends, &name)
        {
            return Some(end);
        }
        name.push(character.to_ascii_lowercase());
        if name.len() > LONGEST_DOMAIN {
            return longest_known(&mut ends, &name);
        }
        (at, before) = (at + width, Some(character));
    }
    if before.is_some_and(is_of_label) {
        ends.push((at, name.len()));
    }
    longest_known(&mut ends, &name)
}

fn is_of_domain(character: char) -> bool {
    matches!(character, '.' | '-') || is_of_label(character)
}

fn is_of_label(character: char) -> bool {
    !character.is_ascii() || character.is_ascii_alphanumeric()
}

/// Whether a domain may end between two characters: before a dot, before a hyphen (but `logo@2x.de-AT.png` is a file), and beside what
/// is no ASCII.
fn may_end_between(before: char, next: char, name: &str) -> bool {
    let in_word = before.is_ascii() && next.is_ascii_alphanumeric();
    let in_version = next == '-' && name.starts_with(|c: char| c.is_ascii_digit());
    is_of_label(before) && !in_word && !in_version
}

/// The longest of the ends, each with the length of the name before it, at which a name that takes mail is over. A domain that is a public
/// suffix itself may take mail too, as `co.com` does; a name without a dot is no domain.
fn longest_known(ends: &mut Vec<(usize, usize)>, name: &str) -> Option<usize> {
    let is_known =
        |name: &str| name.contains('.') && public_suffix::has_known_suffix(name.as_bytes());
    let mut longest_first = ends.drain(..).rev();
    let (end, _) = longest_first.find(|(_, length)| is_known(&name[..*length]))?;
    Some(end)
}
