use super::*;

#[track_caller]
fn meets(pattern: &str, url: &str) -> bool {
    let read = PagePattern::new(pattern);
    assert_eq!(read.mistake(), None, "{pattern}");
    read.meets(&PageName::new(&url.parse().expect("a URL")))
}

#[test]
fn a_page_is_met_by_what_a_server_makes_of_its_escaped_dots() {
    for url in [
        "https://shop.example/a%2f..%2fsecret",
        "https://shop.example/.%2fsecret/x",
        "https://shop.example/a/%2e%2e%2f%2e%2e%2fsecret",
    ] {
        assert!(meets("shop.example/secret*", url), "{url}");
    }
    assert!(
        meets("shop.example/a/*", "https://shop.example/a%2f..%2fsecret"),
        "as it is, too"
    );
    assert!(!meets(
        "shop.example/secret*",
        "https://shop.example/a..b/secret"
    ));
}

#[track_caller]
fn check(pattern: &str, yes: &[&str], no: &[&str]) {
    for url in yes {
        assert!(meets(pattern, url), "{pattern} means {url}");
    }
    for url in no {
        assert!(!meets(pattern, url), "{pattern} does not mean {url}");
    }
}

#[test]
fn a_star_is_any_run_of_characters() {
    check(
        "shop.example/account/*",
        &[
            "https://shop.example/account/orders?x=1",
            "https://shop.example/account/",
        ],
        &[
            "https://shop.example/accounts",
            "https://www.shop.example/account/",
        ],
    );
    check(
        "*.example/*/health*",
        &["https://a.b.example/x/y/health-care"],
        &[],
    );
    check(
        "*secret*",
        &["https://shop.example/a/secret", "https://secret.example/"],
        &["https://shop.example/?secret"],
    );
}

#[test]
fn a_pattern_without_a_path_is_the_whole_host() {
    check(
        "bank.example",
        &["http://bank.example/anything", "http://bank.example"],
        &["http://notbank.example/"],
    );
    check("bank.*", &["http://bank.example/anything"], &[]);
    check(
        "bank.example?debt",
        &["http://bank.example/?debt"],
        &["http://bank.example/?rent"],
    );
}

#[test]
fn a_name_is_the_same_in_every_encoding() {
    for pattern in [
        "größe.example/*",
        "GRÖSSE.example/*",
        "xn--gre-6ka8i.example/*",
        "*größe.example/*",
        "gr%C3%B6%C3%9Fe.example/*",
    ] {
        let name = if pattern.starts_with("GRÖSSE") {
            "GRÖSSE"
        } else {
            "größe"
        };
        check(
            pattern,
            &[&*format!("https://{name}.example/x")],
            &["https://groesse.example/x"],
        );
    }
    check(
        "größe.example",
        &[
            "https://xn--gre-6ka8i.example/",
            "https://gr%C3%B6%C3%9Fe.example/",
        ],
        &[],
    );
}

#[test]
fn the_dot_at_the_end_of_a_host_hides_nothing() {
    check(
        "shop.example/secret*",
        &[
            "https://shop.example./secret",
            "https://shop.example/secret",
        ],
        &[],
    );
    check(
        "shop.example./secret*",
        &[
            "https://shop.example./secret",
            "https://shop.example/secret",
        ],
        &[],
    );
    check(
        "*.example./secret*",
        &[
            "https://shop.example./secret",
            "https://shop.example/secret",
        ],
        &[],
    );
}

#[test]
fn a_port_counts_where_the_pattern_names_one() {
    check(
        "localhost:8080/x",
        &["http://localhost:8080/x"],
        &["http://localhost:8081/x", "http://localhost/x"],
    );
    check(
        "localhost/x",
        &["http://localhost:8080/x", "http://localhost/x"],
        &[],
    );
    check(
        "shop.example:443/x",
        &["https://shop.example/x", "https://shop.example:443/x"],
        &["http://shop.example/x"],
    );
    check(
        "*.example:8443",
        &["https://shop.example:8443/x"],
        &["https://shop.example/x"],
    );
    check(
        "[::1]:3000/x",
        &["http://[::1]:3000/x", "http://[0:0::1]:3000/x"],
        &["http://[::1]/x"],
    );
    check("127.1/x", &["http://127.0.0.1/x"], &[]);
}

#[test]
fn case_and_escapes_do_not_hide_a_page() {
    let ways = [
        "https://SHOP.example/%53ecret/x",
        "https://shop.example//secret//x",
        "https://shop.example/a/../secret/x",
        "https://shop.example/%2e/secret\\x",
        "https://u:p@shop.example/secret/x#y",
    ];
    check("shop.example/secret/*", &ways, &[]);
    check("shop.example/%53ecret/*", &ways, &[]);
    check(
        "shop.example/Größe*",
        &["https://shop.example/gr%C3%B6%C3%9Fe"],
        &[],
    );
    check(
        "shop.example/gr%C3%B6%C3%9Fe*",
        &["https://shop.example/größe"],
        &[],
    );
}

#[test]
fn the_query_counts_where_the_pattern_asks_for_it() {
    check(
        "shop.example/*?*topic=debt*",
        &[
            "https://shop.example/q?a=1&topic=debt",
            "https://shop.example/q?topic=%64ebt",
        ],
        &[
            "https://shop.example/q?topic=rent",
            "https://shop.example/topic=debt",
        ],
    );
    check(
        "shop.example/*?*topic=my+debt*",
        &["https://shop.example/q?topic=my%20debt"],
        &[],
    );
    check("shop.example/q", &["https://shop.example/q?a=1"], &[]);
}

#[test]
fn what_can_never_be_met_is_a_mistake() {
    for (pattern, what) in [
        ("https://shop.example/x", "without a scheme"),
        ("shop.example/#/cart", "fragment"),
        ("/account/*", "begins with a path"),
        ("shop.example/a/../b", "lead to"),
        ("jane@shop.example/x", "names a user"),
        ("shop.example:port/x", "port that is none"),
        ("shop.example:99999/x", "port that is none"),
        ("shop example/x", "no host"),
        ("[::1/x", "no host"),
        ("shop *.example/x", "character in its host"),
        ("xn--*.example/x", "encoded form"),
    ] {
        let mistake = PagePattern::new(pattern).mistake().unwrap_or_default();
        assert!(mistake.contains(what), "{pattern} gave {mistake:?}");
    }
}

#[test]
fn a_pattern_with_a_mistake_still_means_what_can_be_read_of_it() {
    let page = PageName::new(&"https://shop.example/account/x".parse().expect("a URL"));
    for pattern in [
        "https://shop.example/account/*",
        "/account/*",
        "shop.example/account/x#y",
        "jane@shop.example",
    ] {
        assert!(PagePattern::new(pattern).meets(&page), "{pattern}");
    }
}
