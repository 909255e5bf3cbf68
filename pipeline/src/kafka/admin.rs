//! What Kafka must have: the topics of a lane, and how they differ from what is there.

use std::{collections::BTreeMap, time::Duration};

use journey::topics;
use rdkafka::{
    admin::{
        AdminClient, AdminOptions, ConfigEntry, NewPartitions, NewTopic, ResourceSpecifier,
        TopicReplication,
    },
    client::{Client, ClientContext, DefaultClientContext},
    metadata::Metadata,
};

use super::settings::Settings;
use crate::log::LogError;

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
pub(super) const CHANGELOG: [(&str, &str); 4] = [
    ("cleanup.policy", "compact"),
    ("segment.bytes", "67108864"),
    ("min.cleanable.dirty.ratio", "0.1"),
    ("max.compaction.lag.ms", "600000"),
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
    add(topics::VISITORS, p, false, &[compact()]);
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

/// An administrator's connection.
pub struct Admin {
    client: AdminClient<DefaultClientContext>,
    brokers: String,
    timeout: Duration,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin")
            .field("brokers", &self.brokers)
            .finish()
    }
}

impl Admin {
    /// Connects, and sees that a broker answers.
    pub fn connect(settings: &Settings) -> Result<Admin, LogError> {
        let client =
            rdkafka::config::FromClientConfig::from_config(&settings.plain()).map_err(|e| {
                LogError::new(format!("no client can be made with these settings: {e}"))
            })?;
        let admin = Admin {
            client,
            brokers: settings.brokers.clone(),
            timeout: Duration::from_secs(10),
        };
        admin.partition_counts()?;
        Ok(admin)
    }

    /// Every topic with its partition count.
    pub fn partition_counts(&self) -> Result<BTreeMap<String, u32>, LogError> {
        let metadata = self.client.inner().fetch_metadata(None, self.timeout).map_err(|e| {
            LogError::new(format!(
                "no broker answers at {} ({e}): check --brokers and that Kafka runs (`footfall dev up` starts a local one)",
                self.brokers
            ))
        })?;
        let topics = metadata.topics().iter().filter(|t| t.error().is_none());
        Ok(topics
            .map(|t| (t.name().to_owned(), t.partitions().len() as u32))
            .collect())
    }

    /// A broker's setting; `None` if none of that name is told.
    pub(super) async fn broker_setting(&self, key: &str) -> Result<Option<String>, LogError> {
        let metadata = self.brokers()?;
        let Some(broker) = metadata.brokers().first() else {
            return Ok(None);
        };
        let options = AdminOptions::new().request_timeout(Some(self.timeout));
        let asked = [ResourceSpecifier::Broker(broker.id())];
        let results = self.client.describe_configs(&asked, &options).await;
        let results = results
            .map_err(|e| LogError::new(format!("a broker's settings cannot be read: {e}")))?;
        let resources = results.into_iter().flatten();
        let mut entries = resources.flat_map(|resource| resource.entries);
        Ok(entries
            .find(|entry| entry.name == key)
            .and_then(|entry| entry.value))
    }

    /// Topics' settings, by topic and name.
    pub(super) async fn settings(
        &self,
        names: &[String],
    ) -> Result<BTreeMap<String, BTreeMap<String, String>>, LogError> {
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let specifiers: Vec<_> = names
            .iter()
            .map(|name| ResourceSpecifier::Topic(name))
            .collect();
        let options = AdminOptions::new().request_timeout(Some(self.timeout));
        let results = self.client.describe_configs(&specifiers, &options).await;
        let results =
            results.map_err(|e| LogError::new(format!("topic settings cannot be read: {e}")))?;
        let mut settings = BTreeMap::new();
        for (name, result) in names.iter().zip(results) {
            let resource = result.map_err(|e| {
                LogError::new(format!("the settings of {name} cannot be read: {e}"))
            })?;
            let pairs = resource
                .entries
                .iter()
                .map(|ConfigEntry { name, value, .. }| {
                    (name.clone(), value.clone().unwrap_or_default())
                });
            settings.insert(name.clone(), pairs.collect());
        }
        Ok(settings)
    }

    /// How what is there differs from these topics.
    pub async fn plan(&self, wanted: &[TopicSpec]) -> Result<Vec<Difference>, LogError> {
        let counts = self.partition_counts()?;
        let present: Vec<String> = wanted
            .iter()
            .filter(|t| counts.contains_key(&t.name))
            .map(|t| t.name.clone())
            .collect();
        let settings = self.settings(&present).await?;
        Ok(wanted
            .iter()
            .flat_map(|topic| differences(topic, &counts, &settings))
            .collect())
    }

