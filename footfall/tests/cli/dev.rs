//! `footfall dev`: what it says where something is missing, and that calling it twice is no error.

use std::{env, fs, os::unix::fs::PermissionsExt, path::Path};

use super::footfall_command::{Done, Scratch, command, footfall};

/// A call with nothing in the path but this folder.
fn footfall_with_path(path: &Path, arguments: &[&str]) -> Done {
    let output = command(arguments).env("PATH", path).output();
    let output = output.expect("the binary starts");
    Done {
        code: output.status.code().expect("not killed"),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// `dev up` on a machine whose only program is a Java of this version, if any.
fn up_with_java(name: &str, version: Option<&str>) -> Done {
    let scratch = Scratch::new(name);
    let programs = Path::new(scratch.path()).join("bin");
    fs::create_dir_all(&programs).expect("a folder");
    if let Some(version) = version {
        let java = programs.join("java");
        let script = format!("#!/bin/sh\necho 'openjdk version \"{version}\" 2021-09-14' >&2\n");
        fs::write(&java, script).expect("written");
        fs::set_permissions(&java, fs::Permissions::from_mode(0o755)).expect("a program");
    }
    let (dir, cache) = (
        format!("{}/dev", scratch.path()),
        format!("{}/jars", scratch.path()),
    );
    let done = footfall_with_path(&programs, &["dev", "up", "--dir", &dir, "--cache", &cache]);
    assert!(
        !Path::new(&dir).join("kafka.pid").exists(),
        "nothing was started"
    );
    done
}

#[test]
fn a_java_or_maven_that_is_missing_is_named_with_the_line_that_installs_it() {
    #[track_caller]
    fn check(name: &str, java: Option<&str>, says: &[&str]) {
        let done = up_with_java(name, java);
        assert_eq!(done.code, 1, "{}{}", done.out, done.err);
        assert_eq!(done.out, "", "what a shell may evaluate stays clean");
        for words in says {
            assert!(done.err.contains(words), "{words}: {}", done.err);
        }
    }
    check(
        "no-java",
        None,
        &[
            "Java 17 or newer is missing",
            "openjdk-17-jre-headless\n",
            "default-jre-headless\n",
        ],
    );
    check(
        "old-java",
        Some("11.0.2"),
        &[
            "is Java 11, and Kafka needs 17",
            "default-jre-headless\n",
            "and set JAVA_HOME",
        ],
    );
    check("no-maven", Some("21.0.1"), &["Maven is missing", "apt-get"]);
}

#[test]
fn ports_that_are_half_written_are_no_failure_and_go_with_the_data() {
    let scratch = Scratch::new("half-ports");
    scratch.write("ports", "kafka=90");
    let dev =
        |arguments: &[&str]| footfall(&[&["dev"], arguments, &["--dir", scratch.path()]].concat());
    let status = dev(&["status"]);
    assert_eq!((status.code, status.err.as_str()), (1, ""));
    assert!(dev(&["env"]).err.contains("not running: start it"));
    assert_eq!(dev(&["down", "--delete"]).with(0), "not running\n");
    assert!(!Path::new(scratch.path()).join("ports").exists());
}

/// Beside the Kafka of the other tests, which holds the usual ports.
#[test]
fn up_and_down_may_be_called_twice_and_ports_that_are_taken_are_left_alone() {
    let Ok(others) = env::var("FOOTFALL_BROKERS") else {
        eprintln!("FOOTFALL_BROKERS is not set: `dev up` is not tested");
        return;
    };
    // Where `tests/run.sh` stops what a test could not.
    let within =
        env::var("FOOTFALL_DEV_DIR").unwrap_or_else(|_| env!("CARGO_TARGET_TMPDIR").into());
    let dir = format!("{within}/cluster-{}-twice", std::process::id());
    let dev = |arguments: &[&str]| {
        let all = [
            &["dev"],
            arguments,
            &["--dir", &dir, "--kafka-heap", "512m", "--long-running"],
        ]
        .concat();
        let output = command(&all).output().expect("the binary starts");
        let code = output.status.code().expect("not killed");
        (code, String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert_eq!(dev(&["status"]).0, 1, "nothing runs yet");
    let (code, first) = dev(&["up"]);
    assert_eq!(code, 0, "{first}");
    let (_, variables) = dev(&["env"]);
    assert!(
        !variables.contains(&format!("FOOTFALL_BROKERS={others}\n")),
        "{variables}"
    );
    let (code, again) = dev(&["up"]);
    assert_eq!(code, 0, "{again}");
    assert_eq!(dev(&["env"]).1, variables, "it is where it was");
    assert_eq!(dev(&["status"]).0, 0);
    // As one leaves it who is killed between starting it and noting which process it is.
    let noted = Path::new(&dir).join("kafka.pid");
    fs::remove_file(&noted).expect("noted");
    assert_eq!(dev(&["status"]).0, 0, "it is known by its mark");
    let (_, stopped) = dev(&["down"]);
    assert!(stopped.contains("kafka"), "{stopped}");
    assert_eq!(dev(&["down"]).0, 0, "once more is no error");
    assert_eq!(dev(&["status"]).0, 1);
    let _ = fs::remove_dir_all(&dir);
}
