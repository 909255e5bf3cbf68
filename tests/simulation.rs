//! The four stages chained over the memory log. A seed draws the traffic, and how commits go wrong: clean aborts, crashes
//! before and after a commit, outcomes that nobody can say, markers that come late, batches of any size.
//!
//! `SEEDS=10000 cargo test -p journey-tests --test simulation` runs more; `SEED=17` runs one.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use footfall::{
    chain::{Chain, ChainConfig},
    definitions_dir,
    shop::{Shop, ShopConfig},
};
use ingest::{Config, UnknownDeployments, VisitorKeys};
use journey::{
    JourneyEvent, Millis, Timestamp, VisitEvent,
    definitions::DefinitionSet,
    staffing::{StaffingInterval, status},
    topics, visit,
};
use journey_tests::oracle::{self, EndedVisit, Event};
use pipeline::memory::{Faults, MemoryBroker, Random, Stored};
use schemas::{Avro, from_bytes, unframe};

const PARTITIONS: u32 = 4;
const TICK: Millis = Millis::from_mins(5);
const CLOSING: Millis = Millis::from_mins(27 * 60);

fn definitions() -> Arc<[Arc<DefinitionSet>]> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../footfall/definitions");
    let loaded = definitions_dir::load(&folder).expect("the demo's definitions");
    [Arc::new(DefinitionSet::first(loaded))].into()
}

fn config(seed: u64, faults: Faults, batch: usize) -> ChainConfig {
    ChainConfig {
        partitions: PARTITIONS,
        ingest: Arc::new(Config::new(
            VisitorKeys::development(),
            UnknownDeployments::Refuse,
        )),
        sets: definitions(),
        grace: Millis::from_mins(15),
        faults,
        seed,
        batch,
        state_records: if faults == Faults::default() {
            0
        } else {
            STATE_RECORDS[seed as usize % STATE_RECORDS.len()]
        },
    }
}

/// Input after which states are captured, by seed: in every transaction; rarely; hardly ever.
const STATE_RECORDS: [usize; 4] = [0, 30, 300, 3_000];

const FAULTS: Faults = Faults {
    abort: 20,
    crash_before: 4,
    crash_after: 4,
    unknown_aborted: 4,
    unknown_committed: 4,
    late_marker: 100,
};

/// Sends a shop's day through a chain and lets everything end.
fn play(chain: &mut Chain, seed: u64, visitors: u32) -> Vec<Event> {
    let mut events = Vec::new();
    let mut shop = Shop::new(ShopConfig::biting(seed, visitors));
    let timeout = shop.config().visit_timeout.0;
    let mut now = shop.config().start;
    chain.tick(now);
    for sent in &mut shop {
        while now + TICK <= sent.send_at {
            now = now + TICK;
            chain.tick(now);
            chain.settle(now).expect("no fault but simulated ones");
        }
        chain.send(
            sent.topic.topic(),
            sent.key.as_deref().map(str::as_bytes),
            sent.json.as_bytes(),
            sent.send_at,
        );
        if let Some(truth) = sent.truth.filter(|truth| truth.fate.joins()) {
            let visitor =
                VisitorKeys::development().customer_id(&truth.deployment_id, &truth.cookie);
            events.push(Event {
                visitor: visitor.to_string(),
                id: truth.event_id.clone(),
                at: truth.occurred_at.0,
                page: truth.pathname.clone(),
                page_view: truth.event_name == "page_viewed",
                ping: truth.is_ping(),
                timeout,
            });
        }
    }
    let end = now + CLOSING;
    while now < end {
        now = now + TICK;
        chain.tick(now);
        chain.settle(now).expect("no fault but simulated ones");
    }
    events
}

fn contents(broker: &MemoryBroker, topic: &str) -> Vec<Vec<Stored>> {
    let bare = |record: &Arc<Stored>| Stored {
        offset: 0,
        appended_at: Timestamp(0),
        ..Stored::clone(record)
    };
    (0..PARTITIONS)
        .map(|p| broker.records(topic, p).iter().map(bare).collect())
        .collect()
}

fn values<T: Avro>(broker: &MemoryBroker, topic: &str) -> Vec<T> {
    let records = (0..PARTITIONS).flat_map(|p| broker.records(topic, p));
    let values = records.filter_map(|record| record.value.clone());
    values
        .map(|value| from_bytes(unframe(&value).expect("framed").1).expect("our own record"))
        .collect()
}

