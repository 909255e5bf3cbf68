//! The public Avro contract and the codec that reads and writes it.
//!
//! One `.avsc` file per record lies beside this crate's manifest; [`records`] lists the same fields in the same order;
//! [`avro`] is the encoding; [`decoder`] reads what other versions wrote. Property tests hold the straight-line codec against
//! apache-avro, byte for byte and value for value.

pub mod avro;
pub mod decoder;
pub mod records;

pub use avro::{Avro, Malformed, from_bytes, to_bytes};
pub use decoder::{DecodeError, Decoder, Incompatible, frame, unframe};
pub use records::Record;
