//! A process's CPU time, from the kernel.

use anyhow::Context;

/// CPU-seconds that a process has used so far, user and system, all threads.
pub(crate) fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    seconds(&std::fs::read_to_string(format!("/proc/{pid}/stat")).context("the process is gone")?)
}

fn seconds(stat: &str) -> anyhow::Result<f64> {
    let fields = stat.rsplit_once(')').context("no stat line")?.1;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    let ticks = |at: usize| {
        fields
            .get(at)
            .and_then(|field| field.parse::<f64>().ok())
            .context("no CPU time")
    };
    // Fields 14 and 15 of proc(5), counted from the third; the clock ticks 100 times a second on Linux.
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}

/// CPU-seconds that the threads of this name have used so far.
pub(crate) fn thread_cpu_seconds(pid: u32, name: &str) -> f64 {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task"));
    let of_thread = |thread: std::fs::DirEntry| {
        let read = |what: &str| std::fs::read_to_string(thread.path().join(what)).ok();
        read("comm").filter(|comm| comm.trim() == name)?;
        seconds(&read("stat")?).ok()
    };
    threads
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(of_thread)
        .sum()
}

/// The most resident memory so far, in MiB.
pub(crate) fn resident_mib(pid: u32) -> f64 {
    status_mib(pid, "VmHWM:")
}

/// Resident memory now, in MiB.
pub(crate) fn resident_now_mib(pid: u32) -> f64 {
    status_mib(pid, "VmRSS:")
}

fn status_mib(pid: u32, what: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(what));
    let kib = line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or_default() / 1024.0
}
