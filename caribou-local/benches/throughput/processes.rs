//! CPU time of threads and processes, from `/proc`.

use std::collections::BTreeMap;
use std::time::Duration;

/// CPU time of this process's threads by name, and that of the processes it started.
#[derive(Clone, Debug, Default)]
pub(crate) struct CpuTimes {
    threads: BTreeMap<String, Duration>,
    instances: Duration,
}

impl CpuTimes {
    pub(crate) fn now() -> Self {
        let mut times = Self::default();
        for thread in directories("/proc/self/task") {
            if let Some(stat) = Stat::read(&format!("/proc/self/task/{thread}/stat")) {
                *times.threads.entry(stat.name).or_default() += stat.time;
            }
        }
        let this = std::process::id().to_string();
        for process in directories("/proc") {
            if let Some(stat) =
                Stat::read(&format!("/proc/{process}/stat")).filter(|stat| stat.parent == this)
            {
                times.instances += stat.time;
            }
        }
        times
    }

    /// Of the threads whose names begin so, since `before`.
    pub(crate) fn threads_since(&self, before: &Self, name: &str) -> Duration {
        let of = |times: &Self| -> Duration {
            let named = times.threads.iter().filter(|(thread, _)| thread.starts_with(name));
            named.map(|(_, time)| *time).sum()
        };
        of(self).saturating_sub(of(before))
    }

    /// Of the instances, since `before`, if none of them ended meanwhile.
    pub(crate) fn instances_since(&self, before: &Self) -> Duration {
        self.instances.saturating_sub(before.instances)
    }
}

fn directories(path: &str) -> Vec<String> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).collect()
}

struct Stat {
    name: String,
    parent: String,
    time: Duration,
}

impl Stat {
    /// `pid (name) state parent ..`; the 14th and 15th are ticks in user and system mode, of 10 ms on Linux.
    fn read(path: &str) -> Option<Self> {
        let text = std::fs::read_to_string(path).ok()?;
        let (head, rest) = text.rsplit_once(") ")?;
        let words: Vec<&str> = rest.split(' ').collect();
        let ticks = words.get(11)?.parse::<u64>().ok()? + words.get(12)?.parse::<u64>().ok()?;
        Some(Self {
            name: head.split_once('(')?.1.to_owned(),
            parent: (*words.get(1)?).to_owned(),
            time: Duration::from_millis(10 * ticks),
        })
    }
}
