//! What the README says is held against what there is: its commands are run here or by whoever is named here, its options are
//! those that `--help` prints, its tests, metrics and alerts exist.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A command that needs more than this test has: a line that begins so is run by a file that holds all of these words.
struct Elsewhere {
    line: &'static str,
    by: &'static str,
    words: &'static [&'static str],
}

const fn elsewhere(
    line: &'static str,
    by: &'static str,
    words: &'static [&'static str],
) -> Elsewhere {
    Elsewhere { line, by, words }
}

/// What is a build, or longer than a test: run by `tests/run.sh`, the demo with fewer visitors.
const ELSEWHERE: &[Elsewhere] = &[
    elsewhere("make demo", "Makefile", &["\ndemo: install"]),
    elsewhere("make demo", "tests/run.sh", &["\"$footfall\" demo "]),
    elsewhere(
        "cargo build --release",
        "Makefile",
        &["cargo build --release"],
    ),
];

/// The first line of the block that needs a Kafka, and the test that runs all of it there.
const ON_KAFKA: &str = "footfall dev up";
const ON_KAFKA_BY: &str = "tests/kafka/readme_commands.rs";

/// What this test stands in for: its own binaries are in the path.
const PATH_LINE: &str = "export PATH=\"$PWD/target/release:$PATH\"";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Where the workspace's binaries are: beside this test's own.
fn binaries() -> PathBuf {
    let mut path = std::env::current_exe().expect("a path");
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    path
}

/// A call with nothing of the caller's environment but a path that begins with our binaries.
fn bash(line: &str) -> (bool, String, String) {
    let path = std::env::var("PATH").expect("a path");
    let output = Command::new("bash")
        .args(["-c", &format!("set -euo pipefail; {line}")])
        .current_dir(root())
        .env_clear()
        .env("PATH", format!("{}:{path}", binaries().display()))
        .output()
        .expect("bash");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.success(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn help(command: &str) -> String {
    let (well, out, err) = bash(&format!("{command} --help"));
    assert!(
        well,
        "`{command} --help` (are the binaries built? cargo build --workspace --bins): {err}"
    );
    out
}

/// The lines of every fenced block of this language.
fn blocks(text: &str, language: &str) -> Vec<Vec<String>> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let block: Vec<String> = lines
                .by_ref()
                .take_while(|line| *line != "```")
                .map(str::to_owned)
                .collect();
            if info == language {
                blocks.push(block);
            }
        }
    }
    blocks
}

/// `footfall topics apply --partitions 4` is the command `footfall topics apply` with the option `--partitions`.
fn command_and_options(call: &str) -> (String, Vec<String>) {
    let words: Vec<&str> = call.split_whitespace().collect();
    let options = words
        .iter()
        .filter(|word| word.starts_with("--"))
        .map(|word| (*word).to_owned())
        .collect();
    let word = |at: usize| words.get(at).copied().unwrap_or_default();
    let groups = ["dev", "topics", "schemas", "definitions", "dead-letters"];
    let depth = match (word(0), word(1)) {
        ("footfall", group) if groups.contains(&group) => 3,
        ("footfall", _) => 2,
        _ => 1,
    };
    (words[..depth.min(words.len())].join(" "), options)
}

/// Whether this test can run a line: everything in it needs no Kafka.
fn runs_here(line: &str) -> bool {
    let commands = [
        "footfall generate",
        "footfall run",
        "footfall definitions validate",
        "head",
    ];
    line.split('|')
        .all(|call| commands.contains(&command_and_options(call).0.as_str()))
}

/// Somebody who is known runs the line.
#[track_caller]
fn assert_run_elsewhere(line: &str) {
    let found: Vec<_> = ELSEWHERE
        .iter()
        .filter(|known| line.starts_with(known.line))
        .collect();
    assert!(!found.is_empty(), "who runs `{line}`? Nobody is known to");
    for Elsewhere { by, words, .. } in found {
        let text = read(by);
        for word in *words {
            assert!(
                text.contains(word),
                "`{line}` should be run by {by}, where there is no {word}"
            );
        }
    }
}

#[test]
fn every_command_of_the_readme_is_run_here_or_elsewhere() {
    let blocks = blocks(&read("README.md"), "sh");
    let lines: Vec<String> = blocks.concat();
    assert!(lines.len() >= 10, "the commands are found: {lines:?}");
    let on_kafka = blocks.iter().find(|block| block[0] == ON_KAFKA);
    let on_kafka = on_kafka.expect("the block of commands that need a Kafka");
    assert!(
        read(ON_KAFKA_BY).contains(&format!("block(\"{ON_KAFKA}\")")),
        "{ON_KAFKA_BY} runs the block that begins with `{ON_KAFKA}`"
    );
    for line in lines.iter().filter(|line| *line != PATH_LINE) {
        let run_on_kafka = on_kafka.contains(line);
        let line = line.trim_end_matches(" &");
        if !run_on_kafka && runs_here(line) {
            let (well, out, err) = bash(line);
            assert!(well && !out.is_empty(), "`{line}`:\n{out}{err}");
            continue;
        }
        if !run_on_kafka {
            assert_run_elsewhere(line);
        }
        for call in line.split('|').filter(|call| !call.contains("$(")) {
            let (command, options) = command_and_options(call);
            if !["make", "cargo"]
                .iter()
                .any(|other| command.starts_with(other))
            {
                let help = help(&command);
                for option in options {
                    assert!(help.contains(&option), "`{command}` has no option {option}");
                }
            }
        }
    }
}

