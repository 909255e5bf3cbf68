//! The contract that every stage fulfils: a fold per key with timers, and how it meets the bytes of the log.

use std::{fmt::Debug, hash::Hash, sync::Arc};

use journey::{TaskTime, Timestamp, definitions::DefinitionSet, mark::Claims};
use schemas::{Avro, Incompatible, Malformed};
use serde_json::Value;

use crate::outbox::{Counter, Outbox};

/// One stage's logic: a fold over the inputs of one key, with timers. Pure: same inputs, same marks, same states, same
/// outputs. No clock, no I/O, no async, no error to return; state goes in and comes out by value, so that a stage cannot
/// half-update it, forget to write it back or look at two keys.
///
/// Each task (one input partition) owns a processor of its own.
pub trait Processor {
    /// What the fold is over.
    type Key: Avro + Clone + Ord + Hash + Debug;
    /// One decoded record.
    type Input;
    /// What is remembered of a key. Its encoding is canonical: equal states, equal bytes.
    type State: Avro;
    /// What is to be told.
    type Output;

    /// Rises when the same inputs would make another state.
    const FOLD_VERSION: u8 = 1;

    /// The newest format of a state's bytes that this release knows: one more with each change of what is written. A release
    /// reads every format up to it, and writes the one before it until it is told otherwise.
    const STATE_FORMAT: u8 = 1;

    /// Appends a state in one of the formats. Each is canonical.
    fn write_state(state: &Self::State, format: u8, to: &mut Vec<u8>) {
        let _ = format;
        state.write(to);
    }

    /// Reads a state that was written in one of the formats.
    fn read_state(format: u8, bytes: &[u8]) -> Result<Self::State, Malformed> {
        let _ = format;
        schemas::from_bytes(bytes)
    }

    /// Whose input this is.
    fn key(&self, input: &Self::Input) -> Self::Key;

    /// The input's own time: its key's frontier timers with an earlier deadline fire before it is applied.
    fn time(&self, input: &Self::Input) -> Timestamp;

    /// Folds `input` into `state`. Returning `None` forgets the key.
    fn apply(
        &self,
        time: &TaskTime,
        key: &Self::Key,
        state: Option<Self::State>,
        input: Self::Input,
        out: &mut Vec<Self::Output>,
    ) -> Option<Self::State>;

    /// What `state` waits for: at most one timer by frontier and one by watermark, the earliest of each in the order
    /// (deadline, kind). Derived from the state alone.
    fn timers(&self, state: &Self::State) -> Timers;

    /// A timer of [`Processor::timers`] is due. The state that comes back must not want the same timer again, nor one
    /// ordered before it. Outputs carry the deadline as their time.
    fn on_timer(
        &self,
        time: &TaskTime,
        key: &Self::Key,
        state: Self::State,
        timer: Timer,
        out: &mut Vec<Self::Output>,
    ) -> Option<Self::State>;

    /// Since when a key has been silent: the longest silent go first at the state limit. Derived from the state alone. Unless
    /// told otherwise, what would end first.
    fn silent_since(&self, state: &Self::State) -> Timestamp {
        let Timers {
            frontier,
            watermark,
        } = self.timers(state);
        let deadlines = [frontier, watermark].into_iter().flatten();
        deadlines
            .map(|(deadline, _)| deadline)
            .min()
            .unwrap_or(Timestamp::MIN)
    }

    /// How many of what a stage wants to show, as open offers, a state holds: their sum over all states is what
    /// [`Stage::gauge`] is told.
    fn open_in(&self, state: &Self::State) -> usize {
        let _ = state;
        0
    }

    /// A task remembers more keys than it may, and this one goes: the last chance to close what is open.
    fn evict(
        &self,
        time: &TaskTime,
        key: &Self::Key,
        state: Self::State,
        out: &mut Vec<Self::Output>,
    ) {
        let _ = (time, key, state, out);
    }

    /// The definitions in force are these from now on (called once before the first record, and at the beginning of the
    /// mark at which a task switches).
    fn adopt(&mut self, definitions: &Arc<DefinitionSet>) {
        let _ = definitions;
    }

    /// What the task's sources claim is this from now on: called at the beginning of every mark, before anything else of it,
    /// and after a restore. For a stage that says how much of the whole its numbers stand for.
    fn hear(&mut self, claims: &Claims) {
        let _ = claims;
    }

