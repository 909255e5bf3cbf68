//! The simulated sites: their pages, what people search for and where they come from.

use journey::{Text, definitions::ConsentMode};

/// A site under one deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// The deployment, as events name it.
    pub deployment_id: Text,
    /// The host of its pages.
    pub host: Text,
    /// What is on it.
    pub kind: SiteKind,
    /// On what basis its visitors are tracked; decides what becomes of a refusal.
    pub consent: ConsentMode,
    /// Its share of the visitors, by weight.
    pub weight: f64,
    /// Whether a definition knows it.
    pub registered: bool,
}

/// What is on a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteKind {
    /// Goods, prices, a cart, accounts.
    Shop,
    /// Articles and a newsletter.
    Blog,
    /// A terminal in a store: a few screens, no campaigns.
    Kiosk,
}

impl Site {
    /// The three sites that `footfall/definitions` speaks of.
    pub fn demo() -> Vec<Site> {
        let site = |id: &str, kind, consent, weight| Site {
            deployment_id: Text::from(id),
            host: Text::from(format!("{id}.example")),
            kind,
            consent,
            weight,
            registered: true,
        };
        vec![
            site("shop", SiteKind::Shop, ConsentMode::Required, 0.7),
            site("blog", SiteKind::Blog, ConsentMode::Implied, 0.2),
            site("kiosk", SiteKind::Kiosk, ConsentMode::NotNeeded, 0.1),
        ]
    }

    /// A site whose owner never registered its snippet.
    pub(crate) fn unknown() -> Site {
        Site {
            deployment_id: "old-site".into(),
            host: "old-shop.example".into(),
            kind: SiteKind::Shop,
            consent: ConsentMode::Required,
            weight: 0.0,
            registered: false,
        }
    }
}

/// A page of any of the sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Page {
    Home,
    Category(u8),
    Product(u8),
    Search(u8),
    Pricing,
    Docs(u8),
    Cart,
    Checkout,
    Thanks,
    Account(u8),
    Health(u8),
    Admin,
    Contact,
    Newsletter,
    Article(u8),
    Screen(u8),
}

pub(crate) const CATEGORIES: [&str; 6] = ["chairs", "desks", "lamps", "shelves", "rugs", "garden"];
pub(crate) const PRODUCTS: u8 = 60;
pub(crate) const DOCS: [&str; 8] = [
    "getting-started",
    "assembly",
    "delivery",
    "returns",
    "warranty",
    "care",
    "api",
    "faq",
];
pub(crate) const ACCOUNT: [&str; 4] = ["orders", "settings", "addresses", "payment"];
pub(crate) const HEALTH: [&str; 4] = ["back-pain", "posture", "allergies", "sleep"];
pub(crate) const SCREENS: [&str; 6] = ["welcome", "map", "offers", "stock", "loyalty", "goodbye"];
pub(crate) const ARTICLES: u8 = 40;
pub(crate) const SEARCHES: [&str; 12] = [
    "oak desk",
    "standing desk",
    "reading lamp",
    "office chair",
    "delivery time",
    "rug 200x300",
    "bookshelf white",
    "garden table",
    "discount",
    "spare parts",
    "lampe für flur",
    "50% off \"sale\"",
];
const ADJECTIVES: [&str; 10] = [
    "nordic", "plain", "folding", "walnut", "slim", "tall", "linen", "steel", "round", "quiet",
];

impl Page {
    /// The URL's path.
    pub(crate) fn path(self) -> String {
        let of = |list: &[&str], at: u8| list[usize::from(at) % list.len()].to_owned();
        match self {
            Page::Home => "/".to_owned(),
            Page::Category(at) => format!("/c/{}", of(&CATEGORIES, at)),
            Page::Product(at) => format!(
                "/products/{}-{}-{at}",
                of(&ADJECTIVES, at / 6),
                of(&CATEGORIES, at)
            ),
            Page::Search(_) => "/search".to_owned(),
            Page::Pricing => "/pricing".to_owned(),
            Page::Docs(at) => format!("/docs/{}", of(&DOCS, at)),
            Page::Cart => "/cart".to_owned(),
            Page::Checkout => "/checkout".to_owned(),
            Page::Thanks => "/checkout/thanks".to_owned(),
            Page::Account(at) => format!("/account/{}", of(&ACCOUNT, at)),
            Page::Health(at) => format!("/health/{}", of(&HEALTH, at)),
            Page::Admin => "/admin/orders".to_owned(),
            Page::Contact => "/contact".to_owned(),
            Page::Newsletter => "/newsletter".to_owned(),
            Page::Article(at) => {
                format!(
                    "/articles/2026/{:02}/{}-{}",
                    at % 12 + 1,
                    of(&ADJECTIVES, at),
                    of(&CATEGORIES, at)
                )
            }
            Page::Screen(at) => format!("/screen/{}", of(&SCREENS, at)),
        }
    }

    /// The URL's query, without `?`.
    pub(crate) fn query(self) -> Option<String> {
        match self {
            Page::Search(at) => Some(format!(
                "q={}",
                encode(SEARCHES[usize::from(at) % SEARCHES.len()])
            )),
            Page::Category(at) if at % 3 == 0 => Some("sort=price&page=2".to_owned()),
            _ => None,
        }
    }

    /// What the window's title says.
    pub(crate) fn title(self) -> String {
        let path = self.path();
        let last = path.rsplit('/').next().unwrap_or("");
        if last.is_empty() {
            "Home".to_owned()
        } else {
            last.replace('-', " ")
        }
    }
}

/// Percent-encodes what a query may not hold.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte))
            }
            b' ' => encoded.push('+'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Where a visit comes from: what its first page's URL and referrer say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    /// The referrer's URL.
    pub(crate) referrer: Option<&'static str>,
    /// The campaign's parameters; `$` stands for a click id.
    pub(crate) query: Option<&'static str>,
    /// How often.
    pub(crate) weight: f64,
}

const fn source(
    referrer: Option<&'static str>,
    query: Option<&'static str>,
    weight: f64,
) -> Source {
    Source {
        referrer,
        query,
        weight,
    }
}

/// All sources; those with a query are campaigns.
pub(crate) const SOURCES: [Source; 10] = [
    source(None, None, 30.0),
    source(Some("https://www.google.com/"), None, 22.0),
    source(Some("https://www.bing.com/search?q=oak+desk"), None, 4.0),
    source(Some("https://duckduckgo.com/"), None, 3.0),
    source(
        Some("https://de.wikipedia.org/wiki/Schreibtisch"),
        None,
        2.0,
    ),
    source(
        Some("https://www.google.com/"),
        Some("utm_source=google&utm_medium=cpc&utm_campaign=autumn-sale&utm_term=oak+desk&gclid=$"),
        14.0,
    ),
    source(
        Some("https://l.facebook.com/l.php"),
        Some(
            "utm_source=facebook&utm_medium=paid_social&utm_campaign=lookalike&utm_content=carousel&fbclid=$",
        ),
        9.0,
    ),
    source(
        Some("https://chatgpt.com/"),
        Some("utm_source=chatgpt.com"),
        5.0,
    ),
    source(
        None,
        Some("utm_source=newsletter&utm_medium=email&utm_campaign=2026-11-weekly"),
        8.0,
    ),
    source(
        Some("https://partner.example/blog/desks"),
        Some("utm_source=partner&utm_medium=referral"),
        3.0,
    ),
];
