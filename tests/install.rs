//! `deploy/install.sh` on a machine that lacks everything, for somebody who is not root.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// What every machine has that this script asks for.
const EVERYWHERE: [&str; 5] = ["tr", "sed", "head", "grep", "uname"];

/// Runs the script where nothing but these programs is in the path; each is a line of shell.
fn install(name: &str, programs: &[(&str, &str)]) -> Output {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("install-{name}"));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("a folder");
    for name in EVERYWHERE {
        let found = ["/usr/bin", "/bin"].map(|folder| Path::new(folder).join(name));
        let found = found.iter().find(|file| file.exists()).expect(name);
        symlink(found, path.join(name)).expect("a link");
    }
    for (name, line) in programs {
        let file = path.join(name);
        fs::write(&file, format!("#!/bin/sh\n{line}\n")).expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("a program");
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/install.sh");
    let mut bash = Command::new("/bin/bash");
    bash.arg(script).env("PATH", &path).env_remove("JAVA_HOME");
    bash.output().expect("bash starts")
}

#[track_caller]
fn refuses(output: &Output, says: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(output.stdout, b"");
    for words in says {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn who_is_not_root_is_told_the_line_that_root_must_run() {
    let nobody = [
        ("cargo", "exit 0"),
        ("id", "echo 1000"),
        ("apt-cache", "exit 1"),
        ("apt-get", "echo called >&2; exit 0"),
    ];
    let output = install("as-nobody", &nobody);
    let line = "apt-get update && apt-get install -y --no-install-recommends gcc g++ libc6-dev make pkg-config libssl-dev zlib1g-dev \
                default-jre-headless maven git curl";
    refuses(&output, &["Run this as root:", line]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("called"), "nothing is installed: {said}");
}

#[test]
fn what_it_cannot_install_is_named() {
    refuses(&install("no-rust", &[]), &["Rust toolchain with rustup"]);
    let elsewhere = [("cargo", "exit 0")];
    refuses(
        &install("no-apt", &elsewhere),
        &["by their Debian names", "maven"],
    );
}
