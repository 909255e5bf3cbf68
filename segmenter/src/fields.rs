//! What a criterion can look at: Genesys' keys, over an event, a page or a visit.

use journey::{
    Text, Visit,
    web_event::{Activity, Page},
};

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

/// Every field that a context criterion can look at.
pub(crate) const CONTEXT: [Field; 23] = [
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

/// What criteria are held against.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Facts<'a> {
    /// An event.
    Event(&'a Activity),
    /// A page that the visit is on, of which no event is known any more: as a page view without attributes.
    Page(&'a Page),
    /// A visit.
    Visit(&'a Visit),
}

impl<'a> Facts<'a> {
    /// The event's name.
    pub(crate) fn event_name(&self) -> Option<&'a str> {
        match self {
            Facts::Event(event) => Some(event.event_name.as_str()),
            Facts::Page(_) => Some(journey::web_event::PAGE_VIEWED),
            Facts::Visit(_) => None,
        }
    }

    /// The site's own attributes.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&'a Text, &'a str)> {
        let attributes = match self {
            Facts::Event(event) => event.attributes.as_slice(),
            Facts::Page(_) | Facts::Visit(_) => &[],
        };
        attributes
            .iter()
            .map(|(name, attribute)| (name, attribute.value.as_str()))
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

fn known(text: &Text) -> Option<&str> {
    Some(text.as_str()).filter(|text| !text.is_empty())
}

fn of_event<'a>(event: &'a Activity, field: &Field) -> Option<&'a str> {
    match field {
        Field::EventName => Some(event.event_name.as_str()),
        Field::SearchQuery => event.search_query.as_deref(),
        Field::Attribute(name) => {
            let (_, attribute) = event.attributes.iter().find(|(known, _)| known == name)?;
            Some(attribute.value.as_str())
        }
        _ => of_page(&event.page, field),
    }
}

fn of_page<'a>(page: &'a Page, field: &Field) -> Option<&'a str> {
    match field {
        Field::PageUrl => known(&page.url),
        Field::PageTitle => page.title.as_deref(),
        Field::PageHostname => known(&page.hostname),
        Field::PageDomain => known(&page.domain),
        Field::PageFragment => page.fragment.as_deref(),
        Field::PageKeywords => page.keywords.as_deref(),
        Field::PageLang => page.lang.as_deref(),
        Field::PagePathname => known(&page.pathname),
        Field::PageQueryString => page.query_string.as_deref(),
        _ => None,
    }
}

fn of_visit<'a>(visit: &'a Visit, field: &Field) -> Option<&'a str> {
    let device = visit.device.as_ref();
    let browser = visit.browser.as_ref();
    let campaign = visit.mkt_campaign.as_ref();
    let place = visit.geolocation.as_ref();
    let referrer = visit.referrer.as_ref();
    match field {
        Field::DeviceCategory => known(&device?.category),
        Field::DeviceType => device?.kind.as_deref(),
        Field::DeviceOsFamily => device?.os_family.as_deref(),
        Field::BrowserFamily => known(&browser?.family),
        Field::BrowserLang => browser?.lang.as_deref(),
        Field::BrowserVersion => browser?.version.as_deref(),
        Field::CampaignSource => campaign?.source.as_deref(),
        Field::CampaignMedium => campaign?.medium.as_deref(),
        Field::CampaignName => campaign?.name.as_deref(),
        Field::CampaignTerm => campaign?.term.as_deref(),
        Field::CampaignContent => campaign?.content.as_deref(),
        Field::CampaignClickId => campaign?.click_id.as_deref(),
        Field::CampaignNetwork => campaign?.network.as_deref(),
        Field::Country => place?.country.as_deref(),
        Field::CountryName => place?.country_name.as_deref(),
        Field::Locality => place?.locality.as_deref(),
        Field::Region => place?.region.as_deref(),
        Field::PostalCode => place?.postal_code.as_deref(),
        Field::IpOrganization => visit.ip_organization.as_deref(),
        Field::ReferrerUrl => known(&referrer?.url),
        Field::ReferrerMedium => known(&referrer?.medium),
        Field::ReferrerHostname => known(&referrer?.hostname),
        Field::Authenticated => Some(if visit.authenticated { "true" } else { "false" }),
        _ => None,
    }
}

/// A number that two visits share exactly if every context field is equal (64-bit FNV-1a, the same on every machine).
pub(crate) fn context_fingerprint(visit: &Visit, seed: i64) -> u64 {
    let mut hash = Fnv::default();
    hash.take(&seed.to_be_bytes());
    for field in &CONTEXT {
        match of_visit(visit, field) {
            None => hash.take(&[0xff]),
            Some(value) => {
                hash.take(value.as_bytes());
                hash.take(&[0xfe]);
            }
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
        web_event::{Attribute, Device},
    };

    use super::*;

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
        let value = |key: &str| Facts::Event(&event).value(&Field::parse(key).expect("a key"));
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
            context_fingerprint(
                &Visit {
                    device: Some(device),
                    ..Visit::default()
                },
                1,
            )
        };
        assert_ne!(with(None, None), with(Some(""), None));
        assert_ne!(with(Some("a"), None), with(None, Some("a")));
        assert_eq!(with(Some("a"), None), with(Some("a"), None));
    }
}
