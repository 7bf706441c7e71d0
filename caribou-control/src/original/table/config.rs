//! `workflow_config.json`: instances, what follows on what, where they may run, limits.

use caribou_model::{Architecture, Region};

use crate::original::OriginalError;
use crate::original::document::{Document, Value};

pub(in crate::original) const FILE: &str = "workflow_config.json";

/// A sync node's slots are counted in a byte.
const MOST_INSTANCES: usize = 250;

/// The workflow's configuration.
#[derive(Clone, Debug)]
pub(in crate::original) struct Config {
    pub(in crate::original) workflow: String,
    pub(in crate::original) version: String,
    pub(in crate::original) home: Region,
    pub(in crate::original) rules: Rules,
    /// In the order of the file, which numbers them.
    pub(in crate::original) instances: Vec<Instance>,
    /// Metrics by priority, as written.
    pub(in crate::original) priority: Vec<Metric>,
    pub(in crate::original) hard: Vec<(Metric, Bound)>,
    pub(in crate::original) soft: Vec<(Metric, Bound)>,
    pub(in crate::original) calls_in_one_month: Option<u64>,
}

/// The original's metrics are this project's.
pub(in crate::original) use caribou_model::Metric;

/// A limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::original) enum Bound {
    /// In the metric's unit.
    Absolute(f64),
    /// In per cent of home: 125 is a quarter more at most.
    Percent(f64),
}

/// Where something may run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::original) struct Rules {
    /// If not empty, the only regions; the original then leaves `deny` unread.
    pub(in crate::original) allow: Vec<Region>,
    pub(in crate::original) deny: Vec<Region>,
}

/// One instance: what this project calls a stage.
#[derive(Clone, Debug)]
pub(in crate::original) struct Instance {
    pub(in crate::original) name: String,
    pub(in crate::original) rules: Rules,
    pub(in crate::original) memory_mb: u32,
    pub(in crate::original) timeout_s: u32,
    pub(in crate::original) architecture: Architecture,
    /// If the configuration gives them; otherwise they follow from the memory.
    pub(in crate::original) vcpus: Option<f64>,
    /// Indexes of the instances that follow.
    pub(in crate::original) next: Vec<usize>,
}

impl Config {
    pub(in crate::original) fn parse(document: &Document) -> Result<Self, OriginalError> {
        let root = document.root();
        let instances =
            root.get("instances", "give the workflow's instances, as the original's deployment writes them")?;
        if instances.members()?.count() > MOST_INSTANCES {
            return Err(instances.bad(format!("an object of at most {MOST_INSTANCES} instances")));
        }
        let mut parsed = Vec::new();
        for (name, instance) in instances.members()? {
            parsed.push(Instance::parse(name, &instance)?);
        }
        for (index, (_, instance)) in instances.members()?.enumerate() {
            let list = instance.get("succeeding_instances", "list the instances that follow, or none: []")?;
            for next in list.items()? {
                let text = next.text()?;
                let position = parsed.iter().position(|other: &Instance| other.name == text);
                let Some(position) = position else { return Err(next.unknown_instance(text)) };
                if !parsed[index].next.contains(&position) {
                    parsed[index].next.push(position);
                }
            }
            parsed[index].next.sort_unstable();
        }
        let text = |key| root.get(key, "give it as the original's deployment writes it")?.text();
        let home = root.get("home_region", "give provider and region of the workflow's home")?;
        let limits = root.find("constraints");
        let of =
            |key| limits.as_ref().and_then(|limits| limits.find(key)).map_or(Ok(Vec::new()), |l| bounds(&l));
        let mut priority = Vec::new();
        if let Some(list) = limits.as_ref().and_then(|limits| limits.find("priority_order")) {
            for item in list.items()? {
                let metric =
                    metric(item.text()?).ok_or_else(|| item.bad("one of carbon, cost and runtime"))?;
                if priority.contains(&metric) {
                    return Err(item.bad("each metric once"));
                }
                priority.push(metric);
            }
        }
        let calls = root.find("num_calls_in_one_month").map(|calls| calls.number(0.0, 1e15)).transpose()?;
        Ok(Self {
            workflow: text("workflow_name")?.into(),
            version: text("workflow_version")?.into(),
            home: region(&home)?,
            rules: root
                .find("regions_and_providers")
                .map_or(Ok(Rules::default()), |rules| Rules::parse(&rules))?,
            instances: parsed,
            priority,
            hard: of("hard_resource_constraints")?,
            soft: of("soft_resource_constraints")?,
            calls_in_one_month: calls.map(|calls| calls as u64).filter(|&calls| calls > 0),
        })
    }

