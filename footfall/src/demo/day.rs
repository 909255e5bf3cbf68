//! The simulated day: shop and chat engine in one process with one simulated clock, many times faster than life.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use footfall::{
    backfill::{self, BackfillLoader, Options},
    lane::{Cluster, Lane},
    shop::{ChatConfig, ChatEngine, OfferSeen, Raw, Sent, Shop, ShopConfig},
    summary::Summary,
};
use journey::{JourneyEvent, Millis, Offer, Timestamp, topics};
use pipeline::kafka::read::{From, TopicReader};
use schemas::{from_bytes, unframe};

use super::{Args, progress::Progress};

/// When the day begins.
const START: &str = "2026-11-23T00:00:00Z";
/// How long the pipeline may take to catch up at the end.
const PATIENCE: Duration = Duration::from_secs(180);

/// What the day left on the topics.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) summary: Summary,
    /// Journey events by visit, in order, of visits with an offer.
    pub(super) stories: BTreeMap<String, Vec<JourneyEvent>>,
    pub(super) offers: Vec<Offer>,
}

/// Plays the day: sends what the shop sends, shows offers to the chat engine, sends what it reports. Gives the number of raw
/// records sent.
pub(super) fn play(
    cluster: &Cluster,
    lane: &mut Lane,
    args: &Args,
    progress: &mut Progress,
) -> anyhow::Result<u64> {
    let settings = cluster.settings(lane.prefix());
    let start = Timestamp::parse(START).unwrap_or_default();
    let length = Millis::from_mins(24 * 60);
    let mut shop = Shop::new(ShopConfig::plausible(
        args.seed,
        args.visitors,
        start,
        length,
    ));
    let mut engine = ChatEngine::new(ChatConfig::plausible(args.seed));
    let mut loader = BackfillLoader::open(&settings, &Options::default())?;
    let mut reader = TopicReader::open(
        &settings,
        &[settings.lane.topic(topics::OFFERS)],
        From::Beginning,
    )?;
    let speed = length.0 as f64 / args.play.as_secs_f64() / 1000.0;
    let (began, mut sent, mut offers) = (Instant::now(), 0, 0);
    loader.tick_all(start)?;
    loop {
        let elapsed = began.elapsed().as_secs_f64() * speed;
        let now = start + Millis((elapsed * 1000.0) as i64);
        while let Some(record) = reader.next(Duration::ZERO)? {
            offers += u64::from(show(&mut engine, now, record.value.as_deref()));
        }
        let mut due = engine.due(now);
        while shop.next_send_at().is_some_and(|at| at <= now) {
            due.extend(shop.next());
        }
        due.sort_by_key(|sent| sent.send_at);
        for record in &due {
            load(&mut loader, record)?;
        }
        sent += due.len() as u64;
        loader.tick_all(now)?;
        progress.show(|| {
            format!(
                "{} · {sent} events sent · {offers} offers seen",
                &now.to_string()[11..16]
            )
        })?;
        if shop.next_send_at().is_none() && engine.next_due().is_none() && now > start + length {
            break;
        }
        lane.check()?;
        std::thread::sleep(Duration::from_millis(5));
    }
    let loaded = loader.finish()?;
    progress.step("the day is over: letting every visit end and every interval become final")?;
    wait_for_frontier(lane, loaded.until.unwrap_or(start), progress)?;
    Ok(sent)
}

fn load(loader: &mut BackfillLoader, sent: &Sent) -> anyhow::Result<()> {
    let raw = match sent.topic {
        Raw::Web => backfill::Raw::Web,
        Raw::Engagement => backfill::Raw::Engagement,
    };
    let key = sent.key.as_deref().map(str::as_bytes);
    Ok(loader.record(raw, key, sent.json.as_bytes(), Some(sent.send_at))?)
}

fn show(engine: &mut ChatEngine, now: Timestamp, value: Option<&[u8]>) -> bool {
    let offer = value
        .and_then(unframe)
        .and_then(|(_, body)| from_bytes::<Offer>(body).ok());
    if let Some(offer) = &offer {
        engine.offer(now, &OfferSeen::from(offer));
    }
    offer.is_some_and(|offer| offer.status == "offered")
}

/// Waits until every task of the last stage knows it to be `at`: all that was sent has gone through.
fn wait_for_frontier(
    lane: &mut Lane,
    at: Timestamp,
    progress: &mut Progress,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let least = lane.stage("staffing")?.frontier(4)?;
        if least.is_some_and(|least| least >= at.0 as f64 / 1000.0 - 1.0) {
            return Ok(());
        }
        anyhow::ensure!(
            Instant::now() < deadline,
            "the pipeline has not caught up within {PATIENCE:?} (at {least:?})"
        );
        lane.check()?;
        progress.show(|| {
            format!(
                "frontier of the last stage: {}",
                Timestamp((least.unwrap_or_default() * 1000.0) as i64)
            )
        })?;
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Reads the lane's topics to the end.
pub(super) fn read(cluster: &Cluster, lane: &Lane) -> anyhow::Result<Told> {
    let settings = cluster.settings(lane.prefix());
    let mut told = Told::default();
    told.summary.take_metrics(&lane.stage("ingest")?.metrics()?);
    let names =
        [topics::VISITS, topics::OFFERS, topics::STAFFING].map(|topic| settings.lane.topic(topic));
    TopicReader::open(&settings, &names, From::Beginning)?.read_to_end(|record| {
        let topic = settings.lane.bare(&record.topic);
        told.summary.take(topic, record.value.as_deref());
        if topic == topics::OFFERS
            && let Some(offer) = record
                .value
                .as_deref()
                .and_then(unframe)
                .and_then(|(_, body)| from_bytes(body).ok())
        {
            told.offers.push(offer);
        }
    })?;
    let wanted: Vec<String> = told
        .offers
        .iter()
        .map(|offer| offer.journey_context.customer_session.id.to_string())
        .collect();
    told.stories = wanted
        .into_iter()
        .map(|visit| (visit, Vec::new()))
        .collect();
    let journey_events = [settings.lane.topic(topics::JOURNEY_EVENTS)];
    TopicReader::open(&settings, &journey_events, From::Beginning)?.read_to_end(|record| {
        told.summary
            .take(topics::JOURNEY_EVENTS, record.value.as_deref());
        let event = record
            .value
            .as_deref()
            .and_then(unframe)
            .and_then(|(_, body)| from_bytes::<JourneyEvent>(body).ok());
        if let Some(event) = event
            && let Some(story) = told.stories.get_mut(event.session.id.as_str())
        {
            story.push(event);
        }
    })?;
    Ok(told)
}
