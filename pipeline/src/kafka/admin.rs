//! What Kafka has, and what is made or deleted there.

mod lane;

use std::{collections::BTreeMap, time::Duration};

use rdkafka::{
    admin::{
        AdminClient, AdminOptions, ConfigEntry, ConfigResourceResult, NewPartitions, NewTopic,
        ResourceSpecifier, TopicReplication,
    },
    client::{Client, ClientContext, DefaultClientContext},
    metadata::Metadata,
};

use self::lane::differences;
pub(super) use self::lane::{CHANGELOG, VISITORS};
pub use self::lane::{Difference, LaneSpec, TopicSpec, lane_topics};
use super::settings::Settings;
use crate::log::LogError;

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
        let shown = |result: ConfigResourceResult| {
            let refused = |code| {
                tracing::warn!(%code, key, "a broker does not show this setting, which is not checked: grant DescribeConfigs on the cluster");
            };
            result.map_err(refused).ok()
        };
        let resources = results.into_iter().filter_map(shown);
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
