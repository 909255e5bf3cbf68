//! Reading a text character by character, whether one stands there plain, escaped or in full width, and where words begin and end.

use journey::percent;

/// How often a text may have been escaped: an address within an address within an address.
const DEEPEST: usize = 3;

/// The byte that an escape at `at` stands for, and the escape's length: `%40`, or `%2540` where it was escaped again.
fn escaped(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    if bytes.get(at) != Some(&b'%') {
        return None;
    }
    let byte = |at: usize| percent::escaped(bytes.get(at..)?);
    let mut code = at + 1;
    let mut found = byte(code)?;
    for _ in 1..DEEPEST {
        match byte(code + 2).filter(|_| found == b'%') {
            Some(inner) => (code, found) = (code + 2, inner),
            None => break,
        }
    }
    Some((found, code + 2 - at))
}

/// The escape that ends before `at`: the byte that it stands for, and where it begins.
fn escaped_before(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    let begins = |depth: usize| at.checked_sub(1 + 2 * depth);
    let escape = |from: usize| {
        let (byte, length) = escaped(bytes, from)?;
        (from + length == at).then_some((byte, from))
    };
    (1..=DEEPEST).filter_map(begins).find_map(escape)
}

/// Whether an escape ends before `at`.
fn ends_escape(bytes: &[u8], at: usize) -> bool {
    // A `%` that stands for itself is one, whatever digits come after it.
    bytes[..at].ends_with(b"%25") || escaped_before(bytes, at).is_some()
}

/// The byte at `at`, plain or escaped, and how many bytes say it.
fn byte(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    match *bytes.get(at)? {
        b'%' => Some(escaped(bytes, at).unwrap_or((b'%', 1))),
        plain => Some((plain, 1)),
    }
}

/// The character at `at`, plain, escaped or in full width, and how many bytes say it. What is no UTF-8 is the character for that.
#[inline]
pub(super) fn character(bytes: &[u8], at: usize) -> Option<(char, usize)> {
    match *bytes.get(at)? {
        b'%' | 0x80.. => spelled(bytes, at),
        plain => Some((char::from(plain), 1)),
    }
}

/// The same of what takes more than a byte.
fn spelled(bytes: &[u8], at: usize) -> Option<(char, usize)> {
    let (first, length) = byte(bytes, at)?;
    let more = match first {
        0..0x80 => return Some((char::from(first), length)),
        0xc2..=0xdf => 1,
        0xe0..=0xef => 2,
        0xf0..=0xf4 => 3,
        _ => 0,
    };
    let mut utf8 = [first, 0, 0, 0];
    let mut end = at + length;
    for place in &mut utf8[1..=more] {
        let Some((next, length)) = byte(bytes, end).filter(|(next, _)| is_inner(*next)) else {
            break;
        };
        (*place, end) = (next, end + length);
    }
    let read = str::from_utf8(&utf8[..=more]).ok();
    match read.and_then(|text| text.chars().next()) {
        Some(character) => Some((ordinary(character), end - at)),
        None => Some((char::REPLACEMENT_CHARACTER, length)),
    }
}

/// The same of a digit.
pub(super) fn digit(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    let (digit, length) = character(bytes, at).filter(|(c, _)| c.is_ascii_digit())?;
    Some((digit as u8, length))
}

/// The character that ends before `at`, and where it begins.
pub(super) fn character_before(bytes: &[u8], at: usize) -> Option<(char, usize)> {
    let mut from = at;
    for _ in 0..4 {
        let byte;
        (byte, from) = match escaped_before(bytes, from) {
            Some(escape) => escape,
            None => (*bytes[..from].last()?, from - 1),
        };
        if !is_inner(byte) {
            break;
        }
    }
    let (character, length) = character(bytes, from)?;
    (from + length == at).then_some((character, from))
}

/// Whether UTF-8 has the byte inside a character.
fn is_inner(byte: u8) -> bool {
    matches!(byte, 0x80..=0xbf)
}

/// Of a character of full width the one of ASCII that it is.
fn ordinary(character: char) -> char {
    match character {
        '\u{ff01}'..='\u{ff5e}' => {
            char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character)
        }
        _ => character,
    }
}

/// Whether a word can start at `at`: the character before is part of no word, number or name (or ends an escape).
pub(super) fn starts_word(bytes: &[u8], at: usize) -> bool {
    let Some(before) = at.checked_sub(1) else {
        return true;
    };
    if ends_escape(bytes, at) {
        return true;
    }
    match bytes[before] {
        // Behind it are decimals, but only if a number stands before it.
        b'.' | b',' => !bytes[..before].last().is_some_and(u8::is_ascii_digit),
        0x80.. => !character_before(bytes, at).is_some_and(|(c, _)| is_of_word(c)),
        byte => !byte.is_ascii_alphanumeric(),
    }
}

pub(super) fn ends_word(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_none_or(|byte| match byte {
        0x80.. => !character(bytes, at).is_some_and(|(c, _)| is_of_word(c)),
        _ => !byte.is_ascii_alphanumeric(),
    })
}

/// Whether a word goes on with it: `é` as `e`, since scripts with capital letters part words by spaces. Others part them by nothing
/// (`卡号4111…`), and all else that is no ASCII, quotes, spaces, signs, is part of none.
fn is_of_word(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_alphanumeric();
    }
    let has_case =
        !character.to_lowercase().eq([character]) || !character.to_uppercase().eq([character]);
    character.is_alphabetic() && has_case
}
