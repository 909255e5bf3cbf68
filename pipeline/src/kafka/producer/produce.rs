//! Handing a transaction's records to librdkafka: many of one partition at once, as looking up topic and partition for each
//! costs as much as copying it.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    time::{Duration, Instant},
};

use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    producer::BaseRecord,
};

use super::{Deliveries, FLUSH, Transactions, owned_headers};
use crate::{
    kafka::{
        failure::{Failure, classify},
        native::{self, Run, Topic},
    },
    log::Transaction,
    names::Names,
    outbox::{Destination, Outgoing},
};

/// The topics written to so far.
pub(super) type Topics = BTreeMap<Destination, Topic<Deliveries>>;

/// Records that are handed over at once.
const AT_ONCE: usize = 512;

/// Where a record goes.
type Target = (Destination, u32);

impl Transactions {
    /// Hands over all of a transaction, each partition's records in order.
    pub(super) fn produce(
        &mut self,
        transaction: &Transaction<'_>,
        names: &Names,
        task_records: &[usize],
    ) -> Result<(), Failure> {
        let batch = transaction.batch;
        let mut task_records = task_records.iter().zip(1..).peekable();
        let mut runs: BTreeMap<Target, Run<'_>> = BTreeMap::new();
        for (index, outgoing) in batch.records().iter().enumerate() {
            let opaque = task_records.next_if(|(at, _)| **at == index);
            let opaque = opaque.map_or(0, |(_, number)| number);
            let target = (outgoing.destination, outgoing.partition);
            let run = runs.entry(target).or_default();
            if batch.headers(outgoing).len() > 0 {
                self.hand_over(target, run, names)?;
                self.send(transaction, outgoing, names, opaque)?;
            } else {
                run.push(batch.key(outgoing), batch.value(outgoing), opaque);
                if run.len() >= AT_ONCE {
                    self.hand_over(target, run, names)?;
                    self.producer.poll(Duration::ZERO);
                }
            }
        }
        for (target, mut run) in runs {
            self.hand_over(target, &mut run, names)?;
        }
        Ok(())
    }

    fn hand_over(
        &mut self,
        (destination, partition): Target,
        run: &mut Run<'_>,
        names: &Names,
    ) -> Result<(), Failure> {
        let mut full_since = None;
        while run.len() > 0 {
            let produced = self
                .topic(destination, names)?
                .produce(partition as i32, run);
            match produced {
                Ok(()) => {}
                Err(RDKafkaErrorCode::QueueFull) if self.may_wait(&mut full_since) => {}
                Err(code) => return Err(classify(KafkaError::MessageProduction(code))),
            }
        }
        Ok(())
    }

    fn topic(
        &mut self,
        destination: Destination,
        names: &Names,
    ) -> Result<&Topic<Deliveries>, Failure> {
        match self.topics.entry(destination) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(unknown) => {
                let name = names.destination(destination);
                let topic = Topic::of(&self.producer, name).ok_or_else(|| {
                    let code = RDKafkaErrorCode::InvalidTopic;
                    classify(KafkaError::MessageProduction(code))
                })?;
                Ok(unknown.insert(topic))
            }
        }
    }

    /// One with headers, which librdkafka takes one by one.
    fn send(
        &self,
        transaction: &Transaction<'_>,
        outgoing: &Outgoing,
        names: &Names,
        opaque: usize,
    ) -> Result<(), Failure> {
        let batch = transaction.batch;
        let topic = names.destination(outgoing.destination);
        let mut record: BaseRecord<'_, [u8], [u8], usize> =
            BaseRecord::with_opaque_to(topic, opaque)
                .partition(outgoing.partition as i32)
                .headers(owned_headers(batch.headers(outgoing)));
        record.key = batch.key(outgoing);
        record.payload = batch.value(outgoing);
        let mut full_since = None;
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                    if self.may_wait(&mut full_since) =>
                {
                    record = back;
                }
                Err((e, _)) => return Err(classify(e)),
            }
        }
    }

    /// The queue is full: lets some of it leave, unless that has been waited for long enough.
    fn may_wait(&self, full_since: &mut Option<Instant>) -> bool {
        if full_since.get_or_insert_with(Instant::now).elapsed() >= self.timeout {
            return false;
        }
        self.producer.poll(Duration::ZERO);
        native::send_now(&self.producer, FLUSH);
        true
    }
}
