//! The floor: a stage over the same shell that decodes nothing, keeps nothing, and writes every record back as it is.

use std::process::ExitCode;

use journey::{TaskTime, Text, Timestamp, topics};
use pipeline::{
    Address, MarksInto, Outbox, OutputTopic, Place, Processor, Record, Refusal, Stage, TimeFrom,
    Timer, Timers, Topology, Trigger,
    config::{KafkaArgs, StageArgs},
    run::{Extras, stage_main},
};
use schemas::{Avro, Incompatible, Malformed, avro::Reader};

/// Bytes of a state, of the stage that keeps one.
const STATE: usize = 300;

/// What the stage is called; its worker's thread too, whose name the kernel cuts at 15 bytes.
pub(crate) const fn name(keep: bool) -> &'static str {
    if keep {
        "copy-and-keep"
    } else {
        "pass-through"
    }
}

/// Where the stage writes.
pub(crate) const fn copy(keep: bool) -> &'static str {
    if keep { "bench.kept" } else { "bench.copy" }
}

/// The stage; `KEEP`: with a state for every visitor.
#[derive(Debug)]
struct PassThrough<const KEEP: bool>;

/// What is kept of a visitor: how many records there were, and padding.
#[derive(Clone, Debug)]
struct Kept(Box<[u8; STATE]>);

impl Avro for Kept {
    fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&*self.0);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let bytes = from.bytes(STATE)?.try_into();
        bytes
            .map(|bytes| Kept(Box::new(bytes)))
            .map_err(|_| Malformed::Truncated)
    }
}

#[derive(Debug)]
struct Copied {
    key: Vec<u8>,
    value: Vec<u8>,
    received_at: Timestamp,
}

impl<const KEEP: bool> Processor for PassThrough<KEEP> {
    type Key = Text;
    type Input = Copied;
    type State = Kept;
    type Output = Copied;

    /// Where nothing is kept there is one key.
    fn key(&self, input: &Copied) -> Text {
        let key = if KEEP { input.key.as_slice() } else { &[] };
        String::from_utf8_lossy(key).into_owned().into()
    }

    fn time(&self, input: &Copied) -> Timestamp {
        input.received_at
    }

    fn apply(
        &self,
        _: &TaskTime,
        _: &Text,
        state: Option<Kept>,
        input: Copied,
        out: &mut Vec<Copied>,
    ) -> Option<Kept> {
        out.push(input);
        KEEP.then(|| {
            let mut kept = state.unwrap_or_else(|| Kept(Box::new([b'.'; STATE])));
            let count = u64::from_le_bytes(kept.0[..8].try_into().unwrap_or_default());
            kept.0[..8].copy_from_slice(&count.wrapping_add(1).to_le_bytes());
            kept
        })
    }

    fn timers(&self, _: &Kept) -> Timers {
        Timers::default()
    }

    fn on_timer(
        &self,
        _: &TaskTime,
        _: &Text,
        _: Kept,
        _: Timer,
        _: &mut Vec<Copied>,
    ) -> Option<Kept> {
        None
    }
}

impl<const KEEP: bool> Stage for PassThrough<KEEP> {
    const TOPOLOGY: Topology = Topology {
        stage: name(KEEP),
        inputs: &[topics::WEB_EVENTS],
        outputs: &[OutputTopic {
            name: copy(KEEP),
            schema: None,
            co_partitioned: true,
        }],
        time_from: TimeFrom::Marks,
        marks_into: MarksInto::Nowhere,
        definitions: false,
        stateless: false,
        dead_letter_bytes: true,
        dead_letter_limit: true,
    };

    fn decode(&mut self, record: &Record<'_>) -> Result<Copied, Refusal> {
        Ok(Copied {
            key: record.key.unwrap_or_default().to_vec(),
            value: record.value.unwrap_or_default().to_vec(),
            received_at: record.received_at,
        })
    }

    fn learn(&mut self, _: u32, _: &str) -> Result<(), Incompatible> {
        Ok(())
    }

    fn encode(&self, _: &Text, output: Copied, out: &mut Outbox<'_>) {
        let to = Address {
            topic: 0,
            place: Place::SamePartition,
            key: &output.key,
            trigger: Some(Trigger::Record(output.received_at)),
        };
        out.send(to, |value| value.extend_from_slice(&output.value));
    }
}

/// Runs the stage until a signal.
pub(crate) fn run(kafka: &KafkaArgs, stage: &StageArgs, keep: bool) -> ExitCode {
    let extras = Extras {
        ticks: true,
        ..Extras::default()
    };
    if keep {
        stage_main(kafka, stage, extras, |_| PassThrough::<true>)
    } else {
        stage_main(kafka, stage, extras, |_| PassThrough::<false>)
    }
}
