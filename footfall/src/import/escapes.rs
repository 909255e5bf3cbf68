//! How Apache and nginx write what a client sent, undone: `\xHH` is a byte, `\"` and `\\` are what they hide, and Apache has
//! `\n` and the like.

use journey::percent::escaped;

/// The text that a field is; what is no UTF-8 becomes the character for that.
pub(super) fn text(field: &str) -> String {
    String::from_utf8_lossy(&bytes(field)).into_owned()
}

/// The address that a field is: what no address may hold as it is, is percent-encoded.
pub(super) fn address(field: &str) -> String {
    let mut address = String::with_capacity(field.len());
    for byte in bytes(field) {
        match byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\') {
            true => address.push(byte.into()),
            false => address.push_str(&format!("%{byte:02X}")),
        }
    }
    address
}

/// What the client sent.
fn bytes(field: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let (byte, taken) = match (first, after) {
            (b'\\', [b'x', digits @ ..]) => escaped(digits).map_or((b'\\', 0), |byte| (byte, 3)),
            (b'\\', [hidden, ..]) => hidden_by(*hidden).map_or((b'\\', 0), |byte| (byte, 1)),
            _ => (*first, 0),
        };
        bytes.push(byte);
        rest = &after[taken..];
    }
    bytes
}

/// What stands behind a backslash; `None` where the backslash is one itself.
fn hidden_by(byte: u8) -> Option<u8> {
    match byte {
        b'"' | b'\\' => Some(byte),
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        b'b' => Some(0x08),
        b'f' => Some(0x0c),
        b'v' => Some(0x0b),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_servers_escape_is_undone() {
        assert_eq!(text(r"gr\xC3\xB6\xc3\x9fe"), "größe");
        assert_eq!(
            text(r#"(a \"b\" \x22c\x22 \\ \t)"#),
            "(a \"b\" \"c\" \\ \t)"
        );
        assert_eq!(text(r"\xFF"), "\u{fffd}");
        for plain in ["größe", r"\q", r"\xG0", r"\x4", "\\"] {
            assert_eq!(text(plain), plain);
        }
    }

    #[test]
    fn of_an_address_what_is_no_ascii_is_percent_encoded() {
        assert_eq!(address(r"/gr\xC3\xB6\xC3\x9Fe?q=1"), "/gr%C3%B6%C3%9Fe?q=1");
        assert_eq!(address("/größe"), "/gr%C3%B6%C3%9Fe");
        assert_eq!(address(r#"/a b\"\\%20\x00"#), "/a%20b%22%5C%20%00");
    }
}
