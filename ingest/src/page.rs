//! A page's URL in the parts that Genesys names, scrubbed, without what the deployment does not want kept.

use std::{borrow::Cow, sync::Arc};

use journey::{
    Text,
    web_event::{MktCampaign, Page},
};
use url::{Host, Url};

use crate::{
    accepted::Rules,
    config::Limits,
    deployment::Sender,
    field,
    json::Scalar,
    language,
    query::{self, Query},
    raw::RawPage,
    reason::{Flaw, RejectReason, SuppressReason},
    said::Said,
    scrub::{Form, Hits, scrub},
    site::{Class, Site},
};

/// What a page's address says, by a deployment's rules.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) url: Url,
    pub(crate) class: Class,
    /// Without what the event says of it beside.
    page: Page,
    campaign: Option<MktCampaign>,
    search: Option<Text>,
    hits: Hits,
}

/// A page with what its query says.
#[derive(Debug)]
pub(crate) struct Visited {
    pub(crate) page: Page,
    pub(crate) campaign: Option<MktCampaign>,
    pub(crate) search: Option<Text>,
}

impl Place {
    /// Takes an address apart, unless its page is blocked.
    pub(crate) fn new(url: Url, site: &Site) -> Result<Place, Flaw> {
        let class = site.class(&url);
        if class == Class::Block {
            return Err(SuppressReason::PageBlocked.into());
        }
        let mut hits = Hits::default();
        let (page, campaign, search) = Place::parts(&url, site, &mut hits);
        Ok(Place {
            url,
            class,
            page,
            campaign,
            search,
            hits,
        })
    }

    fn parts(url: &Url, site: &Site, hits: &mut Hits) -> (Page, Option<MktCampaign>, Option<Text>) {
        let query = Query::read(url.query().unwrap_or_default(), site, hits);
        let parts = Parts::new(url, domain(url), &query.kept, site, hits);
        let crumbs = parts.pathname.split('/').filter(|part| !part.is_empty());
        let page = Page {
            breadcrumb: crumbs.map(Text::from).collect(),
            url: parts.url,
            domain: parts.domain,
            fragment: parts.fragment,
            hostname: parts.hostname,
            pathname: parts.pathname,
            query_string: parts.query_string,
            ..Page::default()
        };
        (page, query.campaign, query.search)
    }

    /// Whether it tells nothing of a visitor.
    fn may_be_kept(&self) -> bool {
        self.hits == Hits::default() && names_nobody(&self.url)
    }
}

/// Whether an address holds neither a user's name nor a password.
pub(crate) fn names_nobody(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}

/// The place of a page's URL, as a task met it lately or taken apart now.
pub(crate) fn place(
    raw: &RawPage<'_>,
    sender: &Sender<'_>,
    rules: &Rules<'_>,
) -> Result<Arc<Place>, Flaw> {
    let text = address(raw, &rules.config.limits).map_err(|flaw| {
        // What is blocked leaves a count, however long it is.
        let blocked = is_blocked(raw, sender.site);
        if blocked {
            SuppressReason::PageBlocked.into()
        } else {
            flaw
        }
    })?;
    let mut lately = rules.lately.borrow_mut();
    lately.pages.read(sender.deployment_id, text, || {
        let place = Place::new(url(text)?, sender.site)?;
        let may_be_kept = place.may_be_kept();
        Ok::<_, Flaw>((place, may_be_kept))
    })
}

/// Whether a page whose URL is against a rule is one that is blocked.
fn is_blocked(raw: &RawPage<'_>, site: &Site) -> bool {
    let Scalar::Text(text) = &raw.url else {
        return false;
    };
    parse(text).is_ok_and(|url| site.class(&url) == Class::Block)
}

/// A page's URL, as it came.
fn address<'r>(raw: &'r RawPage<'_>, limits: &Limits) -> Result<&'r str, Flaw> {
    field::expect("page", raw.wrong, "an object")?;
    let missing = |what: &str| Flaw::new(RejectReason::MissingPage, format!("`{what}` is missing"));
    if !raw.present {
        return Err(missing("page"));
    }
    let text = field::text_within(
        "page.url",
        &raw.url,
        limits.url_bytes,
        RejectReason::UrlTooLong,
    )?;
    text.ok_or_else(|| missing("page.url"))
}

