//! E-mail addresses.

use super::{super::Kind, Found, reading::byte};

/// The longest name before an `@`: 64 bytes, each of which may be percent-encoded.
const LONGEST_LOCAL: usize = 3 * 64;
/// The longest domain.
const LONGEST_DOMAIN: usize = 253;

/// The domain first: it stands at most once per `@`, where names before it may overlap (`%40%40%40…`).
pub(super) fn email(text: &str, done: usize, at: usize, after: usize) -> Option<Found> {
    let end = mail_domain(text, after)?;
    let start = done.max(at.saturating_sub(LONGEST_LOCAL));
    let bytes = text.as_bytes();
    let local = |b: u8| {
        b.is_ascii_alphanumeric() || b >= 0x80 || matches!(b, b'.' | b'_' | b'+' | b'-' | b'\'')
    };
    let length = bytes[start..at]
        .iter()
        .rev()
        .take_while(|b| local(**b) || **b == b'%')
        .count();
    // A bound inside a character is no place to cut.
    let mut from = text.ceil_char_boundary(at - length);
    // Nor does a name begin before what is escaped and part of none.
    let mut look = from;
    while look < at {
        let Some((byte, width)) = byte(bytes, look) else {
            break;
        };
        look += width;
        if !local(byte) {
            from = look.min(at);
        }
    }
    let named = bytes[from..at]
        .iter()
        .any(|b| b.is_ascii_alphanumeric() || *b >= 0x80);
    named.then_some((Kind::Email, from..end))
}

/// Where the domain that takes mail ends, if one begins at `after`: the longest that may be one, as a sentence or a file's ending may
/// follow (`jane@example.com.pdf`).
fn mail_domain(text: &str, after: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut name: Vec<u8> = Vec::new();
    // Where it ends, without a dot or hyphen that belongs to what follows.
    let (mut at, mut end, mut length) = (after, after, 0);
    let mut shorter = Vec::new();
    while name.len() <= LONGEST_DOMAIN {
        let Some((byte, width)) = byte(bytes, at) else {
            break;
        };
        match byte {
            b'.' | b'-' => {
                if byte == b'.' {
                    shorter.push((end, length));
                }
                name.push(byte);
            }
            _ if byte.is_ascii_alphanumeric() || byte >= 0x80 => {
                name.push(byte.to_ascii_lowercase());
                (end, length) = (at + width, name.len());
            }
            _ => break,
        }
        at += width;
    }
    if name.len() > LONGEST_DOMAIN {
        return None;
    }
    shorter.push((end, length));
    // A domain that is a public suffix itself may take mail too, as `co.com` does; a name without a dot is no domain.
    let is_known = |name: &[u8]| name.contains(&b'.') && public_suffix::has_known_suffix(name);
    let known = |(_, length): &(usize, usize)| is_known(&name[..*length]);
    shorter.into_iter().rev().find(known).map(|(end, _)| end)
}
