//! Live traffic at a steady rate, and how long an event takes from its arrival to a reader: measured by the reader.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use journey::{Timestamp, partition, topics};
use pipeline::{
    kafka::{
        Settings,
        read::{From, TopicReader},
        settings::wall_clock,
        write::{Out, Writer},
    },
    log::LogError,
};
use schemas::{
    from_bytes,
    record::{optional, text},
    records::{JourneyEventParts, OfferParts, TriggerParts},
    unframe,
};

use crate::{
    lane::{Cluster, Lane},
    shop::LoadGenerator,
};

mod beside;

pub use beside::Beside;
use beside::{Rubbish, hot_key};

/// How long the reader goes on after the last event.
const AFTER: Duration = Duration::from_secs(2);
/// How often what is due by then is sent: as seldom as a collector's producer lingers. A produce request for every record or two
/// would keep the broker busier than the pipeline does. No latency: that counts from the record's append.
const SEND_EVERY: Duration = Duration::from_millis(5);
/// Of the raw topic in a lane of `footfall dev`.
const PARTITIONS: u32 = 4;
/// How often the stages are looked at.
const CHECK_EVERY: Duration = Duration::from_millis(100);

/// How live traffic is sent.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Events a second.
    pub rate: u64,
    /// How much of it is not measured: connections open, caches fill, and a broker that was just started is slow until its
    /// JVM has compiled what it runs, which takes half a minute.
    pub warm_up: Duration,
    /// For how long after that.
    pub length: Duration,
    /// What draws them.
    pub seed: u64,
    /// How many visitors.
    pub visitors: u64,
    /// Who else sends. Who is measured is everybody else.
    pub beside: Beside,
}

impl Load {
    fn generator(&self) -> LoadGenerator {
        LoadGenerator::new(self.seed, self.visitors).with_hot_key(self.beside.hot_share())
    }
}

/// Milliseconds from an event's arrival to a reader that reads committed records only.
#[derive(Debug)]
pub struct Latencies {
    /// Events sent.
    pub sent: u64,
    /// How long was not measured.
    pub warm_up: Duration,
    /// To the journey event.
    pub events: Histogram<u64>,
    /// To the offer, of those that an event set off.
    pub offers: Histogram<u64>,
}

impl Latencies {
    /// As a table for people.
    pub fn render(&self) -> String {
        let warm_up = self.warm_up.as_secs();
        let mut text = format!(
            "{} events sent, {} measured after {warm_up} s of warm-up\n",
            self.sent,
            self.events.len()
        );
        for (name, histogram) in [
            ("raw → journey event", &self.events),
            ("raw → offer", &self.offers),
        ] {
            let at = |q: f64| histogram.value_at_quantile(q);
            let _ = writeln!(
                text,
                "{name:<22} p50 {:>4} ms · p90 {:>4} ms · p99 {:>4} ms · p99.9 {:>4} ms · {} records",
                at(0.5),
                at(0.9),
                at(0.99),
                at(0.999),
                histogram.len()
            );
        }
        text
    }
}

/// Sends and measures. `show` is told how many were sent, now and then.
pub fn measure(
    cluster: &Cluster,
    lane: &mut Lane,
    load: &Load,
    show: &mut dyn FnMut(u64),
) -> anyhow::Result<Latencies> {
    let settings = cluster.settings(lane.prefix());
    let stop = Arc::new(AtomicBool::new(false));
    let reader = {
        let (settings, stop, load) = (settings.clone(), Arc::clone(&stop), *load);
        thread::spawn(move || read(&settings, &load, &stop))
    };
    let sent = send(&settings, load, lane, show)?;
    let until = Instant::now() + AFTER;
    while Instant::now() < until {
        lane.check()?;
        thread::sleep(Duration::from_millis(50));
    }
    stop.store(true, Ordering::Relaxed);
    let latencies = reader
        .join()
        .map_err(|_| anyhow::anyhow!("the reader panicked"))??;
    Ok(Latencies { sent, ..latencies })
}

/// Sends by schedule, whatever the pipeline does: an event that is due is sent, never left out.
fn send(
    settings: &Settings,
    load: &Load,
    lane: &mut Lane,
    show: &mut dyn FnMut(u64),
) -> anyhow::Result<u64> {
    let topic = settings.lane.topic(topics::WEB_EVENTS_RAW);
    let mut writer = Writer::open(settings)?;
    let mut generator = load.generator();
    let mut rubbish = Rubbish::new();
    let (mut sent, mut json) = (0, Vec::new());
    let began = Instant::now();
    let mut checked_at = began;
    while began.elapsed() < load.warm_up + load.length {
        let due = (began.elapsed().as_secs_f64() * load.rate as f64) as u64;
        while sent < due {
            let key = generator.next(wall_clock(), &mut json).as_bytes();
            let partition = partition::of_key(key, PARTITIONS);
            writer.send(&record(&topic, partition, Some(key), &json))?;
            for _ in 0..load.beside.rubbish() {
                let (partition, value) = rubbish.next(PARTITIONS);
                writer.send(&record(&topic, partition, None, value))?;
            }
            sent += 1;
        }
        writer.poll();
        if checked_at.elapsed() >= CHECK_EVERY {
            checked_at = Instant::now();
            show(sent);
            lane.check()?;
        }
        thread::sleep(SEND_EVERY);
    }
    writer.finish()?;
    Ok(sent)
}

fn record<'a>(topic: &'a str, partition: u32, key: Option<&'a [u8]>, value: &'a [u8]) -> Out<'a> {
    Out {
        topic,
        partition,
        key,
        value: Some(value),
        timestamp: None,
    }
}

fn read(settings: &Settings, load: &Load, stop: &AtomicBool) -> Result<Latencies, LogError> {
    let (warm_up, hot_key) = (load.warm_up, hot_key(&load.generator()));
    let names = [topics::JOURNEY_EVENTS, topics::OFFERS].map(|topic| settings.lane.topic(topic));
    let mut reader = TopicReader::open(settings, &names, From::End)?;
    let histogram = || Histogram::new_with_bounds(1, 600_000, 3).expect("valid bounds");
    let mut latencies = Latencies {
        sent: 0,
        warm_up,
        events: histogram(),
        offers: histogram(),
    };
    let began = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let Some(record) = reader.next(Duration::from_millis(20))? else {
            continue;
        };
        if began.elapsed() < warm_up || record.key.as_deref() == Some(&hot_key) {
            continue;
        }
        let now = wall_clock();
        let Some((_, body)) = record.value.as_deref().and_then(unframe) else {
            continue;
        };
        if settings.lane.bare(&record.topic) == topics::OFFERS {
            let offer = OfferParts::of(body);
            let trigger = TriggerParts::of(offer.trigger);
            if text(offer.status) == "offered" && text(trigger.kind) != "dwell" {
                note(&mut latencies.offers, trigger.received_date, now);
            }
        } else {
            let event = JourneyEventParts::of(body);
            if optional(event.web_event).is_some() {
                note(&mut latencies.events, event.received_date, now);
            }
        }
    }
    Ok(latencies)
}

/// Notes how long ago it arrived, whatever it is.
fn note(latencies: &mut Histogram<u64>, received: &[u8], now: Timestamp) {
    if let Ok(received) = from_bytes::<Timestamp>(received) {
        latencies.saturating_record((now - received).0.max(0) as u64);
    }
}
