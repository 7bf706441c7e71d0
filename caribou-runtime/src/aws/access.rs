//! Who calls AWS, and with what patience: credentials, endpoints, timeouts, retries.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use caribou_model::Region;

use super::account::domain;
use super::connection::{Connection, with_causes};

/// How long one send may take.
const SEND_WITHIN: Duration = Duration::from_secs(6);
/// How long one request to the store may take, and both together.
const STORE_ATTEMPT_WITHIN: Duration = Duration::from_secs(4);
const STORE_WITHIN: Duration = Duration::from_secs(9);
/// How often a request to the store is made.
const STORE_ATTEMPTS: u32 = 2;
/// The wait before a request to the store is made again.
const STORE_WAIT: Duration = Duration::from_millis(25);
/// How long whoever gives credentials may take: a command, or a service.
const CREDENTIALS_WITHIN: Duration = Duration::from_secs(5);
/// How long credentials are kept that do not say when they expire, and how long before their end new ones are asked for.
const KEPT: Duration = Duration::from_mins(15);
const RENEWED_BEFORE: Duration = Duration::from_mins(5);

/// Credentials, endpoints and connections of one caller.
pub(super) struct Access {
    config: SdkConfig,
    endpoints: Endpoints,
    connector: SharedHttpConnector,
    sns: PerRegion<aws_sdk_sns::Client>,
    sqs: PerRegion<aws_sdk_sqs::Client>,
    dynamodb: PerRegion<aws_sdk_dynamodb::Client>,
    /// Credentials of the environment cost nothing and are read at each use.
    from_environment: bool,
    credentials: Mutex<Option<(Credentials, SystemTime)>>,
}

/// Where the services are, if not where they are by default.
#[derive(Clone, Debug, Default)]
struct Endpoints {
    sns: Option<String>,
    sqs: Option<String>,
    dynamodb: Option<String>,
    s3: Option<String>,
}

/// One client for each region, made when it is needed first.
struct PerRegion<C>(Mutex<Vec<(Region, C)>>);

impl<C: Clone> PerRegion<C> {
    fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    fn get(&self, region: &Region, make: impl FnOnce() -> C) -> C {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = made.iter().find(|(known, _)| known == region) {
            return client.clone();
        }
        let client = make();
        made.push((region.clone(), client.clone()));
        client
    }
}

