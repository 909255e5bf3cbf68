//! May this event come in at all, whatever it says: where it comes from, and how much has come before it.

use journey::definitions::{Deployment, IpRange, Origin};
use url::Url;

use crate::{
    accepted::Rules,
    address,
    deployment::Sender,
    json::Scalar,
    quota::Rate,
    raw::RawEvent,
    reason::{Flaw, RejectReason, SuppressReason},
};

/// A deployment's rules of admission, compiled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gates {
    origins: Vec<Origin>,
    excluded: Vec<IpRange>,
    rate: Option<Rate>,
    visitor_rate: Option<Rate>,
}

impl Gates {
    /// For one of so many tasks: a deployment's events are spread over all of them, a visitor's are in one, or may be.
    pub(crate) fn new(deployment: &Deployment, tasks: u32) -> Gates {
        let Deployment {
            allowed_origins,
            excluded_ip_addresses,
            events_per_second,
            event_burst,
            visitor_events_per_second,
            visitor_event_burst,
            ..
        } = deployment;
        let excluded = excluded_ip_addresses.iter();
        Gates {
            origins: allowed_origins.iter().map(|o| Origin::new(o)).collect(),
            excluded: excluded.filter_map(|range| IpRange::parse(range)).collect(),
            rate: events_per_second.map(|rate| Rate::new(rate, *event_burst, tasks)),
            visitor_rate: visitor_events_per_second
                .map(|rate| Rate::new(rate, *visitor_event_burst, 1)),
        }
    }

    /// Whether the page, and the origin where one is sent, is among those allowed.
    pub(crate) fn origin(&self, origin: &Scalar<'_>, page: &Url) -> Result<(), Flaw> {
        let allows = |url: &Url| self.origins.iter().any(|allowed| allowed.is_of(url));
        if self.origins.is_empty() {
            return Ok(());
        }
        if !allows(page) {
            return Err(elsewhere("page.url"));
        }
        match origin {
            blank if blank.is_blank() => Ok(()),
            // Of a page without referrers a browser says `null`: nothing.
            Scalar::Text(text) if text == "null" => Ok(()),
            Scalar::Text(text) if Url::parse(text).is_ok_and(|url| allows(&url)) => Ok(()),
            _ => Err(elsewhere("origin")),
        }
    }

    /// An address that cannot be read is none of those that are excluded.
    fn excludes(&self, said: &Scalar<'_>) -> bool {
        let among = |address| self.excluded.iter().any(|range| range.contains(address));
        !self.excluded.is_empty() && address::read(said).is_some_and(among)
    }
}

fn elsewhere(member: &str) -> Flaw {
    let what = format!("`{member}` is of an origin that the deployment does not allow");
    Flaw::new(RejectReason::OriginNotAllowed, what)
}

impl Rules<'_> {
    /// Whether the sender's machine is not left out, and neither the visitor nor the deployment has sent too much. The visitor
    /// first: one that sends too much does not use up what the deployment may. What is sent again from among the dead letters
    /// is no flood, and what a quota holds back is lost.
    pub(crate) fn admit(&self, raw: &RawEvent<'_>, sender: &Sender<'_>) -> Result<(), Flaw> {
        let gates = &sender.site.gates;
        let (id, at) = (sender.deployment_id, sender.received.at);
        if gates.excludes(&raw.ip_address) {
            return Err(SuppressReason::IpExcluded.into());
        }
        if sender.received.again {
            return Ok(());
        }
        if let (Some(rate), Scalar::Text(cookie)) = (gates.visitor_rate, &raw.customer_cookie_id)
            && !self.quotas.borrow_mut().visitor(id, cookie, at, rate)
        {
            return Err(SuppressReason::QuotaVisitor.into());
        }
        if let Some(rate) = gates.rate
            && !self.quotas.borrow_mut().deployment(id, at, rate)
        {
            return Err(SuppressReason::QuotaDeployment.into());
        }
        Ok(())
    }
}
