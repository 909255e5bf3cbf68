//! What enters: validated events by visitor, on `web.events`.

use crate::{CustomerId, DeploymentId, EventId, Millis, Text, Timestamp};

/// The `eventName` of a page view, as Genesys names it.
pub const PAGE_VIEWED: &str = "page_viewed";
/// The `eventName` of a heartbeat: presence, not activity of its own.
pub const PING: &str = "ping";

/// The `kind` of a [`WebEvent`]: which of its members is there.
pub mod kind {
    /// `web_event` is there: a visitor did something.
    pub const WEB: &str = "web";
    /// `engagement` is there: the chat engine reports what became of an offer.
    pub const ENGAGEMENT: &str = "engagement";
    /// `control` is there: consent withdrawn, or erasure.
    pub const CONTROL: &str = "control";
}

/// One record of `web.events`: validated, consented, scrubbed, enriched. No personal data. Key: `customer_id`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WebEvent {
    /// Which member is there: see [`kind`].
    pub kind: Text,
    /// The sender's id of the event, or the one `ingest` derived.
    pub event_id: EventId,
    /// Who.
    pub customer_id: CustomerId,
    /// Where.
    pub deployment_id: DeploymentId,
    /// What a stage must know of the deployment: stamped in here, so that no stage has a setting of its own.
    pub policy: Policy,
    /// Event time: when it happened at the visitor, corrected by the client's own skew, never later than `received_at`.
    pub occurred_at: Timestamp,
    /// Receive time: the broker's append time of the raw record.
    pub received_at: Timestamp,
    /// The sender's clock was ahead or implausible and `occurred_at` is a correction.
    pub time_corrected: bool,
    /// On what basis this is tracked.
    pub consent: Consent,
    /// `none`, `count_only`, `no_link` or `no_offer`; pages of class `block` never get here.
    pub page_class: Text,
    /// Known or suspected to be a robot.
    pub bot: bool,
    /// The site says that the visitor is logged in.
    pub authenticated: bool,
    /// An opaque address that offers carry back.
    pub reply_to: Option<Text>,
    /// What the visitor did.
    pub web_event: Option<Activity>,
    /// What the chat engine reports.
    pub engagement: Option<Engagement>,
    /// What must be forgotten.
    pub control: Option<Control>,
}

impl WebEvent {
    /// A heartbeat: presence only.
    pub fn is_ping(&self) -> bool {
        self.web_event
            .as_ref()
            .is_some_and(|activity| activity.event_name == PING)
    }
}

/// The deployment's rules that act after `ingest`. All lengths in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The silence that ends a visit; exactly this long still joins. 1–120 minutes.
    pub visit_timeout: Millis,
    /// Silence after which a visitor is idle.
    pub idle_after: Millis,
    /// Silence after which a visitor is away.
    pub away_after: Millis,
    /// Whether a ping extends the visit (it always counts as presence).
    pub pings_extend: bool,
    /// Whether a new traffic source starts a new visit.
    pub split_on_source: bool,
    /// The longest visit.
    pub max_duration: Millis,
    /// The most events of a visit.
    pub max_events: i64,
    /// Whether robots' visits may get offers and count for staffing.
    pub serve_bots: bool,
    /// The most events and pings of one visitor in a rate window; more are a robot's. 0: no such rule.
    pub bot_rate_events: i64,
    /// The length of a rate window.
    pub bot_rate_window: Millis,
}

impl Default for Policy {
    /// The vendor's newer figures: 20 minutes, idle at 45 s, away at 60 s.
    fn default() -> Self {
        Policy {
            visit_timeout: Millis::from_mins(20),
            idle_after: Millis::from_secs(45),
            away_after: Millis::from_secs(60),
            pings_extend: true,
            split_on_source: false,
            max_duration: Millis::from_mins(24 * 60),
            max_events: 10_000,
            serve_bots: false,
            bot_rate_events: 300,
            bot_rate_window: Millis::from_secs(10),
        }
    }
}

/// On what basis a visitor is tracked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// `granted`, `implied`, `not_needed`, or what a later version adds.
    pub state: Text,
    /// For what: `visits`, `personalisation`, `staffing`, `contact`.
    pub purposes: Vec<Text>,
    /// Who says so: `tcf`, `gpp`, `custom`.
    pub source: Option<Text>,
    /// Since when.
    pub updated_date: Option<Timestamp>,
}

