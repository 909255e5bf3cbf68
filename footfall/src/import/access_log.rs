//! Combined access logs, as Apache and nginx write them: page views, with a visitor made of address and user agent.

use std::net::IpAddr;

use hmac::{Hmac, KeyInit, Mac};
use journey::Timestamp;
use sha2::Sha256;

use super::{Converted, Skip, escapes, raw_event::RawEvent};

/// What ends a path that is no page.
const ASSETS: &str = "avif bmp css csv eot gif gz ico jpeg jpg js json map mjs mp3 mp4 otf pdf png rss svg ttf txt wasm \
                      webm webmanifest webp woff woff2 xml zip";

/// Turns lines into page views.
pub struct AccessLog {
    /// Where the paths belong: `https://shop.example`, without a slash at the end.
    pub origin: String,
    /// Whose events they are.
    pub deployment: String,
    /// What the visitors agreed to, as the caller knows it.
    pub consent: String,
    /// Whether files that pages are made of count as pages too.
    pub assets: bool,
    /// Makes visitors of addresses; kept nowhere.
    pub salt: Hmac<Sha256>,
}

impl std::fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessLog")
            .field("deployment", &self.deployment)
            .finish_non_exhaustive()
    }
}

/// The fields of a line that are looked at, as the client sent them.
#[derive(Debug, PartialEq, Eq)]
struct Line<'a> {
    address: &'a str,
    at: Timestamp,
    method: &'a str,
    target: String,
    status: u16,
    referrer: String,
    user_agent: String,
}

/// Reads `--origin`: a scheme and a host, and nothing behind them, as every path of the log is put there.
pub fn origin(text: &str) -> Result<String, String> {
    let url = url::Url::parse(text).ok();
    let url =
        url.filter(|url| matches!(url.scheme(), "http" | "https") && url.username().is_empty());
    let bare =
        url.filter(|url| url.path() == "/" && url.query().is_none() && url.fragment().is_none());
    match bare {
        Some(_) => Ok(text.trim_end_matches('/').to_owned()),
        None => Err("write a scheme and a host, as https://shop.example".to_owned()),
    }
}

/// A salt that an option holds.
pub fn salt(text: &str) -> Result<Hmac<Sha256>, String> {
    if text.len() < 16 {
        return Err(
            "a salt has 16 characters or more: `openssl rand -hex 16` makes one".to_owned(),
        );
    }
    Hmac::new_from_slice(text.as_bytes()).map_err(|e| e.to_string())
}

impl AccessLog {
    /// The raw event that a line is and what was left out of it, or why it is none.
    pub fn convert(&self, line: &str) -> Result<Converted, Skip> {
        let line = Line::read(line).ok_or(Skip::Malformed)?;
        if !is_address(line.address) {
            return Err(Skip::NoAddress);
        }
        if line.method != "GET" {
            return Err(Skip::NotGet);
        }
        // A redirection's page is told by the line of what it leads to.
        if !matches!(line.status, 200..300 | 304) {
            return Err(Skip::Status);
        }
        let path = line.target.split(['?', '#']).next().unwrap_or_default();
        if !path.starts_with('/') {
            return Err(Skip::NoPath);
        }
        if !self.assets && is_asset(path) {
            return Err(Skip::Asset);
        }
        let visitor = self.visitor(line.address, &line.user_agent);
        let mut event = RawEvent::new(&self.deployment, &visitor, "page_viewed", line.at);
        event.page(&format!("{}{}", self.origin, line.target))?;
        event.consent(&self.consent);
        for (member, value) in [
            ("userAgentString", &line.user_agent),
            ("referrerUrl", &line.referrer),
        ] {
            // What the browser did not send.
            if value != "-" {
                event.set(member, value);
            }
        }
        Ok(event.finish())
    }

    fn visitor(&self, address: &str, user_agent: &str) -> String {
        let mut mac = self.salt.clone();
        for part in [address, "\0", user_agent] {
            mac.update(part.as_bytes());
        }
        let hash = mac.finalize().into_bytes();
        let hex = |byte: &u8| format!("{byte:02x}");
        hash.iter().take(16).map(hex).collect()
    }
}

