//! The public Avro contract and the codec that reads and writes it.
//!
//! One `.avsc` file per record lies beside this crate's manifest; [`records`] lists the same fields in the same order;
//! [`avro`] is the encoding, of [`record`]s too; [`decoder`] reads what other versions wrote; [`subjects`] says which topic holds which record;
//! [`json`] shows any record to people. Property tests hold the straight-line codec against apache-avro, byte for byte and
//! value for value.

pub mod avro;
mod compatible;
pub mod decoder;
mod foreign;
pub mod json;
pub mod record;
pub mod records;
pub mod subjects;

pub use avro::{Avro, Malformed, from_bytes, to_bytes};
pub use decoder::{DecodeError, Decoder, Incompatible, frame, unframe};
pub use json::to_json;
pub use records::Record;
pub use subjects::{Compatibility, Subject, all};
