//! What is remembered of one interval, and when it is told again.
//!
//! `provisional` until the watermark has passed the interval's end, then `final`, once; after that only `corrected`. Every
//! revision is told at a mark and counts one up; what was not changed is not told again.
//!
//! What is in `final` does not hang on how far one source ran ahead of another: a signal is judged by its own time, never by
//! when it was read. What arrived up to the interval's end plus grace always precedes `final`; what arrived later may have
//! been read before it and is told after it, as corrected, all the same.
//!
//! All of an interval's timers go by the watermark, publication too: its beat is one of the frontier, and the watermark is
//! as far from it as the frontier is. On one clock, `final` and the revisions around it have one order.

use journey::{
    Millis, TaskTime, Text, Timestamp,
    demand::DemandSignal,
    staffing::{Actual, INTERVAL, RoutePathSummary, StaffingInterval, status},
};
use pipeline::{By, Timers};
use schemas::{Avro, Malformed, avro::Reader};

use crate::{IntervalKey, Source, counts};

/// How long an interval is kept after its end, by the watermark.
pub const KEPT_FOR: Millis = Millis::from_mins(48 * 60);

/// How far apart revisions lie after the first fact: at multiples of this of the frontier.
pub const BEAT: Millis = Millis::from_secs(10);

/// What an interval's timers are for. In this order where deadlines are the same.
pub mod timer {
    /// Tell what changed.
    pub const PUBLISH: u8 = 0;
    /// The interval is over and no earlier fact is expected.
    pub const FINISH: u8 = 1;
    /// Nobody corrects it any more.
    pub const FORGET: u8 = 2;
}

/// The status of the last revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// There is no revision yet.
    Untold,
    /// The watermark has not passed the interval's end.
    Provisional,
    /// The watermark has passed it.
    Final,
    /// A fact came after `final`.
    Corrected,
}

impl Status {
    /// As the record says it, and the metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Untold => "",
            Status::Provisional => status::PROVISIONAL,
            Status::Final => status::FINAL,
            Status::Corrected => status::CORRECTED,
        }
    }
}

impl Avro for Status {
    fn write(&self, to: &mut Vec<u8>) {
        (*self as u8).write(to);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match u8::read(from)? {
            0 => Status::Untold,
            1 => Status::Provisional,
            2 => Status::Final,
            3 => Status::Corrected,
            _ => return Err(Malformed::Number),
        })
    }
}

/// One interval of one route path, as it is remembered.
#[derive(Clone, Debug, PartialEq)]
pub struct Interval {
    start: Timestamp,
    /// The sums of all signals, below zero where a fact was taken back first.
    sums: Actual,
    /// Those of signals that `final` leaves out and that were read before it.
    after_final: Actual,
    /// Signals from after the interval's end, read before the task knew what time, and so what grace, it is.
    undated: Vec<Undated>,
    /// The counts of the last revision.
    told: Actual,
    revision: i32,
    status: Status,
    /// The watermark past which what changed is told.
    publish_at: Option<Timestamp>,
}

/// A signal that was counted neither here nor there yet.
#[derive(Clone, Debug, PartialEq)]
struct Undated {
    arrived_at: Timestamp,
    field: Text,
    reason: Option<Text>,
    delta: i64,
}

schemas::record!(Undated {
    arrived_at,
    field,
    reason,
    delta
});

schemas::record!(Interval {
    start,
    sums,
    after_final,
    undated,
    told,
    revision,
    status,
    publish_at
});

/// What a revision is made of besides the interval itself.
#[derive(Clone, Copy, Debug)]
pub struct Revision<'a> {
    /// Whose interval it is.
    pub key: &'a IntervalKey,
    /// The time at the mark that tells it.
    pub time: &'a TaskTime,
    /// The route path in words, as the definitions in force have it.
    pub route_path: Option<&'a RoutePathSummary>,
    /// Where the facts come from.
    pub source: Source,
}

impl Interval {
    /// An interval that exists though nothing happened: it is told at the mark that brought it.
    pub fn empty(start: Timestamp) -> Interval {
        Interval {
            publish_at: Some(Timestamp::MIN),
            ..Interval::untold(start)
        }
    }

    fn untold(start: Timestamp) -> Interval {
        Interval {
            start,
            sums: Actual::default(),
            after_final: Actual::default(),
            undated: Vec::new(),
            told: Actual::default(),
            revision: 0,
            status: Status::Untold,
            publish_at: None,
        }
    }

    /// Counts a signal. The first one of an interval is told at the next mark that moves the frontier, later ones at the
    /// next beat, and what arrived too late for `final` after that. Makes the interval if there is none yet.
    pub fn count(interval: Option<Interval>, signal: &DemandSignal, time: &TaskTime) -> Interval {
        let mut interval = interval.unwrap_or_else(|| Interval::untold(signal.interval_start));
        let arrived_at = signal.received_date.max(signal.time);
        let after_end = !interval.is_final() && arrived_at > interval.end();
        if after_end && *time == TaskTime::UNKNOWN {
            interval.undated.push(Undated {
                arrived_at,
                field: signal.field.clone(),
                reason: signal.reason.clone(),
                delta: signal.delta,
            });
            interval.publish_at.get_or_insert(time.watermark);
            return interval;
        }
        let sums = if after_end && arrived_at > interval.end() + grace(time) {
            &mut interval.after_final
        } else {
            let first = interval.told == Actual::default();
            let wait = if first {
                Millis(0)
            } else {
                until_beat(time.frontier)
            };
            interval.publish_at.get_or_insert(time.watermark + wait);
            &mut interval.sums
        };
        counts::add(sums, &signal.field, signal.reason.as_ref(), signal.delta);
        interval
    }

