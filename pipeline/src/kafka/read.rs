//! Plain reading, committed records only: for the tool and for definitions.

use std::{
    collections::BTreeMap,
    ops::Range,
    time::{Duration, Instant},
};

use rdkafka::{
    Message, Offset, Timestamp as KafkaTimestamp, TopicPartitionList,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode},
    message::BorrowedMessage,
};

use super::{native, settings::Settings};
use crate::log::LogError;
use journey::{Timestamp, mark};

/// How long nothing may come before the end that was seen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A record, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadRecord {
    /// The topic's full name.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// The offset.
    pub offset: i64,
    /// The broker's append time, or the creator's.
    pub timestamp: Timestamp,
    /// The key, as it came.
    pub key: Option<Vec<u8>>,
    /// The value, as it came.
    pub value: Option<Vec<u8>>,
    /// The headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl ReadRecord {
    /// What stands under a header, the first of this name.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_slice())
    }

    /// What stands under the header of a time mark.
    pub fn mark(&self) -> Option<&[u8]> {
        self.header(mark::HEADER)
    }
}

/// Where reading starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// At the first record that is still there.
    Beginning,
    /// At the first record with this timestamp or a later one.
    Since(Timestamp),
    /// After the last.
    End,
}

/// Reads whole topics.
pub struct TopicReader {
    consumer: BaseConsumer,
    left: Vec<(String, i32, i64)>,
    ends: BTreeMap<(String, u32), i64>,
}

impl std::fmt::Debug for TopicReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TopicReader")
            .field("left", &self.left)
            .finish()
    }
}

impl TopicReader {
    /// All partitions of these topics. Where they end is looked at now: see [`TopicReader::is_at_end`].
    pub fn open(
        settings: &Settings,
        topics: &[String],
        from: From,
    ) -> Result<TopicReader, LogError> {
        let consumer = whole_topics_consumer(settings)?;
        let mut partitions = Vec::new();
        for topic in topics {
            let count = count_partitions(&consumer, topic, settings)?;
            partitions.extend((0..count as i32).map(|partition| (topic.as_str(), partition)));
        }
        TopicReader::assigned(settings, consumer, &partitions, from)
    }

    /// One partition. Where it ends is looked at now: see [`TopicReader::is_at_end`].
    pub fn open_partition(
        settings: &Settings,
        topic: &str,
        partition: u32,
        from: From,
    ) -> Result<TopicReader, LogError> {
        let consumer = whole_topics_consumer(settings)?;
        TopicReader::assigned(settings, consumer, &[(topic, partition as i32)], from)
    }

    /// What each partition of a topic holds: from its first offset up to its end.
    pub fn extents(settings: &Settings, topic: &str) -> Result<Vec<Range<i64>>, LogError> {
        let consumer = whole_topics_consumer(settings)?;
        let count = count_partitions(&consumer, topic, settings)?;
        let extents = (0..count as i32).map(|partition| {
            let found = bounds(&consumer, topic, partition, settings.call_timeout);
            let (low, high) = found.map_err(|e| unreadable(topic, settings, &e))?;
            Ok(low..high)
        });
        extents.collect()
    }

    fn assigned(
        settings: &Settings,
        consumer: BaseConsumer,
        partitions: &[(&str, i32)],
        from: From,
    ) -> Result<TopicReader, LogError> {
        let mut assignment = TopicPartitionList::new();
        let mut left = Vec::new();
        for (topic, partition) in partitions {
            let broken = |e: KafkaError| unreadable(topic, settings, &e);
            let extent = bounds(&consumer, topic, *partition, settings.call_timeout);
            let (low, high) = extent.map_err(broken)?;
            let start = match from {
                From::Beginning => low,
                From::Since(at) => since(&consumer, topic, *partition, at, settings.call_timeout)
                    .map_err(broken)?
                    .unwrap_or(high),
                From::End => high,
            };
            assignment
                .add_partition_offset(topic, *partition, Offset::Offset(start))
                .map_err(broken)?;
            if start < high {
                left.push(((*topic).to_owned(), *partition, high));
            }
        }
        consumer
            .assign(&assignment)
            .map_err(|e| LogError::new(format!("the partitions to read cannot be taken: {e}")))?;
        let ends = left
            .iter()
            .map(|(topic, partition, high)| ((topic.clone(), *partition as u32), *high))
            .collect();
        Ok(TopicReader {
            consumer,
            left,
            ends,
        })
    }

