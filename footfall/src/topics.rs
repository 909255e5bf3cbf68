//! `footfall topics`: what Kafka must have for a lane, how that differs from what is there, and making it so.
//!
//! Topics are created, and the raw ones grow. Nothing else is ever changed: a setting that differs is printed with the
//! line that mends it, and a partition count stays what it is for as long as the lane lives.

mod grow;

use std::{
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use clap::Subcommand;
use journey::topics as names;
use pipeline::{
    config::KafkaArgs,
    kafka::{
        Settings,
        admin::{Admin, Difference, LaneSpec, TopicSpec, lane_topics},
    },
};
use serde_json::{Value, json};

use crate::{
    Output, UsageError,
    audit::{Audit, Caller},
};

/// Which stage keeps state of which input.
pub(crate) const CHANGELOGS: &[(&str, &str)] = &[
    (names::WEB_EVENTS, "sessionizer"),
    (names::VISITS, "segmenter"),
    (names::DEMAND, "staffing"),
];

/// How long what was just created may take to be seen.
const SETTLING: Duration = Duration::from_secs(10);

/// Arguments of `footfall topics`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print what `apply` would do and what it may not. Exits 1 if anything differs.
    Plan(Options),
    /// Create topics that are missing and grow raw topics. Exits 1 if something is left that it may not change.
    Apply {
        #[command(flatten)]
        options: Options,
        /// Change nothing: the same as `plan`
        #[arg(long, env = "FOOTFALL_DRY_RUN")]
        dry_run: bool,
    },
    /// Give the raw topics, and them alone, more partitions.
    Grow(grow::Args),
}

#[derive(Debug, clap::Args)]
struct Options {
    #[command(flatten)]
    kafka: KafkaArgs,
    /// Partitions of every topic of the lane, for as long as it lives
    #[arg(long, env = "FOOTFALL_PARTITIONS", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    partitions: u32,
    /// Partitions of the raw topics, which alone may grow [default: as all]
    #[arg(long, env = "FOOTFALL_RAW_PARTITIONS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    raw_partitions: Option<u32>,
    /// Copies of every record (1 on a single broker, as `footfall dev`)
    #[arg(long, env = "FOOTFALL_REPLICATION", default_value_t = 3, value_parser = clap::value_parser!(i32).range(1..=100))]
    replication: i32,
    /// A backfill lane: raw topics that keep the times that the loader writes, and keep everything
    #[arg(long, env = "FOOTFALL_BACKFILL")]
    backfill: bool,
}

