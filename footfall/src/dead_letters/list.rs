//! `footfall dead-letters list`: counts by topic, reason and deployment.

use std::{collections::BTreeMap, process::ExitCode};

use journey::Timestamp;
use pipeline::kafka::Settings;
use serde_json::{Value, json};

use super::{Filter, letter::Letter, read_all};
use crate::Output;

/// Topic, reason, deployment.
type Kind = (String, String, Option<String>);

/// How many, and when the first and the last came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Count {
    count: u64,
    first: Timestamp,
    last: Timestamp,
}

#[derive(Debug, Default)]
struct Counts(BTreeMap<Kind, Count>);

pub(super) fn run(
    settings: &Settings,
    filter: &Filter,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let mut counts = Counts::default();
    read_all(settings, filter, |letter, is_settled| {
        if !is_settled && filter.wants(&letter) {
            counts.take(&letter, settings);
        }
        true
    })?;
    output.print(counts.text(), || counts.value())?;
    Ok(ExitCode::SUCCESS)
}

impl Counts {
    fn take(&mut self, letter: &Letter, settings: &Settings) {
        let kind = (
            settings.lane.bare(&letter.record.topic).to_owned(),
            letter.reason().to_owned(),
            letter.deployment().map(str::to_owned),
        );
        let at = letter.record.timestamp;
        let entry = self.0.entry(kind).or_insert(Count {
            count: 0,
            first: at,
            last: at,
        });
        entry.count += 1;
        entry.first = entry.first.min(at);
        entry.last = entry.last.max(at);
    }

    /// The most frequent first.
    fn in_order(&self) -> Vec<(&Kind, &Count)> {
        let mut all: Vec<_> = self.0.iter().collect();
        all.sort_by_key(|(_, count)| std::cmp::Reverse(count.count));
        all
    }

    fn text(&self) -> String {
        if self.0.is_empty() {
            return "no dead letters".to_owned();
        }
        let all = self.in_order();
        let width =
            |of: fn(&Kind) -> usize| all.iter().map(|(kind, _)| of(kind)).max().unwrap_or(0);
        let reasons = width(|(_, reason, _)| reason.len());
        let owners = width(|(_, _, owner)| owner.as_deref().unwrap_or("-").len());
        let topics = width(|(topic, _, _)| topic.len());
        let lines = all.iter().map(|((topic, reason, owner), count)| {
            format!(
                "{reason:reasons$} {:>7} {:owners$} {topic:topics$} {} to {}",
                count.count,
                owner.as_deref().unwrap_or("-"),
                count.first,
                count.last
            )
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    fn value(&self) -> Value {
        let all = self.in_order().into_iter();
        let all = all.map(|((topic, reason, deployment), count)| {
            json!({
                "topic": topic, "reason": reason, "deploymentId": deployment, "count": count.count,
                "first": count.first.to_string(), "last": count.last.to_string(),
            })
        });
        Value::Array(all.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_come_first() {
        let mut counts = Counts::default();
        for (reason, count) in [("not_json", 2), ("attribute_too_long", 412)] {
            let kind = (
                "web.events.raw.dead-letter".to_owned(),
                reason.to_owned(),
                Some("shop".to_owned()),
            );
            let (first, last) = (Timestamp(0), Timestamp(1000));
            counts.0.insert(kind, Count { count, first, last });
        }
        let text = counts.text();
        let first = text.lines().next().expect("two lines");
        assert!(
            first.starts_with("attribute_too_long     412 shop web.events.raw"),
            "{text}"
        );
        assert_eq!(counts.value()[0]["count"], 412);
        assert_eq!(Counts::default().text(), "no dead letters");
    }
}
