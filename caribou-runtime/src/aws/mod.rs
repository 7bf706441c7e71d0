//! The adapter for AWS: the ports over SNS, SQS, DynamoDB and S3.
//!
//! | module | what it holds |
//! |---|---|
//! | [`account`] | names, ARNs and URLs of a workflow's things |
//! | `access`, `connection` | credentials, endpoints, clients; the one HTTP client below them |
//! | `transport`, `store`, `blobs` | the ports |
//! | `instance` | the store without what no function calls |
//! | `failure` | what a failed call says, and what to do |
//!
//! # Patience
//!
//! | call | connect | each attempt | in all | attempts |
//! |---|---|---|---|---|
//! | SNS `Publish`, SQS `SendMessage` | 3 s | 6 s | 6 s | 1: the shim repeats it, and knows what is certain |
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
mod instance;
mod store;
mod transport;

use std::sync::Arc;

pub use aws_config::SdkConfig;
use caribou_model::Region;

use self::access::Access;
pub use self::account::{Account, InvalidAccount};
use self::failure::Failure;
use self::instance::Instance;
use crate::local::SystemClock;
use crate::port::{Ports, Store};
use crate::process::Process;
use crate::stdout::Stdout;

/// Who calls AWS without knowing in which account a workflow is.
pub(crate) struct Caller(Access);

impl Caller {
    pub(crate) fn of_environment() -> Self {
        Self(Access::of_environment())
    }

    pub(crate) fn of_config(config: &SdkConfig) -> Self {
        Self(Access::of_config(config))
    }

    /// The ports of the account that the workflow's table belongs to, unless `CARIBOU_ACCOUNT` names another.
    pub(crate) async fn ports(self, workflow: &str, home: &Region) -> Result<Ports, String> {
        let account = match std::env::var("CARIBOU_ACCOUNT") {
            Ok(account) => {
                account.parse().map_err(|error: InvalidAccount| format!("`CARIBOU_ACCOUNT`: {error}"))?
            }
            Err(_) => self.account(workflow, home).await?,
        };
        Ok(over(Adapter { account, access: self.0 }))
    }

    async fn account(&self, workflow: &str, home: &Region) -> Result<Account, String> {
        let request = self.0.dynamodb(home).describe_table().table_name(Account::table_name(workflow));
        let answer = request.send().await;
        let answer = answer.map_err(|error| Failure::of("dynamodb:DescribeTable", &error).cause)?;
        // arn:aws:dynamodb:REGION:ACCOUNT:table/NAME
        let arn = answer.table.and_then(|table| table.table_arn).unwrap_or_default();
        let account = arn.split(':').nth(4).unwrap_or_default();
        account.parse().map_err(|error: InvalidAccount| format!("the table's ARN is `{arn}`: {error}"))
    }
}

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

/// The ports of a function instance, with the credentials that are in the environment: `AWS_ACCESS_KEY_ID`,
/// `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, as Lambda sets them. They are read at each call. `AWS_ENDPOINT_URL`, or
/// one for each service (`AWS_ENDPOINT_URL_SNS`, `_SQS`, `_DYNAMODB`, `_S3`), says where AWS is if not where it always is.
pub(crate) fn instance_ports(account: Account) -> Ports {
    let adapter = Arc::new(Adapter { account, access: Access::of_environment() });
    let store = Arc::new(Instance(adapter.clone()));
    with(adapter, store)
}

fn over(adapter: Adapter) -> Ports {
    let adapter = Arc::new(adapter);
    let store = adapter.clone();
    with(adapter, store)
}

fn with(adapter: Arc<Adapter>, store: Arc<dyn Store>) -> Ports {
    Ports {
        transport: adapter.clone(),
        store,
        blobs: adapter,
        clock: Arc::new(SystemClock),
        telemetry: Arc::new(Stdout),
        meter: Arc::new(Process::new()),
    }
}