    /// Inputs that time itself brings, at the beginning of a mark that moved the frontier from `was` to `now`: keys that
    /// must exist though nothing happened, as staffing's empty intervals. A mark may span a long time.
    fn due(&self, was: &TaskTime, now: &TaskTime) -> Vec<Self::Input> {
        let _ = (was, now);
        Vec::new()
    }
}

/// By which of a task's two clocks a timer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    /// For what can be taken back: fires at marks, and before a later record of its own key.
    Frontier,
    /// For what cannot: fires at marks only.
    Watermark,
}

/// Something that a state waits for. Due when its clock has passed the deadline (strictly).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer {
    /// When.
    pub deadline: Timestamp,
    /// What for: of two timers with the same deadline the lower kind fires first. A stage numbers its kinds over both clocks.
    pub kind: u8,
    /// By which clock.
    pub by: By,
}

/// The earliest timer of each clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timers {
    /// The earliest (deadline, kind) by frontier.
    pub frontier: Option<(Timestamp, u8)>,
    /// The earliest (deadline, kind) by watermark.
    pub watermark: Option<(Timestamp, u8)>,
}

impl Timers {
    /// Adds a timer; the earliest of each clock stays.
    #[must_use]
    pub fn and(mut self, by: By, deadline: Timestamp, kind: u8) -> Timers {
        let slot = match by {
            By::Frontier => &mut self.frontier,
            By::Watermark => &mut self.watermark,
        };
        let timer = (deadline, kind);
        *slot = Some(slot.map_or(timer, |earliest| earliest.min(timer)));
        self
    }
}

/// How a stage meets the log: which topics, in which bytes.
pub trait Stage: Processor<Key: Send, State: Send, Output: Send> + Send {
    /// Its topics, and how it takes and gives time.
    const TOPOLOGY: Topology;

    /// What it shows of itself, beside what every stage shows.
    const METRICS: OwnMetrics = OwnMetrics::NONE;

    /// What the number of [`OwnMetrics::gauge`] is, at this time and with so much open; `None` while nobody knows.
    fn gauge(&self, time: &TaskTime, open: usize) -> Option<f64> {
        let _ = (time, open);
        None
    }

    /// Reads one record that is no mark and no tick. Called again with the same record after [`Refusal::UnknownSchema`] was
    /// answered with [`Stage::learn`].
    fn decode(&mut self, record: &Record<'_>) -> Result<Self::Input, Refusal>;

    /// Learns what a schema id stands for.
    fn learn(&mut self, id: u32, schema: &str) -> Result<(), Incompatible>;

    /// Says what one input led to in fewer outputs, where that can be.
    fn condense(&self, _: &mut Vec<Self::Output>) {}

    /// Writes one output: [`Outbox::send`], [`Outbox::dead_letter`] or [`Outbox::suppress`], and what to count.
    fn encode(&self, key: &Self::Key, output: Self::Output, out: &mut Outbox<'_>);

    /// A commit follows, and everything up to `received` has been taken in: what is to be told once in a while is told.
    fn settle(&mut self, received: Timestamp, out: &mut Outbox<'_>) {
        let _ = (received, out);
    }

    /// What a stage without a changelog has taken in and not told yet, in no more than [`OWN_LIMIT`] bytes of JSON: it stands
    /// beside the committed offset, as atomic as any output, and without a record of its own.
    ///
    /// [`OWN_LIMIT`]: crate::changelog::OWN_LIMIT
    fn note(&self) -> Value {
        Value::Null
    }

    /// Takes back what [`Stage::note`] said at the committed offset.
    fn recall(&mut self, note: &Value) {
        let _ = note;
    }

    /// How many records took the slow way of schema resolution since the last call.
    fn take_slow_decodes(&mut self) -> u64 {
        0
    }
}

/// A stage's topics (by their names without the lane's prefix), and how it takes and gives time.
#[derive(Clone, Copy, Debug)]
pub struct Topology {
    /// `sessionizer`: in metrics, group ids, transactional ids, changelogs.
    pub stage: &'static str,
    /// What it reads. Each partition of each is a task.
    pub inputs: &'static [&'static str],
    /// What it writes, dead letters and changelogs aside. An index into this is an output's topic.
    pub outputs: &'static [OutputTopic],
    /// Where its tasks' frontiers come from.
    pub time_from: TimeFrom,
    /// Where its own marks go.
    pub marks_into: MarksInto,
    /// Whether it reads `journey.definitions` at start.
    pub definitions: bool,
    /// Whether it remembers nothing of any key. What a task must know of itself then stands beside its committed offset, and
    /// there is no changelog: a transaction touches that many partitions less.
    pub stateless: bool,
    /// Whether dead letters hold the record's bytes (stages after ingest), or only say where they lie (ingest).
    pub dead_letter_bytes: bool,
    /// Whether it stops when the share of dead letters says that the fault is ours. Never true of ingest: a stranger could
    /// switch it off.
    pub dead_letter_limit: bool,
}

/// What a stage shows of itself. Each series stands at zero from the start.
#[derive(Clone, Copy, Debug)]
pub struct OwnMetrics {
    /// What it counts.
    pub counters: &'static [Counts],
    /// Reasons of refusal that have a counter of their own.
    pub reasons: &'static [CountedReason],
    /// A number that it shows of each task.
    pub gauge: Option<Gauge>,
    /// The output whose latency it shows by what triggered it, timers too.
    pub latency: Option<Latency>,
}

impl OwnMetrics {
    /// Nothing.
    pub const NONE: OwnMetrics = OwnMetrics {
        counters: &[],
        reasons: &[],
        gauge: None,
        latency: None,
    };
}

/// A reason of refusal that is a metric too, by its name alone.
#[derive(Clone, Copy, Debug)]
pub struct CountedReason {
    /// As [`Rejection::reason`] has it.
    pub reason: &'static str,
    /// The metric's name.
    pub name: &'static str,
    /// The metric's help text.
    pub help: &'static str,
}

/// A number of a stage's own, by task.
#[derive(Clone, Copy, Debug)]
pub struct Gauge {
    /// The metric's name.
    pub name: &'static str,
    /// The metric's help text.
    pub help: &'static str,
}

/// How fast one of a stage's outputs is, by `trigger`: `event`, from a record's arrival; `timer`, from its deadline.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// The metric's name.
    pub name: &'static str,
    /// The metric's help text.
    pub help: &'static str,
    /// Index into [`Topology::outputs`].
    pub output: usize,
}

