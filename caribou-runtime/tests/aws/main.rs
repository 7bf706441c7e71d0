//! The adapter for AWS, over real connections: DynamoDB in this process, everything else as small servers.

mod contract;
mod dynamodb;
