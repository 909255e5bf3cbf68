//! Assignments. The callback runs inside `poll`: it records what happened, and the loop acts on it.

use std::{
    collections::VecDeque,
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

/// What the group decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// These partitions are to be taken, once restored.
    Assign(Vec<(String, i32)>),
    /// All partitions are to be let go.
    Revoke,
}

/// Records rebalances for the loop.
#[derive(Debug, Default)]
pub(super) struct Context {
    events: Mutex<VecDeque<Event>>,
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

    /// From here on nobody acts on events: revocations unassign at once, or closing would hang.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }
}

impl ClientContext for Context {
    fn error(&self, error: rdkafka::error::KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "consumer");
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
