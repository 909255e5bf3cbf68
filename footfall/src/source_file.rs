//! A file of events or standard input, gzip or not: the first two bytes decide.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read},
    path::Path,
};

use anyhow::Context;
use flate2::read::MultiGzDecoder;

const GZIP: &[u8] = &[0x1f, 0x8b];

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

/// A reader of what a source holds, unpacked if it is gzip.
pub fn plain(mut source: Box<dyn Read>) -> io::Result<Box<dyn BufRead>> {
    let mut start = Vec::new();
    source
        .by_ref()
        .take(GZIP.len() as u64)
        .read_to_end(&mut start)?;
    let is_gzip = start == GZIP;
    let whole = Cursor::new(start).chain(source);
    Ok(if is_gzip {
        Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(whole)))
    } else {
        Box::new(BufReader::with_capacity(BUFFER, whole))
    })
}
