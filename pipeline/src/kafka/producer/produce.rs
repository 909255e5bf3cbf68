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

/// A partition's records of a transaction.
#[derive(Default)]
struct Stretch<'b> {
    /// Those that are still to be handed over.
    run: Run<'b>,
    /// Those that fill no batch, and their bytes.
    rest: (usize, usize),
    /// Those of the last whole batch.
    last_batch: usize,
}

impl Stretch<'_> {
    fn add(&mut self, bytes: usize, batch_bytes: usize) {
        self.rest = (self.rest.0 + 1, self.rest.1 + bytes);
        if self.rest.1 >= batch_bytes {
            self.last_batch = self.rest.0;
            self.rest = (0, 0);
        }
    }
}

impl Transactions {
    /// Hands over all of a transaction, each partition's records in order. If whole batches are among them, says how many records
    /// are left when of each partition but one whole batch is, and what fills none.
    pub(super) fn produce(
        &mut self,
        transaction: &Transaction<'_>,
        names: &Names,
        task_records: &[usize],
    ) -> Result<Option<usize>, Failure> {
        let batch = transaction.batch;
        let mut task_records = task_records.iter().zip(1..).peekable();
        let mut stretches: BTreeMap<Target, Stretch<'_>> = BTreeMap::new();
        for (index, outgoing) in batch.records().iter().enumerate() {
            let opaque = task_records.next_if(|(at, _)| **at == index);
            let opaque = opaque.map_or(0, |(_, number)| number);
            let target = (outgoing.destination, outgoing.partition);
            let stretch = stretches.entry(target).or_default();
            let (key, value) = (batch.key(outgoing), batch.value(outgoing));
            let bytes = key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len);
            stretch.add(bytes, self.batch_bytes);
            let run = &mut stretch.run;
            if batch.headers(outgoing).len() > 0 {
                self.hand_over(target, run, names)?;
                self.send(transaction, outgoing, names, opaque)?;
            } else {
                run.push(key, value, opaque);
                if run.len() >= AT_ONCE {
                    self.hand_over(target, run, names)?;
                    self.producer.poll(Duration::ZERO);
                }
            }
        }
        let (mut whole, mut last) = (0, 0);
        for (target, mut stretch) in stretches {
            self.hand_over(target, &mut stretch.run, names)?;
            whole += stretch.last_batch;
            last += stretch.last_batch + stretch.rest.0;
        }
        Ok((whole > 0).then_some(last))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fills_no_batch_and_the_last_that_is_filled_are_counted() {
        let mut stretch = Stretch::default();
        let mut counts = |bytes: usize| {
            stretch.add(bytes, 100);
            (stretch.last_batch, stretch.rest.0)
        };
        let counted: Vec<_> = [60, 39, 1, 50, 200, 99].map(&mut counts).into();
        assert_eq!(counted, [(0, 1), (0, 2), (3, 0), (3, 1), (2, 0), (2, 1)]);
    }
}
