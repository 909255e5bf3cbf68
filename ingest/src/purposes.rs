//! From the purposes that a site's consent tool knows to the uses that they are for: every stage after this one asks for a use.

use journey::{Text, definitions::NeededPurposes, web_event::purpose};

use crate::accepted::{Words, plain_purpose};

/// Whether everything needed is among what was listed.
pub(crate) fn has_all(listed: &[Text], needed: &[Text]) -> bool {
    needed.iter().all(|needed| has(listed, needed))
}

fn has(listed: &[Text], needed: &Text) -> bool {
    let needed = plain_purpose(needed);
    listed.iter().any(|listed| **listed == *needed)
}

/// The uses that need other purposes than the one of their own name, each with what it needs.
fn by_other_names<'n>(
    needed: &'n NeededPurposes,
    words: &'n Words,
) -> impl Iterator<Item = (&'n Text, &'n [Text])> {
    let uses = words.uses.iter().zip(needed.by_other_names());
    uses.filter_map(|(name, needed)| Some((name, needed?)))
}

/// Uses, and then what was listed, each once: a list may be cut.
fn first(mut uses: Vec<Text>, listed: impl IntoIterator<Item = Text>) -> Vec<Text> {
    for purpose in listed {
        if !uses.contains(&purpose) {
            uses.push(purpose);
        }
    }
    uses
}

/// What consent that was let in and lists purposes is for. Of the uses that need other purposes than the one of their own name
/// stand there those, and only those, that have what they need. Never none, which would be all.
pub(crate) fn granted(needed: &NeededPurposes, listed: Vec<Text>, words: &Words) -> Vec<Text> {
    let has_what_it_needs =
        |(name, needed): &(&Text, &[Text])| *name == purpose::VISITS || has_all(&listed, needed);
    let uses = by_other_names(needed, words).filter(has_what_it_needs);
    let uses = uses.map(|(name, _)| name.clone()).collect();
    let is_no_such_use =
        |purpose: &Text| by_other_names(needed, words).all(|(name, _)| name != purpose);
    let granted = first(uses, listed.into_iter().filter(is_no_such_use));
    if granted.is_empty() {
        return vec![words.purpose(purpose::VISITS)];
    }
    granted
}

/// What is withdrawn. A list that is empty is everything. With a purpose goes each use that needs it.
pub(crate) fn withdrawn(needed: &NeededPurposes, listed: Vec<Text>, words: &Words) -> Vec<Text> {
    let loses = |(_, needed): &(&Text, &[Text])| needed.iter().any(|needed| has(&listed, needed));
    let uses = by_other_names(needed, words).filter(loses);
    let uses = uses.map(|(name, _)| name.clone()).collect();
    first(uses, listed)
}
