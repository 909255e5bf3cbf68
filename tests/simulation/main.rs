//! The four stages chained over the memory log, several members each. A seed draws the traffic, what goes wrong with commits,
//! with members and with time, and batches of any size. See `kinds.rs` for what there is.
//!
//! `SEEDS=10000 cargo test -p journey-tests --test simulation` runs more. A failure names the smallest run that it found to
//! fail as well: a seed, a number of visitors, and the kinds of things that must happen.

mod hot_key;
mod judge;
mod kinds;
mod outage;
mod permuted;
mod script;

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::Path,
    sync::Arc,
};

use footfall::{
    chain::{Chain, ChainConfig},
    definitions_dir,
};
use ingest::{Config, UnknownDeployments, VisitorKeys};
use journey::{
    JourneyEvent, Millis, Timestamp,
    definitions::{Definition, DefinitionSet},
    topics,
};
use journey_tests::oracle::{self, Event};
use pipeline::memory::{Faults, Random};

use judge::{
    adds_up, as_the_oracle_says, ended, gapless, nothing_diverged, same, same_in_any_order, values,
};
use kinds::{FAULTS, Kinds, TRAFFIC, Traffic};
use script::Script;

pub(crate) const PARTITIONS: u32 = 4;
/// Visitors of a day.
const VISITORS: u32 = 12;
/// Input after which states are captured, by seed: in every transaction; rarely; hardly ever.
const STATE_RECORDS: [usize; 4] = [0, 30, 300, 3_000];
/// 2026-11-23T12:00:00Z, in the middle of the day.
const NOON: Timestamp = Timestamp(1_795_435_200_000);

/// The demo's definitions.
pub(crate) fn definitions() -> Vec<Definition> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../footfall/definitions");
    definitions_dir::load(&folder).expect("the demo's definitions")
}

/// The demo's definitions; where they switch, at noon to a second set, without one of its action maps.
pub(crate) fn sets(switch: bool) -> Arc<[Arc<DefinitionSet>]> {
    let loaded = definitions();
    let mut sets = vec![Arc::new(DefinitionSet::first(loaded.clone()))];
    if switch {
        let mut second: Vec<_> = loaded.into_iter().map(|d| d.at_version(2)).collect();
        let map = |definition: &Definition| matches!(definition, Definition::ActionMap(_));
        let dropped = second.iter().position(map).expect("an action map");
        second.remove(dropped);
        sets.push(Arc::new(DefinitionSet::new(2, NOON, second)));
    }
    sets.into()
}

pub(crate) fn config(seed: u64, sets: Arc<[Arc<DefinitionSet>]>) -> ChainConfig {
    ChainConfig {
        partitions: PARTITIONS,
        ingest: Arc::new(Config::new(
            VisitorKeys::development(),
            UnknownDeployments::Refuse,
        )),
        sets,
        grace: Millis::from_mins(15),
        faults: Faults::default(),
        seed,
        batch: 50_000,
        state_records: 0,
        align_sources: seed.is_multiple_of(2),
    }
}

/// One seed. The calm run writes the script; the faulty one plays it; what the faulty run's stages made of its `web.events`
/// must be what calm ones make of them. Returns how often each thing happened: what never does proves nothing.
fn one(seed: u64, visitors: u32, kinds: &Kinds) -> Happened {
    let sets = sets(kinds.has(Traffic::Switch));
    let mut calm = Chain::new(&config(seed, Arc::clone(&sets)));
    let script = Script::write(seed, visitors, kinds, &mut calm);
    let mut faulty = Chain::new(&ChainConfig {
        faults: kinds.faults(),
        batch: 1 + Random(seed).below(40) as usize,
        state_records: STATE_RECORDS[seed as usize % STATE_RECORDS.len()],
        ..config(seed, Arc::clone(&sets))
    });
    script.play(&mut faulty, |_, _| {});
    for topic in [topics::WEB_EVENTS, topics::VISITORS] {
        same_in_any_order(calm.broker(), faulty.broker(), topic);
    }
    let mut again = Chain::new(&config(seed, sets));
    again.take_over(faulty.broker());
    again.settle(script.end).expect("nothing goes wrong");
    same(again.broker(), faulty.broker());
    gapless(faulty.broker());
    nothing_diverged(&faulty);
    adds_up(calm.broker());
    adds_up(faulty.broker());
    if !kinds.has(Traffic::ClockBack) {
        let oracle = oracle::sessionize(&script.events);
        let covers = |visitor: &str| !script.forgotten.contains(visitor);
        as_the_oracle_says(calm.broker(), &oracle, covers);
        let on_time = |visitor: &str| covers(visitor) && !script.late.contains(visitor);
        as_the_oracle_says(faulty.broker(), &oracle, on_time);
    }
    Happened::in_run(&script, &faulty)
}