/// A counter of a stage's own, and the closed list of its label's values.
pub type Counts = (&'static Counter, &'static [&'static str]);

/// A topic that a stage writes.
#[derive(Clone, Copy, Debug)]
pub struct OutputTopic {
    /// Its name without the lane's prefix.
    pub name: &'static str,
    /// The schema of its values, as JSON, registered under `<topic>-value`; `None` if values are not framed Avro.
    pub schema: Option<&'static str>,
    /// Whether it must have as many partitions as the first input.
    pub co_partitioned: bool,
}

/// Where a task's frontier comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeFrom {
    /// The broker's append time of the last record read, ticks included: raw topics.
    AppendTime,
    /// The claims of the marks in the input.
    Marks,
}

/// Where a stage's own marks go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarksInto {
    /// Into every partition of this output.
    EveryPartition(usize),
    /// Into the task's own partition of this output.
    SamePartition(usize),
    /// Nobody after it goes by marks.
    Nowhere,
}

/// One record of an input topic.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The topic, without the lane's prefix.
    pub topic: &'a str,
    /// The partition.
    pub partition: u32,
    /// The offset.
    pub offset: i64,
    /// The broker's append time, never going back within the partition.
    pub received_at: Timestamp,
    /// The same, or when it was received first, if it was sent again as a dead letter.
    pub first_received_at: Timestamp,
    /// The key, as it came.
    pub key: Option<&'a [u8]>,
    /// The value, as it came.
    pub value: Option<&'a [u8]>,
}

/// Which task a stage's processor serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskContext {
    /// Index into [`Topology::inputs`].
    pub input: usize,
    /// The partition of that input.
    pub partition: u32,
    /// How many partitions that input has.
    pub partition_count: u32,
}

/// Why a record is no input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Kept apart, with its reason.
    Rejected(Rejection),
    /// Left out on purpose (consent refused, a page class that blocks): a count and nothing more.
    Suppressed(&'static str),
    /// Ask the registry, [`Stage::learn`], and decode again. Never a dead letter.
    UnknownSchema(u32),
}

/// Why a record cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// From a closed list of the stage: metric label and dead-letter header alike.
    pub reason: &'static str,
    /// What is wrong and with which field; never the value.
    pub message: String,
    /// Whose it is, as far as known: for `footfall dead-letters` and the owner of the snippet.
    pub deployment: Option<String>,
}

impl Rejection {
    /// A rejection of unknown origin.
    pub fn new(reason: &'static str, message: impl Into<String>) -> Rejection {
        Rejection {
            reason,
            message: message.into(),
            deployment: None,
        }
    }
}
