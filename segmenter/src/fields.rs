//! What a criterion can look at: Genesys' keys, over an event, a page or a visit.

use journey::Text;
use schemas::{
    record::{optional, text},
    records::PageParts,
};

use crate::{input::Deed, visit::Visit};

/// The key of an attribute is `attributes.<name>.value`.
const ATTRIBUTE: (&str, &str) = ("attributes.", ".value");

macro_rules! fields {
    ($($name:ident = $key:literal),* $(,)?) => {
        /// One thing that a criterion can look at.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(crate) enum Field {
            $($name,)*
            /// The value of the site's own attribute of this name.
            Attribute(Text),
        }

        impl Field {
            /// The field that a definition's key names; `None` if there is none.
            pub(crate) fn parse(key: &str) -> Option<Field> {
                Some(match key {
                    $($key => Field::$name,)*
                    _ => {
                        let name = key.strip_prefix(ATTRIBUTE.0)?.strip_suffix(ATTRIBUTE.1)?;
                        Field::Attribute(Text::from(name))
                    }
                })
            }
        }
    };
}

fields! {
    EventName = "eventName",
    PageUrl = "page.url",
    PageTitle = "page.title",
    PageHostname = "page.hostname",
    PageDomain = "page.domain",
    PageFragment = "page.fragment",
    PageKeywords = "page.keywords",
    PageLang = "page.lang",
    PagePathname = "page.pathname",
    PageQueryString = "page.queryString",
    SearchQuery = "searchQuery",
    DeviceCategory = "device.category",
    DeviceType = "device.type",
    DeviceOsFamily = "device.osFamily",
    BrowserFamily = "browser.family",
    BrowserLang = "browser.lang",
    BrowserVersion = "browser.version",
    CampaignSource = "mktCampaign.source",
    CampaignMedium = "mktCampaign.medium",
    CampaignName = "mktCampaign.name",
    CampaignTerm = "mktCampaign.term",
    CampaignContent = "mktCampaign.content",
    CampaignClickId = "mktCampaign.clickId",
    CampaignNetwork = "mktCampaign.network",
    Country = "geolocation.country",
    CountryName = "geolocation.countryName",
    Locality = "geolocation.locality",
    Region = "geolocation.region",
    PostalCode = "geolocation.postalCode",
    IpOrganization = "ipOrganization",
    ReferrerUrl = "referrer.url",
    ReferrerMedium = "referrer.medium",
    ReferrerHostname = "referrer.hostname",
    Authenticated = "authenticated",
}

/// What criteria are held against.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Facts<'a> {
    /// An event.
    Event(&'a Deed<'a>),
    /// A page that the visit is on, of which no event is known any more: as a page view without attributes.
    Page(&'a PageParts<'a>),
    /// A visit.
    Visit(&'a Visit),
}

impl<'a> Facts<'a> {
    /// The event's name.
    pub(crate) fn event_name(&self) -> Option<&'a str> {
        match self {
            Facts::Event(event) => Some(event.event_name),
            Facts::Page(_) => Some(journey::web_event::PAGE_VIEWED),
            Facts::Visit(_) => None,
        }
    }

    /// The names and values of the site's own attributes.
    pub(crate) fn attributes(&self) -> Vec<(&'a str, &'a str)> {
        match self {
            Facts::Event(event) => event.attributes(),
            Facts::Page(_) | Facts::Visit(_) => Vec::new(),
        }
    }

    /// A field's value as text; `None` where it is missing.
    pub(crate) fn value(&self, field: &Field) -> Option<&'a str> {
        match self {
            Facts::Event(event) => of_event(event, field),
            Facts::Page(_) if *field == Field::EventName => self.event_name(),
            Facts::Page(page) => of_page(page, field),
            Facts::Visit(visit) => of_visit(visit, field),
        }
    }
}

/// The text that is encoded here, unless it is empty.
fn known(encoded: &[u8]) -> Option<&str> {
    Some(text(encoded)).filter(|text| !text.is_empty())
}

/// The optional text that is encoded here.
fn maybe(encoded: &[u8]) -> Option<&str> {
    optional(encoded).map(text)
}

fn of_event<'a>(event: &Deed<'a>, field: &Field) -> Option<&'a str> {
    match field {
        Field::EventName => Some(event.event_name),
        Field::SearchQuery => event.search_query,
        Field::Attribute(name) => {
            let mut attributes = event.attributes().into_iter();
            attributes
                .find(|(known, _)| *name == *known)
                .map(|(_, value)| value)
        }
        _ => of_page(&event.page, field),
    }
}

fn of_page<'a>(page: &PageParts<'a>, field: &Field) -> Option<&'a str> {
    match field {
        Field::PageUrl => known(page.url),
        Field::PageTitle => maybe(page.title),
        Field::PageHostname => known(page.hostname),
        Field::PageDomain => known(page.domain),
        Field::PageFragment => maybe(page.fragment),
        Field::PageKeywords => maybe(page.keywords),
        Field::PageLang => maybe(page.lang),
        Field::PagePathname => known(page.pathname),
        Field::PageQueryString => maybe(page.query_string),
        _ => None,
    }
}

