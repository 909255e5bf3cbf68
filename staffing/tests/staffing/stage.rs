//! The stage and its bytes: what a record of `journey.demand` becomes.

use journey::{Millis, TaskTime, Timestamp, demand::DemandSignal, staffing::StaffingInterval};
use pipeline::{
    Outbox, Processor as _, Record, Refusal, Stage, TaskContext,
    outbox::{Addresses, Batch, Count, Destination, Origin},
};
use schemas::{Format, Record as _};
use staffing::{Config, Input, IntervalKey, Output, Staffing};

use crate::timeline::{at, signal};

const CONTEXT: TaskContext = TaskContext {
    input: 0,
    partition: 3,
    partition_count: 4,
};

fn record(value: Option<&[u8]>) -> Record<'_> {
    Record {
        topic: "journey.demand",
        partition: 3,
        offset: 7,
        received_at: Timestamp(0),
        first_received_at: Timestamp(0),
        key: Some(b"support"),
        value,
    }
}

fn framed(signal: &DemandSignal) -> Vec<u8> {
    let mut bytes = Vec::new();
    schemas::frame(9, &mut bytes);
    schemas::Avro::write(signal, &mut bytes);
    bytes
}

#[test]
fn a_signal_is_read_once_its_schema_is_known() {
    let mut stage = Staffing::new(CONTEXT);
    let bytes = framed(&signal("support", at("14:00"), "qualified", 1));
    assert_eq!(
        stage.decode(&record(Some(&bytes))).expect_err("refused"),
        Refusal::UnknownSchema(9)
    );
    stage
        .learn(9, DemandSignal::SCHEMA)
        .expect("our own schema");
    let input = stage.decode(&record(Some(&bytes))).expect("a signal");
    assert!(matches!(&input, Input::Signal(signal) if signal.field == "qualified"));
    assert_eq!(
        stage.key(&input),
        IntervalKey {
            route_path_id: "support".into(),
            start: at("14:00")
        }
    );
}

#[test]
fn every_interval_that_ended_before_the_watermark_is_shown_as_final() {
    let stage = Staffing::new(CONTEXT);
    let shown = |frontier| stage.gauge(&TaskTime::new(frontier, Millis::from_mins(15)), 0);
    let seconds = |time: &str| Some(at(time).0 as f64 / 1000.0);
    assert_eq!(shown(at("14:15")), seconds("13:45"), "not passed yet");
    assert_eq!(shown(at("14:15") + Millis(1)), seconds("14:00"));
    assert_eq!(shown(at("14:29")), seconds("14:00"));
    assert_eq!(stage.gauge(&TaskTime::UNKNOWN, 0), None);
}

#[test]
fn what_is_no_signal_is_kept_apart() {
    let mut stage = Staffing::new(CONTEXT);
    stage
        .learn(9, DemandSignal::SCHEMA)
        .expect("our own schema");
    let whole = framed(&signal("support", at("14:00"), "qualified", 1));
    for (value, reason) in [
        (None, "empty"),
        (Some(&b"{}"[..]), "not_framed"),
        (Some(&whole[..whole.len() - 1]), "malformed"),
    ] {
        let Refusal::Rejected(rejection) = stage.decode(&record(value)).expect_err("refused")
        else {
            panic!("{reason}");
        };
        assert_eq!(rejection.reason, reason);
    }
}

/// The batch that one output makes.
fn encoded(output: Output) -> Batch {
    encoded_by(Config::default(), output)
}

fn encoded_by(config: Config, output: Output) -> Batch {
    let addresses = Addresses {
        topology: Staffing::TOPOLOGY,
        partitions: vec![4, 4],
        input_partitions: vec![4],
        schema_ids: match config.format {
            Format::Avro => vec![Some(21), Some(22)],
            Format::Json => vec![None, None],
        },
        dead_letter_partitions: vec![4],
        dead_letter_bytes: true,
    };
    let mut batch = Batch::default();
    let origin = Origin {
        input: 0,
        partition: 3,
        offset: 7,
        key: Some(b"support"),
        value: Some(b"bytes"),
        attempts: 0,
        first_received_at: Timestamp(0),
    };
    let key = IntervalKey {
        route_path_id: "support".into(),
        start: at("14:00"),
    };
    let origin = matches!(output, Output::Refused(_)).then_some(origin);
    Staffing::with(config, CONTEXT).encode(
        &key,
        output,
        &mut Outbox::new(&mut batch, &addresses, 3, origin),
    );
    batch
}

#[test]
fn a_revision_goes_to_both_topics_under_its_own_key_in_the_tasks_partition() {
    let interval = StaffingInterval {
        route_path_id: "support".into(),
        status: "final".into(),
        revision: 4,
        ..StaffingInterval::default()
    };
    let batch = encoded(Output::Revised(Box::new(interval.clone())));
    let records = batch.records();
    assert_eq!(
        records.iter().map(|r| r.destination).collect::<Vec<_>>(),
        [Destination::Output(0), Destination::Output(1)]
    );
    for (record, schema_id) in records.iter().zip([21, 22]) {
        assert_eq!(record.partition, 3);
        assert_eq!(
            batch.key(record),
            Some(&b"support|2026-11-23T14:00:00Z"[..])
        );
        let (id, body) = schemas::unframe(batch.value(record).expect("a value")).expect("framed");
        assert_eq!(id, schema_id);
        assert_eq!(
            schemas::from_bytes::<StaffingInterval>(body),
            Ok(interval.clone())
        );
    }
    let counted: Vec<_> = batch.counts().collect();
    assert!(matches!(
        counted[..],
        [(
            Count::Fact("footfall_staffing_revisions_total", _, "status", "final"),
            1
        )]
    ));
}

#[test]
fn a_refused_signal_is_a_dead_letter_with_its_reason() {
    let rejection = pipeline::Rejection::new(staffing::reason::UNKNOWN_FIELD, "no such count");
    let batch = encoded(Output::Refused(rejection));
    assert_eq!(batch.records()[0].destination, Destination::DeadLetter(0));
    assert_eq!(batch.value(&batch.records()[0]), Some(&b"bytes"[..]));
}

#[test]
fn in_json_a_revision_is_the_same_record_and_its_headers_say_what_it_is() {
    let interval = StaffingInterval {
        route_path_id: "support".into(),
        interval_start: at("14:00"),
        status: "final".into(),
        revision: 4,
        revised_date: at("14:30:00.200"),
        ..StaffingInterval::default()
    };
    let config = Config {
        format: Format::Json,
        ..Config::default()
    };
    let batch = encoded_by(config, Output::Revised(Box::new(interval.clone())));
    let own = schemas::to_json(StaffingInterval::schema(), &schemas::to_bytes(&interval));
    let own = own.expect("a record").to_string();
    for record in batch.records() {
        assert_eq!(batch.value(record), Some(own.as_bytes()));
        let headers: Vec<_> = batch
            .headers(record)
            .map(|(name, value)| (name, std::str::from_utf8(value).expect("text")))
            .collect();
        assert_eq!(
            headers,
            [
                ("ce_specversion", "1.0"),
                ("ce_id", "support|2026-11-23T14:00:00Z/4"),
                ("ce_source", "/footfall/staffing"),
                ("ce_type", "footfall.staffing.final"),
                ("ce_time", "2026-11-23T14:30:00.200Z"),
                ("content-type", "application/json"),
            ]
        );
    }
}
