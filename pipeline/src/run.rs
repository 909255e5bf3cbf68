//! The boot sequence of a stage: logs, registry, topics, definitions, workers; then until a signal.

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow};
use journey::{Millis, definitions::Sets, topics};
use tokio::{runtime::Runtime, signal::unix::SignalKind};

use crate::{
    admin_http::{self, Health},
    config::{KafkaArgs, StageArgs},
    definitions::Definitions,
    kafka::{KafkaLog, Settings, admin::Admin, follow::Follower},
    log::LogError,
    metrics::Metrics,
    names::Names,
    outbox::Addresses,
    pace::Pace,
    processor::{Stage, TaskContext, Topology},
    registry::Registry,
    worker::{Parts, Worker},
};

/// What a stage's own options add to the shared ones.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extras {
    /// Ingest: tick silent raw partitions, and check the broker's clock.
    pub ticks: bool,
    /// Ingest: the grace that its marks carry.
    pub grace: Millis,
    /// Dead letters hold the record's bytes.
    pub dead_letter_bytes: bool,
    /// Nobody waits for its outputs: commits are 100 ms apart or more, which spares the broker.
    pub unhurried: bool,
    /// Outputs whose values are written without a frame and need no schema in the registry.
    pub unframed: &'static [&'static str],
}

/// The least time between commits of a stage that nobody waits for.
const UNHURRIED: Duration = Duration::from_millis(100);

/// Logs as JSON, or in words on a terminal; `RUST_LOG` chooses what.
pub fn init_logs() {
    use std::io::IsTerminal;
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        tracing_subscriber::EnvFilter::new("info,librdkafka=warn,rdkafka=warn")
    });
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        builder.init()
    } else {
        builder.json().init()
    }
}

/// Wrong options: the same exit code as clap's.
const USAGE: u8 = 2;

/// Runs a stage until a signal; says what went wrong and what to do, and exits 1, if it cannot go on; 2 if its options are
/// wrong.
pub fn stage_main<S: Stage + 'static>(
    kafka: &KafkaArgs,
    args: &StageArgs,
    extras: Extras,
    make: impl Fn(TaskContext) -> S + Send + Sync + 'static,
) -> ExitCode {
    init_logs();
    let stage = S::TOPOLOGY.stage;
    let checked = check_format(args.state_format, S::STATE_FORMAT);
    let settings = match checked.and_then(|()| settings(kafka, args)) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("{stage}: {error}");
            return ExitCode::from(USAGE);
        }
    };
    match run(settings, kafka, args, extras, make) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "{stage} stops");
            eprintln!("{stage}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn check_format(asked: u8, newest: u8) -> Result<(), LogError> {
    if asked <= newest {
        return Ok(());
    }
    Err(LogError::new(format!(
        "--state-format {asked}: this release writes states in formats 1 to {newest}; 0 is the one before its newest"
    )))
}

fn settings(kafka: &KafkaArgs, args: &StageArgs) -> Result<Settings, LogError> {
    let settings = Settings {
        session_timeout: args.session_timeout,
        transaction_timeout: args.transaction_timeout,
        ..kafka.settings(&args.instance)?
    };
    settings.check()?;
    Ok(settings)
}

fn run<S: Stage + 'static>(
    settings: Settings,
    kafka: &KafkaArgs,
    args: &StageArgs,
    extras: Extras,
    make: impl Fn(TaskContext) -> S + Send + Sync + 'static,
) -> anyhow::Result<()> {
    let runtime = Runtime::new().context("no runtime")?;
    let metrics = Arc::new(Metrics::of::<S>());
    let health = Arc::new(Health::new(args.workers));
    let address = runtime.block_on(admin_http::serve(
        args.metrics_address,
        Arc::clone(&metrics),
        Arc::clone(&health),
    ))?;
    tracing::info!(
        stage = S::TOPOLOGY.stage,
        brokers = settings.brokers,
        prefix = settings.lane.prefix(),
        instance = args.instance,
        workers = args.workers,
        metrics = %address,
        "starting"
    );
    let registry = Registry::new(&kafka.registry, runtime.handle().clone())?;
    let addresses = prepare(&settings, &runtime, &registry, args, extras, S::TOPOLOGY)?;
    metrics.registry_is_up(true);
    let (definitions, follower) = definitions(&settings, S::TOPOLOGY)?;
    let stop = Arc::new(AtomicBool::new(false));
    let make = Arc::new(make);
    let mut workers = Vec::new();
    for index in 0..args.workers {
        let make = Arc::clone(&make);
        let parts = Parts {
            make: Box::new(move |context| make(context)),
            definitions: definitions.clone(),
            schemas: registry.source(Arc::clone(&metrics), Arc::clone(&stop)),
            addresses: addresses.clone(),
            metrics: Arc::clone(&metrics),
            pace: pace(args, extras),
            state_limit: (args.state_limit > 0).then_some(args.state_limit),
            state_format: (args.state_format > 0).then_some(args.state_format),
            grace: extras.grace,
            align_sources: extras.ticks,
        };
        let (stop, health) = (Arc::clone(&stop), Arc::clone(&health));
        workers.push(work(parts, &settings, index, extras.ticks, stop, health)?);
    }
    if let Some(follower) = follower {
        follow(follower, definitions, metrics, Arc::clone(&stop))?;
    }
    runtime.block_on(until_signal(&stop));
    stop.store(true, Ordering::Relaxed);
    join(workers)
}

