//! A stage small enough to see through: what the tests of tasks and workers drive.

use std::sync::Arc;

use journey::{Quarters, TaskTime, Timestamp, definitions::DefinitionSet, mark::Claims};
use schemas::Avro as _;

use crate::{
    outbox::{Address, Outbox, Place},
    processor::{
        By, MarksInto, OutputTopic, Processor, Record, Refusal, Rejection, Stage, TimeFrom, Timer,
        Timers, Topology,
    },
};

/// Counts inputs `key@time`; tells each key's end 100 after its last input, by watermark.
#[derive(Debug, Default)]
pub(crate) struct CountingOf<const NEWEST: u8> {
    definitions: i64,
    pub(super) heard: Quarters,
}

/// Of a release that knows two formats.
pub(crate) type Counting = CountingOf<2>;

impl<const NEWEST: u8> Processor for CountingOf<NEWEST> {
    type Key = u32;
    type Input = (u32, i64);
    type State = (i64, i64);
    type Output = String;

    const STATE_FORMAT: u8 = NEWEST;

    /// The second format says what the first says, the other way round.
    fn write_state(state: &(i64, i64), format: u8, to: &mut Vec<u8>) {
        match format {
            1 => state.write(to),
            _ => (state.1, state.0).write(to),
        }
    }

    fn read_state(format: u8, bytes: &[u8]) -> Result<(i64, i64), schemas::Malformed> {
        let (first, second) = schemas::from_bytes(bytes)?;
        Ok(match format {
            1 => (first, second),
            _ => (second, first),
        })
    }

    fn key(&self, input: &(u32, i64)) -> u32 {
        input.0
    }

    fn time(&self, input: &(u32, i64)) -> Timestamp {
        Timestamp(input.1)
    }

    fn apply(
        &self,
        _: &TaskTime,
        _: &u32,
        state: Option<(i64, i64)>,
        input: (u32, i64),
        _: &mut Vec<String>,
    ) -> Option<(i64, i64)> {
        let (count, last) = state.unwrap_or_default();
        Some((count + 1, last.max(input.1)))
    }

    fn timers(&self, state: &(i64, i64)) -> Timers {
        Timers::default().and(By::Watermark, Timestamp(state.1 + 100), 0)
    }

    fn on_timer(
        &self,
        _: &TaskTime,
        key: &u32,
        state: (i64, i64),
        timer: Timer,
        out: &mut Vec<String>,
    ) -> Option<(i64, i64)> {
        out.push(format!(
            "{key} had {} until {} under {}",
            state.0, timer.deadline.0, self.definitions
        ));
        None
    }

    fn evict(&self, _: &TaskTime, key: &u32, state: (i64, i64), out: &mut Vec<String>) {
        out.push(format!("{key} went with {}", state.0));
    }

    fn adopt(&mut self, definitions: &Arc<DefinitionSet>) {
        self.definitions = definitions.version;
    }

    fn hear(&mut self, claims: &Claims) {
        self.heard = claims.quarters();
    }
}

static COUNTED: crate::Counter = crate::Counter {
    name: "footfall_counted_total",
    help: "A test's.",
    label: "what",
};

impl<const NEWEST: u8> Stage for CountingOf<NEWEST> {
    const METRICS: crate::OwnMetrics = crate::OwnMetrics {
        counters: &[(&COUNTED, &["odd", "even"])],
        reasons: &[crate::CountedReason {
            reason: "strange",
            name: "footfall_strange_total",
            help: "What is strange.",
        }],
        ..crate::OwnMetrics::NONE
    };
    const TOPOLOGY: Topology = Topology {
        stage: "counting",
        inputs: &["in"],
        outputs: &[OutputTopic {
            name: "out",
            schema: None,
            co_partitioned: true,
        }],
        time_from: TimeFrom::Marks,
        marks_into: MarksInto::SamePartition(0),
        definitions: true,
        stateless: false,
        dead_letter_bytes: true,
        dead_letter_limit: false,
    };

    fn decode(&mut self, record: &Record<'_>) -> Result<(u32, i64), Refusal> {
        let text = std::str::from_utf8(record.value.unwrap_or_default()).unwrap_or_default();
        let parts = text
            .split_once('@')
            .and_then(|(key, at)| Some((key.parse().ok()?, at.parse().ok()?)));
        parts.ok_or_else(|| Refusal::Rejected(Rejection::new("malformed", "not key@time")))
    }

    fn learn(&mut self, _: u32, _: &str) -> Result<(), schemas::Incompatible> {
        Ok(())
    }

    fn encode(&self, _: &u32, output: String, out: &mut Outbox<'_>) {
        say(&output, out);
    }
}

/// Says a text to the partition that it comes of.
pub(super) fn say(text: &str, out: &mut Outbox<'_>) {
    let to = Address {
        topic: 0,
        place: Place::SamePartition,
        key: b"k",
        trigger: None,
    };
    out.send(to, |value| value.extend_from_slice(text.as_bytes()));
}
