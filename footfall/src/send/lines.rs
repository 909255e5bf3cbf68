//! Lines of a file or of standard input.

use std::{
    io::BufRead,
    path::{Path, PathBuf},
};

use anyhow::Context;
use footfall::source_file;

/// Lines that are not blank.
pub(super) struct Lines {
    reader: Box<dyn BufRead>,
    path: PathBuf,
    number: u64,
}

impl Lines {
    /// Opens a file; `-` is standard input.
    pub(super) fn open(path: &Path) -> anyhow::Result<Lines> {
        let reader = source_file::open(path)?;
        Ok(Lines {
            reader,
            path: path.to_owned(),
            number: 0,
        })
    }

    /// Replaces `line` with the next one, without its end; `false` after the last.
    pub(super) fn next(&mut self, line: &mut Vec<u8>) -> anyhow::Result<bool> {
        loop {
            line.clear();
            let read = self.reader.read_until(b'\n', line);
            let read = read.with_context(|| {
                format!(
                    "{} cannot be read after line {}: is it whole?",
                    self.path.display(),
                    self.number
                )
            })?;
            if read == 0 {
                return Ok(false);
            }
            self.number += 1;
            while line
                .last()
                .is_some_and(|byte| matches!(byte, b'\n' | b'\r'))
            {
                line.pop();
            }
            if !line.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn lines(bytes: Vec<u8>) -> Vec<String> {
        let mut lines = Lines {
            reader: source_file::plain(Box::new(Cursor::new(bytes))).expect("readable"),
            path: PathBuf::from("memory"),
            number: 0,
        };
        let (mut all, mut line) = (Vec::new(), Vec::new());
        while lines.next(&mut line).expect("readable") {
            all.push(String::from_utf8_lossy(&line).into_owned());
        }
        all
    }

    #[test]
    fn gzip_is_told_by_its_first_bytes() {
        let text = b"{\"a\":1}\r\n\n  \n{\"b\":2}";
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(text).expect("memory");
        let expected = ["{\"a\":1}", "{\"b\":2}"];
        assert_eq!(lines(text.to_vec()), expected);
        assert_eq!(lines(gzip.finish().expect("memory")), expected);
    }

    #[test]
    fn an_empty_file_has_no_lines() {
        assert_eq!(lines(Vec::new()), [""; 0]);
        assert_eq!(lines(b"{".to_vec()), ["{"]);
    }
}
