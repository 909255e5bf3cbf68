//! What the README says, and the documents beside it, is held against what there is.

use std::{fs, path::PathBuf, process::Command};

mod commands;
mod definitions;
mod names;
mod options;
mod topics;

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
