//! What identifies a visitor, held to its type: an e-mail address in lower case, a telephone number in E.164, an id of the
//! owner's own. What is none is dropped and counted: a wrong number must not link two people.

use std::borrow::Cow;

use journey::definitions::{CallingCode, IdentifierType};

/// The value as it is kept; `None` if it is not of its type.
pub(crate) fn normalised<'v>(
    kind: IdentifierType,
    value: &'v str,
    country: Option<&str>,
) -> Option<Cow<'v, str>> {
    let value = value.trim();
    match kind {
        IdentifierType::Email => email(value).map(Cow::Owned),
        IdentifierType::Phone => phone(value, country).map(Cow::Owned),
        IdentifierType::ExternalId => external(value).map(Cow::Borrowed),
    }
}

/// Genesys' limit of an identifier's value.
const LONGEST_ID: usize = 255;

fn external(value: &str) -> Option<&str> {
    let fits = (1..=LONGEST_ID).contains(&value.len()) && !value.chars().any(char::is_control);
    fits.then_some(value)
}

/// One `@`, a name of 64 bytes at most, a domain under a known public suffix.
fn email(value: &str) -> Option<String> {
    let (name, domain) = value.split_once('@')?;
    let named = (1..=64).contains(&name.len())
        && !name
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || "\"<>(),:;[]\\".contains(c))
        && !name.starts_with('.')
        && !name.ends_with('.');
    let domain = domain.to_lowercase();
    let labels = domain.contains('.')
        && domain.len() <= 253
        && domain.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        });
    let known = public_suffix::has_known_suffix(domain.as_bytes());
    (named && labels && known).then(|| format!("{}@{domain}", name.to_lowercase()))
}

/// The code of the countries whose numbers have ten digits, area code included.
const NORTH_AMERICA: &str = "1";
const NORTH_AMERICAN: usize = 10;

/// Without the digit that is dialled before it, a short number is one within a town, and there is one in every town.
fn is_longer_than_local(digits: &str) -> bool {
    digits.len() >= 10
}

/// E.164: `+`, 8 to 15 digits, the first no zero. A number without a country is the default country's.
fn phone(value: &str, country: Option<&str>) -> Option<String> {
    let (international, rest) = match value.strip_prefix('+').or_else(|| value.strip_prefix("00")) {
        Some(rest) => (true, rest),
        None => (false, value),
    };
    let punctuation = |c: char| matches!(c, ' ' | '-' | '.' | '/' | '(' | ')' | '\u{a0}');
    // `+44 (0)20 …`: the digit that is dialled at home only.
    let rest = if international {
        rest.replacen("(0)", "", 1)
    } else {
        rest.to_owned()
    };
    if !rest.chars().all(|c| c.is_ascii_digit() || punctuation(c)) {
        return None;
    }
    let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    let number = if international {
        digits
    } else {
        let CallingCode { code, trunk, .. } = CallingCode::of(country?)?;
        let abroad = digits.strip_prefix(*trunk);
        let whole = digits.as_str();
        let abroad =
            abroad.or((trunk.is_empty() || is_longer_than_local(whole)).then_some(whole))?;
        if *code == NORTH_AMERICA && abroad.len() != NORTH_AMERICAN {
            return None;
        }
        format!("{code}{abroad}")
    };
    let fits = (8..=15).contains(&number.len()) && !number.starts_with('0');
    fits.then(|| format!("+{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use IdentifierType::{Email, ExternalId, Phone};

    #[track_caller]
    fn check(kind: IdentifierType, country: Option<&str>, cases: &[(&str, Option<&str>)]) {
        for (value, expected) in cases {
            assert_eq!(
                normalised(kind, value, country).as_deref(),
                *expected,
                "{value}"
            );
        }
    }

    #[test]
    fn an_e_mail_address_is_kept_in_lower_case() {
        check(
            Email,
            None,
            &[
                (
                    " Jane.Doe+shop@Example.COM ",
                    Some("jane.doe+shop@example.com"),
                ),
                ("jürgen@exämple.de", Some("jürgen@exämple.de")),
                ("jane", None),
                ("jane@localhost", None),
                ("jane@example.nosuchsuffix", None),
                ("jane@@example.com", None),
                ("jane doe@example.com", None),
                (".jane@example.com", None),
                ("jane@-example.com", None),
                ("a@b@example.com", None),
                ("", None),
            ],
        );
    }

    #[test]
    fn a_telephone_number_is_kept_in_e_164() {
        check(
            Phone,
            None,
            &[
                ("+49 (30) 1234-567", Some("+49301234567")),
                ("0049 30 1234567", Some("+49301234567")),
                ("+44 (0)20 7946 0018", Some("+442079460018")),
                ("030 1234567", None),
                ("+1234567", None),
                ("+1234567890123456", None),
                ("+0301234567", None),
                ("+49 30 CALL-ME", None),
                ("", None),
            ],
        );
        check(
            Phone,
            Some("DE"),
            &[
                ("030 1234567", Some("+49301234567")),
                ("+14155550100", Some("+14155550100")),
                ("170 1234567", Some("+491701234567")),
                ("1234567", None),
                ("12345678", None),
            ],
        );
        check(
            Phone,
            Some("US"),
            &[
                ("(415) 555-0100", Some("+14155550100")),
                ("1-415-555-0100", Some("+14155550100")),
                ("555-0100", None),
                ("1-555-0100", None),
            ],
        );
        check(Phone, Some("IT"), &[("06 698 1234", Some("+39066981234"))]);
        check(Phone, Some("XX"), &[("030 1234567", None)]);
    }

    #[test]
    fn an_external_id_is_any_short_text() {
        check(
            ExternalId,
            None,
            &[(" K-4711 ", Some("K-4711")), ("", None), ("a\u{7}b", None)],
        );
        assert_eq!(normalised(ExternalId, &"x".repeat(256), None), None);
    }
}
