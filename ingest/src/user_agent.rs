//! What a user agent says: browser, device, operating system, and whether it is a robot.
//!
//! By uap-core's expressions (`vendor/uap-core`), compiled once a process when the first user agent comes; each task keeps
//! what it read last. The expressions are linear in the text, and the text is cut: no user agent can be hostile to them.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use journey::{
    Text,
    web_event::{Browser, Device},
};
use quick_cache::unsync::Cache;
use ua_parser::{Extractor, Regexes};

use crate::scrub::{Form, Hits, scrub};

/// uap-core's expressions.
const EXPRESSIONS: &str = include_str!("../vendor/uap-core/regexes.json");
/// Parts of names that robots give themselves, in lower case, beside those that uap-core knows. What stands in a telephone's
/// or an app's name too does not belong here: `okhttp` is how most Android apps fetch.
const ROBOTS: &[&str] = &[
    "crawl",
    "spider",
    "slurp",
    "archiver",
    "http-client",
    "httpclient",
    "http://",
    "https://",
    "libwww",
    "python",
    "curl/",
    "wget/",
    "java/",
    "go-http",
    "perl/",
    "ruby/",
    "php/",
    "headless",
    "phantomjs",
    "lighthouse",
    "pingdom",
    "uptime",
    "scrapy",
    "validator",
    "facebookexternalhit",
    "node-fetch",
    "feedparser",
    "feedfetcher",
    "feedburner",
    "feedbin",
    "feedly",
    "magpierss",
    "rssowl",
    "tt-rss",
    "google-read-aloud",
    "googleimageproxy",
    "bingpreview",
    "skypeuripreview",
    "statuscake",
    "site24x7",
    "nagios",
];
/// Words that make a robot of an agent that names neither a browser nor a device: alone they stand in many an app's name.
const ROBOT_WORDS: &[&str] = &[
    "rss",
    "feed",
    "feeds",
    "fetch",
    "fetcher",
    "preview",
    "monitor",
    "monitoring",
    "reader",
];
/// What browsers and apps on devices say of themselves.
const OF_PEOPLE: &[&str] = &[
    "mozilla/",
    "opera/",
    "cfnetwork",
    "darwin",
    "android",
    "iphone",
    "ipad",
    "ios",
    "windows",
    "dalvik",
];
/// Addresses that stand in people's agents: a program that older Windows programs show pages with.
const NO_ROBOTS_ADDRESS: &str = "http://bsalsa.com";

/// What one user agent says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Agent {
    /// As sent, scrubbed.
    pub(crate) text: Text,
    pub(crate) browser: Option<Browser>,
    pub(crate) device: Option<Device>,
    pub(crate) bot: bool,
    pub(crate) hits: Hits,
}

/// The user agents that a task met last.
pub(crate) struct Agents {
    capacity: usize,
    known: Option<Cache<String, Arc<Agent>>>,
}

impl fmt::Debug for Agents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agents")
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

impl Agents {
    /// Keeps about so many.
    pub(crate) fn new(capacity: usize) -> Agents {
        Agents {
            capacity,
            known: None,
        }
    }

    /// What this user agent says; of none (or a bare `-`, as logs write it) nothing.
    pub(crate) fn read(&mut self, user_agent: &str, most: usize) -> Option<Arc<Agent>> {
        let user_agent = cut(user_agent.trim(), most);
        if user_agent.is_empty() || user_agent == "-" {
            return None;
        }
        let capacity = self.capacity;
        let known = self
            .known
            .get_or_insert_with(|| Cache::new(capacity.max(1)));
        if let Some(agent) = known.get(user_agent) {
            return Some(Arc::clone(agent));
        }
        let agent = Arc::new(parse(user_agent));
        known.insert(user_agent.to_owned(), Arc::clone(&agent));
        Some(agent)
    }
}

/// At most so many bytes, cut between characters.
fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

fn extractor() -> &'static Extractor<'static> {
    static EXTRACTOR: OnceLock<Extractor<'static>> = OnceLock::new();
    EXTRACTOR.get_or_init(|| {
        let expressions: Regexes<'static> =
            serde_json::from_str(EXPRESSIONS).expect("the vendored file is JSON");
        Extractor::try_from(expressions).expect("the vendored expressions compile")
    })
}

