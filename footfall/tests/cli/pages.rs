//! `footfall pages`, without Kafka.

use serde_json::{Value, json};

use super::footfall_command::{Scratch, footfall};

const DEFINITIONS: &str = r#"[
  {"kind": "deployment", "id": "shop", "owner": "o", "purpose": "p", "contact": "c@shop.example"},
  {"kind": "deployment", "id": "blog", "owner": "o", "purpose": "p", "contact": "c@shop.example"},
  {"kind": "pageClass", "id": "account", "patterns": ["shop.example/account*"], "class": "no_offer"},
  {"kind": "pageClass", "id": "secret", "patterns": ["shop.example/account/secret", "größe.example"], "class": "block",
   "deploymentId": "shop"}
]"#;

#[test]
fn a_page_is_told_its_class_and_the_patterns_that_give_it() {
    let scratch = Scratch::new("pages");
    let file = scratch.write("all.json", DEFINITIONS);
    let test = |url: &str, more: &[&str]| {
        footfall(&[&["pages", "test", url, "--definitions", &file], more].concat())
    };
    let told = test("https://SHOP.example./account/secret", &[]).with(1);
    assert_eq!(
        told,
        "blog no_offer\n  no_offer by shop.example/account* of account\nshop block\n  no_offer by shop.example/account* of \
         account\n  block by shop.example/account/secret of secret\n"
    );
    let free = test("https://shop.example/", &["--deployment", "shop"]).with(0);
    assert_eq!(free, "shop none\n");
    let told = test(
        "https://xn--gre-6ka8i.example/",
        &["--deployment", "shop", "--output", "json"],
    )
    .with(1);
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told[0]["class"], "block");
    assert_eq!(
        told[0]["met"][0],
        json!({"id": "secret", "class": "block", "pattern": "größe.example"})
    );
    assert_eq!(test("shop.example/account", &[]).code, 2);
    assert_eq!(
        test("https://shop.example/", &["--deployment", "nobody"]).code,
        2
    );
}

#[test]
fn a_deployment_that_nobody_answers_for_is_refused() {
    let scratch = Scratch::new("nobody");
    let file = scratch.write("all.json", r#"{"kind": "deployment", "id": "shop"}"#);
    let said = footfall(&["definitions", "validate", &file]).with(1);
    for place in [
        "deployment/shop.owner",
        "deployment/shop.purpose",
        "deployment/shop.contact",
    ] {
        assert!(said.contains(place), "{said}");
    }
}

#[test]
fn a_window_without_a_whole_minute_is_a_wrong_command_line() {
    let window = [
        "--since",
        "2026-11-23T14:00:10Z",
        "--until",
        "2026-11-23T14:00:50Z",
    ];
    let done = footfall(&[&["completeness"], &window[..]].concat());
    assert_eq!(done.code, 2, "{}", done.err);
    assert!(done.err.contains("earlier --since"), "{}", done.err);
}