    /// Counts what was read before the time was known.
    fn date(&mut self, time: &TaskTime) {
        let last = self.end() + grace(time);
        for signal in std::mem::take(&mut self.undated) {
            let sums = if signal.arrived_at > last {
                &mut self.after_final
            } else {
                &mut self.sums
            };
            counts::add(sums, &signal.field, signal.reason.as_ref(), signal.delta);
        }
    }

    /// Whether an interval that ended at `end` takes no fact any more: the watermark has passed the time it is kept for.
    pub fn is_closed(end: Timestamp, time: &TaskTime) -> bool {
        end + KEPT_FOR < time.watermark
    }

    fn end(&self) -> Timestamp {
        self.start + INTERVAL
    }

    fn is_final(&self) -> bool {
        matches!(self.status, Status::Final | Status::Corrected)
    }

    /// What the interval waits for.
    pub fn timers(&self) -> Timers {
        let timers = if self.is_final() {
            Timers::default().and(By::Watermark, self.end() + KEPT_FOR, timer::FORGET)
        } else {
            Timers::default().and(By::Watermark, self.end(), timer::FINISH)
        };
        match self.publish_at {
            Some(at) => timers.and(By::Watermark, at, timer::PUBLISH),
            None => timers,
        }
    }

    /// Tells what changed, if anything did: as a correction once the interval is final. Where one mark carries the
    /// watermark past both the beat and the interval's end, this is its last word: nothing is told as provisional beside a
    /// watermark that says otherwise.
    pub fn publish(&mut self, revision: Revision<'_>) -> Option<StaffingInterval> {
        if !self.is_final() && self.end() < revision.time.watermark {
            return Some(self.finish(revision));
        }
        self.date(revision.time);
        self.publish_at = None;
        let shown = counts::shown(&self.sums);
        if self.status != Status::Untold && shown == self.told {
            return None;
        }
        let status = if self.is_final() {
            Status::Corrected
        } else {
            Status::Provisional
        };
        Some(self.revise(status, shown, revision))
    }

    /// Says all there is left to say, as if the interval were over: what arrived too late for that included.
    pub fn close(&mut self, revision: Revision<'_>) -> Option<StaffingInterval> {
        let late = std::mem::take(&mut self.after_final);
        counts::merge(&mut self.sums, &late);
        if self.is_final() {
            self.publish(revision)
        } else {
            Some(self.finish(revision))
        }
    }

    /// When it began.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// Tells that the interval is over, whatever changed. What arrived too late for that and was read already is told next,
    /// by a timer of its own.
    pub fn finish(&mut self, revision: Revision<'_>) -> StaffingInterval {
        self.date(revision.time);
        let shown = counts::shown(&self.sums);
        let late = std::mem::take(&mut self.after_final);
        self.publish_at = (late != Actual::default()).then(|| self.end() + Millis(1));
        counts::merge(&mut self.sums, &late);
        self.revise(Status::Final, shown, revision)
    }

    fn revise(
        &mut self,
        status: Status,
        shown: Actual,
        revision: Revision<'_>,
    ) -> StaffingInterval {
        let mut changed = counts::changed(&self.told, &shown);
        if self.status != Status::Untold && self.status != status {
            changed.insert(0, "status".into());
        }
        self.revision = self.revision.saturating_add(1);
        self.status = status;
        self.told = shown;
        let Revision {
            key,
            time,
            route_path,
            source,
        } = revision;
        StaffingInterval {
            route_path_id: key.route_path_id.clone(),
            interval_start: key.start,
            interval_seconds: INTERVAL.as_secs() as i32,
            route_path: route_path.cloned().unwrap_or_default(),
            status: status.as_str().into(),
            revision: self.revision,
            revised_date: time.frontier,
            watermark: time.watermark,
            cause: (status == Status::Corrected).then(|| source.cause().into()),
            changed,
            source: source.as_str().into(),
            completeness: completeness(self.end(), time),
            basis: "increment".into(),
            actual: self.told.clone(),
            forecast: None,
            forecast_history: Vec::new(),
        }
    }
}

/// How far the watermark stays behind the frontier.
fn grace(time: &TaskTime) -> Millis {
    time.frontier - time.watermark
}

/// The share of sources that have passed an interval's end: all of them once the frontier has, before that unknown and
/// therefore none.
fn completeness(end: Timestamp, time: &TaskTime) -> f64 {
    if time.frontier >= end { 1.0 } else { 0.0 }
}

/// How far the frontier is from the next multiple of [`BEAT`]; on one, it has not passed it yet.
fn until_beat(frontier: Timestamp) -> Millis {
    (frontier + Millis(BEAT.0 - 1)).floor(BEAT) - frontier
}