    /// The index of an instance.
    pub(in crate::original) fn find(&self, name: &str) -> Option<usize> {
        self.instances.iter().position(|instance| instance.name == name)
    }
}

impl Instance {
    fn parse(name: &str, value: &Value<'_>) -> Result<Self, OriginalError> {
        let remedy = "give memory and timeout of the instance's function at provider `aws`";
        let rules = value.get("regions_and_providers", remedy)?;
        let config = rules.get("providers", remedy)?.get("aws", remedy)?.get("config", remedy)?;
        let memory = config.get("memory", remedy)?.number(128.0, 10_240.0)?;
        let timeout = config.find("timeout").map_or(Ok(900.0), |timeout| timeout.number(1.0, 900.0))?;
        let architecture = match config.find("architecture") {
            None => Architecture::X86_64,
            Some(text) => match text.text()? {
                "x86_64" => Architecture::X86_64,
                "arm64" => Architecture::Arm64,
                _ => return Err(text.bad("x86_64 or arm64")),
            },
        };
        let vcpus = config
            .find("vcpu")
            .filter(|vcpu| vcpu.number(0.0, f64::MAX).is_ok() || vcpu.number(-1.0, -1.0).is_err());
        Ok(Self {
            name: name.into(),
            rules: Rules::parse(&rules)?,
            memory_mb: memory as u32,
            timeout_s: timeout as u32,
            architecture,
            vcpus: vcpus.map(|vcpu| vcpu.number(f64::MIN_POSITIVE, 1024.0)).transpose()?,
            next: Vec::new(),
        })
    }
}

impl Rules {
    fn parse(value: &Value<'_>) -> Result<Self, OriginalError> {
        let regions = |list: Option<Value<'_>>| match list {
            None => Ok(Vec::new()),
            Some(list) => list.items()?.map(|item| region(&item)).collect::<Result<Vec<_>, _>>(),
        };
        let allow = regions(value.find("allowed_regions"))?;
        let deny = if allow.is_empty() { regions(value.find("disallowed_regions"))? } else { Vec::new() };
        Ok(Self { allow, deny })
    }
}

/// A region as `{"provider": "aws", "region": "us-east-1"}`.
fn region(value: &Value<'_>) -> Result<Region, OriginalError> {
    let remedy = "write a region as {\"provider\": \"aws\", \"region\": \"us-east-1\"}";
    let [provider, code] = ["provider", "region"].map(|key| value.get(key, remedy));
    let (provider, code) = (provider?, code?);
    if provider.text()? != "aws" {
        return Err(provider.bad("aws, the only provider so far"));
    }
    format!("aws:{}", code.text()?).parse().map_err(|_| code.bad("an AWS region such as us-east-1"))
}

fn metric(text: &str) -> Option<Metric> {
    match text {
        "carbon" => Some(Metric::Carbon),
        "cost" => Some(Metric::Cost),
        "runtime" => Some(Metric::Runtime),
        _ => None,
    }
}

fn bounds(value: &Value<'_>) -> Result<Vec<(Metric, Bound)>, OriginalError> {
    let mut bounds = Vec::new();
    for (key, bound) in value.members()? {
        let metric = metric(key).ok_or_else(|| bound.bad("under the key carbon, cost or runtime"))?;
        let (Some(number), Some(kind)) = (bound.find("value"), bound.find("type")) else { continue };
        let number = number.number(0.0, f64::MAX)?;
        bounds.push(match kind.text()? {
            "absolute" => (metric, Bound::Absolute(number)),
            "relative" => (metric, Bound::Percent(number)),
            _ => return Err(kind.bad("absolute or relative")),
        });
    }
    Ok(bounds)
}
