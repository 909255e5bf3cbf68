//! Tests, metrics, alerts, timelines and files that documents name exist.

use std::{collections::BTreeSet, fs, path::Path};

use crate::{blocks, read, root};

/// The source of the workspace, this file aside.
fn sources() -> String {
    fn collect(folder: &Path, text: &mut String) {
        for entry in fs::read_dir(folder)
            .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
            .flatten()
        {
            let path = entry.path();
            if path.is_dir() {
                collect(&path, text);
            } else if path.extension().is_some_and(|e| e == "rs")
                && !path.ends_with("readme/names.rs")
            {
                *text += &fs::read_to_string(&path).unwrap_or_default();
            }
        }
    }
    let mut text = String::new();
    for folder in [
        "pipeline",
        "journey",
        "schemas",
        "ingest",
        "sessionizer",
        "segmenter",
        "staffing",
        "footfall",
        "tests",
    ] {
        collect(&root().join(folder), &mut text);
    }
    text
}

/// The words of a text that hold nothing but these characters.
fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))
        .collect()
}

#[test]
fn every_test_that_documents_name_exists() {
    let (readme, sources) = (read("README.md"), sources());
    let section = readme
        .split("\n## Guarantees\n")
        .nth(1)
        .expect("the section")
        .split("\n## ")
        .next()
        .expect("one");
    let named: Vec<_> = words(section)
        .into_iter()
        .filter(|word| word.matches('_').count() >= 3)
        .collect();
    assert!(named.len() >= 10, "the names are found: {named:?}");
    assert_tests("README.md", &named, &sources);
    for (file, at_least) in [
        ("docs/ingest.md", 50),
        ("docs/semantics.md", 5),
        ("docs/segments.md", 20),
        ("docs/staffing.md", 10),
    ] {
        let rules = read(file);
        let named = quoted_sentences(&rules);
        assert!(named.len() >= at_least, "{file}: {} names", named.len());
        assert_tests(file, &named, &sources);
    }
}

/// Names in backquotes that are sentences: those of members and metrics stand there too, which are no tests.
fn quoted_sentences(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let named = quoted.filter_map(|name| {
        let name = name.rsplit("::").next().unwrap_or(name);
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let is_sentence = name.matches('_').count() >= 4 && name.chars().all(is_word);
        (is_sentence && !name.starts_with("footfall_")).then_some(name)
    });
    named.collect()
}

fn assert_tests(file: &str, named: &[&str], sources: &str) {
    for name in named {
        let there = sources.contains(&format!("fn {name}("));
        assert!(there, "{file}: there is no test {name}");
    }
}

#[test]
fn every_metric_that_documents_and_alerts_name_exists() {
    let sources = sources();
    for file in [
        "README.md",
        "docs/operations.md",
        "docs/sizing.md",
        "deploy/prometheus/rules.yml",
    ] {
        let text = read(file);
        let metrics: Vec<_> = words(&text)
            .into_iter()
            .filter(|word| word.starts_with("footfall_"))
            .collect();
        assert!(metrics.len() >= 2, "{file}: {metrics:?}");
        for metric in metrics {
            let family = ["_bucket", "_count", "_sum"]
                .iter()
                .find_map(|end| metric.strip_suffix(end))
                .unwrap_or(metric);
            let exists = [metric, family]
                .iter()
                .any(|name| sources.contains(&format!("\"{name}\"")));
            assert!(exists, "{file} names {metric}, which nothing measures");
        }
    }
}

#[test]
fn every_alert_has_its_page() {
    let (rules, operations) = (
        read("deploy/prometheus/rules.yml"),
        read("docs/operations.md"),
    );
    let alerts: BTreeSet<&str> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    assert!(alerts.len() >= 5, "{alerts:?}");
    let section = operations
        .split("\n## Alerts\n")
        .nth(1)
        .expect("the section")
        .split("\n## ")
        .next()
        .expect("one");
    let pages: BTreeSet<&str> = section
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .collect();
    assert_eq!(alerts, pages);
    for alert in alerts {
        let runbook = format!("runbook: docs/operations.md#{}", alert.to_lowercase());
        assert!(rules.contains(&runbook), "{alert} does not name its page");
        let page = section
            .split(&format!("### {alert}\n"))
            .nth(1)
            .expect("its page");
        assert!(
            page.starts_with("First: "),
            "the page of {alert} begins with what to do first"
        );
    }
}

#[test]
fn the_timeline_of_the_readme_is_one_that_is_tested() {
    let (readme, semantics) = (read("README.md"), read("docs/semantics.md"));
    let timelines = blocks(&readme, "timeline");
    assert!(!timelines.is_empty());
    for timeline in timelines {
        assert!(
            semantics.contains(&timeline.join("\n")),
            "not in docs/semantics.md:\n{}",
            timeline.join("\n")
        );
    }
}

#[test]
fn every_file_that_documents_link_exists() {
    for file in [
        "README.md",
        "schemas/README.md",
        "bench/peers/README.md",
        "deploy/collector/README.md",
        "docs/architecture.md",
        "docs/definitions.md",
        "docs/history.md",
        "docs/ingest.md",
        "docs/operations.md",
        "docs/performance.md",
        "docs/security.md",
        "docs/segments.md",
        "docs/semantics.md",
        "docs/sizing.md",
        "docs/staffing.md",
    ] {
        let text = read(file);
        let folder = root().join(file);
        let folder = folder.parent().expect("a folder");
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            if link.starts_with("http") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            assert!(folder.join(path).exists(), "{file} links {link}");
            let there = match path {
                "" => text.clone(),
                path => fs::read_to_string(folder.join(path)).unwrap_or_default(),
            };
            let has_heading = there
                .lines()
                .any(|line| heading_anchor(line) == Some(anchor.to_owned()));
            assert!(anchor.is_empty() || has_heading, "{file} links {link}");
        }
    }
}

/// What a heading is linked by.
fn heading_anchor(line: &str) -> Option<String> {
    let heading = line.strip_prefix('#')?.trim_start_matches('#').trim();
    let kept = heading.to_lowercase();
    let kept = kept
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    Some(kept.map(|c| if c == ' ' { '-' } else { c }).collect())
}
