//! Where a visitor came from: medium, name and search words, from a table of our own (`referrers.tsv`).

use std::{collections::HashMap, sync::OnceLock};

use journey::{
    Text,
    web_event::{MktCampaign, Referrer},
};
use url::Url;

use crate::{
    page::{self, Parts},
    query,
    scrub::{Form, Hits, scrub},
    site::{Class, Site},
};

/// Host, medium, name, search parameters. A host stands for all below it; `google.*` for `google` under any public suffix.
const TABLE: &str = include_str!("referrers.tsv");

/// What the table says of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    medium: &'static str,
    name: &'static str,
    parameters: &'static str,
}

fn table() -> &'static HashMap<&'static str, Known> {
    static KNOWN: OnceLock<HashMap<&'static str, Known>> = OnceLock::new();
    KNOWN.get_or_init(|| TABLE.lines().filter_map(parse_line).collect())
}

fn parse_line(line: &'static str) -> Option<(&'static str, Known)> {
    let line = line.split('#').next()?;
    let mut columns = line.split('\t').map(str::trim);
    let host = columns.next().filter(|host| !host.is_empty())?;
    let (medium, name) = (columns.next()?, columns.next()?);
    Some((
        host,
        Known {
            medium,
            name,
            parameters: columns.next().unwrap_or_default(),
        },
    ))
}

/// Looks a host up: itself, then every name above it down to the registrable domain, then that domain under any suffix.
fn look_up(host: &str, domain: &str) -> Option<Known> {
    let mut name = host;
    loop {
        if let Some(known) = table().get(name) {
            return Some(*known);
        }
        if name.len() <= domain.len() {
            break;
        }
        name = name.split_once('.')?.1;
    }
    let (label, _) = domain.split_once('.')?;
    table().get(format!("{label}.*").as_str()).copied()
}

/// Reads a referrer's URL. `page` is where the visitor came to.
pub(crate) fn read(
    text: &str,
    page: &Url,
    campaign: Option<&MktCampaign>,
    site: &Site,
    hits: &mut Hits,
) -> Referrer {
    let Ok(url) = Url::parse(text) else {
        return Referrer {
            url: Text::from(&*scrub(text, Form::Url, hits)),
            medium: Text::from("unknown"),
            ..Referrer::default()
        };
    };
    let url = cut_where_blocked(url, site);
    let (host, domain) = (url.host_str().unwrap_or_default(), page::domain(&url));
    let internal = !domain.is_empty() && domain == page::domain(page);
    let known = if internal {
        None
    } else {
        look_up(host, domain)
    };
    let medium = match known {
        _ if internal => "internal",
        known => campaign
            .and_then(medium_of)
            .or(known.map(|known| known.medium))
            .unwrap_or("unknown"),
    };
    let asked = url.query().unwrap_or_default();
    let keywords = known.filter(|known| !known.parameters.is_empty());
    let keywords = keywords.and_then(|known| query::find(asked, known.parameters));
    let keywords = keywords.map(|words| Text::from(&*scrub(&words, Form::Plain, hits)));
    let parts = Parts::new(&url, &query::without_excluded(asked, site), site, hits);
    Referrer {
        url: parts.url,
        domain: parts.domain,
        hostname: parts.hostname,
        keywords,
        pathname: parts.pathname,
        query_string: parts.query_string,
        fragment: parts.fragment,
        name: known.map(|known| Text::from(known.name)),
        medium: Text::from(medium),
    }
}

/// A page that is blocked must not be told by the next one's referrer: of such a URL only the host stays.
fn cut_where_blocked(mut url: Url, site: &Site) -> Url {
    if site.class(&url) == Class::Block {
        url.set_path("");
        url.set_query(None);
        url.set_fragment(None);
    }
    url
}

