//! A hung transaction: somebody else's producer holds a partition's committed readers until it is ended. The stages wait,
//! time is held, and then everything comes out as though nothing had been.

use std::{
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig,
    producer::{FutureProducer, FutureRecord, Producer},
};

use crate::{
    Kafka, block_on,
    disturb::{committed, until_all_beyond},
    judge::assert_unharmed,
    kafka,
    lane::{Lane, SMALL},
    load::under_load,
    marks, rounds,
    stage::{PATIENCE, STAGES, Stage},
    truth::Day,
    wait_until,
};

/// The broker would end a hung transaction then: after all that is to be seen of it.
const OPEN: Duration = Duration::from_secs(600);
/// For so long a sessionizer whose changelog hangs is seen not to be ready. A restore takes a second or two.
const HELD: Duration = Duration::from_secs(6);

/// A transaction that stays open until somebody ends it.
struct Hung {
    topic: String,
    partition: i32,
    offset: i64,
    producer: FutureProducer,
}

impl Hung {
    /// Writes one record that never counts, and hangs.
    fn begin(kafka: &Kafka, lane: &Lane, topic: &str, partition: i32) -> Hung {
        let topic = lane.topic(topic);
        let producer: FutureProducer = ClientConfig::new()
            .set("bootstrap.servers", &kafka.brokers)
            .set("transactional.id", format!("{topic}-{partition}-hangs"))
            .set("transaction.timeout.ms", OPEN.as_millis().to_string())
            .set("message.timeout.ms", OPEN.as_millis().to_string())
            .create()
            .expect("a producer");
        producer.init_transactions(PATIENCE).expect("transactions");
        producer.begin_transaction().expect("begun");
        let record = FutureRecord::to(&topic).partition(partition);
        let record = record.key("hung").payload("never to be read");
        let delivered = block_on(producer.send(record, PATIENCE));
        let offset = delivered.expect("delivered").offset;
        Hung {
            topic,
            partition,
            offset,
            producer,
        }
    }

    fn end(self) {
        let aborted = self.producer.abort_transaction(PATIENCE);
        aborted.expect("aborted");
    }

    /// Whether the partition's committed readers still stand before it.
    fn is_open(&self, lane: &Lane) -> bool {
        lane.auditor.stable_end(&self.topic, self.partition) <= self.offset
    }
}

/// While a partition of `web.events` hangs: ingest goes on, the sessionizer goes on elsewhere, and nothing after it moves time.
fn assert_time_is_held(lane: &Lane, hung: &Hung) {
    let partition = hung.partition as usize;
    let claimed = marks::claimed_before(lane, hung.partition, hung.offset);
    let here = committed(lane, "sessionizer");
    wait_until("ingest and the sessionizer to go on", PATIENCE, || {
        let now = committed(lane, "sessionizer");
        let elsewhere = (0..now.len()).filter(|p| *p != partition);
        let gone_on = elsewhere.into_iter().all(|p| now[p] > here[p]);
        let last = marks::claimed_before(lane, hung.partition, i64::MAX);
        (gone_on && last > claimed).then_some(())
    });
    let read = committed(lane, "sessionizer")[partition];
    let frontier = lane.auditor.frontier(&lane.topic("journey.visits"));
    assert!(
        hung.is_open(lane),
        "it was over before it could be looked at"
    );
    assert!(read <= hung.offset, "it was read past the hung transaction");
    assert!(
        frontier <= claimed,
        "time went on to {frontier:?} past {claimed:?}"
    );
}

/// Of all partitions this one alone says that it is kept from being read, by what has stood for a while.
fn assert_it_is_shown(sessionizer: &Stage, hung: &Hung) {
    let partition = format!("partition=\"{}\"", hung.partition);
    let of = ["topic=\"web.events\"", &partition];
    let shown = || {
        let lag = sessionizer.metric("footfall_last_stable_offset_lag_records", &of);
        let held = sessionizer.metric("footfall_last_stable_offset_held_seconds", &of);
        (lag > 0.0 && held > 2.0).then_some(())
    };
    wait_until("a hung transaction to be shown", PATIENCE, shown);
    let of_all = &of[..1];
    let held = |of: &[&str]| sessionizer.metric("footfall_last_stable_offset_held_seconds", of);
    let (here, everywhere) = (held(&of), held(of_all));
    assert!(here > everywhere / 2.0, "{here} s of {everywhere} s");
}

/// A sessionizer that is started while its changelog hangs is not ready before it has read it to the named end.
fn assert_restoring_waits(lane: &Lane, hung: Hung) -> Stage {
    let mut stage = lane.start("sessionizer", "a", SMALL);
    wait_until("the sessionizer to be assigned", PATIENCE, || {
        stage.printed().contains("reading changelogs").then_some(())
    });
    let since = Instant::now();
    while since.elapsed() < HELD {
        assert!(!stage.is_ready(), "it took less than the named end");
        thread::sleep(Duration::from_millis(100));
    }
    assert!(hung.is_open(lane), "there was nothing to wait for");
    hung.end();
    stage.until_ready();
    stage
}

#[test]
fn a_hung_transaction_holds_time_and_the_restore_and_harms_nothing() {
    let Some(kafka) = kafka() else { return };
    let rounds = rounds();
    let day = Day::new(3, 400 + 100 * rounds as u32);
    let lane = Lane::new(&kafka, "hung", true);
    lane.define_demo();
    let over = Duration::from_secs(60 * rounds as u64);
    under_load(&lane, &day, over, || {
        let mut stages: Vec<_> = STAGES
            .iter()
            .map(|name| lane.start(name, "a", SMALL))
            .collect();
        for stage in &mut stages {
            stage.until_ready();
        }
        until_all_beyond(&lane, "sessionizer", &[0; 4]);
        for _ in 0..rounds {
            let input = Hung::begin(&kafka, &lane, "web.events", 0);
            let state = Hung::begin(&kafka, &lane, "web.events.sessionizer.changelog", 1);
            assert_time_is_held(&lane, &input);
            assert_it_is_shown(&stages[1], &input);
            stages[1].kill();
            stages[1] = assert_restoring_waits(&lane, state);
            input.end();
            let here = committed(&lane, "sessionizer");
            until_all_beyond(&lane, "sessionizer", &here);
        }
        stages
    });
    assert_unharmed(&kafka, &lane, &day);
}
