//! The lane that a replay goes into: its own topics, as many partitions as the source, and nothing in them.
//!
//! It has no raw topics: `ingest` has no business here, and its ticks would be of today.

use journey::topics as names;
use pipeline::{
    config::KafkaArgs,
    kafka::{
        Settings,
        admin::{Admin, Difference, LaneSpec, TopicSpec, lane_topics},
        read::{From, TopicReader},
        write::{Out, Writer},
    },
    log::LogError,
};

use crate::{
    UsageError,
    topics::{CHANGELOGS, once_seen},
};

/// What belongs to `ingest` alone.
const OF_INGEST: &[&str] = &[
    names::WEB_EVENTS_RAW,
    names::ENGAGEMENT_EVENTS_RAW,
    names::VISITORS,
    names::ACCOUNTS,
];

/// The lane, as it is and as it must be.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) settings: Settings,
    /// How many topics are missing.
    pub(super) missing: usize,
    wanted: Vec<TopicSpec>,
    to_do: Vec<Difference>,
    replication: i32,
}

/// The settings of the lane with this prefix, which must not be the source's.
pub(super) fn settings(source: &KafkaArgs, into: &str) -> Result<Settings, UsageError> {
    if into.is_empty() {
        return Err(UsageError(
            "--into needs the prefix of a lane of its own, as `replay.`: the live lane is never replayed into".to_owned(),
        ));
    }
    if into == source.topic_prefix {
        return Err(UsageError(format!(
            "--into {into} is the lane that is read: choose another prefix, as `replay.`"
        )));
    }
    let args = KafkaArgs {
        topic_prefix: into.to_owned(),
        ..source.clone()
    };
    crate::settings(&args).map_err(|wrong| UsageError(wrong.0.replace("--topic-prefix", "--into")))
}

impl Target {
    /// Looks at what is there: refuses another partition count, and a lane that holds anything but definitions.
    pub(super) fn look(
        source: &Settings,
        settings: Settings,
        partitions: u32,
        replication: Option<i32>,
    ) -> anyhow::Result<Target> {
        let admin = Admin::connect(&settings)?;
        let replication = match replication {
            Some(replication) => replication,
            None => admin.replication(&source.lane.topic(names::WEB_EVENTS))?,
        };
        let brokers = admin.broker_count()?;
        anyhow::ensure!(
            brokers >= replication as usize,
            UsageError(format!(
                "--replication {replication} needs as many brokers, and {brokers} answer: say --replication {brokers}"
            ))
        );
        let wanted = wanted(&settings, partitions, replication);
        let plan = admin.plan_now(&wanted)?;
        for difference in &plan {
            if let Difference::Partitions { name, found, .. } = difference {
                anyhow::bail!(
                    "{name} has {found} partitions and {} has {partitions}: a replay keeps every record in its partition. \
                     Choose another --into, or delete that lane's topics first",
                    source.lane.topic(names::WEB_EVENTS)
                );
            }
        }
        let to_do: Vec<Difference> = plan.into_iter().filter(is_missing).collect();
        let target = Target {
            missing: to_do.len(),
            settings,
            wanted,
            to_do,
            replication,
        };
        target.must_be_empty()?;
        Ok(target)
    }

    fn is_missing(&self, name: &str) -> bool {
        let mut missing = self.to_do.iter();
        missing.any(
            |difference| matches!(difference, Difference::Missing(topic) if topic.name == name),
        )
    }

    /// A topic that ever held anything makes the lane a used one: there may be state and offsets of what it held.
    fn must_be_empty(&self) -> anyhow::Result<()> {
        let may_be_written =
            [names::DEFINITIONS, names::AUDIT].map(|name| self.settings.lane.topic(name));
        let there = self.wanted.iter().map(|topic| &topic.name);
        for name in there.filter(|name| !self.is_missing(name) && !may_be_written.contains(name)) {
            let extents = TopicReader::extents(&self.settings, name)?;
            anyhow::ensure!(
                extents.iter().all(|extent| extent.end == 0),
                "the lane {:?} is not empty: {name} has been written. Choose another --into, or stop what runs in that lane \
                 and delete its topics first",
                self.settings.lane.prefix()
            );
        }
        Ok(())
    }

    /// Creates what is missing, and waits until it can be seen.
    pub(super) fn create(&self) -> anyhow::Result<()> {
        if self.to_do.is_empty() {
            return Ok(());
        }
        let admin = Admin::connect(&self.settings)?;
        admin.apply_now(&self.to_do, self.replication)?;
        once_seen(|| {
            let plan = admin.plan_now(&self.wanted)?;
            Ok((!plan.iter().any(is_missing), ()))
        })
    }

    /// Copies the source's definitions, all versions with their times of effect, unless the lane has some. How many records
    /// were copied, or would be: a lane without topics of its own has none.
    pub(super) fn copy_definitions(
        &self,
        source: &Settings,
        dry_run: bool,
    ) -> Result<Option<u64>, LogError> {
        let to = self.settings.lane.topic(names::DEFINITIONS);
        if !self.is_missing(&to)
            && TopicReader::extents(&self.settings, &to)?
                .iter()
                .any(|extent| extent.end > 0)
        {
            return Ok(None);
        }
        let from = source.lane.topic(names::DEFINITIONS);
        let mut reader = TopicReader::open(source, &[from], From::Beginning)?;
        let mut records = Vec::new();
        reader.read_to_end(|record| records.push(record))?;
        if !dry_run {
            let mut writer = Writer::open(&self.settings)?;
            for record in &records {
                let out = Out {
                    topic: &to,
                    partition: 0,
                    key: record.key.as_deref(),
                    value: record.value.as_deref(),
                    timestamp: None,
                };
                writer.send_with(&out, &record.headers)?;
            }
            writer.finish()?;
        }
        Ok(Some(records.len() as u64))
    }
}

fn is_missing(difference: &Difference) -> bool {
    matches!(difference, Difference::Missing(_))
}

/// The topics of a replay: those of a lane, without what belongs to `ingest` alone.
fn wanted(settings: &Settings, partitions: u32, replication: i32) -> Vec<TopicSpec> {
    let spec = LaneSpec {
        partitions,
        raw_partitions: partitions,
        replication,
        backfill: false,
    };
    let mut wanted = lane_topics(settings, &spec, CHANGELOGS);
    wanted.retain(|topic| {
        let bare = settings.lane.bare(&topic.name);
        let mut of_ingest = OF_INGEST.iter();
        !of_ingest.any(|name| bare == *name || bare == names::dead_letter(name))
    });
    wanted
}

#[cfg(test)]
mod tests {
    use journey::topics::Lane;

    use super::*;

    #[test]
    fn a_replay_has_no_topic_that_ingest_writes_but_its_input() {
        let settings = Settings::new("b:9092", Lane::new("again."), "tool");
        let names: Vec<String> = wanted(&settings, 4, 1)
            .into_iter()
            .map(|t| t.name)
            .collect();
        assert!(names.contains(&"again.web.events".to_owned()));
        assert!(names.contains(&"again.web.events.sessionizer.changelog".to_owned()));
        assert!(names.contains(&"again.web.events.dead-letter".to_owned()));
        for name in &names {
            let strange = [".raw", "ingest", "visitors"]
                .iter()
                .any(|part| name.contains(part));
            assert!(!strange, "{name}");
        }
    }
}
