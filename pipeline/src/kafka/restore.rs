//! What was committed of a task: its offset with the metadata, and its changelog up to the end that this names.

use std::time::Duration;

use rdkafka::{
    ClientConfig, ClientContext, Message, Offset, TopicPartitionList,
    config::FromClientConfigAndContext,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode},
    topic_partition_list::TopicPartitionListElem,
};

use crate::{
    changelog::{self, ChangelogReader, CommitMetadata, Entry, KeysAndValues},
    log::LogError,
};

/// How long a changelog may stand still before its named end is given up on: longer than any transaction.
const PATIENCE: Duration = Duration::from_secs(60);

/// A committed offset, as the group holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CommittedOffset {
    pub(super) next_offset: Option<i64>,
    pub(super) metadata: Option<CommitMetadata>,
}

/// Reads an element of the group's answer; each has an error of its own.
pub(super) fn committed_offset(
    element: &TopicPartitionListElem<'_>,
) -> Result<CommittedOffset, LogError> {
    let place = format!("{}-{}", element.topic(), element.partition());
    element.error().map_err(|e| {
        LogError::new(format!(
            "the committed offset of {place} cannot be read: {e}"
        ))
    })?;
    let next_offset = match element.offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    };
    Ok(CommittedOffset {
        next_offset,
        metadata: CommitMetadata::from_text(element.metadata()),
    })
}

/// Says nothing of a partition's end: that is where reading stops, and no error.
pub(super) struct Quiet;

impl ClientContext for Quiet {
    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
            tracing::warn!(%error, reason, "consumer");
        }
    }
}

impl ConsumerContext for Quiet {}

/// Reads changelog partitions, one after the other.
pub(super) struct Restorer {
    consumer: BaseConsumer<Quiet>,
}

impl Restorer {
    pub(super) fn open(config: &ClientConfig) -> Result<Restorer, LogError> {
        let consumer = BaseConsumer::from_config_and_context(config, Quiet)
            .map_err(|e| LogError::new(format!("no consumer for changelogs: {e}")))?;
        Ok(Restorer { consumer })
    }

    /// The changelog of a task as its committed offset names it. An offset without metadata goes only with an empty one.
    pub(super) fn read(
        &mut self,
        topic: &str,
        partition: i32,
        committed: &CommittedOffset,
    ) -> Result<KeysAndValues, LogError> {
        let name = format!("{topic}-{partition}");
        let mut reader = Reader::open(&self.consumer, topic, partition)?;
        match committed {
            CommittedOffset {
                next_offset: Some(_),
                metadata: Some(metadata),
            } => changelog::read(&mut reader, &name, metadata.end, PATIENCE),
            CommittedOffset { next_offset, .. } => match reader.first()? {
                None => Ok(Vec::new()),
                Some(entry) => Err(LogError::new(format!(
                    "{name} holds committed state (at offset {}) and the group's offset {}: they do not belong together. If the \
                     group's offsets expired or were reset, delete and recreate the changelog too (`footfall topics apply`): \
                     what stood beside the offsets cannot be set again",
                    entry.offset,
                    match next_offset {
                        Some(offset) => format!("{offset} names no end of it"),
                        None => "is gone".to_owned(),
                    }
                ))),
            },
        }
    }
}

struct Reader<'c> {
    consumer: &'c BaseConsumer<Quiet>,
    at_end: bool,
}

impl<'c> Reader<'c> {
    fn open(
        consumer: &'c BaseConsumer<Quiet>,
        topic: &str,
        partition: i32,
    ) -> Result<Reader<'c>, LogError> {
        let mut partitions = TopicPartitionList::new();
        let assigned = partitions
            .add_partition_offset(topic, partition, Offset::Beginning)
            .and_then(|()| consumer.assign(&partitions));
        assigned.map_err(|e| LogError::new(format!("{topic}-{partition} cannot be read: {e}")))?;
        Ok(Reader {
            consumer,
            at_end: false,
        })
    }

    /// The first committed record, if there is any.
    fn first(&mut self) -> Result<Option<Entry>, LogError> {
        while !self.at_end {
            if let Some(entry) = self.next()? {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }
}

impl ChangelogReader for Reader<'_> {
    fn next(&mut self) -> Result<Option<Entry>, LogError> {
        match self.consumer.poll(Duration::from_millis(100)) {
            None => Ok(None),
            Some(Ok(message)) => Ok(Some(Entry {
                offset: message.offset(),
                key: message.key().unwrap_or_default().to_vec(),
                value: message.payload().map(<[u8]>::to_vec),
            })),
            Some(Err(KafkaError::PartitionEOF(_))) => {
                self.at_end = true;
                Ok(None)
            }
            Some(Err(e)) if super::log::is_passing(&e) => Ok(None),
            Some(Err(e)) => Err(LogError::new(format!("the changelog cannot be read: {e}"))),
        }
    }
}
