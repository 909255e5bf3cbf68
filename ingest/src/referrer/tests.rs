use journey::{
    Timestamp,
    definitions::{Definition, DefinitionSet, Deployment, PageClass},
};

use super::{table::TABLE, *};
use crate::{
    accepted::Words,
    config::{Config, UnknownDeployments},
    deployment::Received,
    site::Sites,
    visitor_key::VisitorKeys,
};

fn classify(referrer: &str, page: &str) -> Option<Referrer> {
    let deployment = Deployment {
        id: Text::from("shop"),
        excluded_query_parameters: vec![Text::from("p")],
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
    let config = Config::new(VisitorKeys::development(), UnknownDeployments::Refuse);
    let rules = Rules {
        config: &config,
        sites: &sites,
        words: &Words::default(),
        quotas: &Default::default(),
        lately: &Default::default(),
    };
    let sender = Sender {
        deployment_id: "shop",
        site,
        received: Received {
            at: Timestamp(0),
            first_at: Timestamp(0),
            again: false,
        },
    };
    let (domain, campaign) = (page::domain(&page), query.campaign.as_ref());
    let first = read(referrer, domain, campaign, &sender, &rules, &mut hits);
    let again = read(referrer, domain, campaign, &sender, &rules, &mut hits);
    assert_eq!(first, again);
    first
}

#[track_caller]
fn check(referrer: &str, page: &str, medium: &str, name: Option<&str>, keywords: Option<&str>) {
    let got = classify(referrer, page).expect("a referrer");
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
    check(
        "https://www.google.com/?q=+4915112345678",
        HOME,
        "search",
        Some("Google"),
        Some("[phone]"),
    );
}

#[test]
fn not_all_that_bears_an_engines_name_is_a_search() {
    let accounts = Some("Google Accounts");
    check(
        "https://accounts.google.com/o/oauth2?q=jane",
        HOME,
        "unknown",
        accounts,
        None,
    );
    check(
        "https://accounts.google.co.uk/",
        HOME,
        "unknown",
        accounts,
        None,
    );
    check(
        "https://google.github.io/styleguide/?q=red",
        HOME,
        "unknown",
        None,
        None,
    );
    check("https://yahoo.example/", HOME, "unknown", None, None);
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
fn a_click_id_that_every_link_of_a_network_has_makes_nothing_paid() {
    let facebook = Some("Facebook");
    for (referrer, query, medium, name) in [
        ("https://l.facebook.com/", "fbclid=f", "social", facebook),
        (
            "https://l.facebook.com/",
            "fbclid=f&utm_medium=cpc",
            "paid",
            facebook,
        ),
        (
            "https://l.facebook.com/",
            "fbclid=f&utm_medium=email",
            "email",
            facebook,
        ),
        (
            "https://l.facebook.com/",
            "fbclid=f&gclid=g",
            "paid",
            facebook,
        ),
        (
            "https://www.google.com/",
            "fbclid=f",
            "search",
            Some("Google"),
        ),
        (
            "https://accounts.google.com/",
            "fbclid=f",
            "social",
            Some("Google Accounts"),
        ),
        ("https://stranger.example.org/", "fbclid=f", "social", None),
        ("https://stranger.example.org/", "epik=e", "social", None),
        ("https://stranger.example.org/", "ttclid=t", "paid", None),
        ("https://stranger.example.org/", "ScCid=s", "paid", None),
        ("https://stranger.example.org/", "twclid=t", "paid", None),
        ("https://stranger.example.org/", "li_fat_id=l", "paid", None),
    ] {
        let page = format!("https://www.shop.example/?{query}");
        check(referrer, &page, medium, name, None);
    }
}

#[test]
fn a_blocked_page_is_not_told_by_the_next_ones_referrer() {
    let referrer = classify("https://shop.example/secret/disease?x=1#y", HOME).expect("a referrer");
    assert_eq!(referrer.url, "https://shop.example/");
    assert_eq!(referrer.pathname, "/");
    assert_eq!(referrer.query_string, None);
}

#[test]
fn of_what_is_no_address_at_most_the_host_is_kept() {
    for nothing in [
        "not a url",
        "/account/jane",
        "mailto:jane@example.com",
        "jane@example.com",
        "about:blank",
        "data:text/plain,jane",
        "javascript:alert(1)",
        "file:///C:/Users/jane/saved.html",
    ] {
        assert_eq!(classify(nothing, HOME), None, "{nothing}");
    }
    let bare = classify("www.google.com/search?q=jane", HOME).expect("a host");
    assert_eq!(
        (&*bare.url, &*bare.medium),
        ("http://www.google.com/", "search")
    );
    assert_eq!(bare.keywords, None);
}

#[test]
fn an_excluded_parameter_gives_no_search_words() {
    check(
        "https://search.yahoo.com/search?p=secret&x=1",
        HOME,
        "search",
        Some("Yahoo!"),
        None,
    );
}

#[test]
fn every_line_of_the_table_can_be_met() {
    let built_in = Referrers::default();
    let lines = || {
        let lines = TABLE.lines().filter_map(|line| line.split('#').next());
        lines.filter(|line| !line.trim().is_empty())
    };
    let known = built_in.by_host.len() + built_in.by_label.len();
    assert!(known >= 100, "{known}");
    assert_eq!(known, lines().count(), "a host stands twice");
    for line in lines() {
        let host = line.split('\t').next().expect("a host").trim();
        let url: Url = format!("https://{}/", host.replace('*', "com"))
            .parse()
            .expect("a URL");
        let found = built_in.look_up(url.host_str().expect("a host"), page::domain(&url));
        let name = line.split('\t').nth(2).expect("a name").trim();
        assert_eq!(found.map(|known| known.name.as_str()), Some(name), "{host}");
    }
}

#[test]
fn a_file_stands_above_the_table() {
    let lines =
        "# ours\nintranet.example.org\tsocial\tOur intranet\t\nbing.com\tpaid\tBing Ads\tq\n";
    let known = Referrers::with(lines).expect("well-formed");
    let name = |host: &str| {
        known
            .look_up(host, host)
            .map(|known| known.name.to_string())
    };
    assert_eq!(
        name("intranet.example.org").as_deref(),
        Some("Our intranet")
    );
    assert_eq!(name("bing.com").as_deref(), Some("Bing Ads"));
    assert_eq!(name("duckduckgo.com").as_deref(), Some("DuckDuckGo"));
    for (lines, words) in [
        ("\nx.example", "line 2 has no host or no name"),
        ("x.example\tradio\tX", "line 1 has a medium"),
    ] {
        let error = Referrers::with(lines).expect_err("refused").to_string();
        assert!(error.starts_with(words), "{error}");
    }
}
