//! Workflows on AWS's own interfaces, on one machine.
//!
//! The real deployer and the real bootstraps speak to moto, which plays AWS's control calls, SNS, SQS, DynamoDB and S3. What
//! moto lacks is played here: the [`Bridge`] runs what is deployed, in the embedded cloud's host of the Lambda Runtime API.
//!
//! ```text
//!   deployer, client, bootstraps --- Front --- moto          Front: counts requests, refuses regions
//!                                      |        | HTTP
//!        Cloud (Runtime API) ------- Bridge ----+            Bridge: SNS to events, queues, failures, URLs
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`moto`] | [`Moto`]: the server's process |
//! | [`front`], [`request`] | [`Front`]: what everybody calls; what a request asks |
//! | [`bridge`] | [`Bridge`]: the parts of AWS that moto lacks |
//! | [`clients`] | clients of moto for one region |
//! | [`mod@census`] | everything that moto has |
//! | [`machine`] | [`Machine`]: all of it together |

use std::fmt::Write as _;

pub mod bridge;
pub mod census;
pub mod clients;
pub mod front;
pub mod machine;
pub mod moto;
pub mod request;

pub use bridge::Bridge;
pub use census::census;
pub use clients::Clients;
pub use front::Front;
pub use machine::Machine;
pub use moto::Moto;

/// What goes wrong on this machine; tests show it and end.
pub type Wrong = Box<dyn std::error::Error + Send + Sync>;

/// The account of everything in moto.
pub const ACCOUNT: &str = "123456789012";

/// In hexadecimal digits, as the key of code has its hash.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // writing to a string cannot fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}
