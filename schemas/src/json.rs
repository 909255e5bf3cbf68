//! Any Avro record as JSON: for people (`footfall tail`), and for consumers that asked for it (`Format::Json`).
//!
//! Times (`timestamp-millis`) are RFC 3339 text, nested records are objects, what is null is left out. The members of a
//! map are in order of name, so that equal records give equal text.

use std::collections::BTreeMap;

use apache_avro::{Schema, reader::datum::GenericDatumReader, types::Value};
use journey::Timestamp;
use serde_json::Value as Json;

use crate::foreign;

/// Bytes that are no record of their schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are no record of their schema: {0}")]
pub struct NoRecord(String);

/// A record's own bytes (without the frame) as JSON, given the schema that they were written with.
pub fn to_json(schema: &Schema, body: &[u8]) -> Result<Json, NoRecord> {
    let reader = GenericDatumReader::builder(schema)
        .build()
        .map_err(|e| NoRecord(foreign::cut(&e)))?;
    foreign::read(&reader, body)
        .and_then(json)
        .map_err(NoRecord)
}

fn json(value: Value) -> Result<Json, String> {
    Ok(match value {
        Value::Null => Json::Null,
        Value::Boolean(value) => Json::Bool(value),
        Value::Int(value) => Json::from(value),
        Value::Long(value) => Json::from(value),
        Value::Float(value) => number(f64::from(value)),
        Value::Double(value) => number(value),
        Value::String(value) | Value::Enum(_, value) => Json::String(value),
        Value::TimestampMillis(value) => Json::String(Timestamp(value).to_string()),
        Value::Union(_, value) => json(*value)?,
        Value::Array(items) => Json::Array(items.into_iter().map(json).collect::<Result<_, _>>()?),
        Value::Record(fields) => object(fields)?,
        Value::Map(entries) => object(BTreeMap::from_iter(entries))?,
        other => Json::try_from(other).map_err(|e| foreign::cut(&e))?,
    })
}

/// An object of what is not null.
fn object(members: impl IntoIterator<Item = (String, Value)>) -> Result<Json, String> {
    let members = members
        .into_iter()
        .map(|(name, value)| json(value).map(|value| (name, value)));
    let present = members.filter(|member| !matches!(member, Ok((_, Json::Null))));
    present.collect::<Result<_, _>>().map(Json::Object)
}

/// What JSON has no number for is text.
fn number(value: f64) -> Json {
    serde_json::Number::from_f64(value)
        .map_or_else(|| Json::String(value.to_string()), Json::Number)
}
