//! From where a deployment's events may come.

use url::Url;

use super::host::{self, Authority, glob};

/// An allowed origin: `https://shop.example`, `shop.example`, `*.shop.example:8443`. Without a scheme every scheme, without
/// a port every port; `*` is any run of characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: Option<String>,
    host: String,
    port: Option<u16>,
    mistake: Option<&'static str>,
}

impl Origin {
    /// Reads an origin. Of one with a mistake no page is: what cannot be read allows nothing.
    pub fn new(written: &str) -> Origin {
        let written = written.trim();
        let (scheme, at) = match written.split_once("://") {
            Some((scheme, at)) => (Some(scheme.to_ascii_lowercase()), at),
            None => (None, written),
        };
        let at = at.strip_suffix('/').unwrap_or(at);
        let authority = Authority::read(at);
        let mistake = if at.contains(['/', '?', '#']) {
            Some(
                "is more than an origin: write scheme, host and port alone, as https://shop.example",
            )
        } else if at.is_empty() {
            Some("names no host: write one as https://shop.example")
        } else {
            authority.mistake
        };
        Origin {
            scheme,
            host: authority.host,
            port: authority.port,
            mistake,
        }
    }

    /// What is wrong with it, if anything is, and what would be right.
    pub fn mistake(&self) -> Option<&'static str> {
        self.mistake
    }

    /// Whether a page is of this origin.
    pub fn is_of(&self, page: &Url) -> bool {
        self.mistake.is_none()
            && self
                .scheme
                .as_deref()
                .is_none_or(|scheme| scheme == page.scheme())
            && self
                .port
                .is_none_or(|port| host::port_of(page) == Some(port))
            && glob(&self.host, &host::of(page))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(origin: &str, page: &str, expected: bool) {
        let read = Origin::new(origin);
        assert_eq!(read.mistake(), None, "{origin}");
        assert_eq!(
            read.is_of(&page.parse().expect("a URL")),
            expected,
            "{origin} {page}"
        );
    }

    #[test]
    fn an_origin_is_scheme_host_and_port_as_far_as_it_names_them() {
        check("https://shop.example", "https://shop.example/x?y", true);
        check("https://shop.example/", "https://shop.example./x", true);
        check("https://shop.example", "http://shop.example/", false);
        check("shop.example", "http://shop.example:8080/", true);
        check("shop.example", "https://www.shop.example/", false);
        check("*.shop.example", "https://www.shop.example/", true);
        check("*.shop.example", "https://notshop.example/", false);
        check("http://localhost:3000", "http://localhost:3000/", true);
        check("http://localhost:3000", "http://localhost:3001/", false);
        check(
            "https://größe.example",
            "https://xn--gre-6ka8i.example/",
            true,
        );
        check("shop.example", "file:///shop.example", false);
    }

    #[test]
    fn what_is_no_origin_is_a_mistake_and_allows_nothing() {
        for origin in [
            "https://shop.example/x",
            "",
            "https://",
            "sh op.example",
            "shop.example:x",
        ] {
            let read = Origin::new(origin);
            assert!(read.mistake().is_some(), "{origin}");
            assert!(
                !read.is_of(&"https://shop.example/x".parse().expect("a URL")),
                "{origin}"
            );
        }
    }
}
