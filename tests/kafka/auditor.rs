//! Reads topics as any consumer would, and judges what stands in them. Shares no code with the pipeline: its own consumer,
//! its own look-up in the registry, apache-avro by the writer's schema, its own reading of marks and changelogs.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    io::{Read, Write},
    net::TcpStream,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use apache_avro::{Schema, reader::datum::GenericDatumReader};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    message::BorrowedMessage,
};
use serde_json::Value;

use crate::{
    marks::{self, Claims},
    native, wait_until,
};

/// Which records a reader sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// What was committed.
    Committed,
    /// All that was ever appended, control records aside.
    Uncommitted,
}

/// A record as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) timestamp: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
}

impl Record {
    /// A header as text; empty if there is none of the name.
    pub(crate) fn header(&self, name: &str) -> String {
        let header = self.headers.iter().find(|(key, _)| key == name);
        header.map_or(String::new(), |(_, value)| {
            String::from_utf8_lossy(value).into_owned()
        })
    }

    /// A mark or a tick: neither key nor value, nor the headers of a dead letter.
    pub(crate) fn is_time(&self) -> bool {
        let only_time = self.headers.iter().all(|(name, _)| name == "footfall-mark");
        self.key.is_none() && self.value.is_none() && only_time
    }

    /// What a reader is promised to find the same in every replay: key, value, headers; not where in the log its cause lay, as
    /// aborted records lie there, too.
    pub(crate) fn promised(&self) -> impl PartialEq + '_ {
        let headers = self.headers.iter();
        let headers = headers.filter(|(name, _)| name != "dead-letter.offset");
        (&self.key, &self.value, headers.collect::<Vec<_>>())
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &Option<Vec<u8>>| {
            bytes
                .as_deref()
                .map(String::from_utf8_lossy)
                .map(|t| t.into_owned())
        };
        write!(
            f,
            "  key {:?}, value {:?}",
            text(&self.key),
            text(&self.value)
        )?;
        for (name, value) in &self.headers {
            write!(f, ", {name} {}", String::from_utf8_lossy(value))?;
        }
        Ok(())
    }
}

/// Reads and decodes.
pub(crate) struct Auditor {
    brokers: String,
    registry: String,
    schemas: Mutex<HashMap<u32, Schema>>,
}

impl Auditor {
    pub(crate) fn new(brokers: &str, registry: &str) -> Auditor {
        Auditor {
            brokers: brokers.to_owned(),
            registry: registry.to_owned(),
            schemas: Mutex::new(HashMap::new()),
        }
    }

