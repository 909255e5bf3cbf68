//! What a visit keeps of the first event that told it (of `reply_to`: of the last), and which event that was.

use schemas::record::optional;

use crate::{
    event::Event,
    moment::Moment,
    shared::Shared,
    sizes,
    so_far::{Part, VisitSoFar},
};

/// Which parts those are, and which of two events wins.
const PARTS: [(Part, Wins); 6] = [
    (Part::Browser, Moment::before),
    (Part::Device, Moment::before),
    (Part::Geolocation, Moment::before),
    (Part::IpOrganization, Moment::before),
    (Part::MktCampaign, Moment::before),
    (Part::ReplyTo, Moment::after),
];

type Wins = fn(&Moment, &Moment) -> bool;

/// Who told what, in the order of [`PARTS`]. Absent where nobody did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told(pub(crate) [Option<Shared<Moment>>; PARTS.len()]);

impl Told {
    /// `visit` hears what an event tells.
    pub(crate) fn hear_event(
        &mut self,
        visit: &mut VisitSoFar,
        event: &Event,
        at: &Shared<Moment>,
    ) {
        let values = [
            event.browser(),
            event.device(),
            event.geolocation(),
            event.ip_organization(),
            event.mkt_campaign(),
            event.reply_to(),
        ];
        for (((part, wins), by), value) in PARTS.into_iter().zip(&mut self.0).zip(values) {
            tell(visit, part, by, value, at, wins);
        }
    }

    /// `visit` hears what another visit was told.
    pub(crate) fn hear_visit(&mut self, visit: &mut VisitSoFar, other: &VisitSoFar, told: &Told) {
        for (((part, wins), by), at) in PARTS.into_iter().zip(&mut self.0).zip(&told.0) {
            if let Some(at) = at {
                tell(visit, part, by, other.kept.get(part), at, wins);
            }
        }
    }
}

/// Keeps what is there of `value`, told at `at`, if nobody told before or `at` wins over who did, and it is not too heavy.
fn tell(
    visit: &mut VisitSoFar,
    part: Part,
    by: &mut Option<Shared<Moment>>,
    value: &[u8],
    at: &Shared<Moment>,
    wins: Wins,
) {
    let wins = by.as_ref().is_none_or(|by| wins(at, by));
    if wins && optional(value).is_some() && sizes::keep_light(visit, part, value) {
        *by = Some(at.clone());
    }
}
