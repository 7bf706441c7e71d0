//! `workflow_instance_table.json`: what the original learned of the workflow.

use std::collections::BTreeMap;

use caribou_model::Region;

use super::config::Config;
use super::execution::Executions;
use super::latency::{KIB_PER_GB, Latencies, by_pair, known_region};
use crate::original::OriginalError;
use crate::original::document::{Document, Value};

pub(in crate::original) const FILE: &str = "workflow_instance_table.json";

/// What was learned.
#[derive(Clone, Debug)]
pub(in crate::original) struct Learned {
    pub(in crate::original) client: Client,
    /// By instance index.
    pub(in crate::original) instances: Vec<Executions>,
    /// By sender's instance index and receiver's.
    pub(in crate::original) transfers: BTreeMap<(usize, usize), Transfer>,
}

/// What comes before the first instance.
#[derive(Clone, Debug)]
pub(in crate::original) struct Client {
    /// The share of runs whose first function reads the plan, rather than the client.
    pub(in crate::original) plan_at_function: f64,
    pub(in crate::original) plan_gb: f64,
    pub(in crate::original) sizes_gb: Vec<f64>,
    /// By the region that received the request.
    pub(in crate::original) latencies: BTreeMap<Region, Latencies>,
    /// Executions of the first instance that only redirect to the region of the plan.
    pub(in crate::original) redirector: Option<Executions>,
}

/// What passes from one instance to another.
#[derive(Clone, Debug)]
pub(in crate::original) struct Transfer {
    /// The share of the sender's executions that invoke the receiver.
    pub(in crate::original) probability: f64,
    pub(in crate::original) sizes_gb: Vec<f64>,
    pub(in crate::original) latencies: BTreeMap<(Region, Region), Latencies>,
    /// Where the receiver is not invoked: what the sender tells sync nodes instead.
    pub(in crate::original) skips: Vec<Skip>,
    /// GB of the answers of a sync node's table, and of the message that invokes it.
    pub(in crate::original) sync_gb: f64,
    pub(in crate::original) message_gb: f64,
}

/// What a sender tells a sync node in place of an instance that it does not invoke.
#[derive(Clone, Debug)]
pub(in crate::original) struct Skip {
    /// The instance in whose place.
    pub(in crate::original) for_instance: usize,
    pub(in crate::original) sync_node: usize,
    pub(in crate::original) response_gb: f64,
    pub(in crate::original) message_gb: f64,
    pub(in crate::original) latencies_s: BTreeMap<(Region, Region), Vec<f64>>,
}

impl Skip {
    /// What the message is counted as, in GB: the nearest number of KiB, one at least.
    pub(in crate::original) fn billed_gb(&self) -> f64 {
        (self.message_gb * KIB_PER_GB).round().max(1.0) / KIB_PER_GB
    }
}

impl Learned {
    pub(in crate::original) fn parse(
        document: &Document,
        config: &Config,
        known: &[Region],
    ) -> Result<Self, OriginalError> {
        let root = document.root();
        let remedy = "run the workflow at home and collect again";
        let summary = root.get("instance_summary", remedy)?;
        let mut instances = Vec::new();
        let mut transfers = BTreeMap::new();
        for (index, instance) in config.instances.iter().enumerate() {
            let value = summary.get(&instance.name, remedy)?;
            let executions = Executions::parse(&value, known)?;
            if !executions.at.contains_key(&config.home) {
                let at = value.get("executions", remedy)?.get("at_region", remedy)?;
                return Err(at.bad(format!("an object with executions in the home region {}", config.home)));
            }
            instances.push(executions);
            let Some(to) = value.find("to_instance") else { continue };
            for (name, transfer) in to.members()? {
                let Some(to) = config.find(name) else { return Err(transfer.unknown_instance(name)) };
                transfers.insert((index, to), Transfer::parse(&transfer, config, known)?);
            }
        }
        Ok(Self { client: Client::parse(&root, config, known)?, instances, transfers })
    }
}

impl Client {
    fn parse(root: &Value<'_>, config: &Config, known: &[Region]) -> Result<Self, OriginalError> {
        let start = root.get("start_hop_summary", "run the workflow at home and collect again")?;
        let number =
            |key, otherwise, most| start.find(key).map_or(Ok(otherwise), |value| value.number(0.0, most));
        let plan_gb = number("workflow_placement_decision_size_gb", 0.0, f64::MAX)?;
        let client = start.find("from_client");
        let sizes_gb = client.as_ref().and_then(|client| client.find("transfer_sizes_gb"));
        let mut latencies = BTreeMap::new();
        if let Some(regions) = client.as_ref().and_then(|client| client.find("received_region")) {
            for (key, value) in regions.members()? {
                latencies.insert(known_region(key, &value, known)?, Latencies::parse(&value)?);
            }
        }
        let mut redirector = None;
        for (key, value) in
            start.find("at_redirector").map(|all| all.members()).transpose()?.into_iter().flatten()
        {
            if config.find(key).is_none() {
                return Err(value.unknown_instance(key));
            }
            redirector = Some(Executions::parse(&value, known)?);
        }
        Ok(Self {
            plan_at_function: number("wpd_at_function_probability", 1.0, 1.0)?,
            plan_gb,
            sizes_gb: sizes_gb.map_or(Ok(vec![plan_gb]), |sizes| sizes.samples(0.0))?,
            latencies,
            redirector,
        })
    }
}

impl Transfer {
    fn parse(value: &Value<'_>, config: &Config, known: &[Region]) -> Result<Self, OriginalError> {
        let probability =
            value.find("invocation_probability").map_or(Ok(0.0), |share| share.number(0.0, 1.0))?;
        let sizes_gb = match value.find("transfer_sizes_gb") {
            Some(sizes) if probability > 0.0 => sizes.samples(0.0)?,
            Some(sizes) => sizes.numbers(0.0)?,
            None if probability > 0.0 => {
                value.get("transfer_sizes_gb", "collect again: the receiver was invoked")?.samples(0.0)?
            }
            None => Vec::new(),
        };
        let mut skips = Vec::new();
        for (key, skip) in
            value.find("non_execution_info").map(|all| all.members()).transpose()?.into_iter().flatten()
        {
            let Some((instance, sync_node)) = key.split_once('>') else {
                return Err(skip.bad("under a key of two instances, with `>` between them"));
            };
            let find = |name: &str| config.find(name).ok_or_else(|| skip.unknown_instance(name));
            let number = |key| skip.find(key).map_or(Ok(0.0), |value| value.number(0.0, f64::MAX));
            skips.push(Skip {
                for_instance: find(instance)?,
                sync_node: find(sync_node)?,
                response_gb: number("sync_data_response_size_gb")?,
                message_gb: number("sns_transfer_size_gb")?,
                latencies_s: by_pair(skip.find("regions_to_regions"), known, |pair| {
                    pair.find("transfer_latencies_s").map_or(Ok(Vec::new()), |list| list.numbers(0.0))
                })?,
            });
        }
        let size = |key| value.find(key).map_or(Ok(1.0 / KIB_PER_GB), |size| size.number(0.0, f64::MAX));
        Ok(Self {
            probability,
            sizes_gb,
            latencies: by_pair(value.find("regions_to_regions"), known, Latencies::parse)?,
            skips,
            sync_gb: size("sync_size_gb")?,
            message_gb: size("sns_only_size_gb")?,
        })
    }
}
