//! What an operator is promised of every binary: its probes answer, and each metric of `docs/operations.md` is there, with its
//! labels, zeros included.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    kafka,
    lane::{Lane, WEB_RAW},
    smoke,
    stage::{STAGES, Stage},
};

/// Some of the metrics, and the stages that have them.
struct Family {
    stages: &'static [&'static str],
    metrics: &'static [&'static str],
}

const AFTER_INGEST: &[&str] = &["sessionizer", "segmenter", "staffing"];

/// What has counted nothing yet, and says so.
const ZERO: &[Family] = &[
    Family {
        stages: &STAGES,
        metrics: &[
            "footfall_records_total{topic,result,reason}",
            "footfall_records_consumed_total{topic}",
            "footfall_records_produced_total{topic}",
            "footfall_transactions_total{outcome}",
            "footfall_transaction_duration_seconds",
            "footfall_end_to_end_latency_seconds{topic}",
            "footfall_states{topic,partition}",
            "footfall_states_evicted_total",
            "footfall_restore_divergence_total",
            "footfall_hottest_key_share{topic,partition}",
            "footfall_definitions_unreadable_total",
            "footfall_slow_decodes_total",
        ],
    },
    Family {
        stages: &["ingest"],
        metrics: &[
            "footfall_unknown_deployment_events_total",
            "footfall_unknown_members_total{object}",
            "footfall_identifiers_dropped_total{type}",
            "footfall_scrubbed_total{kind}",
            "footfall_time_corrected_total{cause}",
        ],
    },
    Family {
        stages: &["sessionizer"],
        metrics: &[
            "footfall_visits_opened_total{who}",
            "footfall_visits_ended_total{reason}",
            "footfall_records_late_total{result}",
        ],
    },
    Family {
        stages: &["segmenter"],
        metrics: &[
            "footfall_segments_matched_total{cause}",
            "footfall_outcomes_reached_total{polarity}",
            "footfall_offers_total{status}",
            "footfall_offers_blocked_total{reason}",
            "footfall_offers_withdrawn_total{reason}",
            "footfall_reports_total{result}",
            "footfall_visits_forgotten_total{reason}",
            "footfall_offers_open{topic,partition}",
            "footfall_offer_latency_seconds{trigger}",
        ],
    },
    Family {
        stages: &["staffing"],
        metrics: &["footfall_staffing_revisions_total{status}"],
    },
];

/// What is there as soon as a stage is ready, at whatever it is then.
const READY: &[Family] = &[Family {
    stages: &STAGES,
    metrics: &[
        "footfall_states_limit",
        "footfall_rebalances_total",
        "footfall_restore_duration_seconds",
        "footfall_definitions_version{topic,partition}",
        "footfall_registry_up",
        "footfall_build_info{version,revision}",
    ],
}];

/// What needs input: times that are not known before, lags of what was read, reasons of what was refused.
const WORKED: &[Family] = &[
    Family {
        stages: &STAGES,
        metrics: &[
            "footfall_frontier_timestamp_seconds{topic,partition}",
            "footfall_consumer_lag_records{topic,partition}",
            "footfall_consumer_lag_seconds{topic,partition}",
            "footfall_last_stable_offset_lag_records{topic,partition}",
            "footfall_last_stable_offset_held_seconds{topic,partition}",
            "footfall_restore_remaining_records{topic,partition}",
            "footfall_state_uncaptured_age_seconds{topic,partition}",
        ],
    },
    Family {
        stages: AFTER_INGEST,
        metrics: &[
            "footfall_frontier_source_timestamp_seconds{source_topic,source_partition}",
            "footfall_watermark_timestamp_seconds{topic,partition}",
        ],
    },
    Family {
        stages: &["staffing"],
        metrics: &["footfall_staffing_final_timestamp_seconds{topic,partition}"],
    },
    Family {
        stages: &["ingest", "segmenter"],
        metrics: &["footfall_records_dead_lettered_total{reason}"],
    },
];

/// A name and its labels: `footfall_states{topic,partition}`.
fn parse(metric: &str) -> (&str, BTreeSet<&str>) {
    let (name, labels) = metric.split_once('{').unwrap_or((metric, ""));
    let labels = labels.trim_end_matches('}').split(',');
    (name, labels.filter(|label| !label.is_empty()).collect())
}

