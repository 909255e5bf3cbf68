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

use footfall::shop::LoadGenerator;
use hdrhistogram::Histogram;
use journey::{JourneyEvent, Offer, partition, topics};
use pipeline::{
    kafka::{
        Settings,
        read::{From, TopicReader},
        settings::wall_clock,
        write::{Out, Writer},
    },
    log::LogError,
};
use schemas::{from_bytes, unframe};

use super::{Args, Stage, lane::Lane, progress::Progress};

/// The first seconds are left out: caches fill, connections open.
const WARM_UP: Duration = Duration::from_secs(3);
/// How long the reader goes on after the last event.
const AFTER: Duration = Duration::from_secs(2);

struct Latencies {
    events: Histogram<u64>,
    offers: Histogram<u64>,
}

/// Sends and measures; gives a table.
pub(super) fn measure(
    stage: &Stage,
    lane: &mut Lane,
    args: &Args,
    progress: &mut Progress,
) -> anyhow::Result<String> {
    let settings = stage.settings(lane.prefix());
    let stop = Arc::new(AtomicBool::new(false));
    let reader = {
        let (settings, stop) = (settings.clone(), Arc::clone(&stop));
        thread::spawn(move || read(&settings, &stop))
    };
    let sent = send(&settings, args, lane, progress)?;
    let until = Instant::now() + AFTER;
    while Instant::now() < until {
        lane.check()?;
        thread::sleep(Duration::from_millis(50));
    }
    stop.store(true, Ordering::Relaxed);
    let latencies = reader
        .join()
        .map_err(|_| anyhow::anyhow!("the reader panicked"))??;
    let mut text = format!(
        "{sent} events sent, {} measured after {} s of warm-up\n",
        latencies.events.len(),
        WARM_UP.as_secs()
    );
    for (name, histogram) in [
        ("raw → journey event", &latencies.events),
        ("raw → offer", &latencies.offers),
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
    Ok(text)
}

/// Sends by schedule, whatever the pipeline does: an event that is due is sent, never left out.
fn send(
    settings: &Settings,
    args: &Args,
    lane: &mut Lane,
    progress: &mut Progress,
) -> anyhow::Result<u64> {
    let topic = settings.lane.topic(topics::WEB_EVENTS_RAW);
    let mut writer = Writer::open(settings)?;
    let mut generator = LoadGenerator::new(args.seed, 2_000);
    let (mut sent, mut json) = (0, Vec::new());
    let began = Instant::now();
    while began.elapsed() < args.live {
        let due = (began.elapsed().as_secs_f64() * args.rate as f64) as u64;
        while sent < due {
            let key = generator.next(wall_clock(), &mut json).as_bytes();
            let partition = partition::of_key(key, 4);
            writer.send(&Out {
                topic: &topic,
                partition,
                key: Some(key),
                value: Some(&json),
                timestamp: None,
            })?;
            sent += 1;
        }
        writer.poll();
        progress.show(|| format!("{sent} events sent"));
        lane.check()?;
        thread::sleep(Duration::from_millis(1));
    }
    writer.finish()?;
    Ok(sent)
}

fn read(settings: &Settings, stop: &AtomicBool) -> Result<Latencies, LogError> {
    let names = [topics::JOURNEY_EVENTS, topics::OFFERS].map(|topic| settings.lane.topic(topic));
    let mut reader = TopicReader::open(settings, &names, From::End)?;
    let histogram = || Histogram::new_with_bounds(1, 600_000, 3).expect("valid bounds");
    let mut latencies = Latencies {
        events: histogram(),
        offers: histogram(),
    };
    let began = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let Some(record) = reader.next(Duration::from_millis(20))? else {
            continue;
        };
        if began.elapsed() < WARM_UP {
            continue;
        }
        let now = wall_clock();
        let Some((_, body)) = record.value.as_deref().and_then(unframe) else {
            continue;
        };
        if settings.lane.bare(&record.topic) == topics::OFFERS {
            if let Ok(offer) = from_bytes::<Offer>(body)
                && offer.status == "offered"
                && offer.trigger.kind != "dwell"
            {
                latencies
                    .offers
                    .saturating_record((now - offer.trigger.received_date).0.max(0) as u64);
            }
        } else if let Ok(event) = from_bytes::<JourneyEvent>(body)
            && event.web_event.is_some()
        {
            latencies
                .events
                .saturating_record((now - event.received_date).0.max(0) as u64);
        }
    }
    Ok(latencies)
}
