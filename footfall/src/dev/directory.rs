//! The data directory: one place for data, configuration, logs, ports and pid files.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use anyhow::Context;

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

    /// The ports of the last `up`, if there was one.
    pub(super) fn ports(&self) -> anyhow::Result<Option<Ports>> {
        let path = self.path("ports");
        match fs::read_to_string(&path) {
            Ok(text) => {
                let ports = text
                    .parse()
                    .with_context(|| format!("reading {}", path.display()))?;
                Ok(Some(ports))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
        }
    }

    /// Keeps the ports for the next `up`.
    pub(super) fn write_ports(&self, ports: &Ports) -> anyhow::Result<()> {
        self.write("ports", &ports.to_string()).map(drop)
    }

    /// Writes a file and returns its path.
    pub(super) fn write(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.path(name);
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        Ok(path)
    }

    /// Removes the pid file of a service that has ended.
    pub(super) fn forget(&self, service: Service) -> anyhow::Result<()> {
        remove(&self.pid_file(service), |path| fs::remove_file(path))
    }

    /// Removes what both services have kept, and nothing else.
    pub(super) fn delete_data(&self) -> anyhow::Result<()> {
        for service in Service::ALL {
            remove(&self.data(service), |path| fs::remove_dir_all(path))?;
            remove(&self.log(service), |path| fs::remove_file(path))?;
            remove(&self.out(service), |path| fs::remove_file(path))?;
        }
        Ok(())
    }
}

/// Takes the lock of a file, waiting for it.
pub(super) fn lock(path: &Path) -> anyhow::Result<File> {
    let file = File::create(path).with_context(|| format!("opening {}", path.display()))?;
    if file.try_lock().is_err() {
        eprintln!("waiting for another `footfall dev`");
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