fn ended(broker: &MemoryBroker) -> Vec<EndedVisit> {
    let visits = values::<VisitEvent>(broker, topics::VISITS)
        .into_iter()
        .filter(|e| e.kind == visit::kind::ENDED);
    let mut ended: Vec<_> = visits
        .filter_map(|event| {
            let visit = event.visit?;
            Some(EndedVisit {
                visitor: event.customer_id.to_string(),
                first: visit.created_date.0,
                last: visit.last_event_date.0,
                event_count: visit.event_count,
                pageview_count: visit.pageview_count,
                entry_page: visit.first_page.pathname.to_string(),
                exit_page: visit.last_page.pathname.to_string(),
            })
        })
        .collect();
    ended.sort();
    ended
}

type Counted = (String, Timestamp, bool, journey::staffing::Actual);

fn staffing(broker: &MemoryBroker) -> Vec<Counted> {
    let mut last = BTreeMap::new();
    for interval in values::<StaffingInterval>(broker, topics::STAFFING) {
        last.insert(
            (interval.route_path_id.to_string(), interval.interval_start),
            interval,
        );
    }
    let counted = last.into_iter();
    counted
        .map(|((id, start), i)| (id, start, i.status == status::PROVISIONAL, i.actual))
        .collect()
}

fn multiset(broker: &MemoryBroker, topic: &str) -> Vec<Vec<u8>> {
    let records = (0..PARTITIONS).flat_map(|p| broker.records(topic, p));
    let mut values: Vec<_> = records.filter_map(|record| record.value.clone()).collect();
    values.sort();
    values
}

/// One seed: returns simulated crashes, so that a run without any cannot pass for a proof.
fn one(seed: u64, visitors: u32) -> u32 {
    let mut random = Random(seed);
    let batch = 1 + random.below(40) as usize;
    let mut calm = Chain::new(&config(seed, Faults::default(), 50_000));
    let events = play(&mut calm, seed, visitors);
    let mut faulty = Chain::new(&config(seed, FAULTS, batch));
    play(&mut faulty, seed, visitors);
    let (calm_broker, faulty_broker) = (calm.broker(), faulty.broker());
    assert_eq!(
        multiset(calm_broker, topics::WEB_EVENTS),
        multiset(faulty_broker, topics::WEB_EVENTS),
        "seed {seed}: web.events differs as a multiset"
    );
    let mut replayed = Chain::new(&config(seed.wrapping_add(1), FAULTS, batch));
    replayed.take_over(calm_broker);
    replayed
        .settle(Timestamp(0))
        .expect("no fault but simulated ones");
    for topic in [topics::VISITS, topics::JOURNEY_EVENTS, topics::OFFERS] {
        let (calm, replayed) = (
            contents(calm_broker, topic),
            contents(replayed.broker(), topic),
        );
        for (partition, (calm, replayed)) in calm.iter().zip(&replayed).enumerate() {
            let first = calm.iter().zip(replayed).position(|(a, b)| a != b);
            assert!(
                first.is_none() && calm.len() == replayed.len(),
                "seed {seed}: {topic}-{partition} differs at {first:?} of {} and {} records",
                calm.len(),
                replayed.len()
            );
        }
    }
    assert_eq!(
        staffing(calm_broker),
        staffing(replayed.broker()),
        "seed {seed}: staffing differs"
    );
    let oracle = oracle::sessionize(&events);
    for (name, broker) in [("calm", calm_broker), ("faulty", faulty_broker)] {
        let ended = ended(broker);
        let missing: Vec<_> = oracle
            .iter()
            .filter(|visit| !ended.contains(visit))
            .take(3)
            .collect();
        let extra: Vec<_> = ended
            .iter()
            .filter(|visit| !oracle.contains(visit))
            .take(3)
            .collect();
        assert!(
            ended == oracle,
            "seed {seed}, {name}: missing {missing:#?}\nnot the oracle's {extra:#?}"
        );
    }
    for (name, broker) in [("calm", calm_broker), ("faulty", faulty_broker)] {
        let (came, accounted) = (came_in(broker), accounted_for(broker));
        assert!(
            came == accounted,
            "seed {seed}, {name}: {came:#?} came in, {accounted:#?} are accounted for"
        );
    }
    gapless(faulty_broker, seed);
    assert_eq!(calm.crashes(), 0);
    faulty.crashes() + replayed.crashes()
}

/// Records by raw topic, partition and minute.
type ByMinute = BTreeMap<(String, u32, Timestamp), i64>;

