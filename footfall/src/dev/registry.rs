//! The schema registry: Apicurio, by its Confluent-compatible API.
//!
//! It keeps its schemas in a file database. In memory, its default, the ids would start anew while Kafka still holds
//! records that name the old ones.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::Command,
    time::Duration,
};

use anyhow::Context;

use super::{artifacts::Artifacts, directory::Directory, lifecycle::Service, ports::Ports};

/// Path of the Confluent-compatible API.
pub(super) const API: &str = "/apis/ccompat/v7";

/// How long one question to the registry may take.
const PROBE_LIMIT: Duration = Duration::from_secs(5);

/// The command that runs the registry.
pub(super) fn command(
    directory: &Directory,
    ports: &Ports,
    artifacts: &Artifacts,
) -> anyhow::Result<Command> {
    let data = directory.data(Service::Registry);
    fs::create_dir_all(&data).with_context(|| format!("making {}", data.display()))?;
    let mut command = Command::new(&artifacts.java);
    command
        .env("REGISTRY_DATASOURCE_URL", database(&data))
        .arg(directory.mark(Service::Registry))
        .args([
            "-Xmx256m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:+ExitOnOutOfMemoryError",
        ])
        .args([
            "-Dquarkus.http.host=127.0.0.1".to_owned(),
            format!("-Dquarkus.http.port={}", ports.registry),
        ])
        .arg("-jar")
        .arg(artifacts.registry_jar()?)
        .current_dir(directory.path("."));
    Ok(command)
}

/// Whether the registry lists its subjects.
pub(super) fn answers(port: u16) -> bool {
    status_line(port).is_ok_and(|line| is_ok(&line))
}

/// The database's address; a delay of zero writes a schema before its id is given out.
fn database(data: &Path) -> String {
    format!(
        "jdbc:h2:file:{};WRITE_DELAY=0",
        data.join("schemas").display()
    )
}

fn status_line(port: u16) -> std::io::Result<Vec<u8>> {
    let mut stream =
        TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), PROBE_LIMIT)?;
    stream.set_read_timeout(Some(PROBE_LIMIT))?;
    stream.set_write_timeout(Some(PROBE_LIMIT))?;
    write!(
        stream,
        "GET {API}/subjects HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    )?;
    let mut line = vec![0; "HTTP/1.1 200".len()];
    stream.read_exact(&mut line)?;
    Ok(line)
}

fn is_ok(line: &[u8]) -> bool {
    line.starts_with(b"HTTP/1.") && line.ends_with(b" 200")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_status_200_is_an_answer() {
        assert!(is_ok(b"HTTP/1.1 200"));
        for line in [&b"HTTP/1.1 404"[..], b"HTTP/1.1 503", b"SSH-2.0-open"] {
            assert!(!is_ok(line));
        }
    }

    #[test]
    fn schemas_are_kept_in_a_file() {
        assert_eq!(
            database(Path::new("/data/registry")),
            "jdbc:h2:file:/data/registry/schemas;WRITE_DELAY=0"
        );
    }
}