    /// Whether a record stood in its topic already when this reader was opened.
    pub fn was_there(&self, record: &ReadRecord) -> bool {
        let end = self.ends.get(&(record.topic.clone(), record.partition));
        end.is_some_and(|end| record.offset < *end)
    }

    /// Whether every partition has been read up to where it ended when it was opened. Control records at the end are never
    /// delivered, so the consumer's position decides.
    pub fn is_at_end(&mut self) -> bool {
        if self.left.is_empty() {
            return true;
        }
        if let Ok(positions) = self.consumer.position() {
            self.left.retain(|(topic, partition, high)| {
                let position = positions
                    .find_partition(topic, *partition)
                    .map(|p| p.offset());
                !matches!(position, Some(Offset::Offset(offset)) if offset >= *high)
            });
        }
        self.left.is_empty()
    }

    /// One partition from an offset on.
    pub fn open_at(
        settings: &Settings,
        topic: &str,
        partition: u32,
        offset: i64,
    ) -> Result<TopicReader, LogError> {
        let broken = |e: rdkafka::error::KafkaError| {
            LogError::new(format!("{topic}-{partition}@{offset} cannot be read: {e}"))
        };
        let consumer: BaseConsumer = settings.reader().create().map_err(broken)?;
        let mut assignment = TopicPartitionList::new();
        assignment
            .add_partition_offset(topic, partition as i32, Offset::Offset(offset))
            .map_err(broken)?;
        consumer.assign(&assignment).map_err(broken)?;
        Ok(TopicReader {
            consumer,
            left: Vec::new(),
            ends: BTreeMap::new(),
        })
    }

    /// One partition, from an offset up to another: [`TopicReader::next_there`] ends there.
    pub fn open_between(
        settings: &Settings,
        topic: &str,
        partition: u32,
        offsets: Range<i64>,
    ) -> Result<TopicReader, LogError> {
        let mut reader = TopicReader::open_at(settings, topic, partition, offsets.start)?;
        reader.left = vec![(topic.to_owned(), partition as i32, offsets.end)];
        reader.ends = [((topic.to_owned(), partition), offsets.end)].into();
        Ok(reader)
    }

    /// The record at this very offset; `None` if the topic does not hold it, or not any more.
    pub fn read_one(
        settings: &Settings,
        topic: &str,
        partition: u32,
        offset: i64,
    ) -> Result<Option<ReadRecord>, LogError> {
        let mut reader = TopicReader::open_at(settings, topic, partition, offset)?;
        let bounds = bounds(
            &reader.consumer,
            topic,
            partition as i32,
            settings.call_timeout,
        );
        let (low, high) = bounds.map_err(|e| {
            LogError::new(format!(
                "{topic}-{partition}@{offset} cannot be read ({e}): check the topic's name and the partition's number"
            ))
        })?;
        if !(low..high).contains(&offset) {
            return Ok(None);
        }
        let deadline = Instant::now() + settings.call_timeout;
        while Instant::now() < deadline {
            if let Some(record) = reader.next(Duration::from_millis(100))? {
                return Ok(Some(record).filter(|record| record.offset == offset));
            }
            // What stands here may be a transaction's control record, which is never delivered.
            let positions = reader.consumer.position().ok();
            let position =
                positions.and_then(|p| Some(p.find_partition(topic, partition as i32)?.offset()));
            if matches!(position, Some(Offset::Offset(at)) if at > offset) {
                return Ok(None);
            }
        }
        Err(LogError::new(format!(
            "{topic}-{partition}@{offset} did not come within {:?}: check that its broker is up, then try again",
            settings.call_timeout
        )))
    }

    /// The next record; `None` if none came in time.
    pub fn next(&mut self, wait: Duration) -> Result<Option<ReadRecord>, LogError> {
        match self.consumer.poll(wait) {
            None => Ok(None),
            Some(Ok(message)) => Ok(Some(owned(&message))),
            Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => Ok(None),
            Some(Err(e)) if super::log::is_passing(&e) => Ok(None),
            Some(Err(e)) => Err(LogError::new(format!("cannot be read: {e}"))),
        }
    }

