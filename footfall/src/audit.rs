//! Who wrote what with the tool: a record on `journey.audit` of the lane for every command that writes, done or failed.
//!
//! A command that writes looks first whether its record can be written: what nobody could account for is not begun. Dry runs
//! write nothing and leave nothing.

use std::{env, fs};

use anyhow::Context;
use journey::{Timestamp, topics};
use pipeline::{
    config::{self, HIDDEN, without_user},
    kafka::{
        Settings,
        admin::Admin,
        settings::wall_clock,
        write::{Out, Writer},
    },
};
use serde_json::{Value, json};

/// Who calls the tool, and with which words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    actor: String,
    arguments: Vec<String>,
}

impl Caller {
    /// Whoever runs this process, unless told otherwise.
    pub(crate) fn new(actor: Option<&str>) -> Caller {
        Caller {
            actor: actor.map_or_else(user_at_host, str::to_owned),
            arguments: without_secrets(
                env::args_os()
                    .skip(1)
                    .map(|argument| argument.to_string_lossy().into_owned()),
            ),
        }
    }
}

fn user_at_host() -> String {
    let user = ["USER", "LOGNAME"]
        .iter()
        .find_map(|name| env::var(name).ok());
    let host = fs::read_to_string("/proc/sys/kernel/hostname");
    let host = host.ok().or_else(|| env::var("HOSTNAME").ok());
    let known = |name: Option<String>| {
        let name = name.map(|name| name.trim().to_owned());
        name.filter(|name| !name.is_empty())
            .unwrap_or_else(|| "unknown".to_owned())
    };
    format!("{}@{}", known(user), known(host))
}

/// The arguments as they were typed, but for the values of librdkafka's properties, among which are passwords, and for what
/// an address says of whoever connects.
fn without_secrets(arguments: impl Iterator<Item = String>) -> Vec<String> {
    let mut shown = Vec::new();
    let mut after_property = false;
    for argument in arguments {
        let property = argument.strip_prefix("--kafka-property=");
        shown.push(match property {
            Some(property) => format!("--kafka-property={}", names_alone(property)),
            None if after_property => names_alone(&argument),
            None => without_user(&argument),
        });
        after_property = argument == "--kafka-property";
    }
    shown
}

/// `key=value,key=value` without the values.
fn names_alone(properties: &str) -> String {
    let read = config::properties(properties).unwrap_or_default();
    let names = read.iter().map(|(name, _)| format!("{name}={HIDDEN}"));
    names.collect::<Vec<_>>().join(",")
}

/// A command that writes, while it runs.
#[derive(Debug)]
pub(crate) struct Audit<'a> {
    settings: &'a Settings,
    caller: &'a Caller,
    command: &'static str,
    began: Timestamp,
}

impl<'a> Audit<'a> {
    /// Before anything is written: the record must have a place.
    pub(crate) fn begin(
        settings: &'a Settings,
        caller: &'a Caller,
        command: &'static str,
    ) -> anyhow::Result<Audit<'a>> {
        let topic = settings.lane.topic(topics::AUDIT);
        let counts = Admin::connect(settings)?.partition_counts()?;
        anyhow::ensure!(
            counts.contains_key(&topic),
            "topic {topic} is missing, and every write leaves a record there: create it with `footfall topics apply`, then \
             try again"
        );
        Ok(Audit::creating(settings, caller, command))
    }

    /// The same where the command makes that place itself.
    pub(crate) fn creating(
        settings: &'a Settings,
        caller: &'a Caller,
        command: &'static str,
    ) -> Audit<'a> {
        Audit {
            settings,
            caller,
            command,
            began: wall_clock(),
        }
    }

    /// After it, done or failed: writes the record, and gives back what was done. `details` say how much was written.
    pub(crate) fn end<T>(
        self,
        done: anyhow::Result<T>,
        details: impl FnOnce(&T) -> Value,
    ) -> anyhow::Result<T> {
        let outcome = match &done {
            Ok(value) => json!({"result": "done", "details": details(value)}),
            Err(error) => json!({"result": "failed", "error": format!("{error:#}")}),
        };
        let written = self.write(outcome);
        let value = done?;
        written.with_context(|| {
            let topic = self.settings.lane.topic(topics::AUDIT);
            format!(
                "`footfall {}` did its work, and {topic} could not be told",
                self.command
            )
        })?;
        Ok(value)
    }

    fn write(&self, mut record: Value) -> anyhow::Result<()> {
        record["began"] = self.began.to_string().into();
        record["ended"] = wall_clock().to_string().into();
        record["actor"] = self.caller.actor.as_str().into();
        record["command"] = self.command.into();
        record["arguments"] = self.caller.arguments.clone().into();
        record["lane"] = self.settings.lane.prefix().into();
        record["dryRun"] = false.into();
        record["version"] = env!("CARGO_PKG_VERSION").into();
        let mut writer = Writer::open(self.settings)?;
        writer.send(&Out {
            topic: &self.settings.lane.topic(topics::AUDIT),
            partition: 0,
            key: Some(self.command.as_bytes()),
            value: Some(record.to_string().as_bytes()),
            timestamp: None,
        })?;
        Ok(writer.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &[&str], shown: &[&str]) {
        let typed = typed.iter().map(|argument| (*argument).to_owned());
        assert_eq!(without_secrets(typed), shown);
    }

    #[test]
    fn no_secret_is_recorded() {
        check(
            &[
                "send",
                "-",
                "--kafka-property",
                "sasl.password=p=w,client.id=c",
                "--rate",
                "5",
            ],
            &[
                "send",
                "-",
                "--kafka-property",
                "sasl.password=***,client.id=***",
                "--rate",
                "5",
            ],
        );
        check(
            &["--kafka-property=sasl.password=secret"],
            &["--kafka-property=sasl.password=***"],
        );
        check(
            &[
                "--registry=https://me:p@ss@registry:8081/x@y",
                "http://registry:8081",
            ],
            &[
                "--registry=https://***@registry:8081/x@y",
                "http://registry:8081",
            ],
        );
    }
}
