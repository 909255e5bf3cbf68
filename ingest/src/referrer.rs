//! Where a visitor came from: medium, name and search words, from a table of our own (`referrers.tsv`).

use std::sync::Arc;

use journey::{
    Text,
    web_event::{MktCampaign, Referrer},
};
use url::Url;

use crate::{
    accepted::Rules,
    deployment::Sender,
    page::{self, Parts},
    query::{self, Click},
    scrub::Hits,
    site::{Class, Site},
};

mod table;

pub(crate) use table::BadLine;
use table::Known;
pub use table::Referrers;

/// What a referrer's address says, by a deployment's rules.
#[derive(Debug)]
pub(crate) struct Source {
    parts: Parts,
    known: Option<Known>,
    keywords: Option<Text>,
    hits: Hits,
    /// In the keywords.
    asked_hits: Hits,
}

impl Source {
    /// Takes a referrer apart; says beside whether it tells nothing of a visitor.
    fn new(url: Url, site: &Site, rules: &Rules<'_>) -> (Source, bool) {
        let (mut hits, mut asked_hits) = (Hits::default(), Hits::default());
        let names_nobody = page::names_nobody(&url);
        let url = cut_where_untold(url, site);
        let (host, domain) = (url.host_str().unwrap_or_default(), page::domain(&url));
        let known = rules.config.referrers.look_up(host, domain);
        let asked = query::without_excluded(url.query().unwrap_or_default(), site);
        let keywords = known.filter(|known| !known.parameters.is_empty());
        let keywords =
            keywords.and_then(|known| query::find(&asked, &known.parameters, &mut asked_hits));
        let parts = Parts::new(&url, domain, &asked, site, &mut hits);
        let nothing_found = hits == Hits::default() && asked_hits == Hits::default();
        let source = Source {
            parts,
            known: known.cloned(),
            keywords,
            hits,
            asked_hits,
        };
        (source, names_nobody && nothing_found)
    }
}

/// Reads a referrer. `page_domain` is where the visitor came to. What is no address (`about:blank`, `mailto:…`, text) tells nothing
/// and may hold anything: of it only a host is kept, if it begins with one.
pub(crate) fn read(
    text: &str,
    page_domain: &str,
    campaign: Option<&MktCampaign>,
    sender: &Sender<'_>,
    rules: &Rules<'_>,
    hits: &mut Hits,
) -> Option<Referrer> {
    let source = source(text, sender, rules)?;
    let parts = &source.parts;
    hits.add_all(source.hits);
    let internal = !parts.domain.is_empty() && parts.domain == page_domain;
    let (known, keywords) = if internal {
        (None, None)
    } else {
        hits.add_all(source.asked_hits);
        (source.known.as_ref(), source.keywords.clone())
    };
    let medium = match (campaign.and_then(medium_of), known) {
        _ if internal => rules.words.medium("internal"),
        (Some(medium), _) => rules.words.medium(medium),
        (None, Some(known)) if known.medium != "unknown" => known.medium.clone(),
        _ if campaign.and_then(query::click).is_some() => rules.words.medium("social"),
        _ => rules.words.medium("unknown"),
    };
    Some(Referrer {
        url: parts.url.clone(),
        domain: parts.domain.clone(),
        hostname: parts.hostname.clone(),
        keywords,
        pathname: parts.pathname.clone(),
        query_string: parts.query_string.clone(),
        fragment: parts.fragment.clone(),
        name: known.map(|known| known.name.clone()),
        medium,
    })
}

/// A referrer as a task met it lately, or taken apart now; `None` if it is no address.
fn source(text: &str, sender: &Sender<'_>, rules: &Rules<'_>) -> Option<Arc<Source>> {
    let mut lately = rules.lately.borrow_mut();
    let seen = lately.sources.read(sender.deployment_id, text, || {
        let url = address(text).ok_or(())?;
        Ok::<_, ()>(Source::new(url, sender.site, rules))
    });
    seen.ok()
}

/// The address that a referrer is, or that its host is.
fn address(text: &str) -> Option<Url> {
    match page::parse(text) {
        Ok(url) if url.has_host() => Some(url),
        Ok(url) if !url.cannot_be_a_base() => None,
        _ => {
            let host = text.split(['/', '?', '#']).next()?;
            let domain = host.split(':').next()?.to_ascii_lowercase();
            if !public_suffix::is_registrable(&domain) {
                return None;
            }
            let url = Url::parse(&format!("http://{host}/")).ok()?;
            url.username().is_empty().then_some(url)
        }
    }
}

/// A page that is blocked, or only counted, must not be told by the next one's referrer: of such a URL only the host stays.
fn cut_where_untold(mut url: Url, site: &Site) -> Url {
    if site.class(&url) >= Class::CountOnly {
        url.set_path("");
        url.set_query(None);
        url.set_fragment(None);
    }
    url
}

/// What a campaign says of how the visitor came: paid by an advertisement's click id or a paid medium, else e-mail or social by
/// its name. A click id that any link of a network may have says nothing of who paid for it.
fn medium_of(campaign: &MktCampaign) -> Option<&'static str> {
    if query::click(campaign) == Some(Click::Ad) {
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
mod tests;
