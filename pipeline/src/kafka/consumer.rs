//! Assignments and statistics. The callbacks run inside `poll`: they record what happened, and the loop acts on it.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use rdkafka::{
    ClientContext, TopicPartitionList,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    types::RDKafkaRespErr,
};
use serde::Deserialize;

/// What the group decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// These partitions are to be taken, once restored.
    Assign(Vec<(String, i32)>),
    /// All partitions are to be let go.
    Revoke,
}

/// Where a partition ends, as its broker told with the last fetch; negative while it has told nothing.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(super) struct Ends {
    /// The high watermark: the end of all records.
    #[serde(rename = "hi_offset")]
    pub(super) high: i64,
    /// The last stable offset: where the oldest open transaction begins, which is as far as committed reading goes.
    #[serde(rename = "ls_offset")]
    pub(super) stable: i64,
}

/// What is of use to us in librdkafka's statistics (its STATISTICS.md).
#[derive(Debug, Default, Deserialize)]
struct Statistics {
    topics: HashMap<String, TopicStatistics>,
}

#[derive(Debug, Deserialize)]
struct TopicStatistics {
    /// By the partition's number, and one entry of `-1` that is none.
    partitions: HashMap<String, Ends>,
}

/// Records rebalances and statistics for the loop.
#[derive(Debug, Default)]
pub(super) struct Context {
    events: Mutex<VecDeque<Event>>,
    statistics: Mutex<Statistics>,
    closing: AtomicBool,
}

impl Context {
    /// The oldest event that was not acted on.
    pub(super) fn next_event(&self) -> Option<Event> {
        self.events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    }

    /// Where a partition ends, as of the last statistics.
    pub(super) fn ends(&self, topic: &str, partition: u32) -> Option<Ends> {
        let statistics = self.statistics.lock();
        let statistics = statistics.unwrap_or_else(PoisonError::into_inner);
        let partitions = &statistics.topics.get(topic)?.partitions;
        let ends = partitions.get(&partition.to_string()).copied()?;
        (ends.stable >= 0 && ends.high >= 0).then_some(ends)
    }

    /// From here on nobody acts on events: revocations unassign at once, or closing would hang.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }
}

impl ClientContext for Context {
    fn error(&self, error: rdkafka::error::KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "consumer");
    }

    fn stats_raw(&self, statistics: &[u8]) {
        match serde_json::from_slice(statistics) {
            Ok(new) => {
                let statistics = self.statistics.lock();
                *statistics.unwrap_or_else(PoisonError::into_inner) = new;
            }
            Err(error) => tracing::warn!(%error, "librdkafka's statistics are not as expected"),
        }
    }
}

impl ConsumerContext for Context {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        kind: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let assigned = kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.closing.load(Ordering::Relaxed) {
            let _ = consumer.unassign();
            return;
        }
        let event = if assigned {
            let partitions = partitions.elements();
            Event::Assign(
                partitions
                    .iter()
                    .map(|p| (p.topic().to_owned(), p.partition()))
                    .collect(),
            )
        } else {
            Event::Revoke
        };
        self.events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_partition_ends_is_taken_from_the_statistics() {
        let context = Context::default();
        assert_eq!(context.ends("web.events", 0), None);
        context.stats_raw(
            br#"{"name": "footfall", "topics": {"web.events": {"topic": "web.events", "partitions": {
                "0": {"partition": 0, "hi_offset": 120, "ls_offset": 100, "lo_offset": 0},
                "1": {"partition": 1, "hi_offset": -1001, "ls_offset": -1001},
                "-1": {"partition": -1, "hi_offset": -1001, "ls_offset": -1001}
            }}}}"#,
        );
        let ends = Ends {
            high: 120,
            stable: 100,
        };
        assert_eq!(context.ends("web.events", 0), Some(ends));
        assert_eq!(context.ends("web.events", 1), None, "nothing is known yet");
        context.stats_raw(b"not JSON");
        assert_eq!(context.ends("web.events", 0), Some(ends));
    }
}
