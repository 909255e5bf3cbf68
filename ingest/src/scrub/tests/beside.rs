//! What stands beside an address or a number without a space hides neither.

use super::*;

/// A text with `[…]` in place of what is found in it, from the text.
#[track_caller]
fn found_in(form: Form, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        check(form, text, expected);
    }
}

#[test]
fn no_character_behind_an_address_hides_it() {
    found_in(
        Form::Plain,
        &[
            ("„jane@example.com“", "„[email]“"),
            ("“jane@example.com”", "“[email]”"),
            ("«jane@example.com»", "«[email]»"),
            ("jane@example.com\u{a0}bis", "[email]\u{a0}bis"),
            ("jane@example.com…", "[email]…"),
            ("jane@example.com–joe@example.org", "[email]–[email]"),
            ("jane@example.com’s", "[email]’s"),
            ("jane@example.com，joe", "[email]，joe"),
            ("jane@example.com。", "[email]。"),
            ("jane@example.com📞", "[email]📞"),
            ("jane@example.comまで", "[email]まで"),
            ("邮箱：jane@example.com，谢谢", "邮箱：[email]，谢谢"),
            ("（jane@example.com）", "（[email]）"),
            (
                "jane@example.com…www.example.org",
                "[email]…www.example.org",
            ),
        ],
    );
    found_in(
        Form::Query,
        &[
            (
                "m=%E2%80%9Ejane@example.com%E2%80%9C&x",
                "m=%E2%80%9E[email]%E2%80%9C&x",
            ),
            ("m=jane%40example.com%C2%A0&x", "m=[email]%C2%A0&x"),
            ("m=jane%40example.com%E2%80%A6", "m=[email]%E2%80%A6"),
            (
                "m=jane%40example.com%E3%81%BE%E3%81%A7",
                "m=[email]%E3%81%BE%E3%81%A7",
            ),
            (
                "n=%252Fm%253Djane%2540example.com%25C2%25A0",
                "n=%252Fm%253D[email]%25C2%25A0",
            ),
        ],
    );
}

#[test]
fn a_domain_of_other_letters_is_found_whole() {
    found_in(
        Form::Plain,
        &[
            ("jane@bücher.de!", "[email]!"),
            ("jane@bu\u{308}cher.de", "[email]"),
            ("jane@пример.рф.", "[email]."),
            ("jane@例え.jpまで", "[email]まで"),
            ("jane@हिन्दी.भारत", "[email]"),
            ("jane@col·legi.cat", "[email]"),
            ("jane@i❤.ws", "[email]"),
            ("请联系 jane＠example．com 。", "请联系 [email] 。"),
        ],
    );
    check(Form::Query, "m=jane%40b%C3%BCcher.de&x", "m=[email]&x");
    // As Latin-1 has it.
    check(Form::Query, "m=j%FCrgen%40b%FCcher.de&x", "m=[email]&x");
}

#[test]
fn what_follows_a_domain_behind_a_hyphen_does_not_hide_it() {
    for hyphens in [1, 3, 237, 238, 252, 1000] {
        let behind = "-".repeat(hyphens);
        let text = format!("jane@example.com{behind}");
        check(Form::Plain, &text, &format!("[email]{behind}"));
        check(Form::Path, &text, &format!("[email]{behind}"));
    }
    let long = format!("jane@example.com.{}", "a".repeat(300));
    check(
        Form::Plain,
        &long,
        &long.replace("jane@example.com", "[email]"),
    );
    check(
        Form::Path,
        "/f/jane@example.com-invoice.pdf",
        "/f/[email]-invoice.pdf",
    );
    check(Form::Plain, "jane@my-shop.co-op.com", "[email]");
    untouched(Form::Path, &["/logo@2x.de-AT.png", "/a@1.2.0-rc.tgz"]);
}

#[test]
fn a_name_in_quotation_marks_is_found() {
    found_in(
        Form::Plain,
        &[
            ("\"jane.doe\"@example.com", "[email]"),
            (
                "to \"jane (at home) doe\"@example.com now",
                "to [email] now",
            ),
            ("“jane.doe”@example.com", "[email]"),
        ],
    );
    check(Form::Path, "/%22jane%20doe%22@example.com", "/[email]");
    check(
        Form::Query,
        "m=%22jane.doe%22%40example.com&x",
        "m=[email]&x",
    );
    untouched(
        Form::Plain,
        &[
            "\"a\" and \"@example.com\"",
            "{\"to\":\"@example.com\"}",
            "\"@example.com",
            "\"\"@example.com",
        ],
    );
    let long = format!("\"{}\"@example.com", "a".repeat(300));
    untouched(Form::Plain, &[&long]);
}

#[test]
fn no_sign_beside_a_card_an_account_or_a_telephone_number_hides_it() {
    found_in(
        Form::Plain,
        &[
            ("Karte „4111 1111 1111 1111“", "Karte „[card]“"),
            ("卡号4111111111111111", "卡号[card]"),
            ("4111111111111111）", "[card]）"),
            ("卡号：4111111111111111，谢谢", "卡号：[card]，谢谢"),
            ("№4111111111111111…", "№[card]…"),
            ("Nº4111111111111111", "Nº[card]"),
            ("☎+4915112345678", "☎[phone]"),
            ("📞+49 151 12345678", "📞[phone]"),
            ("Tel.：+4915112345678", "Tel.：[phone]"),
            ("+49 151 12345678…", "[phone]…"),
            ("電話＋４９１５１１２３４５６７８まで", "電話[phone]まで"),
            ("IBAN „DE89370400440532013000“", "IBAN „[iban]“"),
            ("账号DE89370400440532013000。", "账号[iban]。"),
        ],
    );
    found_in(
        Form::Query,
        &[
            (
                "q=%E2%80%9E4111111111111111%E2%80%9C",
                "q=%E2%80%9E[card]%E2%80%9C",
            ),
            (
                "q=%E2%80%9EDE89370400440532013000%E2%80%9C",
                "q=%E2%80%9E[iban]%E2%80%9C",
            ),
            (
                "q=%E2%98%8E%2B4915112345678%E2%80%A6",
                "q=%E2%98%8E[phone]%E2%80%A6",
            ),
        ],
    );
}

#[test]
fn a_letter_beside_a_number_makes_a_word_of_it_in_every_script_with_capital_letters() {
    untouched(
        Form::Plain,
        &[
            "é4111111111111111",
            "4111111111111111ß",
            "карта4111111111111111",
            "Ａ4111111111111111",
            "４4111111111111111",
            "äDE89370400440532013000",
            "DE89370400440532013000ä",
            "ä+4915112345678",
        ],
    );
}
