//! Where a workflow's things lie in an AWS account: names, ARNs and URLs, all derived, none looked up.
//!
//! | thing | name | how many |
//! |---|---|---|
//! | function, topic, queue | [`StageAddress::deployed_name`] | one of each for each function, version and region |
//! | dead-letter queue | the same and `-dead` | one for each queue |
//! | log group | `/aws/lambda/` and the function's name | one for each function |
//! | table | `caribou-WORKFLOW` | one for each region |
//! | bucket | `caribou-ACCOUNT-REGION`, with the workflow's blobs below `blobs/WORKFLOW/` and its code below `code/WORKFLOW/` | one for each region |
//! | role | `caribou-WORKFLOW` | one |

use std::fmt;
use std::str::FromStr;

use caribou_model::Region;

use crate::port::StageAddress;

/// An AWS account: twelve digits.
///
/// ```
/// use caribou_runtime::aws::Account;
/// use caribou_runtime::model::Region;
/// use caribou_runtime::port::StageAddress;
///
/// let account: Account = "123456789012".parse()?;
/// let to = StageAddress {
///     workflow: "press".into(),
///     version: "0.1.0".into(),
///     function: "resize".into(),
///     region: Region::aws("ca-central-1"),
/// };
/// assert_eq!(account.topic_arn(&to), "arn:aws:sns:ca-central-1:123456789012:press-0_1_0-resize");
/// # Ok::<(), caribou_runtime::aws::InvalidAccount>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Account(String);

/// A text that is no account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no AWS account; an account is a number of 12 digits")]
pub struct InvalidAccount(String);

impl Account {
    /// The account's number.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The ARN of a function.
    pub fn function_arn(&self, address: &StageAddress) -> String {
        self.arn("lambda", &address.region, &format!("function:{}", address.deployed_name()))
    }

    /// The ARN of a function's topic.
    pub fn topic_arn(&self, address: &StageAddress) -> String {
        self.arn("sns", &address.region, &address.deployed_name())
    }

    /// The ARN of a function's queue: of what could not be delivered, and of what is parked.
    pub fn queue_arn(&self, address: &StageAddress) -> String {
        self.arn("sqs", &address.region, &address.deployed_name())
    }

    /// The URL of a function's queue.
    pub fn queue_url(&self, address: &StageAddress) -> String {
        let (region, suffix) = (address.region.code(), domain(&address.region));
        format!("https://sqs.{region}.{suffix}/{self}/{}", address.deployed_name())
    }

    /// The ARN of the queue of what even failure mode cannot read.
    pub fn dead_queue_arn(&self, address: &StageAddress) -> String {
        self.arn("sqs", &address.region, &Self::dead_queue_name(address))
    }

    /// The name of the queue of what even failure mode cannot read.
    pub fn dead_queue_name(address: &StageAddress) -> String {
        format!("{}-dead", address.deployed_name())
    }

    /// The name of a function's log group.
    pub fn log_group(address: &StageAddress) -> String {
        format!("/aws/lambda/{}", address.deployed_name())
    }

    /// The ARN of a function's log group.
    pub fn log_group_arn(&self, address: &StageAddress) -> String {
        self.arn("logs", &address.region, &format!("log-group:{}", Self::log_group(address)))
    }

    /// The name of a workflow's table, in every region.
    pub fn table_name(workflow: &str) -> String {
        format!("caribou-{workflow}")
    }

    /// The ARN of a workflow's table in a region.
    pub fn table_arn(&self, workflow: &str, region: &Region) -> String {
        self.arn("dynamodb", region, &format!("table/{}", Self::table_name(workflow)))
    }

    /// The name of the bucket of all workflows in a region.
    pub fn bucket(&self, region: &Region) -> String {
        format!("caribou-{self}-{}", region.code())
    }

    /// The ARN of the bucket of all workflows in a region.
    pub fn bucket_arn(&self, region: &Region) -> String {
        format!("arn:{}:s3:::{}", partition(region), self.bucket(region))
    }

    /// What the keys of a workflow's blobs begin with in its buckets.
    pub fn blobs(workflow: &str) -> String {
        format!("blobs/{workflow}/")
    }

    /// What the keys of a workflow's code begin with in its buckets.
    pub fn code(workflow: &str) -> String {
        format!("code/{workflow}/")
    }

    /// The name of the role of a workflow's functions.
    pub fn role_name(workflow: &str) -> String {
        format!("caribou-{workflow}")
    }

    /// The ARN of the role of a workflow's functions. `home` says in which partition.
    pub fn role_arn(&self, workflow: &str, home: &Region) -> String {
        format!("arn:{}:iam::{self}:role/{}", partition(home), Self::role_name(workflow))
    }

    fn arn(&self, service: &str, region: &Region, rest: &str) -> String {
        format!("arn:{}:{service}:{}:{self}:{rest}", partition(region), region.code())
    }
}

/// The partition that a region belongs to.
fn partition(region: &Region) -> &'static str {
    match region.code() {
        code if code.starts_with("cn-") => "aws-cn",
        code if code.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// What the host names of a region end with.
pub(crate) fn domain(region: &Region) -> &'static str {
    if partition(region) == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Account {
    type Err = InvalidAccount;

    fn from_str(text: &str) -> Result<Self, InvalidAccount> {
        if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidAccount(text.chars().take(80).collect()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_the_address_and_the_partition() {
        let account: Account = "123456789012".parse().unwrap();
        let to = |region| StageAddress {
            workflow: "press".into(),
            version: "1.0.0-rc.1+2".into(),
            function: "resize".into(),
            region: Region::aws(region),
        };
        let quebec = to("ca-central-1");
        assert_eq!(
            account.queue_url(&quebec),
            "https://sqs.ca-central-1.amazonaws.com/123456789012/press-1_0_0-rc_1_2-resize"
        );
        let beijing = to("cn-north-1");
        assert_eq!(account.bucket_arn(&beijing.region), "arn:aws-cn:s3:::caribou-123456789012-cn-north-1");
        assert!(account.queue_url(&beijing).starts_with("https://sqs.cn-north-1.amazonaws.com.cn/"));
    }

    #[test]
    fn an_account_has_twelve_digits() {
        for text in ["", "12345678901", "1234567890123", "12345678901a"] {
            assert!(text.parse::<Account>().is_err(), "{text}");
        }
    }
}
