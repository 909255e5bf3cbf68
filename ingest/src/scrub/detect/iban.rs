//! Accounts by their international number.

use super::{
    super::{Form, Kind},
    Found,
    gap::{Gap, gap},
    reading::{character, digit, ends_word, starts_word},
};

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

/// An IBAN whose country begins at `start`, with its check digits right behind it.
pub(super) fn iban(bytes: &[u8], start: usize, form: Form) -> Option<Found> {
    let letter = |at| character(bytes, at).filter(|(c, _)| c.is_ascii_alphabetic());
    let (first, length) = letter(start)?;
    let mut at = start + length;
    let (second, length) = letter(at)?;
    digit(bytes, at + length)?;
    if !starts_word(bytes, start) {
        return None;
    }
    let country = [first, second].map(|letter| letter.to_ascii_uppercase() as u8);
    let (longest, _) = IBAN_LENGTHS.iter().find(|(_, countries)| {
        let mut countries = countries.split(' ');
        countries.any(|name| name.as_bytes() == country)
    })?;
    let mut characters = [0u8; 33];
    let mut count = 0;
    at = start;
    while count < usize::from(*longest) {
        at += gap(bytes, at, form)
            .filter(|(gap, _)| count > 0 && (*gap == Gap::Usual || count % 4 == 0))
            .map_or(0, |(_, length)| length);
        let (read, length) = character(bytes, at).filter(|(c, _)| c.is_ascii_alphanumeric())?;
        characters[count] = read.to_ascii_uppercase() as u8;
        (count, at) = (count + 1, at + length);
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
/// A country with the length of its IBANs, any of them.
#[cfg(test)]
pub(in crate::scrub) fn countries()
-> impl proptest::strategy::Strategy<Value = (usize, &'static str)> {
    let of_length = |(length, names): &(u8, &'static str)| {
        let length = usize::from(*length);
        names.split(' ').map(move |name| (length, name))
    };
    proptest::sample::select(IBAN_LENGTHS.iter().flat_map(of_length).collect::<Vec<_>>())
}

/// The IBAN of an account: as ISO 13616 makes its check digits, digit by digit, and not by the way in which they are checked.
#[cfg(test)]
pub(in crate::scrub) fn with_check_digits(country: &str, account: &str) -> String {
    let digits: String = format!("{account}{country}00")
        .chars()
        .map(|c| c.to_digit(36).expect("a digit or a letter").to_string())
        .collect();
    let remainder = digits.bytes().fold(0, |remainder, d| {
        (remainder * 10 + u32::from(d - b'0')) % 97
    });
    format!("{country}{:02}{account}", 98 - remainder)
}
