//! A page's URL in the parts that Genesys names, scrubbed, without what the deployment does not want kept.

use std::sync::Arc;

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
        let search = query
            .search
            .map(|text| Text::from(&*scrub(&text, Form::Plain, hits)));
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
        (page, query.campaign, search)
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
    let mut tidy = |name, scalar| -> Result<Option<Text>, Flaw> {
        let text = field::text(name, scalar, limits.text_bytes)?;
        Ok(text.map(|text| Text::from(&*scrub(text, Form::Plain, hits))))
    };
    let title = tidy("page.title", &raw.title)?;
    let keywords = tidy("page.keywords", &raw.keywords)?;
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
        let hostname = &*scrub(host, Form::Url, hits);
        let domain = if hostname == host { domain } else { hostname };
        let path = scrub(url.path(), Form::Url, hits);
        let query = scrub(kept_query, Form::Url, hits);
        let fragment = url
            .fragment()
            .filter(|fragment| site.keep_fragment && !fragment.is_empty());
        let fragment = fragment.map(|fragment| query::fragment_without_excluded(fragment, site));
        let fragment = fragment
            .as_deref()
            .map(|fragment| scrub(fragment, Form::Url, hits))
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
mod tests {
    use journey::definitions::{Definition, DefinitionSet, Deployment};

    use super::*;
    use crate::site::Sites;

    fn read_page(address: &str, keep_fragment: bool) -> Result<Visited, Flaw> {
        let deployment = Deployment {
            id: Text::from("shop"),
            should_keep_url_fragment: keep_fragment,
            excluded_query_parameters: vec![Text::from("token")],
            ..Deployment::default()
        };
        let set = DefinitionSet::new(1, Default::default(), [Definition::Deployment(deployment)]);
        let sites = Sites::new(&set, false, 1);
        let site = sites.get("shop").expect("known");
        let raw = RawPage {
            url: Scalar::Text(address.into()),
            present: true,
            ..RawPage::default()
        };
        let limits = Limits::default();
        let place = Place::new(url(super::address(&raw, &limits)?)?, site)?;
        read(&raw, &place, &limits, &mut Hits::default())
    }

    /// Expected: url, domain, hostname, path, query, breadcrumb.
    #[track_caller]
    fn check(address: &str, expected: [&str; 6]) {
        let page = read_page(address, false).expect("a page").page;
        let query = page.query_string.unwrap_or_default();
        let crumbs = page
            .breadcrumb
            .iter()
            .map(|part| part.as_str())
            .collect::<Vec<_>>()
            .join(">");
        let got = [
            &*page.url,
            &*page.domain,
            &*page.hostname,
            &*page.pathname,
            &*query,
            &*crumbs,
        ];
        assert_eq!(got, expected);
        assert_eq!(page.fragment, None);
    }

    #[test]
    fn an_address_that_is_read_again_is_the_same() {
        for address in [
            "file://file///C:/x",
            "file://h//C|/x",
            "file:///C:/x",
            "https://shop.example/C:/x",
        ] {
            let once = parse(address).expect("an address");
            assert_eq!(parse(once.as_str()), Ok(once), "{address}");
        }
        check(
            "file://file///C:/a/b",
            ["file:///C:/a/b", "", "", "/C:/a/b", "", "C:>a>b"],
        );
    }

    #[test]
    fn a_url_is_taken_apart() {
        check(
            "HTTPS://www.Shop.co.uk:8443/men/shoes/?size=42#top",
            [
                "https://www.shop.co.uk:8443/men/shoes/?size=42",
                "shop.co.uk",
                "www.shop.co.uk",
                "/men/shoes/",
                "size=42",
                "men>shoes",
            ],
        );
        check(
            "http://shop.example",
            [
                "http://shop.example/",
                "shop.example",
                "shop.example",
                "/",
                "",
                "",
            ],
        );
    }

    #[test]
    fn a_host_without_a_registrable_domain_is_its_own() {
        check(
            "http://localhost:3000/x",
            [
                "http://localhost:3000/x",
                "localhost",
                "localhost",
                "/x",
                "",
                "x",
            ],
        );
        check(
            "http://10.0.0.1/",
            ["http://10.0.0.1/", "10.0.0.1", "10.0.0.1", "/", "", ""],
        );
        check(
            "http://[::1]/",
            ["http://[::1]/", "[::1]", "[::1]", "/", "", ""],
        );
        check(
            "file:///android_asset/a.html",
            [
                "file:///android_asset/a.html",
                "",
                "",
                "/android_asset/a.html",
                "",
                "android_asset>a.html",
            ],
        );
    }

    #[test]
    fn users_passwords_and_personal_data_are_dropped() {
        check(
            "https://jane:secret@shop.example/u/jane@example.com?m=jane%40example.com&token=t",
            [
                "https://shop.example/u/[email]?m=[email]",
                "shop.example",
                "shop.example",
                "/u/[email]",
                "m=[email]",
                "u>[email]",
            ],
        );
    }

    #[test]
    fn a_fragment_is_kept_where_the_deployment_says_so() {
        let page = read_page("https://shop.example/#/cart", true)
            .expect("a page")
            .page;
        assert_eq!(page.fragment.as_deref(), Some("/cart"));
        assert_eq!(page.url, "https://shop.example/#/cart");
    }

    #[test]
    fn an_excluded_parameter_is_not_kept_in_a_fragment_either() {
        for (fragment, kept) in [
            ("/cart?Token=hunter2&step=2", Some("/cart?step=2")),
            ("/cart?token=hunter2", Some("/cart")),
            ("token=hunter2&x=1", Some("x=1")),
            ("token=hunter2", None),
            ("/cart", Some("/cart")),
        ] {
            let page = read_page(&format!("https://shop.example/#{fragment}"), true);
            let page = page.expect("a page").page;
            assert_eq!(page.fragment.as_deref(), kept, "{fragment}");
            assert!(!page.url.contains("hunter2"), "{fragment}");
        }
    }

    #[test]
    fn what_is_no_address_of_a_page_is_refused() {
        let long = format!("https://shop.example/{}", "x".repeat(2048));
        for (address, expected) in [
            ("/cart", RejectReason::InvalidUrl),
            ("https://", RejectReason::InvalidUrl),
            ("javascript:alert(1)", RejectReason::InvalidUrl),
            ("", RejectReason::MissingPage),
            (&*long, RejectReason::UrlTooLong),
        ] {
            match read_page(address, false) {
                Err(Flaw::Rejected(reason, _)) => assert_eq!(reason, expected, "{address}"),
                other => panic!("{address}: {other:?}"),
            }
        }
    }
}