    /// The next of the records that stood there when this reader was opened; `None` when there are no more.
    pub fn next_there(&mut self) -> Result<Option<ReadRecord>, LogError> {
        let mut came = Instant::now();
        loop {
            match self.next(Duration::from_millis(20))? {
                Some(record) if self.was_there(&record) => return Ok(Some(record)),
                // Where records keep coming there is never a pause in which to see that the end is behind.
                Some(_) | None if self.is_at_end() => return Ok(None),
                Some(_) => came = Instant::now(),
                None if came.elapsed() > PATIENCE => {
                    return Err(LogError::new(format!(
                        "nothing came for {PATIENCE:?}, and {:?} are not read to their ends: a transaction may hang; look with \
                         `kafka-transactions.sh find-hanging`",
                        self.left
                    )));
                }
                None => {}
            }
        }
    }

    /// Every record up to where the topics ended when they were opened. Calls `each` for every one of them.
    pub fn read_to_end(&mut self, mut each: impl FnMut(ReadRecord)) -> Result<(), LogError> {
        let mut empty = 0;
        loop {
            match self.next(Duration::from_millis(if empty == 0 { 0 } else { 20 }))? {
                Some(record) => {
                    empty = 0;
                    each(record);
                }
                None => {
                    empty += 1;
                    if empty > 1 && self.is_at_end() {
                        return Ok(());
                    }
                    if empty > 3_000 {
                        return Err(LogError::new(format!(
                            "{:?} could not be read to the end within a minute: a transaction may hang; look with \
                             `kafka-transactions.sh find-hanging`",
                            self.left
                        )));
                    }
                }
            }
        }
    }
}

fn whole_topics_consumer(settings: &Settings) -> Result<BaseConsumer, LogError> {
    let mut config = settings.reader();
    let consumer = config.set("enable.partition.eof", "false").create();
    consumer.map_err(|e| LogError::new(format!("no reader can be made with these settings: {e}")))
}

fn count_partitions(
    consumer: &BaseConsumer,
    topic: &str,
    settings: &Settings,
) -> Result<u32, LogError> {
    match super::admin::partition_count(consumer.client(), topic, settings.call_timeout)? {
        0 => Err(LogError::new(format!(
            "topic {topic} is missing: create it with `footfall topics apply`"
        ))),
        count => Ok(count),
    }
}

fn unreadable(topic: &str, settings: &Settings, error: &KafkaError) -> LogError {
    let brokers = &settings.brokers;
    LogError::new(format!("{topic} cannot be read from {brokers}: {error}"))
}

/// The offset of the first record with this timestamp or a later one; `None` if there is none.
fn since(
    consumer: &BaseConsumer,
    topic: &str,
    partition: i32,
    at: Timestamp,
    timeout: Duration,
) -> Result<Option<i64>, KafkaError> {
    let mut asked = TopicPartitionList::new();
    asked.add_partition_offset(topic, partition, Offset::Offset(at.0.max(0)))?;
    let found = consumer.offsets_for_times(asked, timeout)?;
    let found = found.find_partition(topic, partition);
    Ok(match found.map(|found| found.offset()) {
        Some(Offset::Offset(offset)) => Some(offset),
        _ => None,
    })
}

/// A partition's first offset and its end. One that was just created has no leader yet: asks again until it has.
pub(super) fn bounds<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    partition: i32,
    timeout: Duration,
) -> Result<(i64, i64), KafkaError> {
    let deadline = Instant::now() + timeout;
    loop {
        let found = consumer.fetch_watermarks(topic, partition, timeout);
        let code = found
            .as_ref()
            .err()
            .and_then(KafkaError::rdkafka_error_code);
        let has_no_leader = matches!(
            code,
            Some(
                RDKafkaErrorCode::NotLeaderForPartition
                    | RDKafkaErrorCode::LeaderNotAvailable
                    | RDKafkaErrorCode::UnknownTopicOrPartition
            )
        );
        if !has_no_leader || Instant::now() > deadline {
            return found;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn owned(message: &BorrowedMessage<'_>) -> ReadRecord {
    let name = |name| String::from_utf8_lossy(name).into_owned();
    let headers = native::Headers::of(message)
        .map(|(key, value)| (name(key), value.unwrap_or_default().to_vec()))
        .collect();
    let timestamp = match message.timestamp() {
        KafkaTimestamp::NotAvailable => Timestamp::MIN,
        other => Timestamp(other.to_millis().unwrap_or_default()),
    };
    ReadRecord {
        topic: message.topic().to_owned(),
        partition: message.partition() as u32,
        offset: message.offset(),
        timestamp,
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers,
    }
}
