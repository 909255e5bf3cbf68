//! The detectors: each looks at one place of a text and either finds something there or says where to look next.

use std::ops::Range;

use journey::percent;

use super::{Form, Kind};

/// What stands at `at`, or where to look next. Nothing before `done` may be touched any more.
pub(super) fn at(
    text: &str,
    done: usize,
    at: usize,
    form: Form,
) -> Result<(Kind, Range<usize>), usize> {
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
fn number(bytes: &[u8], done: usize, at: usize, form: Form) -> Result<(Kind, Range<usize>), usize> {
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

/// Whether digits may go on at `at`, behind a separator or as escapes.
fn goes_on(bytes: &[u8], at: usize, form: Form) -> bool {
    digit(bytes, at).is_some() || separator(bytes, at, form) > 0
}

/// The byte at `at`, plain or escaped, and how many bytes say it.
fn byte(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    match *bytes.get(at)? {
        b'%' => Some(escaped(bytes, at).unwrap_or((b'%', 1))),
        plain => Some((plain, 1)),
    }
}

/// The same of a digit.
fn digit(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    byte(bytes, at).filter(|(byte, _)| byte.is_ascii_digit())
}

/// How often a text may have been escaped: an address within an address within an address.
const DEEPEST: usize = 3;

/// The byte that an escape at `at` stands for, and the escape's length: `%40`, or `%2540` where it was escaped again.
fn escaped(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
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
fn starts_word(bytes: &[u8], at: usize) -> bool {
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

fn ends_word(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_none_or(|b| match b {
        0x80.. => typographic(bytes, at) > 0,
        _ => !b.is_ascii_alphanumeric(),
    })
}

/// Spaces and hyphens that are no ASCII: what a word processor or a web page puts between groups of digits.
const TYPOGRAPHIC: [&str; 7] = [
    "\u{a0}", "\u{2007}", "\u{2009}", "\u{202f}", "\u{2010}", "\u{2011}", "\u{2013}",
];

/// The length of one of them at `at`, plain or escaped, 0 if there is none.
fn typographic(bytes: &[u8], at: usize) -> usize {
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
fn separator(bytes: &[u8], at: usize, form: Form) -> usize {
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

/// The length of what people write between the digits of a telephone number, 0 if there is none.
fn phone_separator(bytes: &[u8], at: usize, form: Form) -> usize {
    match bytes.get(at) {
        Some(b'(' | b')' | b'.' | b'/') => 1,
        Some(b'%') => match escaped(bytes, at) {
            Some((b'(' | b')' | b'.' | b'/', length)) => length,
            _ => separator(bytes, at, form),
        },
        _ => separator(bytes, at, form),
    }
}

/// The longest name before an `@`: 64 bytes, each of which may be percent-encoded.
const LONGEST_LOCAL: usize = 3 * 64;
/// The longest domain.
const LONGEST_DOMAIN: usize = 253;

/// The domain first: it stands at most once per `@`, where names before it may overlap (`%40%40%40…`).
fn email(text: &str, done: usize, at: usize, after: usize) -> Option<(Kind, Range<usize>)> {
    let end = mail_domain(text, after)?;
    let start = done.max(at.saturating_sub(LONGEST_LOCAL));
    let bytes = text.as_bytes();
    let local = |b: u8| {
        b.is_ascii_alphanumeric() || b >= 0x80 || matches!(b, b'.' | b'_' | b'+' | b'-' | b'\'')
    };
    let length = bytes[start..at]
        .iter()
        .rev()
        .take_while(|b| local(**b) || **b == b'%')
        .count();
    // A bound inside a character is no place to cut.
    let mut from = text.ceil_char_boundary(at - length);
    // Nor does a name begin before what is escaped and part of none.
    let mut look = from;
    while look < at {
        let Some((byte, width)) = byte(bytes, look) else {
            break;
        };
        look += width;
        if !local(byte) {
            from = look.min(at);
        }
    }
    let named = bytes[from..at]
        .iter()
        .any(|b| b.is_ascii_alphanumeric() || *b >= 0x80);
    named.then_some((Kind::Email, from..end))
}

/// Where the domain that takes mail ends, if one begins at `after`: the longest that may be one, as a sentence or a file's ending may
/// follow (`jane@example.com.pdf`).
fn mail_domain(text: &str, after: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut name: Vec<u8> = Vec::new();
    // Where it ends, without a dot or hyphen that belongs to what follows.
    let (mut at, mut end, mut length) = (after, after, 0);
    let mut shorter = Vec::new();
    while name.len() <= LONGEST_DOMAIN {
        let Some((byte, width)) = byte(bytes, at) else {
            break;
        };
        match byte {
            b'.' | b'-' => {
                if byte == b'.' {
                    shorter.push((end, length));
                }
                name.push(byte);
            }
            _ if byte.is_ascii_alphanumeric() || byte >= 0x80 => {
                name.push(byte.to_ascii_lowercase());
                (end, length) = (at + width, name.len());
            }
            _ => break,
        }
        at += width;
    }
    if name.len() > LONGEST_DOMAIN {
        return None;
    }
    shorter.push((end, length));
    // A domain that is a public suffix itself may take mail too, as `co.com` does; a name without a dot is no domain.
    let is_known = |name: &[u8]| name.contains(&b'.') && public_suffix::has_known_suffix(name);
    let known = |(_, length): &(usize, usize)| is_known(&name[..*length]);
    shorter.into_iter().rev().find(known).map(|(end, _)| end)
}

fn card(bytes: &[u8], start: usize, form: Form) -> Option<(Kind, Range<usize>)> {
    if !starts_word(bytes, start) {
        return None;
    }
    let mut digits = [0u8; 19];
    let (mut count, mut at, mut end) = (0, start, None);
    loop {
        while let Some((digit, length)) = digit(bytes, at) {
            if count == digits.len() {
                return end;
            }
            digits[count] = digit;
            (count, at) = (count + 1, at + length);
        }
        if ends_word(bytes, at) && is_card(&digits[..count]) {
            end = Some((Kind::Card, start..at));
        }
        let gap = separator(bytes, at, form);
        if gap == 0 || digit(bytes, at + gap).is_none() {
            return end;
        }
        at += gap;
    }
}

/// The fewest digits that a card has.
const SHORTEST_CARD: usize = 13;

/// Whether the digits are a card's: a network's prefix with that network's length, and the check digit.
fn is_card(digits: &[u8]) -> bool {
    let prefix = |n: usize| {
        digits
            .iter()
            .take(n)
            .fold(0u32, |number, d| number * 10 + u32::from(d - b'0'))
    };
    let network = match digits.len() {
        19 => prefix(1) == 4 || prefix(2) == 62,
        14 => matches!(prefix(3), 300..=305) || matches!(prefix(2), 36 | 38 | 39),
        15 => matches!(prefix(2), 34 | 37),
        16 => {
            prefix(1) == 4
                || matches!(prefix(2), 51..=55 | 62 | 65)
                || matches!(prefix(4), 2221..=2720 | 3528..=3589 | 6011)
                || matches!(prefix(3), 644..=649)
        }
        17 | 18 => prefix(2) == 62,
        _ => false,
    };
    network && luhn(digits)
}

/// Luhn's check.
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, d)| match (i % 2, u32::from(d - b'0')) {
            (0, digit) => digit,
            (_, digit) => digit * 2 / 10 + digit * 2 % 10,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Countries by the length of their IBANs.
const IBAN_LENGTHS: &[(u8, &str)] = &[
    (15, "NO"),
    (16, "BE"),
    (18, "DK FI FK FO GL NL SD"),
    (19, "MK SI"),
    (20, "AT BA EE KZ LT LU MN XK"),
    (21, "CH HR LI LV"),
    (22, "BG BH CR DE GB GE IE ME RS VA"),
    (23, "AE GI IL IQ OM SO TL"),
    (24, "AD CZ DZ MD PK RO SA SE SK TN VG"),
    (25, "LY PT ST"),
    (26, "IS TR"),
    (27, "BI DJ FR GR IT MC MR SM"),
    (28, "AL AZ BY CY DO GT HN HU LB NI PL SV"),
    (29, "BR EG PS QA UA"),
    (30, "JO KW MU YE"),
    (31, "MT SC"),
    (32, "LC"),
    (33, "RU"),
];

/// An IBAN whose first check digit is at `digit`.
fn iban(bytes: &[u8], done: usize, digit: usize, form: Form) -> Option<(Kind, Range<usize>)> {
    let start = digit.checked_sub(2).filter(|start| *start >= done)?;
    let country = &bytes[start..digit];
    if !country.iter().all(u8::is_ascii_alphabetic) || !starts_word(bytes, start) {
        return None;
    }
    let is_country = |name: &str| name.as_bytes().eq_ignore_ascii_case(country);
    let (length, _) = IBAN_LENGTHS
        .iter()
        .find(|(_, countries)| countries.split(' ').any(is_country))?;
    let mut characters = [0u8; 33];
    let (mut count, mut at) = (0, start);
    while count < usize::from(*length) {
        if count > 0 {
            at += separator(bytes, at, form);
        }
        let byte = bytes.get(at).filter(|b| b.is_ascii_alphanumeric())?;
        characters[count] = byte.to_ascii_uppercase();
        (count, at) = (count + 1, at + 1);
    }
    let characters = &characters[..count];
    let digits = characters[2..4].iter().all(u8::is_ascii_digit);
    (digits && ends_word(bytes, at) && remainder_97(characters) == 1)
        .then_some((Kind::Iban, start..at))
}

/// ISO 7064's remainder, the first four characters moved to the end.
fn remainder_97(characters: &[u8]) -> u32 {
    characters[4..]
        .iter()
        .chain(&characters[..4])
        .fold(0, |remainder, c| match c {
            b'0'..=b'9' => (remainder * 10 + u32::from(c - b'0')) % 97,
            letter => (remainder * 100 + u32::from(letter - b'A') + 10) % 97,
        })
}

/// An international number whose `+` is at `at` and whose digits follow from `after` on.
fn phone(bytes: &[u8], at: usize, after: usize, form: Form) -> Option<(Kind, Range<usize>)> {
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

/// A country with the length of its IBANs, any of them.
#[cfg(test)]
pub(super) fn countries() -> impl proptest::strategy::Strategy<Value = (usize, &'static str)> {
    let of_length = |(length, names): &(u8, &'static str)| {
        let length = usize::from(*length);
        names.split(' ').map(move |name| (length, name))
    };
    proptest::sample::select(IBAN_LENGTHS.iter().flat_map(of_length).collect::<Vec<_>>())
}

/// The IBAN of an account: as ISO 13616 makes its check digits, digit by digit, and not by the way in which they are checked.
#[cfg(test)]
pub(super) fn with_check_digits(country: &str, account: &str) -> String {
    let digits: String = format!("{account}{country}00")
        .chars()
        .map(|c| c.to_digit(36).expect("a digit or a letter").to_string())
        .collect();
    let remainder = digits.bytes().fold(0, |remainder, d| {
        (remainder * 10 + u32::from(d - b'0')) % 97
    });
    format!("{country}{:02}{account}", 98 - remainder)
}
