//! The stage: `journey.demand` in, `journey.staffing` and every revision of it out.

use std::sync::Arc;

use journey::{
    Quarters, RoutePathId, TaskTime, Timestamp,
    definitions::DefinitionSet,
    demand::DemandSignal,
    mark::Claims,
    partition,
    staffing::{RoutePathSummary, StaffingInterval, status},
    topics,
};
use pipeline::{
    Address, Counter, Gauge, MarksInto, Outbox, OutputTopic, OwnMetrics, Place, Processor, Record,
    Refusal, Rejection, Stage, TaskContext, TimeFrom, Timer, Timers, Topology,
};
use schemas::{CloudEvent, DecodeError, Decoder, Format, Incompatible, Record as _};

use crate::{
    counts,
    interval::{Interval, KEPT_FOR, Revision, timer},
    key::{self, IntervalKey},
    source::Source,
};

/// Why a signal is kept apart.
pub mod reason {
    /// It has no value.
    pub const EMPTY: &str = "empty";
    /// It is not in Confluent's wire format.
    pub const NOT_FRAMED: &str = "not_framed";
    /// Its bytes are no demand signal.
    pub const MALFORMED: &str = "malformed";
    /// It names a count that this version does not know.
    pub const UNKNOWN_FIELD: &str = "unknown_field";
    /// Its interval starts at no quarter of an hour.
    pub const OFF_GRID: &str = "interval_off_grid";
    /// Its interval ended more than 48 h before the watermark.
    pub const INTERVAL_CLOSED: &str = "interval_closed";
}

static REVISIONS: Counter = Counter {
    name: "footfall_staffing_revisions_total",
    help: "Revisions of staffing intervals published, by status.",
    label: "status",
};

const FINAL_UNTIL: Gauge = Gauge {
    name: "footfall_staffing_final_timestamp_seconds",
    help: "Every interval that ended by then is final.",
};

/// The topics that every revision goes to: the last of each interval, and all of them.
const OUTPUTS: [OutputTopic; 2] = {
    const fn intervals(name: &'static str) -> OutputTopic {
        OutputTopic {
            name,
            schema: Some(StaffingInterval::SCHEMA),
            co_partitioned: true,
        }
    }
    [
        intervals(topics::STAFFING),
        intervals(topics::STAFFING_REVISIONS),
    ]
};

/// What moves an interval.
#[derive(Clone, Debug)]
pub enum Input {
    /// A fact.
    Signal(DemandSignal),
    /// The interval is there, though nothing happened.
    Exists(IntervalKey),
}

/// What is to be told.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// A revision of an interval.
    Revised(Box<StaffingInterval>),
    /// The signal is kept apart.
    Refused(Rejection),
}

/// What whoever starts the stage says of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Where the lane's facts come from.
    pub source: Source,
    /// In what intervals are written.
    pub format: Format,
}

/// Counts what happened, per route path and 15-minute interval, and tells it in revisions.
#[derive(Debug)]
pub struct Staffing {
    context: TaskContext,
    config: Config,
    decoder: Decoder<DemandSignal>,
    definitions: Arc<DefinitionSet>,
    /// How far the sources of raw events are, as of the last mark.
    quarters: Quarters,
    /// The route paths of the definitions that lie in this task's partition, in order.
    route_paths: Vec<(RoutePathId, RoutePathSummary)>,
}

impl Staffing {
    /// The stage for one task of a live lane, writing Avro.
    pub fn new(context: TaskContext) -> Staffing {
        Staffing::with(Config::default(), context)
    }

    /// The stage for one task.
    pub fn with(config: Config, context: TaskContext) -> Staffing {
        Staffing {
            context,
            config,
            decoder: Decoder::default(),
            definitions: Arc::default(),
            quarters: Quarters::default(),
            route_paths: Vec::new(),
        }
    }

