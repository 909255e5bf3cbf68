//! What is made of rules is found as what was thought of.

use super::*;

/// What stands beside a word and is part of none.
const BESIDE: [&str; 26] = [
    "", "\"", "(", ")", "„", "“", "”", "‘", "’", "«", "»", "\u{a0}", "\u{3000}", "\u{200b}", "…",
    "–", "，", "。", "、", "：", "（", "）", "「", "】", "📞", "☎",
];
/// Words of scripts that part none.
const GLUED: [&str; 3] = ["まで", "卡号", "โทร"];

/// A text as forms escape it, with every byte escaped, and both of them again.
fn escapes(text: &str) -> [String; 4] {
    let form =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let whole: String = text.bytes().map(|b| format!("%{b:02X}")).collect();
    [form(text), form(&form(text)), form(&whole), whole]
}

fn with_check_digit(body: &str) -> String {
    let check_digit = (0..10)
        .map(|d| format!("{body}{d}"))
        .find(|card| detect::luhn(card.as_bytes()));
    check_digit.expect("some digit fits")
}

proptest::proptest! {
    #[test]
    fn nothing_beside_a_word_hides_it(
        name in "[a-z][a-z0-9._-]{0,12}[a-z0-9]",
        host in proptest::sample::select(vec!["example.com", "example.co.uk", "bücher.de", "пример.рф"]),
        body in "4[0-9]{14}",
        (length, country) in detect::countries(),
        account in "[A-Z0-9]{31}",
        phone in "[1-9][0-9]{9,11}",
        (before, behind) in (0..BESIDE.len() + GLUED.len(), 0..BESIDE.len() + GLUED.len()),
    ) {
        let beside = |at: usize| BESIDE.get(at).unwrap_or_else(|| &GLUED[at - BESIDE.len()]);
        let (before, behind) = (*beside(before), *beside(behind));
        for (found, stand_in) in [
            (format!("{name}@{host}"), "[email]"),
            (with_check_digit(&body), "[card]"),
            (detect::with_check_digits(country, &account[..length - 4]), "[iban]"),
            (format!("+{phone}"), "[phone]"),
        ] {
            // A name before an `@` may be of any letters.
            let kept = if stand_in == "[email]" && GLUED.contains(&before) { "" } else { before };
            let text = format!("{before}{found}{behind}");
            let scrubbed = scrub(&text, Form::Plain, &mut Hits::default()).into_owned();
            proptest::prop_assert_eq!(scrubbed, format!("{kept}{stand_in}{behind}"), "{}", text);
            for (form, start, end) in [(Form::Query, "a=", "&b=1"), (Form::Path, "/u/", "/edit")] {
                let parts = escapes(kept).into_iter().zip(escapes(behind));
                for (escaped, (kept, behind)) in escapes(&text).iter().zip(parts) {
                    let text = format!("{start}{escaped}{end}");
                    let scrubbed = scrub(&text, form, &mut Hits::default()).into_owned();
                    proptest::prop_assert_eq!(scrubbed, format!("{start}{kept}{stand_in}{behind}{end}"), "{}", text);
                }
            }
        }
    }

    #[test]
    fn a_text_changes_exactly_where_something_was_found(text in "\\PC*|[0-9@%+ .a-zé-]*|[0-9@%+EFBC.\"“まé４Ｄ＠＋-]*") {
        for form in [Form::Plain, Form::Query, Form::Path, Form::Id] {
            let mut hits = Hits::default();
            let clean = scrub(&text, form, &mut hits);
            proptest::prop_assert_eq!(hits == Hits::default(), clean == text);
        }
    }

    #[test]
    fn generated_ibans_are_found_whole_and_in_groups(
        (length, country) in detect::countries(),
        account in "[A-Z0-9]{31}",
        lower in proptest::prelude::any::<bool>(),
    ) {
        let iban = detect::with_check_digits(country, &account[..length - 4]);
        let iban = if lower { iban.to_lowercase() } else { iban };
        let groups: Vec<&str> = (0..length).step_by(4).map(|at| &iban[at..length.min(at + 4)]).collect();
        for (form, found) in [
            (Form::Plain, iban.clone()),
            (Form::Plain, groups.join(" ")),
            (Form::Query, iban.clone()),
            (Form::Query, groups.join("+")),
            (Form::Query, groups.join("%20")),
        ] {
            let text = format!("a={found}&b=1");
            let scrubbed = scrub(&text, form, &mut Hits::default()).into_owned();
            proptest::prop_assert_eq!(scrubbed, "a=[iban]&b=1", "{}", text);
        }
    }

    #[test]
    fn numbers_with_check_digits_are_found_whatever_parts_their_groups(
        body in "4[0-9]{14}",
        (length, country) in detect::countries(),
        account in "[A-Z0-9]{31}",
        gaps in proptest::collection::vec("[-._ \\t\\n\u{a0}\u{2013}\u{3000}\u{200b}]{1,3}", 8),
    ) {
        let iban = detect::with_check_digits(country, &account[..length - 4]);
        for (whole, stand_in) in [(with_check_digit(&body), "[card]"), (iban, "[iban]")] {
            let last = (whole.len() - 1) / 4;
            let grouped: String = (0..=last)
                .map(|i| {
                    let gap = if i < last { gaps[i].as_str() } else { "" };
                    format!("{}{gap}", &whole[4 * i..whole.len().min(4 * i + 4)])
                })
                .collect();
            let text = format!("a={grouped};b");
            let scrubbed = scrub(&text, Form::Plain, &mut Hits::default()).into_owned();
            proptest::prop_assert_eq!(scrubbed, format!("a={};b", stand_in), "{:?}", text);
            for escaped in escapes(&grouped) {
                for form in [Form::Query, Form::Path] {
                    let text = format!("a={escaped}&b=1");
                    let scrubbed = scrub(&text, form, &mut Hits::default()).into_owned();
                    proptest::prop_assert_eq!(scrubbed, format!("a={}&b=1", stand_in), "{:?}", text);
                }
            }
        }
    }

    #[test]
    fn what_fails_an_ibans_check_stays(
        (length, country) in detect::countries(),
        account in "[A-Z]{31}",
        by in 1..97u32,
    ) {
        let iban = detect::with_check_digits(country, &account[..length - 4]);
        let digits: u32 = iban[2..4].parse().expect("two digits");
        // Check digits stand for a remainder: what differs by 97 has the same one.
        let other = format!("{country}{:02}{}", (digits + by) % 97, &iban[4..]);
        let stays = scrub(&other, Form::Plain, &mut Hits::default()).into_owned();
        proptest::prop_assert_eq!(stays, other);
    }

    #[test]
    fn what_is_found_in_a_text_is_found_in_a_urls_form_of_it(
        name in "[a-z][a-z0-9._-]{0,12}[a-z0-9]",
        body in "4[0-9]{14}",
        phone in "[1-9][0-9]( ?\\([0-9]{2,3}\\) ?| |-|/|\\.|)[0-9]{3}[ ./-]?[0-9]{3,5}",
        place in 0..3usize,
    ) {
        let card = with_check_digit(&body);
        let spaced = format!("{} {} {} {}", &card[..4], &card[4..8], &card[8..12], &card[12..]);
        for (found, stand_in) in [
            (format!("{name}@example.com"), "[email]"),
            (card, "[card]"),
            (spaced, "[card]"),
            (format!("+{phone}"), "[phone]"),
        ] {
            let escape = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let escaped = escape(&found);
            let lower = escaped.replace("%2B", "%2b");
            let whole: String = found
                .bytes()
                .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
                .collect();
            for found in [&escaped, &lower, &whole, &escape(&escaped), &escape(&whole)] {
                let (before, after) = [("a=", "&b=1"), ("/u/", "/edit"), ("a=1&b=", "")][place];
                let scrubbed = scrub(&format!("{before}{found}{after}"), Form::Query, &mut Hits::default()).into_owned();
                proptest::prop_assert_eq!(scrubbed, format!("{before}{stand_in}{after}"));
            }
        }
    }

    #[test]
    fn generated_addresses_cards_and_numbers_are_found(
        name in "[a-z][a-z0-9._+-]{0,12}[a-z0-9]",
        host in "[a-z][a-z0-9-]{0,10}[a-z0-9]\\.(com|de|co\\.uk|org)",
        body in "4[0-9]{14}",
        phone in "[1-9][0-9]{9,11}",
    ) {
        let card = with_check_digit(&body);
        for (found, stand_in) in [
            (format!("{name}@{host}"), "[email]"),
            (card, "[card]"),
            (format!("+{phone}"), "[phone]"),
        ] {
            let text = format!("before {found} after");
            let scrubbed = scrub(&text, Form::Plain, &mut Hits::default()).into_owned();
            proptest::prop_assert_eq!(scrubbed, format!("before {} after", stand_in));
        }
    }
}
