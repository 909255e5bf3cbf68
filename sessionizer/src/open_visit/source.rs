//! By which campaign and from which site a visit came, and what comes by another one.

use schemas::{
    record::{optional, text},
    records::{PageParts, ReferrerParts},
};

use super::OpenVisit;
use crate::{event::Event, so_far::Part};

impl OpenVisit {
    /// Whether a visit of `event` is another one than this: where a deployment says so, and not a robot's, each of whose events
    /// could name another source.
    pub(crate) fn is_split_by(&self, event: &Event) -> bool {
        self.policy().split_on_source && !self.visit.bot && self.is_left_by(event)
    }

    /// Whether `event` came by another campaign, or from another site, than the visit did.
    fn is_left_by(&self, event: &Event) -> bool {
        if event.is_ping() {
            return false;
        }
        let campaign = event.mkt_campaign();
        let other_campaign =
            optional(campaign).is_some() && campaign != self.visit.kept.get(Part::MktCampaign);
        let referrer = optional(self.visit.kept.get(Part::Referrer));
        let came_from = |domain: &str| {
            referrer.is_some_and(|referrer| text(ReferrerParts::of(referrer).domain) == domain)
        };
        other_campaign || external_domain_of(event).is_some_and(|domain| !came_from(domain))
    }

    /// Whether a new source began this visit, and `event`, which came before, is near enough and by the same source: had it come
    /// first, the visit would have begun with it. That nothing before the visit is taken in is then for want of it alone.
    pub(crate) fn may_begin_with(&self, event: &Event) -> bool {
        let begun = self.visit.created_date;
        self.floor == begun
            && begun - event.occurred_at <= self.policy().visit_timeout
            && self.follows(event)
    }

    /// Whether what the visit came by would not leave one that came by what `event` did, and is no nothing.
    fn follows(&self, event: &Event) -> bool {
        let kept = |part| self.visit.kept.get(part);
        let campaign = optional(kept(Part::MktCampaign));
        let domain = external_domain(kept(Part::Referrer), kept(Part::FirstPage));
        let same_campaign = campaign.is_none() || campaign == optional(event.mkt_campaign());
        let same_site = domain.is_none() || domain == external_domain_of(event);
        (campaign.is_some() || domain.is_some()) && same_campaign && same_site
    }
}

fn external_domain_of(event: &Event) -> Option<&str> {
    external_domain(event.referrer(), event.page())
}

/// The site that the visitor came from, if another than the page's own.
fn external_domain<'a>(referrer: &'a [u8], page: &[u8]) -> Option<&'a str> {
    let referrer = ReferrerParts::of(optional(referrer)?);
    let domain = text(referrer.domain);
    let external = text(referrer.medium) != "internal"
        && !domain.is_empty()
        && domain != text(PageParts::of(page).domain);
    external.then_some(domain)
}