    fn revision<'a>(&'a self, key: &'a IntervalKey, time: &'a TaskTime) -> Revision<'a> {
        let known = self
            .route_paths
            .binary_search_by(|(id, _)| id.cmp(&key.route_path_id));
        let route_path = known.ok().map(|at| &self.route_paths[at].1);
        Revision {
            key,
            time,
            quarters: &self.quarters,
            route_path,
            source: self.config.source,
        }
    }

    /// Whether the definitions in force are so since the mark that moved the frontier from `was` to `now`.
    fn switched(&self, was: &TaskTime, now: &TaskTime) -> bool {
        let effective_at = self.definitions.effective_at;
        was.frontier < effective_at && effective_at <= now.frontier
    }
}

fn refusal(signal: &DemandSignal, key: &IntervalKey, time: &TaskTime) -> Option<Rejection> {
    let refused = |reason, message: &str| Some(Rejection::new(reason, message));
    if !counts::is_known(&signal.field) {
        return refused(
            reason::UNKNOWN_FIELD,
            "`field` names a count that this version does not know",
        );
    }
    if !key.is_on_grid() {
        return refused(
            reason::OFF_GRID,
            "`intervalStart` is no multiple of 15 minutes",
        );
    }
    if Interval::is_closed(key.end(), time) {
        return refused(
            reason::INTERVAL_CLOSED,
            "the interval ended more than 48 h before the watermark",
        );
    }
    None
}

impl Processor for Staffing {
    type Key = IntervalKey;
    type Input = Input;
    type State = Interval;
    type Output = Output;

    fn key(&self, input: &Input) -> IntervalKey {
        match input {
            Input::Signal(signal) => IntervalKey {
                route_path_id: signal.route_path_id.clone(),
                start: signal.interval_start,
            },
            Input::Exists(key) => key.clone(),
        }
    }

    /// Fires nothing: an interval has no frontier timers. Revisions are told at marks only, so that what is told does not
    /// hang on how the signals of different visitors interleave.
    fn time(&self, input: &Input) -> Timestamp {
        match input {
            Input::Signal(signal) => signal.time,
            Input::Exists(key) => key.start,
        }
    }

    fn apply(
        &self,
        time: &TaskTime,
        key: &IntervalKey,
        state: Option<Interval>,
        input: Input,
        out: &mut Vec<Output>,
    ) -> Option<Interval> {
        let signal = match input {
            Input::Exists(_) => return Some(state.unwrap_or_else(|| Interval::empty(key.start))),
            Input::Signal(signal) => signal,
        };
        if let Some(rejection) = refusal(&signal, key, time) {
            out.push(Output::Refused(rejection));
            return state;
        }
        Some(Interval::count(state, &signal, time))
    }

    fn timers(&self, state: &Interval) -> Timers {
        state.timers()
    }

    fn on_timer(
        &self,
        time: &TaskTime,
        key: &IntervalKey,
        mut state: Interval,
        timer: Timer,
        out: &mut Vec<Output>,
    ) -> Option<Interval> {
        let revision = self.revision(key, time);
        let told = match timer.kind {
            timer::FINISH => Some(state.finish(revision)),
            _ => state.publish(revision),
        };
        out.extend(told.map(|interval| Output::Revised(Box::new(interval))));
        (timer.kind != timer::FORGET).then_some(state)
    }

    fn silent_since(&self, state: &Interval) -> Timestamp {
        state.start()
    }

    fn evict(
        &self,
        time: &TaskTime,
        key: &IntervalKey,
        mut state: Interval,
        out: &mut Vec<Output>,
    ) {
        let told = state.close(self.revision(key, time));
        out.extend(told.map(|interval| Output::Revised(Box::new(interval))));
    }

    fn adopt(&mut self, definitions: &Arc<DefinitionSet>) {
        let context = self.context;
        let here = |id: &str| {
            partition::of_key(id.as_bytes(), context.partition_count) == context.partition
        };
        let route_paths = definitions.route_paths.iter().filter(|(id, _)| here(id));
        self.route_paths = route_paths
            .map(|(id, path)| (RoutePathId(id.clone()), path.summary()))
            .collect();
        self.definitions = Arc::clone(definitions);
    }