impl<'a> Line<'a> {
    fn read(line: &'a str) -> Option<Line<'a>> {
        let (before, rest) = line.split_once(" [")?;
        let (at, rest) = rest.split_once("] \"")?;
        let (request, rest) = quoted(rest)?;
        let (numbers, rest) = rest.split_once('"')?;
        let (referrer, rest) = quoted(rest)?;
        let (user_agent, _) = quoted(rest.trim_start().strip_prefix('"')?)?;
        let (method, request) = request.split_once(' ')?;
        // What a client sends as a path may have spaces; the first version of the protocol has no name.
        let target = request.rsplit_once(" HTTP/");
        let target = target.map_or(request, |(target, _)| target);
        Some(Line {
            address: before.split(' ').next()?,
            at: time(at)?,
            method,
            target: escapes::address(target),
            status: numbers.trim().split(' ').next()?.parse().ok()?,
            referrer: escapes::address(referrer),
            user_agent: escapes::text(user_agent),
        })
    }
}

/// Whether the field is what visitors are told apart by: a virtual host before it, or a name in its place, would make one of many.
fn is_address(field: &str) -> bool {
    field == "-" || field.parse::<IpAddr>().is_ok()
}

/// What stands before the next quotation mark that no backslash escapes, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' if !escaped => return Some((&text[..at], &text[at + 1..])),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    None
}

/// `17/May/2015:10:05:03 +0000`.
fn time(text: &str) -> Option<Timestamp> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let (date, zone) = text.split_once(' ')?;
    let (date, clock) = date.split_once(':')?;
    let mut parts = date.split('/');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS
        .find(month)
        .filter(|at| month.len() == 3 && at % 3 == 0)?
        / 3
        + 1;
    let (hours, minutes) = (zone.get(..3)?, zone.get(3..)?);
    Timestamp::parse(&format!("{year}-{month:02}-{day}T{clock}{hours}:{minutes}"))
}

