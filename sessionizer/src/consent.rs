//! What a visit may be used for: what its last event says of consent, unless a withdrawal of some purposes has been heard since.

use journey::{
    TaskTime, Text, Timestamp,
    web_event::{Consent, Control, purpose},
};
use schemas::{
    from_bytes, record,
    record::{optional, text},
    records::ConsentParts,
    to_bytes,
};

use crate::{
    open_visit::OpenVisit,
    sizes,
    so_far::{Part, VisitSoFar},
    visitor::Visitor,
};

/// The source of a consent that a withdrawal has narrowed; its `updatedDate` is when.
const WITHDRAWAL: &str = "footfall_withdrawal";

fn is_withdrawal(source: Option<&str>) -> bool {
    source == Some(WITHDRAWAL)
}

/// Consent was taken back for a purpose: what happened by then gives it back no more, whatever visit it comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Withdrawal {
    pub(crate) purpose: Text,
    pub(crate) at: Timestamp,
}

record!(Withdrawal { purpose, at });

/// Whether a withdrawal that the visit has heard took back what was said of consent at this time.
fn is_withdrawn_since(visit: &VisitSoFar, at: Timestamp) -> bool {
    let kept = ConsentParts::of(visit.kept.get(Part::Consent));
    is_withdrawal(optional(kept.source).map(text))
        && from_bytes::<Option<Timestamp>>(kept.updated_date).is_ok_and(|since| since >= Some(at))
}

/// The visit's last event says this of consent. Unless it `stands` whatever came before, it does not give back what a withdrawal took
/// back since; it may still be for less.
pub(crate) fn hear(visit: &mut VisitSoFar, said: &[u8], at: Timestamp, stands: bool) {
    if visit.kept.get(Part::Consent) == said {
        return;
    }
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

impl Visitor {
    /// Consent is withdrawn for other purposes than visits: what is open goes on, and says so. It is remembered while what is older
    /// may still come in on time and begin a visit, or be the first event in one.
    pub(crate) fn narrow_consent(&mut self, time: &TaskTime, asked: &Control, at: Timestamp) {
        for visit in &mut self.visits {
            visit.narrow_consent(asked, at);
        }
        if at < time.watermark {
            return;
        }
        for purpose in &asked.purposes {
            let known = self.withdrawn.iter_mut();
            match known.into_iter().find(|known| known.purpose == *purpose) {
                Some(known) => known.at = known.at.max(at),
                None => self.withdrawn.push(Withdrawal {
                    purpose: purpose.clone(),
                    at,
                }),
            }
        }
        sizes::fit_withdrawn(&mut self.withdrawn);
    }

    /// Up to when what was withdrawn is to be remembered.
    pub(crate) fn withdrawn_until(&self) -> Option<Timestamp> {
        self.withdrawn.iter().map(|withdrawal| withdrawal.at).max()
    }
}

impl OpenVisit {
    /// What the visit's last event says of consent does not give back what was withdrawn since, be it before the visit was there.
    pub(crate) fn heed(&mut self, withdrawn: &[Withdrawal]) {
        let last = self.last.at;
        let since = withdrawn.iter().filter(|known| known.at >= last);
        // All at once: the consent is read and written for each.
        let Some(at) = since.clone().map(|known| known.at).max() else {
            return;
        };
        let asked = Control {
            purposes: since.map(|known| known.purpose.clone()).collect(),
            ..Control::default()
        };
        self.narrow_consent(&asked, at);
    }

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

    /// What is older than a withdrawal which another visit heard has that one's consent, and no more than its own.
    fn heed_withdrawal(&mut self, heard: &OpenVisit) {
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
