//! Where a test works: an account of moto, a workflow, an archive, and time that passes at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use caribou_control::aws::connection::timeouts;
use caribou_control::aws::{Archive, Archives, Aws, AwsDeployer};
use caribou_control::state::Deployed;
use caribou_model::{Region, Timestamp};
use caribou_runtime::port::Clock;
use tempfile::TempDir;

use crate::moto;
use crate::wire::Wire;
use crate::workflow::{HOME, workflow};

pub(crate) struct Desk {
    pub(crate) aws: Aws,
    pub(crate) wire: Wire,
    pub(crate) clock: Arc<Swift>,
    pub(crate) deployed: Deployed,
    pub(crate) archives: Archives,
    pub(crate) regions: Vec<Region>,
    pub(crate) folder: TempDir,
}

/// Who waits by it does not wait: the time is later at once.
#[derive(Debug)]
pub(crate) struct Swift(AtomicU64);

impl Swift {
    pub(crate) fn pass(&self, time: Duration) {
        self.0.fetch_add(time.as_millis() as u64, Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for Swift {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }

    async fn sleep(&self, duration: Duration) {
        self.pass(duration);
        tokio::task::yield_now().await;
    }
}

impl Desk {
    /// A desk in an account of its own. `None` if there is no moto.
    pub(crate) async fn new() -> Option<Self> {
        Self::with_attempts(1).await
    }

    /// The same, where each call is tried so often.
    pub(crate) async fn with_attempts(attempts: u32) -> Option<Self> {
        let (url, account) = moto::account()?;
        let wire = Wire::of(&account);
        let retries = RetryConfig::standard().with_max_attempts(attempts);
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(aws_config::Region::new(HOME.code().to_owned()))
            .endpoint_url(url)
            .http_client(wire.clone())
            .credentials_provider(Credentials::new("anybody", "anything", None, None, "moto takes any"))
            .timeout_config(timeouts())
            .retry_config(retries.with_initial_backoff(Duration::from_millis(1)))
            .load()
            .await;
        let clock = Arc::new(Swift(AtomicU64::new(1_800_000_000_000)));
        let aws = Aws::with(config, &HOME, clock.clone()).await.unwrap();
        assert_eq!(aws.account().as_str(), account);
        let folder = tempfile::tempdir().unwrap();
        let deployed = workflow("0.1.0", folder.path());
        let mut desk = Self {
            aws,
            wire,
            clock,
            deployed,
            archives: Archives::at_home(),
            regions: ["us-east-1", "us-west-2", "ca-central-1", "eu-north-1"].map(Region::aws).into(),
            folder,
        };
        desk.build("the first");
        Some(desk)
    }

    /// Another build of the code.
    pub(crate) fn build(&mut self, code: &str) {
        let path = self.folder.path().join(format!("{code}.zip"));
        std::fs::write(&path, archive(code)).unwrap();
        self.archives = Archives::shared(Archive::read(&path).unwrap());
    }

    /// What clients of a region are made from.
    pub(crate) fn config(&self, region: &Region) -> SdkConfig {
        let region = aws_config::Region::new(region.code().to_owned());
        self.aws.config().to_builder().region(region).build()
    }

    pub(crate) fn deployer(&self) -> AwsDeployer<'_> {
        let Self { aws, deployed, archives, regions, .. } = self;
        AwsDeployer { aws, deployed, archives, regions }
    }
}

/// A zip with a bootstrap.
fn archive(code: &str) -> Vec<u8> {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().unix_permissions(0o755);
    zip.start_file("bootstrap", options).unwrap();
    zip.write_all(code.as_bytes()).unwrap();
    zip.finish().unwrap().into_inner()
}
