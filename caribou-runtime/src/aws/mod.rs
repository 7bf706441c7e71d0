//! The adapter for AWS: the ports over SNS, DynamoDB, S3 and SQS.
//!
//! | module | what it holds |
//! |---|---|
//! | [`account`] | names, ARNs and URLs of a workflow's things |

pub mod account;

pub use self::account::{Account, InvalidAccount};
