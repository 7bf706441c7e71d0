//! Clients of moto for one region.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region as AwsRegion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use caribou_model::Region;

/// How long a call may take, on a machine that does much else.
const WITHIN: Duration = Duration::from_mins(1);

/// Clients of the services at one endpoint for one region.
#[derive(Clone, Debug)]
pub struct Clients {
    /// Functions.
    pub lambda: aws_sdk_lambda::Client,
    /// Topics.
    pub sns: aws_sdk_sns::Client,
    /// Queues.
    pub sqs: aws_sdk_sqs::Client,
    /// Tables.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Buckets.
    pub s3: aws_sdk_s3::Client,
    /// Roles.
    pub iam: aws_sdk_iam::Client,
    /// Log groups.
    pub logs: aws_sdk_cloudwatchlogs::Client,
}

impl Clients {
    /// The clients of `caller`, a name that the front counts requests under.
    pub fn new(endpoint: &str, region: &Region, caller: &str) -> Self {
        let config = config(endpoint, region, caller);
        let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build();
        Self {
            lambda: aws_sdk_lambda::Client::new(&config),
            sns: aws_sdk_sns::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            s3: aws_sdk_s3::Client::from_conf(s3),
            iam: aws_sdk_iam::Client::new(&config),
            logs: aws_sdk_cloudwatchlogs::Client::new(&config),
        }
    }
}

/// What the SDKs are told of an endpoint. `caller` is the name that requests are counted under.
pub fn config(endpoint: &str, region: &Region, caller: &str) -> SdkConfig {
    let http =
        aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let credentials = Credentials::new(caller, "no secret", None, None, "this machine");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http)
        .endpoint_url(endpoint)
        .region(AwsRegion::new(region.code().to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(TimeoutConfig::builder().operation_timeout(WITHIN).build())
        .build()
}