/// A worker in a thread of its own, which stops all when it ends.
fn work<S: Stage + 'static>(
    parts: Parts<S>,
    settings: &Settings,
    index: usize,
    ticks: bool,
    stop: Arc<AtomicBool>,
    health: Arc<Health>,
) -> anyhow::Result<thread::JoinHandle<Result<(), LogError>>> {
    let settings = settings.clone();
    let metrics = Arc::clone(&parts.metrics);
    let work = move || {
        let end = End {
            stop,
            health,
            worker: index,
        };
        let log = KafkaLog::open(&settings, S::TOPOLOGY, index, ticks, metrics)?;
        turn_until(Worker::new(log, parts), &end.stop, &end.health, index)
    };
    thread::Builder::new()
        .name(format!("{}-{index}", S::TOPOLOGY.stage))
        .spawn(work)
        .context("no thread for a worker")
}

/// The end of a worker, whatever ends it, a panic too: the others stop with it, or the process would live on without its share of
/// the partitions, and call itself ready.
struct End {
    stop: Arc<AtomicBool>,
    health: Arc<Health>,
    worker: usize,
}

impl Drop for End {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.health.is_ready(self.worker, false);
    }
}

/// In a thread that ends with the process: it holds nothing that would have to be given back.
fn follow(
    follower: Follower,
    definitions: Definitions,
    metrics: Arc<Metrics>,
    stop: Arc<AtomicBool>,
) -> anyhow::Result<()> {
    thread::Builder::new()
        .name("definitions".to_owned())
        .spawn(move || follower.follow(&definitions, &metrics, &stop))
        .context("no thread for the definitions")?;
    Ok(())
}

fn pace(args: &StageArgs, extras: Extras) -> Pace {
    let mut pace = args.pace();
    if extras.unhurried {
        pace.at_least = pace.at_least.max(UNHURRIED);
    }
    pace
}

/// Topics and schemas as they must be: partition counts and schema ids.
fn prepare(
    settings: &Settings,
    runtime: &Runtime,
    registry: &Registry,
    args: &StageArgs,
    extras: Extras,
    topology: Topology,
) -> Result<Addresses, LogError> {
    let names = Names::new(&topology, &settings.lane);
    let admin = Admin::connect(settings)?;
    let counts = runtime.block_on(admin.check_stage(&topology, &names, !extras.ticks))?;
    let mut schema_ids = Vec::new();
    for (output, name) in topology.outputs.iter().zip(&names.outputs) {
        let subject = format!("{name}-value");
        let schema = output.schema;
        schema_ids.push(
            match schema.filter(|_| !extras.unframed.contains(&output.name)) {
                None => None,
                Some(schema) if args.register_schemas => {
                    let known = schemas::all().iter().find(|s| s.topic == output.name);
                    if let Some(known) = known {
                        registry.hold_to(&subject, known.compatibility.as_str())?;
                    }
                    Some(registry.register(&subject, schema)?)
                }
                Some(schema) => Some(registry.look_up(&subject, schema)?),
            },
        );
    }
    Ok(Addresses {
        topology,
        input_partitions: counts.inputs,
        partitions: counts.outputs,
        schema_ids,
        dead_letter_partitions: counts.dead_letters,
        dead_letter_bytes: topology.dead_letter_bytes || extras.dead_letter_bytes,
    })
}

/// The definitions, read to the end before the first event, and who follows them from there.
fn definitions(
    settings: &Settings,
    topology: Topology,
) -> Result<(Definitions, Option<Follower>), LogError> {
    let mut follower = None;
    if topology.definitions {
        let topic = settings.lane.topic(topics::DEFINITIONS);
        follower = Some(Follower::open(settings, &topic)?);
    }
    let none = Sets::default();
    let sets = follower.as_ref().map_or(&none, Follower::sets);
    let in_order = sets.in_order().map_err(|e| LogError::new(e.to_string()))?;
    let newest = in_order.last().map_or(0, |set| set.version);
    tracing::info!(sets = in_order.len() - 1, newest, "definitions read");
    Ok((Definitions::new(in_order.into()), follower))
}

/// What `journey.definitions` holds.
pub fn read_definitions(settings: &Settings, topic: &str) -> Result<Sets, LogError> {
    Follower::open(settings, topic).map(Follower::into_sets)
}

fn turn_until<S: Stage>(
    mut worker: Worker<S, KafkaLog>,
    stop: &AtomicBool,
    health: &Health,
    index: usize,
) -> Result<(), LogError> {
    let started = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        worker.turn(started.elapsed())?;
        health.turned(index);
        health.is_ready(index, worker.is_ready());
    }
    worker.stop(started.elapsed())?;
    tracing::info!(worker = index, "stopped");
    Ok(())
}

/// Until SIGTERM, SIGINT, or a worker that ended.
async fn until_signal(stop: &AtomicBool) {
    let terminate = tokio::signal::unix::signal(SignalKind::terminate());
    let interrupt = tokio::signal::unix::signal(SignalKind::interrupt());
    let (Ok(mut terminate), Ok(mut interrupt)) = (terminate, interrupt) else {
        return;
    };
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            () = tokio::time::sleep(Duration::from_millis(50)) => {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
        }
    }
}

fn join(workers: Vec<thread::JoinHandle<Result<(), LogError>>>) -> anyhow::Result<()> {
    let mut first = Ok(());
    for worker in workers {
        let result = worker
            .join()
            .map_err(|_| anyhow!("a worker panicked: this is a bug, the last commit stands"));
        let result = result.and_then(|result| result.map_err(anyhow::Error::from));
        if first.is_ok() {
            first = result;
        }
    }
    first
}
