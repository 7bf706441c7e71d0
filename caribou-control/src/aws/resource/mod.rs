//! What a workflow has on AWS: a noun a file, each with what is wanted, what is there, and how the one becomes the other.
//!
//! | module | what it holds |
//! |---|---|
//! | here | `Resource`: what all of them can do; [`Kind`] and [`Id`] |
//! | `field` | properties, as they are compared and shown |
//! | `role`, `given`, `inline_policy`, `role_tags` | the functions' role; what it has for a version; its policies; its tags |
//! | `bucket`, `code` | blobs and code of a region; an archive in it |
//! | `table` | the workflow's store in a region |
//! | `log_group`, `queue`, `function`, `failure`, `topic`, `permission`, `subscription`, `mapping`, `url` | of one function |

pub(super) mod bucket;
pub(super) mod code;
pub(super) mod failure;
pub(super) mod field;
pub(super) mod function;
pub(super) mod given;
pub(super) mod inline_policy;
pub(super) mod log_group;
pub(super) mod mapping;
pub(super) mod permission;
pub(super) mod queue;
pub(super) mod role;
pub(super) mod role_tags;
pub(super) mod subscription;
pub(super) mod table;
pub(super) mod topic;
pub(super) mod url;

use std::fmt;

use async_trait::async_trait;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use caribou_model::Region;
use serde::Serialize;

use super::connection::Aws;
use super::error::{AwsError, Fault};

pub(super) use self::field::Fields;
pub use self::field::{Differing, Text};

/// The kinds of thing that a workflow has on AWS, in the order in which they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The role of the functions.
    Role,
    /// The bucket of a region, which all workflows share.
    Bucket,
    /// An archive of code in the bucket.
    Code,
    /// The store.
    Table,
    /// Where a function's logs go.
    LogGroup,
    /// Where letters go that even failure mode cannot read.
    DeadQueue,
    /// Where parked messages and failed deliveries wait.
    Queue,
    /// Where messages for a function go.
    Topic,
    /// The function.
    Function,
    /// How often Lambda tries, and where it sends what failed.
    FailureDestination,
    /// The topic's right to call the function.
    Permission,
    /// What leads from the queue to the function.
    Mapping,
    /// Where requests come in over HTTP.
    FunctionUrl,
    /// What leads from the topic to the function.
    Subscription,
}

impl Kind {
    /// What can be made at the same time has the same rank; what needs something else has a higher one.
    pub(super) fn rank(self) -> u8 {
        match self {
            Self::Role | Self::Bucket => 0,
            Self::Code | Self::Table | Self::LogGroup | Self::DeadQueue => 1,
            Self::Queue | Self::Topic => 2,
            Self::Function => 3,
            Self::FailureDestination | Self::Permission | Self::Mapping => 4,
            // it adds statements to the policy that the permission is in
            Self::FunctionUrl => 5,
            // last: from here on messages arrive
            Self::Subscription => 6,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Role => "role",
            Self::Bucket => "bucket",
            Self::Code => "code",
            Self::Table => "table",
            Self::LogGroup => "log group",
            Self::DeadQueue => "dead-letter queue",
            Self::Queue => "queue",
            Self::Topic => "topic",
            Self::Function => "function",
            Self::FailureDestination => "failure destination",
            Self::Permission => "permission",
            Self::Mapping => "event source mapping",
            Self::FunctionUrl => "function URL",
            Self::Subscription => "subscription",
        })
    }
}

/// A thing on AWS.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Id {
    /// Where it is; for a role, home.
    pub region: Region,
    /// What it is.
    pub kind: Kind,
    /// Its name; what belongs to a function and has no name of its own bears the function's.
    pub name: String,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} in {}", self.kind, self.name, self.region)
    }
}

impl Id {
    pub(super) fn new(kind: Kind, region: &Region, name: impl Into<String>) -> Self {
        Self { region: region.clone(), kind, name: name.into() }
    }

    /// Turns the error of a call into one that says what was asked of what.
    pub(super) fn fault<E>(
        &self,
        operation: &'static str,
    ) -> impl Fn(SdkError<E, HttpResponse>) -> AwsError + use<'_, E>
    where
        E: ProvideErrorMetadata,
    {
        move |error| {
            let resource = format!("{} {}", self.kind, self.name);
            AwsError::call(operation, &self.region, &resource, &error)
        }
    }
}

/// Something that is wanted on AWS, or wanted to be gone.
#[async_trait]
pub(super) trait Resource: Send + Sync {
    /// What it is.
    fn id(&self) -> Id;

    /// Its properties as they should be. `None` if it should not be there.
    fn wanted(&self) -> Option<Fields>;

    /// Its properties as they are. `None` if it is not there.
    async fn actual(&self, aws: &Aws) -> Result<Option<Fields>, AwsError>;

    /// Makes it, with everything that belongs to it.
    async fn create(&self, aws: &Aws) -> Result<(), AwsError>;

    /// Changes what differs.
    async fn update(&self, aws: &Aws, differing: &[Differing]) -> Result<(), AwsError>;

    /// Removes it. That it is gone already is no error.
    async fn delete(&self, aws: &Aws) -> Result<(), AwsError>;
}

/// What a call gave; `None` if there is no such thing.
pub(super) fn optional<T>(result: Result<T, AwsError>) -> Result<Option<T>, AwsError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.fault() == Some(Fault::Absent) => Ok(None),
        Err(error) => Err(error),
    }
}
