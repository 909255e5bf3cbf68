//! What a loader must know of an event: whose it is, and when it was sent.

use std::{borrow::Cow, fmt};

use journey::Timestamp;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// What a loader must know of a line of JSON; as much of it as can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Whose it is: the record's key.
    pub key: Option<String>,
    /// `sentDate`, else `createdDate`.
    pub sent_at: Option<Timestamp>,
}

impl Envelope {
    /// Reads a line. What is not JSON, or no object, has neither key nor time.
    pub fn read(line: &[u8], key_field: &str) -> Envelope {
        let mut deserializer = serde_json::Deserializer::from_slice(line);
        let read = deserializer.deserialize_map(Fields { key_field });
        let whole = read.and_then(|envelope| deserializer.end().map(|()| envelope));
        whole.unwrap_or_default()
    }
}

struct Fields<'a> {
    key_field: &'a str,
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = Envelope;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Envelope, A::Error> {
        let mut key = None;
        let (mut sent, mut created) = (None, None);
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            let field = match &*name {
                name if name == self.key_field => &mut key,
                "sentDate" => &mut sent,
                "createdDate" => &mut created,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            if let Value::String(text) = map.next_value::<Value>()? {
                *field = Some(text);
            }
        }
        let time = |text: Option<String>| Timestamp::parse(&text?);
        Ok(Envelope {
            key,
            sent_at: time(sent).or_else(|| time(created)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> (Option<String>, Option<i64>) {
        let envelope = Envelope::read(line.as_bytes(), "customerCookieId");
        (envelope.key, envelope.sent_at.map(|at| at.0))
    }

    #[test]
    fn the_time_of_sending_counts_before_that_of_happening() {
        let line = r#"{"customerCookieId":"c","createdDate":"1970-01-01T00:00:01Z","sentDate":"1970-01-01T00:00:02Z"}"#;
        assert_eq!(read(line), (Some("c".to_owned()), Some(2000)));
        let line = r#"{"page":{"customerCookieId":"no"},"createdDate":"1970-01-01T00:00:01Z","sentDate":"soon"}"#;
        assert_eq!(read(line), (None, Some(1000)));
    }

    #[test]
    fn what_cannot_be_read_has_neither_key_nor_time() {
        for line in [
            "",
            "[1]",
            "null",
            r#"{"customerCookieId":"c","createdDate":"1970-01-01T00:00:01Z""#,
            r#"{"customerCookieId":7,"sentDate":{}}"#,
            r#"{"customerCookieId":"c"} and more"#,
        ] {
            assert_eq!(read(line), (None, None), "{line}");
        }
    }
}
