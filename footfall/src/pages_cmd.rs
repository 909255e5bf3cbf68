//! `footfall pages`: how a page is treated, and by which pattern.

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;
use footfall::definitions_dir;
use ingest::{Classified, classify};
use journey::{
    definitions::{Definition, DefinitionSet},
    topics,
};
use pipeline::{config::KafkaArgs, run::read_definitions};
use serde_json::{Value, json};
use url::Url;

use crate::{Output, UsageError};

/// Arguments of `footfall pages`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say which class a page gets and by which pattern. Exits 1 if it gets one.
    Test(Test),
}

#[derive(Debug, clap::Args)]
struct Test {
    #[command(flatten)]
    kafka: KafkaArgs,
    /// The page, as https://shop.example/account/
    url: String,
    /// Only at this deployment
    #[arg(long, env = "FOOTFALL_DEPLOYMENT")]
    deployment: Option<String>,
    /// Definitions from a folder or a file, without Kafka [default: those on the definitions topic]
    #[arg(long, env = "FOOTFALL_DEFINITIONS")]
    definitions: Option<PathBuf>,
}

/// Runs `footfall pages`.
pub(crate) fn run(args: &Args, output: Output) -> anyhow::Result<ExitCode> {
    let Command::Test(test) = &args.command;
    let url = Url::parse(&test.url).map_err(|error| {
        let example = "write one as https://shop.example/account/";
        UsageError(format!(
            "{:?} is no address of a page ({error}): {example}",
            test.url
        ))
    })?;
    let definitions = DefinitionSet::first(test.definitions()?);
    let deployments: Vec<&str> = match &test.deployment {
        Some(id) if !definitions.deployments.contains_key(id.as_str()) => {
            return Err(UsageError(format!("no deployment {id:?} is defined")).into());
        }
        Some(id) => vec![id.as_str()],
        None => definitions
            .deployments
            .keys()
            .map(|id| id.as_str())
            .collect(),
    };
    let told: Vec<_> = deployments
        .into_iter()
        .map(|id| (id, classify(&definitions, id, &url)))
        .collect();
    output.print(text(&told), || value(&told))?;
    Ok(if told.iter().all(|(_, told)| told.met.is_empty()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Test {
    fn definitions(&self) -> anyhow::Result<Vec<Definition>> {
        if let Some(path) = &self.definitions {
            return definitions_dir::valid(path);
        }
        let settings = crate::reach(&self.kafka)?;
        let sets = read_definitions(&settings, &settings.lane.topic(topics::DEFINITIONS))?;
        Ok(sets.current().into_iter().cloned().collect())
    }
}

fn text(told: &[(&str, Classified)]) -> String {
    if told.is_empty() {
        return "no deployment is defined".to_owned();
    }
    let mut lines = Vec::new();
    for (deployment, told) in told {
        lines.push(format!("{deployment} {}", told.class));
        for met in &told.met {
            lines.push(format!("  {} by {} of {}", met.class, met.pattern, met.id));
        }
    }
    lines.join("\n")
}

fn value(told: &[(&str, Classified)]) -> Value {
    let each = told.iter().map(|(deployment, told)| {
        let met = told.met.iter();
        let met = met.map(|m| json!({"id": m.id, "class": m.class, "pattern": m.pattern}));
        json!({"deploymentId": deployment, "class": told.class, "met": met.collect::<Vec<_>>()})
    });
    Value::Array(each.collect())
}
