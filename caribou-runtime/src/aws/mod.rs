//! The adapter for AWS: the ports over SNS, SQS, DynamoDB and S3.
//!
//! | module | what it holds |
//! |---|---|
//! | [`account`] | names, ARNs and URLs of a workflow's things |
//! | `access`, `connection` | credentials, endpoints, clients; the one HTTP client below them |
//! | `transport`, `store`, `blobs` | the ports |
//! | `failure` | what a failed call says, and what to do |
//!
//! # Patience
//!
//! | call | connect | each attempt | in all | attempts |
//! |---|---|---|---|---|
//! | SNS `Publish`, SQS `SendMessage` | 3 s | 6 s | about 7 s | 1; 5 where there are too many, 50 ms apart, then 100, 200, 400 |
//! | DynamoDB `GetItem`, `PutItem`, `UpdateItem`, `Query` | 3 s | 4 s | 9 s | 2, up to 25 ms apart |
//! | S3 PUT | 3 s | 10 s, and 2 s for each MB | | 3, 50 and 200 ms apart |
//! | S3 GET | 3 s | 10 s for each part | | 3, 50 and 200 ms apart |
//!
//! That is little on purpose: the shim makes a call again that fails, until its invocation ends, and knows best what to do
//! instead. A send is made once, because after a second attempt nobody could tell whether the first was accepted.

pub mod account;

mod access;
mod blobs;
mod connection;
mod failure;
mod store;
mod transport;

use std::sync::Arc;

pub use aws_config::SdkConfig;

use self::access::Access;
pub use self::account::{Account, InvalidAccount};
use crate::local::SystemClock;
use crate::port::Ports;
use crate::process::Process;
use crate::stdout::Stdout;

/// The ports over AWS.
struct Adapter {
    account: Account,
    access: Access,
}

/// The ports of a caller of AWS, with the credentials and the endpoint that the configuration names. Its region, timeouts,
/// retries and HTTP client are not used: every call says where it goes, and [how patient it is](self#patience).
///
/// Nothing is connected yet, and no credentials are asked for: what is wrong with them shows at the first call.
///
/// ```no_run
/// use caribou_runtime::aws::{self, SdkConfig};
///
/// # fn example(config: &SdkConfig) -> Result<(), aws::InvalidAccount> {
/// let ports = aws::ports("123456789012".parse()?, config);
/// # Ok(())
/// # }
/// ```
pub fn ports(account: Account, config: &SdkConfig) -> Ports {
    over(Adapter { account, access: Access::of_config(config) })
}

/// The ports of a caller of AWS, with the credentials that are in the environment: `AWS_ACCESS_KEY_ID`,
/// `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, as Lambda sets them. They are read at each call. `AWS_ENDPOINT_URL`, or
/// one for each service (`AWS_ENDPOINT_URL_SNS`, `_SQS`, `_DYNAMODB`, `_S3`), says where AWS is if not where it always is.
pub fn environment_ports(account: Account) -> Ports {
    over(Adapter { account, access: Access::of_environment() })
}

fn over(adapter: Adapter) -> Ports {
    let adapter = Arc::new(adapter);
    Ports {
        transport: adapter.clone(),
        store: adapter.clone(),
        blobs: adapter,
        clock: Arc::new(SystemClock),
        telemetry: Arc::new(Stdout),
        meter: Arc::new(Process::new()),
    }
}
