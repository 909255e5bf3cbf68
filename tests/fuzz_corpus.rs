//! The committed corpus of the fuzz targets, played through the same functions by the compiler that everything else uses.

#![allow(
    missing_docs,
    unreachable_pub,
    reason = "the checks are a module of a test here"
)]

use std::{fs, path::PathBuf};

use checks::TARGETS;

#[path = "../fuzz/src/lib.rs"]
mod checks;

fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus")
}

#[test]
fn every_input_of_the_corpus_has_one_outcome() {
    for (target, check) in TARGETS {
        let files = fs::read_dir(corpus().join(target)).expect("a corpus for each target");
        let paths: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
        assert!(paths.len() >= 8, "{target} has {} inputs", paths.len());
        for path in paths {
            println!("{}", path.display());
            check(&fs::read(&path).expect("an input"));
        }
    }
}

#[test]
fn every_corpus_and_every_target_stand_together() {
    let mut held: Vec<String> = fs::read_dir(corpus())
        .expect("the corpus")
        .map(|entry| {
            entry
                .expect("a directory")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect();
    held.sort_unstable();
    let mut targets = TARGETS.map(|(target, _)| target);
    targets.sort_unstable();
    assert_eq!(held, targets);
    for target in targets {
        let source = corpus().join(format!("../fuzz_targets/{target}.rs"));
        let source = fs::read_to_string(source).expect("a target for each corpus");
        assert!(source.contains(&format!("footfall_fuzz::{target}(")));
    }
}