fn parse(user_agent: &str) -> Agent {
    let (browser, system, device) = extractor().extract(user_agent);
    let family = device.as_ref().map_or("Other", |device| &*device.device);
    let system_name = system.as_ref().map(|system| &*system.os);
    let category = category(user_agent, family, system_name.unwrap_or_default());
    let mut hits = Hits::default();
    let text = Text::from(&*scrub(user_agent, Form::Plain, &mut hits));
    // What an expression took out of the agent is a part of it, and was counted with it.
    let clean = |part: &str| Text::from(&*scrub(part, Form::Plain, &mut Hits::default()));
    let known = |text: &str| (text != "Other").then(|| clean(text));
    let bot = family == "Spider" || is_robot(user_agent);
    let kind = device
        .as_ref()
        .and_then(|device| device.model.as_deref().or(Some(&*device.device)));
    let maker = device.as_ref().and_then(|device| device.brand.as_deref());
    Agent {
        text,
        browser: browser.map(|browser| Browser {
            family: clean(&browser.family),
            version: browser.major.map(clean),
            lang: None,
        }),
        device: Some(Device {
            category: Text::from(category),
            kind: kind.and_then(known),
            mobile: matches!(category, "mobile" | "tablet"),
            os_family: system_name.and_then(known),
            os_version: system
                .as_ref()
                .and_then(|system| system.major.as_deref())
                .map(clean),
            manufacturer: maker.and_then(known),
            ..Device::default()
        }),
        bot,
        hits,
    }
}

/// `desktop`, `mobile`, `tablet` or `other`.
fn category(user_agent: &str, device: &str, system: &str) -> &'static str {
    let says = |word: &str| user_agent.contains(word);
    let tablet =
        says("iPad") || says("Tablet") || says("Kindle") || says("Silk/") || says("PlayBook");
    match system {
        _ if device == "Spider" => "other",
        _ if tablet => "tablet",
        "Android" if !says("Mobile") => "tablet",
        "Android" | "iOS" | "Windows Phone" | "BlackBerry OS" | "Firefox OS" | "KaiOS" => "mobile",
        _ if says("Mobile") || says("MIDP") || says("Opera Mini") => "mobile",
        "Windows" | "Mac OS X" | "Linux" | "Ubuntu" | "Debian" | "Fedora" | "Chrome OS"
        | "FreeBSD" | "OpenBSD" => "desktop",
        _ => "other",
    }
}

fn is_robot(user_agent: &str) -> bool {
    let text = user_agent
        .to_ascii_lowercase()
        .replace(NO_ROBOTS_ADDRESS, "");
    ROBOTS.iter().any(|name| text.contains(name)) || names_a_bot(&text) || says_a_robots_word(&text)
}

/// A word of [`ROBOT_WORDS`], whole, in what is no browser's and no device's agent.
fn says_a_robots_word(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric());
    !OF_PEOPLE.iter().any(|name| text.contains(name))
        && words.any(|word| ROBOT_WORDS.contains(&word))
}

/// `bot` at the end of a word (`AhrefsBot/5.0`, `archive.org_bot`), but no Cubot, who makes telephones.
fn names_a_bot(text: &str) -> bool {
    text.match_indices("bot").any(|(at, _)| {
        let ends = !text[at + 3..].starts_with(|c: char| c.is_ascii_alphabetic());
        ends && !text[..at].ends_with("cu")
    })
}

