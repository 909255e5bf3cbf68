//! What stands between the groups of a number.

use super::{
    super::Form,
    reading::{character, digit},
};

/// What stands between two groups, by how far it is to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gap {
    /// A space or a hyphen: it may stand anywhere in a number.
    Usual,
    /// More of them, or one that is seldom meant: only where the groups are as they are printed.
    Wide,
    /// What stands between the members of a list or the parts of a version as well.
    List,
}

/// The most separators between two groups, as in `1111 - 1111`.
const LONGEST: usize = 3;

/// As many digits as are counted of a group.
const LONGEST_GROUP: usize = 19;

/// The gap at `at`, and its length.
pub(super) fn gap(bytes: &[u8], at: usize, form: Form) -> Option<(Gap, usize)> {
    let (mut gap, mut length) = separator(bytes, at, form)?;
    for _ in 1..LONGEST {
        let Some((next, more)) = separator(bytes, at + length, form) else {
            break;
        };
        (gap, length) = (gap.max(next).max(Gap::Wide), length + more);
    }
    Some((gap, length))
}

/// One separator at `at`, and its length. A `+` is a space of a form in every part of a URL, as people copy them.
pub(super) fn separator(bytes: &[u8], at: usize, form: Form) -> Option<(Gap, usize)> {
    let (character, length) = character(bytes, at)?;
    let gap = match character {
        ' ' | '-' => Gap::Usual,
        '+' if form.is_of_url() => Gap::Usual,
        // What a word processor or a web page puts between groups of digits.
        '\u{a0}' | '\u{2007}' | '\u{2009}' | '\u{202f}' | '\u{2010}' | '\u{2011}' | '\u{2013}' => {
            Gap::Usual
        }
        '\t' | '\n' | '\r' | '.' | '_' => Gap::List,
        // Dashes, and what has no width.
        '\u{ad}' | '\u{200b}' | '\u{2012}'..='\u{2015}' | '\u{2060}' | '\u{2212}' | '\u{feff}' => {
            Gap::Wide
        }
        _ if character.is_ascii() || !character.is_whitespace() => return None,
        _ => Gap::Wide,
    };
    Some((gap, length))
}

/// Whether a run of digits at `at` may go on behind it as a card does, behind a separator or as escapes. What parts lists and
/// versions too is looked behind only if four digits come first, as on every card.
pub(super) fn goes_on(bytes: &[u8], at: usize, run: usize, form: Form) -> bool {
    let end = at + run;
    match separator(bytes, end, form) {
        Some((Gap::Usual, _)) => true,
        Some(_) => run == 4,
        None => digit(bytes, end).is_some(),
    }
}

/// The gap at `at`, and how many digits stand behind it.
pub(super) fn group_behind(bytes: &[u8], at: usize, form: Form) -> (Option<Gap>, usize) {
    let (gap, length) = gap(bytes, at, form).unzip();
    let (mut end, mut count) = (at + length.unwrap_or(0), 0);
    while let Some((_, length)) = digit(bytes, end).filter(|_| count < LONGEST_GROUP) {
        (end, count) = (end + length, count + 1);
    }
    (gap, count)
}