/// What a visitor did: Genesys' `WebEvent`, by its field names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Activity {
    /// `page_viewed`, `search_performed`, `ping`, or the site's own.
    pub event_name: Text,
    /// Where on the site.
    pub page: Page,
    /// As sent, scrubbed.
    pub user_agent_string: Option<Text>,
    /// From the user agent, or as sent.
    pub browser: Option<Browser>,
    /// From the user agent, or as sent.
    pub device: Option<Device>,
    /// From the address, before it was cut.
    pub geolocation: Option<Geolocation>,
    /// Who runs the visitor's network.
    pub ip_organization: Option<Text>,
    /// From the URL's campaign parameters and click ids.
    pub mkt_campaign: Option<MktCampaign>,
    /// Where the visitor came from.
    pub referrer: Option<Referrer>,
    /// What the visitor searched for on the site.
    pub search_query: Option<Text>,
    /// The form that was submitted or abandoned.
    pub form_name: Option<Text>,
    /// The site's own attributes, by name, in order.
    pub attributes: Vec<(Text, Attribute)>,
}

/// A page, its URL in the parts that Genesys names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Scrubbed.
    pub url: Text,
    /// Scrubbed.
    pub title: Option<Text>,
    /// Registrable domain, by the public suffix list.
    pub domain: Text,
    /// Without `#`; kept only where the deployment says so.
    pub fragment: Option<Text>,
    /// The URL's host.
    pub hostname: Text,
    /// `<meta name="keywords">`.
    pub keywords: Option<Text>,
    /// ISO 639-1, from `<html lang>`.
    pub lang: Option<Text>,
    /// The URL's path.
    pub pathname: Text,
    /// Without `?`; scrubbed.
    pub query_string: Option<Text>,
    /// The path's parts.
    pub breadcrumb: Vec<Text>,
}

/// A browser.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Browser {
    /// `Firefox`.
    pub family: Text,
    /// Major version.
    pub version: Option<Text>,
    /// BCP 47.
    pub lang: Option<Text>,
}

/// A device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// `desktop`, `mobile`, `tablet` or `other`.
    pub category: Text,
    /// Model, as far as known.
    pub kind: Option<Text>,
    /// A phone or a tablet.
    pub mobile: bool,
    /// `Windows`, `iOS`, …
    pub os_family: Option<Text>,
    /// Major version.
    pub os_version: Option<Text>,
    /// Pixels.
    pub screen_height: Option<i32>,
    /// Pixels.
    pub screen_width: Option<i32>,
    /// Who made it.
    pub manufacturer: Option<Text>,
}

/// Where on Earth, roughly.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Geolocation {
    /// ISO 3166-1 alpha-2.
    pub country: Option<Text>,
    /// In words.
    pub country_name: Option<Text>,
    /// ISO 3166-2.
    pub region: Option<Text>,
    /// In words.
    pub region_name: Option<Text>,
    /// City.
    pub locality: Option<Text>,
    /// Postal code.
    pub postal_code: Option<Text>,
    /// IANA name.
    pub timezone: Option<Text>,
    /// Which data said so.
    pub source: Option<Text>,
}

/// A marketing campaign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MktCampaign {
    /// `utm_content`.
    pub content: Option<Text>,
    /// `utm_medium`.
    pub medium: Option<Text>,
    /// `utm_campaign`.
    pub name: Option<Text>,
    /// `utm_source`.
    pub source: Option<Text>,
    /// `utm_term`.
    pub term: Option<Text>,
    /// `gclid`, `fbclid`, …: its value.
    pub click_id: Option<Text>,
    /// The ad network that the click id names.
    pub network: Option<Text>,
}

/// Where a visitor came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Referrer {
    /// Scrubbed.
    pub url: Text,
    /// Registrable domain.
    pub domain: Text,
    /// The URL's host.
    pub hostname: Text,
    /// Search terms, where given.
    pub keywords: Option<Text>,
    /// The URL's path.
    pub pathname: Text,
    /// Without `?`; scrubbed.
    pub query_string: Option<Text>,
    /// Without `#`.
    pub fragment: Option<Text>,
    /// `Google`, `Facebook`, …
    pub name: Option<Text>,
    /// `internal`, `search`, `social`, `email`, `paid`, `ai` or `unknown`.
    pub medium: Text,
}