    fn consumer(&self, group: &str, isolation: Isolation) -> BaseConsumer {
        let isolation = match isolation {
            Isolation::Committed => "read_committed",
            Isolation::Uncommitted => "read_uncommitted",
        };
        ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .set("group.id", group)
            .set("isolation.level", isolation)
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "error")
            .set("fetch.wait.max.ms", "20")
            .set("fetch.message.max.bytes", "16777216")
            .create()
            .expect("a consumer")
    }

    pub(crate) fn partitions(&self, topic: &str) -> i32 {
        let consumer = self.consumer("auditor", Isolation::Committed);
        let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(20));
        let metadata = metadata.expect("metadata");
        metadata.topics()[0].partitions().len() as i32
    }

    /// All of a topic, partition by partition.
    pub(crate) fn read(&self, topic: &str, isolation: Isolation) -> Vec<Record> {
        let from = (0..self.partitions(topic)).map(|p| (p, Offset::Beginning));
        self.read_from(topic, isolation, from.collect(), usize::MAX)
    }

    fn read_from(
        &self,
        topic: &str,
        isolation: Isolation,
        from: Vec<(i32, Offset)>,
        most: usize,
    ) -> Vec<Record> {
        let consumer = self.consumer("auditor", isolation);
        let mut partitions = TopicPartitionList::new();
        for (partition, offset) in &from {
            let added = partitions.add_partition_offset(topic, *partition, *offset);
            added.expect("an offset");
        }
        consumer.assign(&partitions).expect("assigned");
        let mut records = Vec::new();
        let mut ended = 0;
        let mut progress = Instant::now();
        while ended < from.len() && records.len() < most {
            match consumer.poll(Duration::from_millis(200)) {
                None => {}
                Some(Ok(message)) => records.push(record(&message)),
                Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
                Some(Err(error)) => eprintln!("auditor: {topic}: {error}"),
            }
            if ended > 0 || !records.is_empty() {
                progress = Instant::now();
            }
            let patience = Duration::from_secs(60);
            assert!(progress.elapsed() < patience, "{topic} cannot be read");
        }
        records.sort_by_key(|record: &Record| (record.partition, record.offset));
        records
    }

    /// The committed offsets of a group, by partition; 0 where there is none.
    pub(crate) fn committed(&self, group: &str, topic: &str) -> Vec<i64> {
        let consumer = self.consumer(group, Isolation::Committed);
        let mut partitions = TopicPartitionList::new();
        for partition in 0..self.partitions(topic) {
            partitions.add_partition(topic, partition);
        }
        let committed = wait_until("a group's offsets", Duration::from_secs(60), || {
            let committed = consumer.committed_offsets(partitions.clone(), Duration::from_secs(20));
            committed
                .map_err(|error| eprintln!("auditor: {topic}: {error}"))
                .ok()
        });
        committed
            .elements()
            .iter()
            .map(|element| element.offset().to_raw().unwrap_or(0).max(0))
            .collect()
    }

    /// Whether a group has no members any more.
    pub(crate) fn is_empty(&self, group: &str) -> bool {
        let consumer = self.consumer("auditor", Isolation::Committed);
        let groups = consumer.fetch_group_list(Some(group), Duration::from_secs(20));
        let groups = groups.expect("the groups");
        let found = groups.groups().iter().find(|found| found.name() == group);
        found.is_none_or(|found| found.members().is_empty())
    }

    /// Where a committed reader of a partition comes to stand: before the oldest transaction that is open, else at the end.
    pub(crate) fn stable_end(&self, topic: &str, partition: i32) -> i64 {
        let consumer = self.consumer("auditor", Isolation::Committed);
        let (_, end) = consumer
            .fetch_watermarks(topic, partition, Duration::from_secs(20))
            .expect("the ends of the partition");
        end
    }

    /// Whether a group has committed all that a committed reader can see of a topic; if not, how far it has come.
    pub(crate) fn caught_up(&self, group: &str, topic: &str) -> Result<(), Vec<i64>> {
        let committed = self.committed(group, topic);
        let from = committed.iter().zip(0..);
        let from = from.map(|(offset, p)| (p, Offset::Offset(*offset)));
        let next = self.read_from(topic, Isolation::Committed, from.collect(), 1);
        if next.is_empty() {
            Ok(())
        } else {
            Err(committed)
        }
    }

    /// Decodes a value: JSON, or framed as Confluent does, by the schema that it names.
    pub(crate) fn decode(&self, record: &Record) -> Value {
        let value = record.value.as_deref().expect("a value");
        if value[0] == b'{' {
            return serde_json::from_slice(value).expect("JSON");
        }
        assert_eq!(value[0], 0, "framed as Confluent does");
        let id = u32::from_be_bytes([value[1], value[2], value[3], value[4]]);
        let mut schemas = self.schemas.lock().unwrap_or_else(PoisonError::into_inner);
        let schema = schemas.entry(id).or_insert_with(|| self.schema(id));
        let mut body = &value[5..];
        let reader = GenericDatumReader::builder(schema)
            .build()
            .expect("a reader");
        let decoded = reader.read_value(&mut body).expect("decodes");
        assert!(body.is_empty(), "bytes are left over");
        decoded.try_into().expect("JSON")
    }

    fn schema(&self, id: u32) -> Schema {
        let answer = get(&format!("{}/schemas/ids/{id}", self.registry));
        let answer: Value = serde_json::from_str(&answer.expect("the registry")).expect("JSON");
        let schema = answer["schema"].as_str().expect("a schema");
        Schema::parse_str(schema).expect("an Avro schema")
    }

    /// The values of a topic that has only such, marks aside. One at a time: decoded, a value takes ten times its bytes.
    pub(crate) fn each_value(&self, topic: &str) -> impl Iterator<Item = Value> + use<'_> {
        let records = self.read(topic, Isolation::Committed).into_iter();
        let records = records.filter(|record| !record.is_time());
        records.map(|record| self.decode(&record))
    }

    /// What the marks in each partition of a topic claim.
    pub(crate) fn claims(&self, topic: &str) -> Vec<Claims> {
        let mut claims = vec![Claims::default(); self.partitions(topic) as usize];
        let records = self.read(topic, Isolation::Committed);
        for mark in records.iter().filter(|record| record.is_time()) {
            claims[mark.partition as usize].take(&mark.header("footfall-mark"));
        }
        claims
    }

    /// Up to when every source of a topic has passed on what it received, as the marks in every partition say.
    pub(crate) fn frontier(&self, topic: &str) -> Option<i64> {
        marks::frontier(&self.claims(topic))
    }

    /// Over how many transactions the longest mark of `journey.visits` went. What a mark makes due follows on the last record
    /// that an event caused, and between two transactions lies the first one's marker.
    pub(crate) fn longest_mark(&self, visits: &str) -> usize {
        let mut runs = BTreeMap::<i32, (usize, i64)>::new();
        let mut longest = 0;
        for record in self.read(visits, Isolation::Committed) {
            let (transactions, last) = runs.entry(record.partition).or_default();
            let by_timer = !record.is_time() && {
                let visit_event = self.decode(&record);
                ["idle", "away", "ended"]
                    .contains(&visit_event["kind"].as_str().unwrap_or_default())
            };
            if record.is_time() {
                longest = longest.max(*transactions);
            }
            *transactions = match *transactions {
                _ if !by_timer => 0,
                0 => 1,
                open => open + usize::from(record.offset != *last + 1),
            };
            *last = record.offset;
        }
        longest
    }
}

