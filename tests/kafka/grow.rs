//! A raw topic that grows under its readers.

use crate::{
    kafka,
    lane::{Lane, PARTITIONS, RAW, WEB_RAW},
    live::{DEPLOYMENT, now, page_view, view},
    marks::assert_marks_keep_their_word,
    stage::PATIENCE,
    wait_until,
};

/// How many events the visits tell of, and how many they say that their visit has by then.
fn told(lane: &Lane) -> Vec<(String, i64)> {
    let visits = lane.values("journey.visits");
    let told = visits.iter().filter(|told| told["kind"] == "activity");
    let told = told.map(|told| {
        let id = told["visit"]["id"].as_str().expect("a visit");
        let count = told["visit"]["eventCount"].as_i64().expect("a count");
        (id.to_owned(), count)
    });
    told.collect()
}

#[test]
fn a_visit_goes_on_though_its_events_come_by_a_partition_that_is_new() {
    let Some(kafka) = kafka() else { return };
    let lane = Lane::new(&kafka, "grow", false);
    lane.define(&[DEPLOYMENT]);
    let mut sessionizer = lane.start("sessionizer", "a", &[]);
    let mut ingest = lane.start("ingest", "a", &[]);
    ingest.until_ready();
    sessionizer.until_ready();
    view(&lane, "ann");
    wait_until("the first event", PATIENCE, || {
        (told(&lane).len() == 1).then_some(())
    });
    let first_sent = now();
    lane.until_marked("web.events", first_sent);

    let more = (PARTITIONS + 2).to_string();
    let said = lane.tool_ok(&["topics", "grow", "--raw-partitions", &more]);
    assert!(said.contains("restart ingest"), "{said}");
    for topic in RAW {
        let grown = lane.auditor.partitions(&lane.topic(topic));
        assert_eq!(grown, PARTITIONS as i32 + 2);
    }
    let mut producer = lane.producer();
    let (event, _) = page_view("ann");
    producer.send_to(
        WEB_RAW,
        PARTITIONS as i32 + 1,
        Some("ann"),
        event.as_bytes(),
    );
    producer.flush();
    // As it is told to a person: a member that came back sooner would get the partitions that it had.
    ingest.stop();
    let group = lane.topic("footfall.ingest");
    wait_until("the group to be empty", PATIENCE, || {
        lane.auditor.is_empty(&group).then_some(())
    });
    let mut ingest = lane.start("ingest", "a", &[]);

    let told_of = wait_until("the second event", PATIENCE, || {
        Some(told(&lane)).filter(|told| told.len() == 2)
    });
    assert_eq!(told_of[0].0, told_of[1].0, "both are of one visit");
    assert_eq!(told_of[1].1, 2);
    lane.until_marked("web.events", now());
    assert_marks_keep_their_word(&lane);
    let passed_on = lane.values("web.events");
    assert_eq!(passed_on.len(), 2, "each is passed on once");
    for stage in [&mut ingest, &mut sessionizer] {
        assert!(stage.is_running(), "{} runs on", stage.name);
        stage.stop();
    }
}
