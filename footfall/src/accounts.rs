//! The accounts that `ingest` keeps, read back and added up.

use std::collections::BTreeMap;

use journey::{IngestAccount, Timestamp, topics};
use pipeline::{
    config::KafkaArgs,
    kafka::{
        Settings,
        admin::Admin,
        read::{From, TopicReader},
    },
    registry::Registry,
};
use serde_json::{Value, json};

use crate::records::Records;

/// What became of records: counts by reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fates {
    pub(crate) forwarded: i64,
    pub(crate) suppressed: BTreeMap<String, i64>,
    pub(crate) dead_lettered: BTreeMap<String, i64>,
}

impl Fates {
    pub(crate) fn add(&mut self, account: &IngestAccount) {
        for counted in &account.counts {
            let by_reason = match &*counted.result {
                "forwarded" => {
                    self.forwarded += counted.count;
                    continue;
                }
                "suppressed" => &mut self.suppressed,
                _ => &mut self.dead_lettered,
            };
            *by_reason.entry(counted.reason.to_string()).or_default() += counted.count;
        }
    }

    /// All that came in, as far as it is accounted for.
    pub(crate) fn total(&self) -> i64 {
        let refused = self.suppressed.values().chain(self.dead_lettered.values());
        self.forwarded + refused.sum::<i64>()
    }

    pub(crate) fn text(&self) -> String {
        let mut parts = vec![
            format!("in {}", self.total()),
            format!("forwarded {}", self.forwarded),
        ];
        for (name, by_reason) in [
            ("suppressed", &self.suppressed),
            ("dead-lettered", &self.dead_lettered),
        ] {
            if !by_reason.is_empty() {
                let sum: i64 = by_reason.values().sum();
                let reasons: Vec<_> = by_reason.iter().map(|(r, n)| format!("{r} {n}")).collect();
                parts.push(format!("{name} {sum} ({})", reasons.join(", ")));
            }
        }
        parts.join(" · ")
    }

    pub(crate) fn value(&self) -> Value {
        json!({
            "in": self.total(), "forwarded": self.forwarded, "suppressed": self.suppressed,
            "deadLettered": self.dead_lettered,
        })
    }
}

/// Whose records: what named no deployment that is defined is nobody's.
pub(crate) fn name_of(deployment: &str) -> &str {
    if deployment.is_empty() {
        "-"
    } else {
        deployment
    }
}

/// Reads every account of the lane whose minute is at or after `since`.
pub(crate) fn read(
    kafka: &KafkaArgs,
    settings: &Settings,
    since: Timestamp,
    mut each: impl FnMut(&IngestAccount),
) -> anyhow::Result<()> {
    let topic = settings.lane.topic(topics::ACCOUNTS);
    anyhow::ensure!(
        Admin::connect(settings)?
            .partition_counts()?
            .contains_key(&topic),
        "topic {topic} is missing: check --topic-prefix, or create it with `footfall topics apply`"
    );
    let mut accounts = Records::<IngestAccount>::new(Registry::open(&kafka.registry)?);
    let mut reader = TopicReader::open(settings, &[topic], From::Since(since))?;
    while let Some(record) = reader.next_there()? {
        let account = accounts.read(record.value.as_deref().unwrap_or_default())?;
        if let Some(account) = account.filter(|account| account.minute >= since) {
            each(&account);
        }
    }
    Ok(())
}
