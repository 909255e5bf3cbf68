//! Other engines on what our sessionizer reads: sessions of the same records, an update for each, exactly once. Their programs
//! are in `bench/peers`; what is counted, and how, is the same as for our stages.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use footfall::lane::Cluster;
use journey::topics;
use pipeline::kafka::{
    Settings,
    admin::{Admin, Difference, TopicSpec},
    read::{From, TopicReader},
};

use crate::{
    backlog::{PARTITIONS, PREFIX, broker_cpu},
    process::{cpu_seconds, resident_mib},
    report::PeerRow,
};

/// The engines' programs.
const PROGRAMS: &str = "bench/peers";
/// Where Maven puts them.
const BUILT: &str = "target/peers";
/// After the last event: so long an engine may take to commit it. An idle engine costs next to nothing.
const SETTLES: Duration = Duration::from_secs(3);

/// An engine as it is run.
#[derive(Debug)]
struct Engine {
    name: &'static str,
    module: &'static str,
    main: &'static str,
    /// What is computed how, where the state lies, and milliseconds between commits or checkpoints.
    args: [&'static str; 3],
}

const ENGINES: [Engine; 5] = [
    kafka_streams(
        "Kafka Streams Processor API, in memory",
        ["PU", "mem", "100"],
    ),
    kafka_streams(
        "Kafka Streams Processor API, RocksDB",
        ["PU", "rocks", "100"],
    ),
    kafka_streams("Kafka Streams DSL, RocksDB", ["U", "rocks", "100"]),
    flink("Flink, heap", ["U", "heap", "1000"]),
    flink("Flink, RocksDB", ["U", "rocks", "1000"]),
];

const fn kafka_streams(name: &'static str, args: [&'static str; 3]) -> Engine {
    Engine {
        name,
        module: "kstreams",
        main: "peers.KStreamsJob",
        args,
    }
}

const fn flink(name: &'static str, args: [&'static str; 3]) -> Engine {
    Engine {
        name,
        module: "flink",
        main: "peers.FlinkJob",
        args,
    }
}

/// What an engine had used when it had read so many records.
#[derive(Clone, Copy, Debug)]
struct Sample {
    records: u64,
    cpu: f64,
}

/// Builds the engines' programs and lets each work the backlog off.
pub(crate) fn measure(cluster: &Cluster) -> anyhow::Result<Vec<PeerRow>> {
    let built = Command::new("mvn")
        .args(["-q", "-B", "-f", PROGRAMS, "package"])
        .status()
        .context("mvn cannot be run: install Maven and a JDK 17, or leave --peers out")?;
    ensure!(built.success(), "the engines' programs do not build");
    let settings = cluster.settings(PREFIX);
    let records = values(&settings, &settings.lane.topic(topics::WEB_EVENTS))?;
    ENGINES
        .iter()
        .map(|engine| work_off(cluster, &settings, engine, records))
        .collect()
}

fn work_off(
    cluster: &Cluster,
    settings: &Settings,
    engine: &Engine,
    records: u64,
) -> anyhow::Result<PeerRow> {
    println!("measuring {}", engine.name);
    let id = format!("bench.{}", engine.args.join("."));
    let id = format!("{id}.{}", engine.module);
    let output = settings.lane.topic(&format!("peers.{id}"));
    let spec = TopicSpec {
        name: output.clone(),
        partitions: PARTITIONS as u32,
        may_grow: false,
        settings: [("cleanup.policy", "delete".to_owned())].into(),
    };
    Admin::connect(settings)?.apply_now(&[Difference::Missing(spec)], 1)?;
    let (began, broker) = (Instant::now(), broker_cpu(&cluster.dir)?);
    let mut child = start(cluster, engine, &id, records, &output)?;
    let stdout = child.stdout.take().context("its output is piped")?;
    let followed = follow(child.id(), stdout, records);
    let row = followed.and_then(|half| {
        let wall_seconds = began.elapsed().as_secs_f64();
        std::thread::sleep(SETTLES);
        let cpu_seconds = cpu_seconds(child.id())?;
        Ok(PeerRow {
            engine: engine.name,
            records,
            updates: 0,
            cpu_seconds,
            steady_records_per_cpu_second: (records - half.records) as f64
                / (cpu_seconds - half.cpu),
            wall_seconds,
            broker_cpu_seconds: broker_cpu(&cluster.dir)? - broker,
            resident_mib: resident_mib(child.id()),
        })
    });
    let _ = child.kill();
    child.wait()?;
    let row = row.with_context(|| format!("{}: see {id}.log", engine.name))?;
    Ok(PeerRow {
        updates: values(settings, &output)?,
        ..row
    })
}

fn start(
    cluster: &Cluster,
    engine: &Engine,
    id: &str,
    records: u64,
    output: &str,
) -> anyhow::Result<Child> {
    let dir = cluster.dir.canonicalize()?.join("peers").join(id);
    std::fs::create_dir_all(dir.join("tmp"))?;
    let target = Path::new(BUILT).join(engine.module);
    let classes = format!("{0}/lib/*:{0}/{1}-1.jar", target.display(), engine.module);
    let opened = ["util", "lang", "util.concurrent", "net", "nio"]
        .map(|package| format!("--add-opens=java.base/java.{package}=ALL-UNNAMED"));
    let input = cluster.settings(PREFIX).lane.topic(topics::WEB_EVENTS);
    let mut command = Command::new("java");
    command
        .args([
            "-Xmx2g",
            "-Dorg.apache.avro.specific.use_custom_coders=true",
        ])
        .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
        .args(opened)
        .args(["-cp", &classes, engine.main, &cluster.brokers, id])
        .args(engine.args)
        .arg(&dir)
        .env("INPUT", input)
        .env("OUTPUT", output)
        .env("SCHEMA", "schemas/web_event.avsc")
        .env("TOTAL", records.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(File::create(cluster.dir.join(format!("{id}.log")))?);
    command
        .spawn()
        .context("java cannot be run: install Java 17, or leave --peers out")
}

/// Follows an engine's progress to the last record. What it had used half way.
fn follow(pid: u32, stdout: ChildStdout, records: u64) -> anyhow::Result<Sample> {
    let mut half = None;
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        let Some(read) = line
            .strip_prefix("events ")
            .and_then(|n| n.parse::<u64>().ok())
        else {
            continue;
        };
        if half.is_none() && read >= records / 2 {
            half = Some(Sample {
                records: read,
                cpu: cpu_seconds(pid)?,
            });
        }
        if read >= records {
            return half.context("it read everything at once");
        }
    }
    anyhow::bail!("it ended before it had read everything")
}

/// How many committed records with a value a topic holds.
fn values(settings: &Settings, topic: &str) -> anyhow::Result<u64> {
    let mut reader = TopicReader::open(settings, &[topic.to_owned()], From::Beginning)?;
    let mut count = 0;
    while let Some(record) = reader.next_there()? {
        count += u64::from(record.value.is_some());
    }
    Ok(count)
}
