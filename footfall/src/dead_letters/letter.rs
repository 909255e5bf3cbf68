//! One dead letter as it stands in its topic.

use pipeline::{
    dead_letter::DeadLetter,
    kafka::{Settings, read::ReadRecord},
};

/// A dead letter: what its headers say, and the record itself.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) record: ReadRecord,
    /// `None` where somebody else wrote it.
    pub(crate) cause: Option<DeadLetter>,
}

impl Letter {
    pub(super) fn new(record: ReadRecord) -> Letter {
        let headers = record.headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.as_slice()));
        Letter {
            cause: DeadLetter::from_headers(headers),
            record,
        }
    }

    /// Whether it is no dead letter, but says what was done with some.
    pub(super) fn is_verdict(&self) -> bool {
        super::settled::is_verdict(&self.record)
    }

    /// Whether this is the record that it was, as far as its size tells: a topic that was made anew has other records at its offsets.
    pub(crate) fn was(&self, record: &ReadRecord) -> bool {
        let size = record.value.as_ref().map_or(0, Vec::len) as u64;
        self.cause.as_ref().is_some_and(|cause| cause.size == size)
    }

    /// Where it stood before, as it says itself.
    pub(super) fn origin_topic(&self, settings: &Settings) -> String {
        let cause = self.cause.as_ref();
        cause.map_or_else(String::new, |cause| settings.lane.topic(&cause.topic))
    }

    pub(crate) fn reason(&self) -> &str {
        self.cause
            .as_ref()
            .map_or("without_headers", |cause| &cause.reason)
    }

    pub(crate) fn deployment(&self) -> Option<&str> {
        self.cause.as_ref()?.deployment.as_deref()
    }
}
