//! What this process has used of the machine.

use std::sync::OnceLock;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::port::ProcessMeter;

/// Measures this process. What the operating system does not tell is `None`.
#[derive(Debug, Default)]
pub struct Process {
    cpu_model: OnceLock<Option<String>>,
}

impl Process {
    /// A meter of this process.
    pub fn new() -> Self {
        Self::default()
    }
}

impl ProcessMeter for Process {
    fn cpu_time(&self) -> Option<Duration> {
        let spent = clock_gettime(ClockId::ProcessCPUTime);
        Some(Duration::new(spent.tv_sec.try_into().ok()?, spent.tv_nsec.try_into().ok()?))
    }

    fn cpu_model(&self) -> Option<String> {
        let read = || cpu_model_in(&std::fs::read_to_string("/proc/cpuinfo").ok()?);
        self.cpu_model.get_or_init(read).clone()
    }

    fn peak_memory_mb(&self) -> Option<f64> {
        peak_memory_mb_in(&std::fs::read_to_string("/proc/self/status").ok()?)
    }
}

/// The first processor's name in `/proc/cpuinfo`; Arm kernels give a part number instead of a name.
fn cpu_model_in(cpuinfo: &str) -> Option<String> {
    let field = |name: &str| {
        let line = cpuinfo.lines().find(|line| line.starts_with(name))?;
        line.split_once(':').map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    };
    field("model name")
        .map(str::to_owned)
        .or_else(|| field("CPU part").map(|part| format!("Arm part {part}")))
}

/// `VmHWM` of `/proc/self/status`, which is in KiB, in MB of 10^6 bytes.
fn peak_memory_mb_in(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_named_on_x86_and_on_arm() {
        let x86 = "processor\t: 0\nmodel name\t: Intel(R) Xeon(R) Processor @ 2.50GHz\n";
        assert_eq!(cpu_model_in(x86).as_deref(), Some("Intel(R) Xeon(R) Processor @ 2.50GHz"));
        assert_eq!(cpu_model_in("processor\t: 0\nCPU part\t: 0xd0c\n").as_deref(), Some("Arm part 0xd0c"));
        assert_eq!(cpu_model_in(""), None);
    }

    #[test]
    fn peak_memory_is_in_megabytes_of_a_million_bytes() {
        assert_eq!(peak_memory_mb_in("VmPeak:\t 9 kB\nVmHWM:\t   1000 kB\n"), Some(1.024));
        assert_eq!(peak_memory_mb_in("VmHWM: lots\n"), None);
    }

    #[test]
    fn work_takes_cpu_time() {
        let process = Process::new();
        let before = process.cpu_time().unwrap();
        let sum: u64 = (0..200_000u64).map(|n| std::hint::black_box(n) % 7).sum();
        assert!(std::hint::black_box(sum) > 0);
        assert!(process.cpu_time().unwrap() > before);
    }
}