impl Access {
    /// What the environment says, as Lambda sets it: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`; and
    /// `AWS_ENDPOINT_URL`, or one for each service (`AWS_ENDPOINT_URL_SNS`, `_SQS`, `_DYNAMODB`, `_S3`).
    pub(super) fn of_environment() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let of = |service| variable(service).or_else(|| variable("AWS_ENDPOINT_URL"));
        let endpoints = Endpoints {
            sns: of("AWS_ENDPOINT_URL_SNS"),
            sqs: of("AWS_ENDPOINT_URL_SQS"),
            dynamodb: of("AWS_ENDPOINT_URL_DYNAMODB"),
            s3: of("AWS_ENDPOINT_URL_S3"),
        };
        let credentials = SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new());
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(credentials)
            .identity_cache(IdentityCache::no_cache());
        Self::new(config.build(), endpoints, true)
    }

    /// What a configuration of the SDK says; its region, timeouts and retries are not used.
    pub(super) fn of_config(config: &SdkConfig) -> Self {
        let s3 = config.endpoint_url().map(str::to_owned);
        Self::new(config.clone(), Endpoints { s3, ..Endpoints::default() }, false)
    }

    fn new(config: SdkConfig, endpoints: Endpoints, from_environment: bool) -> Self {
        let (client, connector) = Connection::shared();
        let config = config
            .into_builder()
            .http_client(client)
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Self {
            config,
            endpoints,
            connector,
            sns: PerRegion::new(),
            sqs: PerRegion::new(),
            dynamodb: PerRegion::new(),
            from_environment,
            credentials: Mutex::default(),
        }
    }

    /// One attempt only: after a second one nobody could tell any more whether the first was accepted.
    pub(super) fn sns(&self, region: &Region) -> aws_sdk_sns::Client {
        self.sns.get(region, || {
            let mut builder = aws_sdk_sns::Config::from(&self.config).to_builder();
            if let Some(endpoint) = &self.endpoints.sns {
                builder = builder.endpoint_url(endpoint);
            }
            builder = builder
                .region(aws_sdk_sns::config::Region::new(region.code().to_owned()))
                .retry_config(RetryConfig::disabled())
                .timeout_config(once(SEND_WITHIN));
            aws_sdk_sns::Client::from_conf(builder.build())
        })
    }

    /// One attempt only, as for SNS.
    pub(super) fn sqs(&self, region: &Region) -> aws_sdk_sqs::Client {
        self.sqs.get(region, || {
            let mut builder = aws_sdk_sqs::Config::from(&self.config).to_builder();
            if let Some(endpoint) = &self.endpoints.sqs {
                builder = builder.endpoint_url(endpoint);
            }
            builder = builder
                .region(aws_sdk_sqs::config::Region::new(region.code().to_owned()))
                .retry_config(RetryConfig::disabled())
                .timeout_config(once(SEND_WITHIN));
            aws_sdk_sqs::Client::from_conf(builder.build())
        })
    }

    pub(super) fn dynamodb(&self, region: &Region) -> aws_sdk_dynamodb::Client {
        self.dynamodb.get(region, || {
            let mut builder = aws_sdk_dynamodb::Config::from(&self.config).to_builder();
            if let Some(endpoint) = &self.endpoints.dynamodb {
                builder = builder.endpoint_url(endpoint);
            }
            let retries = RetryConfig::standard().with_max_attempts(STORE_ATTEMPTS);
            let timeouts = TimeoutConfig::builder()
                .operation_attempt_timeout(STORE_ATTEMPT_WITHIN)
                .operation_timeout(STORE_WITHIN);
            builder = builder
                .region(aws_sdk_dynamodb::config::Region::new(region.code().to_owned()))
                .retry_config(retries.with_initial_backoff(STORE_WAIT).with_max_backoff(STORE_WAIT * 4))
                .timeout_config(timeouts.build());
            aws_sdk_dynamodb::Client::from_conf(builder.build())
        })
    }

    /// The address of a bucket: below the endpoint where one is set, else the bucket's own host.
    pub(super) fn bucket_url(&self, bucket: &str, region: &Region) -> String {
        match &self.endpoints.s3 {
            Some(endpoint) => format!("{}/{bucket}", endpoint.trim_end_matches('/')),
            None => format!("https://{bucket}.s3.{}.{}", region.code(), domain(region)),
        }
    }

    /// For requests that no SDK makes.
    pub(super) fn connector(&self) -> &SharedHttpConnector {
        &self.connector
    }

    /// Credentials for requests that no SDK signs.
    pub(super) async fn credentials(&self) -> Result<Credentials, String> {
        let now = SystemTime::now();
        let kept = self.credentials.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((credentials, _)) = kept.filter(|(_, until)| now < *until) {
            return Ok(credentials);
        }
        let provider = self.config.credentials_provider().ok_or("there are no credentials")?;
        let asked = tokio::time::timeout(CREDENTIALS_WITHIN, provider.provide_credentials()).await;
        let credentials = asked
            .map_err(|_| format!("no credentials came within {} s", CREDENTIALS_WITHIN.as_secs()))?
            .map_err(|error| with_causes(&error))?;
        if !self.from_environment {
            let until = match credentials.expiry() {
                Some(expiry) => expiry.checked_sub(RENEWED_BEFORE).unwrap_or(now),
                None => now + KEPT,
            };
            let kept = Some((credentials.clone(), until));
            *self.credentials.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        }
        Ok(credentials)
    }
}

fn once(within: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().operation_attempt_timeout(within).operation_timeout(within).build()
}
