//! What `footfall diff` says.

use std::fmt::Write as _;

use footfall::summary::thousands;
use serde_json::{Value, json};

use super::{
    Args,
    compare::{Compared, Difference},
};

impl Compared {
    /// Nothing differs, as far as it was compared.
    fn is_same(&self) -> bool {
        self.difference.is_none()
    }
}

/// Whether no partition differs, as far as they were compared. Where nothing could be compared yet, nothing is the same.
pub(super) fn are_same(partitions: &[Compared]) -> bool {
    let nothing_yet = partitions.iter().all(|p| p.same_records == 0)
        && partitions.iter().any(|p| p.goes_on.is_some());
    !nothing_yet && partitions.iter().all(Compared::is_same)
}

/// All partitions.
#[derive(Debug)]
pub(super) struct Report<'a> {
    args: &'a Args,
    noun: Option<&'static str>,
    partitions: &'a [Compared],
}

impl<'a> Report<'a> {
    pub(super) fn new(
        args: &'a Args,
        noun: Option<&'static str>,
        partitions: &'a [Compared],
    ) -> Report<'a> {
        Report {
            args,
            noun,
            partitions,
        }
    }

    fn ids(&self, of: fn(&Compared) -> &Vec<String>) -> Vec<&'a str> {
        let all = self.partitions.iter().flat_map(of);
        all.map(String::as_str).collect()
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut lines = Vec::new();
        if let Some(noun) = self.noun {
            lines.push(self.one_by_one(noun));
            for (name, of) in DIFFERENCES {
                let ids = self.ids(of);
                lines.extend(
                    ids.iter()
                        .take(self.args.limit)
                        .map(|id| format!("  {name} {id}")),
                );
                if ids.len() > self.args.limit {
                    let more = thousands((ids.len() - self.args.limit) as u64);
                    lines.push(format!("  {name} {more} more: --limit prints them"));
                }
            }
        }
        lines.push(self.bytes());
        for (at, compared) in self.partitions.iter().enumerate() {
            lines.extend(self.difference(at, compared));
        }
        lines.extend(self.not_compared("a", &self.args.a));
        lines.extend(self.not_compared("b", &self.args.b));
        lines.join("\n")
    }

    fn one_by_one(&self, noun: &str) -> String {
        let same: u64 = self.partitions.iter().map(|compared| compared.same).sum();
        let mut line = format!("{noun} {} same", thousands(same));
        for (name, of) in DIFFERENCES {
            let _ = write!(line, " · {} {name}", thousands(self.ids(of).len() as u64));
        }
        line
    }

    fn bytes(&self) -> String {
        let same = self.partitions.iter().filter(|p| p.is_same()).count();
        let records: u64 = self.partitions.iter().map(|p| p.same_records).sum();
        format!(
            "{} {same} of {} partitions are the same byte for byte · {} records",
            self.args.topic,
            self.partitions.len(),
            thousands(records)
        )
    }

    /// Where a partition differs.
    fn difference(&self, at: usize, compared: &Compared) -> Option<String> {
        let Difference { a, b, part } = compared.difference?;
        let name = format!("{}-{at}", self.args.topic);
        let place = |prefix: &str, offset: Option<i64>| match offset {
            Some(offset) => format!("{prefix}{name}@{offset}"),
            None => format!("the end of {prefix}{name}"),
        };
        let (a, b) = (place(&self.args.a, a), place(&self.args.b, b));
        Some(match part {
            "end" => format!("  {a} meets {b}: one goes on; --common compares as far as both go"),
            part => format!("  {a} and {b} differ first: {part}"),
        })
    }

    /// Which side was not read to its end.
    fn not_compared(&self, side: &str, prefix: &str) -> Option<String> {
        let goes_on = self.partitions.iter();
        let goes_on = goes_on
            .filter(|compared| compared.goes_on == Some(side))
            .count();
        (goes_on > 0).then(|| {
            format!(
                "  {prefix}{} goes on in {goes_on} partitions: the rest was not compared",
                self.args.topic
            )
        })
    }

    /// For programs.
    pub(super) fn value(&self) -> Value {
        let partitions = self.partitions.iter().enumerate().map(|(at, compared)| {
            let difference = compared.difference.map(|difference| {
                json!({"offsetA": difference.a, "offsetB": difference.b, "part": difference.part})
            });
            json!({
                "partition": at, "identical": compared.is_same(), "sameRecords": compared.same_records,
                "firstDifference": difference, "goesOn": compared.goes_on,
            })
        });
        let told = self.noun.map(|noun| {
            let same: u64 = self.partitions.iter().map(|compared| compared.same).sum();
            let [changed, missing, added] = DIFFERENCES.map(|(_, of)| self.ids(of));
            json!({"of": noun, "same": same, "changed": changed, "missing": missing, "added": added})
        });
        json!({
            "topic": self.args.topic, "a": self.args.a, "b": self.args.b, "common": self.args.common,
            "identical": are_same(self.partitions),
            "partitions": partitions.collect::<Vec<_>>(), "told": told,
        })
    }
}

/// A kind of difference, and where its ids are.
type Kind = (&'static str, fn(&Compared) -> &Vec<String>);

const DIFFERENCES: [Kind; 3] = [
    ("changed", |compared| &compared.changed),
    ("missing", |compared| &compared.missing),
    ("added", |compared| &compared.added),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_that_says_nothing_yet_says_not_the_same() {
        let empty = Compared {
            goes_on: Some("a"),
            ..Compared::default()
        };
        let shorter = Compared {
            same_records: 7,
            ..empty.clone()
        };
        assert!(!are_same(&[empty.clone(), empty.clone()]));
        assert!(are_same(&[empty, shorter]));
        assert!(are_same(&[Compared::default()]), "both are empty");
    }
}
