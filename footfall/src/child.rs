//! Processes that the tool starts: how they are told to end.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, bail};

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