#[cfg(test)]
mod conformance;

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: usize = 1024;

    /// Expected: browser and version, system and version, category, maker, robot.
    #[track_caller]
    fn check(user_agent: &str, expected: &str) {
        let agent = Agents::new(10)
            .read(user_agent, LONGEST)
            .expect("a user agent");
        let agent = Agent::clone(&agent);
        let text = |text: &Option<Text>| text.as_deref().unwrap_or("-").to_owned();
        let browser = agent.browser.map_or("-".to_owned(), |b| {
            format!("{} {}", b.family, text(&b.version))
        });
        let d = agent.device.expect("a device");
        let system = format!("{} {}", text(&d.os_family), text(&d.os_version));
        let got = format!(
            "{browser}|{system}|{}|{}|{}",
            d.category,
            text(&d.manufacturer),
            agent.bot
        );
        assert_eq!(got, expected);
    }

    #[test]
    fn browsers_systems_and_devices() {
        check(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
            "Chrome 120|Windows 10|desktop|-|false",
        );
        check(
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Safari/605.1.15",
            "Safari 17|Mac OS X 10|desktop|Apple|false",
        );
        check(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Mobile/15E148 Safari/604.1",
            "Mobile Safari 17|iOS 17|mobile|Apple|false",
        );
        check(
            "Mozilla/5.0 (iPad; CPU OS 7_0_4 like Mac OS X) AppleWebKit/537.51.1 (KHTML, like Gecko) Version/7.0 Mobile/11B554a Safari/9537.53",
            "Mobile Safari 7|iOS 7|tablet|Apple|false",
        );
        check(
            "Mozilla/5.0 (Linux; Android 13; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/112.0.0.0 Mobile Safari/537.36",
            "Chrome Mobile 112|Android 13|mobile|Samsung|false",
        );
        check(
            "Mozilla/5.0 (Linux; Android 12; SM-X906C) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/112.0.0.0 Safari/537.36",
            "Chrome 112|Android 12|tablet|Samsung|false",
        );
        check(
            "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:27.0) Gecko/20100101 Firefox/27.0",
            "Firefox 27|Ubuntu -|desktop|-|false",
        );
    }

    #[test]
    fn robots_are_known_by_name() {
        for robot in [
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "UniversalFeedParser/4.2-pre-314-svn +http://feedparser.org/",
            "Tiny Tiny RSS/1.11 (http://tt-rss.org/)",
            "Mozilla/5.0 (compatible; archive.org_bot +http://www.archive.org/details/archive.org_bot)",
            "Feedbin - 1 subscribers",
            "Python-urllib/2.7",
            "curl/8.0",
            "GPTBot/1.0",
            "FeedFetcher-Google; (+http://www.google.com/feedfetcher.html)",
            "Mozilla/5.0 (compatible; Feedly/1.0; +http://www.feedly.com/fetcher.html)",
            "NewsBlur Feed Fetcher - 3 subscribers",
            "Site Monitor 2.1",
            "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)",
            "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/534+ (KHTML, like Gecko) BingPreview/1.0b",
            "Go-http-client/1.1",
        ] {
            assert!(
                Agents::new(10)
                    .read(robot, LONGEST)
                    .expect("a user agent")
                    .bot,
                "{robot}"
            );
        }
    }

    #[test]
    fn people_are_no_robots_whatever_their_apps_are_called() {
        for people in [
            "Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 Chrome/80.0 Mobile Safari/537.36",
            "okhttp/4.9.3",
            "ShopApp/3.2 (Android 13; Pixel 7) okhttp/4.9.3",
            "BabyMonitor/2.4 CFNetwork/1406.0.4 Darwin/22.4.0",
            "NewsFeed/7.1 (iPhone; iOS 16.4; Scale/3.00)",
            "Dalvik/2.1.0 (Linux; U; Android 12; SM-G991B Build/SP1A.210812.016)",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/112.0.0.0 Safari/537.36 PreviewPane/1.0",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Carrss/1.0 Chrome/99.0 Safari/537.36",
            "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Embedded Web Browser from: http://bsalsa.com/; .NET CLR 2.0.50727)",
        ] {
            assert!(
                !Agents::new(10)
                    .read(people, LONGEST)
                    .expect("a user agent")
                    .bot,
                "{people}"
            );
        }
    }

    #[test]
    fn none_says_nothing_and_personal_data_in_it_is_scrubbed() {
        assert_eq!(Agents::new(10).read("-", LONGEST), None);
        assert_eq!(Agents::new(10).read(" ", LONGEST), None);
        let agent = Agents::new(10)
            .read(
                "LiveJournal.com (webmaster@livejournal.com; 1 readers)",
                LONGEST,
            )
            .expect("some");
        assert_eq!(agent.text, "LiveJournal.com ([email]; 1 readers)");
    }

    #[test]
    fn what_was_read_before_is_read_the_same_from_memory() {
        let mut agents = Agents::new(2);
        let first: Vec<_> = (0..5)
            .map(|i| agents.read(&format!("Firefox/{i}.0"), LONGEST))
            .collect();
        let again: Vec<_> = (0..5)
            .map(|i| agents.read(&format!("Firefox/{i}.0"), LONGEST))
            .collect();
        assert_eq!(first, again);
    }

    #[test]
    fn a_hostile_user_agent_is_cut() {
        let hostile = "(".repeat(20_000) + &"Mozilla/5.0 é".repeat(2_000);
        let agent = Agents::new(10).read(&hostile, LONGEST).expect("some");
        assert!(agent.text.len() <= LONGEST);
    }
}