fn of_visit<'a>(visit: &'a Visit, field: &Field) -> Option<&'a str> {
    match field {
        Field::DeviceCategory => known(visit.device()?.category),
        Field::DeviceType => maybe(visit.device()?.kind),
        Field::DeviceOsFamily => maybe(visit.device()?.os_family),
        Field::BrowserFamily => known(visit.browser()?.family),
        Field::BrowserLang => maybe(visit.browser()?.lang),
        Field::BrowserVersion => maybe(visit.browser()?.version),
        Field::CampaignSource => maybe(visit.mkt_campaign()?.source),
        Field::CampaignMedium => maybe(visit.mkt_campaign()?.medium),
        Field::CampaignName => maybe(visit.mkt_campaign()?.name),
        Field::CampaignTerm => maybe(visit.mkt_campaign()?.term),
        Field::CampaignContent => maybe(visit.mkt_campaign()?.content),
        Field::CampaignClickId => maybe(visit.mkt_campaign()?.click_id),
        Field::CampaignNetwork => maybe(visit.mkt_campaign()?.network),
        Field::Country => maybe(visit.geolocation()?.country),
        Field::CountryName => maybe(visit.geolocation()?.country_name),
        Field::Locality => maybe(visit.geolocation()?.locality),
        Field::Region => maybe(visit.geolocation()?.region),
        Field::PostalCode => maybe(visit.geolocation()?.postal_code),
        Field::IpOrganization => visit.ip_organization(),
        Field::ReferrerUrl => known(visit.referrer()?.url),
        Field::ReferrerMedium => known(visit.referrer()?.medium),
        Field::ReferrerHostname => known(visit.referrer()?.hostname),
        Field::Authenticated => Some(if visit.authenticated { "true" } else { "false" }),
        _ => None,
    }
}

/// A number that two visits share if all that a context criterion can look at is equal, and hardly ever otherwise: 64 bits,
/// the same on every machine.
pub(crate) fn context_fingerprint(visit: &Visit, seed: i64) -> u64 {
    let mut hash = Fnv::default();
    hash.take_word(seed as u64);
    hash.take_word(u64::from(visit.authenticated));
    for part in visit.context() {
        hash.take_word(part.len() as u64);
        for word in part.chunks(8) {
            let mut bytes = [0; 8];
            bytes[..word.len()].copy_from_slice(word);
            hash.take_word(u64::from_le_bytes(bytes));
        }
    }
    hash.0
}

/// A short stand-in for a text.
pub(crate) fn fingerprint(text: &str) -> u64 {
    let mut hash = Fnv::default();
    hash.take(text.as_bytes());
    hash.0
}

struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    /// Eight bytes at once; what they change is spread over all 64 bits.
    fn take_word(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }

    fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use journey::{
        definitions::{CONTEXT_KEYS, EVENT_KEYS},
        web_event::{Activity, Attribute, Device},
    };
    use schemas::to_bytes;

    use super::*;

    /// Every field that a context criterion can look at.
    const CONTEXT: [Field; 23] = [
        Field::DeviceCategory,
        Field::DeviceType,
        Field::DeviceOsFamily,
        Field::BrowserFamily,
        Field::BrowserLang,
        Field::BrowserVersion,
        Field::CampaignSource,
        Field::CampaignMedium,
        Field::CampaignName,
        Field::CampaignTerm,
        Field::CampaignContent,
        Field::CampaignClickId,
        Field::CampaignNetwork,
        Field::Country,
        Field::CountryName,
        Field::Locality,
        Field::Region,
        Field::PostalCode,
        Field::IpOrganization,
        Field::ReferrerUrl,
        Field::ReferrerMedium,
        Field::ReferrerHostname,
        Field::Authenticated,
    ];

    #[test]
    fn every_key_that_validation_accepts_is_a_field() {
        for key in CONTEXT_KEYS {
            let field = Field::parse(key).expect(key);
            assert!(CONTEXT.contains(&field), "{key}");
        }
        assert_eq!(CONTEXT_KEYS.len(), CONTEXT.len());
        for key in EVENT_KEYS {
            assert!(
                Field::parse(key).is_some_and(|field| !CONTEXT.contains(&field)),
                "{key}"
            );
        }
    }

    #[test]
    fn an_attribute_is_found_by_its_name() {
        let plan = (
            "plan".into(),
            Attribute {
                data_type: "string".into(),
                value: "gold".into(),
            },
        );
        let event = Activity {
            attributes: vec![plan],
            ..Activity::default()
        };
        let encoded = to_bytes(&event);
        let deed = Deed::of(&encoded);
        let value = |key: &str| Facts::Event(&deed).value(&Field::parse(key).expect("a key"));
        assert_eq!(value("attributes.plan.value"), Some("gold"));
        assert_eq!(value("attributes.price.value"), None);
        assert_eq!(Field::parse("attributes.plan"), None);
    }

    #[test]
    fn a_context_fingerprint_tells_missing_from_empty_and_one_field_from_the_next() {
        let with = |kind: Option<&str>, os: Option<&str>| {
            let device = Device {
                kind: kind.map(Text::from),
                os_family: os.map(Text::from),
                ..Device::default()
            };
            let visit = journey::Visit {
                device: Some(device),
                ..journey::Visit::default()
            };
            context_fingerprint(&Visit::from(&visit), 1)
        };
        assert_ne!(with(None, None), with(Some(""), None));
        assert_ne!(with(Some("a"), None), with(None, Some("a")));
        assert_eq!(with(Some("a"), None), with(Some("a"), None));
    }
}
