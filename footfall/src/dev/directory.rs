//! The data directory: one place for data, configuration, logs, ports and pid files.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use footfall::target_file::TargetFile;

use super::{lifecycle::Service, ports::Ports};

/// A data directory, by its absolute path.
#[derive(Debug)]
pub(super) struct Directory {
    root: PathBuf,
}

impl Directory {
    /// Opens the directory, making it if need be.
    pub(super) fn create(path: &Path) -> anyhow::Result<Directory> {
        fs::create_dir_all(path).with_context(|| format!("making {}", path.display()))?;
        let found = Directory::find(path)?;
        found.with_context(|| format!("{} went away", path.display()))
    }

    /// Opens the directory if it is there.
    pub(super) fn find(path: &Path) -> anyhow::Result<Option<Directory>> {
        match path.canonicalize() {
            Ok(root) => Ok(Some(Directory { root })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("opening {}", path.display())),
        }
    }

    /// Waits for any other `up` or `down` of this directory; they are one at a time while the file lives.
    pub(super) fn lock(&self) -> anyhow::Result<File> {
        lock(&self.root.join("lock"))
    }

    /// The Java property by which a process of this directory is known.
    pub(super) fn mark(&self, service: Service) -> String {
        format!("-Dfootfall.{}={}", service.as_str(), self.root.display())
    }

    /// A file or directory within.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Where the service keeps its data.
    pub(super) fn data(&self, service: Service) -> PathBuf {
        self.path(&format!("{}-data", service.as_str()))
    }

    /// Where what the process prints goes. The broker prints little: its log is a file of its own.
    pub(super) fn out(&self, service: Service) -> PathBuf {
        self.path(&format!("{}.out", service.as_str()))
    }

    /// Where the broker writes its log, and none for the registry, which prints it.
    pub(super) fn log(&self, service: Service) -> PathBuf {
        self.path(&format!("{}.log", service.as_str()))
    }

    /// Where the service's process id is.
    pub(super) fn pid_file(&self, service: Service) -> PathBuf {
        self.path(&format!("{}.pid", service.as_str()))
    }

    /// The last lines that the service wrote, for an error.
    pub(super) fn last_words(&self, service: Service) -> String {
        let mut words = String::new();
        for path in [self.out(service), self.log(service)] {
            let bytes = fs::read(&path).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            let lines: Vec<&str> = text.lines().collect();
            let tail = &lines[lines.len().saturating_sub(12)..];
            if !tail.is_empty() {
                words += &format!("the end of {}:\n  {}\n", path.display(), tail.join("\n  "));
            }
        }
        words
    }

    /// The ports of the last `up`, if there was one. What is no list of ports, as a full disk leaves it, counts as none: `up` writes
    /// it anew.
    pub(super) fn ports(&self) -> anyhow::Result<Option<Ports>> {
        let path = self.path("ports");
        match fs::read(&path) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).parse().ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
        }
    }

    /// Keeps the ports for the next `up`.
    pub(super) fn write_ports(&self, ports: &Ports) -> anyhow::Result<()> {
        self.write("ports", &ports.to_string()).map(drop)
    }

    /// Writes a file and returns its path. It is written beside and put there when it is whole.
    pub(super) fn write(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.path(name);
        let mut file = TargetFile::create(&path)?;
        let written = file.write_all(text.as_bytes());
        written.with_context(|| format!("writing {}", path.display()))?;
        file.finish()?;
        Ok(path)
    }

    /// Removes the pid file of a service that has ended.
    pub(super) fn forget(&self, service: Service) -> anyhow::Result<()> {
        remove(&self.pid_file(service), |path| fs::remove_file(path))
    }

    /// Removes what both services have kept and where they listened, and nothing else. Whoever starts them waits for the lock.
    pub(super) fn delete_data(&self, _lock: &File) -> anyhow::Result<()> {
        for service in Service::ALL {
            remove(&self.data(service), |path| fs::remove_dir_all(path))?;
            remove(&self.log(service), |path| fs::remove_file(path))?;
            remove(&self.out(service), |path| fs::remove_file(path))?;
        }
        remove(&self.path("ports"), |path| fs::remove_file(path))
    }
}

/// Takes the lock of a file, waiting for it.
pub(super) fn lock(path: &Path) -> anyhow::Result<File> {
    let file = File::create(path).with_context(|| format!("opening {}", path.display()))?;
    if file.try_lock().is_err() {
        footfall::say("waiting for another `footfall dev`");
        file.lock()
            .with_context(|| format!("locking {}", path.display()))?;
    }
    Ok(file)
}

fn remove(path: &Path, how: impl FnOnce(&Path) -> io::Result<()>) -> anyhow::Result<()> {
    match how(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTS: Ports = Ports {
        kafka: 19092,
        controller: 19093,
        registry: 18081,
    };

    /// A data directory of its own, gone when dropped.
    struct Scratch(Directory);

    impl Scratch {
        fn new(name: &str) -> Scratch {
            let name = format!("footfall-directory-{name}-{}", std::process::id());
            let directory = Directory::create(&std::env::temp_dir().join(name));
            Scratch(directory.expect("a directory for this test"))
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0.root);
        }
    }

    #[test]
    fn ports_that_are_half_written_count_as_none() {
        let scratch = Scratch::new("half");
        let directory = &scratch.0;
        for half in [&b""[..], b"kafka=90", b"kafka=9092\ncontr", b"\xff\0"] {
            fs::write(directory.path("ports"), half).expect("written");
            assert_eq!(directory.ports().expect("readable"), None, "{half:?}");
        }
        directory.write_ports(&PORTS).expect("written");
        assert_eq!(directory.ports().expect("readable"), Some(PORTS));
    }

    #[test]
    fn a_file_that_cannot_be_written_whole_leaves_what_was_there() {
        let scratch = Scratch::new("whole");
        let directory = &scratch.0;
        directory.write_ports(&PORTS).expect("written");
        let partial = format!(".ports.{}.partial", std::process::id());
        fs::create_dir(directory.path(&partial)).expect("in the way");
        assert!(directory.write("ports", "kafka=1\n").is_err());
        assert_eq!(directory.ports().expect("readable"), Some(PORTS));
    }

    #[test]
    fn ports_go_with_the_data() {
        let scratch = Scratch::new("deleted");
        let directory = &scratch.0;
        directory.write_ports(&PORTS).expect("written");
        fs::create_dir(directory.data(Service::Kafka)).expect("made");
        let lock = directory.lock().expect("locked");
        directory.delete_data(&lock).expect("deleted");
        assert!(!directory.path("ports").exists());
        assert!(!directory.data(Service::Kafka).exists());
    }
}
