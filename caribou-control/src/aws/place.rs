//! A function of a version in a region, and the names of what it has there.

use caribou_runtime::aws::Account;
use caribou_runtime::port::StageAddress;

use super::resource::{Id, Kind};

/// The tag with the workflow's name.
pub(super) const WORKFLOW: &str = "caribou:workflow";
/// The tag with its version.
pub(super) const VERSION: &str = "caribou:version";
/// The tag with the function's name.
pub(super) const FUNCTION: &str = "caribou:function";
/// The tag with the instant, in seconds since 1970, since which something is not needed any more.
pub(super) const UNNEEDED: &str = "caribou:unneeded-since";

/// A function of a version in a region of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) account: Account,
    pub(super) address: StageAddress,
}

impl Place {
    /// What the function, its topic and its queue are called.
    pub(super) fn name(&self) -> String {
        self.address.deployed_name()
    }

    pub(super) fn id(&self, kind: Kind) -> Id {
        let name = match kind {
            Kind::LogGroup => Account::log_group(&self.address),
            Kind::DeadQueue => Account::dead_queue_name(&self.address),
            _ => self.name(),
        };
        Id::new(kind, &self.address.region, name)
    }

    pub(super) fn function_arn(&self) -> String {
        self.account.function_arn(&self.address)
    }

    pub(super) fn topic_arn(&self) -> String {
        self.account.topic_arn(&self.address)
    }

    pub(super) fn queue_arn(&self) -> String {
        self.account.queue_arn(&self.address)
    }

    /// The tags of everything that belongs to the function.
    pub(super) fn tags(&self) -> Vec<(String, String)> {
        let StageAddress { workflow, version, function, .. } = &self.address;
        let tags = [(WORKFLOW, workflow), (VERSION, version), (FUNCTION, function)];
        tags.map(|(key, value)| (key.to_owned(), value.clone())).into()
    }
}
