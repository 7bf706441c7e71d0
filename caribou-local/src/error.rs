//! Why an embedded cloud does not start.

use std::io;
use std::path::PathBuf;

use caribou_model::Region;

/// Why an embedded cloud does not start.
#[derive(Debug, thiserror::Error)]
pub enum CloudError {
    /// The configuration makes no sense.
    #[error("the embedded cloud cannot be set up like this: {0}")]
    Config(String),
    /// Two regions whose distance is not known.
    #[error("the latency table has no round trip between {0} and {1}; add it, or set the latency scale to 0")]
    UnknownLatency(Region, Region),
    /// Another cloud uses the state.
    #[error(
        "the state in {} is in use by another embedded cloud; stop that one, or choose another directory",
        .0.display()
    )]
    InUse(PathBuf),
    /// Something else listens on the port.
    #[error(
        "port {0} on the loopback interface is taken; stop what listens there, or choose another port (0 for any)"
    )]
    PortTaken(u16),
    /// The port cannot be opened.
    #[error("cannot listen on port {port} of the loopback interface: {cause}")]
    Port {
        /// The port.
        port: u16,
        /// What the system said.
        cause: io::Error,
    },
    /// No space left.
    #[error("the disk that holds {} is full; free some space and start again: nothing was lost", .0.display())]
    DiskFull(PathBuf),
    /// The state cannot be read or written.
    #[error("cannot use the state in {}: {cause}", path.display())]
    State {
        /// The directory.
        path: PathBuf,
        /// What the system or the store said.
        cause: String,
    },
    /// The system gives no threads.
    #[error("cannot start the threads of the embedded cloud: {0}")]
    Threads(io::Error),
}

impl CloudError {
    /// What an input or output error in `path` means.
    pub(crate) fn io(path: impl Into<PathBuf>, cause: &io::Error) -> Self {
        let path = path.into();
        match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull(path),
            _ => Self::State { path, cause: cause.to_string() },
        }
    }
}
