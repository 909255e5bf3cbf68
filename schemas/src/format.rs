//! In what the values of `journey.offers` and `journey.staffing` are written, as the reader likes it.

use crate::{Record, to_bytes, to_json};

/// Avro for whoever has a registry, JSON for whoever has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Confluent's frame around Avro's binary encoding.
    #[default]
    Avro,
    /// The same record as one JSON object, as `schemas/json/` describes it. No frame.
    Json,
}

impl Format {
    /// As the option says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Avro => "avro",
            Format::Json => "json",
        }
    }

    /// Reads [`Format::as_str`].
    pub fn parse(text: &str) -> Result<Format, String> {
        let found = [Format::Avro, Format::Json]
            .into_iter()
            .find(|format| format.as_str() == text);
        found.ok_or_else(|| format!("{text:?} is no format: write avro or json"))
    }

    /// Appends a record, without a frame. Equal records are equal bytes: members are in order of name.
    pub fn write<T: Record>(self, record: &T, to: &mut Vec<u8>) {
        match self {
            Format::Avro => record.write(to),
            Format::Json => {
                let json = to_json(T::schema(), &to_bytes(record));
                let json = json.expect("a record of ours is one of its own schema");
                serde_json::to_writer(to, &json).expect("JSON is written into memory");
            }
        }
    }
}
