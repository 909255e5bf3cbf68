//! Who a visitor is: a pseudonym under a secret key (`contracts.md` §1).
//!
//! `customerId = <keyId>.<base32(HMAC-SHA256(key, deploymentId ‖ 0x00 ‖ customerCookieId))[..26]>`, lower case, no padding.

use std::{collections::BTreeMap, fmt};

use hmac::{Hmac, KeyInit, Mac};
use journey::{CustomerId, Text, id};
use serde::Deserialize;
use sha2::Sha256;

/// The letters and digits of RFC 4648's base32, in lower case.
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// How many of them make a visitor: 130 bits.
const HASH_LENGTH: usize = 26;
/// A shorter key is no secret.
const KEY_BYTES: usize = 16;

/// The keys that visitors' ids are made with: one for new events, older ones for reports that still name them.
#[derive(Clone)]
pub struct VisitorKeys {
    current: String,
    keys: BTreeMap<String, Hmac<Sha256>>,
    salt: [u8; 32],
}

impl fmt::Debug for VisitorKeys {
    /// Key ids only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<&String> = self.keys.keys().collect();
        f.debug_struct("VisitorKeys")
            .field("current", &self.current)
            .field("ids", &ids)
            .finish_non_exhaustive()
    }
}

/// Why keys cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The file is not of the expected form.
    #[error(
        "visitor keys are not of the form {{\"current\": \"k1\", \"keys\": {{\"k1\": \"<hex or base64>\"}}}}"
    )]
    NotKeys,
    /// No key has the id that `current` names.
    #[error("`current` names the visitor key {0}, which is not among `keys`")]
    NoCurrent(String),
    /// An id that would not stand in a customer id.
    #[error("{0:?} cannot be a key id: 1 to 16 lower-case letters, digits, `_` or `-`")]
    Id(String),
    /// Neither hexadecimal nor base64.
    #[error("visitor key {0} is neither hexadecimal nor base64")]
    Encoding(String),
    /// Too short.
    #[error(
        "visitor key {0} has fewer than {KEY_BYTES} bytes; make one with `openssl rand -hex 32`"
    )]
    TooShort(String),
}

/// Why a customer id names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadCustomerId {
    /// Not of the form `<keyId>.<hash>`.
    Shape,
    /// Under a key that is not ours.
    UnknownKey,
}

#[derive(Deserialize)]
struct KeysFile {
    current: String,
    keys: BTreeMap<String, String>,
}

impl VisitorKeys {
    /// Keys by id; `current` is used for new events.
    pub fn new(
        current: &str,
        keys: impl IntoIterator<Item = (String, Vec<u8>)>,
    ) -> Result<VisitorKeys, KeyError> {
        let mut macs = BTreeMap::new();
        for (id, key) in keys {
            if !is_key_id(&id) {
                return Err(KeyError::Id(id));
            }
            if key.len() < KEY_BYTES {
                return Err(KeyError::TooShort(id));
            }
            let mac = Hmac::new_from_slice(&key).map_err(|_| KeyError::TooShort(id.clone()))?;
            macs.insert(id, mac);
        }
        let Some(mac) = macs.get(current) else {
            return Err(KeyError::NoCurrent(current.to_owned()));
        };
        // No cookie's hash: that of a cookie begins with a deployment's id, and none is empty.
        let salt = mac.clone().chain_update(b"\0event ids").finalize();
        Ok(VisitorKeys {
            current: current.to_owned(),
            salt: salt.into_bytes().into(),
            keys: macs,
        })
    }

    /// An id that is a function of `parts` and of the current key: nobody without the key can try out what the parts may have
    /// been.
    pub(crate) fn derive(&self, parts: &[&[u8]]) -> Text {
        let salted: Vec<&[u8]> = [&self.salt[..]]
            .into_iter()
            .chain(parts.iter().copied())
            .collect();
        id::derive(&salted)
    }

    /// Keys from the text of a `--visitor-keys-file`: `{"current": "k1", "keys": {"k1": "<hex or base64>"}}`. A key of an
    /// even number of hexadecimal digits is hexadecimal, every other is base64.
    pub fn from_json(text: &str) -> Result<VisitorKeys, KeyError> {
        let file: KeysFile = serde_json::from_str(text).map_err(|_| KeyError::NotKeys)?;
        let mut keys = Vec::new();
        for (id, encoded) in file.keys {
            let key = from_hex(&encoded).or_else(|| from_base64(&encoded));
            keys.push((id.clone(), key.ok_or(KeyError::Encoding(id))?));
        }
        VisitorKeys::new(&file.current, keys)
    }

