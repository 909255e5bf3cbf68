//! The public Avro contract and the codec that reads and writes it.
//!
//! One `.avsc` file per record lies beside this crate's manifest; [`records`] lists the same fields in the same order;
//! [`avro`] is the encoding, of [`mod@record`]s too; [`decoder`] reads what other versions wrote; [`subjects`] says which topic holds which record;
//! [`json`] shows any record to people; [`mod@format`] is the choice between Avro and JSON, [`cloud_event`] the headers of public
//! records. Property tests hold the straight-line codec against apache-avro, byte for byte and
//! value for value.

pub mod avro;
pub mod cloud_event;
mod compatible;
pub mod decoder;
mod foreign;
pub mod format;
pub mod json;
pub mod record;
pub mod records;
pub mod subjects;

pub use avro::{Avro, Malformed, from_bytes, to_bytes};
pub use cloud_event::CloudEvent;
pub use decoder::{DecodeError, Decoder, Incompatible, frame, unframe};
pub use format::Format;
pub use json::to_json;
pub use records::Record;
pub use subjects::{Compatibility, Subject, all};
