//! What `footfall replay` says that it did, and how to go on.

use std::fmt::Write as _;

use footfall::summary::thousands;
use journey::{Timestamp, topics};
use pipeline::kafka::Settings;
use serde_json::{Value, json};

use super::{
    Args, Replay,
    lane::Target,
    partition::{Counts, Partition},
};

/// What was done, or would be.
#[derive(Debug)]
pub(super) struct Report<'a> {
    args: &'a Args,
    /// The source's prefix.
    source: &'a str,
    /// The lane's prefix.
    lane: &'a str,
    partitions: usize,
    created: usize,
    /// Records of definitions copied; `None` if none were meant to be.
    definitions: Option<u64>,
    counts: Counts,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// Time at the end of the lane, where all sources have claimed.
    frontier: Option<Timestamp>,
}

impl<'a> Report<'a> {
    pub(super) fn new(
        args: &'a Args,
        source: &'a Settings,
        target: &'a Target,
        replay: &Replay,
        definitions: Option<u64>,
    ) -> Report<'a> {
        let all = &replay.partitions;
        let frontiers = all.iter().map(|partition| partition.claims().frontier());
        let frontier = frontiers.min().filter(|at| *at != Timestamp::MIN);
        let received = || all.iter().map(Partition::received);
        Report {
            args,
            source: source.lane.prefix(),
            lane: target.settings.lane.prefix(),
            partitions: all.len(),
            created: target.missing,
            definitions,
            counts: all.iter().fold(Counts::default(), |sum, partition| {
                sum.and(partition.counts())
            }),
            first: received().filter_map(|(first, _)| first).min(),
            last: received().filter_map(|(_, last)| last).max(),
            frontier: replay.closed_at.or(frontier),
        }
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut text = self.what_was_done();
        let Counts {
            unreadable,
            late,
            late_outside,
            ..
        } = self.counts;
        if self.args.late {
            let _ = write!(
                text,
                "\nof these, late ones put where they are not late: {late}"
            );
            if late_outside > 0 {
                let _ = write!(
                    text,
                    " · left late, as they happened outside of what is replayed: {late_outside}"
                );
            }
        }
        if unreadable > 0 {
            let _ = write!(
                text,
                "\n{unreadable} are no event that can be read: they went over as they are, and will be dead letters there, too"
            );
        }
        match self.definitions {
            Some(records) => {
                let _ = write!(text, "\n{records} records of journey.definitions");
            }
            None => text += "\njourney.definitions was left as it is",
        }
        text += &self.time();
        text += &self.go_on();
        text
    }

    fn what_was_done(&self) -> String {
        let events = thousands(self.counts.events + self.counts.late);
        let marks = thousands(self.counts.marks);
        let (would, holds) = if self.args.dry_run {
            ("would create", "would hold")
        } else {
            ("created", "holds")
        };
        let between = match (self.first, self.last) {
            (Some(first), Some(last)) => format!("received {first} to {last}"),
            _ => "none of them received in the window".to_owned(),
        };
        format!(
            "{would} {} topics of the lane {}\n{}{} {holds} {events} events and {marks} time marks in {} partitions · {between}",
            self.created,
            self.lane,
            self.lane,
            topics::WEB_EVENTS,
            self.partitions,
        )
    }

    fn time(&self) -> String {
        match self.frontier {
            Some(at) if self.args.finish => {
                format!("\ntime goes on to {at}, beyond every timeout and grace: every visit ends")
            }
            Some(at) => {
                let short = self.args.until.filter(|until| at < *until);
                let short =
                    short.map_or_else(String::new, |until| format!(", short of --until {until}"));
                format!("\ntime stands at {at}{short}: visits that are open then stay open")
            }
            None => "\nthere is no time: not every raw partition has a time mark here. Does ingest run in the source lane?"
                .to_owned(),
        }
    }

    /// The commands that follow.
    fn commands(&self) -> Vec<String> {
        let prefix = format!("--topic-prefix {}", self.lane);
        let source = if self.source.is_empty() {
            "''"
        } else {
            self.source
        };
        let mut commands = Vec::new();
        if self.definitions.unwrap_or_default() == 0 {
            commands.push(format!("footfall definitions apply DIR {prefix}"));
        }
        commands.push(format!("footfall schemas register {prefix}"));
        for stage in ["sessionizer", "segmenter", "staffing --source backfill"] {
            commands.push(format!("{stage} {prefix}"));
        }
        commands.push(format!("footfall diff {source} {} --common", self.lane));
        commands
    }

    fn go_on(&self) -> String {
        let next = if self.args.dry_run {
            "\nnothing was created or written. Without --dry-run, go on with"
        } else {
            "\ngo on with"
        };
        format!(
            "{next}\n  {}\noffers of this lane stand on {}{}: let no chat engine read it",
            self.commands().join("\n  "),
            self.lane,
            topics::OFFERS
        )
    }

    /// For programs.
    pub(super) fn value(&self) -> Value {
        let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
        json!({
            "from": self.source, "into": self.lane, "partitions": self.partitions, "topicsCreated": self.created,
            "events": self.counts.events + self.counts.late, "unreadable": self.counts.unreadable, "marks": self.counts.marks,
            "late": self.counts.late, "lateOutside": self.counts.late_outside, "outside": self.counts.outside,
            "definitions": self.definitions, "firstReceived": time(self.first), "lastReceived": time(self.last),
            "frontier": time(self.frontier), "finished": self.args.finish, "next": self.commands(),
            "written": !self.args.dry_run,
        })
    }
}