    /// **Not secret**: the same well-known key everywhere, for `footfall run`, the demo and tests. Ids made with it begin
    /// with `dev.`, so that they are recognised wherever they turn up.
    pub fn development() -> VisitorKeys {
        let key = b"footfall development visitor key".to_vec();
        VisitorKeys::new("dev", [("dev".to_owned(), key)]).expect("a constant key is valid")
    }

    /// The visitor of a cookie, under the current key.
    pub fn customer_id(&self, deployment_id: &str, cookie_id: &str) -> CustomerId {
        self.hash(&self.current, deployment_id, cookie_id)
            .unwrap_or_else(|| unreachable!("the current key is among the keys"))
    }

    /// Whether an id that somebody sent can be one of ours.
    pub(crate) fn check(&self, customer_id: &str) -> Result<(), BadCustomerId> {
        let (key_id, hash) = customer_id.split_once('.').ok_or(BadCustomerId::Shape)?;
        if hash.len() != HASH_LENGTH
            || !hash.bytes().all(|b| BASE32.contains(&b))
            || !is_key_id(key_id)
        {
            return Err(BadCustomerId::Shape);
        }
        if self.keys.contains_key(key_id) {
            Ok(())
        } else {
            Err(BadCustomerId::UnknownKey)
        }
    }

    /// Whether a customer id is that of this cookie, under the key that the id names.
    pub(crate) fn is_of(&self, customer_id: &str, deployment_id: &str, cookie_id: &str) -> bool {
        let key_id = customer_id.split_once('.').map_or("", |(key_id, _)| key_id);
        self.hash(key_id, deployment_id, cookie_id)
            .is_some_and(|of| of.as_str() == customer_id)
    }

    fn hash(&self, key_id: &str, deployment_id: &str, cookie_id: &str) -> Option<CustomerId> {
        let mut mac = self.keys.get(key_id)?.clone();
        mac.update(deployment_id.as_bytes());
        mac.update(&[0]);
        mac.update(cookie_id.as_bytes());
        let digest = mac.finalize().into_bytes();
        let mut id = [0u8; 16 + 1 + HASH_LENGTH];
        id[..key_id.len()].copy_from_slice(key_id.as_bytes());
        id[key_id.len()] = b'.';
        let end = key_id.len() + 1 + HASH_LENGTH;
        base32(&digest, &mut id[key_id.len() + 1..end]);
        std::str::from_utf8(&id[..end]).ok().map(CustomerId::from)
    }
}

fn is_key_id(id: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
    (1..=16).contains(&id.len()) && id.bytes().all(allowed)
}

