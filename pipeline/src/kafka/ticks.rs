//! Ticks: a record with neither key nor value, into every raw partition that we own and find empty, so that its append time
//! moves on with no traffic. Losing or doubling one changes nothing.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, ClientContext, Message,
    producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext},
};

use crate::log::{LogError, TaskId};

/// The least time between two warnings.
const SAID_EVERY: Duration = Duration::from_secs(10);
/// A partition is silent when nothing came for so long.
const SILENCE: Duration = Duration::from_millis(200);
/// Silent for so long it is ticked whatever its watermark says: control records at its end are never delivered.
const LONG_SILENCE: Duration = Duration::from_secs(1);

/// Ticks the partitions that this worker owns.
pub(super) struct Ticker {
    producer: BaseProducer<Refusals>,
    silence: Silence,
}

/// Says, now and then, that ticks are refused: a silent partition that is not ticked holds the time of all.
#[derive(Default)]
struct Refusals {
    said_at: Mutex<Option<Instant>>,
}

impl ClientContext for Refusals {}

impl ProducerContext for Refusals {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let Err((error, record)) = result else { return };
        let mut said_at = self.said_at.lock().unwrap_or_else(PoisonError::into_inner);
        if said_at.is_none_or(|at| at.elapsed() > SAID_EVERY) {
            *said_at = Some(Instant::now());
            let (topic, partition) = (record.topic(), record.partition());
            tracing::warn!(%error, topic, partition, "a tick is refused: while nothing else comes there, no visit ends anywhere");
        }
    }
}

impl Ticker {
    pub(super) fn open(config: &ClientConfig) -> Result<Ticker, LogError> {
        // Without idempotence no answer of a broker is fatal for the producer, and a tick that comes twice changes nothing.
        let mut config = config.clone();
        let producer = config
            .set("enable.idempotence", "false")
            .create_with_context(Refusals::default())
            .map_err(|e| LogError::new(format!("no producer for ticks: {e}")))?;
        Ok(Ticker {
            producer,
            silence: Silence::new(Instant::now()),
        })
    }

    /// These partitions are ours now, and no others.
    pub(super) fn own(&mut self, tasks: impl Iterator<Item = TaskId>) {
        self.silence.own(tasks, Instant::now());
    }

    /// A record came.
    pub(super) fn delivered(&mut self, task: TaskId) {
        self.silence.delivered(task);
    }

    /// Ticks what is silent. `is_drained` says whether everything that is there has been delivered.
    pub(super) fn tick(
        &mut self,
        topic: impl Fn(TaskId) -> String,
        is_drained: impl Fn(TaskId) -> bool,
    ) {
        let now = Instant::now();
        for task in self.silence.due(now, is_drained) {
            let name = topic(task);
            let tick: BaseRecord<'_, [u8], [u8]> =
                BaseRecord::to(&name).partition(task.partition as i32);
            if self.producer.in_flight_count() < 1_000 && self.producer.send(tick).is_ok() {
                self.silence.ticked(task, now);
            }
        }
        self.take_reports();
    }

    /// Takes in every delivery report that is there: one poll takes one, and there is one for each partition and tick.
    fn take_reports(&self) {
        let mut left = i32::MAX;
        while self.producer.in_flight_count() < left {
            left = self.producer.in_flight_count();
            self.producer.poll(Duration::ZERO);
        }
    }
}

/// Which partitions are silent, and since when.
#[derive(Debug)]
struct Silence {
    quiet: BTreeMap<TaskId, Quiet>,
    looked_at: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Quiet {
    /// Something came since the last look: no clock is read for each record.
    has_delivered: bool,
    delivered_at: Instant,
    ticked_at: Instant,
}

impl Silence {
    fn new(now: Instant) -> Silence {
        Silence {
            quiet: BTreeMap::new(),
            looked_at: now,
        }
    }

    fn own(&mut self, tasks: impl Iterator<Item = TaskId>, now: Instant) {
        let quiet = Quiet {
            has_delivered: false,
            delivered_at: now,
            ticked_at: now,
        };
        self.quiet = tasks.map(|task| (task, quiet)).collect();
    }

    fn delivered(&mut self, task: TaskId) {
        if let Some(quiet) = self.quiet.get_mut(&task) {
            quiet.has_delivered = true;
        }
    }

    fn ticked(&mut self, task: TaskId, now: Instant) {
        if let Some(quiet) = self.quiet.get_mut(&task) {
            quiet.ticked_at = now;
        }
    }

    /// Looks now and then, however often it is called: the partitions to tick.
    fn due(&mut self, now: Instant, is_drained: impl Fn(TaskId) -> bool) -> Vec<TaskId> {
        if now - self.looked_at < SILENCE / 4 {
            return Vec::new();
        }
        self.looked_at = now;
        let mut due = Vec::new();
        for (task, quiet) in &mut self.quiet {
            if std::mem::take(&mut quiet.has_delivered) {
                (quiet.delivered_at, quiet.ticked_at) = (now, now);
            }
            let long = now - quiet.delivered_at >= LONG_SILENCE;
            if now - quiet.ticked_at >= SILENCE && (long || is_drained(*task)) {
                due.push(*task);
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(partition: u32) -> TaskId {
        TaskId {
            input: 0,
            partition,
        }
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_silent_partition_is_due_beside_one_that_never_rests() {
        let start = Instant::now();
        let mut silence = Silence::new(start);
        silence.own([task(0), task(1)].into_iter(), start);
        let mut ticked = Vec::new();
        for at in 0..1_000 {
            silence.delivered(task(0));
            for task in silence.due(start + ms(at), |of| of == task(1)) {
                silence.ticked(task, start + ms(at));
                ticked.push((task.partition, at));
            }
        }
        assert_eq!(ticked, [(1, 200), (1, 400), (1, 600), (1, 800)]);
    }

    #[test]
    fn what_was_not_all_delivered_yet_is_ticked_after_a_long_silence_only() {
        let start = Instant::now();
        let mut silence = Silence::new(start);
        silence.own([task(0)].into_iter(), start);
        assert_eq!(silence.due(start + ms(900), |_| false), []);
        assert_eq!(silence.due(start + ms(1_000), |_| false), [task(0)]);
    }
}
