use super::*;
use crate::task::tests::Counting;

const DOCUMENT: &str = include_str!("../../../docs/operations.md");

#[test]
fn what_a_stage_counts_stands_at_zero_before_it_has_counted_anything() {
    let text = Metrics::of::<Counting>().render();
    for series in [
        "footfall_counted_total{what=\"odd\",stage=\"counting\"} 0",
        "footfall_records_total{reason=\"\",result=\"forwarded\",topic=\"in\",stage=\"counting\"} 0",
        "footfall_records_consumed_total{topic=\"in\",stage=\"counting\"} 0",
        "footfall_transactions_total{outcome=\"unknown\",stage=\"counting\"} 0",
        "footfall_records_produced_total{topic=\"changelog\",stage=\"counting\"} 0",
        "footfall_transaction_duration_seconds_count{stage=\"counting\"} 0",
    ] {
        assert!(
            text.lines().any(|line| line == series),
            "{series} in\n{text}"
        );
    }
}

#[test]
fn a_counted_reason_counts_the_dead_letters_of_that_reason_alone() {
    let metrics = Metrics::of::<Counting>();
    metrics.add("in", Fate::DeadLettered, "strange", 2);
    metrics.add("in", Fate::DeadLettered, "long", 3);
    metrics.add("in", Fate::Suppressed, "strange", 4);
    let text = metrics.render();
    let counted = "footfall_strange_total{stage=\"counting\"} 2";
    assert!(text.lines().any(|line| line == counted), "{text}");
}

#[test]
fn a_build_says_its_version_and_its_revision() {
    let text = Metrics::new(Counting::TOPOLOGY).render();
    let info = text
        .lines()
        .find(|line| line.starts_with("footfall_build_info{"));
    let info = info.expect("the metric");
    let version = format!("version=\"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(
        info.contains(&version) && info.contains("revision=\""),
        "{info}"
    );
}

/// By the names in the source, as the registry does not show a family that has no series yet.
#[test]
fn every_metric_of_the_shell_is_documented() {
    let words = |text: &'static str| {
        text.split(|c: char| !(c.is_ascii_lowercase() || c == '_'))
            .filter(|word| word.starts_with("footfall_"))
    };
    let documented: Vec<_> = words(DOCUMENT).collect();
    let ours: Vec<_> = words(include_str!("families.rs")).collect();
    assert!(ours.len() >= 20, "{ours:?}");
    for name in ours {
        assert!(
            documented.contains(&name),
            "{name} is not in docs/operations.md"
        );
    }
}
