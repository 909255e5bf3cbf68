//! Whether `ingest` would take an event: it is asked, with the limits that it has unless it is told otherwise.

use std::sync::Arc;

use ingest::{Config, Ingest, UnknownDeployments, VisitorKeys};
use journey::{Timestamp, topics};
use pipeline::{Record, Refusal, Stage, TaskContext};

/// An `ingest` that takes every deployment as known and keeps nothing.
#[derive(Debug)]
pub(super) struct Judge(Ingest);

impl Judge {
    pub(super) fn new() -> Judge {
        let config = Config::new(VisitorKeys::development(), UnknownDeployments::Accept);
        let context = TaskContext {
            input: 0,
            partition: 0,
            partition_count: 1,
        };
        Judge(Ingest::new(Arc::new(config), context))
    }

    /// Why the event would be dead-lettered. What would be suppressed is for the deployment's definition to say, later.
    pub(super) fn refuses(&mut self, event: &str) -> Option<&'static str> {
        let refused = self.0.decode(&Record {
            topic: topics::WEB_EVENTS_RAW,
            partition: 0,
            offset: 0,
            received_at: Timestamp(0),
            first_received_at: Timestamp(0),
            key: None,
            value: Some(event.as_bytes()),
        });
        match refused {
            Err(Refusal::Rejected(rejection)) => Some(rejection.reason),
            _ => None,
        }
    }
}
