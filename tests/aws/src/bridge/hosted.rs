//! A function as it is deployed, and as the embedded cloud hosts it.

use std::collections::BTreeMap;
use std::path::Path;

use aws_sdk_lambda::types::{EphemeralStorage, FunctionConfiguration};
use caribou_local::{AsynchronousEvents, FunctionDeployment, Services};
use caribou_model::{FunctionSpec, Region};
use caribou_runtime::port::StageAddress;

use crate::Wrong;

/// A function as it is deployed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hosted {
    pub(super) address: StageAddress,
    pub(super) arn: String,
    /// SHA-256 of its code, in base64, as Lambda gives it.
    pub(super) code: String,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) memory_mb: u32,
    pub(super) timeout_s: u32,
    pub(super) ephemeral_storage_mb: u32,
    /// How often an asynchronous event that fails is tried again.
    pub(super) retries: u32,
    /// The queue that is sent what was given up.
    pub(super) failures: Option<String>,
    /// Its subscription, and the queue that is sent what cannot be delivered.
    pub(super) subscription: Option<Subscription>,
}

/// A function's subscription to a topic.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Subscription {
    pub(super) arn: String,
    pub(super) topic: String,
    pub(super) redrive: Option<String>,
}

impl Hosted {
    /// Reads a function's configuration.
    pub(super) fn read(region: &Region, function: &FunctionConfiguration) -> Result<Self, Wrong> {
        let name = function.function_name().ok_or("a function without a name")?;
        let variables = function.environment().and_then(|environment| environment.variables());
        let environment: BTreeMap<String, String> =
            variables.into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect();
        let variable = |wanted: &str| {
            let value = environment.get(wanted).cloned();
            value.ok_or_else(|| format!("function {name} in {region} has no variable {wanted}"))
        };
        let address = StageAddress {
            workflow: variable("CARIBOU_WORKFLOW")?,
            version: variable("CARIBOU_VERSION")?,
            function: variable("CARIBOU_FUNCTION")?,
            region: region.clone(),
        };
        if address.deployed_name() != name {
            return Err(format!("function {name} in {region} serves {}", address.deployed_name()).into());
        }
        let positive = |value: Option<i32>, default: u32| {
            value.and_then(|value| value.try_into().ok()).unwrap_or(default)
        };
        Ok(Self {
            address,
            arn: function.function_arn().ok_or("a function without an ARN")?.to_owned(),
            code: function.code_sha256().ok_or("a function without code")?.to_owned(),
            environment,
            memory_mb: positive(function.memory_size(), 128),
            timeout_s: positive(function.timeout(), 3),
            ephemeral_storage_mb: positive(function.ephemeral_storage().map(EphemeralStorage::size), 512),
            retries: 2,
            failures: None,
            subscription: None,
        })
    }

    /// Whether the same is to be hosted: what happens around a function needs no new instances.
    pub(super) fn is_served_as(&self, other: &Self) -> bool {
        let around = |hosted: &Self| Self { failures: None, subscription: None, ..hosted.clone() };
        around(self) == around(other)
    }

    /// The function as the embedded cloud hosts it. Everything that says where AWS is and who calls it is put beside the
    /// function's own environment, as Lambda does.
    pub(super) fn deployment(&self, bootstrap: &Path, front: &str, bridge: &str) -> FunctionDeployment {
        let StageAddress { function, region, .. } = &self.address;
        let name = self.address.deployed_name();
        let mut env = self.environment.clone();
        for (variable, value) in [
            ("AWS_ENDPOINT_URL", front),
            ("AWS_ACCESS_KEY_ID", name.as_str()),
            ("AWS_SECRET_ACCESS_KEY", "no secret"),
            ("AWS_SESSION_TOKEN", "no session"),
        ] {
            env.insert(variable.to_owned(), value.to_owned());
        }
        let failures = Some(format!("{bridge}/failures/{}/{name}", region.code()));
        FunctionDeployment {
            address: self.address.clone(),
            spec: FunctionSpec {
                memory_mb: self.memory_mb,
                timeout_s: self.timeout_s,
                ephemeral_storage_mb: self.ephemeral_storage_mb,
                ..FunctionSpec::new(function)
            },
            bootstrap: bootstrap.into(),
            home: region.clone(),
            probe_share: 0.0,
            run_deadline_s: 0,
            env,
            services: Services::Aws(AsynchronousEvents { retries: self.retries, failures }),
        }
    }
}
