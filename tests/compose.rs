//! `docker-compose.yml` cannot be run everywhere: here its every `FOOTFALL_*` variable is held against the options of the
//! binary that reads it, and compose's own parser reads it where there is one.

use std::{collections::BTreeSet, path::PathBuf, process::Command};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A binary of the workspace: beside this test's own.
fn binary(name: &str) -> PathBuf {
    let mut path = std::env::current_exe().expect("a path");
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    path.join(name)
}

/// What `--help` of a command prints.
fn help(command: &[&str]) -> String {
    let (name, arguments) = command.split_first().expect("a program");
    let output = Command::new(binary(name))
        .args(arguments)
        .arg("--help")
        .output();
    let output = output
        .unwrap_or_else(|e| panic!("{name} is not built ({e}): cargo build --workspace --bins"));
    assert!(output.status.success(), "there is no command {command:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The variables that `--help` names.
fn options(name: &str) -> BTreeSet<String> {
    variables(&help(&[name]))
}

fn variables(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words
        .filter(|word| word.starts_with("FOOTFALL_"))
        .map(str::to_owned)
        .collect()
}

/// The lines of one service, and what it merges in from the top.
fn service<'a>(compose: &'a str, name: &str) -> Vec<&'a str> {
    let start = compose
        .lines()
        .position(|line| line == format!("  {name}:"))
        .expect("the service is there");
    compose
        .lines()
        .skip(start + 1)
        .take_while(|line| line.starts_with("    ") || line.trim().is_empty())
        .collect()
}

fn cluster(compose: &str) -> BTreeSet<String> {
    let lines = compose
        .lines()
        .skip_while(|line| !line.starts_with("x-cluster"))
        .skip(1);
    variables(
        &lines
            .take_while(|line| line.starts_with("  "))
            .collect::<Vec<_>>()
            .join("\n"),
    )
}

#[test]
fn every_variable_in_the_compose_file_is_an_option_of_its_binary() {
    let compose = std::fs::read_to_string(root().join("docker-compose.yml")).expect("readable");
    let cluster = cluster(&compose);
    assert!(cluster.contains("FOOTFALL_BROKERS"));
    for name in ["ingest", "sessionizer", "segmenter", "staffing"] {
        let options = options(name);
        let lines = service(&compose, name);
        let code: Vec<&str> = lines
            .iter()
            .filter(|line| !line.trim_start().starts_with('#'))
            .copied()
            .collect();
        let own = variables(&code.join("\n"));
        assert!(
            own.contains("FOOTFALL_INSTANCE"),
            "{name} has a stable name"
        );
        for variable in own.union(&cluster) {
            assert!(
                options.contains(variable),
                "{name} has no option {variable}: {options:?}"
            );
        }
    }
}

#[test]
fn what_setup_does_are_commands_of_the_tool_and_its_variables_their_options() {
    let compose = std::fs::read_to_string(root().join("docker-compose.yml")).expect("readable");
    let lines = service(&compose, "setup");
    let calls: Vec<Vec<&str>> = lines
        .iter()
        .filter(|line| line.trim().starts_with("footfall "))
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(calls.len(), 3, "topics, schemas, definitions: {calls:?}");
    let mut known = BTreeSet::new();
    for call in calls {
        let text = help(&call[..3]);
        for option in call.iter().filter(|word| word.starts_with("--")) {
            assert!(text.contains(*option), "{call:?}: no option {option}");
        }
        known.extend(variables(&text));
    }
    let own = variables(&lines.join("\n"));
    for variable in own.union(&cluster(&compose)) {
        assert!(
            known.contains(variable),
            "no command of setup reads {variable}"
        );
    }
}

/// Whether a parser must be there: on the build machine, and wherever `tests/run.sh` has installed one.
fn parser_is_required() -> bool {
    ["FOOTFALL_REQUIRE_COMPOSE", "CI"].iter().any(|name| {
        let value = std::env::var(name).unwrap_or_default();
        value == "1" || value == "true"
    })
}

#[test]
fn compose_itself_reads_the_file() {
    let parsers: [&[&str]; 2] = [&["docker", "compose"], &["docker-compose"]];
    let answers = |parser: &&&[&str]| {
        let probe = Command::new(parser[0])
            .args(&parser[1..])
            .args(["version"])
            .output();
        probe.is_ok_and(|output| output.status.success())
    };
    let Some(parser) = parsers.iter().find(answers) else {
        assert!(
            !parser_is_required(),
            "neither docker compose nor docker-compose answers: `deploy/install.sh tests` installs one"
        );
        println!("neither docker compose nor docker-compose is installed here: not read by it");
        return;
    };
    let output = Command::new(parser[0])
        .args(&parser[1..])
        .args(["config", "--quiet"])
        .current_dir(root())
        .output();
    let output = output.expect("it just answered");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