/// A line of `/metrics`: the name, the labels with their values, the number.
fn series(line: &str) -> Option<(&str, BTreeMap<&str, &str>, f64)> {
    let (series, number) = line.rsplit_once(' ')?;
    let (name, labels) = series.split_once('{')?;
    // No value of ours holds a quotation mark or a comma.
    let labels = labels.trim_end_matches('}').split(',');
    let labels = labels
        .filter_map(|label| label.split_once('='))
        .map(|(label, value)| (label, value.trim_matches('"')));
    Some((name, labels.collect(), number.parse().ok()?))
}

/// The numbers of a metric, once its labels are seen to be those that are promised. Of a histogram: of its counts.
fn numbers(stage: &Stage, text: &str, metric: &str) -> Vec<f64> {
    let (name, promised) = parse(metric);
    let count = format!("{name}_count");
    let mut numbers = Vec::new();
    for (_, mut labels, number) in text
        .lines()
        .filter_map(series)
        .filter(|(found, ..)| *found == name || *found == count)
    {
        let of = labels.remove("stage");
        assert_eq!(of, Some(stage.name.as_str()), "{metric}");
        let found: BTreeSet<&str> = labels.into_keys().collect();
        assert_eq!(found, promised, "{metric} of {}", stage.name);
        numbers.push(number);
    }
    assert!(
        !numbers.is_empty(),
        "{} has no {metric}:\n{text}",
        stage.name
    );
    numbers
}

/// Each metric of these families that a stage should have.
fn of<'a>(families: &'a [Family], stage: &'a Stage) -> impl Iterator<Item = &'static str> + 'a {
    let has = move |family: &&Family| family.stages.contains(&stage.name.as_str());
    families
        .iter()
        .filter(has)
        .flat_map(|family| family.metrics)
        .copied()
}

#[test]
fn the_metrics_that_are_looked_for_are_those_of_the_document() {
    let document = include_str!("../../docs/operations.md");
    let table = document
        .split("\n## Metrics\n")
        .nth(1)
        .expect("the section");
    let table = table.split("\n## ").next().expect("one");
    let cells = table.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = cells.filter_map(|line| line.split(" | ").next());
    let names = cells.flat_map(|cell| cell.split(", ").map(|name| name.trim_matches('`')));
    let documented: BTreeSet<_> = names.map(parse).collect();
    let looked_for: BTreeSet<_> = [ZERO, READY, WORKED]
        .into_iter()
        .flatten()
        .flat_map(|family| family.metrics)
        .map(|metric| parse(metric))
        .collect();
    assert!(documented.len() >= 30, "{documented:?}");
    assert_eq!(looked_for, documented);
}

#[test]
fn every_binary_answers_its_probes_and_shows_every_metric_that_it_promises() {
    let Some(kafka) = kafka() else { return };
    let lane = Lane::new(&kafka, "metrics", true);
    lane.define_demo();
    let mut stages = STAGES.map(|name| lane.start(name, "a", &[]));
    for stage in &mut stages {
        stage.until_ready();
        assert_eq!(
            stage.probe("livez").as_deref(),
            Ok("ok\n"),
            "{}",
            stage.name
        );
        assert_eq!(
            stage.probe("readyz").as_deref(),
            Ok("ok\n"),
            "{}",
            stage.name
        );
    }
    for stage in &stages {
        let text = stage.metrics().expect("metrics");
        for metric in of(ZERO, stage) {
            let numbers = numbers(stage, &text, metric);
            let zero = numbers.iter().all(|number| *number == 0.0);
            assert!(zero, "{metric} of {} is {numbers:?}", stage.name);
        }
        for metric in of(READY, stage) {
            numbers(stage, &text, metric);
        }
    }

    let mut loader = lane.producer();
    loader.send(WEB_RAW, Some("v2"), b"no JSON", Some(smoke::START));
    let of_nobody = smoke::view("v3", "e9", "/", smoke::START).replace("shop", "old-shop");
    loader.send(
        WEB_RAW,
        Some("v3"),
        of_nobody.as_bytes(),
        Some(smoke::START),
    );
    smoke::linger(&mut loader);
    lane.until_all_done("ingest", loader.now());
    for stage in &stages {
        let text = stage.metrics().expect("metrics");
        for metric in [ZERO, READY, WORKED]
            .iter()
            .flat_map(|some| of(some, stage))
        {
            numbers(stage, &text, metric);
        }
        let forwarded = stage.metric("footfall_records_total", &["result=\"forwarded\""]);
        assert!(forwarded > 0.0, "{} has counted something", stage.name);
    }
    let of_nobody = stages[0].metric("footfall_unknown_deployment_events_total", &[]);
    assert_eq!(of_nobody, 1.0);
}
