use std::collections::VecDeque;

use journey::{Millis, mark};

use super::*;

/// A partition in words: `12=x` tells of 12 that it is x, `~` is a record that tells nothing, `|100` a mark.
fn records(text: &str) -> VecDeque<ReadRecord> {
    let record = |(offset, word): (i64, &str)| {
        let mut record = ReadRecord {
            topic: "t".to_owned(),
            partition: 0,
            offset,
            timestamp: Timestamp(0),
            key: None,
            value: None,
            headers: Vec::new(),
        };
        match word.strip_prefix('|') {
            Some(at) => {
                let at = Timestamp(at.parse().expect("a number"));
                let mark = TimeMark {
                    grace: Millis(0),
                    sources: vec![("s".into(), 0, at)],
                    ..TimeMark::default()
                };
                record.headers = vec![(mark::HEADER.to_owned(), mark.to_json())];
            }
            None => record.value = Some(word.as_bytes().to_vec()),
        }
        record
    };
    (0..).zip(text.split_whitespace()).map(record).collect()
}

fn compared(a: &str, b: &str, common: bool) -> Compared {
    let (mut a, mut b) = (records(a), records(b));
    let mut tell = |record: &ReadRecord| {
        let text = record.value.as_deref().map(String::from_utf8_lossy);
        Ok(text.and_then(|text| {
            let (id, said) = text.split_once('=')?;
            Some((id.to_owned(), said.as_bytes().to_vec()))
        }))
    };
    compare(
        &mut || Ok(a.pop_front()),
        &mut || Ok(b.pop_front()),
        &mut tell,
        common,
    )
    .expect("nothing fails")
}

/// Same, changed, missing, added.
#[track_caller]
fn check(compared: &Compared, same: u64, differences: [&[&str]; 3]) {
    assert_eq!(compared.same, same, "{compared:?}");
    assert_eq!(
        [&compared.changed, &compared.missing, &compared.added],
        differences
    );
}

#[test]
fn what_is_the_same_is_the_same_whether_it_tells_anything_or_not() {
    let log = "1=a ~ |10 2=b";
    let same = compared(log, log, false);
    check(&same, 2, [&[], &[], &[]]);
    assert_eq!((same.same_records, same.difference), (4, None));
}

#[test]
fn behind_the_first_difference_visits_are_still_found_by_their_id() {
    let apart = compared(
        "1=a |10 2=b 3=c |20 4=d",
        "1=a |10 ~ 3=c 2=x |20 5=e",
        false,
    );
    check(&apart, 2, [&["2"], &["4"], &["5"]]);
    let (a, b, part) = (Some(2), Some(2), "value");
    assert_eq!(apart.difference, Some(Difference { a, b, part }));
}

#[test]
fn a_key_a_header_and_an_end_are_differences() {
    let part = |a: &str, b: &str| compared(a, b, false).difference.expect("one").part;
    assert_eq!(part("|10", "|11"), "headers");
    assert_eq!(part("~", ""), "end");
    let (a, mut b) = (records("~"), records("~"));
    b[0].key = Some(b"k".to_vec());
    assert_eq!(difference(a.front(), b.front()), Some("key"));
}

#[test]
fn as_far_as_both_have_come_a_shorter_one_differs_in_nothing() {
    let shorter = compared("1=a |10 2=b |20", "1=a |10", true);
    check(&shorter, 1, [&[], &[], &[]]);
    assert_eq!((shorter.difference, shorter.goes_on), (None, Some("a")));
    let strict = compared("1=a |10 2=b |20", "1=a |10", false);
    check(&strict, 1, [&[], &["2"], &[]]);
}

#[test]
fn after_a_difference_only_what_time_has_passed_for_both_is_missing() {
    let a = "1=a |10 2=b |20 3=c |30";
    check(&compared(a, "~ |10 |20", true), 0, [&[], &["1", "2"], &[]]);
    check(
        &compared(a, "~ |10 |20", false),
        0,
        [&[], &["1", "2", "3"], &[]],
    );
}

#[test]
fn what_one_side_tells_twice_is_added_once() {
    check(&compared("~ 1=a", "1=a 1=a", false), 1, [&[], &[], &["1"]]);
}