/// The first `to.len()` digits of `bytes` in base32.
fn base32(bytes: &[u8], to: &mut [u8]) {
    let (mut bits, mut count, mut rest) = (0u32, 0u32, bytes.iter());
    for digit in to {
        if count < 5 {
            bits = (bits << 8) | u32::from(rest.next().copied().unwrap_or(0));
            count += 8;
        }
        count -= 5;
        *digit = BASE32[(bits >> count) as usize & 31];
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(2) {
        return None;
    }
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|c| c.to_digit(16).map(|digit| digit as u8))
        .collect();
    Some(
        digits?
            .chunks_exact(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect(),
    )
}

/// Base64 with either alphabet, padded or not.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0u32, 0);
    for c in text.trim_end_matches('=').bytes() {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    (!bytes.is_empty()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Vector {
        key_id: String,
        key: String,
        deployment_id: String,
        customer_cookie_id: String,
        customer_id: String,
    }

    #[test]
    fn the_published_vectors_hold() {
        let text = include_str!("../test-vectors/visitor-keys.json");
        let vectors: Vec<Vector> = serde_json::from_str(text).expect("the vectors are JSON");
        assert_eq!(vectors.len(), 5);
        for v in vectors {
            let file = format!(
                r#"{{"current":"{0}","keys":{{"{0}":"{1}"}}}}"#,
                v.key_id, v.key
            );
            let keys = VisitorKeys::from_json(&file).expect("valid keys");
            let id = keys.customer_id(&v.deployment_id, &v.customer_cookie_id);
            assert_eq!(id.as_str(), v.customer_id);
            assert_eq!(keys.check(&v.customer_id), Ok(()));
            assert!(keys.is_of(&v.customer_id, &v.deployment_id, &v.customer_cookie_id));
            assert!(!keys.is_of(&v.customer_id, &v.deployment_id, "somebody else"));
        }
    }

    #[test]
    fn base32_is_that_of_rfc_4648() {
        for (bytes, digits) in [
            ("f", "my"),
            ("fo", "mzxq"),
            ("foob", "mzxw6yq"),
            ("foobar", "mzxw6ytboi"),
        ] {
            let mut to = vec![0; digits.len()];
            base32(bytes.as_bytes(), &mut to);
            assert_eq!(to, digits.as_bytes());
        }
    }

    #[test]
    fn a_key_reads_the_same_in_hexadecimal_and_base64() {
        let key = from_hex("000102030405060708090a0b0c0d0e0f").expect("hex");
        assert_eq!(from_base64("AAECAwQFBgcICQoLDA0ODw=="), Some(key.clone()));
        assert_eq!(from_base64("AAECAwQFBgcICQoLDA0ODw"), Some(key));
    }

    #[test]
    fn keys_that_cannot_work_are_refused_in_words() {
        let check = |file: &str, expected: KeyError| {
            assert_eq!(VisitorKeys::from_json(file).map(|_| ()), Err(expected));
        };
        check("k1", KeyError::NotKeys);
        check(
            r#"{"current":"k2","keys":{}}"#,
            KeyError::NoCurrent("k2".into()),
        );
        check(
            r#"{"current":"k1","keys":{"k1":"abcd"}}"#,
            KeyError::TooShort("k1".into()),
        );
        check(
            r#"{"current":"k1","keys":{"k1":"?"}}"#,
            KeyError::Encoding("k1".into()),
        );
        let long = "00".repeat(32);
        check(
            &format!(r#"{{"current":"K.1","keys":{{"K.1":"{long}"}}}}"#),
            KeyError::Id("K.1".into()),
        );
    }

    #[test]
    fn an_id_of_a_retired_key_is_known_and_one_of_a_strange_key_is_not() {
        let key = |byte: u8| vec![byte; 32];
        let old = VisitorKeys::new("k1", [("k1".into(), key(1))]).expect("valid");
        let both =
            VisitorKeys::new("k2", [("k1".into(), key(1)), ("k2".into(), key(2))]).expect("valid");
        let id = old.customer_id("shop", "cookie");
        assert!(both.is_of(id.as_str(), "shop", "cookie"));
        assert_eq!(
            old.check(both.customer_id("shop", "cookie").as_str()),
            Err(BadCustomerId::UnknownKey)
        );
        for shape in [
            "",
            "k1",
            "k1.short",
            "K1.aaaaaaaaaaaaaaaaaaaaaaaaaa",
            "k1.AAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert_eq!(both.check(shape), Err(BadCustomerId::Shape), "{shape}");
        }
    }

    #[test]
    fn a_derived_id_is_one_of_its_parts_and_of_the_current_key() {
        let key = |byte: u8| vec![byte; 32];
        let keys = |current: &str| {
            let all = [("k1".into(), key(1)), ("k2".into(), key(2))];
            VisitorKeys::new(current, all).expect("valid")
        };
        let alone = VisitorKeys::new("k1", [("k1".into(), key(1))]).expect("valid");
        let id = keys("k1").derive(&[b"a", b"b"]);
        assert_eq!(id, alone.derive(&[b"a", b"b"]));
        assert_ne!(id, keys("k1").derive(&[b"ab", b""]));
        assert_ne!(id, keys("k2").derive(&[b"a", b"b"]));
        assert_ne!(id, id::derive(&[b"a", b"b"]));
    }

    #[test]
    fn a_key_is_never_printed() {
        assert_eq!(
            format!("{:?}", VisitorKeys::development()),
            r#"VisitorKeys { current: "dev", ids: ["dev"], .. }"#
        );
    }
}
