//! Ids. Every id that Footfall makes is derived from what caused it, so that a replay makes the same one.

use sha2::{Digest, Sha256};

use crate::Text;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Text);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                $name(Text::from(text))
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                $name(Text::from(text))
            }
        }

        impl From<Text> for $name {
            fn from(text: Text) -> Self {
                $name(text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

id! {
    /// A visitor of one deployment: `<keyId>.<hash>`, a pseudonym under a secret key (`contracts.md` §1).
    CustomerId
}
id! {
    /// A snippet on a site: what the site's owner answers for.
    DeploymentId
}
id! {
    /// One event, as its sender names it (or as `ingest` derives it).
    EventId
}
id! {
    /// One visit.
    VisitId
}
id! {
    /// One offer: `actionId` in the chat engine's reports.
    OfferId
}
id! {
    /// A route path: queue, media type, language, skills.
    RoutePathId
}

/// Hexadecimal.
const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// A UUID-shaped id that is a function of `parts`: the first 128 bits of their SHA-256, version 8 (RFC 9562).
///
/// Each part is preceded by its length, so that `["ab", "c"]` and `["a", "bc"]` differ.
pub fn derive(parts: &[&[u8]]) -> Text {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let mut text = [b'-'; 36];
    let places = (0..36).filter(|at| !matches!(at, 8 | 13 | 18 | 23));
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    for (at, nibble) in places.zip(nibbles) {
        text[at] = DIGITS[usize::from(nibble)];
    }
    Text::from(std::str::from_utf8(&text).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_id_is_a_function_of_its_parts() {
        assert_eq!(derive(&[b"a", b"b"]), derive(&[b"a", b"b"]));
        assert_ne!(derive(&[b"ab", b"c"]), derive(&[b"a", b"bc"]));
    }

    #[test]
    fn a_derived_id_has_the_shape_of_a_version_8_uuid() {
        let id = derive(&[b"x"]);
        assert_eq!(id.len(), 36);
        assert_eq!(id.as_bytes()[14], b'8');
    }
}
