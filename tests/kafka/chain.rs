//! Exactly once, shown: the chain under kills and rebalances says what a calm one, and a batch, would say.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use crate::{
    Kafka,
    auditor::Isolation,
    disturb::{self, Kill, assert_disturbed, disturb},
    judge::{
        Lost, assert_conserved, assert_forwarded_once, assert_same_said, assert_visits_of_a_batch,
        undisturbed,
    },
    kafka, kills,
    lane::{Lane, SMALL, WEB_RAW},
    load::{replay, under_load_with_a_long_mark},
    marks::assert_marks_keep_their_word,
    number,
    stage::{STAGES, Stage},
    truth::Day,
};

/// What the stages after ingest write in every transaction.
const WRITTEN: [&str; 6] = [
    "journey.visits",
    "journey.events",
    "journey.demand",
    "web.events.sessionizer.changelog",
    "journey.visits.segmenter.changelog",
    "journey.demand.staffing.changelog",
];

/// So long is fed, that all that is done to the stages is done under load.
fn feeding() -> Duration {
    Duration::from_secs(20 + 8 * kills() as u64)
}

/// So many visitors that their events come at the rate that is asked for; enough for every case, whatever it is.
fn visitors() -> u32 {
    let rate = number("FOOTFALL_TEST_RATE", 900) as u64;
    // One visitor of the day sends 21 events, all in all.
    let visitors = rate * feeding().as_secs() / 21;
    visitors.max(2_000) as u32
}

/// A whole chain that was disturbed in every stage, and what it was fed.
struct Disturbed {
    lane: Lane,
    day: Day,
}

/// The one disturbed run that several tests look at.
fn disturbed(kafka: &Kafka) -> &'static Disturbed {
    static DISTURBED: OnceLock<Disturbed> = OnceLock::new();
    DISTURBED.get_or_init(|| run_disturbed(kafka))
}

fn run_disturbed(kafka: &Kafka) -> Disturbed {
    let day = Day::biting(1, visitors());
    let lane = Lane::new(kafka, "chain", true);
    lane.define_demo();
    let (started, events) = (Instant::now(), day.sent.len());
    under_load_with_a_long_mark(&lane, &day, feeding(), || {
        let running = disturb_all(&lane, 0, |_, _| {});
        let (kills, took) = (STAGES.len() * kills(), started.elapsed());
        println!("{}: {kills} kills in {took:?}", lane.prefix);
        running
    });
    let rate = events as f64 / started.elapsed().as_secs_f64();
    println!(
        "{}: a day of {events} events, {rate:.0} a second",
        lane.prefix
    );
    Disturbed { lane, day }
}

/// Does to the stages from `first` on what is planned for each, all at once, and gives the processes that go on.
fn disturb_all(lane: &Lane, first: usize, change: impl Fn(&str, &mut Vec<Kill>)) -> Vec<Stage> {
    thread::scope(|scope| {
        let stages = STAGES.iter().enumerate().skip(first);
        let disturbed: Vec<_> = stages
            .map(|(i, name)| {
                let mut plan = disturb::plan(i + first * 2, kills());
                change(name, &mut plan);
                scope.spawn(move || disturb(lane, name, SMALL, &plan))
            })
            .collect();
        let disturbed = disturbed.into_iter();
        disturbed.map(|s| s.join().expect("disturbed")).collect()
    })
}

#[test]
fn every_raw_event_stands_in_web_events_exactly_once_though_ingest_dies() {
    let Some(kafka) = kafka() else { return };
    let Disturbed { lane, day } = disturbed(&kafka);
    assert_eq!(assert_forwarded_once(lane, day).records, 0);
    assert_marks_keep_their_word(lane);
    let (suppressed, expected_dead) = day.refused();
    let dead_letters = lane.records(&format!("{WEB_RAW}.dead-letter"));
    let mut places = BTreeSet::new();
    let mut dead = BTreeMap::<String, usize>::new();
    for letter in &dead_letters {
        *dead.entry(letter.header("dead-letter.reason")).or_default() += 1;
        let place = (
            letter.header("dead-letter.partition"),
            letter.header("dead-letter.offset"),
        );
        assert!(places.insert(place), "one record was dead-lettered twice");
    }
    let dead: BTreeMap<&str, usize> = dead
        .iter()
        .map(|(reason, n)| (reason.as_str(), *n))
        .collect();
    assert_eq!(dead, expected_dead);
    let raw = lane
        .auditor
        .read(&lane.topic(WEB_RAW), Isolation::Uncommitted);
    let raw = raw.iter().filter(|record| !record.is_time()).count();
    let suppressed: usize = suppressed.values().sum();
    assert_eq!(
        raw,
        day.forwarded().len() + dead_letters.len() + suppressed,
        "nothing disappears"
    );
    assert_disturbed(lane, &["web.events"]);
}

#[test]
fn the_visits_of_a_disturbed_chain_are_those_of_a_batch() {
    let Some(kafka) = kafka() else { return };
    let Disturbed { lane, day } = disturbed(&kafka);
    let too_late = assert_visits_of_a_batch(lane, day, &Lost::default());
    let sent_late = day.late();
    let on_time = |id: &&String| !sent_late.contains(id.as_str());
    let wronged: Vec<_> = too_late.iter().filter(on_time).collect();
    assert!(wronged.is_empty(), "on time, and called late: {wronged:?}");
    assert!(!too_late.is_empty(), "of {} none was late", sent_late.len());
    assert_conserved(lane);
    assert_disturbed(lane, &WRITTEN);
}

#[test]
fn over_one_recorded_log_the_stages_say_the_same_disturbed_or_not() {
    let Some(kafka) = kafka() else { return };
    let recorded = &disturbed(&kafka).lane;
    let topic = recorded.topic("web.events");
    let log = recorded.auditor.read(&topic, Isolation::Committed);
    let end = recorded.auditor.frontier(&topic).expect("marks");
    let calm = undisturbed(&kafka, recorded);

    let rough = Lane::new(&kafka, "rough", true);
    rough.define_demo();
    thread::scope(|scope| {
        let feeder = scope.spawn(|| replay(&rough, &log, feeding()));
        let _running = disturb_all(&rough, 1, |name, plan| {
            if name == "sessionizer" {
                plan[0] = Kill::At("mid_mark", 2);
            }
        });
        feeder.join().expect("fed");
        rough.until_all_done("sessionizer", end);
    });
    assert_same_said(&calm, &rough);
    assert_disturbed(&rough, &WRITTEN);
}
