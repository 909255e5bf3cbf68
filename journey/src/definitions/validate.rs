//! Every mistake in a set of definitions, with its path.

use super::Definition;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// `segment/pricing.journey.patterns[0].count`.
    pub path: String,
    /// What is wrong, and what would be right.
    pub what: String,
}

/// Every mistake in `definitions`, taken together: references must meet.
pub fn validate(definitions: &[Definition]) -> Vec<Mistake> {
    let _ = definitions;
    Vec::new()
}
