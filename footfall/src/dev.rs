//! `footfall dev`: a local Apache Kafka and schema registry, without Docker.
//!
//! Both run as processes of their own that outlive the tool, bound to 127.0.0.1, with everything they keep in one
//! directory. Kafka's log and the registry's schemas both survive `down` and a crash: records in the one name schema
//! ids of the other. Calling `up` or `down` twice is no error.

mod artifacts;
mod directory;
mod kafka;
mod lifecycle;
mod ports;
mod process;
mod registry;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::Output;

pub(crate) use self::lifecycle::{down, up};
use self::{
    directory::Directory,
    lifecycle::{Running, Service},
    ports::Ports,
};

/// Arguments of `footfall dev`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Command,
}

/// Where the local Kafka and registry keep what they need.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Directory of the data, configuration, logs and pid files.
    #[arg(
        long,
        global = true,
        env = "FOOTFALL_DEV_DIR",
        value_name = "DIR",
        default_value = "target/footfall-dev"
    )]
    pub(crate) dir: PathBuf,
    /// Directory of the downloaded jars, shared by every data directory [default: ~/.cache/footfall].
    #[arg(long, global = true, env = "FOOTFALL_CACHE", value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
    /// Largest heap of the broker, as Java's -Xmx.
    #[arg(long, global = true, env = "FOOTFALL_KAFKA_HEAP", value_name = "SIZE", default_value = "1g", value_parser = heap)]
    pub(crate) kafka_heap: String,
    /// Lets the broker's JVM compile with its second compiler too: slower for its first minutes, faster from then on.
    #[arg(long, global = true, env = "FOOTFALL_DEV_LONG_RUNNING")]
    pub(crate) long_running: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start Kafka and the registry and wait until both answer.
    Up,
    /// Say whether both answer, and where. Exits 1 unless both do.
    Status,
    /// Print the variables that the other commands and the stages read: eval "$(footfall dev env)".
    Env,
    /// Stop both. The data stay.
    Down {
        /// Delete the data, so that the next `up` starts afresh.
        #[arg(long)]
        delete: bool,
    },
}

/// Where a running local Kafka and registry listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoints {
    /// For `FOOTFALL_BROKERS`.
    pub(crate) brokers: String,
    /// For `FOOTFALL_REGISTRY`.
    pub(crate) registry: String,
}

impl Running {
    /// What clients connect to.
    pub(crate) fn endpoints(&self) -> Endpoints {
        Endpoints::at(&self.ports)
    }
}

impl Endpoints {
    fn at(ports: &Ports) -> Endpoints {
        Endpoints {
            brokers: format!("127.0.0.1:{}", ports.kafka),
            registry: format!("http://127.0.0.1:{}{}", ports.registry, registry::API),
        }
    }

    /// Lines that a shell can evaluate.
    fn exports(&self) -> String {
        format!(
            "export FOOTFALL_BROKERS={}\nexport FOOTFALL_REGISTRY={}\n",
            self.brokers, self.registry
        )
    }

    fn json(&self) -> Value {
        json!({"FOOTFALL_BROKERS": self.brokers, "FOOTFALL_REGISTRY": self.registry})
    }
}

