//! Halves of characters: what `JSON.stringify` writes of a text that was cut inside one.

use journey::percent;

/// The same JSON with `\ufffd`, the character for what is none, wherever an escape stands for half of a surrogate pair; `None` if
/// none does. A mended text is as long as before.
pub(crate) fn mended(json: &[u8]) -> Option<Vec<u8>> {
    let mut mended = Vec::new();
    let mut at = 0;
    while let Some(skipped) = json[at..].iter().position(|b| *b == b'\\') {
        at += skipped;
        at += match (unit(json, at), unit(json, at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                if mended.is_empty() {
                    mended.extend_from_slice(json);
                }
                mended[at..at + 6].copy_from_slice(b"\\ufffd");
                6
            }
            // The other half of another escape, a backslash above all, is passed over with it.
            _ => 2,
        };
        at = at.min(json.len());
    }
    (!mended.is_empty()).then_some(mended)
}

/// The UTF-16 unit that an escape at `at` stands for.
fn unit(json: &[u8], at: usize) -> Option<u16> {
    let digits = json.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let bytes = [percent::escaped(digits)?, percent::escaped(&digits[2..])?];
    Some(u16::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_character_is_replaced_and_a_whole_one_is_not() {
        for (json, expected) in [
            (r#""cut \ud83d""#, Some(r#""cut \ufffd""#)),
            (r#""\ude00 and \uD83D!""#, Some(r#""\ufffd and \ufffd!""#)),
            (r#""\ud83d\ud83d\ude00""#, Some(r#""\ufffd\ud83d\ude00""#)),
            (r#""\ud83d\ude00""#, None),
            (r#""a backslash: \\ud83d""#, None),
            (r#""\\\ud83d""#, Some(r#""\\\ufffd""#)),
            (r#""\ud83""#, None),
            (r#""\"#, None),
        ] {
            let found = mended(json.as_bytes());
            assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{json}");
        }
    }
}
