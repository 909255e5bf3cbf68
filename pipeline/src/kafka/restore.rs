//! What was committed of tasks: their offsets with the metadata, and their changelogs up to the ends that these name.

use std::time::Duration;

use rdkafka::{
    ClientConfig, ClientContext, Message, Offset, TopicPartitionList,
    config::FromClientConfigAndContext,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode},
    topic_partition_list::TopicPartitionListElem,
};

use crate::{
    changelog::{self, ChangelogReader, CommitMetadata, Entry, KeysAndValues, Wanted},
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

/// Reads changelog partitions.
pub(super) struct Restorer {
    consumer: BaseConsumer<Quiet>,
    topics: Vec<String>,
}

/// A task's changelog partition, and what was committed of the task.
pub(super) struct Committed<'a> {
    /// Index into the topics.
    pub(super) topic: usize,
    pub(super) partition: i32,
    pub(super) offset: &'a CommittedOffset,
}

impl Restorer {
    pub(super) fn open(config: &ClientConfig, topics: &[String]) -> Result<Restorer, LogError> {
        let consumer = BaseConsumer::from_config_and_context(config, Quiet)
            .map_err(|e| LogError::new(format!("no consumer for changelogs: {e}")))?;
        Ok(Restorer {
            consumer,
            topics: topics.to_vec(),
        })
    }

    /// The changelog of each task as its committed offset names it, all of them together. An offset without metadata goes
    /// only with an empty one.
    pub(super) fn read(&self, committed: &[Committed<'_>]) -> Result<Vec<KeysAndValues>, LogError> {
        let (mut places, mut wanted) = (Vec::new(), Vec::new());
        for Committed {
            topic,
            partition,
            offset,
        } in committed
        {
            let name = format!("{}-{partition}", self.topics[*topic]);
            let end = match offset {
                CommittedOffset {
                    next_offset: Some(_),
                    metadata: Some(metadata),
                } => metadata.end,
                CommittedOffset { next_offset, .. } => {
                    self.check_empty(*topic, *partition, *next_offset, &name)?;
                    0
                }
            };
            places.push((*topic, *partition));
            wanted.push(Wanted { name, end });
        }
        let mut reader = Reader::open(self, places)?;
        changelog::read(&mut reader, &wanted, PATIENCE)
    }

    fn check_empty(
        &self,
        topic: usize,
        partition: i32,
        next_offset: Option<i64>,
        name: &str,
    ) -> Result<(), LogError> {
        let Some(entry) = Reader::open(self, vec![(topic, partition)])?.first()? else {
            return Ok(());
        };
        Err(LogError::new(format!(
            "{name} holds committed state (at offset {}) and the group's offset {}: they do not belong together. If the \
             group's offsets expired or were reset, delete and recreate the changelog too (`footfall topics apply`): \
             what stood beside the offsets cannot be set again",
            entry.offset,
            match next_offset {
                Some(offset) => format!("{offset} names no end of it"),
                None => "is gone".to_owned(),
            }
        )))
    }
}

struct Reader<'r> {
    restorer: &'r Restorer,
    /// Topic and partition of each that is read.
    places: Vec<(usize, i32)>,
    at_end: bool,
}

impl<'r> Reader<'r> {
    fn open(restorer: &'r Restorer, places: Vec<(usize, i32)>) -> Result<Reader<'r>, LogError> {
        let mut partitions = TopicPartitionList::new();
        let assigned = places
            .iter()
            .try_for_each(|(topic, partition)| {
                let topic = &restorer.topics[*topic];
                partitions.add_partition_offset(topic, *partition, Offset::Beginning)
            })
            .and_then(|()| restorer.consumer.assign(&partitions));
        let topics = || restorer.topics.join(", ");
        assigned.map_err(|e| LogError::new(format!("{} cannot be read: {e}", topics())))?;
        Ok(Reader {
            restorer,
            places,
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

    fn place(&self, topic: &str, partition: i32) -> Option<usize> {
        let topics = &self.restorer.topics;
        self.places
            .iter()
            .position(|(at, of)| *of == partition && topics[*at] == topic)
    }
}

impl ChangelogReader for Reader<'_> {
    fn next(&mut self) -> Result<Option<Entry>, LogError> {
        match self.restorer.consumer.poll(Duration::from_millis(100)) {
            None => Ok(None),
            Some(Ok(message)) => {
                let place = self.place(message.topic(), message.partition());
                Ok(place.map(|of| Entry {
                    of,
                    offset: message.offset(),
                    key: message.key().unwrap_or_default().to_vec(),
                    value: message.payload().map(<[u8]>::to_vec),
                }))
            }
            Some(Err(KafkaError::PartitionEOF(_))) => {
                self.at_end = true;
                Ok(None)
            }
            Some(Err(e)) if super::log::is_passing(&e) => Ok(None),
            Some(Err(e)) => Err(LogError::new(format!("the changelog cannot be read: {e}"))),
        }
    }
}
