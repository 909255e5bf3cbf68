//! Processes that the tool starts: what they inherit of its environment, and how they are told to end.

use std::{
    env,
    ffi::OsStr,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, bail};

/// Variables that say what this machine has, whatever is done on it: where jars are kept, and how much memory Kafka may take.
const OF_THE_MACHINE: [&str; 2] = ["FOOTFALL_CACHE", "FOOTFALL_KAFKA_HEAP"];

/// A program that is told all its options: it inherits none of those in the environment, which are meant for other calls. A stage
/// of a demo that wrote JSON because a profile says so would be read as one that wrote nothing.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        if is_an_option(&name) {
            command.env_remove(name);
        }
    }
    command
}

fn is_an_option(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("FOOTFALL_") && !OF_THE_MACHINE.contains(&name.as_ref())
}

/// Sends a signal (`TERM`, `KILL`) to a process. One that has gone by then is no error.
pub fn signal(pid: u32, name: &str) -> anyhow::Result<()> {
    let status = kill(pid, name).status().context("running sh")?;
    if !status.success() && Path::new("/proc").join(pid.to_string()).exists() {
        bail!("may not send SIG{name} to process {pid}");
    }
    Ok(())
}

/// The shell's own `kill`: there is no need for the program, which small images lack, nor for `unsafe`.
fn kill(pid: u32, name: &str) -> Command {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("kill -s {name} {pid}")])
        .stderr(Stdio::null());
    shell
}

#[cfg(test)]
mod tests {
    use std::os::unix::{fs::symlink, process::ExitStatusExt};

    use super::*;

    #[test]
    fn options_in_the_environment_are_not_inherited_and_what_the_machine_has_is() {
        let is_an_option = |name: &str| super::is_an_option(OsStr::new(name));
        for option in [
            "FOOTFALL_OUTPUT",
            "FOOTFALL_OUTPUT_FORMAT",
            "FOOTFALL_KAFKA_PROPERTY",
            "FOOTFALL_METRICS_ADDRESS",
        ] {
            assert!(is_an_option(option), "{option}");
        }
        for other in ["FOOTFALL_CACHE", "FOOTFALL_KAFKA_HEAP", "PATH", "RUST_LOG"] {
            assert!(!is_an_option(other), "{other}");
        }
    }

    #[test]
    fn a_signal_arrives_where_there_is_a_shell_and_no_program_to_kill_with() {
        let path = std::env::temp_dir().join(format!("footfall-child-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory for this test");
        symlink("/bin/sh", path.join("sh")).expect("a link");
        let mut child = Command::new("sleep").arg("60").spawn().expect("starts");
        let sent = kill(child.id(), "TERM").env("PATH", &path).status();
        assert!(sent.expect("a shell").success());
        assert_eq!(child.wait().expect("gone").signal(), Some(15));
        let _ = std::fs::remove_dir_all(&path);
    }

    #[test]
    fn who_has_gone_needs_no_signal() {
        let mut child = Command::new("true").spawn().expect("starts");
        child.wait().expect("gone");
        signal(child.id(), "TERM").expect("nothing to do");
    }
}
