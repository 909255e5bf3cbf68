//! `footfall schemas`: this version's Avro schemas beside those of the registry, and putting them there.
//!
//! The registry is the judge: it holds a new schema against every earlier version, by the level that the subject has. So a
//! level that is not what it should be is said, and a change cannot pass under it.

use std::process::ExitCode;

use clap::Subcommand;
use pipeline::{
    config::KafkaArgs,
    kafka::Settings,
    registry::{Registry, Standing},
};
use schemas::Subject;
use serde_json::{Value, json};

use crate::{
    Output,
    audit::{Audit, Caller},
};

/// Arguments of `footfall schemas`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Ask whether the registry would take every schema. Exits 1 if not: a gate for CI.
    Check(KafkaArgs),
    /// Set every subject's compatibility level and register every schema: all, or none if one is refused.
    Register {
        #[command(flatten)]
        kafka: KafkaArgs,
        /// Register nothing: the same as `check`
        #[arg(long, env = "FOOTFALL_DRY_RUN")]
        dry_run: bool,
    },
}

/// One subject, as it stands in the registry.
struct Found {
    subject: Subject,
    name: String,
    standing: Standing,
    /// The registry's level, if it is not ours.
    other_level: Option<String>,
}

/// Runs `footfall schemas`.
pub(crate) fn run(args: &Args, output: Output, caller: &Caller) -> anyhow::Result<ExitCode> {
    let (kafka, registers) = match &args.command {
        Command::Check(kafka) => (kafka, false),
        Command::Register { kafka, dry_run } => (kafka, !dry_run),
    };
    let settings = crate::settings(kafka)?;
    let registry = Registry::open(&kafka.registry)?;
    let (found, ids) = if registers {
        let audit = Audit::begin(&settings, caller, "schemas register")?;
        audit.end(
            register(&registry, &settings),
            |(found, ids)| json!({"subjects": found.len(), "registered": ids.len()}),
        )?
    } else {
        (look_at_all(&registry, &settings)?, Vec::new())
    };
    let all_pass = found.iter().all(Found::passes);
    let lines = found.iter().enumerate();
    let mut lines: Vec<String> = lines
        .map(|(at, one)| one.line(ids.get(at).copied()))
        .collect();
    if registers && !all_pass {
        lines.push("nothing is registered: a change must be compatible with every earlier version of its subject".to_owned());
    }
    output.print(lines.join("\n"), || {
        let values = found.iter().enumerate();
        let values = values.map(|(at, one)| one.value(ids.get(at).copied()));
        json!({"pass": all_pass, "registered": registers && all_pass, "subjects": values.collect::<Vec<_>>()})
    })?;
    Ok(if all_pass {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn look_at_all(registry: &Registry, settings: &Settings) -> anyhow::Result<Vec<Found>> {
    let all = schemas::all().iter();
    all.map(|subject| look(registry, subject.name(&settings.lane), *subject))
        .collect()
}

/// Sets every level and registers every schema, none if one is refused. The ids of those registered.
fn register(registry: &Registry, settings: &Settings) -> anyhow::Result<(Vec<Found>, Vec<u32>)> {
    for subject in schemas::all() {
        let name = subject.name(&settings.lane);
        registry.hold_to(&name, subject.compatibility.as_str())?;
    }
    let found = look_at_all(registry, settings)?;
    let mut ids = Vec::new();
    if found.iter().all(Found::passes) {
        for one in &found {
            ids.push(registry.register(&one.name, one.subject.schema)?);
        }
    }
    Ok((found, ids))
}

fn look(registry: &Registry, name: String, subject: Subject) -> anyhow::Result<Found> {
    let standing = registry.standing(&name, subject.schema)?;
    let other_level = if standing == Standing::NewSubject {
        None
    } else {
        let level = registry.compatibility(&name)?;
        let level = level.unwrap_or_else(|| "none of its own".to_owned());
        Some(level).filter(|level| level != subject.compatibility.as_str())
    };
    Ok(Found {
        subject,
        name,
        standing,
        other_level,
    })
}

impl Found {
    /// Under another level than ours the registry's word on a change is worth nothing.
    fn passes(&self) -> bool {
        match &self.standing {
            Standing::Known { .. } | Standing::NewSubject => true,
            Standing::MayFollow { .. } => self.other_level.is_none(),
            Standing::Incompatible { .. } => false,
        }
    }

    fn verdict(&self) -> &'static str {
        match &self.standing {
            Standing::NewSubject => "new",
            Standing::Incompatible { .. } => "incompatible",
            _ if self.passes() => "ok",
            _ => "unknown",
        }
    }

    /// `journey.offers-value ok v3 → v4 FULL_TRANSITIVE`.
    fn line(&self, registered_id: Option<u32>) -> String {
        let versions = match &self.standing {
            Standing::Known { version } => format!("v{version}"),
            Standing::NewSubject => "v1".to_owned(),
            Standing::MayFollow { latest } | Standing::Incompatible { latest, .. } => {
                format!("v{latest} → v{}", latest + 1)
            }
        };
        let level = self.subject.compatibility;
        let mut line = format!("{} {} {versions} {level}", self.name, self.verdict());
        if let Some(id) = registered_id {
            line += &format!(" id {id}");
        }
        if let Standing::Incompatible { why, .. } = &self.standing {
            line += &format!(": {why}");
        }
        if let Some(level) = &self.other_level {
            line += &format!(" (its level is {level}: `footfall schemas register` sets it)");
        }
        line
    }

    fn value(&self, registered_id: Option<u32>) -> Value {
        let (version, why) = match &self.standing {
            Standing::Known { version } => (Some(*version), None),
            Standing::NewSubject => (None, None),
            Standing::MayFollow { latest } => (Some(*latest), None),
            Standing::Incompatible { latest, why } => (Some(*latest), Some(why)),
        };
        json!({
            "subject": self.name, "verdict": self.verdict(), "version": version, "why": why,
            "changes": matches!(self.standing, Standing::MayFollow { .. } | Standing::Incompatible { .. }),
            "compatibility": self.subject.compatibility.as_str(), "otherLevel": self.other_level,
            "id": registered_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(standing: Standing, other_level: Option<&str>) -> Found {
        let subject = schemas::all()
            .iter()
            .find(|subject| subject.topic == journey::topics::OFFERS)
            .expect("offers are Avro");
        Found {
            subject: *subject,
            name: "journey.offers-value".to_owned(),
            standing,
            other_level: other_level.map(str::to_owned),
        }
    }

    #[track_caller]
    fn check(found: &Found, passes: bool, line: &str) {
        assert_eq!(found.passes(), passes);
        assert_eq!(found.line(None), line);
    }

    #[test]
    fn a_line_says_what_the_registry_would_do() {
        check(
            &found(Standing::NewSubject, None),
            true,
            "journey.offers-value new v1 FULL_TRANSITIVE",
        );
        check(
            &found(Standing::MayFollow { latest: 3 }, None),
            true,
            "journey.offers-value ok v3 → v4 FULL_TRANSITIVE",
        );
        let why = "y at /fields/1".to_owned();
        check(
            &found(Standing::Incompatible { latest: 3, why }, None),
            false,
            "journey.offers-value incompatible v3 → v4 FULL_TRANSITIVE: y at /fields/1",
        );
    }

    #[test]
    fn a_change_does_not_pass_under_another_level() {
        assert!(!found(Standing::MayFollow { latest: 3 }, Some("NONE")).passes());
        assert!(found(Standing::Known { version: 3 }, Some("NONE")).passes());
    }
}
