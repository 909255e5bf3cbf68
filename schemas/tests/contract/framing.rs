//! Confluent's wire format, and what a decoder says to what it cannot read.

use journey::demand::DemandSignal;
use schemas::{DecodeError, Decoder, Record, frame, to_bytes, unframe};

fn framed(id: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame(id, &mut bytes);
    bytes.extend_from_slice(body);
    bytes
}

#[test]
fn a_frame_is_a_zero_and_the_id_in_four_bytes_big_endian() {
    for (id, bytes) in [
        (1, [0, 0, 0, 0, 1]),
        (100_001, [0, 0, 1, 0x86, 0xa1]),
        (u32::MAX, [0, 0xff, 0xff, 0xff, 0xff]),
    ] {
        assert_eq!(framed(id, &[]), bytes);
        assert_eq!(unframe(&framed(id, b"body")), Some((id, &b"body"[..])));
    }
}

#[test]
fn what_is_not_framed_is_told_apart_from_what_is_not_known() {
    let mut decoder = Decoder::<DemandSignal>::default();
    for bytes in [
        &b""[..],
        &[0, 0, 0, 1],
        &[1, 0, 0, 0, 1, 2],
        b"{\"json\": true}",
    ] {
        assert_eq!(
            decoder.decode(bytes),
            Err(DecodeError::NotFramed),
            "{bytes:?}"
        );
    }
    assert_eq!(
        decoder.decode(&framed(7, &[])),
        Err(DecodeError::UnknownSchema(7))
    );
}

#[test]
fn our_own_schema_is_known_by_its_canonical_form_and_read_in_a_straight_line() {
    let mut decoder = Decoder::<DemandSignal>::default();
    let signal = DemandSignal {
        id: "a".into(),
        delta: -1,
        ..DemandSignal::default()
    };
    let as_a_registry_prints_it = DemandSignal::schema().canonical_form();
    decoder.learn(7, &as_a_registry_prints_it).expect("our own");
    decoder.learn(8, DemandSignal::SCHEMA).expect("our own");
    decoder
        .learn(8, DemandSignal::SCHEMA)
        .expect("our own, again");
    for id in [7, 8] {
        assert_eq!(
            decoder.decode(&framed(id, &to_bytes(&signal))),
            Ok(signal.clone())
        );
    }
    assert_eq!(decoder.take_slow_count(), 0);
}

#[test]
fn a_schema_that_cannot_be_read_says_so_in_a_sentence() {
    let mut decoder = Decoder::<DemandSignal>::default();
    let incompatible = |decoder: &mut Decoder<DemandSignal>, schema: &str| {
        let error = decoder
            .learn(9, schema)
            .expect_err("incompatible")
            .to_string();
        assert!(
            error.starts_with("schema id 9 cannot be read as footfall.DemandSignal: "),
            "{error}"
        );
        assert!(error.ends_with("`footfall schemas check`"), "{error}");
        assert!(error.len() < 500, "{error}");
        error
    };
    incompatible(&mut decoder, "no schema");
    for (ours, theirs, why) in [
        (
            "\"delta\"",
            "\"other\"",
            "`delta`: not written, and without a default",
        ),
        (
            "\"version\"",
            "\"other\"",
            "`actionMap.version`: not written, and without a default",
        ),
        (
            "\"Versioned\"",
            "\"Other\"",
            "`actionMap`: written as Other, expected Versioned",
        ),
        (
            "\"string\"",
            "\"boolean\"",
            "`id`: written as boolean, expected string",
        ),
        (
            "[\n        \"null\",\n        \"string\"\n      ]",
            "[\"null\", \"long\"]",
            "`reason`: written as long, expected string",
        ),
    ] {
        let error = incompatible(&mut decoder, &DemandSignal::SCHEMA.replace(ours, theirs));
        assert!(error.contains(why), "{error}");
    }
    assert!(incompatible(&mut decoder, r#""string""#).contains("written as string, expected"));
    assert_eq!(
        decoder.decode(&framed(9, &[])),
        Err(DecodeError::UnknownSchema(9))
    );
}

#[test]
fn bytes_that_are_no_record_name_the_schema_and_what_is_wrong() {
    let mut decoder = Decoder::<DemandSignal>::default();
    decoder.learn(7, DemandSignal::SCHEMA).expect("our own");
    let error = decoder
        .decode(&framed(7, &[2]))
        .expect_err("cut off")
        .to_string();
    assert_eq!(
        error,
        "the bytes are no record of schema id 7: the bytes end too early"
    );
}
