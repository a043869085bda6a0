//! What the child has used so far, as the kernel counts it: nothing the child says goes into it.

use std::{
    fmt, fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use rustix::process::Pid;
use serde::{Deserialize, Serialize};

/// Microseconds in one tick of the kernel's statistics, on every architecture we run on.
const TICK_US: u64 = 10_000;

/// Processor time and memory of a child up to some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Processor time of all its threads, user and system, in microseconds.
    pub cpu_us: u64,
    /// Most memory it ever had resident, in bytes.
    pub peak_memory_bytes: u64,
}

impl Usage {
    /// Figures of the process that asks, without its children.
    pub fn of_this_process() -> Option<Self> {
        Self::of(rustix::process::getpid())
    }

    /// Reads the figures of a process; `None` when it has ended.
    pub(super) fn of(pid: Pid) -> Option<Self> {
        Some(Self { cpu_us: cpu_of(pid)?, peak_memory_bytes: parse_peak(&read(pid, "status")?)? })
    }
}

/// Most memory that a process had whenever it was looked at: when it has ended, there is none to see.
#[derive(Debug, Default)]
pub(super) struct PeakMemory(AtomicU64);

impl PeakMemory {
    pub(super) fn look_at(&self, pid: Pid) {
        if let Some(peak) = read(pid, "status").and_then(|status| parse_peak(&status)) {
            self.0.fetch_max(peak, Ordering::Relaxed);
        }
    }

    /// Figures of a process that has ended and was not collected yet.
    pub(super) fn usage_of_ended(&self, pid: Pid) -> Usage {
        Usage { cpu_us: cpu_of(pid).unwrap_or_default(), peak_memory_bytes: self.0.load(Ordering::Relaxed) }
    }
}

fn read(pid: Pid, name: &str) -> Option<String> {
    let path: PathBuf = ["/proc", &pid.as_raw_nonzero().to_string(), name].iter().collect();
    fs::read_to_string(path).ok()
}

fn cpu_of(pid: Pid) -> Option<u64> {
    parse_cpu(&read(pid, "stat")?)
}

/// Hears what a child has used once it has ended, however it did.
#[derive(Clone, Default)]
pub struct UsageListener(Option<Arc<dyn Fn(Usage) + Send + Sync>>);

impl UsageListener {
    /// `listen` is called once for each child.
    pub fn new(listen: impl Fn(Usage) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(listen)))
    }

    pub(super) fn tell(&self, usage: Usage) {
        if let Some(listen) = &self.0 {
            listen(usage);
        }
    }
}

impl fmt::Debug for UsageListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UsageListener").field(&self.0.is_some()).finish()
    }
}

/// User and system time from `/proc/PID/stat`, whose second field is a name with anything in it.
fn parse_cpu(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut ticks = after_name.split_whitespace().skip(11).map(str::parse::<u64>);
    Some((ticks.next()?.ok()? + ticks.next()?.ok()?) * TICK_US)
}

/// The high-water mark from `/proc/PID/status`, which an ended process lacks.
fn parse_peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_are_read() {
        let stat = "7 (odd) name) S 1 7 7 0 -1 4194560 90 0 1 0 250 31 0 0 20 0 5 0 33 9 9 1";
        assert_eq!(parse_cpu(stat), Some(2_810_000));
        let status = "Name:\tx\nVmPeak:\t  900 kB\nVmHWM:\t  512 kB\nVmRSS:\t 12 kB\n";
        assert_eq!(parse_peak(status), Some(512 * 1024));
    }

    #[test]
    fn an_ended_process_has_no_figures() {
        assert_eq!(parse_peak("Name:\tx\nState:\tZ (zombie)\n"), None);
        assert_eq!(parse_cpu("7 (x) Z 1"), None);
    }

    #[test]
    fn this_process_has_figures() {
        let own = Usage::of_this_process().expect("it runs");
        assert!(own.peak_memory_bytes > 100_000, "{own:?}");
    }
}