fn record(message: &BorrowedMessage<'_>) -> Record {
    Record {
        partition: message.partition(),
        offset: message.offset(),
        timestamp: message.timestamp().to_millis().unwrap_or(-1),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: native::headers(message),
    }
}

/// The body of an answer of 200; anything else is an error.
pub(crate) fn get(url: &str) -> Result<String, String> {
    let rest = url.strip_prefix("http://").ok_or("not http")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let request = format!("GET /{path} HTTP/1.0\r\nHost: {host}\r\nAccept: */*\r\n\r\n");
    ask(host, &request)
}

/// Sends JSON by POST or PUT; the body of an answer of 200.
pub(crate) fn send(method: &str, url: &str, body: &str) -> Result<String, String> {
    let rest = url.strip_prefix("http://").ok_or("not http")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let kind = "application/vnd.schemaregistry.v1+json";
    let length = body.len();
    let request = format!(
        "{method} /{path} HTTP/1.0\r\nHost: {host}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    ask(host, &request)
}

fn ask(host: &str, request: &str) -> Result<String, String> {
    let mut stream = TcpStream::connect(host).map_err(|e| e.to_string())?;
    let timeout = Some(Duration::from_secs(20));
    stream
        .set_read_timeout(timeout)
        .map_err(|e| e.to_string())?;
    let sent = stream.write_all(request.as_bytes());
    sent.map_err(|e| e.to_string())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(|e| e.to_string())?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    if head.split(' ').nth(1) != Some("200") {
        return Err(answer);
    }
    let chunked = head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked");
    Ok(if chunked {
        unchunked(body)
    } else {
        body.to_owned()
    })
}

fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        if size == 0 {
            break;
        }
        whole.push_str(&rest[..size]);
        body = rest[size..].trim_start_matches("\r\n");
    }
    whole
}