/// Runs `footfall dev`.
pub(crate) fn run(args: &Args, output: Output) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Up => {
            let running = up(&args.options)?;
            output.print(up_text(&running), || up_json(&running))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Status => status(&args.options.dir, output),
        Command::Env => env(&args.options.dir, output),
        Command::Down { delete } => {
            let stopped = down(&args.options.dir, *delete)?;
            let text = match stopped.as_slice() {
                [] => "not running".to_owned(),
                some => format!("stopped {}", some.join(" · ")),
            };
            output.print(text, || json!({"stopped": stopped}))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn status(dir: &Path, output: Output) -> anyhow::Result<ExitCode> {
    let directory = Directory::find(dir)?;
    let ports = directory
        .as_ref()
        .map(Directory::ports)
        .transpose()?
        .flatten();
    let mut lines = Vec::new();
    let mut values = serde_json::Map::new();
    let mut all_answer = true;
    for service in Service::ALL {
        let pid = directory
            .as_ref()
            .and_then(|directory| process::find(directory, service));
        let port = ports.map(|ports| ports.of(service));
        let answers = pid.is_some() && ports.is_some_and(|ports| service.answers(&ports));
        all_answer &= answers;
        let state = match (pid, answers) {
            (None, _) => "down",
            (Some(_), false) => "not answering",
            (Some(_), true) => "up",
        };
        let megabytes = pid.and_then(process::resident_megabytes);
        let mut line = service.as_str().to_owned();
        if let (Some(pid), Some(port)) = (pid, port) {
            line += &format!(" 127.0.0.1:{port} {state} pid {pid}");
            line += &megabytes.map_or(String::new(), |size| format!(" {size} MB"));
        } else {
            line += &format!(" {state}");
        }
        lines.push(line);
        values.insert(
            service.as_str().to_owned(),
            json!({"state": state, "port": port, "pid": pid, "residentMegabytes": megabytes}),
        );
    }
    output.print(lines.join(" · "), || Value::Object(values))?;
    Ok(if all_answer {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn env(dir: &Path, output: Output) -> anyhow::Result<ExitCode> {
    let running = match Directory::find(dir)? {
        Some(directory) if process::find(&directory, Service::Kafka).is_some() => {
            directory.ports()?
        }
        _ => None,
    };
    let ports = running.context("not running: start it with `footfall dev up`")?;
    let endpoints = Endpoints::at(&ports);
    output.print(endpoints.exports().trim_end(), || endpoints.json())?;
    Ok(ExitCode::SUCCESS)
}

fn up_text(running: &Running) -> String {
    let parts: Vec<String> = running
        .started
        .iter()
        .map(|one| {
            let address = format!("{} 127.0.0.1:{}", one.service.as_str(), one.port);
            match one.took {
                Some(took) => format!("{address} ready {:.1} s", took.as_secs_f64()),
                None => format!("{address} already running"),
            }
        })
        .collect();
    parts.join(" · ")
}

fn up_json(running: &Running) -> Value {
    let parts = running.started.iter().map(|one| {
        let seconds = one.took.map(|took| took.as_secs_f64());
        let value =
            json!({"port": one.port, "alreadyRunning": seconds.is_none(), "readySeconds": seconds});
        (one.service.as_str().to_owned(), value)
    });
    let mut value: serde_json::Map<String, Value> = parts.collect();
    value.insert("environment".to_owned(), running.endpoints().json());
    Value::Object(value)
}

/// Checks a size as Java's -Xmx takes it.
fn heap(text: &str) -> Result<String, String> {
    let digits = text.trim_end_matches(['k', 'K', 'm', 'M', 'g', 'G']);
    let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole && text.len() - digits.len() <= 1 {
        Ok(text.to_owned())
    } else {
        Err("a number with k, m or g, such as 512m or 1g".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{lifecycle::Started, *};

    const PORTS: Ports = Ports {
        kafka: 19092,
        controller: 19093,
        registry: 18081,
    };

    #[test]
    fn env_prints_lines_that_a_shell_evaluates() {
        assert_eq!(
            Endpoints::at(&PORTS).exports(),
            "export FOOTFALL_BROKERS=127.0.0.1:19092\n\
             export FOOTFALL_REGISTRY=http://127.0.0.1:18081/apis/ccompat/v7\n"
        );
    }

    #[test]
    fn up_says_where_and_how_long_or_that_it_ran_already() {
        let started = vec![
            Started {
                service: Service::Kafka,
                port: 19092,
                took: Some(Duration::from_millis(1840)),
            },
            Started {
                service: Service::Registry,
                port: 18081,
                took: None,
            },
        ];
        let running = Running {
            ports: PORTS,
            started,
        };
        assert_eq!(
            up_text(&running),
            "kafka 127.0.0.1:19092 ready 1.8 s · registry 127.0.0.1:18081 already running"
        );
        let value = up_json(&running);
        assert_eq!(value["registry"]["alreadyRunning"], true);
        assert_eq!(value["environment"]["FOOTFALL_BROKERS"], "127.0.0.1:19092");
    }

    #[test]
    fn a_heap_is_a_number_with_at_most_one_unit() {
        for good in ["512m", "1g", "2G", "1073741824"] {
            assert_eq!(heap(good).as_deref(), Ok(good));
        }
        for bad in ["", "g", "1gg", "1 g", "-1g", "1g -XX:+Foo"] {
            assert!(heap(bad).is_err(), "{bad}");
        }
    }
}