/// Runs `footfall topics`.
pub(crate) fn run(args: &Args, output: Output, caller: &Caller) -> anyhow::Result<ExitCode> {
    let (options, writes) = match &args.command {
        Command::Plan(options) => (options, false),
        Command::Apply { options, dry_run } => (options, !dry_run),
        Command::Grow(args) => return grow::run(args, output, caller),
    };
    let settings = crate::settings(&options.kafka)?;
    let wanted = lane_topics(&settings, &options.lane_spec(), CHANGELOGS);
    let admin = Admin::connect(&settings)?;
    let (to_do, left) = options.split(admin.plan_now(&wanted)?);
    let mut report = Report {
        settings: &settings,
        replication: options.replication,
        topic_count: wanted.len(),
        to_do,
        left,
        done: false,
    };
    if writes && report.to_do.is_empty() {
        report.left = options.what_is_left(&admin, &wanted)?;
        report.done = true;
    } else if writes {
        options.check_replication(&admin)?;
        let audit = Audit::creating(&settings, caller, "topics apply");
        let applied = admin.apply_now(&report.to_do, options.replication);
        let left = applied.map_err(anyhow::Error::from);
        let left = left.and_then(|()| options.what_is_left(&admin, &wanted));
        report.done = true;
        report.left = audit.end(left, |_| report.json())?;
    }
    output.print(report.text(), || report.json())?;
    Ok(if report.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Options {
    fn lane_spec(&self) -> LaneSpec {
        LaneSpec {
            partitions: self.partitions,
            raw_partitions: self.raw_partitions.unwrap_or(self.partitions),
            replication: self.replication,
            backfill: self.backfill,
        }
    }

    fn check_replication(&self, admin: &Admin) -> anyhow::Result<()> {
        let brokers = admin.broker_count()?;
        if brokers < self.replication as usize {
            let wrong = format!(
                "--replication {} needs as many brokers, and {brokers} answer: start the others, or say --replication \
                 {brokers} (1 for `footfall dev`)",
                self.replication
            );
            return Err(UsageError(wrong).into());
        }
        Ok(())
    }

    /// What `apply` does, and what it may not.
    fn split(&self, plan: Vec<Difference>) -> (Vec<Difference>, Vec<Difference>) {
        let (mut to_do, left): (Vec<_>, Vec<_>) = plan.into_iter().partition(is_ours);
        if self.raw_partitions.is_none() && left.iter().any(is_other_count) {
            // Whoever mistook the lane's count did not ask for more raw partitions, which nobody could take away again.
            to_do.retain(|difference| !matches!(difference, Difference::Grow { .. }));
        }
        (to_do, left)
    }

    /// What still differs once everything that was created can be seen.
    fn what_is_left(&self, admin: &Admin, wanted: &[TopicSpec]) -> anyhow::Result<Vec<Difference>> {
        once_seen(|| {
            let (to_do, mut left) = self.split(admin.plan_now(wanted)?);
            let is_seen = to_do.is_empty();
            left.extend(to_do);
            Ok((is_seen, left))
        })
    }
}

/// Looks at what was just created until it can be seen, or for long enough. `look` says whether it is, and what it saw.
pub(crate) fn once_seen<T>(
    mut look: impl FnMut() -> anyhow::Result<(bool, T)>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + SETTLING;
    loop {
        let (is_seen, saw) = look()?;
        if is_seen || Instant::now() > deadline {
            return Ok(saw);
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// What `apply` may change.
fn is_ours(difference: &Difference) -> bool {
    matches!(difference, Difference::Missing(_) | Difference::Grow { .. })
}

fn is_other_count(difference: &Difference) -> bool {
    matches!(difference, Difference::Partitions { .. })
}

/// What is printed.
struct Report<'a> {
    settings: &'a Settings,
    replication: i32,
    topic_count: usize,
    to_do: Vec<Difference>,
    left: Vec<Difference>,
    done: bool,
}

impl Report<'_> {
    fn is_clean(&self) -> bool {
        self.left.is_empty() && (self.done || self.to_do.is_empty())
    }

    fn text(&self) -> String {
        let all = self.to_do.iter().chain(&self.left);
        let mut lines: Vec<String> = all.map(|difference| self.line(difference)).collect();
        let count = |is: fn(&Difference) -> bool| self.to_do.iter().filter(|d| is(d)).count();
        let created = count(|d| matches!(d, Difference::Missing(_)));
        let grown = count(|d| matches!(d, Difference::Grow { .. }));
        let mut parts = vec![format!("{} topics", self.topic_count)];
        for (number, done, to_do) in [
            (created, "created", "to create"),
            (grown, "grown", "to grow"),
        ] {
            if number > 0 {
                parts.push(format!("{number} {}", if self.done { done } else { to_do }));
            }
        }
        match self.left.len() {
            0 if self.to_do.is_empty() => parts.push("all as they should be".to_owned()),
            0 => {}
            left => parts.push(format!("{left} differences that only you may mend")),
        }
        lines.push(parts.join(" · "));
        lines.join("\n")
    }

    fn json(&self) -> Value {
        let list = |of: &[Difference]| of.iter().map(|d| self.value(d)).collect::<Vec<_>>();
        let key = if self.done { "done" } else { "toDo" };
        json!({"topics": self.topic_count, key: list(&self.to_do), "left": list(&self.left)})
    }

    fn line(&self, difference: &Difference) -> String {
        match difference {
            Difference::Missing(topic) => {
                let (name, partitions) = (&topic.name, topic.partitions);
                let what = described(topic);
                format!("+ {name} {partitions}p rf{} {what}", self.replication)
            }
            Difference::Grow { name, from, to } => format!("+ {name} {from}p → {to}p"),
            Difference::Partitions {
                name,
                found,
                wanted,
            } => format!(
                "! {name} has {found} partitions, not {wanted}: a lane's count never changes. Say --partitions {found} if \
                 the whole lane has it, or make a new lane with --topic-prefix"
            ),
            Difference::Setting {
                name,
                key,
                found,
                wanted,
            } => {
                let mend = self.mend(name, key, wanted);
                format!("~ {name} {key} {found} → {wanted}: {mend}")
            }
        }
    }

    /// The line that sets a setting. Kafka's tool takes a list only in brackets.
    fn mend(&self, name: &str, key: &str, wanted: &str) -> String {
        let value = if wanted.contains(',') {
            format!("[{wanted}]")
        } else {
            wanted.to_owned()
        };
        format!(
            "kafka-configs.sh --bootstrap-server {} --alter --entity-type topics --entity-name {name} --add-config \
             {key}={value}",
            self.settings.brokers
        )
    }

    fn value(&self, difference: &Difference) -> Value {
        match difference {
            Difference::Missing(topic) => json!({
                "difference": "missing", "topic": topic.name, "partitions": topic.partitions,
                "replication": self.replication, "settings": topic.settings,
            }),
            Difference::Grow { name, from, to } => {
                json!({"difference": "grow", "topic": name, "found": from, "wanted": to})
            }
            Difference::Partitions {
                name,
                found,
                wanted,
            } => {
                json!({"difference": "partitions", "topic": name, "found": found, "wanted": wanted})
            }
            Difference::Setting {
                name,
                key,
                found,
                wanted,
            } => json!({
                "difference": "setting", "topic": name, "setting": key, "found": found, "wanted": wanted,
                "mend": self.mend(name, key, wanted),
            }),
        }
    }
}

/// A topic's cleanup and what else is special about it: `delete 7d`, `compact`.
fn described(topic: &TopicSpec) -> String {
    let setting = |key: &str| topic.settings.get(key).map(String::as_str);
    let mut words = vec![setting("cleanup.policy").unwrap_or("delete").to_owned()];
    if let Some(ms) = setting("retention.ms").and_then(|ms| ms.parse().ok()) {
        words.push(kept(ms));
    }
    if setting("message.timestamp.type") == Some("CreateTime") {
        words.push("CreateTime".to_owned());
    }
    if let Some(bytes) = setting("max.message.bytes").and_then(|bytes| bytes.parse::<u64>().ok()) {
        words.push(format!("{} MiB", bytes >> 20));
    }
    words.join(" ")
}

fn kept(ms: i64) -> String {
    const HOUR: i64 = 3_600_000;
    match ms {
        ms if ms < 0 => "forever".to_owned(),
        ms if ms % (24 * HOUR) == 0 => format!("{}d", ms / (24 * HOUR)),
        ms if ms % HOUR == 0 => format!("{}h", ms / HOUR),
        ms => format!("{ms}ms"),
    }
}

#[cfg(test)]
mod tests {
    use journey::topics::Lane;

    use super::*;

    fn report(settings: &Settings, left: Vec<Difference>) -> Report<'_> {
        Report {
            settings,
            replication: 3,
            topic_count: 24,
            to_do: Vec::new(),
            left,
            done: false,
        }
    }

    #[test]
    fn a_missing_topic_is_one_short_line() {
        let settings = Settings::new("b:9092", Lane::default(), "tool");
        let spec = LaneSpec {
            partitions: 12,
            raw_partitions: 12,
            replication: 3,
            backfill: true,
        };
        let report = report(&settings, Vec::new());
        let lines: Vec<String> = lane_topics(&settings, &spec, CHANGELOGS)
            .into_iter()
            .map(|topic| report.line(&Difference::Missing(topic)))
            .collect();
        let has = |line: &str| assert!(lines.iter().any(|l| l == line), "{line}: {lines:#?}");
        has("+ journey.offers 12p rf3 delete 7d");
        has("+ web.events.raw 12p rf3 delete forever CreateTime 12 MiB");
        has("+ journey.visitors 12p rf3 compact");
        has("+ journey.definitions 1p rf3 compact");
        has("+ journey.staffing 12p rf3 compact,delete 400d");
        has("+ journey.visits.segmenter.changelog 12p rf3 compact");
    }

    #[test]
    fn a_setting_comes_with_the_line_that_mends_it() {
        let settings = Settings::new("b:9092", Lane::default(), "tool");
        let left = vec![Difference::Setting {
            name: "journey.staffing".to_owned(),
            key: "cleanup.policy",
            found: "delete".to_owned(),
            wanted: "compact,delete".to_owned(),
        }];
        let text = report(&settings, left).text();
        assert!(
            text.contains("--add-config cleanup.policy=[compact,delete]"),
            "{text}"
        );
        assert!(text.ends_with("1 differences that only you may mend"));
    }
}