    fn hear(&mut self, claims: &Claims) {
        self.quarters = claims.quarters();
    }

    fn due(&self, was: &TaskTime, now: &TaskTime) -> Vec<Input> {
        let mut starts: Vec<Timestamp> =
            key::entered(was.frontier, now.frontier, KEPT_FOR).collect();
        if starts.is_empty() && self.switched(was, now) {
            starts.push(key::running(now.frontier));
        }
        let keys = starts.into_iter().flat_map(|start| {
            self.route_paths.iter().map(move |(id, _)| IntervalKey {
                route_path_id: id.clone(),
                start,
            })
        });
        keys.map(Input::Exists).collect()
    }
}

impl Stage for Staffing {
    const METRICS: OwnMetrics = OwnMetrics {
        counters: &[(
            &REVISIONS,
            &[status::PROVISIONAL, status::FINAL, status::CORRECTED],
        )],
        gauge: Some(FINAL_UNTIL),
        ..OwnMetrics::NONE
    };
    const TOPOLOGY: Topology = Topology {
        stage: "staffing",
        inputs: &[topics::DEMAND],
        outputs: &OUTPUTS,
        time_from: TimeFrom::Marks,
        marks_into: MarksInto::Nowhere,
        definitions: true,
        stateless: false,
        dead_letter_bytes: true,
        dead_letter_limit: true,
    };

    fn decode(&mut self, record: &Record<'_>) -> Result<Input, Refusal> {
        let rejected = |reason, message: String| Refusal::Rejected(Rejection::new(reason, message));
        let value = record
            .value
            .ok_or_else(|| rejected(reason::EMPTY, "a signal has no value".to_owned()))?;
        self.decoder
            .decode(value)
            .map(Input::Signal)
            .map_err(|error| match error {
                DecodeError::UnknownSchema(id) => Refusal::UnknownSchema(id),
                DecodeError::NotFramed => rejected(reason::NOT_FRAMED, error.to_string()),
                DecodeError::Malformed { .. } => rejected(reason::MALFORMED, error.to_string()),
            })
    }

    fn gauge(&self, time: &TaskTime, _: usize) -> Option<f64> {
        let known = time.watermark > Timestamp::MIN;
        known.then(|| key::running(time.watermark).0 as f64 / 1000.0)
    }

    fn learn(&mut self, id: u32, schema: &str) -> Result<(), Incompatible> {
        self.decoder.learn(id, schema)
    }

    fn encode(&self, key: &IntervalKey, output: Output, out: &mut Outbox<'_>) {
        let interval = match output {
            Output::Refused(rejection) => return out.dead_letter(&rejection),
            Output::Revised(interval) => interval,
        };
        let (key, format) = (key.to_string(), self.config.format);
        let event = cloud_event(&key, &interval, format);
        for topic in 0..OUTPUTS.len() {
            let to = Address {
                topic,
                place: Place::SamePartition,
                key: key.as_bytes(),
                trigger: None,
            };
            out.send_with(to, &event.headers(), |bytes| {
                format.write(&*interval, bytes)
            });
        }
        out.count(&REVISIONS, label(&interval.status));
    }

    fn take_slow_decodes(&mut self) -> u64 {
        self.decoder.take_slow_count()
    }
}

/// The status as a label: from the closed list.
fn label(text: &str) -> &'static str {
    let known = [status::PROVISIONAL, status::FINAL, status::CORRECTED];
    known.into_iter().find(|known| *known == text).unwrap_or("")
}

/// A revision's attributes, the same on both topics: it is one event.
fn cloud_event(key: &str, interval: &StaffingInterval, format: Format) -> CloudEvent {
    let kind = match interval.status.as_str() {
        status::FINAL => "footfall.staffing.final",
        status::CORRECTED => "footfall.staffing.corrected",
        _ => "footfall.staffing.provisional",
    };
    let id = format!("{key}/{}", interval.revision);
    let at = interval.revised_date;
    CloudEvent::new(id, "/footfall/staffing", kind, at, format)
}
