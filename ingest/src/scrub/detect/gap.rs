//! What stands between the groups of a number.

use super::{
    super::Form,
    reading::{byte, digit, escaped},
};

/// Spaces and hyphens that are no ASCII: what a word processor or a web page puts between groups of digits.
pub(super) const TYPOGRAPHIC: [&str; 7] = [
    "\u{a0}", "\u{2007}", "\u{2009}", "\u{202f}", "\u{2010}", "\u{2011}", "\u{2013}",
];

/// The length of one of them at `at`, plain or escaped, 0 if there is none.
pub(super) fn typographic(bytes: &[u8], at: usize) -> usize {
    let length = |character: &&str| {
        let mut end = at;
        for expected in character.bytes() {
            let (_, length) = byte(bytes, end).filter(|(byte, _)| *byte == expected)?;
            end += length;
        }
        Some(end - at)
    };
    TYPOGRAPHIC.iter().find_map(length).unwrap_or(0)
}

/// The length of one separator at `at`, 0 if there is none.
pub(super) fn separator(bytes: &[u8], at: usize, form: Form) -> usize {
    match bytes.get(at) {
        Some(b' ' | b'-') => 1,
        Some(b'+') if form == Form::Url => 1,
        Some(b'%') => match escaped(bytes, at) {
            Some((b' ' | b'-', length)) => length,
            // A space that was written as a plus and escaped again.
            Some((b'+', length)) if form == Form::Url => length,
            Some((0x80.., _)) => typographic(bytes, at),
            _ => 0,
        },
        Some(0x80..) => typographic(bytes, at),
        _ => 0,
    }
}

/// Whether digits may go on at `at`, behind a separator or as escapes.
pub(super) fn goes_on(bytes: &[u8], at: usize, form: Form) -> bool {
    digit(bytes, at).is_some() || separator(bytes, at, form) > 0
}
