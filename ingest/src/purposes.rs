//! From the purposes that a site's consent tool knows to the uses that they are for: every stage after this one asks for a use.

use journey::{Text, definitions::NeededPurposes, web_event::purpose};

use crate::accepted::{Words, plain_purpose};

const VISITS: usize = 0;

/// Whether everything needed is among what was listed.
pub(crate) fn has_all(listed: &[Text], needed: &[Text]) -> bool {
    needed.iter().all(|needed| has(listed, needed))
}

fn has(listed: &[Text], needed: &Text) -> bool {
    let needed = plain_purpose(needed);
    listed.iter().any(|listed| **listed == *needed)
}

/// What consent that was let in and lists purposes is for. Of the uses that need other purposes than the one of their own name
/// stand there those, and only those, that have what they need; before the rest, as a list may be cut. Never none, which would
/// be all.
pub(crate) fn granted(needed: &NeededPurposes, listed: Vec<Text>, words: &Words) -> Vec<Text> {
    let mut granted = Vec::with_capacity(listed.len() + purpose::ALL.len());
    let mut denied = [false; purpose::ALL.len()];
    for (i, needed) in needed.by_other_names().into_iter().enumerate() {
        let Some(needed) = needed else { continue };
        denied[i] = i != VISITS && !has_all(&listed, needed);
        if !denied[i] {
            granted.push(words.uses[i].clone());
        }
    }
    for purpose in listed {
        let is_denied = words
            .uses
            .iter()
            .zip(denied)
            .any(|(name, denied)| denied && *name == purpose);
        if !is_denied && !granted.contains(&purpose) {
            granted.push(purpose);
        }
    }
    if granted.is_empty() {
        granted.push(words.uses[VISITS].clone());
    }
    granted
}

/// What is withdrawn. A list that is empty is everything. With a purpose goes each use that needs it.
pub(crate) fn withdrawn(needed: &NeededPurposes, listed: Vec<Text>, words: &Words) -> Vec<Text> {
    let mut withdrawn = Vec::with_capacity(listed.len());
    for (name, needed) in words.uses.iter().zip(needed.by_other_names()) {
        let needed = needed.unwrap_or_default();
        if needed.iter().any(|needed| has(&listed, needed)) {
            withdrawn.push(name.clone());
        }
    }
    for purpose in listed {
        if !withdrawn.contains(&purpose) {
            withdrawn.push(purpose);
        }
    }
    withdrawn
}
