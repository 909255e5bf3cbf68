//! `footfall dead-letters list`: counts by topic, reason and deployment.

use std::process::ExitCode;

use pipeline::kafka::Settings;
use serde_json::{Value, json};

use super::{Filter, letter::Letter, read_all};
use crate::{
    Output,
    busiest::{Busiest, Counted},
};

/// Topic, reason, deployment.
type Kind = (String, String, Option<String>);

/// By kind; a deployment's name is what somebody wrote.
type Counts = Counted<Kind, ()>;

pub(super) fn run(
    settings: &Settings,
    filter: &Filter,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let mut kinds = Busiest::default();
    read_all(settings, filter, |letter, is_settled| {
        if !is_settled && filter.wants(&letter) {
            let at = letter.record.timestamp;
            kinds.take(kind(&letter, settings), at, ());
        }
        true
    })?;
    let counts = kinds.counted();
    output.print(text(&counts), || value(&counts))?;
    Ok(ExitCode::SUCCESS)
}

fn kind(letter: &Letter, settings: &Settings) -> Kind {
    (
        settings.lane.bare(&letter.record.topic).to_owned(),
        letter.reason().to_owned(),
        letter.deployment().map(str::to_owned),
    )
}

fn text(counts: &Counts) -> String {
    if counts.is_empty() {
        return "no dead letters".to_owned();
    }
    let kinds = || counts.names.iter().map(|(kind, ..)| kind);
    let width = |of: fn(&Kind) -> usize| kinds().map(of).max().unwrap_or(0);
    let reasons = width(|(_, reason, _)| reason.len());
    let owners = width(|(_, _, owner)| owner.as_deref().unwrap_or("-").len());
    let topics = width(|(topic, _, _)| topic.len());
    let lines = counts.names.iter();
    let lines = lines.map(|((topic, reason, owner), seen, ())| {
        format!(
            "{reason:reasons$} {:>7} {:owners$} {topic:topics$} {} to {}",
            seen.count,
            owner.as_deref().unwrap_or("-"),
            seen.first,
            seen.last
        )
    });
    let lines: Vec<String> = lines.chain(counts.others_text()).collect();
    lines.join("\n")
}

fn value(counts: &Counts) -> Value {
    let all = counts.names.iter();
    let all = all.map(|((topic, reason, deployment), seen, ())| {
        json!({
            "topic": topic, "reason": reason, "deploymentId": deployment, "count": seen.count,
            "first": seen.first.to_string(), "last": seen.last.to_string(),
        })
    });
    Value::Array(all.chain(counts.others_value()).collect())
}

#[cfg(test)]
mod tests {
    use journey::Timestamp;

    use super::*;
    use crate::busiest::{KEPT, Seen};

    fn counts(reasons: &[(&str, u64)], others: u64) -> Counts {
        let names = reasons.iter().map(|(reason, count)| {
            let kind = (
                "web.events.raw.dead-letter".to_owned(),
                (*reason).to_owned(),
                Some("shop".to_owned()),
            );
            let seen = Seen {
                count: *count,
                first: Timestamp(0),
                last: Timestamp(1000),
            };
            (kind, seen, ())
        });
        Counted {
            names: names.collect(),
            others,
        }
    }

    #[test]
    fn kinds_are_listed_in_columns_and_what_is_not_told_is_said() {
        let all = [("attribute_too_long", 412), ("not_json", 2)];
        let text = text(&counts(&all, 0));
        assert!(
            text.starts_with("attribute_too_long     412 shop web.events.raw"),
            "{text}"
        );
        assert_eq!(value(&counts(&all, 0))[0]["count"], 412);
        assert_eq!(value(&counts(&all, 7))[2], json!({"others": 7}));
        let told = super::text(&counts(&all, 7));
        assert_eq!(told, format!("{text}\nand 7 more records of others"));
        assert_eq!(super::text(&counts(&[], 0)), "no dead letters");
    }

    #[test]
    fn invented_deployments_take_no_more_memory_than_so_many() {
        let mut kinds = Busiest::default();
        for i in 0..3 * KEPT {
            let owner = Some(format!("d-{i}"));
            let reason = "unknown_deployment".to_owned();
            kinds.take((String::new(), reason, owner), Timestamp(0), ());
        }
        let counts = kinds.counted();
        assert_eq!((counts.names.len(), counts.others), (KEPT, 2 * KEPT as u64));
    }
}
