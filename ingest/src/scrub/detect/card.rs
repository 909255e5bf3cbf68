//! Payment cards.

use super::{
    super::{Form, Kind},
    Found,
    gap::{Gap, gap, group_behind},
    reading::{digit, ends_word, starts_word},
};

/// A card whose first digit is at `start`.
pub(super) fn card(bytes: &[u8], start: usize, form: Form) -> Option<Found> {
    digit(bytes, start).filter(|(first, _)| begins_card(*first))?;
    if !starts_word(bytes, start) {
        return None;
    }
    let mut digits = [0u8; 19];
    let (mut count, mut at, mut end) = (0, start, None);
    let mut groups = Groups::default();
    loop {
        while let Some((digit, length)) = digit(bytes, at) {
            if count == digits.len() {
                return end;
            }
            digits[count] = digit;
            (count, at) = (count + 1, at + length);
        }
        let is_whole = ends_word(bytes, at) && is_card(&digits[..count]);
        if is_whole && groups.hold_a_card(bytes, count, at, form) {
            end = Some((Kind::Card, start..at));
        }
        let Some((gap, length)) = gap(bytes, at, form) else {
            return end;
        };
        if digit(bytes, at + length).is_none() {
            return end;
        }
        groups.end(count, gap);
        at += length;
    }
}

/// How the digits are parted.
#[derive(Default)]
struct Groups {
    /// Where groups end, a bit for each number of digits.
    ends: u32,
    widest: Option<Gap>,
    last: Option<Gap>,
}

impl Groups {
    fn end(&mut self, count: usize, gap: Gap) {
        self.ends |= 1 << count;
        self.widest = self.widest.max(Some(gap));
        self.last = Some(gap);
    }

    /// Whether so many digits may be a card, parted as they are: one number in ten has a check digit that fits, so what may part
    /// other things is taken only between groups as they are printed, and not in a longer list of such.
    fn hold_a_card(&self, bytes: &[u8], count: usize, at: usize, form: Form) -> bool {
        match (self.widest, self.last) {
            (None | Some(Gap::Usual), _) => true,
            // The next card may begin behind it.
            (_, Some(Gap::Wide)) => self.are_printed(count),
            (_, last) => self.are_printed(count) && group_behind(bytes, at, form) != (last, 4),
        }
    }

    fn are_printed(&self, count: usize) -> bool {
        let printed = match count {
            14 | 15 => 1 << 4 | 1 << 10,
            16 => 1 << 4 | 1 << 8 | 1 << 12,
            19 => 1 << 4 | 1 << 8 | 1 << 12 | 1 << 16,
            _ => return false,
        };
        self.ends == printed
    }
}

/// The fewest digits that a card has.
pub(super) const SHORTEST_CARD: usize = 13;

/// Whether any network's cards begin with the digit.
pub(super) fn begins_card(digit: u8) -> bool {
    matches!(digit, b'2'..=b'6')
}

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
