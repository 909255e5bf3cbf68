//! A file of events or standard input, gzip or not: the first two bytes decide.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read},
    path::Path,
};

use anyhow::Context;
use flate2::read::MultiGzDecoder;

const GZIP: &[u8] = &[0x1f, 0x8b];
/// What some editors and exports put before UTF-8: no part of the first line.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// How much is read at once.
const BUFFER: usize = 1 << 18;

/// Opens a file; `-` is standard input.
pub fn open(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        let file = File::open(path);
        Box::new(
            file.with_context(|| format!("{} cannot be opened: check the path", path.display()))?,
        )
    };
    plain(source).with_context(|| format!("{} cannot be read", path.display()))
}

/// A reader of what a source holds, unpacked if it is gzip, from behind a byte order mark.
pub fn plain(source: Box<dyn Read>) -> io::Result<Box<dyn BufRead>> {
    let (start, whole) = begun(source, GZIP.len())?;
    let unpacked: Box<dyn Read> = match start == GZIP {
        true => Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, whole))),
        false => whole,
    };
    let (start, mut text) = begun(unpacked, BYTE_ORDER_MARK.len())?;
    if start == BYTE_ORDER_MARK {
        text.read_exact(&mut [0; BYTE_ORDER_MARK.len()])?;
    }
    Ok(Box::new(BufReader::with_capacity(BUFFER, text)))
}

/// What a source begins with, and the whole of it.
fn begun(mut source: Box<dyn Read>, bytes: usize) -> io::Result<(Vec<u8>, Box<dyn Read>)> {
    let mut start = Vec::new();
    source.by_ref().take(bytes as u64).read_to_end(&mut start)?;
    Ok((start.clone(), Box::new(Cursor::new(start).chain(source))))
}

/// What to do with a file that has not one JSON object a line, as its first line shows.
pub fn no_line_of_its_own(first: &[u8]) -> Option<&'static str> {
    match first.trim_ascii() {
        [b'[', ..] => Some(
            "this is a JSON array; one object a line is wanted: `jq -c '.[]'` makes that of it",
        ),
        b"{" => Some(
            "this is JSON over several lines; one object a line is wanted: `jq -c .` makes that of it",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: &str) {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(bytes).expect("memory");
        let packed = gzip.finish().expect("memory");
        for bytes in [bytes.to_vec(), packed] {
            let mut text = String::new();
            let mut read = plain(Box::new(Cursor::new(bytes))).expect("readable");
            read.read_to_string(&mut text).expect("UTF-8");
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        check(b"\xef\xbb\xbf{\"a\":1}\n", "{\"a\":1}\n");
        check("{\"a\":\"\u{feff}\"}".as_bytes(), "{\"a\":\"\u{feff}\"}");
        check(b"\xef\xbb\xbf", "");
        check(b"{", "{");
        check(b"", "");
    }
}
