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
fn a_plus_is_a_space_in_the_query_alone() {
    check(
        "https://shop.example/call/%20+4915112345678?+4915112345678&q=foo+12345678",
        [
            "https://shop.example/call/%20[phone]?[phone]&q=foo+12345678",
            "shop.example",
            "shop.example",
            "/call/%20[phone]",
            "[phone]&q=foo+12345678",
            "call>%20[phone]",
        ],
    );
    check(
        "app://app/Call%20+4915112345678",
        [
            "app://app/Call%20[phone]",
            "app",
            "app",
            "/Call%20[phone]",
            "",
            "Call%20[phone]",
        ],
    );
    let address = "https://shop.example/?q=+4915112345678#+4915112345678";
    let visited = read_page(address, true).expect("a page");
    assert_eq!(visited.page.url, "https://shop.example/?q=[phone]#[phone]");
    assert_eq!(visited.page.fragment.as_deref(), Some("[phone]"));
    assert_eq!(visited.search.as_deref(), Some("[phone]"));
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

#[test]
fn what_is_cut_out_of_a_host_leaves_one() {
    for address in [
        "amp://exa=jane%40example.com/x",
        "shop://320133000&phone=%2B49301234567",
        "https://[2001:db8::4930:1234]/x",
    ] {
        let page = read_page(address, false).expect("a page").page;
        assert!(!page.url.contains("jane") && !page.url.contains("49301234567"));
        let again = Url::parse(&page.url).expect("an address");
        assert_eq!(again.host_str(), Some(&*page.hostname), "{address}");
    }
}
