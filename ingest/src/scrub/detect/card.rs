//! Payment cards.

use super::{
    super::{Form, Kind},
    Found,
    gap::separator,
    reading::{digit, ends_word, starts_word},
};

pub(super) fn card(bytes: &[u8], start: usize, form: Form) -> Option<Found> {
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
pub(super) const SHORTEST_CARD: usize = 13;

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
pub(in crate::scrub) fn luhn(digits: &[u8]) -> bool {
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
