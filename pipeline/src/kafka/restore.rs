//! What was committed of tasks: their offsets with the metadata, and their changelogs up to the ends that these name.

use std::time::{Duration, Instant};

use rdkafka::{
    ClientConfig, ClientContext, Message, Offset, TopicPartitionList,
    config::FromClientConfigAndContext,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode},
    topic_partition_list::TopicPartitionListElem,
};

use crate::{
    changelog::{self, Changelog, ChangelogReader, CommitMetadata, Entry, Wanted},
    log::LogError,
};

/// How long a changelog may stand still before its named end is given up on: longer than any transaction.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long it is asked where changelogs begin, before they are read without knowing.
const ANSWER: Duration = Duration::from_secs(2);

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
    let metadata = CommitMetadata::from_text(element.metadata()).map_err(|e| {
        LogError::new(format!(
            "what stands beside the committed offset of {place} is of another release ({e}): run the release that wrote it, \
             or a newer one; before going back from it, stop it cleanly"
        ))
    })?;
    Ok(CommittedOffset {
        next_offset,
        metadata,
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

/// Reads changelog partitions. Each reading has a consumer of its own, which is given its partitions once: librdkafka aborts
/// the process where one is given a partition again that it has not let go of yet.
pub(super) struct Restorer<'c> {
    config: &'c ClientConfig,
    topics: &'c [String],
}

/// A task's changelog partition, and what was committed of the task.
pub(super) struct Committed<'a> {
    /// Index into the topics.
    pub(super) topic: usize,
    pub(super) partition: i32,
    pub(super) offset: &'a CommittedOffset,
}

impl Committed<'_> {
    /// Where the changelog ends; `None` if nothing that was committed says so.
    fn end(&self) -> Option<i64> {
        let metadata = self.offset.metadata.as_ref();
        let metadata = metadata.filter(|_| self.offset.next_offset.is_some());
        metadata.map(|metadata| metadata.end)
    }
}

impl<'c> Restorer<'c> {
    pub(super) fn new(config: &'c ClientConfig, topics: &'c [String]) -> Restorer<'c> {
        Restorer { config, topics }
    }

    /// The changelog of each task as its committed offset names it, all of them together. An offset without metadata goes
    /// only with an empty one.
    pub(super) fn read(&self, committed: &[Committed<'_>]) -> Result<Vec<Changelog>, LogError> {
        let unnamed = committed.iter().filter(|of| of.end().is_none());
        self.check_empty(&unnamed.collect::<Vec<_>>())?;
        let wanted: Vec<_> = committed
            .iter()
            .map(|of| Wanted {
                name: self.name(of),
                end: of.end().unwrap_or(0),
            })
            .collect();
        if wanted.iter().all(|wanted| wanted.end == 0) {
            return Ok(vec![Changelog::default(); committed.len()]);
        }
        let places = committed.iter().map(|of| (of.topic, of.partition));
        let mut reader = Reader::open(self, places.collect())?;
        changelog::read(&mut reader, &wanted, PATIENCE)
    }

    fn check_empty(&self, committed: &[&Committed<'_>]) -> Result<(), LogError> {
        if committed.is_empty() {
            return Ok(());
        }
        let places = committed.iter().map(|of| (of.topic, of.partition));
        let Some((of, at)) = Reader::open(self, places.collect())?.first()? else {
            return Ok(());
        };
        let of = committed[of];
        Err(LogError::new(format!(
            "{} holds committed state (at offset {}) and the group's offset {}: they do not belong together. If the \
             group's offsets expired or were reset, delete and recreate the changelog too (`footfall topics apply`): \
             what stood beside the offsets cannot be set again",
            self.name(of),
            at,
            match of.offset.next_offset {
                Some(offset) => format!("{offset} names no end of it"),
                None => "is gone".to_owned(),
            }
        )))
    }

    fn name(&self, of: &Committed<'_>) -> String {
        format!("{}-{}", self.topics[of.topic], of.partition)
    }
}

struct Reader<'r> {
    consumer: BaseConsumer<Quiet>,
    topics: &'r [String],
    /// Topic and partition of each that is read.
    places: Vec<(usize, i32)>,
    /// How many of them have been read to their ends.
    ended: usize,
}

