//! The straight-line codec against apache-avro, and against bytes that are no record.

use std::fmt::Debug;

use apache_avro::Schema;
use proptest::prelude::*;
use schemas::{Malformed, Record, from_bytes, to_bytes};

use crate::{
    for_each_record,
    generate::{check, read, sample, written},
};

#[test]
fn what_apache_avro_writes_is_read_and_written_byte_for_byte() {
    fn agrees<T: Record>() {
        check(T::schema(), 1, 64, |value| {
            let bytes = written(T::schema(), &value);
            let record: T = from_bytes(&bytes).expect("a record");
            assert_eq!(to_bytes(&record), bytes);
        });
    }
    for_each_record!(agrees);
}

#[test]
fn maps_of_many_entries_are_read_and_written_value_for_value() {
    fn agrees<T: Record>() {
        check(T::schema(), 4, 32, |value| {
            let bytes =
                to_bytes(&from_bytes::<T>(&written(T::schema(), &value)).expect("a record"));
            assert!(same(&read(T::schema(), &bytes), &value));
        });
    }
    fn same(a: &apache_avro::types::Value, b: &apache_avro::types::Value) -> bool {
        // NaN is not equal to itself, its text is; and a HashMap's text has no order.
        a == b || format!("{b:?}").contains("NaN")
    }
    agrees::<journey::WebEvent>();
    agrees::<journey::staffing::StaffingInterval>();
}

#[test]
fn maps_are_in_order_of_name_whoever_wrote_them() {
    let entries = |names: &[&str]| -> Vec<(journey::Text, i64)> {
        names
            .iter()
            .enumerate()
            .map(|(i, name)| ((*name).into(), i as i64))
            .collect()
    };
    let sorted = schemas::record::map(entries(&["c", "a", "b", "a"]));
    assert_eq!(sorted, [("a".into(), 3), ("b".into(), 2), ("c".into(), 0)]);
    let mut interval = journey::staffing::StaffingInterval::default();
    interval.actual.blocked = entries(&["b", "a"]);
    let read: journey::staffing::StaffingInterval =
        from_bytes(&to_bytes(&interval)).expect("a record");
    assert_eq!(read.actual.blocked, [("a".into(), 1), ("b".into(), 0)]);
}

#[test]
fn a_record_that_is_cut_off_or_too_long_is_an_error() {
    fn check<T: Record + Debug>() {
        let bytes = written(T::schema(), &sample(T::schema()));
        for length in 0..bytes.len() {
            assert!(
                from_bytes::<T>(&bytes[..length]).is_err(),
                "{length} of {} bytes",
                bytes.len()
            );
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(
            from_bytes::<T>(&longer).expect_err("too long"),
            Malformed::Trailing
        );
    }
    for_each_record!(check);
}

#[test]
fn a_length_beyond_the_record_is_refused_before_anything_is_allocated() {
    for length in [1 << 20, 1 << 40, i64::MAX, -1, -(1 << 40), i64::MIN] {
        let mut bytes = Vec::new();
        schemas::avro::write_long(length, &mut bytes);
        bytes.extend([2; 30]);
        assert!(
            from_bytes::<String>(&bytes).is_err(),
            "text of {length} bytes"
        );
        assert!(
            from_bytes::<Vec<String>>(&bytes).is_err(),
            "list of {length} texts"
        );
    }
}

#[test]
fn blocks_with_their_size_in_front_are_read() {
    let mut bytes = Vec::new();
    for number in [-2, 2, 5, 6] {
        schemas::avro::write_long(number, &mut bytes);
    }
    for number in [1, 7, 0] {
        schemas::avro::write_long(number, &mut bytes);
    }
    assert_eq!(from_bytes::<Vec<i64>>(&bytes), Ok(vec![5, 6, 7]));
}

#[test]
fn the_parsed_schema_is_that_of_the_file() {
    fn check<T: Record>() {
        let parsed = Schema::parse_str(T::SCHEMA).expect("a schema");
        assert_eq!(parsed.canonical_form(), T::schema().canonical_form());
    }
    for_each_record!(check);
}

proptest! {
    #[test]
    fn no_bytes_make_the_codec_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        fn read<T: Record>(bytes: &[u8]) {
            let _ = from_bytes::<T>(bytes);
        }
        for_each_record!(read, &bytes);
    }

    #[test]
    fn no_damage_makes_the_codec_panic(damages in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        fn read<T: Record>(damages: &[(prop::sample::Index, u8)]) {
            let mut bytes = written(T::schema(), &sample(T::schema()));
            for (at, byte) in damages {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            let _ = from_bytes::<T>(&bytes);
        }
        for_each_record!(read, &damages);
    }

    #[test]
    fn numbers_read_back_as_written(number in any::<i64>(), narrow in any::<i32>(), wide in any::<u64>()) {
        prop_assert_eq!(from_bytes(&to_bytes(&number)), Ok(number));
        prop_assert_eq!(from_bytes(&to_bytes(&narrow)), Ok(narrow));
        prop_assert_eq!(from_bytes(&to_bytes(&wide)), Ok(wide));
        let fits = i32::try_from(number).map_err(|_| Malformed::Number);
        prop_assert_eq!(from_bytes::<i32>(&to_bytes(&number)), fits);
    }
}
