//! The floor: a stage over the same shell that decodes nothing, keeps nothing, and writes every record back as it is.

use std::process::ExitCode;

use journey::{TaskTime, Timestamp, topics};
use pipeline::{
    Address, MarksInto, Outbox, OutputTopic, Place, Processor, Record, Refusal, Stage, TimeFrom,
    Timer, Timers, Topology,
    config::{KafkaArgs, StageArgs},
    run::{Extras, stage_main},
};
use schemas::{Avro, Incompatible, Malformed, avro::Reader};

/// Where the pass-through stage writes.
pub(crate) const COPY: &str = "bench.copy";

#[derive(Debug)]
struct PassThrough;

/// Nothing: there is one key and it has no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Nothing;

impl Avro for Nothing {
    fn write(&self, _: &mut Vec<u8>) {}

    fn read(_: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Nothing)
    }
}

#[derive(Debug)]
struct Copied {
    key: Vec<u8>,
    value: Vec<u8>,
    received_at: Timestamp,
}

impl Processor for PassThrough {
    type Key = Nothing;
    type Input = Copied;
    type State = Nothing;
    type Output = Copied;

    fn key(&self, _: &Copied) -> Nothing {
        Nothing
    }

    fn time(&self, input: &Copied) -> Timestamp {
        input.received_at
    }

    fn apply(
        &self,
        _: &TaskTime,
        _: &Nothing,
        _: Option<Nothing>,
        input: Copied,
        out: &mut Vec<Copied>,
    ) -> Option<Nothing> {
        out.push(input);
        None
    }

    fn timers(&self, _: &Nothing) -> Timers {
        Timers::default()
    }

    fn on_timer(
        &self,
        _: &TaskTime,
        _: &Nothing,
        _: Nothing,
        _: Timer,
        _: &mut Vec<Copied>,
    ) -> Option<Nothing> {
        None
    }
}

impl Stage for PassThrough {
    const TOPOLOGY: Topology = Topology {
        stage: "pass-through",
        inputs: &[topics::WEB_EVENTS],
        outputs: &[OutputTopic {
            name: COPY,
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

    fn encode(&self, _: &Nothing, output: Copied, out: &mut Outbox<'_>) {
        let to = Address {
            topic: 0,
            place: Place::SamePartition,
            key: &output.key,
            caused_at: Some(output.received_at),
        };
        out.send(to, |value| value.extend_from_slice(&output.value));
    }
}

/// Runs the stage until a signal.
pub(crate) fn run(kafka: &KafkaArgs, stage: &StageArgs) -> ExitCode {
    stage_main(
        kafka,
        stage,
        Extras {
            ticks: true,
            ..Extras::default()
        },
        |_| PassThrough,
    )
}
