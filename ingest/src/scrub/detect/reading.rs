//! Reading a text byte by byte, plain or escaped, and where words begin and end.

use journey::percent;

use super::gap::{TYPOGRAPHIC, typographic};

/// The byte at `at`, plain or escaped, and how many bytes say it.
pub(super) fn byte(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    match *bytes.get(at)? {
        b'%' => Some(escaped(bytes, at).unwrap_or((b'%', 1))),
        plain => Some((plain, 1)),
    }
}

/// The same of a digit.
pub(super) fn digit(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    byte(bytes, at).filter(|(byte, _)| byte.is_ascii_digit())
}

/// How often a text may have been escaped: an address within an address within an address.
const DEEPEST: usize = 3;

/// The byte that an escape at `at` stands for, and the escape's length: `%40`, or `%2540` where it was escaped again.
pub(super) fn escaped(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    let byte = |at: usize| percent::escaped(bytes.get(at..)?);
    let mut code = at + 1;
    let mut found = byte(code).filter(|_| bytes[at] == b'%')?;
    for _ in 1..DEEPEST {
        match byte(code + 2).filter(|_| found == b'%') {
            Some(inner) => (code, found) = (code + 2, inner),
            None => break,
        }
    }
    Some((found, code + 2 - at))
}

/// Whether an escape ends before `at`.
fn ends_escape(bytes: &[u8], at: usize) -> bool {
    // A `%` that stands for itself is one, whatever digits come after it.
    if bytes[..at].ends_with(b"%25") {
        return true;
    }
    let begins = |depth: usize| at.checked_sub(1 + 2 * depth);
    (1..=DEEPEST)
        .filter_map(begins)
        .any(|from| matches!(escaped(bytes, from), Some((_, length)) if from + length == at))
}

/// Whether a word can start at `at`: the byte before is part of no word, number or name (or ends an escape).
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
        0x80.. => TYPOGRAPHIC
            .iter()
            .any(|c| bytes[..at].ends_with(c.as_bytes())),
        byte => !byte.is_ascii_alphanumeric(),
    }
}

pub(super) fn ends_word(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_none_or(|b| match b {
        0x80.. => typographic(bytes, at) > 0,
        _ => !b.is_ascii_alphanumeric(),
    })
}
