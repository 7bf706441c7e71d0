//! Brings functions to the regions of the embedded cloud.

use std::collections::{BTreeMap, BTreeSet};

use caribou_local::{Control, FunctionDeployment};
use caribou_model::{FunctionSpec, Graph, NodeId, Plan, Region};
use caribou_runtime::port::StageAddress;

use crate::state::Deployed;

/// Deploys the functions of one workflow to an embedded cloud.
#[derive(Clone, Copy)]
pub struct Deployer<'a> {
    /// The cloud.
    pub control: &'a Control,
    /// The workflow.
    pub deployed: &'a Deployed,
}

/// A function in a region where it is needed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Need {
    /// The function.
    pub function: String,
    /// The region.
    pub region: Region,
}

/// Why a function was not deployed.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The cloud did not answer, or refused.
    #[error(transparent)]
    Control(#[from] caribou_local::ControlError),
    /// The cloud took a deployment and does not have it.
    #[error("{function} was deployed to {region}, but the cloud does not list it; look at its log")]
    Missing {
        /// The function.
        function: String,
        /// The region.
        region: Region,
    },
    /// A function's own rules or the manifest keep it from a region.
    #[error("function `{function}` may not run in {region}; allow it there, or choose another plan")]
    NotPermitted {
        /// The function.
        function: String,
        /// The region.
        region: Region,
    },
}

impl Deployer<'_> {
    /// Deploys these functions. One that is there already is replaced: its instances finish their events and end, so
    /// doing it again does no harm. Returns what was deployed.
    ///
    /// # Errors
    ///
    /// [`DeployError`]; what was deployed before it stays, and the next call goes on from there.
    pub async fn deploy(
        &self,
        needs: &BTreeSet<Need>,
        mut progress: impl FnMut(&Need),
    ) -> Result<Vec<Need>, DeployError> {
        let mut done = Vec::new();
        for need in needs {
            let Need { function, region } = need;
            let Some(spec) = self.spec(function) else { continue };
            if !self.deployed.manifest.permits(spec, region) {
                let (function, region) = (function.clone(), region.clone());
                return Err(DeployError::NotPermitted { function, region });
            }
            progress(need);
            self.control.deploy(&self.deployment(spec, region)).await?;
            done.push(need.clone());
        }
        Ok(done)
    }

    /// What is needed and not there.
    ///
    /// # Errors
    ///
    /// [`DeployError::Control`] if the cloud does not answer.
    pub async fn missing(&self, needs: &BTreeSet<Need>) -> Result<BTreeSet<Need>, DeployError> {
        Ok(needs.difference(&self.present().await?).cloned().collect())
    }

    /// What is there of this version.
    async fn present(&self) -> Result<BTreeSet<Need>, DeployError> {
        let graph = &self.deployed.graph;
        let deployments = self.control.deployments().await?;
        Ok(deployments
            .into_iter()
            .map(|deployment| deployment.address)
            .filter(|address| address.workflow == graph.workflow && address.version == graph.version)
            .map(|address| Need { function: address.function, region: address.region })
            .collect())
    }

    /// The function that receives requests, wherever it is deployed.
    ///
    /// # Errors
    ///
    /// [`DeployError::Control`] if the cloud does not answer.
    pub async fn entries(&self) -> Result<BTreeSet<Need>, DeployError> {
        let entry = self.deployed.graph.function_of(NodeId::ENTRY);
        let present = self.present().await?;
        Ok(present.into_iter().filter(|need| entry.is_some_and(|spec| spec.name == need.function)).collect())
    }

    /// Makes sure that everything needed is there.
    ///
    /// # Errors
    ///
    /// [`DeployError::Missing`] names the first that is not.
    pub async fn verify(&self, needs: &BTreeSet<Need>) -> Result<(), DeployError> {
        match self.missing(needs).await?.pop_first() {
            None => Ok(()),
            Some(Need { function, region }) => Err(DeployError::Missing { function, region }),
        }
    }

    fn spec(&self, function: &str) -> Option<&FunctionSpec> {
        self.deployed.graph.functions.iter().find(|spec| spec.name == function)
    }

    fn deployment(&self, spec: &FunctionSpec, region: &Region) -> FunctionDeployment {
        let Deployed { graph, manifest, bootstrap, .. } = self.deployed;
        FunctionDeployment {
            address: StageAddress {
                workflow: graph.workflow.clone(),
                version: graph.version.clone(),
                function: spec.name.clone(),
                region: region.clone(),
            },
            spec: spec.clone(),
            bootstrap: bootstrap.clone(),
            home: manifest.home.clone(),
            probe_share: manifest.runs.probe_share,
            run_deadline_s: u64::from(manifest.runs.deadline_s),
            env: BTreeMap::new(),
        }
    }
}

/// Every function at home, where plans fall back to and probes run.
pub fn at_home(graph: &Graph, home: &Region) -> BTreeSet<Need> {
    graph.functions.iter().map(|spec| Need { function: spec.name.clone(), region: home.clone() }).collect()
}

/// Every function in every region where the plan has one of its stages in some hour, and at home.
pub fn under_plan(graph: &Graph, plan: &Plan) -> BTreeSet<Need> {
    let mut needs = at_home(graph, &plan.home);
    for placement in &plan.hours {
        for (index, (_, spec)) in graph.stages().enumerate() {
            if let Some(region) = placement.region_of(index) {
                needs.insert(Need { function: spec.name.clone(), region: region.clone() });
            }
        }
    }
    needs
}

#[cfg(test)]
mod tests {
    use caribou_model::Placement;

    use super::*;
    use crate::fixture::{HOME, diamond};

    #[test]
    fn a_plan_needs_each_function_where_its_stages_run_and_at_home() {
        let graph = diamond();
        let mut plan = Plan::at_home(&graph, HOME);
        assert_eq!(under_plan(&graph, &plan), at_home(&graph, &HOME));
        let quebec = Region::aws("ca-central-1");
        plan.hours[23] = Placement::new(&[HOME, quebec.clone(), HOME]).unwrap();
        let further: Vec<Need> =
            under_plan(&graph, &plan).difference(&at_home(&graph, &HOME)).cloned().collect();
        assert_eq!(further, [Need { function: "b".into(), region: quebec }]);
    }
}
