//! Java and the jars. Maven fetches what the `pom.xml` pins, once, into a directory named after that file's hash.

use std::{
    env, fs,
    fs::File,
    io,
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
};

use anyhow::{Context, bail};

use super::directory::{self, Directory};

/// What is fetched: the tool carries it, to work outside a checkout.
const POM: &str = include_str!("../../../deploy/dev/pom.xml");

/// The oldest Java that this Kafka runs on.
const JAVA: u32 = 17;

/// What both services are run with.
#[derive(Debug)]
pub(super) struct Artifacts {
    /// The program `java`.
    pub(super) java: PathBuf,
    home: PathBuf,
}

impl Artifacts {
    /// The broker's class path; Java expands the star.
    pub(super) fn kafka_jars(&self) -> PathBuf {
        self.home.join("kafka").join("*")
    }

    /// The registry's jar, which names its libraries itself.
    pub(super) fn registry_jar(&self) -> anyhow::Result<PathBuf> {
        let directory = self.home.join("registry");
        let entries =
            fs::read_dir(&directory).with_context(|| format!("reading {}", directory.display()))?;
        entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.to_string_lossy().ends_with("-runner.jar"))
            .with_context(|| {
                format!(
                    "no registry in {}: delete it, and the next `up` fetches it",
                    self.home.display()
                )
            })
    }
}

/// Finds Java and fetches the jars unless they are there. Holds the cache's lock while the file lives.
pub(super) fn fetch(
    cache: Option<&Path>,
    directory: &Directory,
) -> anyhow::Result<(Artifacts, File)> {
    let java = java()?;
    let cache = cache_directory(cache, directory);
    fs::create_dir_all(&cache).with_context(|| format!("making {}", cache.display()))?;
    let cache = cache
        .canonicalize()
        .with_context(|| format!("opening {}", cache.display()))?;
    let lock = directory::lock(&cache.join("lock"))?;
    let home = cache.join(format!("{:016x}", hash(POM)));
    if !home.exists() {
        let partial = cache.join(format!("partial-{}", process::id()));
        run_maven(&partial, &home)?;
        fs::rename(&partial, &home).with_context(|| format!("naming {}", home.display()))?;
    }
    Ok((Artifacts { java, home }, lock))
}

fn run_maven(partial: &Path, home: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(partial).with_context(|| format!("making {}", partial.display()))?;
    let pom = partial.join("pom.xml");
    fs::write(&pom, POM).with_context(|| format!("writing {}", pom.display()))?;
    footfall::say(format_args!(
        "fetching Apache Kafka and the schema registry with Maven, 200 MB, once, into {}",
        home.display()
    ));
    let status = Command::new("mvn")
        .args([
            "--batch-mode",
            "--no-transfer-progress",
            "--quiet",
            "--file",
        ])
        .arg(&pom)
        .arg("package")
        .arg(format!("-Ddev.home={}", partial.display()))
        .stdin(Stdio::null())
        // What the tool prints may be evaluated by a shell.
        .stdout(io::stderr())
        .status();
    match status {
        Ok(status) if status.success() => return Ok(()),
        Ok(status) => {
            fs::remove_dir_all(partial)
                .with_context(|| format!("removing {}", partial.display()))?;
            bail!(
                "Maven could not fetch them ({status}); what it said is above. Is Maven Central reachable?"
            );
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).context("starting mvn"),
    }
    fs::remove_dir_all(partial).with_context(|| format!("removing {}", partial.display()))?;
    bail!(
        "Maven is missing. Install it with\n\n  {}\n",
        apt_line("maven")
    )
}

fn java() -> anyhow::Result<PathBuf> {
    let home = env::var_os("JAVA_HOME").map(|home| Path::new(&home).join("bin").join("java"));
    let java = home
        .filter(|java| java.exists())
        .unwrap_or_else(|| PathBuf::from("java"));
    let install = java_advice();
    let output = match Command::new(&java)
        .arg("-version")
        .stdin(Stdio::null())
        .output()
    {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!("Java {JAVA} or newer is missing. Install it with\n\n{install}");
        }
        result => result.with_context(|| format!("starting {}", java.display()))?,
    };
    let said = String::from_utf8_lossy(&output.stderr);
    match java_version(&said) {
        Some(version) if version >= JAVA => Ok(java),
        Some(version) => bail!(
            "{} is Java {version}, and Kafka needs {JAVA} or newer. Install it with\n\n{install}\nand set JAVA_HOME",
            java.display()
        ),
        None => bail!("{} -version said: {said}", java.display()),
    }
}

/// How to install Java. Which of the packages there is only apt knows, and not before it has read its lists.
fn java_advice() -> String {
    format!(
        "  {}\n\nor, where there is no such package, as on Debian 13, with\n\n  {}\n",
        apt_line(&format!("openjdk-{JAVA}-jre-headless")),
        apt_line("default-jre-headless")
    )
}

/// The line to run, for root and for others.
fn apt_line(package: &str) -> String {
    let sudo = if env::var_os("USER").is_some_and(|user| user != "root") {
        "sudo "
    } else {
        ""
    };
    format!("{sudo}apt-get update && {sudo}apt-get install -y --no-install-recommends {package}")
}

/// Reads `openjdk version "17.0.19" …`, and `"1.8.0_402"` as 8.
fn java_version(said: &str) -> Option<u32> {
    let version = said.split('"').nth(1)?;
    let mut parts = version.split(['.', '-', '_', '+']).map(str::parse);
    match parts.next()?.ok()? {
        1 => parts.next()?.ok(),
        major => Some(major),
    }
}

fn cache_directory(asked: Option<&Path>, directory: &Directory) -> PathBuf {
    let variable = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let user = || variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    match asked {
        Some(path) => path.to_owned(),
        None => user().map_or_else(|| directory.path("cache"), |cache| cache.join("footfall")),
    }
}

/// FNV-1a: the standard library's hashes may differ between releases, and then everything would be fetched again.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn java_versions_are_read() {
        assert_eq!(
            java_version("openjdk version \"17.0.19\" 2026-04-21\nOpenJDK Runtime"),
            Some(17)
        );
        assert_eq!(java_version("openjdk version \"21\" 2023-09-19"), Some(21));
        assert_eq!(java_version("java version \"1.8.0_402\""), Some(8));
        assert_eq!(
            java_version("openjdk version \"26-ea\" 2026-03-17"),
            Some(26)
        );
        assert_eq!(java_version("no java here"), None);
    }

    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(hash(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn the_pom_pins_what_it_fetches() {
        assert!(POM.contains("<kafka.version>4.2.1</kafka.version>"));
        assert!(POM.contains("<registry.version>2.6.13.Final</registry.version>"));
    }
}
