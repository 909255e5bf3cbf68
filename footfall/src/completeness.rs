//! `footfall completeness`: what came in, against what became of it. Both sides are counted apart: what came in from the raw
//! topics themselves, as long as these hold it, what became of it from the accounts that `ingest` keeps.

use std::{collections::BTreeMap, process::ExitCode};

use clap::ValueEnum;
use journey::{IngestAccount, Millis, Timestamp, account::SPAN, topics};
use pipeline::{
    config::KafkaArgs,
    kafka::{
        Settings,
        read::{From, TopicReader},
        settings::wall_clock,
    },
};
use serde_json::{Value, json};

use crate::{
    Output, UsageError,
    accounts::{self, Fates, name_of},
    dead_letters::time_or_ago,
};

/// What ingest reads.
const RAW: [&str; 2] = [topics::WEB_EVENTS_RAW, topics::ENGAGEMENT_EVENTS_RAW];
/// How long a minute may be over before it must be accounted for: ingest's lag, and a tick to end it by.
const SETTLED: Millis = Millis(60_000);

/// Arguments of `footfall completeness`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    kafka: KafkaArgs,
    /// From when on: a time (2026-11-23T14:00:00Z) or for how long (2h); whole minutes
    #[arg(long, env = "FOOTFALL_SINCE", default_value = "1h", value_parser = time_or_ago)]
    since: Timestamp,
    /// Up to when: a time, or how long ago [default: the last minute that must be accounted for]
    #[arg(long, env = "FOOTFALL_UNTIL", value_parser = time_or_ago)]
    until: Option<Timestamp>,
    /// Print only this deployment
    #[arg(long, env = "FOOTFALL_DEPLOYMENT")]
    deployment: Option<String>,
    /// What a line is of
    #[arg(long, env = "FOOTFALL_BY", default_value = "hour")]
    by: By,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    /// Minute and deployment
    Minute,
    /// Hour and deployment
    Hour,
}

impl By {
    fn span(self) -> Millis {
        match self {
            By::Minute => SPAN,
            By::Hour => Millis(3_600_000),
        }
    }
}

/// One minute of one raw partition.
type Place = (String, u32, Timestamp);

/// Both sides.
#[derive(Debug, Default)]
struct Balance {
    /// By beginning and deployment.
    fates: BTreeMap<(Timestamp, String), Fates>,
    accounted: BTreeMap<Place, i64>,
    came: BTreeMap<Place, i64>,
    /// By raw partition the last minute whose records are gone, wholly or in part: those before it are, too.
    gone: BTreeMap<(String, u32), Timestamp>,
}

