//! Deploys workflows to AWS: Lambda, SNS, SQS, DynamoDB, S3, CloudWatch Logs and IAM.
//!
//! No file says what is on AWS. Names are derived ([`Account`]), resources are tagged, and every
//! command compares what is *wanted* with what is *there*: the [`Difference`] is what a dry run shows, what drift is, and what
//! is then done. So everything can be repeated, and an interrupted command is finished by the same command.
//!
//! | module | what it holds |
//! |---|---|
//! | [`connection`] | the account, and clients of its services in every region |
//! | [`archive`] | the code that is deployed |
//! | [`deployer`] | [`AwsDeployer`]: compares, deploys, verifies, releases |
//! | `wanted` | from manifest and graph to resources |
//! | [`resource`] | the resources, a noun a file |
//! | `policy` | what the functions may do |
//! | [`difference`], `apply` | what has to be done; does it |
//! | `patience` | waits for what AWS does not see at once |
//! | `together` | several calls at the same time |
//! | `verify` | calls a function to see that it can work |
//! | `inventory`, `objects` | what there is of a workflow, by listing |
//! | [`mod@remove`], [`mod@collect`] | removes a workflow; removes what is not needed any more |
//! | `mark`, `revoke` | what is not needed bears a mark; what is gone may do nothing |
//! | [`region`] | regions that have to be enabled; where a workflow may be |
//! | [`logs`], [`telemetry`] | what the functions print, of all regions in one stream; what of it is learned from
//! | [`mod@standing`] | which versions are where, and their URLs
//! | [`error`] | what went wrong, where, and what to do |

pub mod archive;
pub mod collect;
pub mod connection;
pub mod deployer;
pub mod difference;
pub mod error;
pub mod logs;
pub mod region;
pub mod remove;
pub mod resource;
pub mod standing;
pub mod telemetry;

mod apply;
mod inventory;
mod mark;
mod objects;
mod patience;
mod place;
mod policy;
mod revoke;
mod together;
mod verify;
mod wanted;

pub use caribou_runtime::aws::Account;

pub use self::archive::{Archive, Archives};
pub use self::collect::{Collected, Needed, Waiting, Why, collect};
pub use self::connection::Aws;
pub use self::deployer::{AwsDeployer, Watch};
pub use self::difference::{Action, Change, Counts, Difference};
pub use self::error::{AwsError, CallError, Fault};
pub use self::logs::{Lines, Logs, Which};
pub use self::region::{is_opt_in, regions_of};
pub use self::remove::{Holdings, holdings, remove};
pub use self::resource::{Differing, Id, Kind};
pub use self::standing::{Standing, standing, urls};
