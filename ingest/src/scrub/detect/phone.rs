//! Telephone numbers.

use super::{
    super::{Form, Kind},
    Found,
    gap::{Gap, separator},
    reading::{character, character_before, digit, ends_word, starts_word},
};

/// An international number whose `+` is at `at` and whose digits follow from `after` on.
pub(super) fn phone(bytes: &[u8], at: usize, after: usize, form: Form) -> Option<Found> {
    if !starts_word(bytes, at) || digit(bytes, after).is_none() {
        return None;
    }
    let (mut count, mut place, mut end, mut separators) = (0, after, after, 0);
    // Another number or a date may follow: then it ends where a group of digits did.
    let mut shorter = None;
    let is_whole = |count: usize, end| (8..=15).contains(&count) && ends_word(bytes, end);
    while separators <= 3 && count <= 15 {
        if let Some((_, length)) = digit(bytes, place) {
            (count, place, separators) = (count + 1, place + length, 0);
            end = place;
            continue;
        }
        shorter = is_whole(count, end).then_some(end).or(shorter);
        match phone_separator(bytes, place, form) {
            0 => break,
            gap => (place, separators) = (place + gap, separators + 1),
        }
    }
    let end = is_whole(count, end).then_some(end).or(shorter)?;
    Some((Kind::Phone, at..end))
}

/// The length of what people write between the digits of a telephone number, 0 if there is none. No check digit proves one, so what
/// parts lists does not part it.
fn phone_separator(bytes: &[u8], at: usize, form: Form) -> usize {
    match (character(bytes, at), separator(bytes, at, form)) {
        (Some(('(' | ')' | '.' | '/', length)), _) => length,
        (_, Some((Gap::Usual | Gap::Wide, length))) => length,
        _ => 0,
    }
}

/// Whether a `+` that stands in a text is one. In a query it is a space, and what follows no international number, unless nothing is
/// there that a space could part from it.
pub(super) fn is_plus(bytes: &[u8], at: usize, form: Form) -> bool {
    if form != Form::Query {
        return true;
    }
    let Some((before, from)) = character_before(bytes, at) else {
        return true;
    };
    match before {
        '=' | '&' | '?' | ';' | '#' | '|' | '/' | ':' | ',' => bytes[from] != b'%',
        '(' | '[' | '{' | '<' | '„' | '‚' | '‹' | '«' | '「' | '『' | '【' | '《' => {
            true
        }
        '☎' | '☏' | '✆' | '📞' | '📱' => true,
        // They close as well as open, as `“` does in German.
        '"' | '\'' | '“' | '”' | '‘' | '’' | '›' | '»' => opens(bytes, from),
        // Who escapes spaces writes none as a plus.
        _ => before.is_whitespace(),
    }
}

/// Whether a quotation mark at `at` opens what is quoted: no word ends before it.
fn opens(bytes: &[u8], at: usize) -> bool {
    character_before(bytes, at).is_none_or(|(before, _)| {
        before.is_whitespace() || matches!(before, '=' | '&' | '+' | '/' | ':' | '(' | '[')
    })
}
