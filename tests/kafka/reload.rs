//! Definitions that change while the stages run.

use serde_json::Value;

use crate::{
    kafka,
    lane::{Lane, PARTITIONS},
    live::{DEPLOYMENT, view},
    stage::{PATIENCE, Stage},
    wait_until,
};

/// Everybody who looks at a page.
fn segment(id: &str) -> String {
    format!(
        r#"{{"kind": "segment", "id": "{id}", "displayName": "{id}", "journey": {{"patterns": [{{"criteria": [
        {{"key": "page.hostname", "values": ["live.example"], "operator": "equal"}}], "count": 1, "streamType": "Web",
        "sessionType": "web", "eventName": "page_viewed"}}]}}}}"#
    )
}

/// The segments that visitors were assigned to, each with the version of the definitions that said so.
fn assigned(lane: &Lane) -> Vec<(String, i64)> {
    let records = lane.records("journey.events");
    let decoded = records.iter().map(|record| lane.auditor.decode(record));
    let assigned = decoded.filter(|event| event["eventType"] == "SegmentAssignmentEvent");
    let said = |event: Value| {
        let id = event["segmentAssignmentEvent"]["segment"]["id"].as_str();
        let version = event["definitionsVersion"].as_i64();
        (
            id.expect("a segment").to_owned(),
            version.expect("a version"),
        )
    };
    assigned.map(said).collect()
}

/// The versions that a stage's tasks are at.
fn versions(stage: &Stage) -> f64 {
    stage.metric("footfall_definitions_version", &[])
}

#[test]
fn a_set_that_is_applied_while_the_stages_run_takes_effect_without_a_restart() {
    let Some(kafka) = kafka() else { return };
    let lane = Lane::new(&kafka, "reload", false);
    lane.define(&[DEPLOYMENT, &segment("first")]);
    let mut stages: Vec<Stage> = ["ingest", "sessionizer", "segmenter"]
        .iter()
        .map(|name| lane.start(name, "a", &[]))
        .collect();
    for stage in &mut stages {
        stage.until_ready();
    }
    view(&lane, "before");
    wait_until("the first segment", PATIENCE, || {
        (assigned(&lane) == [("first".to_owned(), 1)]).then_some(())
    });

    // What nobody can read stops nobody who runs.
    let mut stranger = lane.producer();
    stranger.send_to("journey.definitions", 0, Some("segment/x/1"), b"no JSON");
    stranger.flush();
    let unreadable = |stage: &Stage| stage.metric("footfall_definitions_unreadable_total", &[]);
    for stage in [&stages[0], &stages[2]] {
        wait_until("the count of what cannot be read", PATIENCE, || {
            (unreadable(stage) == 1.0).then_some(())
        });
    }
    stranger.delete("journey.definitions", 0, "segment/x/1");
    stranger.flush();

    lane.define(&[DEPLOYMENT, &segment("second")]);
    wait_until("every task of the segmenter to switch", PATIENCE, || {
        (versions(&stages[2]) == f64::from(2 * PARTITIONS)).then_some(())
    });
    view(&lane, "after");
    wait_until("the second segment", PATIENCE, || {
        let assigned = assigned(&lane);
        assigned.contains(&("second".to_owned(), 2)).then_some(())
    });
    let said = assigned(&lane);
    assert!(
        !said.contains(&("first".to_owned(), 2)) && !said.contains(&("second".to_owned(), 1)),
        "{said:?}"
    );
    for stage in &mut stages {
        assert!(stage.is_running(), "{} ran on", stage.name);
        stage.stop();
    }
}