/// An address as it stays when what is kept of it is read again. Of `file:` with a drive letter the first reading may leave a
/// host that the next takes away.
pub(crate) fn parse(address: &str) -> Result<Url, url::ParseError> {
    let url = Url::parse(address)?;
    match url.scheme() {
        "file" => Url::parse(url.as_str()),
        _ => Ok(url),
    }
}

/// A page's URL, checked.
fn url(text: &str) -> Result<Url, Flaw> {
    let invalid = |what: &str| Flaw::new(RejectReason::InvalidUrl, format!("`page.url` {what}"));
    let url = parse(text).map_err(|e| invalid(&format!("is no absolute URL: {e}")))?;
    if url.cannot_be_a_base() {
        return Err(invalid("is no address of a page"));
    }
    Ok(url)
}

/// A page: its place, and what the event says of it beside.
pub(crate) fn read(
    raw: &RawPage<'_>,
    place: &Place,
    limits: &Limits,
    hits: &mut Hits,
) -> Result<Visited, Flaw> {
    hits.add_all(place.hits);
    let mut said = Said {
        most: limits.text_bytes,
        hits,
    };
    let title = said.text("page.title", &raw.title)?;
    let keywords = said.text("page.keywords", &raw.keywords)?;
    let lang = field::text("page.lang", &raw.lang, limits.text_bytes)?;
    let lang = lang.and_then(language::normalised);
    Ok(Visited {
        page: Page {
            title,
            keywords,
            lang: lang.map(|lang| Text::from(&*lang)),
            ..place.page.clone()
        },
        campaign: place.campaign.clone(),
        search: place.search.clone(),
    })
}

/// A URL's parts, scrubbed: no user and password, and a fragment only where the deployment keeps it.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) url: Text,
    pub(crate) hostname: Text,
    pub(crate) domain: Text,
    pub(crate) pathname: Text,
    pub(crate) query_string: Option<Text>,
    pub(crate) fragment: Option<Text>,
}

impl Parts {
    pub(crate) fn new(
        url: &Url,
        domain: &str,
        kept_query: &str,
        site: &Site,
        hits: &mut Hits,
    ) -> Parts {
        let host = url.host_str().unwrap_or_default();
        let hostname = &*scrubbed_host(url, hits);
        let domain = if hostname == host { domain } else { hostname };
        let path = scrub(url.path(), Form::Path, hits);
        let query = scrub(kept_query, Form::Query, hits);
        let fragment = url
            .fragment()
            .filter(|fragment| site.keep_fragment && !fragment.is_empty());
        let fragment = fragment.map(|fragment| query::fragment_without_excluded(fragment, site));
        let fragment = fragment
            .as_deref()
            .map(|fragment| scrub(fragment, Form::Path, hits))
            .filter(|fragment| !fragment.is_empty());
        let mut whole = String::with_capacity(url.as_str().len() + 16);
        whole.push_str(url.scheme());
        whole.push_str("://");
        whole.push_str(hostname);
        if let Some(port) = url.port() {
            whole.push(':');
            whole.push_str(&port.to_string());
        }
        whole.push_str(&path);
        if !query.is_empty() {
            whole.push('?');
            whole.push_str(&query);
        }
        if let Some(fragment) = &fragment {
            whole.push('#');
            whole.push_str(fragment);
        }
        Parts {
            url: Text::from(whole),
            hostname: Text::from(hostname),
            domain: Text::from(domain),
            pathname: Text::from(&*path),
            query_string: (!query.is_empty()).then(|| Text::from(&*query)),
            fragment: fragment.map(|fragment| Text::from(&*fragment)),
        }
    }
}

/// The host as it stays. In brackets stands an IPv6 address and nothing else, so what is cut out of a host is named without them:
/// it must stay a host, or the page's address would be none.
fn scrubbed_host<'u>(url: &'u Url, hits: &mut Hits) -> Cow<'u, str> {
    let host = url.host_str().unwrap_or_default();
    if matches!(url.host(), Some(Host::Ipv6(_))) {
        return Cow::Borrowed(host);
    }
    match scrub(host, Form::Path, hits) {
        Cow::Owned(cut) => Cow::Owned(cut.replace(['[', ']'], "")),
        whole => whole,
    }
}

/// The registrable domain; of an address or a name without one, the host itself.
pub(crate) fn domain(url: &Url) -> &str {
    let host = url.host_str().unwrap_or_default();
    match url.host() {
        Some(Host::Domain(name)) => {
            public_suffix::registrable(name.trim_end_matches('.')).unwrap_or(host)
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests;
