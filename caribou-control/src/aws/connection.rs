//! The account, and clients of its services in every region.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use caribou_model::Region;
use caribou_runtime::aws::Account;
use caribou_runtime::local::SystemClock;
use caribou_runtime::port::Clock;

use super::error::{AwsError, Fault};
use super::region::is_opt_in;

/// An AWS account that was reached, with clients of its services in every region. Cheap to clone.
#[derive(Clone)]
pub struct Aws {
    inner: Arc<Inner>,
}

struct Inner {
    config: SdkConfig,
    account: Account,
    clock: Arc<dyn Clock>,
    regions: Mutex<HashMap<Region, Arc<Clients>>>,
}

/// The clients of one region.
pub(super) struct Clients {
    pub(super) dynamodb: aws_sdk_dynamodb::Client,
    pub(super) iam: aws_sdk_iam::Client,
    pub(super) lambda: aws_sdk_lambda::Client,
    pub(super) logs: aws_sdk_cloudwatchlogs::Client,
    pub(super) s3: aws_sdk_s3::Client,
    pub(super) sns: aws_sdk_sns::Client,
    pub(super) sqs: aws_sdk_sqs::Client,
    sts: aws_sdk_sts::Client,
}

/// How long a connection may take to be made.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long an answer may take to begin. Creating a function from 50 MB of code takes longest.
const READ_WITHIN: Duration = Duration::from_mins(1);
/// How long one attempt of a call may take, an upload of 50 MB among them.
const ATTEMPT_WITHIN: Duration = Duration::from_mins(2);
/// How long a call may take with all its attempts.
const CALL_WITHIN: Duration = Duration::from_mins(5);
/// Attempts of a call. The control plane of Lambda takes 15 calls a second and is throttled sooner than others; pauses
/// between attempts grow from a second to 20.
const ATTEMPTS: u32 = 6;

impl Aws {
    /// Finds credentials as every AWS tool does (environment, profile, SSO, a process, a container's or instance's role) and
    /// asks whose account they are for. `AWS_ENDPOINT_URL` leads to something that speaks like AWS.
    ///
    /// # Errors
    ///
    /// [`AwsError`] says that there are no credentials, that they have expired, or that AWS does not answer.
    pub async fn connect(home: &Region) -> Result<Self, AwsError> {
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(aws_config::Region::new(home.code().to_owned()))
            .http_client(http_client())
            .timeout_config(timeouts())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .app_name(
                AppName::new(concat!("caribou-", env!("CARGO_PKG_VERSION"))).map_err(AwsError::internal)?,
            )
            .load()
            .await;
        Self::with(config, home, Arc::new(SystemClock)).await
    }

    /// The same with a configuration of one's own, and a clock that waits.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub async fn with(config: SdkConfig, home: &Region, clock: Arc<dyn Clock>) -> Result<Self, AwsError> {
        let operation = "sts:GetCallerIdentity";
        let sts = aws_sdk_sts::Client::new(&config);
        let answer = sts.get_caller_identity().send().await;
        let failed = |error| AwsError::call(operation, home, "the account", &error);
        let identity = answer.map_err(failed)?;
        let account = identity.account().unwrap_or_default().parse().map_err(|error| {
            AwsError::refused(operation, home, "the account", Fault::Other, format!("{error}"))
        })?;
        Ok(Self { inner: Arc::new(Inner { config, account, clock, regions: Mutex::default() }) })
    }

    /// The account.
    pub fn account(&self) -> &Account {
        &self.inner.account
    }

    /// What the clients are made from: credentials, endpoint, timeouts, retries.
    pub fn config(&self) -> &SdkConfig {
        &self.inner.config
    }

    /// The clock by which it waits.
    pub fn clock(&self) -> &dyn Clock {
        &*self.inner.clock
    }

    /// Makes sure that the account can use a region. One that has to be enabled first, and was not, knows nobody of the
    /// account: some services say so, others (S3) only that they refuse, so a service that says so is asked.
    ///
    /// # Errors
    ///
    /// [`AwsError`] with [`Fault::RegionNotEnabled`].
    pub async fn require_enabled(&self, region: &Region) -> Result<(), AwsError> {
        if !is_opt_in(region) {
            return Ok(());
        }
        let asked = self.at(region).sts.get_caller_identity().send().await;
        let failed = |error| AwsError::call("sts:GetCallerIdentity", region, "the account", &error);
        asked.map(drop).map_err(failed)
    }

    /// The clients of a region, made when it is first asked for.
    pub(super) fn at(&self, region: &Region) -> Arc<Clients> {
        let mut regions = self.inner.regions.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || Arc::new(Clients::new(&self.inner.config, region));
        Arc::clone(regions.entry(region.clone()).or_insert_with(make))
    }
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws").field("account", &self.inner.account).finish_non_exhaustive()
    }
}

impl Clients {
    fn new(config: &SdkConfig, region: &Region) -> Self {
        let region = aws_config::Region::new(region.code().to_owned());
        let config = config.to_builder().region(region).build();
        // something that only speaks like S3 has no host name for every bucket
        let by_path = config.endpoint_url().is_some();
        let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(by_path).build();
        Self {
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            lambda: aws_sdk_lambda::Client::new(&config),
            logs: aws_sdk_cloudwatchlogs::Client::new(&config),
            s3: aws_sdk_s3::Client::from_conf(s3),
            sns: aws_sdk_sns::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            sts: aws_sdk_sts::Client::new(&config),
        }
    }
}

/// One HTTP client for all: rustls with ring.
pub fn http_client() -> aws_smithy_runtime_api::client::http::SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

/// How long connections, attempts and calls may take.
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_WITHIN)
        .read_timeout(READ_WITHIN)
        .operation_attempt_timeout(ATTEMPT_WITHIN)
        .operation_timeout(CALL_WITHIN)
        .build()
}

#[cfg(test)]
mod tests {
    use aws_credential_types::provider::error::CredentialsError;
    use aws_credential_types::provider::{ProvideCredentials, future};

    use super::*;

    /// A source of credentials that has none.
    #[derive(Debug)]
    struct Nobody(fn() -> CredentialsError);

    impl ProvideCredentials for Nobody {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::ready(Err((self.0)()))
        }
    }

    async fn refused(nobody: fn() -> CredentialsError) -> AwsError {
        let home = Region::aws("us-east-1");
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(aws_config::Region::new(home.code().to_owned()))
            .http_client(http_client())
            .credentials_provider(Nobody(nobody))
            .load()
            .await;
        Aws::with(config, &home, Arc::new(SystemClock)).await.unwrap_err()
    }

    #[tokio::test]
    async fn whoever_has_no_credentials_or_old_ones_is_told_how_to_get_some() {
        let none = refused(|| CredentialsError::not_loaded("nothing is configured")).await;
        assert_eq!(none.fault(), Some(Fault::NoCredentials), "{none}");
        assert!(none.to_string().contains("aws sso login"), "{none}");
        let old = refused(|| CredentialsError::provider_error("the SSO token has expired")).await;
        assert_eq!(old.fault(), Some(Fault::Expired), "{old}");
        assert!(old.to_string().contains("renew the credentials"), "{old}");
    }
}