    /// Creates what is missing and grows what may grow. What else differs is left alone.
    pub async fn apply(
        &self,
        differences: &[Difference],
        replication: i32,
    ) -> Result<(), LogError> {
        let options = AdminOptions::new()
            .operation_timeout(Some(self.timeout))
            .request_timeout(Some(self.timeout));
        let missing = differences
            .iter()
            .filter_map(|difference| match difference {
                Difference::Missing(topic) => Some(topic),
                _ => None,
            });
        let topics: Vec<_> = missing
            .map(|topic| {
                let new = NewTopic::new(
                    &topic.name,
                    topic.partitions as i32,
                    TopicReplication::Fixed(replication),
                );
                topic
                    .settings
                    .iter()
                    .fold(new, |new, (key, value)| new.set(key, value))
            })
            .collect();
        if !topics.is_empty() {
            let created = self.client.create_topics(&topics, &options).await;
            for result in
                created.map_err(|e| LogError::new(format!("topics cannot be created: {e}")))?
            {
                result.map_err(|(name, e)| {
                    LogError::new(format!("topic {name} cannot be created: {e}"))
                })?;
            }
        }
        let grow: Vec<_> = differences
            .iter()
            .filter_map(|difference| match difference {
                Difference::Grow { name, to, .. } => Some(NewPartitions::new(name, *to as usize)),
                _ => None,
            })
            .collect();
        if !grow.is_empty() {
            let grown = self.client.create_partitions(&grow, &options).await;
            for result in
                grown.map_err(|e| LogError::new(format!("partitions cannot be added: {e}")))?
            {
                result
                    .map_err(|(name, e)| LogError::new(format!("topic {name} cannot grow: {e}")))?;
            }
        }
        Ok(())
    }

    /// [`Admin::plan`], for callers without a runtime.
    pub fn plan_now(&self, wanted: &[TopicSpec]) -> Result<Vec<Difference>, LogError> {
        now(self.plan(wanted))
    }

    /// [`Admin::apply`], for callers without a runtime.
    pub fn apply_now(&self, differences: &[Difference], replication: i32) -> Result<(), LogError> {
        now(self.apply(differences, replication))
    }

    /// [`Admin::delete`], for callers without a runtime.
    pub fn delete_now(&self, names: &[String]) -> Result<(), LogError> {
        now(self.delete(names))
    }

    /// One setting of a topic, for callers without a runtime.
    pub fn setting_now(&self, topic: &str, key: &str) -> Result<String, LogError> {
        let names = [topic.to_owned()];
        let mut settings = now(self.settings(&names))?;
        let found = settings.get_mut(topic).and_then(|pairs| pairs.remove(key));
        Ok(found.unwrap_or_default())
    }

    /// How many copies of its records a topic has.
    pub fn replication(&self, topic: &str) -> Result<i32, LogError> {
        let metadata = self
            .client
            .inner()
            .fetch_metadata(Some(topic), self.timeout);
        let metadata = metadata.map_err(|e| {
            LogError::new(format!("the copies of {topic} cannot be asked for: {e}"))
        })?;
        let topic = metadata.topics().first();
        let partition = topic.and_then(|topic| topic.partitions().first());
        Ok(partition.map_or(1, |partition| partition.replicas().len() as i32))
    }

    /// How many brokers answer.
    pub fn broker_count(&self) -> Result<usize, LogError> {
        Ok(self.brokers()?.brokers().len())
    }

    fn brokers(&self) -> Result<Metadata, LogError> {
        let metadata = self.client.inner().fetch_metadata(None, self.timeout);
        metadata.map_err(|e| LogError::new(format!("the brokers cannot be asked for: {e}")))
    }

    /// Deletes topics: for demos and tests.
    pub async fn delete(&self, names: &[String]) -> Result<(), LogError> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let options = AdminOptions::new().operation_timeout(Some(self.timeout));
        let deleted = self.client.delete_topics(&names, &options).await;
        deleted
            .map(|_| ())
            .map_err(|e| LogError::new(format!("topics cannot be deleted: {e}")))
    }
}

/// Waits for an answer on this thread.
fn now<T>(answer: impl Future<Output = Result<T, LogError>>) -> Result<T, LogError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|e| LogError::new(format!("no runtime: {e}")))?;
    runtime.block_on(answer)
}

fn differences(
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

/// A topic's partition count, asked of the cluster.
pub(super) fn partition_count<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    timeout: Duration,
) -> Result<u32, LogError> {
    let metadata = client.fetch_metadata(Some(topic), timeout).map_err(|e| {
        LogError::new(format!(
            "the partitions of {topic} cannot be asked for: {e}"
        ))
    })?;
    Ok(metadata
        .topics()
        .first()
        .map_or(0, |t| t.partitions().len() as u32))
}
