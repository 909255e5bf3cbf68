//! An hour's outage of any one part: no visit ends too early, all ends come after, and what is said in the end is the same.

use std::ops::Range;

use footfall::chain::{Chain, Part};
use journey::{Millis, Timestamp, VisitEvent, topics, visit};
use journey_tests::oracle;

use crate::{
    PARTITIONS, config,
    judge::{as_the_oracle_says, decode, same},
    kinds::Kinds,
    script::{Script, TICK},
    sets,
};

const HOUR: Millis = Millis::from_mins(60);
/// The demo's visit timeout and the chain's grace: no visit ends sooner after its last event.
const PATIENCE: Millis = Millis::from_mins(20 + 15);

/// A day of some visitors, as a chain without any trouble played it, and the hour in it that begins with a visit's end.
fn day() -> (Script, Chain, Range<Timestamp>) {
    let mut calm = Chain::new(&config(7, sets(false)));
    let script = Script::write(7, 24, &Kinds::named(""), &mut calm);
    let mut ends: Vec<_> = ends(&calm).into_iter().map(|(at, _)| at).collect();
    ends.sort();
    let middle = ends[ends.len() / 2];
    (script, calm, middle..middle + HOUR)
}

/// When each record of a topic was appended, marks and ticks aside.
fn appended(chain: &Chain, topic: &str) -> Vec<(Timestamp, Vec<u8>)> {
    let records = (0..PARTITIONS).flat_map(|p| chain.broker().records(topic, p));
    records
        .filter_map(|record| Some((record.appended_at, record.value.clone()?)))
        .collect()
}

/// What happened to visits, and when it was said.
fn visits(chain: &Chain, kind: &str) -> Vec<(Timestamp, VisitEvent)> {
    let records = appended(chain, topics::VISITS).into_iter();
    let decoded = records.map(|(at, value)| (at, decode::<VisitEvent>(&value)));
    decoded.filter(|(_, event)| event.kind == *kind).collect()
}

fn ends(chain: &Chain) -> Vec<(Timestamp, VisitEvent)> {
    visits(chain, visit::kind::ENDED)
}

/// How many of these lie in a stretch of time.
fn count<T>(said: &[(Timestamp, T)], when: &Range<Timestamp>) -> usize {
    said.iter().filter(|(at, _)| when.contains(at)).count()
}

/// Ends were said in their time or later, and those that fell into the hour right after it.
fn ends_come_after(name: &str, calm: &Chain, chain: &Chain, hour: &Range<Timestamp>) {
    for (said_at, event) in ends(chain) {
        let last = event.visit.expect("the visit that ended").last_event_date;
        assert!(
            said_at >= last + PATIENCE,
            "{name}: a visit whose last event is of {last} ended at {said_at}"
        );
    }
    let held_back = count(&ends(calm), hour);
    assert!(held_back >= 3, "hardly a visit ends in that hour");
    let after = hour.end..hour.end + Millis(3 * TICK.0);
    let came = count(&ends(chain), &after);
    assert!(
        came >= held_back,
        "{name}: {came} of {held_back} came after"
    );
}

#[test]
fn an_hours_outage_of_any_stage_ends_no_visit_too_early() {
    let (script, calm, hour) = day();
    for (part, output) in Part::ALL.into_iter().zip([
        topics::WEB_EVENTS,
        topics::VISITS,
        topics::JOURNEY_EVENTS,
        topics::STAFFING,
    ]) {
        let name = format!("{part:?}");
        let mut chain = Chain::new(&config(7, sets(false)));
        script.play(&mut chain, |chain, at| {
            if at == hour.start {
                chain.stop(part, hour.end);
            }
        });
        assert!(count(&appended(&calm, output), &hour) > 0);
        assert_eq!(
            count(&appended(&chain, output), &hour),
            0,
            "{name} stood still"
        );
        if matches!(part, Part::Ingest | Part::Sessionizer) {
            ends_come_after(&name, &calm, &chain, &hour);
        }
        if part != Part::Ingest {
            same(calm.broker(), chain.broker());
        }
        let oracle = oracle::sessionize(&script.events);
        as_the_oracle_says(chain.broker(), &oracle, |visitor| {
            !script.late.contains(visitor)
        });
    }
}

#[test]
fn a_raw_source_that_hears_nothing_holds_time_and_nothing_else() {
    let (script, calm, hour) = day();
    let mut chain = Chain::new(&config(7, sets(false)));
    script.play(&mut chain, |chain, at| {
        if at == hour.start {
            chain.silence_source(topics::ENGAGEMENT_EVENTS_RAW, 1, hour.end);
        }
    });
    assert_eq!(count(&ends(&chain), &hour), 0, "time stood still");
    let activity = |chain| count(&visits(chain, visit::kind::ACTIVITY), &hour);
    assert!(activity(&calm) > 0);
    assert_eq!(activity(&chain), activity(&calm), "events did not");
    ends_come_after("a silent source", &calm, &chain, &hour);
    let oracle = oracle::sessionize(&script.events);
    as_the_oracle_says(chain.broker(), &oracle, |visitor| {
        !script.late.contains(visitor)
    });
}
