//! Processes that outlive the tool. A pid file says which; a mark on the command line says that it is ours, as a pid
//! comes to mean another process after a crash or a restart of the machine.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use footfall::child;

use super::{directory::Directory, lifecycle::Service};

/// Starts a command in a process group of its own, so that Ctrl-C at the tool does not reach it.
pub(super) fn spawn(
    command: &mut Command,
    directory: &Directory,
    service: Service,
) -> anyhow::Result<Child> {
    let path = directory.out(service);
    let log = File::create(&path).with_context(|| format!("opening {}", path.display()))?;
    let mut child = command
        .stdin(Stdio::null())
        .stderr(log.try_clone().context("sharing the log file")?)
        .stdout(log)
        .process_group(0)
        .spawn()
        .with_context(|| format!("starting {}", service.as_str()))?;
    let noted = directory.write(
        &format!("{}.pid", service.as_str()),
        &format!("{}\n", child.id()),
    );
    if let Err(error) = noted {
        // Nobody else knows of it yet.
        let _ = child.kill();
        let _ = child.wait();
        return Err(error);
    }
    Ok(child)
}

/// The service's process, if it runs.
pub(super) fn find(directory: &Directory, service: Service) -> Option<u32> {
    let mark = directory.mark(service);
    let text = fs::read_to_string(directory.pid_file(service)).unwrap_or_default();
    let noted = text.trim().parse().ok();
    let noted = noted.filter(|pid| is_marked(*pid, &mark));
    noted.or_else(|| any_marked(&mark))
}

/// A process with this mark of which no file tells: who started it was killed before it wrote that down.
fn any_marked(mark: &str) -> Option<u32> {
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut pids = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
    pids.find(|pid| is_marked(*pid, mark))
}

/// Waits until the process has ended, and kills it when that takes too long.
pub(super) fn wait_for_end(
    directory: &Directory,
    service: Service,
    pid: u32,
    limit: Duration,
) -> anyhow::Result<()> {
    let mark = directory.mark(service);
    let begun = Instant::now();
    let mut killed = false;
    while is_marked(pid, &mark) {
        if begun.elapsed() > limit && !killed {
            footfall::say(format_args!(
                "{} did not stop in {} s: killing it",
                service.as_str(),
                limit.as_secs()
            ));
            child::signal(pid, "KILL")?;
            killed = true;
        }
        if begun.elapsed() > limit * 2 {
            bail!("{} (process {pid}) cannot be stopped", service.as_str());
        }
        thread::sleep(Duration::from_millis(25));
    }
    Ok(())
}

/// Memory that the process holds, where the system tells.
pub(super) fn resident_megabytes(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes / 1024)
}

/// Whether a process lives and has this argument. One that has ended but not been waited for has none.
fn is_marked(pid: u32, mark: &str) -> bool {
    if Path::new("/proc/self/cmdline").exists() {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        return line
            .split(|byte| *byte == 0)
            .any(|argument| argument == mark.as_bytes());
    }
    let output = Command::new("ps")
        .args(["-ww", "-o", "command=", "-p", &pid.to_string()])
        .output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(&format!("{mark} ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_cannot_be_noted_does_not_run_on() {
        let name = format!("footfall-process-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let directory = Directory::create(&path).expect("a directory for this test");
        fs::create_dir(directory.pid_file(Service::Kafka)).expect("in the way");
        let mark = directory.mark(Service::Kafka);
        let mut command = Command::new("sh");
        command.args(["-c", "while :; do sleep 0.1; done", "sh", &mark]);
        spawn(&mut command, &directory, Service::Kafka).expect_err("no place for the note");
        assert_eq!(find(&directory, Service::Kafka), None);
        let _ = fs::remove_dir_all(&path);
    }
}
