//! What functions print, one file per function and region. A line is an instant, the instance's number, and what was printed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use caribou_runtime::local::wire::escape;
use caribou_runtime::port::StageAddress;

use crate::scheduler::InstanceId;

/// Size after which a log is set aside and a new one begun, in bytes. One that was set aside is kept.
const LARGEST: u64 = 8 << 20;

/// The log of one function in one region.
pub(crate) struct Log {
    path: PathBuf,
    open: Mutex<Option<(File, u64)>>,
}

impl Log {
    /// The log of a function below the directory of logs.
    pub(crate) fn new(logs: &Path, address: &StageAddress) -> Self {
        let StageAddress { workflow, version, function, region } = address;
        let directory = logs.join(escape(workflow)).join(escape(version)).join(escape(function));
        Self { path: directory.join(format!("{}.log", region.code())), open: Mutex::new(None) }
    }

    /// Appends a line of an instance. A log that cannot be written is no reason to stop the cloud: it says so and goes on.
    pub(crate) fn append(&self, instance: InstanceId, line: &str) {
        let line = format!("{:.3} {instance} {line}", jiff::Timestamp::now());
        if let Err(error) = self.try_append(&line) {
            tracing::warn!(path = %self.path.display(), %error, "a line of a function's log is lost");
        }
    }

    fn try_append(&self, line: &str) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.as_ref().is_some_and(|(_, size)| *size > LARGEST) {
            *open = None;
            fs::rename(&self.path, self.path.with_extension("log.1"))?;
        }
        if open.is_none() {
            if let Some(directory) = self.path.parent() {
                fs::create_dir_all(directory)?;
            }
            let file = OpenOptions::new().append(true).create(true).open(&self.path)?;
            let size = file.metadata()?.len();
            *open = Some((file, size));
        }
        if let Some((file, size)) = open.as_mut() {
            file.write_all(format!("{line}\n").as_bytes())?;
            *size += line.len() as u64 + 1;
        }
        Ok(())
    }

    /// The last bytes of the log, from the start of a line.
    pub(crate) fn tail(&self, bytes: u64) -> io::Result<String> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
            Err(error) => return Err(error),
        };
        let start = file.metadata()?.len().saturating_sub(bytes);
        file.seek(SeekFrom::Start(start))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        let tail = String::from_utf8_lossy(&tail).into_owned();
        match tail.split_once('\n') {
            Some((_, whole)) if start > 0 => Ok(whole.to_owned()),
            _ => Ok(tail),
        }
    }
}
