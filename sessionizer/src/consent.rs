//! What a visit may be used for: what its last event says of consent, unless a withdrawal of some purposes has been heard since.

use journey::{
    Text, Timestamp,
    web_event::{Consent, Control},
};
use schemas::{
    from_bytes,
    record::{optional, text},
    records::ConsentParts,
    to_bytes,
};

use crate::{
    open_visit::OpenVisit,
    sizes,
    so_far::{Part, VisitSoFar},
};

/// The source of a consent that a withdrawal has narrowed; its `updatedDate` is when.
const WITHDRAWAL: &str = "footfall_withdrawal";

fn is_withdrawal(source: Option<&str>) -> bool {
    source == Some(WITHDRAWAL)
}

/// Whether a withdrawal that the visit has heard took back what was said of consent at this time.
pub(crate) fn is_withdrawn_since(visit: &VisitSoFar, at: Timestamp) -> bool {
    let kept = ConsentParts::of(visit.kept.get(Part::Consent));
    is_withdrawal(optional(kept.source).map(text))
        && from_bytes::<Option<Timestamp>>(kept.updated_date).is_ok_and(|since| since >= Some(at))
}

impl OpenVisit {
    /// Consent is for less from then on, until an event that is younger says otherwise.
    pub(crate) fn narrow_consent(&mut self, asked: &Control, at: Timestamp) {
        let mut consent: Consent =
            from_bytes(self.visit.kept.get(Part::Consent)).unwrap_or_default();
        asked.narrow(&mut consent.purposes);
        let before = consent
            .updated_date
            .filter(|_| is_withdrawal(consent.source.as_deref()));
        consent.updated_date = before.max(Some(at));
        consent.source = Some(Text::from(WITHDRAWAL));
        sizes::keep_consent(&mut self.visit, &to_bytes(&consent));
    }

    /// What began with an event that is older than a withdrawal which another open visit heard has that one's consent.
    pub(crate) fn heed_withdrawal(&mut self, heard: &OpenVisit) {
        if is_withdrawn_since(&heard.visit, self.last.at) {
            self.visit
                .keep(Part::Consent, heard.visit.kept.get(Part::Consent));
        }
    }

    /// Whether one visit of the two has the other's consent: the younger, unless the older visit has heard it withdrawn since.
    pub(crate) fn takes_consent_of(&self, other: &OpenVisit) -> bool {
        let said = |of: &OpenVisit, by: &OpenVisit| is_withdrawn_since(&of.visit, by.last.at);
        if other.last.after(&self.last) {
            !said(self, other)
        } else {
            said(other, self) && !said(self, self)
        }
    }
}
