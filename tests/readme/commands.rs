//! Every command of the README is run: here, or by whoever is named here.

use crate::{bash, blocks, help, read};

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

#[test]
fn events_that_documents_send_are_taken() {
    let mut sent = 0;
    for file in ["docs/operations.md", "docs/security.md"] {
        let text = read(file);
        let lines = text.lines().filter_map(|line| {
            let line = line.trim_start().strip_prefix("$ echo ")?;
            line.strip_suffix(" | footfall send")
        });
        for event in lines {
            let run = "footfall run - --definitions footfall/definitions";
            let (well, out, err) = bash(&format!("echo {event} | {run}"));
            let taken = |line: &str| line.split_whitespace().eq(["forwarded", "1"]);
            assert!(
                well && out.lines().any(taken),
                "{file}: {event}:\n{out}{err}"
            );
            sent += 1;
        }
    }
    assert_eq!(sent, 3, "the first event, and two that erase a visitor");
}
