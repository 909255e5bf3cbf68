//! A process's CPU time, from the kernel.

use std::collections::BTreeMap;

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

/// CPU-seconds by the name of the thread: a worker's own, librdkafka's, the runtime's.
pub(crate) fn cpu_by_thread(pid: u32) -> BTreeMap<String, f64> {
    let mut by_name = BTreeMap::new();
    let threads = std::fs::read_dir(format!("/proc/{pid}/task"));
    for thread in threads.into_iter().flatten().flatten() {
        let read = |what: &str| std::fs::read_to_string(thread.path().join(what));
        let (Ok(name), Ok(stat)) = (read("comm"), read("stat")) else {
            continue;
        };
        if let Ok(seconds) = seconds(&stat) {
            *by_name.entry(name.trim().to_owned()).or_default() += seconds;
        }
    }
    by_name
}

/// Resident memory in MiB.
pub(crate) fn resident_mib(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or_default() / 1024.0
}
