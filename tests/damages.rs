//! The damages of `make test-damage` are patches: each must say what it breaks and what must see it, and must still fit the tree.
//! Whether it is seen takes too long to be asked in every run.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn patches() -> Vec<PathBuf> {
    let folder = fs::read_dir(root().join("tests/damages")).expect("tests/damages");
    let mut patches: Vec<PathBuf> = folder
        .map(|entry| entry.expect("an entry").path())
        .collect();
    patches.sort();
    patches
}

/// What a patch says of itself in its first lines.
fn said<'a>(patch: &'a str, what: &str) -> Option<&'a str> {
    let head = patch.lines().take_while(|line| !line.starts_with("--- "));
    head.filter_map(|line| line.strip_prefix(what)).next()
}

#[test]
fn every_damage_says_what_it_breaks_and_which_test_must_see_it() {
    let patches = patches();
    for (number, path) in (1..).zip(&patches) {
        let name = path.file_name().expect("a name").to_string_lossy();
        assert!(name.starts_with(&format!("{number:02}-")), "{name}");
        let patch = fs::read_to_string(path).expect("a patch");
        let test = said(&patch, "test: ").unwrap_or_default();
        assert!(said(&patch, "what: ").is_some(), "{name}");
        assert!(test.starts_with("-p "), "{name}: test: {test}");
        let on_kafka = test.contains("--test kafka");
        assert_eq!(on_kafka, said(&patch, "kafka: ") == Some("yes"), "{name}");
    }
}

#[test]
fn every_damage_fits_the_tree() {
    let there = Command::new("patch").arg("--version").output();
    if there.is_err() {
        println!("no patch here: `deploy/install.sh tests` installs it");
        return;
    }
    let mut misfits = Vec::new();
    for path in patches() {
        let patch = fs::File::open(&path).expect("a patch");
        let tried = Command::new("patch")
            .args(["--dry-run", "--strip=1", "--batch"])
            .current_dir(root())
            .stdin(Stdio::from(patch))
            .output()
            .expect("patch");
        if !tried.status.success() {
            let said = String::from_utf8_lossy(&tried.stdout).into_owned();
            misfits.push(format!("{}\n{said}", path.display()));
        }
    }
    assert!(
        misfits.is_empty(),
        "to be cut again:\n{}",
        misfits.join("\n")
    );
}