/// What the raw topics hold, ticks aside.
fn came_in(broker: &MemoryBroker) -> ByMinute {
    let mut came = ByMinute::new();
    for topic in [topics::WEB_EVENTS_RAW, topics::ENGAGEMENT_EVENTS_RAW] {
        for partition in 0..PARTITIONS {
            let records = broker.records(topic, partition).into_iter();
            for record in records.filter(|record| record.value.is_some()) {
                let minute = record.appended_at.floor(journey::account::SPAN);
                *came
                    .entry((topic.to_owned(), partition, minute))
                    .or_default() += 1;
            }
        }
    }
    came
}

/// What ingest says became of it.
fn accounted_for(broker: &MemoryBroker) -> ByMinute {
    let mut accounted = ByMinute::new();
    for account in values::<journey::IngestAccount>(broker, topics::ACCOUNTS) {
        let place = (account.topic.to_string(), account.partition, account.minute);
        let counts = account.counts.iter().map(|counted| counted.count);
        *accounted.entry(place).or_default() += counts.sum::<i64>();
    }
    accounted
}

/// The sequence of every session is 1, 2, 3…
fn gapless(broker: &MemoryBroker, seed: u64) {
    let mut last = BTreeMap::new();
    for event in values::<JourneyEvent>(broker, topics::JOURNEY_EVENTS) {
        let sequence = last.entry(event.session.id.clone()).or_insert(0);
        assert_eq!(
            event.sequence,
            *sequence + 1,
            "seed {seed}: session {}",
            event.session.id
        );
        *sequence = event.sequence;
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// One seed; if it fails, the fewest visitors with which it still does are named.
fn shrinking(seed: u64) -> u32 {
    std::panic::catch_unwind(|| one(seed, 12)).unwrap_or_else(|panic| {
        let fails = |visitors: &u32| std::panic::catch_unwind(|| one(seed, *visitors)).is_err();
        let fewest = (1..12).find(fails).unwrap_or(12);
        eprintln!(
            "fails: SEED={seed} VISITORS={fewest} cargo test -p journey-tests --test simulation"
        );
        std::panic::resume_unwind(panic)
    })
}

#[test]
fn a_faulty_run_commits_what_a_calm_one_does_and_the_oracle_says() {
    if let Some(seed) = number("SEED") {
        one(seed, number("VISITORS").unwrap_or(12) as u32);
        return;
    }
    let seeds = number("SEEDS").unwrap_or(200);
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let crashes: u32 = std::thread::scope(|scope| {
        let share = |thread| {
            (thread..seeds)
                .step_by(threads as usize)
                .map(shrinking)
                .sum::<u32>()
        };
        let handles: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || share(thread)))
            .collect();
        let joined = handles.into_iter().map(|handle| handle.join());
        joined
            .map(|crashes| crashes.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .sum()
    });
    assert!(
        u64::from(crashes) > seeds,
        "only {crashes} crashes in {seeds} seeds: nothing was proven"
    );
}

/// Real page views of a small site, in order of arrival, where the file lies beside the checkout.
const REAL: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../shared/data/semicomplete-2015.web-events.jsonl.gz"
);

#[test]
fn real_traffic_through_footfall_run_makes_the_visits_of_a_batch() {
    let Ok(file) = std::fs::File::open(REAL) else {
        println!("{REAL} is not here: real traffic was not looked at");
        return;
    };
    let lines =
        std::io::BufRead::lines(std::io::BufReader::new(flate2::read::GzDecoder::new(file)));
    let events: Vec<Event> = lines
        .map(|line| {
            let event: serde_json::Value =
                serde_json::from_str(&line.expect("text")).expect("JSON");
            let text = |name: &str| event[name].as_str().expect(name).to_owned();
            let url = event["page"]["url"].as_str().expect("a URL");
            let after_host = url.splitn(4, '/').nth(3).unwrap_or_default();
            let path = after_host.split(['?', '#']).next().unwrap_or_default();
            let visitor =
                VisitorKeys::development().customer_id("semicomplete", &text("customerCookieId"));
            Event {
                visitor: visitor.to_string(),
                id: text("eventId"),
                at: Timestamp::parse(&text("createdDate")).expect("a date").0,
                page: format!("/{path}"),
                page_view: true,
                ping: false,
                timeout: Millis::from_mins(20).0,
            }
        })
        .collect();
    let ran = footfall::run::run(&footfall::run::Args {
        file: REAL.into(),
        definitions: None,
        grace: std::time::Duration::from_secs(15 * 60),
        records: None,
        topics: Vec::new(),
        partitions: PARTITIONS,
    });
    let ran = ran.expect("runs");
    assert_eq!(ran.summary.accounted(), events.len() as u64);
    assert_eq!(ended(ran.chain.broker()), oracle::sessionize(&events));
    assert_eq!(ran.chain.state_count(), 0, "state returns to empty");
}
