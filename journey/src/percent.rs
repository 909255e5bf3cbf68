//! Percent encoding, undone.

use std::borrow::Cow;

/// Undoes percent encoding, and with `plus_is_space` that of forms. What is no escape stays as it is, and what is no UTF-8
/// becomes the character for that.
pub fn decode(text: &str, plus_is_space: bool) -> Cow<'_, str> {
    if !text
        .bytes()
        .any(|b| b == b'%' || (plus_is_space && b == b'+'))
    {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, escaped(after)) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (b'+', _) if plus_is_space => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
    }
    Cow::Owned(
        String::from_utf8(bytes)
            .unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()),
    )
}

/// The byte that an escape stands for whose digits these bytes begin with: what comes after the `%`.
pub fn escaped(after: &[u8]) -> Option<u8> {
    let digit = |i: usize| after.get(i).and_then(|b| char::from(*b).to_digit(16));
    Some((digit(0)? * 16 + digit(1)?) as u8)
}
