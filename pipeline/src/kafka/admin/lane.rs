//! What Kafka must have: the topics of a lane, and how they differ from what is there.

use std::collections::BTreeMap;

use journey::topics;

use crate::kafka::settings::Settings;

/// A topic as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its full name.
    pub name: String,
    /// Its partitions; more are allowed where `may_grow`.
    pub partitions: u32,
    /// The raw topics alone may grow.
    pub may_grow: bool,
    /// Settings that matter, in order of name.
    pub settings: BTreeMap<&'static str, String>,
}

/// What the lane's topics should be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneSpec {
    /// Partitions of every topic.
    pub partitions: u32,
    /// Partitions of the raw topics.
    pub raw_partitions: u32,
    /// Copies of every record.
    pub replication: i32,
    /// A backfill lane: raw topics with CreateTime and no retention.
    pub backfill: bool,
}

/// A changelog's settings: restoring reads what compaction has left, so compaction is to come soon and in small pieces.
pub(in crate::kafka) const CHANGELOG: [(&str, &str); 4] = [
    ("cleanup.policy", "compact"),
    ("segment.bytes", "67108864"),
    ("min.cleanable.dirty.ratio", "0.1"),
    ("max.compaction.lag.ms", "600000"),
];

/// The settings of `journey.visitors`, where named people are: after an erasure the broker may not wait for as long as it likes
/// with compaction. Segments of such a topic end within the same time: `segment.ms` need not say it.
pub(in crate::kafka) const VISITORS: [(&str, &str); 2] = [
    ("cleanup.policy", "compact"),
    ("max.compaction.lag.ms", "86400000"),
];

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// Every topic of a lane. `changelogs` are (input, stage) pairs.
pub fn lane_topics(
    settings: &Settings,
    spec: &LaneSpec,
    changelogs: &[(&str, &str)],
) -> Vec<TopicSpec> {
    let lane = &settings.lane;
    let mut all = Vec::new();
    let mut add =
        |name: &str, partitions: u32, may_grow: bool, pairs: &[(&'static str, String)]| {
            let mut settings: BTreeMap<&'static str, String> = pairs.iter().cloned().collect();
            settings
                .entry("message.timestamp.type")
                .or_insert_with(|| "LogAppendTime".to_owned());
            all.push(TopicSpec {
                name: lane.topic(name),
                partitions,
                may_grow,
                settings,
            });
        };
    let delete = |ms: i64| {
        vec![
            ("cleanup.policy", "delete".to_owned()),
            ("retention.ms", ms.to_string()),
        ]
    };
    let p = spec.partitions;
    for raw in [topics::WEB_EVENTS_RAW, topics::ENGAGEMENT_EVENTS_RAW] {
        let mut settings = delete(if spec.backfill { -1 } else { 72 * HOUR });
        settings.push(("max.message.bytes", "12582912".to_owned()));
        if spec.backfill {
            settings.push(("message.timestamp.type", "CreateTime".to_owned()));
            settings.push(("message.timestamp.before.max.ms", i64::MAX.to_string()));
            settings.push(("message.timestamp.after.max.ms", i64::MAX.to_string()));
        }
        add(raw, spec.raw_partitions, true, &settings);
        add(&topics::dead_letter(raw), p, false, &delete(14 * DAY));
    }
    for input in [topics::WEB_EVENTS, topics::VISITS, topics::DEMAND] {
        add(input, p, false, &delete(7 * DAY));
        add(&topics::dead_letter(input), p, false, &delete(14 * DAY));
    }
    for output in [topics::JOURNEY_EVENTS, topics::OFFERS] {
        add(output, p, false, &delete(7 * DAY));
    }
    // Few and small, and read as a whole: one partition, so that a transaction touches one more now and then.
    add(topics::ACCOUNTS, 1, false, &delete(90 * DAY));
    add(topics::STAFFING_REVISIONS, p, false, &delete(90 * DAY));
    let compact = || ("cleanup.policy", "compact".to_owned());
    let visitors = VISITORS.map(|(key, value)| (key, value.to_owned()));
    add(topics::VISITORS, p, false, &visitors);
    add(topics::DEFINITIONS, 1, false, &[compact()]);
    let both = [
        ("cleanup.policy", "compact,delete".to_owned()),
        ("retention.ms", (400 * DAY).to_string()),
    ];
    add(topics::STAFFING, p, false, &both);
    add(topics::AUDIT, 1, false, &delete(400 * DAY));
    for (input, stage) in changelogs {
        let settings = CHANGELOG.map(|(key, value)| (key, value.to_owned()));
        add(&topics::changelog(input, stage), p, false, &settings);
    }
    all
}

/// How a topic differs from what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It is not there: `topics apply` creates it.
    Missing(TopicSpec),
    /// It has too few partitions, and may grow: `topics apply` adds them.
    Grow {
        /// The topic.
        name: String,
        /// Partitions now.
        from: u32,
        /// Partitions wanted.
        to: u32,
    },
    /// It has another partition count, and may not change.
    Partitions {
        /// The topic.
        name: String,
        /// Partitions found.
        found: u32,
        /// Partitions wanted.
        wanted: u32,
    },
    /// A setting differs: the `kafka-configs` line that mends it is printed, never run.
    Setting {
        /// The topic.
        name: String,
        /// The setting.
        key: &'static str,
        /// Its value now.
        found: String,
        /// Its value wanted.
        wanted: String,
    },
}

