//! What a stage must find before it starts: topics, their partitions and clocks, what its memory rests on.

use std::collections::BTreeMap;

use journey::topics;

use super::admin::{Admin, CHANGELOG, VISITORS};
use crate::{
    log::LogError,
    names::Names,
    processor::{TimeFrom, Topology},
};

/// Days that a group's offsets outlive the last of its members, below which a stage says so: a longer stop forgets them.
const OFFSETS_KEPT_DAYS: i64 = 7;

/// Partition counts of a stage's topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// By input.
    pub inputs: Vec<u32>,
    /// By output.
    pub outputs: Vec<u32>,
    /// Of the dead letters, by input.
    pub dead_letters: Vec<u32>,
}

/// Settings, by topic and name.
type TopicSettings = BTreeMap<String, BTreeMap<String, String>>;

impl Admin {
    /// Every topic there, co-partitioned, with the right clock and cleanup, or else the sentence that says what to do. What
    /// only makes a restore slow, or a long stop risky, is said in the log.
    pub async fn check_stage(
        &self,
        topology: &Topology,
        names: &Names,
        backfill: bool,
    ) -> Result<Counts, LogError> {
        let found = self.check_partitions(topology, names)?;
        let looked_at: Vec<String> = names
            .inputs
            .iter()
            .chain(&names.changelogs)
            .cloned()
            .collect();
        let settings = self.settings(&looked_at).await?;
        if topology.time_from == TimeFrom::AppendTime && !backfill {
            for input in &names.inputs {
                expect(
                    &settings,
                    input,
                    ("message.timestamp.type", "LogAppendTime"),
                )?;
            }
        }
        let [compacted, tuned @ ..] = CHANGELOG;
        for changelog in &names.changelogs {
            expect(&settings, changelog, compacted)?;
            for wanted in tuned {
                if let Err(differs) = expect(&settings, changelog, wanted) {
                    tracing::warn!("{differs}; until then restoring takes longer");
                }
            }
        }
        self.check_visitors(topology, names).await;
        self.check_offsets_retention().await?;
        Ok(found)
    }

    /// Whoever writes `journey.visitors` need not be allowed to see its settings: then nothing is said.
    async fn check_visitors(&self, topology: &Topology, names: &Names) {
        let written = topology.outputs.iter().zip(&names.outputs);
        let visitors = written.filter(|(output, _)| output.name == topics::VISITORS);
        for (_, name) in visitors {
            let settings = self.settings(std::slice::from_ref(name)).await;
            for differs in settings
                .map(|settings| erased_late(&settings, name))
                .unwrap_or_default()
            {
                tracing::warn!("{differs}");
            }
        }
    }

    fn check_partitions(&self, topology: &Topology, names: &Names) -> Result<Counts, LogError> {
        let counts = self.partition_counts()?;
        let count = |name: &String| {
            counts.get(name).copied().ok_or_else(|| {
                LogError::new(format!(
                    "topic {name} is missing: create it with `footfall topics apply`, then start again"
                ))
            })
        };
        let of = |names: &[String]| names.iter().map(count).collect::<Result<Vec<u32>, _>>();
        let found = Counts {
            inputs: of(&names.inputs)?,
            outputs: of(&names.outputs)?,
            dead_letters: of(&names.dead_letters)?,
        };
        for (i, changelog) in names.changelogs.iter().enumerate() {
            let input = (names.inputs[i].as_str(), found.inputs[i]);
            same(input, (changelog, count(changelog)?))?;
        }
        for (i, output) in names.outputs.iter().enumerate() {
            if topology.outputs[i].co_partitioned {
                let input = (names.inputs[0].as_str(), found.inputs[0]);
                same(input, (output, found.outputs[i]))?;
            }
        }
        Ok(found)
    }

    /// Offsets of a group without members expire, and what stands beside them with them: a stage that was stopped for longer
    /// refuses to start over its old state.
    async fn check_offsets_retention(&self) -> Result<(), LogError> {
        const KEY: &str = "offsets.retention.minutes";
        let minutes = self.broker_setting(KEY).await?;
        let minutes = minutes.and_then(|minutes| minutes.parse::<i64>().ok());
        if let Some(minutes) = minutes.filter(|minutes| *minutes < OFFSETS_KEPT_DAYS * 24 * 60) {
            tracing::warn!(
                "the brokers have {KEY}={minutes}: a stage that is stopped for longer than this cannot go on from its state. \
                 Raise it to {OFFSETS_KEPT_DAYS} days or more in the brokers' configuration"
            );
        }
        Ok(())
    }
}

/// What keeps erased traits for longer than is promised.
fn erased_late(settings: &TopicSettings, topic: &str) -> Vec<String> {
    let wanted = VISITORS.into_iter();
    let differs = wanted.filter_map(|wanted| expect(settings, topic, wanted).err());
    differs
        .map(|differs| {
            format!("{differs}; until then what was erased may be kept for longer than 24 h")
        })
        .collect()
}

fn same((a, a_count): (&str, u32), (b, b_count): (&str, u32)) -> Result<(), LogError> {
    if a_count == b_count {
        return Ok(());
    }
    Err(LogError::new(format!(
        "{a} has {a_count} partitions and {b} has {b_count}: they must be co-partitioned. A lane's partition count never \
         changes; make a new lane with --topic-prefix and replay into it"
    )))
}

fn expect(
    settings: &TopicSettings,
    topic: &str,
    (key, wanted): (&str, &str),
) -> Result<(), LogError> {
    let found = settings
        .get(topic)
        .and_then(|settings| settings.get(key))
        .map_or("", String::as_str);
    if found == wanted {
        return Ok(());
    }
    Err(LogError::new(format!(
        "topic {topic} has {key}={found} and must have {wanted}: kafka-configs.sh --alter --entity-type topics --entity-name \
         {topic} --add-config {key}={wanted}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_of_named_people_that_is_compacted_whenever_is_warned_of() {
        let with = |settings: &[(&str, &str)]| {
            let settings = settings
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            erased_late(&[("v".to_owned(), settings.collect())].into(), "v")
        };
        assert_eq!(with(&VISITORS), [""; 0]);
        let said = with(&[
            ("cleanup.policy", "compact"),
            ("max.compaction.lag.ms", "9223372036854775807"),
        ]);
        let [said] = said.as_slice() else {
            panic!("{said:?}");
        };
        assert!(
            said.contains("--add-config max.compaction.lag.ms=86400000"),
            "{said}"
        );
    }
}
