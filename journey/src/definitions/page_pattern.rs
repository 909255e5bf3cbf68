//! Which pages a pattern means. A page and a pattern are brought into one form before they are compared, so that no other
//! way of writing a page hides it from a pattern that blocks it; what can never be met in that form is a mistake.

use url::Url;

use super::host::{self, Authority, glob};
use crate::percent;

/// A page as patterns see it: host, path and query, decoded and in lower case, and the port beside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageName {
    text: String,
    query: usize,
    port: Option<u16>,
    /// The other page that a server makes of it which takes the escapes out first, and then goes by `..`.
    other: Option<Box<PageName>>,
}

impl PageName {
    /// The page at this address.
    pub fn new(url: &Url) -> PageName {
        let path = path(url.path());
        let other = resolved(&path).map(|resolved| Box::new(PageName::at(url, &resolved)));
        PageName {
            other,
            ..PageName::at(url, &path)
        }
    }

    fn at(url: &Url, path: &str) -> PageName {
        let mut text = host::of(url).into_owned();
        text.push_str(path);
        let end = text.len();
        if let Some(asked) = url.query() {
            text.push('?');
            text.push_str(&query(asked));
        }
        PageName {
            text,
            query: end,
            port: host::port_of(url),
            other: None,
        }
    }

    /// Host and path, and the query where there is one.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Without escapes, in lower case, and with single slashes, as servers take it.
fn path(written: &str) -> String {
    let mut plain = percent::decode(written, false).to_lowercase();
    while plain.contains("//") {
        plain = plain.replace("//", "/");
    }
    plain
}

/// A path that escapes kept from being resolved, resolved; `None` of one that has no `.` and no `..`.
fn resolved(path: &str) -> Option<String> {
    let parts = || path.split('/');
    if !parts().any(|part| matches!(part, "." | "..")) {
        return None;
    }
    let mut kept: Vec<&str> = Vec::new();
    for part in parts().skip(1) {
        match part {
            "." => {}
            ".." => _ = kept.pop(),
            part => kept.push(part),
        }
    }
    Some(format!("/{}", kept.join("/")))
}

fn query(written: &str) -> String {
    percent::decode(written, true).to_lowercase()
}

/// A pattern over host and path, as `shop.example/account/*`: `*` is any run of characters, case and encoding do not count,
/// a pattern without a path is the whole host, one without a port every port, and the query counts only where the pattern
/// has a `?`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PagePattern {
    text: String,
    port: Option<u16>,
    asks_query: bool,
    mistake: Option<&'static str>,
}

impl PagePattern {
    /// Reads a pattern. One with a mistake means as much as can be read of it.
    pub fn new(written: &str) -> PagePattern {
        let written = written.trim().replace('\\', "/");
        let parts = Parts::of(&written);
        let mut authority = Authority::read(parts.at);
        if parts.at.is_empty() {
            authority.host.push('*');
        }
        let mut text = authority.host;
        text.push_str(&path(match parts.path {
            "" if parts.query.is_some() && !text.ends_with('*') => "/",
            "" if !text.ends_with('*') => "/*",
            path => path,
        }));
        if let Some(asked) = parts.query {
            text.push('?');
            text.push_str(&query(asked));
        }
        PagePattern {
            text,
            port: authority.port,
            asks_query: parts.query.is_some(),
            mistake: parts.mistake().or(authority.mistake),
        }
    }

    /// Why no page can ever meet it, if none can, and what would be right.
    pub fn mistake(&self) -> Option<&'static str> {
        self.mistake
    }

    /// Whether the page is one of those that it means.
    pub fn meets(&self, page: &PageName) -> bool {
        if self.port.is_some_and(|port| page.port != Some(port)) {
            return false;
        }
        let text = if self.asks_query {
            &page.text[..]
        } else {
            &page.text[..page.query]
        };
        glob(&self.text, text) || page.other.as_deref().is_some_and(|other| self.meets(other))
    }
}

/// A pattern, taken apart as it is written.
struct Parts<'p> {
    scheme: Option<&'p str>,
    at: &'p str,
    path: &'p str,
    query: Option<&'p str>,
    fragment: Option<&'p str>,
}

impl<'p> Parts<'p> {
    fn of(written: &'p str) -> Parts<'p> {
        let (scheme, bare) = match written.split_once("://") {
            Some((scheme, bare)) => (Some(scheme), bare),
            None => (None, written),
        };
        let (bare, fragment) = cut(bare, '#');
        let (at, rest) = bare.split_at(bare.find(['/', '?']).unwrap_or(bare.len()));
        let (path, query) = cut(rest, '?');
        Parts {
            scheme,
            at,
            path,
            query,
            fragment,
        }
    }

    fn mistake(&self) -> Option<&'static str> {
        if self.scheme.is_some() {
            Some("is host and path without a scheme, as shop.example/account/*")
        } else if self.fragment.is_some() {
            Some("has a fragment (#…), which is never compared: leave it out")
        } else if self.at.is_empty() {
            Some(
                "begins with a path: say whose, as shop.example/account/*, or */account/* for any host",
            )
        } else if self.path.split('/').any(|part| matches!(part, "." | "..")) {
            Some(
                "has . or .. in its path, which no page's address has: write the path that they lead to",
            )
        } else {
            None
        }
    }
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests;