/// How what is there differs from one topic.
pub(super) fn differences(
    topic: &TopicSpec,
    counts: &BTreeMap<String, u32>,
    settings: &BTreeMap<String, BTreeMap<String, String>>,
) -> Vec<Difference> {
    let name = topic.name.clone();
    let Some(found) = counts.get(&name).copied() else {
        return vec![Difference::Missing(topic.clone())];
    };
    let mut differences = Vec::new();
    if found < topic.partitions && topic.may_grow {
        differences.push(Difference::Grow {
            name: name.clone(),
            from: found,
            to: topic.partitions,
        });
    } else if found != topic.partitions && !(topic.may_grow && found > topic.partitions) {
        differences.push(Difference::Partitions {
            name: name.clone(),
            found,
            wanted: topic.partitions,
        });
    }
    for (key, wanted) in &topic.settings {
        let found = settings
            .get(&name)
            .and_then(|s| s.get(*key))
            .cloned()
            .unwrap_or_default();
        if found != *wanted {
            differences.push(Difference::Setting {
                name: name.clone(),
                key,
                found,
                wanted: wanted.clone(),
            });
        }
    }
    differences
}

#[cfg(test)]
mod tests {
    use journey::topics::Lane;

    use super::*;

    #[test]
    fn what_named_people_had_deleted_is_compacted_within_a_day() {
        let settings = Settings::new("b:9092", Lane::default(), "tool");
        let spec = LaneSpec {
            partitions: 1,
            raw_partitions: 1,
            replication: 1,
            backfill: false,
        };
        let all = lane_topics(&settings, &spec, &[]);
        let visitors = all.iter().find(|topic| topic.name == topics::VISITORS);
        let visitors = visitors.expect("a topic of every lane");
        let counts = [(topics::VISITORS.to_owned(), 1)].into();
        let as_before = [
            ("cleanup.policy", "compact"),
            ("message.timestamp.type", "LogAppendTime"),
            ("max.compaction.lag.ms", "9223372036854775807"),
        ];
        let as_before = as_before.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let there = [(topics::VISITORS.to_owned(), as_before.into())].into();
        let expected = Difference::Setting {
            name: topics::VISITORS.to_owned(),
            key: "max.compaction.lag.ms",
            found: i64::MAX.to_string(),
            wanted: DAY.to_string(),
        };
        assert_eq!(differences(visitors, &counts, &there), [expected]);
    }
}
