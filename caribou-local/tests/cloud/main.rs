//! The embedded cloud as its users see it.

// what the stores in memory and on DynamoDB are held against
#[cfg(test)]
#[path = "../../../caribou-runtime/tests/aws/contract.rs"]
mod contract;
#[cfg(test)]
mod expiry;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod functions;
#[cfg(test)]
mod interfaces;
#[cfg(test)]
mod invocations;
