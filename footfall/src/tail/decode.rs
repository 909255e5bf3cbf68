//! Records as JSON: Avro by the schema that wrote it, JSON as it is, time as marks and ticks, and bytes as what they are.

use std::collections::HashMap;

use apache_avro::Schema;
use journey::{mark, topics::Lane};
use pipeline::{kafka::read::ReadRecord, log::LogError, registry::Registry};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// One line.
#[derive(Debug, Serialize)]
pub(crate) struct Line<'r> {
    topic: &'r str,
    partition: u32,
    offset: i64,
    timestamp: String,
    key: Value,
    #[serde(skip_serializing_if = "Map::is_empty")]
    headers: Map<String, Value>,
    value: Value,
}

/// Decodes values; asks the registry for each schema once.
#[derive(Debug)]
pub(crate) struct Decoder {
    registry: Registry,
    lane: Lane,
    schemas: HashMap<u32, Schema>,
}

impl Decoder {
    pub(crate) fn new(registry: Registry, lane: Lane) -> Decoder {
        Decoder {
            registry,
            lane,
            schemas: HashMap::new(),
        }
    }

    /// A record as a line. An error only where a schema of ours cannot be had.
    pub(crate) fn line<'r>(&mut self, record: &'r ReadRecord) -> Result<Line<'r>, LogError> {
        let is_time = record.key.is_none() && record.value.is_none();
        let others = record
            .headers
            .iter()
            .filter(|(name, _)| name != mark::HEADER);
        let value = match (record.mark(), &record.value) {
            (Some(mark), None) if is_time => json!({"mark": json_or_bytes(mark)}),
            (None, None) if is_time && record.headers.is_empty() => json!({"tick": true}),
            (_, None) => Value::Null,
            (_, Some(value)) => self.value(&record.topic, value)?,
        };
        Ok(Line {
            topic: &record.topic,
            partition: record.partition,
            offset: record.offset,
            timestamp: record.timestamp.to_string(),
            key: record.key.as_deref().map_or(Value::Null, bytes),
            headers: others
                .map(|(name, value)| (name.clone(), bytes(value)))
                .collect(),
            value,
        })
    }

    /// A value that stood in `topic`.
    fn value(&mut self, topic: &str, value: &[u8]) -> Result<Value, LogError> {
        let bare = self.lane.bare(topic);
        let is_avro = schemas::all().iter().any(|subject| subject.topic == bare);
        if is_avro && let Some((id, body)) = schemas::unframe(value) {
            let schema = self.schema(id)?;
            return Ok(schemas::to_json(schema, body).unwrap_or_else(|_| bytes(value)));
        }
        Ok(self.guess(value))
    }

    /// A value of which nothing is known: a state, or what was a mistake.
    pub(crate) fn guess(&mut self, value: &[u8]) -> Value {
        if let Some((id, body)) = schemas::unframe(value)
            && let Ok(schema) = self.schema(id)
            && let Ok(json) = schemas::to_json(schema, body)
        {
            return json;
        }
        json_or_bytes(value)
    }

    fn schema(&mut self, id: u32) -> Result<&Schema, LogError> {
        if !self.schemas.contains_key(&id) {
            let text = self.registry.schema(id)?;
            let schema = Schema::parse_str(&text).map_err(|e| {
                LogError::new(format!(
                    "the registry's schema {id} is no Avro schema ({e}): check that --registry is the one that the stages use"
                ))
            })?;
            self.schemas.insert(id, schema);
        }
        Ok(&self.schemas[&id])
    }
}

/// JSON as it is, else text, else base64.
fn json_or_bytes(value: &[u8]) -> Value {
    serde_json::from_slice(value).unwrap_or_else(|_| bytes(value))
}

/// Bytes as text if they are UTF-8, else `{"base64": …}`.
pub(crate) fn bytes(value: &[u8]) -> Value {
    match std::str::from_utf8(value) {
        Ok(text) => Value::String(text.to_owned()),
        Err(_) => json!({"base64": base64(value)}),
    }
}

fn base64(value: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(value.len().div_ceil(3) * 4);
    for chunk in value.chunks(3) {
        let three = [0, 1, 2].map(|at| u32::from(chunk.get(at).copied().unwrap_or(0)));
        let bits = three[0] << 16 | three[1] << 8 | three[2];
        for digit in 0..4 {
            let index = (bits >> (18 - 6 * digit)) & 63;
            text.push(if digit <= chunk.len() {
                char::from(DIGITS[index as usize])
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use journey::Timestamp;

    use super::*;

    fn line(
        topic: &str,
        key: Option<&[u8]>,
        headers: &[(&str, &[u8])],
        value: Option<&[u8]>,
    ) -> Value {
        let registry = Registry::open("http://127.0.0.1:1").expect("asks nothing yet");
        let mut decoder = Decoder::new(registry, Lane::new("lane."));
        let record = ReadRecord {
            topic: topic.to_owned(),
            partition: 1,
            offset: 2,
            timestamp: Timestamp(3),
            key: key.map(<[u8]>::to_vec),
            value: value.map(<[u8]>::to_vec),
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.to_vec()))
                .collect(),
        };
        serde_json::to_value(decoder.line(&record).expect("no Avro")).expect("plain data")
    }

    #[test]
    fn json_is_json_text_is_text_and_bytes_are_base64() {
        let raw = "lane.web.events.raw";
        let shown = line(raw, Some(b"k"), &[], Some(b"{\"a\":1}"));
        assert_eq!(shown["value"], json!({"a": 1}));
        assert_eq!(shown["key"], "k");
        assert_eq!(shown.get("headers"), None);
        assert_eq!(line(raw, None, &[], Some(b"{\"a\":"))["value"], "{\"a\":");
        assert_eq!(
            line(raw, Some(&[0xff]), &[], Some(&[0xff, 0]))["value"],
            json!({"base64": "/wA="})
        );
    }

    #[test]
    fn marks_and_ticks_are_shown_as_time() {
        let mark: (&str, &[u8]) = (mark::HEADER, b"{\"grace\":10}");
        let shown = line("lane.web.events", None, &[mark], None);
        assert_eq!(shown["value"], json!({"mark": {"grace": 10}}));
        assert_eq!(shown.get("headers"), None);
        let shown = line("lane.web.events.raw", None, &[], None);
        assert_eq!(shown["value"], json!({"tick": true}));
    }

    #[test]
    fn a_tombstone_and_a_dead_letter_without_bytes_are_no_ticks() {
        assert_eq!(line("t", Some(b"k"), &[], None)["value"], Value::Null);
        let shown = line("t", None, &[("dead-letter.reason", b"not_json")], None);
        assert_eq!(shown["value"], Value::Null);
        assert_eq!(shown["headers"]["dead-letter.reason"], "not_json");
    }

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }
}