fn is_asset(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    extension.is_some_and(|extension| {
        let mut assets = ASSETS.split(' ');
        assets.any(|asset| asset.eq_ignore_ascii_case(extension))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn log() -> AccessLog {
        AccessLog {
            origin: "https://shop.example".into(),
            deployment: "shop".into(),
            consent: "unknown".into(),
            assets: false,
            salt: salt("0123456789abcdef").expect("long enough"),
        }
    }

    fn line(request: &str, status: &str) -> String {
        format!(
            r#"203.0.113.7 - ann [17/May/2015:12:05:03 +0200] "{request}" {status} 512 "https://search.example/?q=a" "Mozilla/5.0 (a \"b\")""#
        )
    }

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        for text in ["https://shop.example", "https://shop.example/"] {
            assert_eq!(origin(text).as_deref(), Ok("https://shop.example"));
        }
        assert_eq!(
            origin("http://localhost:8080").as_deref(),
            Ok("http://localhost:8080")
        );
        for wrong in [
            "shop.example",
            "ftp://shop.example",
            "https://shop.example/a",
            "https://me@shop.example",
            "",
        ] {
            assert!(origin(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_page_view_has_its_time_its_url_and_a_visitor_without_an_address() {
        let event = log().convert(&line("GET /a/b?x=1 HTTP/1.1", "200"));
        let (event, left_out) = event.expect("a page view");
        assert!(left_out.is_empty());
        assert_eq!(event["page"]["url"], "https://shop.example/a/b?x=1");
        assert_eq!(event["createdDate"], "2015-05-17T10:05:03.000Z");
        assert_eq!(event["referrerUrl"], "https://search.example/?q=a");
        assert_eq!(event["consent"]["state"], "unknown");
        let cookie = event["customerCookieId"].as_str().expect("text");
        assert_eq!(cookie.len(), 32);
        assert!(!event.to_string().contains("203.0.113.7"));
        let other = AccessLog {
            salt: salt("another salt, as long").expect("long enough"),
            ..log()
        };
        let other = other.convert(&line("GET /a/b?x=1 HTTP/1.1", "200"));
        let (other, _) = other.expect("the same line");
        assert_ne!(other["customerCookieId"], cookie);
    }

    #[test]
    fn a_first_field_that_is_no_address_is_no_visitor() {
        let of = |first: &str| {
            let line = line("GET /a HTTP/1.1", "200").replace("203.0.113.7", first);
            log().convert(&line).err()
        };
        for first in [
            "shop.example:443 203.0.113.7",
            "shop.example 203.0.113.7",
            "192.0.2.1:443 203.0.113.7",
            "dialup-7.isp.example",
            "unix:",
        ] {
            assert_eq!(of(first), Some(Skip::NoAddress), "{first}");
        }
        for first in ["203.0.113.7", "2001:db8::7", "::ffff:203.0.113.7", "-"] {
            assert_eq!(of(first), None, "{first}");
        }
    }

    #[test]
    fn what_the_client_sent_is_read_through_the_servers_escapes() {
        let read = |request: &str| log().convert(&line(request, "200")).expect("a page view").0;
        let url = |request: &str| read(request)["page"]["url"].clone();
        let path = |path: &str| format!("https://shop.example{path}");
        assert_eq!(
            url(r"GET /gr\xC3\xB6\xC3\x9Fe HTTP/1.1"),
            path("/gr%C3%B6%C3%9Fe")
        );
        assert_eq!(url(r#"GET /a\"b HTTP/1.1"#), path("/a%22b"));
        assert_eq!(url("GET /a b?x=1 HTTP/1.1"), path("/a%20b?x=1"));
        assert_eq!(url("GET /a HTTP/ b HTTP/1.1"), path("/a%20HTTP/%20b"));
        assert_eq!(url("GET /a"), path("/a"));
        let agent = &read("GET /a HTTP/1.1")["userAgentString"];
        assert_eq!(agent, "Mozilla/5.0 (a \"b\")");
        let nginx = line("GET /a HTTP/1.1", "200").replace(r#"\""#, r"\x22");
        let (of_nginx, _) = log().convert(&nginx).expect("a page view");
        assert_eq!(of_nginx, read("GET /a HTTP/1.1"));
    }

    #[test]
    fn what_ingest_would_not_take_is_left_out_and_said() {
        let long = line("GET /a HTTP/1.1", "200").replace("?q=a", &"x".repeat(2_048));
        let (event, left_out) = log().convert(&long).expect("a page view");
        assert_eq!(event.get("referrerUrl"), None);
        assert_eq!(left_out, BTreeSet::from(["referrerUrl"]));
        let none = line("GET /a HTTP/1.1", "200").replace("https://search.example/?q=a", "-");
        let (event, left_out) = log().convert(&none).expect("a page view");
        assert_eq!(event.get("referrerUrl"), None);
        assert!(left_out.is_empty());
        let long = line(&format!("GET /{} HTTP/1.1", "x".repeat(2_048)), "200");
        assert_eq!(log().convert(&long).err(), Some(Skip::URL_TOO_LONG));
    }

    #[test]
    fn what_is_no_page_view_says_why() {
        let convert = |request, status| log().convert(&line(request, status)).err();
        assert_eq!(convert("POST /a HTTP/1.1", "200"), Some(Skip::NotGet));
        for status in ["404", "500", "301", "302", "303", "307", "308", "101"] {
            let skip = convert("GET /a HTTP/1.1", status);
            assert_eq!(skip, Some(Skip::Status), "{status}");
        }
        assert_eq!(
            convert("GET /logo.PNG?v=2 HTTP/1.1", "200"),
            Some(Skip::Asset)
        );
        assert_eq!(
            convert("GET http://else/ HTTP/1.1", "200"),
            Some(Skip::NoPath)
        );
        assert_eq!(convert("GET /a HTTP/1.1", "x"), Some(Skip::Malformed));
        for status in ["200", "206", "304"] {
            assert_eq!(convert("GET /a HTTP/1.1", status), None, "{status}");
        }
        for broken in [
            "",
            "x",
            "a - - [17/Foo/2015:12:05:03 +0200] \"GET / H\" 200 1 \"-\" \"-\"",
            "é [é] \"",
        ] {
            assert_eq!(
                log().convert(broken).err(),
                Some(Skip::Malformed),
                "{broken}"
            );
        }
        let all = AccessLog {
            assets: true,
            ..log()
        };
        assert!(all.convert(&line("GET /logo.png HTTP/1.1", "200")).is_ok());
    }
}
