//! Confluent framing, and reading a record whatever version of its schema it was written with.
//!
//! A schema id whose schema is, by canonical form, the one compiled in is read in a straight line. Every other is resolved
//! by apache-avro to the compiled-in schema and then read by the same straight-line code: slower, right, and counted.

use std::{collections::HashMap, marker::PhantomData};

use apache_avro::{
    Schema, reader::datum::GenericDatumReader, types::Value, writer::datum::GenericDatumWriter,
};

use crate::{Malformed, Record, avro, compatible, foreign};

/// The first byte of a framed record.
const MAGIC: u8 = 0;
/// Magic and schema id.
const FRAME: usize = 5;

/// Starts a framed record.
pub fn frame(schema_id: u32, to: &mut Vec<u8>) {
    to.push(MAGIC);
    to.extend_from_slice(&schema_id.to_be_bytes());
}

/// Takes a frame off: the schema id and the record's own bytes.
pub fn unframe(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (head, body) = bytes.split_at_checked(FRAME)?;
    let id = head[1..].try_into().ok().map(u32::from_be_bytes)?;
    (head[0] == MAGIC).then_some((id, body))
}

/// Why a record could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not Confluent's wire format.
    #[error("not in Confluent's wire format (a zero byte and a schema id in front)")]
    NotFramed,
    /// Ask the registry and [`Decoder::learn`]: never a reason to give a record up.
    #[error("schema id {0} is not known yet")]
    UnknownSchema(u32),
    /// The bytes are no record of their schema.
    #[error("the bytes are no record of schema id {schema_id}: {why}")]
    Malformed {
        /// The id in the frame.
        schema_id: u32,
        /// What is wrong.
        why: String,
    },
}

/// A schema that our records cannot be read from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "schema id {id} cannot be read as {expected}: {why}; check the subject's compatibility with `footfall schemas check`"
)]
pub struct Incompatible {
    /// The id in the registry.
    pub id: u32,
    /// The record that was expected.
    pub expected: String,
    /// Because of which field.
    pub why: String,
}

/// Reads records of one type, whatever version of its schema they were written with.
#[derive(Debug)]
pub struct Decoder<T> {
    /// The ids of the compiled-in schema: one, or a few where several subjects or registries hold it. Searched in order.
    same: Vec<u32>,
    other: HashMap<u32, Schema>,
    slow: u64,
    record: PhantomData<fn() -> T>,
}

impl<T> Default for Decoder<T> {
    fn default() -> Self {
        Decoder {
            same: Vec::new(),
            other: HashMap::new(),
            slow: 0,
            record: PhantomData,
        }
    }
}

impl<T: Record> Decoder<T> {
    /// Learns what an id stands for.
    pub fn learn(&mut self, id: u32, schema: &str) -> Result<(), Incompatible> {
        let ours = T::schema();
        let incompatible = |why: String| Incompatible {
            id,
            expected: ours.name().map(|name| name.to_string()).unwrap_or_default(),
            why,
        };
        let theirs = Schema::parse_str(schema).map_err(|e| incompatible(foreign::cut(&e)))?;
        if foreign::canonical_form(&theirs) == foreign::canonical_form(ours) {
            if !self.same.contains(&id) {
                self.same.push(id);
            }
            return Ok(());
        }
        compatible::can_read(&theirs, ours).map_err(incompatible)?;
        self.other.insert(id, theirs);
        Ok(())
    }

    /// Reads one framed record.
    pub fn decode(&mut self, framed: &[u8]) -> Result<T, DecodeError> {
        self.decode_with(framed, avro::from_bytes)
    }

    /// Reads one framed record in a way of the caller's own: `read` is given its bytes in the compiled-in schema.
    pub fn decode_with<R>(
        &mut self,
        framed: &[u8],
        read: impl FnOnce(&[u8]) -> Result<R, Malformed>,
    ) -> Result<R, DecodeError> {
        let (schema_id, body) = unframe(framed).ok_or(DecodeError::NotFramed)?;
        let malformed = |why: String| DecodeError::Malformed { schema_id, why };
        if self.same.contains(&schema_id) {
            return read(body).map_err(|why| malformed(why.to_string()));
        }
        let Some(theirs) = self.other.get(&schema_id) else {
            return Err(DecodeError::UnknownSchema(schema_id));
        };
        self.slow += 1;
        let ours = resolve::<T>(theirs, body).map_err(malformed)?;
        read(&ours).map_err(|why| malformed(why.to_string()))
    }

    /// How many records took the slow way since the last call.
    pub fn take_slow_count(&mut self) -> u64 {
        std::mem::take(&mut self.slow)
    }
}

/// Schema resolution by apache-avro: their bytes, to our schema's bytes.
fn resolve<T: Record>(theirs: &Schema, body: &[u8]) -> Result<Vec<u8>, String> {
    let ours = T::schema();
    let cut = |e: apache_avro::Error| foreign::cut(&e);
    let reader = GenericDatumReader::builder(theirs)
        .reader_schema(ours)
        .build()
        .map_err(cut)?;
    let value: Value = foreign::read(&reader, body)?;
    let writer = GenericDatumWriter::builder(ours).build().map_err(cut)?;
    writer.write_value_to_vec(value).map_err(cut)
}
