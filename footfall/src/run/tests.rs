use std::{fs::File, io::Write};

use super::*;
use crate::shop::{Rates, Shop, ShopConfig};
use journey::Millis;

const DEFINITIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/definitions");

/// A file that is gone when dropped.
struct Events(PathBuf);

impl Events {
    fn new(name: &str, lines: &[String]) -> Events {
        let name = format!("footfall-run-{name}-{}.jsonl", std::process::id());
        let path = std::env::temp_dir().join(name);
        let mut file = File::create(&path).expect("a file of this test");
        for line in lines {
            writeln!(file, "{line}").expect("written");
        }
        Events(path)
    }

    fn args(&self, definitions: Option<PathBuf>) -> Args {
        Args {
            file: self.0.clone(),
            definitions,
            grace: std::time::Duration::from_secs(15 * 60),
            records: None,
            topics: Vec::new(),
            partitions: 2,
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A shop's hour, once more so long afterwards.
fn an_hour_twice(apart: Millis) -> Vec<String> {
    let start = Timestamp::parse("2026-11-23T08:00:00Z").expect("a time");
    let hour = |start| {
        let plausible = ShopConfig::plausible(5, 60, start, Millis::from_mins(60));
        let rates = Rates {
            skewed: 0.0,
            ..plausible.rates
        };
        Shop::new(ShopConfig { rates, ..plausible }).map(|sent| sent.json.to_string())
    };
    hour(start).chain(hour(start + apart)).collect()
}

fn view(cookie: &str, at: &str) -> String {
    serde_json::json!({
        "deploymentId": "shop", "customerCookieId": cookie, "eventName": "page_viewed", "createdDate": at,
        "page": {"url": "https://shop.example/"},
    })
    .to_string()
}

/// What came out, by topic and partition: marks speak of time alone.
fn said(chain: &Chain) -> Vec<Vec<Vec<u8>>> {
    let topics = [
        topics::WEB_EVENTS,
        topics::VISITS,
        topics::JOURNEY_EVENTS,
        topics::OFFERS,
        topics::DEMAND,
        topics::STAFFING,
    ];
    let partitions = topics
        .into_iter()
        .flat_map(|topic| [(topic, 0), (topic, 1)]);
    partitions
        .map(|(topic, partition)| {
            let records = chain.broker().records(topic, partition).into_iter();
            records.filter_map(|record| record.value.clone()).collect()
        })
        .collect()
}

/// Ticks at every step.
fn with_every_tick(args: &Args, lines: &[String]) -> Chain {
    let mut chain = Chain::new(&chain_config(args).expect("valid"));
    let mut now = None;
    for line in lines {
        let envelope = Envelope::read(line.as_bytes(), "customerCookieId");
        let to = envelope.sent_at.max(now).expect("a time");
        let mut tick = now.map_or(to, |now| now + Millis::from_secs(10));
        while tick <= to {
            chain.tick(tick);
            if now.is_some() {
                chain.settle(tick).expect("memory");
            }
            tick = tick + Millis::from_secs(10);
        }
        send(&mut chain, &envelope, line.as_bytes(), to);
        now = Some(to);
    }
    let mut time = DataTime::new(&[]);
    time.advance(&mut chain, now).expect("memory");
    time.close(&mut chain).expect("memory");
    chain
}

#[test]
fn a_gap_says_the_same_as_if_time_had_ticked_all_through_it() {
    for definitions in [None, Some(PathBuf::from(DEFINITIONS))] {
        let lines = an_hour_twice(Millis::from_mins(52 * 60));
        let events = Events::new("gap", &lines);
        let args = events.args(definitions);
        let ran = run(&args).expect("runs");
        let expected = said(&with_every_tick(&args, &lines));
        assert!(expected[2].len() > 50, "{}", expected[2].len());
        assert!(said(&ran.chain) == expected);
    }
}

#[test]
fn a_gap_of_years_takes_few_ticks() {
    let lines = [
        view("a", "1970-01-02T00:00:00Z"),
        view("b", "2026-11-23T08:00:00Z"),
    ];
    let definitions = Some(PathBuf::from(DEFINITIONS));
    for (definitions, at_most) in [(None, 1_000), (definitions, 20_000)] {
        let ran = run(&Events::new("years", &lines).args(definitions)).expect("runs");
        let raw = ran.chain.broker().records(topics::WEB_EVENTS_RAW, 0).len();
        assert!(raw < at_most, "{raw}");
        assert_eq!(ran.summary.accounted(), 2);
    }
}

#[test]
fn time_begins_with_the_first_line_that_says_when_it_was_sent() {
    let lines = ["no JSON".to_owned(), view("a", "2026-11-23T08:00:00Z")];
    let ran = run(&Events::new("unreadable", &lines).args(None)).expect("runs");
    assert!(ran.events == 2 && ran.adds_up());
    assert!(!Ran { events: 3, ..ran }.adds_up());
    let ran = run(&Events::new("unreadable", &lines).args(None)).expect("runs");
    let start = Timestamp::parse("2026-11-23T08:00:00Z").expect("a time");
    for partition in 0..2 {
        let records = ran
            .chain
            .broker()
            .records(topics::WEB_EVENTS_RAW, partition);
        assert!(records.iter().all(|record| record.appended_at >= start));
    }
    let lines = ["no JSON".to_owned()];
    let ran = run(&Events::new("nothing", &lines).args(None)).expect("runs");
    assert_eq!((ran.events, ran.summary.fate("dead_lettered")), (1, 1));
}
