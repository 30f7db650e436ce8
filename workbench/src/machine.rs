//! What the system tells of the machine, on Linux; elsewhere nothing is known.

use std::fs;

/// Processor time of all threads of this process that are alive, by Linux.
pub(crate) fn processor_seconds() -> Option<f64> {
    let threads = fs::read_dir("/proc/self/task").ok()?;
    let of_thread = |thread: fs::DirEntry| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    };
    let nanoseconds: u64 = threads.filter_map(Result::ok).filter_map(of_thread).sum();
    (nanoseconds > 0).then_some(nanoseconds as f64 / 1e9)
}

/// Name of the processor, by Linux.
pub(crate) fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Bytes of memory that a process can have before others must give theirs up.
#[must_use]
pub fn available_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
    Some(1024 * line.split_whitespace().nth(1)?.parse::<u64>().ok()?)
}
