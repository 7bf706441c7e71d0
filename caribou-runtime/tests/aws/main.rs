//! The adapter for AWS, over real connections: DynamoDB in this process, everything else as small servers.

#[cfg(test)]
mod blobs;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod deployed;
#[cfg(test)]
mod dynamodb;
#[cfg(test)]
#[path = "../shim/map_workflows.rs"]
#[allow(dead_code, reason = "the workflows are those of the shim's tests")]
mod map_workflows;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod sends;
#[cfg(test)]
mod wire;
#[cfg(test)]
#[path = "../shim/workflows.rs"]
#[allow(dead_code, reason = "the workflows are those of the shim's tests")]
mod workflows;