/// A typed attribute: the value travels as text, as in Genesys' API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attribute {
    /// `string`, `number`, `integer` or `boolean`.
    pub data_type: Text,
    /// As text.
    pub value: Text,
}

/// What the chat engine reports of an offer (`contracts.md` §4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Engagement {
    /// Which offer.
    pub offer_id: Text,
    /// In which visit, as the offer named it.
    pub session_id: Option<Text>,
    /// `offered`, `accepted`, `rejected`, `timedout`, `ignored`, `errored`, `started`, `engaged`, `abandoned`, `completed`.
    pub action_state: Text,
    /// The conversation that came of it.
    pub conversation_id: Option<Text>,
    /// Of a completed one.
    pub handle_time_seconds: Option<i64>,
    /// Of an errored one.
    pub error_code: Option<Text>,
    /// Of an errored one.
    pub error_message: Option<Text>,
}

/// The `action` of a [`Control`].
pub mod control_action {
    /// The visitor took consent back.
    pub const CONSENT_WITHDRAWN: &str = "consent_withdrawn";
    /// Everything about the visitor is to go.
    pub const ERASE: &str = "erase";
}

/// What consent may be for. A list that is empty stands for all, where consent is given as where it is withdrawn.
pub mod purpose {
    /// Visits at all.
    pub const VISITS: &str = "visits";
    /// Offers by what the visitor does.
    pub const PERSONALISATION: &str = "personalisation";
    /// What the visitor may come to ask for counts in the forecast.
    pub const STAFFING: &str = "staffing";
    /// Personal data, in `journey.visitors`.
    pub const CONTACT: &str = "contact";
    /// Every one, so far.
    pub const ALL: [&str; 4] = [VISITS, PERSONALISATION, STAFFING, CONTACT];

    /// Whether a list of purposes is for this one too.
    pub fn covers<'p>(listed: impl IntoIterator<Item = &'p str>, purpose: &str) -> bool {
        let mut listed = listed.into_iter().peekable();
        listed.peek().is_none() || listed.any(|listed| listed == purpose)
    }
}

/// What a [`Control`] asks of every stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forget {
    /// Consent was withdrawn for other purposes than visits: these stay.
    Nothing,
    /// The visitor took consent back.
    Withdrawn,
    /// Everything about the visitor is to go.
    Erased,
}

/// What must be forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Control {
    /// See [`control_action`].
    pub action: Text,
    /// The purposes that were withdrawn; all of them if empty.
    pub purposes: Vec<Text>,
}

impl Control {
    /// Whether everything about the visitor is to go. An action that this release does not know is taken for that, the
    /// strictest there is: what a visitor asks must not wait in a dead letter for an upgrade.
    pub fn erases(&self) -> bool {
        self.action != control_action::CONSENT_WITHDRAWN
    }

    /// What consent is for once these purposes are withdrawn: a list that is empty was for all. A visit that goes on is one that
    /// may: its own purpose stays.
    pub fn narrow(&self, purposes: &mut Vec<Text>) {
        if purposes.is_empty() {
            purposes.extend(purpose::ALL.map(Text::from));
        }
        purposes.retain(|purpose| !self.purposes.contains(purpose));
        if purposes.is_empty() {
            purposes.push(Text::from(purpose::VISITS));
        }
    }

    /// What becomes of the visitor's visits. Purposes say nothing of an erasure.
    pub fn forget(&self) -> Forget {
        let visits_too = purpose::covers(self.purposes.iter().map(Text::as_str), purpose::VISITS);
        match (self.erases(), visits_too) {
            (true, _) => Forget::Erased,
            (false, true) => Forget::Withdrawn,
            (false, false) => Forget::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_that_nobody_knows_erases_whatever_its_purposes() {
        for (action, purposes, forget) in [
            ("consent_withdrawn", &[][..], Forget::Withdrawn),
            (
                "consent_withdrawn",
                &["contact", "visits"],
                Forget::Withdrawn,
            ),
            ("consent_withdrawn", &["contact"], Forget::Nothing),
            ("erase", &["contact"], Forget::Erased),
            ("anonymise", &["contact"], Forget::Erased),
            ("", &[], Forget::Erased),
        ] {
            let control = Control {
                action: action.into(),
                purposes: purposes
                    .iter()
                    .map(|purpose| Text::from(*purpose))
                    .collect(),
            };
            assert_eq!(control.forget(), forget, "{control:?}");
        }
    }
}
