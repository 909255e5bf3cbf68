//! What may part a number into groups, and what is no such number then.

use super::*;

#[test]
fn a_card_is_found_however_its_groups_are_parted() {
    for gap in [
        " ",
        "-",
        "\u{2011}",
        "  ",
        "   ",
        " - ",
        "--",
        ".",
        ". ",
        "_",
        "\t",
        "\n",
        "\r\n",
        "\u{3000}",
        "\u{2009}\u{2013}\u{2009}",
        "\u{2014}",
        "\u{200b}",
    ] {
        for groups in [
            &["4111", "1111", "1111", "1111"][..],
            &["3782", "822463", "10005"],
            &["3056", "930902", "5904"],
            &["6200", "0000", "0000", "0000", "000"],
        ] {
            let card = groups.join(gap);
            check(
                Form::Plain,
                &format!("by {card}, thanks"),
                "by [card], thanks",
            );
            let escaped: String = card.bytes().map(|b| format!("%{b:02X}")).collect();
            check(Form::Query, &format!("q={escaped}&x"), "q=[card]&x");
            check(Form::Path, &format!("/{escaped}/x"), "/[card]/x");
        }
    }
}

#[test]
fn a_query_hides_no_card_by_what_parts_its_groups() {
    for (found, clean) in [
        ("q=4111++1111++1111++1111", "q=[card]"),
        ("q=4111%20%201111%20%201111%20%201111", "q=[card]"),
        ("q=4111+-+1111+-+1111+-+1111", "q=[card]"),
        ("q=4111.1111.1111.1111&x", "q=[card]&x"),
        ("q=4111%0A1111%0A1111%0A1111", "q=[card]"),
        ("q=4111%09+1111+1111+1111", "q=[card]"),
        ("q=%EF%BC%941%EF%BC%911111111111111&x", "q=[card]&x"),
    ] {
        check(Form::Query, found, clean);
    }
}

#[test]
fn a_card_is_found_whatever_comes_next() {
    check(Form::Plain, "4111.1111.1111.1111 2027", "[card] 2027");
    check(
        Form::Plain,
        "4111  1111  1111  1111  12/26",
        "[card]  12/26",
    );
    check(
        Form::Plain,
        "4111 1111 1111 1111\n5555 5555 5555 4444",
        "[card]\n[card]",
    );
    check(
        Form::Plain,
        "4111  1111  1111  1111  5555  5555  5555  4444",
        "[card]  [card]",
    );
}

#[test]
fn digits_of_full_width_are_digits() {
    for (found, clean) in [
        ("４１１１１１１１１１１１１１１１", "[card]"),
        ("４１１１　１１１１　１１１１　１１１１", "[card]"),
        (
            "卡号４１１１－１１１１－１１１１－１１１１。",
            "卡号[card]。",
        ),
        ("4１11１１１１1111１１１１", "[card]"),
        ("＋４９（３０）１２３４－５６７", "[phone]"),
        ("ＤＥ８９３７０４００４４０５３２０１３０００", "[iban]"),
    ] {
        check(Form::Plain, found, clean);
        let escape = url::form_urlencoded::byte_serialize(found.as_bytes()).collect::<String>();
        let mut hits = Hits::default();
        let scrubbed = scrub(&escape, Form::Query, &mut hits).into_owned();
        assert_ne!(hits, Hits::default(), "{scrubbed}");
    }
    untouched(
        Form::Plain,
        &["４１１１１１１１１１１１１１１２", "２０２６年１１月３０日"],
    );
    untouched(Form::Id, &["４１１１１１１１１１１１１１１１"]);
}

#[test]
fn an_iban_is_found_however_its_groups_are_parted() {
    for gap in [
        " ", "-", "  ", " - ", ".", "_", "\t", "\n", "\r\n", "\u{3000}",
    ] {
        let iban = ["DE89", "3704", "0044", "0532", "0130", "00"].join(gap);
        check(
            Form::Plain,
            &format!("to {iban} please"),
            "to [iban] please",
        );
        let escaped: String = iban.bytes().map(|b| format!("%{b:02X}")).collect();
        check(Form::Query, &format!("q={escaped}&x"), "q=[iban]&x");
    }
    for (found, clean) in [
        ("?i=%44%45893704%30044%30532013000", "?i=[iban]"),
        ("?i=D%4589370400440532013000", "?i=[iban]"),
        ("?i=%44E89370400440532013000", "?i=[iban]"),
        ("?i=DE%38%39370400440532013000", "?i=[iban]"),
        ("?i=%2544%254589370400440532013000", "?i=[iban]"),
        ("?i=DE89++3704++0044++0532++0130++00", "?i=[iban]"),
    ] {
        check(Form::Query, found, clean);
    }
    check(Form::Plain, "100%DE89370400440532013000", "100%[iban]");
}

#[test]
fn what_is_parted_otherwise_than_cards_are_printed_is_none() {
    // Each with the digits of a card, so that no check digit tells it.
    untouched(
        Form::Plain,
        &[
            "4111.11.11.1111.1111",
            "4.111.111.111.111.111",
            "411111.1111.1111.11",
            "41.11_11.11_11.11_11.11",
            "4111  11  11 1111 1111",
            "4111\n11111\n1111111",
            "4111    1111    1111    1111",
            "4111:1111:1111:1111",
            "4111/1111/1111/1111",
            "4111, 1111, 1111, 1111",
            "4,111,111,111,111,111",
            "4111 x 1111 x 1111 x 1111",
        ],
    );
}

#[test]
fn a_list_of_numbers_is_no_card() {
    untouched(
        Form::Plain,
        &[
            "4111\n1111\n1111\n1111\n2222\n3333",
            "4111\t1111\t1111\t1111\t2027",
            "0001.4111.1111.1111.1111",
            "4111.1111.1111.1111.1111",
            "2023.2024.2025.2026",
            "4111.1111 1111 1111 1111",
        ],
    );
}

#[test]
fn ordinary_numbers_stay() {
    untouched(
        Form::Plain,
        &[
            "2026-11-30 10:05:14.123",
            "2026.11.30 10.05.14",
            "30.11.2026 – 02.12.2026",
            "v4.12.1-rc.1 (build 5123.4567.89.1)",
            "4.999,00 – 5.999,00 €",
            "5.499.000,00",
            "EAN 4012345678901",
            "4 012345 678901",
            "978-3-16-148410-0",
            "Order 4500-1234-5678",
            "IMG_20261130_100514_4111.jpg",
            "192.168.100.200",
            "51.5074, -0.1278 / 52.5200, 13.4050",
            "1234. 5678. 9012. 3456.",
            "DE89 and 3704 of 0044",
        ],
    );
}
