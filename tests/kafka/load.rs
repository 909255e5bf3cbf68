//! Load: a day, or a recorded log, sent at an even pace while something is done to the stages.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use footfall::shop::Truth;
use serde_json::json;

use crate::{
    auditor::Record,
    lane::{ENGAGEMENT_RAW, Lane, RAW, WEB_RAW},
    truth::{Day, is_forwarded},
};

const HOUR: i64 = 3_600_000;

/// So many events of the day to a report of a chat engine.
const EVENTS_TO_A_REPORT: usize = 40;

/// Between two events that are sent only so that something is.
const TRICKLE: Duration = Duration::from_millis(20);

/// Feeds the day while `disturb` is under way, and on after it; then waits until all of it has come through. What `disturb`
/// returns lives until then: the stages that go on.
pub(crate) fn under_load<T>(
    lane: &Lane,
    day: &Day,
    over: Duration,
    disturb: impl FnOnce() -> T,
) -> T {
    load(lane, day, over, || {}, disturb)
}

/// As [`under_load`], with one mark that has three hours to make good, whatever `ingest` was behind: time goes on after the
/// silence only once all before it is read. The broker must be there all the while.
pub(crate) fn under_load_with_a_long_mark<T>(
    lane: &Lane,
    day: &Day,
    over: Duration,
    disturb: impl FnOnce() -> T,
) -> T {
    load(lane, day, over, || lane.until_read("ingest"), disturb)
}

fn load<T>(
    lane: &Lane,
    day: &Day,
    over: Duration,
    after_silence: impl Fn() + Send + Sync,
    disturb: impl FnOnce() -> T,
) -> T {
    let disturbance = Disturbance::default();
    thread::scope(|scope| {
        let feeder = scope.spawn(|| feed(lane, day, over, &after_silence, &disturbance));
        let result = disturbance.while_it(disturb);
        let end = feeder.join().expect("fed");
        lane.until_all_done("ingest", end);
        result
    })
}

/// What is done to the stages: whether it is over, be it by a panic.
#[derive(Debug, Default)]
pub(crate) struct Disturbance(AtomicBool);

impl Disturbance {
    /// Lasts as long as `work` does.
    pub(crate) fn while_it<T>(&self, work: impl FnOnce() -> T) -> T {
        struct Set<'a>(&'a AtomicBool);
        impl Drop for Set<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let _set = Set(&self.0);
        work()
    }

    /// Whether it is.
    pub(crate) fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// While the disturbance goes on, the last of the day waits for its end: only time moves, by a little, and not past what comes
/// next, which would be received later than the truth has it.
const STIR: Duration = Duration::from_millis(100);
const STIR_BY: i64 = 25;

/// Where the day waits: in the longest pause of its last tenth.
fn waits_before(day: &Day) -> usize {
    let pause = |i: &usize| day.sent[*i].send_at.0 - day.sent[*i - 1].send_at.0;
    let last = day.sent.len() / 10 * 9..day.sent.len();
    last.max_by_key(pause).expect("a day")
}

/// Sends the day at an even pace; while the disturbance is not over it trickles through its last fifth, and in the last tenth
/// waits for it. For three hours of it one topic's time stands still: the mark after them has much to do. Gives the
/// time of the last tick.
fn feed(
    lane: &Lane,
    day: &Day,
    over: Duration,
    after_silence: impl Fn(),
    disturbance: &Disturbance,
) -> i64 {
    let mut loader = lane.producer();
    let (first, last) = (
        day.sent[0].send_at.0,
        day.sent[day.sent.len() - 1].send_at.0,
    );
    let pace = over.as_secs_f64() / (last - first) as f64;
    let waits_before = waits_before(day);
    let silence = first + 9 * HOUR..first + 12 * HOUR;
    let (mut due, mut before) = (Instant::now(), first);
    for (i, sent) in day.sent.iter().enumerate() {
        let at = sent.send_at.0;
        let pause = Duration::from_secs_f64((at - before) as f64 * pace);
        let trickles = i > day.sent.len() / 5 * 4 && !disturbance.is_over();
        due += if trickles { pause.max(TRICKLE) } else { pause };
        if before < silence.end && silence.end <= at {
            loader.flush();
            after_silence();
            due = Instant::now();
        }
        before = at;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        while i == waits_before && !disturbance.is_over() {
            loader.tick(&RAW, (loader.now() + STIR_BY).min(at));
            thread::sleep(STIR);
        }
        loader.send(WEB_RAW, sent.key.as_deref(), sent.json.as_bytes(), Some(at));
        let is_reported = i % EVENTS_TO_A_REPORT == 0 && !silence.contains(&at);
        let event = sent.truth.as_ref().filter(|truth| is_forwarded(truth.fate));
        if let Some(event) = event.filter(|_| is_reported) {
            let report = report(event, i, at);
            loader.send(
                ENGAGEMENT_RAW,
                sent.key.as_deref(),
                report.as_bytes(),
                Some(at),
            );
        }
        let topics = if silence.contains(&at) {
            &[WEB_RAW][..]
        } else {
            &RAW
        };
        loader.tick_by_the_minute(topics);
    }
    for hour in 1..=26 {
        loader.tick(&[WEB_RAW, ENGAGEMENT_RAW], last + hour * HOUR);
    }
    loader.flush();
    loader.now()
}

/// What a chat engine says of the visitor of an event: that they took an offer which nobody here made.
fn report(event: &Truth, number: usize, at: i64) -> String {
    let at = journey::Timestamp(at).to_string();
    let report = json!({
        "eventId": format!("report-{number}"), "offerId": "made-elsewhere", "actionState": "accepted",
        "customerCookieId": event.cookie, "deploymentId": event.deployment_id, "createdDate": at, "sentDate": at,
    });
    report.to_string()
}

/// Appends a recorded log, record by record, to the same partitions of another lane, at an even pace.
pub(crate) fn replay(lane: &Lane, log: &[Record], over: Duration) {
    // In the order of time, so that no partition runs far ahead of the others.
    let mut log: Vec<&Record> = log.iter().collect();
    log.sort_by_key(|record| (record.timestamp, record.partition, record.offset));
    let mut loader = lane.producer();
    let started = Instant::now();
    for (i, record) in log.iter().enumerate() {
        let due = over.mul_f64(i as f64 / log.len() as f64);
        if let Some(early) = due.checked_sub(started.elapsed()) {
            thread::sleep(early);
        }
        loader.copy("web.events", record);
    }
    loader.flush();
}