/// Runs `footfall completeness`.
pub(crate) fn run(args: &Args, output: Output) -> anyhow::Result<ExitCode> {
    let since = args.since.floor(SPAN);
    let until = args
        .until
        .unwrap_or_else(|| wall_clock() - SETTLED)
        .floor(SPAN);
    if since >= until {
        let wrong =
            format!("there is no whole minute from {since} to {until}: say an earlier --since");
        return Err(UsageError(wrong).into());
    }
    let settings = crate::settings(&args.kafka)?;
    let mut balance = Balance::default();
    accounts::read(&args.kafka, &settings, since, |account| {
        if account.minute < until {
            balance.account(account, args.by);
        }
    })?;
    for topic in RAW {
        balance.count(&settings, topic, since..until)?;
    }
    let differing = balance.differing();
    let wanted = args.deployment.as_deref();
    output.print(balance.text(wanted, &differing), || {
        balance.value(wanted, &differing)
    })?;
    Ok(if differing.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Balance {
    fn account(&mut self, account: &IngestAccount, by: By) {
        let key = (
            account.minute.floor(by.span()),
            account.deployment_id.to_string(),
        );
        self.fates.entry(key).or_default().add(account);
        let place = (
            account.topic.to_string(),
            account.partition as u32,
            account.minute,
        );
        let total: i64 = account.counts.iter().map(|counted| counted.count).sum();
        *self.accounted.entry(place).or_default() += total;
    }

    /// Counts what a raw topic holds, ticks aside.
    fn count(
        &mut self,
        settings: &Settings,
        topic: &str,
        window: std::ops::Range<Timestamp>,
    ) -> anyhow::Result<()> {
        let full = settings.lane.topic(topic);
        for (partition, extent) in TopicReader::extents(settings, &full)?
            .into_iter()
            .enumerate()
        {
            let partition = partition as u32;
            let from = From::Since(window.start);
            let mut reader = TopicReader::open_partition(settings, &full, partition, from)?;
            let mut at = window.start;
            let mut is_first = true;
            while let Some(record) = reader.next_there()? {
                at = at.max(record.timestamp);
                if at >= window.end {
                    break;
                }
                if std::mem::take(&mut is_first)
                    && extent.start > 0
                    && record.offset == extent.start
                {
                    self.gone(topic, partition, at.floor(SPAN));
                }
                if record.key.is_some() || record.value.is_some() {
                    let place = (topic.to_owned(), partition, at.floor(SPAN));
                    *self.came.entry(place).or_default() += 1;
                }
            }
            if is_first && extent.start > 0 {
                self.gone(topic, partition, window.end - SPAN);
            }
        }
        Ok(())
    }

    /// The records of this minute and of those before it are not all there any more.
    fn gone(&mut self, topic: &str, partition: u32, last: Timestamp) {
        self.gone.insert((topic.to_owned(), partition), last);
    }

    /// Whether the raw topic still holds all of a minute.
    fn is_there(&self, (topic, partition, minute): &Place) -> bool {
        let gone = self.gone.get(&(topic.clone(), *partition));
        gone.is_none_or(|last| minute > last)
    }

    /// Where what came in is not what is accounted for: place, came, accounted.
    fn differing(&self) -> Vec<(&Place, i64, i64)> {
        let mut places: Vec<&Place> = self.came.keys().chain(self.accounted.keys()).collect();
        places.sort();
        places.dedup();
        let of = |counts: &BTreeMap<Place, i64>, place| counts.get(place).copied().unwrap_or(0);
        places
            .into_iter()
            .filter(|place| self.is_there(place))
            .map(|place| (place, of(&self.came, place), of(&self.accounted, place)))
            .filter(|(_, came, accounted)| came != accounted)
            .collect()
    }

    fn shown<'b>(
        &'b self,
        wanted: Option<&'b str>,
    ) -> impl Iterator<Item = (&'b (Timestamp, String), &'b Fates)> {
        self.fates
            .iter()
            .filter(move |((_, of), _)| wanted.is_none_or(|wanted| wanted == of))
    }

    /// Records whose other side can be counted.
    fn checked(&self, counts: &BTreeMap<Place, i64>) -> i64 {
        let there = counts.iter().filter(|(place, _)| self.is_there(place));
        there.map(|(_, n)| n).sum()
    }

    fn text(&self, wanted: Option<&str>, differing: &[(&Place, i64, i64)]) -> String {
        let mut lines: Vec<String> = self
            .shown(wanted)
            .map(|((at, deployment), fates)| {
                format!("{at} {} {}", name_of(deployment), fates.text())
            })
            .collect();
        for ((topic, partition, minute), came, accounted) in differing {
            lines.push(format!(
                "! {minute} {topic}-{partition}: {came} came in, {accounted} are accounted for"
            ));
        }
        let (came, accounted) = (self.checked(&self.came), self.checked(&self.accounted));
        let verdict = if differing.is_empty() {
            "it adds up"
        } else {
            "it does not add up"
        };
        lines.push(format!(
            "{came} came in, {accounted} are accounted for: {verdict}"
        ));
        let gone = self.accounted.values().sum::<i64>() - accounted;
        if gone > 0 {
            lines.push(format!(
                "{gone} more are accounted for, and the raw topics hold them no longer"
            ));
        }
        lines.join("\n")
    }

    fn value(&self, wanted: Option<&str>, differing: &[(&Place, i64, i64)]) -> Value {
        let rows = self.shown(wanted).map(|((at, deployment), fates)| {
            json!({"from": at.to_string(), "deploymentId": deployment, "counts": fates.value()})
        });
        let differing = differing.iter().map(|((topic, partition, minute), came, accounted)| {
            json!({
                "topic": topic, "partition": partition, "minute": minute.to_string(), "cameIn": came,
                "accountedFor": accounted,
            })
        });
        json!({
            "accounts": rows.collect::<Vec<_>>(), "cameIn": self.checked(&self.came),
            "accountedFor": self.checked(&self.accounted), "differing": differing.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use journey::{AccountCount, DeploymentId, Text};

    use super::*;

    fn account(minute: i64, deployment: &str, counts: &[(&str, &str, i64)]) -> IngestAccount {
        let count = |(result, reason, count): &(&str, &str, i64)| AccountCount {
            result: Text::from(*result),
            reason: Text::from(*reason),
            count: *count,
        };
        IngestAccount {
            topic: Text::from("web.events.raw"),
            partition: 0,
            deployment_id: DeploymentId::from(deployment),
            minute: Timestamp(minute * SPAN.0),
            counts: counts.iter().map(count).collect(),
        }
    }

    fn balance(came: i64) -> Balance {
        let mut balance = Balance::default();
        let shop = [("forwarded", "", 5), ("suppressed", "gpc", 2)];
        balance.account(&account(1, "shop", &shop), By::Hour);
        balance.account(
            &account(1, "", &[("dead_lettered", "not_json", 1)]),
            By::Hour,
        );
        balance.account(&account(1, "shop", &[("forwarded", "", 2)]), By::Hour);
        let place = ("web.events.raw".to_owned(), 0, Timestamp(SPAN.0));
        balance.came.insert(place, came);
        balance
    }

    #[test]
    fn accounts_of_a_minute_add_up_to_what_came_in() {
        let balance = balance(10);
        assert_eq!(balance.differing(), []);
        let shop = &balance.fates[&(Timestamp(0), "shop".to_owned())];
        assert_eq!(shop.text(), "in 9 · forwarded 7 · suppressed 2 (gpc 2)");
        let nobody = &balance.fates[&(Timestamp(0), String::new())];
        assert_eq!(
            nobody.text(),
            "in 1 · forwarded 0 · dead-lettered 1 (not_json 1)"
        );
    }

    #[test]
    fn what_is_lost_or_counted_twice_is_found() {
        for came in [9, 11] {
            let balance = balance(came);
            let differing = balance.differing();
            assert_eq!(differing.len(), 1);
            assert_eq!((differing[0].1, differing[0].2), (came, 10));
        }
    }

    #[test]
    fn a_minute_that_nobody_accounted_for_is_found() {
        let mut balance = balance(10);
        balance
            .came
            .insert(("web.events.raw".to_owned(), 1, Timestamp(0)), 3);
        assert_eq!(balance.differing().len(), 1);
        balance.gone("web.events.raw", 1, Timestamp(0));
        assert_eq!(balance.differing(), []);
    }

    #[test]
    fn of_minutes_that_the_raw_topic_no_longer_holds_one_time_a_partition_is_kept() {
        let mut balance = balance(3);
        let later = account(3, "shop", &[("forwarded", "", 4)]);
        balance.account(&later, By::Hour);
        let place = ("web.events.raw".to_owned(), 0, later.minute);
        balance.came.insert(place, 4);
        assert_eq!(balance.differing().len(), 1);
        balance.gone("web.events.raw", 0, Timestamp(2 * SPAN.0));
        assert_eq!(balance.gone.len(), 1);
        assert_eq!(balance.differing(), []);
        let text = balance.text(None, &[]);
        let end = "4 came in, 4 are accounted for: it adds up\n\
                   10 more are accounted for, and the raw topics hold them no longer";
        assert!(text.ends_with(end), "{text}");
    }
}
