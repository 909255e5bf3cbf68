//! Hosts, written in one way, however a URL or a definition writes them: in Unicode and lower case, without the dot at the
//! end, addresses as browsers write them. Whatever compares hosts compares these.

use std::borrow::Cow;

use url::{Host, Url};

use crate::percent;

/// The host of a page; empty where it has none.
pub(super) fn of(url: &Url) -> Cow<'_, str> {
    match url.host() {
        Some(Host::Domain(name)) => readable(name),
        Some(address) => Cow::Owned(address.to_string()),
        None => Cow::Borrowed(""),
    }
}

/// The port that a page is at, the scheme's own if it names none.
pub(super) fn port_of(url: &Url) -> Option<u16> {
    url.port_or_known_default()
}

/// What a definition says of where a page is: a host with `*` for any run of characters, and a port where one is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authority {
    pub(super) host: String,
    pub(super) port: Option<u16>,
    /// Why it can never be met, if it cannot.
    pub(super) mistake: Option<&'static str>,
}

impl Authority {
    /// Reads what stands before the path. What is wrong with it is said, and the rest read all the same.
    pub(super) fn read(written: &str) -> Authority {
        let mut mistake = None;
        let mut host = written;
        if let Some((_, after)) = host.rsplit_once('@') {
            mistake =
                Some("names a user, which no page's host has: remove what stands before the @");
            host = after;
        }
        let (name, port) = split_port(host);
        let port = match port {
            None | Some("" | "*") => None,
            Some(port) => {
                let number: Option<u16> = port.parse().ok();
                if number.is_none() {
                    mistake = Some("has a port that is none: write one as localhost:8080");
                }
                number
            }
        };
        let host = if name.contains('*') {
            with_stars(name, &mut mistake)
        } else {
            whole(name, &mut mistake)
        };
        Authority {
            host,
            port,
            mistake,
        }
    }
}

/// The host and what follows its colon. An IPv6 address has colons of its own, within brackets.
fn split_port(host: &str) -> (&str, Option<&str>) {
    let after = host.rfind(']').map_or(0, |at| at + 1);
    match host[after..].rfind(':') {
        Some(at) => (&host[..after + at], Some(&host[after + at + 1..])),
        None => (host, None),
    }
}

fn whole(name: &str, mistake: &mut Option<&'static str>) -> String {
    match Host::parse(name) {
        Ok(Host::Domain(name)) => readable(&name).into_owned(),
        Ok(address) => address.to_string(),
        Err(_) => {
            if !name.is_empty() {
                *mistake =
                    Some("begins with what is no host: write one as shop.example, or * for any");
            }
            name.to_lowercase()
        }
    }
}

fn with_stars(name: &str, mistake: &mut Option<&'static str>) -> String {
    if name.contains(|c: char| c.is_whitespace() || matches!(c, '%' | '#' | '^' | '|' | '<' | '>'))
    {
        *mistake = Some("has a character in its host that no host has");
    }
    let label = |label: &str| {
        if !label.contains('*') {
            return readable(label).into_owned();
        }
        label.to_lowercase()
    };
    let labels: Vec<String> = name.trim_end_matches('.').split('.').map(label).collect();
    if labels
        .iter()
        .any(|label| label.contains('*') && label.starts_with("xn--"))
    {
        *mistake = Some(
            "has a * within a name in its encoded form (xn--): write that name as people read it",
        );
    }
    labels.join(".")
}

/// A name as people read it: `xn--gre-6ka8i.example` as `größe.example`, `Shop.Example.` as `shop.example`.
fn readable(name: &str) -> Cow<'_, str> {
    let name = name.trim_end_matches('.');
    let plain =
        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_');
    if name.bytes().all(plain) && !name.contains("xn--") {
        return Cow::Borrowed(name);
    }
    let name = percent::decode(name, false);
    let (unicode, _) = idna::domain_to_unicode(&name);
    Cow::Owned(unicode.trim_end_matches('.').to_lowercase())
}

/// Whether `text` is `pattern` with its `*` filled in.
pub(super) fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            retry = Some((p + 1, t));
            p += 1;
        } else if p < pattern.len() && pattern[p] == text[t] {
            (p, t) = (p + 1, t + 1);
        } else if let Some((after_star, from)) = retry {
            (p, t) = (after_star, from + 1);
            retry = Some((after_star, from + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}
