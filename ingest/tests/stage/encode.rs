//! What leaves: bytes under the right key, in the right place, and what is counted.

use ingest::{Accepted, Ingest, Nothing};
use journey::{VisitorTrait, WebEvent, partition};
use pipeline::{
    Fold, Outbox, Stage, Trigger,
    outbox::{Addresses, Batch, Count, Destination, Origin},
};

use crate::{decode, event, stage};

const PARTITIONS: u32 = 12;

fn run(members: &str) -> (Batch, Accepted) {
    let mut ingest = stage(0);
    let accepted = decode(&mut ingest, event(members).as_bytes()).expect("accepted");
    let told = (*accepted).clone();
    let mut fold = Fold::new(ingest);
    let mut out = Vec::new();
    let key = fold.apply(accepted, &mut out);
    assert_eq!(key, Nothing);
    assert!(fold.is_empty(), "ingest remembers nothing");
    fold.drain_changes(|_, _| panic!("and so has nothing to capture"));
    let addresses = Addresses {
        topology: Ingest::TOPOLOGY,
        partitions: vec![PARTITIONS, PARTITIONS, 1],
        input_partitions: vec![1, 1],
        schema_ids: vec![Some(7), Some(8), Some(9)],
        dead_letter_partitions: vec![1, 1],
        dead_letter_bytes: false,
    };
    let mut batch = Batch::default();
    for output in out {
        let origin = Origin {
            input: 0,
            partition: 0,
            offset: 1,
            key: None,
            value: None,
            attempts: 0,
            first_received_at: journey::Timestamp(0),
        };
        fold.processor().encode(
            &key,
            output,
            &mut Outbox::new(&mut batch, &addresses, 0, Some(origin)),
        );
    }
    (batch, told)
}

#[test]
fn an_event_is_framed_keyed_by_its_visitor_and_placed_by_the_key() {
    let (batch, told) = run("");
    let [record] = batch.records() else {
        panic!("one record")
    };
    let customer_id = told.event.customer_id.as_str().as_bytes();
    assert_eq!(record.destination, Destination::Output(0));
    assert_eq!(record.partition, partition::of_key(customer_id, PARTITIONS));
    assert_eq!(
        record.trigger,
        Some(Trigger::Record(told.event.received_at))
    );
    assert_eq!(batch.key(record), Some(customer_id));
    let (id, body) = schemas::unframe(batch.value(record).expect("a value")).expect("framed");
    assert_eq!(id, 7);
    assert_eq!(schemas::from_bytes::<WebEvent>(body), Ok(told.event));
}

#[test]
fn a_trait_goes_to_visitors_under_its_visitor_and_name() {
    let (batch, told) = run(r#""traits":{"givenName":"Jane"}"#);
    let [_, record] = batch.records() else {
        panic!("two records")
    };
    assert_eq!(record.destination, Destination::Output(1));
    let key = format!("{}|givenName", told.event.customer_id);
    assert_eq!(batch.key(record), Some(key.as_bytes()));
    let (id, body) = schemas::unframe(batch.value(record).expect("a value")).expect("framed");
    assert_eq!(
        (id, schemas::from_bytes::<VisitorTrait>(body).as_ref()),
        (8, Ok(&told.traits[0]))
    );
}

#[test]
fn what_is_to_be_forgotten_gets_a_tombstone() {
    let (batch, told) = run(r#""eventName":"footfall_erase""#);
    let [_, email, given_name] = batch.records() else {
        panic!("three records")
    };
    for (record, name) in [(email, "email"), (given_name, "givenName")] {
        let key = format!("{}|{name}", told.event.customer_id);
        assert_eq!(batch.key(record), Some(key.as_bytes()));
        assert_eq!(batch.value(record), None);
    }
}

#[test]
fn corrections_and_scrubbed_values_are_counted_by_kind() {
    let (batch, _) = run(
        r#""createdDate":"2026-11-24T00:00:00Z","searchQuery":"a@example.com b@example.com",
           "attributes":{"a":"4111111111111111"}"#,
    );
    let mut facts: Vec<String> = batch
        .counts()
        .filter_map(|(count, n)| match count {
            Count::Fact(name, _, label, value) => Some(format!("{name}{{{label}={value}}} {n}")),
            Count::Fate(..) => None,
        })
        .collect();
    facts.sort();
    assert_eq!(
        facts,
        [
            "footfall_scrubbed_total{kind=card} 1",
            "footfall_scrubbed_total{kind=email} 2",
            "footfall_time_corrected_total{cause=future} 1",
        ]
    );
}

#[test]
fn what_nobody_reads_and_what_is_no_identifier_is_counted_without_its_name() {
    let (batch, _) = run(
        r#""deploymentId":"known","colour":"red","shape":"round","page":{"url":"https://shop.example/","depth":1},
           "device":{"screenDensity":2.625,"fingerprint":"f"},
           "traits":{"mail":"jane","cellPhone":"12"}"#,
    );
    let mut facts: Vec<String> = batch
        .counts()
        .filter_map(|(count, n)| match count {
            Count::Fact(name, _, label, value) => Some(format!("{name}{{{label}={value}}} {n}")),
            Count::Fate(..) => None,
        })
        .collect();
    facts.sort();
    assert_eq!(
        facts,
        [
            "footfall_identifiers_dropped_total{type=email} 1",
            "footfall_identifiers_dropped_total{type=phone} 1",
            "footfall_unknown_members_total{object=device} 1",
            "footfall_unknown_members_total{object=event} 2",
            "footfall_unknown_members_total{object=page} 1",
        ]
    );
}
