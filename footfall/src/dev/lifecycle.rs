//! Starting and stopping: what runs already is left alone, and a start that fails leaves nothing behind.

use std::{
    path::Path,
    process::Child,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use footfall::child;

use super::{
    Options,
    artifacts::{self, Artifacts},
    directory::Directory,
    kafka,
    ports::Ports,
    process, registry,
};

/// How long both may take until they answer.
const READY_LIMIT: Duration = Duration::from_secs(120);
/// How long each may take to stop before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(20);
/// Something runs, and nobody knows where it listens.
const NO_PORTS: &str = "no file `ports` says where it listens: run `footfall dev down` first";

/// One of the two processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Kafka,
    Registry,
}

/// A local Kafka and registry that answer.
#[derive(Debug)]
pub(crate) struct Running {
    /// Where they listen.
    pub(super) ports: Ports,
    /// One entry per service.
    pub(super) started: Vec<Started>,
}

/// A service that answers, and how long that took if it had to be started.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) service: Service,
    pub(super) port: u16,
    /// Nothing when it ran already.
    pub(super) took: Option<Duration>,
}

impl Service {
    /// Both, in the order in which they are named.
    pub(super) const ALL: [Service; 2] = [Service::Kafka, Service::Registry];

    /// Its name.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Service::Kafka => "kafka",
            Service::Registry => "registry",
        }
    }

    /// Whether it does its work, asked as a client would.
    pub(super) fn answers(self, ports: &Ports) -> bool {
        match self {
            Service::Kafka => kafka::answers(ports.kafka),
            Service::Registry => registry::answers(ports.registry),
        }
    }

    fn start(
        self,
        directory: &Directory,
        ports: &Ports,
        artifacts: &Artifacts,
        options: &Options,
    ) -> anyhow::Result<Child> {
        let mut command = match self {
            Service::Kafka => kafka::command(directory, ports, artifacts, options)?,
            Service::Registry => registry::command(directory, ports, artifacts)?,
        };
        process::spawn(&mut command, directory, self)
    }
}

/// Stops both, and deletes their data if told to before anybody else may start them; returns the names of those that ran.
pub(crate) fn down(dir: &Path, delete: bool) -> anyhow::Result<Vec<&'static str>> {
    let Some(directory) = Directory::find(dir)? else {
        return Ok(Vec::new());
    };
    let lock = directory.lock()?;
    let stopped = stop(&directory, &Service::ALL)?;
    if delete {
        directory.delete_data(&lock)?;
    }
    Ok(stopped)
}

/// Starts what does not run yet and waits until both answer.
pub(crate) fn up(options: &Options) -> anyhow::Result<Running> {
    let directory = Directory::create(&options.dir)?;
    let _lock = directory.lock()?;
    let missing: Vec<Service> = Service::ALL
        .into_iter()
        .filter(|service| process::find(&directory, *service).is_none())
        .collect();
    let mut ports = directory.ports()?;
    // Where one runs, ports cannot be chosen anew.
    if missing.len() < Service::ALL.len() {
        ports.context(NO_PORTS)?;
    }
    let mut children = Vec::new();
    // No other `up` of this user looks for ports until this one has taken its own.
    let mut _cache_lock = None;
    if !missing.is_empty() {
        let (artifacts, lock) = artifacts::fetch(options.cache.as_deref(), &directory)?;
        _cache_lock = Some(lock);
        let chosen = Ports::choose(ports, &missing)?;
        directory.write_ports(&chosen)?;
        ports = Some(chosen);
        for service in missing {
            footfall::say(format_args!(
                "starting {} in {}",
                service.as_str(),
                options.dir.display()
            ));
            let at = Instant::now();
            match service.start(&directory, &chosen, &artifacts, options) {
                Ok(child) => children.push((service, child, at)),
                Err(error) => return Err(abandon(&directory, &children, error)),
            }
        }
    }
    let ports = ports.context(NO_PORTS)?;
    match wait_until_both_answer(&directory, &ports, &mut children) {
        Ok(started) => Ok(Running { ports, started }),
        Err(error) => Err(abandon(&directory, &children, error)),
    }
}

/// Stops what this call started, so that a failed `up` leaves nothing behind.
fn abandon(
    directory: &Directory,
    children: &[(Service, Child, Instant)],
    error: anyhow::Error,
) -> anyhow::Error {
    let services: Vec<Service> = children.iter().map(|(service, ..)| *service).collect();
    match stop(directory, &services) {
        Ok(_) => error,
        Err(second) => error.context(format!("{second:#}, after")),
    }
}

fn wait_until_both_answer(
    directory: &Directory,
    ports: &Ports,
    children: &mut [(Service, Child, Instant)],
) -> anyhow::Result<Vec<Started>> {
    let begun = Instant::now();
    let mut started: Vec<Started> = Vec::new();
    while started.len() < Service::ALL.len() {
        for service in Service::ALL {
            if started.iter().any(|one| one.service == service) {
                continue;
            }
            let child = children.iter_mut().find(|(one, ..)| *one == service);
            let mut begun_at = None;
            if let Some((_, child, at)) = child {
                begun_at = Some(*at);
                if let Some(status) = child.try_wait()? {
                    bail!(
                        "{} ended at its start: {status}\n{}",
                        service.as_str(),
                        directory.last_words(service)
                    );
                }
            }
            if service.answers(ports) {
                let port = ports.of(service);
                let took = begun_at.map(|at| at.elapsed());
                started.push(Started {
                    service,
                    port,
                    took,
                });
            } else if begun.elapsed() > READY_LIMIT {
                bail!(
                    "{} does not answer after {} s\n{}",
                    service.as_str(),
                    READY_LIMIT.as_secs(),
                    directory.last_words(service)
                );
            }
        }
        thread::sleep(Duration::from_millis(25));
    }
    started.sort_by_key(|one| one.service as u8);
    Ok(started)
}

fn stop(directory: &Directory, services: &[Service]) -> anyhow::Result<Vec<&'static str>> {
    let mut running = Vec::new();
    for service in services {
        match process::find(directory, *service) {
            Some(pid) => {
                child::signal(pid, "TERM")?;
                running.push((*service, pid));
            }
            // A pid file without a process of ours is left over from a crash.
            None => directory.forget(*service)?,
        }
    }
    for (service, pid) in &running {
        process::wait_for_end(directory, *service, *pid, STOP_LIMIT)?;
        directory.forget(*service)?;
    }
    Ok(running
        .iter()
        .map(|(service, _)| service.as_str())
        .collect())
}
