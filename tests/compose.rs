//! `docker-compose.yml` and what lies under `deploy/` cannot be run everywhere: here their every `FOOTFALL_*` variable is held against
//! the options of the binary that reads it, and compose's own parser reads its file where there is one.

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

#[test]
fn the_registry_keeps_its_schemas_as_long_as_kafka_keeps_the_records() {
    let pom = std::fs::read_to_string(root().join("deploy/dev/pom.xml")).expect("readable");
    let version = pom.split("<registry.version>").nth(1).expect("pinned");
    let version = version.split('<').next().expect("its version");
    let compose = code("docker-compose.yml");
    let registry = service(&compose, "registry").join("\n");
    for part in [
        &format!("image: apicurio/apicurio-registry-kafkasql:{version}\n"),
        "KAFKA_BOOTSTRAP_SERVERS: kafka:9092",
        "depends_on:\n      kafka:\n        condition: service_healthy",
        "health/ready",
    ] {
        assert!(registry.contains(part), "{part}: {registry}");
    }
}

/// A file's lines that are no comments.
fn code(path: &str) -> String {
    let text = std::fs::read_to_string(root().join(path)).expect("readable");
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_variable_of_units_and_manifests_is_an_option_of_its_binary() {
    const STAGES: &[&str] = &["ingest", "sessionizer", "segmenter", "staffing"];
    for (file, of, known) in [
        (
            "deploy/systemd/footfall@.service",
            STAGES,
            "FOOTFALL_INSTANCE",
        ),
        ("deploy/systemd/footfall.env", STAGES, "FOOTFALL_BROKERS"),
        (
            "deploy/systemd/ingest.env",
            &["ingest"],
            "FOOTFALL_VISITOR_KEYS_FILE",
        ),
        (
            "deploy/kubernetes/ingest.yaml",
            &["ingest"],
            "FOOTFALL_INSTANCE",
        ),
    ] {
        let named = variables(&code(file));
        assert!(named.contains(known), "{file}: {named:?}");
        for binary in of {
            let options = options(binary);
            for variable in &named {
                let there = options.contains(variable);
                assert!(there, "{file}: {binary} has no option {variable}");
            }
        }
    }
}

#[test]
fn units_and_manifests_stop_and_are_asked_as_the_documents_say() {
    let unit = code("deploy/systemd/footfall@.service");
    assert!(unit.contains("TimeoutStopSec=15s"));
    let manifest = code("deploy/kubernetes/ingest.yaml");
    for line in [
        "terminationGracePeriodSeconds: 15",
        "fieldPath: metadata.name",
        "path: /livez, port: metrics",
        "path: /readyz, port: metrics",
    ] {
        assert!(manifest.contains(line), "the manifest says {line}");
    }
    let job = "job_name: footfall\n";
    assert!(code("deploy/prometheus/prometheus.yml").contains(job));
    assert!(code("deploy/prometheus/rules.yml").contains("job=\"footfall\""));
}

#[test]
fn the_readme_reaches_what_compose_starts() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("readable");
    let block = readme.split("```console\n").nth(1).expect("the block");
    let block = block.split("```").next().expect("its lines");
    let compose = code("docker-compose.yml");
    let ports = block.split("127.0.0.1:").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit());
        &rest[..end.unwrap_or(rest.len())]
    });
    let ports: Vec<&str> = ports.collect();
    assert_eq!(ports.len(), 3, "broker, registry, metrics: {ports:?}");
    for port in ports {
        let published = format!("[\"127.0.0.1:{port}:");
        assert!(compose.contains(&published), "compose publishes no {port}");
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
