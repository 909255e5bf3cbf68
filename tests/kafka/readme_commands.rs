//! What the README says to type runs as it stands there, on a Kafka of its own.

use std::{
    fs,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{kafka, stage::binary};

/// Says which line of the README what follows belongs to.
const LINE: &str = "README> ";

/// The block of commands that begins with this line.
fn block(first: &str) -> Vec<String> {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md"));
    let readme = readme.expect("README.md");
    let lines = readme.lines().skip_while(|line| *line != first);
    let block: Vec<String> = lines
        .take_while(|line| *line != "```")
        .map(str::to_owned)
        .collect();
    assert!(!block.is_empty(), "README.md has no line {first}");
    block
}

/// The commands as one script: each line is named before it is run, and the stages are stopped, as the README says below,
/// before the broker. Whatever fails ends the script, which leaves nothing running.
fn script(block: &[String]) -> String {
    let mut script = String::from(
        "set -euo pipefail\ntrap 'kill $(jobs -p) 2> /dev/null || true; footfall dev down' EXIT\n",
    );
    for line in block {
        if line == "footfall dev down" {
            script += "stages=$(jobs -p)\nkill %1 %2 %3 %4\n";
            script += "for stage in $stages; do wait $stage; done\n";
        }
        script += &format!("echo '{LINE}{}'\n{line}\n", line.replace('\'', ""));
    }
    script
}

/// Runs the script in a place of its own; what it printed.
fn run(script: &str) -> String {
    let within = std::env::var_os("FOOTFALL_DEV_DIR").map(std::path::PathBuf::from);
    let within = within.unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into());
    let directory = within.join(format!("cluster-{}-readme", std::process::id()));
    let programs = binary("footfall").parent().expect("a folder").to_owned();
    let path = std::env::var("PATH").expect("a path");
    let mut bash = Command::new("bash");
    bash.args(["-c", script])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .env("PATH", format!("{}:{path}", programs.display()))
        .env("FOOTFALL_DEV_DIR", &directory)
        .env("FOOTFALL_KAFKA_HEAP", "512m")
        .stdin(Stdio::null());
    for variable in ["FOOTFALL_BROKERS", "FOOTFALL_REGISTRY"] {
        bash.env_remove(variable);
    }
    let output = bash.output().expect("bash");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
    let _ = fs::remove_dir_all(directory);
    out
}

/// What a line of the README printed.
fn printed<'a>(out: &'a str, line: &str) -> &'a str {
    let start = format!("{LINE}{line}");
    let after = out.split_once(&start).map(|(_, after)| after);
    let after = after.unwrap_or_else(|| panic!("{line} was not run:\n{out}"));
    after.split(LINE).next().unwrap_or_default()
}

#[test]
fn the_readme_s_commands_run_as_they_stand_there() {
    if kafka().is_none() {
        return;
    }
    let out = run(&script(&block("footfall dev up")));
    let events = printed(&out, "footfall tail");
    let events: Vec<Value> = events
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    assert_eq!(events.len(), 3, "{out}");
    assert!(
        events
            .iter()
            .all(|event| event["value"]["eventType"].is_string())
    );
    assert!(
        printed(&out, "footfall generate").contains("behind schedule"),
        "{out}"
    );
    assert!(
        printed(&out, "footfall topics apply").contains(" created"),
        "{out}"
    );
    assert!(
        !printed(&out, "footfall dead-letters list")
            .trim()
            .is_empty(),
        "{out}"
    );
    assert!(out.contains(&format!("{LINE}footfall dev down")), "{out}");
}
