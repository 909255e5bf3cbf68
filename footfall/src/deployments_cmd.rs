//! `footfall deployments`: who answers for which snippet and what it sends, and snippets that nobody answers for.

mod strangers;

use std::{collections::BTreeMap, process::ExitCode};

use clap::Subcommand;
use journey::{
    IngestAccount, Timestamp,
    account::SPAN,
    definitions::{Definition, Deployment},
    topics,
};
use pipeline::{config::KafkaArgs, kafka::Settings, run::read_definitions};
use serde_json::{Value, json};

use crate::{
    Output,
    accounts::{self, Fates},
    dead_letters::time_or_ago,
};

/// Arguments of `footfall deployments`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Those that are defined: owner, purpose, contact, what they send, first and last seen, how much was refused and why.
    List(Options),
    /// Those that send and are not defined: where from, and since when. What is settled is left out. Exits 1 if there is one.
    Unknown(Options),
}

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    kafka: KafkaArgs,
    /// Only what was sent since a time (2026-11-23T14:00:00Z) or for so long (2h)
    #[arg(long, env = "FOOTFALL_SINCE", default_value = "720h", value_parser = time_or_ago)]
    since: Timestamp,
}

/// Runs `footfall deployments`.
pub(crate) fn run(args: &Args, output: Output) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::List(options) => list(options, output),
        Command::Unknown(options) => strangers::run(options, output),
    }
}

fn list(options: &Options, output: Output) -> anyhow::Result<ExitCode> {
    let settings = crate::reach(&options.kafka)?;
    let mut known = Known::default();
    for deployment in defined(&settings)? {
        let id = deployment.id.to_string();
        known.0.insert(id, (deployment, Sent::default()));
    }
    accounts::read(
        &options.kafka,
        &settings,
        options.since.floor(SPAN),
        |account| {
            known.take(account);
        },
    )?;
    output.print(known.text(), || known.value())?;
    Ok(ExitCode::SUCCESS)
}

/// Those of the newest set.
fn defined(settings: &Settings) -> anyhow::Result<Vec<Deployment>> {
    let sets = read_definitions(settings, &settings.lane.topic(topics::DEFINITIONS))?;
    let deployment = |definition: &Definition| match definition {
        Definition::Deployment(deployment) => Some(deployment.clone()),
        _ => None,
    };
    Ok(sets.current().into_iter().filter_map(deployment).collect())
}

/// What a deployment sent, in whole minutes.
#[derive(Debug, Default)]
struct Sent {
    events: i64,
    reports: i64,
    fates: Fates,
    seen: Option<(Timestamp, Timestamp)>,
}

/// The deployments that are defined, by id.
#[derive(Debug, Default)]
struct Known(BTreeMap<String, (Deployment, Sent)>);

impl Known {
    fn take(&mut self, account: &IngestAccount) {
        let Some((_, sent)) = self.0.get_mut(account.deployment_id.as_str()) else {
            return;
        };
        let total: i64 = account.counts.iter().map(|counted| counted.count).sum();
        if account.topic == topics::ENGAGEMENT_EVENTS_RAW {
            sent.reports += total;
        } else {
            sent.events += total;
        }
        sent.fates.add(account);
        let (first, last) = sent.seen.unwrap_or((account.minute, account.minute));
        sent.seen = Some((first.min(account.minute), last.max(account.minute)));
    }

    fn text(&self) -> String {
        if self.0.is_empty() {
            return "no deployment is defined".to_owned();
        }
        let each = self.0.iter().map(|(id, (deployment, sent))| {
            let Deployment {
                owner,
                purpose,
                contact,
                ..
            } = deployment;
            let sends = match sent.seen {
                None => "nothing was sent".to_owned(),
                Some((first, last)) => format!(
                    "events {} · reports {} · first {first} · last {last} · {}",
                    sent.events,
                    sent.reports,
                    sent.fates.text()
                ),
            };
            format!("{id} {owner} · {purpose} · {contact}\n  {sends}")
        });
        each.collect::<Vec<_>>().join("\n")
    }

    fn value(&self) -> Value {
        let each = self.0.iter().map(|(id, (deployment, sent))| {
            let seen = |of: fn(&(Timestamp, Timestamp)) -> Timestamp| {
                sent.seen.as_ref().map(|seen| of(seen).to_string())
            };
            json!({
                "id": id, "owner": deployment.owner, "purpose": deployment.purpose, "contact": deployment.contact,
                "events": sent.events, "reports": sent.reports, "firstSeen": seen(|s| s.0), "lastSeen": seen(|s| s.1),
                "counts": sent.fates.value(),
            })
        });
        Value::Array(each.collect())
    }
}

#[cfg(test)]
mod tests {
    use journey::{AccountCount, DeploymentId, Text};

    use super::*;

    fn account(topic: &str, minute: i64, result: &str, reason: &str) -> IngestAccount {
        IngestAccount {
            topic: Text::from(topic),
            partition: 0,
            deployment_id: DeploymentId::from("shop"),
            minute: Timestamp(minute * SPAN.0),
            counts: vec![AccountCount {
                result: Text::from(result),
                reason: Text::from(reason),
                count: 3,
            }],
        }
    }

    #[test]
    fn a_deployment_is_listed_with_who_answers_and_what_it_sent() {
        let mut known = Known::default();
        for id in ["shop", "blog"] {
            let deployment = Deployment {
                id: Text::from(id),
                owner: "E-commerce".into(),
                purpose: "Sales chat".into(),
                contact: "e@shop.example".into(),
                ..Deployment::default()
            };
            known.0.insert(id.to_owned(), (deployment, Sent::default()));
        }
        known.take(&account(topics::WEB_EVENTS_RAW, 2, "forwarded", ""));
        known.take(&account(topics::WEB_EVENTS_RAW, 1, "suppressed", "gpc"));
        known.take(&account(topics::ENGAGEMENT_EVENTS_RAW, 3, "forwarded", ""));
        let text = known.text();
        let blog = "blog E-commerce · Sales chat · e@shop.example\n  nothing was sent\n";
        assert!(text.starts_with(blog), "{text}");
        assert!(
            text.contains("events 6 · reports 3 · first 1970-01-01T00:01:00"),
            "{text}"
        );
        assert!(
            text.ends_with("in 9 · forwarded 6 · suppressed 3 (gpc 3)"),
            "{text}"
        );
        assert_eq!(known.value()[1]["counts"]["suppressed"]["gpc"], 3);
    }
}