/// What a campaign says of how the visitor came: paid by a click id or a paid medium, else e-mail or social by its name.
fn medium_of(campaign: &MktCampaign) -> Option<&'static str> {
    if campaign.click_id.is_some() {
        return Some("paid");
    }
    let medium = campaign.medium.as_ref()?.to_ascii_lowercase();
    match medium.as_str() {
        "cpc" | "ppc" | "cpm" | "cpv" | "cpa" | "cpp" | "display" | "banner" | "retargeting" => {
            Some("paid")
        }
        medium if medium.starts_with("paid") => Some("paid"),
        "email" | "e-mail" | "newsletter" => Some("email"),
        "social" | "social-media" | "social_media" => Some("social"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use journey::definitions::{Definition, DefinitionSet, Deployment, PageClass};

    use super::*;
    use crate::site::Sites;

    fn classify(referrer: &str, page: &str) -> Referrer {
        let deployment = Deployment {
            id: Text::from("shop"),
            ..Deployment::default()
        };
        let class = PageClass {
            id: Text::from("secret"),
            version: 1,
            deployment_id: None,
            patterns: vec![Text::from("shop.example/secret/*")],
            class: Text::from("block"),
        };
        let definitions = [
            Definition::Deployment(deployment),
            Definition::PageClass(class),
        ];
        let sites = Sites::new(
            &DefinitionSet::new(1, Default::default(), definitions),
            false,
            1,
        );
        let site = sites.get("shop").expect("known");
        let page: Url = page.parse().expect("a URL");
        let mut hits = Hits::default();
        let query = query::Query::read(page.query().unwrap_or_default(), site, &mut hits);
        read(referrer, &page, query.campaign.as_ref(), site, &mut hits)
    }

    #[track_caller]
    fn check(referrer: &str, page: &str, medium: &str, name: Option<&str>, keywords: Option<&str>) {
        let got = classify(referrer, page);
        assert_eq!(got.medium, medium, "{referrer}");
        assert_eq!(got.name.as_deref(), name, "{referrer}");
        assert_eq!(got.keywords.as_deref(), keywords, "{referrer}");
    }

    const HOME: &str = "https://www.shop.example/";

    #[test]
    fn a_page_of_the_same_domain_is_internal() {
        check("https://blog.shop.example/x", HOME, "internal", None, None);
        check(
            "https://shop.example/",
            "https://www.shop.example/?utm_medium=cpc",
            "internal",
            None,
            None,
        );
    }

    #[test]
    fn search_engines_are_known_under_every_suffix_with_their_search_words() {
        check(
            "https://www.google.com/search?q=red+shoes",
            HOME,
            "search",
            Some("Google"),
            Some("red shoes"),
        );
        check(
            "http://www.google.co.uk/",
            HOME,
            "search",
            Some("Google"),
            None,
        );
        check(
            "https://www.bing.com/search?q=shoes",
            HOME,
            "search",
            Some("Bing"),
            Some("shoes"),
        );
        check(
            "http://www.baidu.com/s?wd=x",
            HOME,
            "search",
            Some("Baidu"),
            Some("x"),
        );
        check(
            "https://www.google.com/?q=jane%40example.com",
            HOME,
            "search",
            Some("Google"),
            Some("[email]"),
        );
    }

    #[test]
    fn the_longest_name_of_the_table_stands() {
        check(
            "https://mail.google.com/mail/u/0",
            HOME,
            "email",
            Some("Gmail"),
            None,
        );
        check(
            "https://gemini.google.com/app",
            HOME,
            "ai",
            Some("Gemini"),
            None,
        );
        check(
            "android-app://com.google.android.gm/",
            HOME,
            "email",
            Some("Gmail"),
            None,
        );
    }

    #[test]
    fn social_networks_assistants_and_strangers() {
        check(
            "https://l.facebook.com/l.php?u=x",
            HOME,
            "social",
            Some("Facebook"),
            None,
        );
        check("https://t.co/abc", HOME, "social", Some("X"), None);
        check("https://chatgpt.com/", HOME, "ai", Some("ChatGPT"), None);
        check("https://claude.ai/chat/1", HOME, "ai", Some("Claude"), None);
        check(
            "https://stranger.example.org/post",
            HOME,
            "unknown",
            None,
            None,
        );
        check("not a url", HOME, "unknown", None, None);
    }

    #[test]
    fn a_campaign_says_more_than_the_host() {
        let page = |query: &str| format!("https://www.shop.example/?{query}");
        check(
            "https://www.google.com/",
            &page("gclid=x"),
            "paid",
            Some("Google"),
            None,
        );
        check(
            "https://www.google.com/",
            &page("utm_medium=PPC"),
            "paid",
            Some("Google"),
            None,
        );
        check(
            "https://www.facebook.com/",
            &page("utm_medium=paid_social"),
            "paid",
            Some("Facebook"),
            None,
        );
        check(
            "https://stranger.example.org/",
            &page("utm_medium=email"),
            "email",
            None,
            None,
        );
        check(
            "https://www.google.com/",
            &page("utm_medium=organic"),
            "search",
            Some("Google"),
            None,
        );
    }

    #[test]
    fn a_blocked_page_is_not_told_by_the_next_ones_referrer() {
        let referrer = classify("https://shop.example/secret/disease?x=1#y", HOME);
        assert_eq!(referrer.url, "https://shop.example/");
        assert_eq!(referrer.pathname, "/");
        assert_eq!(referrer.query_string, None);
    }

    #[test]
    fn every_line_of_the_table_can_be_met() {
        let media = ["search", "social", "email", "ai"];
        assert!(table().len() >= 100, "{}", table().len());
        assert_eq!(
            table().len(),
            TABLE.lines().filter_map(parse_line).count(),
            "a host stands twice"
        );
        for (host, known) in table().iter().collect::<std::collections::BTreeMap<_, _>>() {
            assert!(media.contains(&known.medium), "{host}");
            let url: Url = format!("https://{}/", host.replace('*', "com"))
                .parse()
                .expect("a URL");
            assert_eq!(
                look_up(url.host_str().expect("a host"), page::domain(&url)),
                Some(*known),
                "{host}"
            );
        }
    }
}
