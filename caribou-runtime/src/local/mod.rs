//! The adapter for the embedded cloud: the ports over HTTP to a server on this machine.
//!
//! | module | what it holds |
//! |---|---|
//! | [`http`] | one pooled client, with timeouts |
//! | [`wire`] | paths and headers of the embedded cloud |
//!
//! ```no_run
//! use caribou_runtime::{local, model::Region};
//!
//! // A client outside of all regions: its calls are not delayed.
//! let ports = local::ports("http://127.0.0.1:9400", None);
//! // A function in a region: calls to other regions take as long as the latency table says.
//! let ports = local::ports("http://127.0.0.1:9400", Some(Region::aws("us-east-1")));
//! ```

pub mod http;
pub mod wire;

mod blobs;
mod clock;
mod link;
mod store;
mod transport;

use std::sync::Arc;

use caribou_model::Region;

use crate::port::Ports;
use crate::process::Process;
use crate::stdout::Stdout;

pub use self::clock::SystemClock;
use self::link::Link;

/// The ports of a caller of the embedded cloud at `endpoint` (`http://127.0.0.1:PORT`).
///
/// `region` is where the caller runs; `None` for a client outside, whose calls are not delayed. An endpoint that
/// nobody listens on shows at the first call.
pub fn ports(endpoint: &str, region: Option<Region>) -> Ports {
    over(Link::new(endpoint, region, None))
}

/// The ports of a function instance, which the embedded cloud knows by its id.
pub(crate) fn instance_ports(endpoint: &str, region: Region, instance: &str) -> Ports {
    over(Link::new(endpoint, Some(region), Some(instance)))
}

fn over(link: Link) -> Ports {
    let link = Arc::new(link);
    Ports {
        transport: link.clone(),
        store: link.clone(),
        blobs: link,
        clock: Arc::new(SystemClock),
        telemetry: Arc::new(Stdout),
        meter: Arc::new(Process::new()),
    }
}