/// How often each thing happened in a run.
#[derive(Clone, Copy, Debug, Default)]
struct Happened {
    faults: Faults,
    refused_commits: u32,
    traffic: [u32; TRAFFIC.len()],
}

impl Happened {
    fn in_run(script: &Script, faulty: &Chain) -> Happened {
        let events = values::<JourneyEvent>(faulty.broker(), topics::JOURNEY_EVENTS);
        let switched = events.iter().filter(|event| event.definitions_version == 2);
        Happened {
            faults: faulty.broker().happened(),
            refused_commits: faulty.broker().refused_commits(),
            traffic: TRAFFIC.map(|(traffic, _, _)| match traffic {
                Traffic::Reports => script.reports,
                Traffic::Withdrawals => script.withdrawals,
                Traffic::Erasures => script.erasures,
                Traffic::Switch => switched.clone().count() as u32,
                Traffic::ClockBack => script.steps_back,
            }),
        }
    }

    fn add(mut self, other: Happened) -> Happened {
        self.faults.add(&other.faults);
        self.refused_commits += other.refused_commits;
        for (sum, more) in self.traffic.iter_mut().zip(other.traffic) {
            *sum += more;
        }
        self
    }

    /// Each thing's name, and how often it happened.
    fn by_name(&self) -> Vec<(&'static str, u32)> {
        let faults = FAULTS
            .iter()
            .map(|(fault, _, name)| (*name, self.faults.of(*fault)));
        let traffic = TRAFFIC.iter().map(|(_, _, name)| *name).zip(self.traffic);
        let refused = ("refused-commits", self.refused_commits);
        faults.chain(traffic).chain([refused]).collect()
    }
}

/// One seed; if it fails, the smallest run that was found to fail as well is named.
fn shrinking(seed: u64) -> Happened {
    let kinds = Kinds::of(seed);
    let run =
        |visitors, kinds: &Kinds| catch_unwind(AssertUnwindSafe(|| one(seed, visitors, kinds)));
    run(VISITORS, &kinds).unwrap_or_else(|panic| {
        eprintln!("seed {seed} fails with {VISITORS} visitors; looking for less that does");
        let fails = |visitors, kinds: &Kinds| run(visitors, kinds).is_err();
        let visitors = (1..VISITORS).find(|fewer| fails(*fewer, &kinds)).unwrap_or(VISITORS);
        let kinds = kinds.names().into_iter().fold(kinds, |kinds, name| {
            let fewer = kinds.without(name);
            if fails(visitors, &fewer) { fewer } else { kinds }
        });
        eprintln!("fails: SEED={seed} VISITORS={visitors} KINDS={kinds} cargo test -p journey-tests --test simulation");
        resume_unwind(panic)
    })
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs so many seeds on all cores.
fn all(seeds: u64) -> Happened {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    std::thread::scope(|scope| {
        let share = |thread| {
            let seeds = (thread..seeds).step_by(threads as usize);
            seeds
                .map(shrinking)
                .fold(Happened::default(), Happened::add)
        };
        let handles: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || share(thread)))
            .collect();
        let joined = handles.into_iter().map(|handle| handle.join());
        joined
            .map(|happened| happened.unwrap_or_else(|panic| resume_unwind(panic)))
            .fold(Happened::default(), Happened::add)
    })
}

#[test]
fn a_faulty_run_commits_what_a_calm_one_does_and_the_oracle_says() {
    if let Some(seed) = number("SEED") {
        let visitors = number("VISITORS").map_or(VISITORS, |visitors| visitors as u32);
        let kinds =
            std::env::var("KINDS").map_or_else(|_| Kinds::of(seed), |names| Kinds::named(&names));
        one(seed, visitors, &kinds);
        return;
    }
    let seeds = number("SEEDS").unwrap_or(200);
    let happened = all(seeds).by_name();
    println!("{seeds} seeds: {happened:?}");
    for (name, times) in happened {
        assert!(
            seeds < 50 || u64::from(times) >= seeds / 10,
            "{name} happened {times} times in {seeds} seeds: nothing was proven"
        );
    }
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
    let visitors: BTreeSet<_> = events.iter().map(|event| &event.visitor).collect();
    assert_eq!(
        ran.chain.state_count(),
        visitors.len(),
        "all that is left is each visitor's lifetime"
    );
}
