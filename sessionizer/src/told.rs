//! What a visit keeps of the first event that told it (of `reply_to`: of the last), and which event that was.

use journey::{Visit, WebEvent, web_event::Activity};
use schemas::Avro;

use crate::{moment::Moment, sizes};

/// Who told what. Absent where nobody did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) browser: Option<Moment>,
    pub(crate) device: Option<Moment>,
    pub(crate) geolocation: Option<Moment>,
    pub(crate) ip_organization: Option<Moment>,
    pub(crate) mkt_campaign: Option<Moment>,
    pub(crate) reply_to: Option<Moment>,
}

impl Told {
    /// `visit` hears what an event tells.
    pub(crate) fn hear_event(
        &mut self,
        visit: &mut Visit,
        event: &WebEvent,
        activity: &Activity,
        at: &Moment,
    ) {
        let (at, first, last) = (Some(at), Moment::before, Moment::after);
        let heavy = tell(
            &mut visit.browser,
            &mut self.browser,
            &activity.browser,
            at,
            first,
        ) | tell(
            &mut visit.device,
            &mut self.device,
            &activity.device,
            at,
            first,
        ) | tell(
            &mut visit.geolocation,
            &mut self.geolocation,
            &activity.geolocation,
            at,
            first,
        ) | tell(
            &mut visit.ip_organization,
            &mut self.ip_organization,
            &activity.ip_organization,
            at,
            first,
        ) | tell(
            &mut visit.mkt_campaign,
            &mut self.mkt_campaign,
            &activity.mkt_campaign,
            at,
            first,
        ) | tell(
            &mut visit.reply_to,
            &mut self.reply_to,
            &event.reply_to,
            at,
            last,
        );
        visit.truncated |= heavy;
    }

    /// `visit` hears what another visit was told.
    pub(crate) fn hear_visit(&mut self, visit: &mut Visit, other: &Visit, by: &Told) {
        let (first, last) = (Moment::before, Moment::after);
        tell(
            &mut visit.browser,
            &mut self.browser,
            &other.browser,
            by.browser.as_ref(),
            first,
        );
        tell(
            &mut visit.device,
            &mut self.device,
            &other.device,
            by.device.as_ref(),
            first,
        );
        tell(
            &mut visit.geolocation,
            &mut self.geolocation,
            &other.geolocation,
            by.geolocation.as_ref(),
            first,
        );
        let organization = by.ip_organization.as_ref();
        tell(
            &mut visit.ip_organization,
            &mut self.ip_organization,
            &other.ip_organization,
            organization,
            first,
        );
        tell(
            &mut visit.mkt_campaign,
            &mut self.mkt_campaign,
            &other.mkt_campaign,
            by.mkt_campaign.as_ref(),
            first,
        );
        tell(
            &mut visit.reply_to,
            &mut self.reply_to,
            &other.reply_to,
            by.reply_to.as_ref(),
            last,
        );
    }
}

/// Keeps `value`, told at `at`, if nobody told before or `at` wins over who did. Says whether it is too heavy to keep.
fn tell<T: Avro + Clone>(
    kept: &mut Option<T>,
    by: &mut Option<Moment>,
    value: &Option<T>,
    at: Option<&Moment>,
    wins: fn(&Moment, &Moment) -> bool,
) -> bool {
    let (Some(value), Some(at)) = (value, at) else {
        return false;
    };
    if by.as_ref().is_some_and(|by| !wins(at, by)) {
        return false;
    }
    if sizes::too_heavy(value) {
        return true;
    }
    (*kept, *by) = (Some(value.clone()), Some(at.clone()));
    false
}
