//! Languages as BCP 47 writes them, so that `en_us`, `EN-US` and `en-US` are one.

use std::borrow::Cow;

/// The longest tag that is kept: language, script, region and a variant or two.
const LONGEST: usize = 35;

/// The first tag of what is said (`de-CH,de;q=0.8` names two), each part in its own case; `None` if it is none.
pub(crate) fn normalised(said: &str) -> Option<Cow<'_, str>> {
    let tag = said.split([',', ';']).next()?.trim();
    let language = tag.split(['-', '_']).next()?;
    let well_formed = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let is_language =
        (2..=8).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_alphabetic());
    if tag.len() > LONGEST || !is_language || !tag.split(['-', '_']).all(well_formed) {
        return None;
    }
    let as_it_is = language.bytes().all(|b| b.is_ascii_lowercase())
        && is_nothing_or_a_region(&tag[language.len()..]);
    Some(if as_it_is {
        Cow::Borrowed(tag)
    } else {
        Cow::Owned(in_its_case(tag))
    })
}

/// What most tags have after their language: `-US`, or nothing.
fn is_nothing_or_a_region(rest: &str) -> bool {
    matches!(rest.as_bytes(), [] | [b'-', b'A'..=b'Z', b'A'..=b'Z'])
}

/// Language and what extends it in lower case, a script in title case, a region in upper case.
fn in_its_case(tag: &str) -> String {
    let mut whole = String::with_capacity(tag.len());
    let mut extended = false;
    for (i, part) in tag.split(['-', '_']).enumerate() {
        if i > 0 {
            whole.push('-');
        }
        let letters = part.bytes().all(|b| b.is_ascii_alphabetic());
        let start = whole.len();
        whole.push_str(part);
        let written = &mut whole[start..];
        written.make_ascii_lowercase();
        match (i, part.len()) {
            (1.., 2) if letters && !extended => written.make_ascii_uppercase(),
            (1.., 4) if letters && !extended => written[..1].make_ascii_uppercase(),
            _ => {}
        }
        extended |= part.len() == 1;
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_written_as_bcp_47_does() {
        for (said, expected) in [
            ("en", Some("en")),
            ("EN", Some("en")),
            ("en_us", Some("en-US")),
            ("zh-hant-TW", Some("zh-Hant-TW")),
            ("de-CH,de;q=0.8,en;q=0.5", Some("de-CH")),
            ("es-419", Some("es-419")),
            ("sl-rozaj-biske", Some("sl-rozaj-biske")),
            ("en-a-BBB-x-US", Some("en-a-bbb-x-us")),
            ("", None),
            ("*", None),
            ("x", None),
            ("e1", None),
            ("en--US", None),
            ("jane@example.com", None),
            ("en-US-posix-and-so-on-and-so-on-and-so", None),
        ] {
            assert_eq!(normalised(said).as_deref(), expected, "{said}");
        }
    }
}