/// An option: its name, its variable, its default.
type Choice = (String, String, String);

/// What stands between `[name: ` and `]`.
fn bracketed(text: &str, name: &str) -> Option<String> {
    let start = text.find(&format!("[{name}: "))? + name.len() + 3;
    text[start..].split(']').next().map(str::to_owned)
}

/// The options that `--help` prints, in its short form and its long one.
fn choices(program: &str) -> BTreeSet<Choice> {
    let text = help(program);
    let mut options: Vec<String> = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with('-')
            && line.contains("--")
            && !line.trim_start().starts_with("- ")
        {
            options.push(String::new());
        }
        if let Some(option) = options.last_mut() {
            option.push_str(line.trim());
            option.push(' ');
        }
    }
    let choice = |option: &String| {
        let name = option
            .split_whitespace()
            .find(|word| word.starts_with("--"))?
            .to_owned();
        let variable = bracketed(option, "env")?.trim_end_matches('=').to_owned();
        Some((
            name,
            variable,
            bracketed(option, "default").unwrap_or_default(),
        ))
    };
    options.iter().filter_map(choice).collect()
}

/// The tables of the section "Configure", in order.
fn tables(readme: &str) -> Vec<BTreeSet<Choice>> {
    let section = readme
        .split("\n## Configure\n")
        .nth(1)
        .expect("the section")
        .split("\n## ")
        .next()
        .expect("one");
    let mut tables = vec![];
    for line in section.lines() {
        if line.starts_with("| option ") {
            tables.push(BTreeSet::new());
        }
        let cells: Vec<&str> = line
            .split('|')
            .map(|cell| cell.trim().trim_matches('`'))
            .collect();
        if let ([_, option, variable, default, ..], Some(table)) =
            (cells.as_slice(), tables.last_mut())
            && option.starts_with("--")
            && variable.starts_with("FOOTFALL_")
        {
            table.insert((
                (*option).to_owned(),
                (*variable).to_owned(),
                (*default).to_owned(),
            ));
        }
    }
    tables
}

#[track_caller]
fn assert_same(program: &str, written: &BTreeSet<Choice>, printed: &BTreeSet<Choice>) {
    let mut wrong = String::new();
    for (name, variable, default) in printed.difference(written) {
        let default = if default.is_empty() {
            String::new()
        } else {
            format!("`{default}` ")
        };
        let _ = writeln!(wrong, "missing: | `{name}` | `{variable}` | {default}| … |");
    }
    for (name, ..) in written.difference(printed) {
        let _ = writeln!(wrong, "not so: {name}");
    }
    assert!(
        wrong.is_empty(),
        "README.md and `{program} --help` differ:\n{wrong}"
    );
}

#[test]
fn the_options_in_the_readme_are_those_of_help() {
    let tables = tables(&read("README.md"));
    let [shared, of_ingest, of_writers, of_staffing] = tables.as_slice() else {
        panic!("four tables, not {}", tables.len())
    };
    assert!(
        shared.len() >= 13 && of_ingest.len() >= 14,
        "the rows are found"
    );
    let with = |more: &[&BTreeSet<Choice>]| -> BTreeSet<Choice> {
        shared
            .iter()
            .chain(more.iter().copied().flatten())
            .cloned()
            .collect()
    };
    assert_same("ingest", &with(&[of_ingest]), &choices("ingest"));
    assert_same("sessionizer", shared, &choices("sessionizer"));
    assert_same("segmenter", &with(&[of_writers]), &choices("segmenter"));
    let of_both = with(&[of_writers, of_staffing]);
    assert_same("staffing", &of_both, &choices("staffing"));
}

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
                && !path.ends_with("tests/readme.rs")
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
fn every_test_that_the_readme_and_the_rules_of_ingest_name_exists() {
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
    // Of a name in backquotes: here names of members and metrics stand too, which are no functions.
    let rules = read("docs/ingest.md");
    let quoted = rules.split('`').skip(1).step_by(2);
    let named = quoted.filter_map(|name| {
        let name = name.rsplit("::").next().unwrap_or(name);
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let is_sentence = name.matches('_').count() >= 4 && name.chars().all(is_word);
        (is_sentence && !name.starts_with("footfall_")).then_some(name)
    });
    let named: Vec<_> = named.collect();
    assert!(named.len() >= 50, "the names are found: {named:?}");
    assert_tests("docs/ingest.md", &named, &sources);
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
        "deploy/prometheus/rules.yml",
    ] {
        let text = read(file);
        let metrics: Vec<_> = words(&text)
            .into_iter()
            .filter(|word| word.starts_with("footfall_"))
            .collect();
        assert!(metrics.len() >= 5, "{file}: {metrics:?}");
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
        "docs/architecture.md",
        "docs/operations.md",
        "docs/performance.md",
    ] {
        let text = read(file);
        let folder = root().join(file);
        let folder = folder.parent().expect("a folder");
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let (path, _) = link.split_once('#').unwrap_or((link, ""));
            assert!(
                link.starts_with("http") || folder.join(path).exists(),
                "{file} links {link}"
            );
        }
    }
}
