//! What a visit may be used for: what its last event says of consent, unless a withdrawal of some purposes has been heard since.

use journey::{
    Text, Timestamp,
    web_event::{Consent, Control, purpose},
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
fn is_withdrawn_since(visit: &VisitSoFar, at: Timestamp) -> bool {
    let kept = ConsentParts::of(visit.kept.get(Part::Consent));
    is_withdrawal(optional(kept.source).map(text))
        && from_bytes::<Option<Timestamp>>(kept.updated_date).is_ok_and(|since| since >= Some(at))
}

/// The visit's last event says this of consent. Unless it `stands` whatever came before, it does not give back what a withdrawal took
/// back since; it may still be for less.
pub(crate) fn hear(visit: &mut VisitSoFar, said: &[u8], at: Timestamp, stands: bool) {
    if stands || !is_withdrawn_since(visit, at) {
        sizes::keep_consent(visit, said);
    } else {
        keep_within(visit, said);
    }
}

/// Consent is for no more than what was said here, too.
fn keep_within(visit: &mut VisitSoFar, said: &[u8]) {
    let said: Consent = from_bytes(said).unwrap_or_default();
    if said.purposes.is_empty() {
        // For all.
        return;
    }
    let mut kept: Consent = from_bytes(visit.kept.get(Part::Consent)).unwrap_or_default();
    kept.purposes
        .retain(|purpose| said.purposes.contains(purpose));
    if kept.purposes.is_empty() {
        kept.purposes.push(Text::from(purpose::VISITS));
    }
    sizes::keep_consent(visit, &to_bytes(&kept));
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

    /// What began with an event that is older than a withdrawal which another open visit heard has that one's consent, and no more
    /// than its own.
    pub(crate) fn heed_withdrawal(&mut self, heard: &OpenVisit) {
        if is_withdrawn_since(&heard.visit, self.last.at) {
            let own = self.visit.kept.get(Part::Consent).to_vec();
            self.visit
                .keep(Part::Consent, heard.visit.kept.get(Part::Consent));
            keep_within(&mut self.visit, &own);
        }
    }

    /// One visit of two has the consent of the younger; that of the older, and no more than the younger's, if the older alone has heard it
    /// withdrawn since.
    pub(crate) fn unite_consent(&mut self, other: &OpenVisit) {
        if other.last.after(&self.last) {
            let (said, at) = (other.visit.kept.get(Part::Consent), other.last.at);
            hear(
                &mut self.visit,
                said,
                at,
                is_withdrawn_since(&other.visit, at),
            );
        } else if !is_withdrawn_since(&self.visit, self.last.at) {
            self.heed_withdrawal(other);
        }
    }
}
