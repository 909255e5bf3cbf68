//! A file to write: what it was stays until the new one is whole, and what is read is never overwritten.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use anyhow::Context;
use flate2::{Compression, write::GzEncoder};

/// A file under way; gzip if the name ends in `.gz`. Without [`TargetFile::finish`] nothing is left of it.
#[derive(Debug)]
pub struct TargetFile {
    path: PathBuf,
    /// What it is written into, beside it, unless the target is no regular file.
    beside: Option<Beside>,
    out: Out,
}

#[derive(Debug)]
enum Out {
    Plain(BufWriter<File>),
    Gzip(GzEncoder<BufWriter<File>>),
}

/// A file that is gone when dropped.
#[derive(Debug)]
struct Beside(PathBuf);

impl Drop for Beside {
    fn drop(&mut self) {
        // Renamed, or what nobody asked for.
        let _ = fs::remove_file(&self.0);
    }
}

impl TargetFile {
    /// Opens a file for writing.
    pub fn create(path: &Path) -> anyhow::Result<TargetFile> {
        open(path).with_context(|| format!("{} cannot be written", path.display()))
    }

    /// The file is whole: it takes the place of what was there.
    pub fn finish(self) -> anyhow::Result<()> {
        let TargetFile { path, beside, out } = self;
        let finished = match out {
            Out::Plain(file) => flushed(file),
            Out::Gzip(gzip) => gzip.finish().and_then(flushed),
        };
        let renamed = finished.and_then(|()| match &beside {
            Some(beside) => fs::rename(&beside.0, &path),
            None => Ok(()),
        });
        renamed.with_context(|| format!("{} cannot be written", path.display()))
    }
}

impl Write for TargetFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.out {
            Out::Plain(file) => file.write(bytes),
            Out::Gzip(gzip) => gzip.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.out {
            Out::Plain(file) => file.flush(),
            Out::Gzip(gzip) => gzip.flush(),
        }
    }
}

/// Sees that what is read, be it standard input, is not what is to be written.
///
/// # Errors
/// If it is.
pub fn refuse_same(source: &Path, target: &Path) -> anyhow::Result<()> {
    let source = match source == Path::new("-") {
        true => Path::new("/dev/stdin"),
        false => source,
    };
    let (Ok(read), Ok(written)) = (fs::metadata(source), fs::metadata(target)) else {
        return Ok(());
    };
    let is_same = (read.dev(), read.ino()) == (written.dev(), written.ino());
    anyhow::ensure!(
        !(is_same && written.is_file()),
        "{} is what is read: write to another file",
        target.display()
    );
    Ok(())
}

fn open(path: &Path) -> anyhow::Result<TargetFile> {
    let is_gzip = path.extension().is_some_and(|extension| extension == "gz");
    let there = fs::metadata(path).ok();
    let (path, beside, file) = match &there {
        // A pipe or a device is written into.
        Some(there) if !there.is_file() => {
            let file = File::options().write(true).open(path)?;
            (path.to_owned(), None, file)
        }
        _ => {
            // Of a link, what it stands for.
            let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            let beside = Beside(name_beside(&path)?);
            let file = File::create(&beside.0)?;
            if let Some(there) = &there {
                file.set_permissions(there.permissions())?;
            }
            (path, Some(beside), file)
        }
    };
    let file = BufWriter::new(file);
    let out = match is_gzip {
        true => Out::Gzip(GzEncoder::new(file, Compression::fast())),
        false => Out::Plain(file),
    };
    Ok(TargetFile { path, beside, out })
}

fn name_beside(path: &Path) -> anyhow::Result<PathBuf> {
    let name = path.file_name().context("it names no file")?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}.partial", std::process::id()));
    Ok(path.with_file_name(beside))
}

fn flushed(mut file: BufWriter<File>) -> io::Result<()> {
    file.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of its own, gone when dropped.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Scratch {
            let name = format!("footfall-target-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::create_dir_all(&path).expect("a directory for this test");
            Scratch(path)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).expect("it is there");
            let names = entries.map(|entry| entry.expect("readable").file_name());
            names
                .map(|name| name.to_string_lossy().into_owned())
                .collect()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn what_was_there_stays_until_the_new_one_is_whole() {
        let scratch = Scratch::new("whole");
        let path = scratch.0.join("events");
        fs::write(&path, "old").expect("written");
        let mut file = TargetFile::create(&path).expect("writable");
        file.write_all(b"new").expect("written");
        drop(file);
        assert_eq!(fs::read(&path).expect("there"), b"old");
        assert_eq!(scratch.names(), ["events"]);
        let mut file = TargetFile::create(&path).expect("writable");
        file.write_all(b"new").expect("written");
        file.finish().expect("renamed");
        assert_eq!(fs::read(&path).expect("there"), b"new");
        assert_eq!(scratch.names(), ["events"]);
    }

    #[test]
    fn a_link_stays_one_and_what_is_no_file_is_written_into() {
        let scratch = Scratch::new("link");
        let (path, link) = (scratch.0.join("events"), scratch.0.join("link"));
        fs::write(&path, "old").expect("written");
        std::os::unix::fs::symlink(&path, &link).expect("made");
        for target in [&link, Path::new("/dev/null")] {
            let mut file = TargetFile::create(target).expect("writable");
            file.write_all(b"new").expect("written");
            file.finish().expect("renamed");
        }
        assert_eq!(fs::read(&path).expect("there"), b"new");
        assert!(link.is_symlink());
        assert!(TargetFile::create(&scratch.0).is_err(), "a directory");
    }

    #[test]
    fn the_same_file_is_refused_by_whatever_name() {
        let scratch = Scratch::new("same");
        let (path, link) = (scratch.0.join("events"), scratch.0.join("link"));
        fs::write(&path, "old").expect("written");
        fs::hard_link(&path, &link).expect("made");
        for target in [&path, &link, &scratch.0.join(".").join("events")] {
            assert!(refuse_same(&path, target).is_err(), "{}", target.display());
        }
        assert!(refuse_same(&path, &scratch.0.join("other")).is_ok());
        assert!(refuse_same(Path::new("/dev/null"), Path::new("/dev/null")).is_ok());
    }
}