impl<'r> Reader<'r> {
    fn open(restorer: &Restorer<'r>, places: Vec<(usize, i32)>) -> Result<Reader<'r>, LogError> {
        let consumer = BaseConsumer::from_config_and_context(restorer.config, Quiet)
            .map_err(|e| LogError::new(format!("no consumer for changelogs: {e}")))?;
        let topics = restorer.topics;
        let mut partitions = TopicPartitionList::new();
        let assigned = places
            .iter()
            .try_for_each(|(topic, partition)| {
                partitions.add_partition_offset(&topics[*topic], *partition, Offset::Beginning)
            })
            .and_then(|()| consumer.assign(&resolved(&consumer, partitions)));
        assigned
            .map_err(|e| LogError::new(format!("{} cannot be read: {e}", topics.join(", "))))?;
        Ok(Reader {
            consumer,
            topics,
            places,
            ended: 0,
        })
    }

    /// Where the first committed record of any stands, if there is one: of which, and its offset.
    fn first(&mut self) -> Result<Option<(usize, i64)>, LogError> {
        let (mut moved, mut ended) = (Instant::now(), self.ended);
        while self.ended < self.places.len() {
            let mut first = None;
            self.next(&mut |entry| first = Some((entry.of, entry.offset)))?;
            if first.is_some() {
                return Ok(first);
            }
            if self.ended > ended {
                (ended, moved) = (self.ended, Instant::now());
            }
            if moved.elapsed() > PATIENCE {
                return Err(LogError::new(format!(
                    "{} of {} partitions of {} cannot be read to their ends: nothing came for {PATIENCE:?}. They have no leader, \
                     or a transaction hangs there (docs/operations.md, LsoStuck)",
                    self.places.len() - self.ended,
                    self.places.len(),
                    self.topics.join(", ")
                )));
            }
        }
        Ok(None)
    }

    fn place(&self, topic: &str, partition: i32) -> Option<usize> {
        self.places
            .iter()
            .position(|(at, of)| *of == partition && self.topics[*at] == topic)
    }
}

/// The partitions with the offsets at which they begin, or as they are where nobody says. A fetch from `Beginning` that comes before
/// the leader's connection stands is put off by librdkafka for half a second.
fn resolved(consumer: &BaseConsumer<Quiet>, partitions: TopicPartitionList) -> TopicPartitionList {
    let asked = consumer.offsets_for_times(partitions.clone(), ANSWER);
    let resolved = partitions;
    for found in asked.iter().flat_map(TopicPartitionList::elements) {
        if let (Ok(()), Offset::Offset(_)) = (found.error(), found.offset())
            && let Some(mut at) = resolved.find_partition(found.topic(), found.partition())
        {
            let _ = at.set_offset(found.offset());
        }
    }
    resolved
}

impl ChangelogReader for Reader<'_> {
    fn next(&mut self, take: &mut dyn FnMut(Entry<'_>)) -> Result<(), LogError> {
        match self.consumer.poll(Duration::from_millis(100)) {
            None => {}
            Some(Ok(message)) => {
                if let Some(of) = self.place(message.topic(), message.partition()) {
                    take(Entry {
                        of,
                        offset: message.offset(),
                        key: message.key().unwrap_or_default(),
                        value: message.payload(),
                    });
                }
            }
            Some(Err(KafkaError::PartitionEOF(_))) => self.ended += 1,
            Some(Err(e)) if super::log::is_passing(&e) => {}
            Some(Err(e)) => {
                return Err(LogError::new(format!("the changelog cannot be read: {e}")));
            }
        }
        Ok(())
    }
}
