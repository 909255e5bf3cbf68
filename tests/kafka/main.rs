//! The four real binaries against a real Kafka and registry: what exactly-once means to who reads the topics.
//!
//! Needs `FOOTFALL_BROKERS` and `FOOTFALL_REGISTRY` (`make test` starts both), and the binaries built with the feature
//! `pipeline/failpoints`. Each test has a lane of its own. Nothing sleeps to wait: whatever is waited for has a deadline.

mod accounts;
mod auditor;
mod bad_input;
mod broker;
mod chain;
mod cluster;
mod control;
mod disorder;
mod disturb;
mod grow;
mod hung;
mod import;
mod json_schema;
mod judge;
mod lane;
mod live;
mod load;
mod loader;
mod marks;
mod metrics;
mod native;
mod output_format;
mod readme_commands;
mod real_traffic;
mod refusals;
mod reload;
mod replay;
mod smoke;
mod stage;
mod storm;
mod truth;
mod zombie;

use std::time::{Duration, Instant};

/// Where Kafka and the registry are.
#[derive(Clone, Debug)]
pub(crate) struct Kafka {
    pub(crate) brokers: String,
    pub(crate) registry: String,
}

/// Where Kafka and the registry are; `None`, with a line that says so, where there are none and none are required.
pub(crate) fn kafka() -> Option<Kafka> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let (Some(brokers), Some(registry)) =
        (variable("FOOTFALL_BROKERS"), variable("FOOTFALL_REGISTRY"))
    {
        return Some(Kafka { brokers, registry });
    }
    let required = variable("FOOTFALL_REQUIRE_KAFKA").or_else(|| variable("CI"));
    let required = required.is_some_and(|value| value == "1" || value == "true");
    assert!(
        !required,
        "FOOTFALL_BROKERS and FOOTFALL_REGISTRY must be set here: `make test` starts both"
    );
    println!(
        "no Kafka: FOOTFALL_BROKERS and FOOTFALL_REGISTRY are not set, `make test` starts both"
    );
    None
}

/// Asks until there is an answer.
pub(crate) fn wait_until<T>(
    what: &str,
    patience: Duration,
    mut ask: impl FnMut() -> Option<T>,
) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(
            started.elapsed() < patience,
            "waited {patience:?} for {what}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Asks until there is an answer, and as long as how far it has come still changes: a slow machine is no failure, one that
/// stands still is. In all not longer than eight times that. To ask is to read a topic: not too often.
pub(crate) fn wait_while_it_moves<T, P: PartialEq + std::fmt::Debug>(
    what: &str,
    patience: Duration,
    mut ask: impl FnMut() -> Result<T, P>,
) -> T {
    let begun = Instant::now();
    let (mut moved, mut reached) = (begun, None);
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(now) if reached.as_ref() != Some(&now) => {
                (moved, reached) = (Instant::now(), Some(now));
            }
            Err(_) => {}
        }
        assert!(
            moved.elapsed() < patience && begun.elapsed() < patience * 8,
            "waited {:?} for {what}, which last moved {:?} ago, to {reached:?}",
            begun.elapsed(),
            moved.elapsed()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Waits for an answer of an asynchronous client.
pub(crate) fn block_on<T>(answer: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(answer)
}

/// How many times each binary is killed.
pub(crate) fn kills() -> usize {
    number("FOOTFALL_KILLS", 3)
}

/// How often every other thing is done to the stages: once, or more often where there is time.
pub(crate) fn rounds() -> usize {
    number("FOOTFALL_TEST_ROUNDS", 1)
}

/// A number that a person, or a longer run, may set.
pub(crate) fn number(variable: &str, usual: usize) -> usize {
    let set = std::env::var(variable).ok();
    set.map_or(usual, |set| {
        let number = set.parse();
        number.unwrap_or_else(|_| panic!("{variable} is a number, not {set:?}"))
    })
}
