//! Apache Kafka, one node that is broker and controller (KRaft), with settings that suit tests on a laptop.

use std::{
    collections::hash_map::RandomState,
    fs,
    hash::{BuildHasher, Hasher},
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};

use super::{
    Options, artifacts::Artifacts, directory::Directory, lifecycle::Service, ports::Ports,
};

/// How long one question to the broker may take.
const PROBE_LIMIT: Duration = Duration::from_secs(2);

/// A JVM beside everything else on two cores: a collector of one thread leaves the others to the stages.
const SMALL_MACHINE: &str = "-XX:+UseSerialGC";
/// And for some minutes: its second compiler uses as much of the cores as the broker's own work, for longer than a test lasts.
const SHORT_LIVED: &str = "-XX:TieredStopAtLevel=1";

/// The command that runs the broker, with its files written and its data directory formatted.
pub(super) fn command(
    directory: &Directory,
    ports: &Ports,
    artifacts: &Artifacts,
    options: &Options,
) -> anyhow::Result<Command> {
    let data = directory.data(Service::Kafka);
    let properties = directory.write("server.properties", &properties(ports, &data))?;
    let logging = directory.write(
        "log4j2.properties",
        &logging(&directory.log(Service::Kafka)),
    )?;
    let logging = format!("-Dlog4j2.configurationFile={}", logging.display());
    if !data.join("meta.properties").exists() {
        format(artifacts, &properties, &data, &logging)?;
    }
    let mut command = Command::new(&artifacts.java);
    command
        .arg(directory.mark(Service::Kafka))
        .args([format!("-Xmx{}", options.kafka_heap), logging])
        .arg(SMALL_MACHINE)
        .args((!options.long_running).then_some(SHORT_LIVED))
        .args([
            "-Djava.awt.headless=true",
            "-XX:+ExitOnOutOfMemoryError",
            "-cp",
        ])
        .arg(artifacts.kafka_jars())
        .arg("kafka.Kafka")
        .arg(&properties)
        .current_dir(directory.path("."));
    Ok(command)
}

/// Whether the broker answers a Metadata request with itself: only then has its controller let it in.
pub(super) fn answers(port: u16) -> bool {
    broker_count(port).is_ok_and(|count| count > 0)
}

fn format(
    artifacts: &Artifacts,
    properties: &Path,
    data: &Path,
    logging: &str,
) -> anyhow::Result<()> {
    fs::create_dir_all(data).with_context(|| format!("making {}", data.display()))?;
    let output = Command::new(&artifacts.java)
        .args([logging, "-Xmx256m", SMALL_MACHINE, SHORT_LIVED])
        .arg("-cp")
        .arg(artifacts.kafka_jars())
        .args([
            "kafka.tools.StorageTool",
            "format",
            "--cluster-id",
            &cluster_id(),
            "--config",
        ])
        .arg(properties)
        .stdin(Stdio::null())
        .output()
        .context("starting java")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("formatting {}: {}\n{said}", data.display(), output.status);
    }
    Ok(())
}

/// A new cluster id: 16 bytes in base64, of which hexadecimal digits are a part. The `A` leaves no bits over.
fn cluster_id() -> String {
    let random = || RandomState::new().build_hasher().finish();
    let digits = format!("{:016x}{:016x}", random(), random());
    format!("{}A", &digits[..21])
}

fn properties(ports: &Ports, data: &Path) -> String {
    let Ports {
        kafka, controller, ..
    } = ports;
    // A properties file takes a backslash as the start of an escape.
    let data = data.display().to_string().replace('\\', "\\\\");
    format!(
        "# Written by `footfall dev up`, every time.
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{kafka},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{kafka}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
num.partitions=4
default.replication.factor=1
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
broker.heartbeat.interval.ms=1000
broker.session.timeout.ms=4000
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=2000
message.max.bytes=13631488
replica.fetch.max.bytes=13631488
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=33554432
num.recovery.threads.per.data.dir=2
"
    )
}

fn logging(file: &Path) -> String {
    let file = file.display().to_string().replace('\\', "\\\\");
    format!(
        "# Written by `footfall dev up`, every time.
status=error
rootLogger.level=info
rootLogger.appenderRef.file.ref=file
appender.file.type=RollingFile
appender.file.name=file
appender.file.fileName={file}
appender.file.filePattern={file}.%i
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d{{ISO8601}} %p %m (%c{{1}})%n
appender.file.policies.type=Policies
appender.file.policies.size.type=SizeBasedTriggeringPolicy
appender.file.policies.size.size=20MB
appender.file.strategy.type=DefaultRolloverStrategy
appender.file.strategy.max=2
"
    )
}

fn broker_count(port: u16) -> std::io::Result<i32> {
    let mut stream =
        TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), PROBE_LIMIT)?;
    stream.set_read_timeout(Some(PROBE_LIMIT))?;
    stream.set_write_timeout(Some(PROBE_LIMIT))?;
    stream.write_all(&metadata_request())?;
    // Version 4: size, correlation id, throttle time, number of brokers.
    let mut answer = [0; 16];
    stream.read_exact(&mut answer)?;
    let [.., a, b, c, d] = answer;
    Ok(i32::from_be_bytes([a, b, c, d]))
}

/// A Metadata request, version 4, that asks for no topics and creates none.
fn metadata_request() -> Vec<u8> {
    let client = "footfall-dev";
    let mut body = Vec::new();
    body.extend(3_i16.to_be_bytes()); // Metadata
    body.extend(4_i16.to_be_bytes()); // version
    body.extend(1_i32.to_be_bytes()); // correlation id
    body.extend((client.len() as i16).to_be_bytes());
    body.extend(client.as_bytes());
    body.extend(0_i32.to_be_bytes()); // topics
    body.push(0); // create topics
    let mut request = (body.len() as i32).to_be_bytes().to_vec();
    request.extend(body);
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_broker_listens_on_this_machine_alone() {
        let ports = Ports {
            kafka: 19092,
            controller: 19093,
            registry: 18081,
        };
        let text = properties(&ports, Path::new("/data/kafka"));
        assert!(
            text.contains("\nlisteners=PLAINTEXT://127.0.0.1:19092,CONTROLLER://127.0.0.1:19093\n")
        );
        assert!(text.contains("\ncontroller.quorum.voters=1@127.0.0.1:19093\n"));
        assert!(text.contains("\nlog.dirs=/data/kafka\n"));
        assert!(!text.contains("18081"));
    }

    #[test]
    fn every_property_is_named_once() {
        let ports = Ports {
            kafka: 1,
            controller: 2,
            registry: 3,
        };
        for text in [properties(&ports, Path::new("d")), logging(Path::new("f"))] {
            let mut names: Vec<&str> = text
                .lines()
                .filter(|line| !line.starts_with('#'))
                .map(|line| line.split_once('=').expect("a property").0)
                .collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count);
        }
    }

    #[test]
    fn a_cluster_id_is_sixteen_bytes_in_base64_and_new_each_time() {
        let id = cluster_id();
        assert_eq!(id.len(), 22);
        assert!(id.ends_with('A'));
        assert_ne!(id, cluster_id());
    }

    #[test]
    fn a_request_begins_with_its_own_length() {
        let request = metadata_request();
        let (size, body) = request.split_at(4);
        assert_eq!(size, (body.len() as i32).to_be_bytes());
    }
}
