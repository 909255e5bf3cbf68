//! Reading with apache-avro, without its traps: bytes that end too early are an error (the library reads a string, boolean
//! or union that is cut off as null), and no length makes it allocate more than a record can hold.

use std::{fmt::Display, io};

use apache_avro::{
    Schema, reader::datum::GenericDatumReader, types::Value, util::max_allocation_bytes,
};

use crate::avro::Malformed;

/// The most that one length in a record may ask for; ours stay below 256 KiB as a whole. The library takes the first limit
/// that it is told in a process.
const MAX_ALLOCATION: usize = 1 << 20;

/// The longest message that is passed on: the library prints whole schemas.
const MESSAGE_LIMIT: usize = 300;

/// Reads one datum: all of `body`, and no more.
pub(crate) fn read(reader: &GenericDatumReader<'_>, body: &[u8]) -> Result<Value, String> {
    max_allocation_bytes(MAX_ALLOCATION);
    let mut source = Source {
        left: body,
        overrun: false,
    };
    let value = reader.read_value(&mut source);
    if source.overrun {
        return Err(Malformed::Truncated.to_string());
    }
    let value = value.map_err(|e| cut(&e))?;
    if source.left.is_empty() {
        Ok(value)
    } else {
        Err(Malformed::Trailing.to_string())
    }
}

/// Avro's parsing canonical form: equal for schemas that give the same bytes. Taken twice, as the library's own leaves a
/// logical type's `{"type": "long"}` where another writer says `"long"`.
pub(crate) fn canonical_form(schema: &Schema) -> String {
    let once = schema.canonical_form();
    Schema::parse_str(&once).map_or(once, |again| again.canonical_form())
}

/// An error in words, cut.
pub(crate) fn cut(error: &impl Display) -> String {
    error.to_string().chars().take(MESSAGE_LIMIT).collect()
}

/// Bytes that remember whether more was asked for than there is.
struct Source<'a> {
    left: &'a [u8],
    overrun: bool,
}

impl io::Read for Source<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.overrun |= to.len() > self.left.len();
        self.left.read(to)
    }
}
