//! Brings functions to regions.
//!
//! | module | what it holds |
//! |---|---|
//! | here | [`Deployer`]: what a migration asks of a platform; what a plan needs |
//! | [`local`] | the embedded cloud |
//!
//! AWS is in [`crate::aws`].

pub mod local;

use std::collections::BTreeSet;

use async_trait::async_trait;
use caribou_model::{Graph, NodeId, Plan, Region, Timestamp};
use caribou_runtime::port::Store;
use caribou_runtime::release::{Release, ReleaseError};

use crate::aws::AwsError;
use crate::state::Deployed;

pub use self::local::LocalDeployer;

/// Is told what is deployed next.
pub type Progress<'p> = dyn FnMut(&Need) + Send + 'p;

/// Deploys the functions of one workflow to a platform.
#[async_trait]
pub trait Deployer: Send + Sync {
    /// The workflow.
    fn deployed(&self) -> &Deployed;

    /// Deploys these functions and everything that they need. One that is there already is brought up to date, so doing it
    /// again does no harm. `progress` is told before each. Returns what was deployed.
    ///
    /// # Errors
    ///
    /// [`DeployError`]; what was deployed before it stays, and the next call goes on from there.
    async fn deploy(
        &self,
        needs: &BTreeSet<Need>,
        progress: &mut Progress<'_>,
    ) -> Result<Vec<Need>, DeployError>;

    /// What is there of this version.
    ///
    /// # Errors
    ///
    /// [`DeployError`] if the platform does not answer.
    async fn present(&self) -> Result<BTreeSet<Need>, DeployError>;

    /// Lets the functions that receive requests read the plan anew, where the platform can do that; elsewhere they do so
    /// within a minute.
    ///
    /// # Errors
    ///
    /// [`DeployError`] if the platform does not answer.
    async fn renew_entries(&self) -> Result<(), DeployError>;

    /// What is needed and not there.
    ///
    /// # Errors
    ///
    /// [`DeployError`] if the platform does not answer.
    async fn missing(&self, needs: &BTreeSet<Need>) -> Result<BTreeSet<Need>, DeployError> {
        Ok(needs.difference(&self.present().await?).cloned().collect())
    }

    /// Makes sure that everything needed is there and can work.
    ///
    /// # Errors
    ///
    /// [`DeployError::Missing`] names the first that is not.
    async fn verify(&self, needs: &BTreeSet<Need>) -> Result<(), DeployError> {
        match self.missing(needs).await?.pop_first() {
            None => Ok(()),
            Some(Need { function, region }) => Err(DeployError::Missing { function, region }),
        }
    }

    /// Puts this version in force: from now on it receives new runs. To be called when everything at home is verified. If it
    /// is in force already, nothing is written.
    ///
    /// # Errors
    ///
    /// [`ReleaseError`] if home does not answer, or if another version was put in force at the same time.
    async fn release(&self, store: &dyn Store, now: Timestamp) -> Result<Release, ReleaseError> {
        let Deployed { graph, manifest, .. } = self.deployed();
        let release = Release {
            workflow: graph.workflow.clone(),
            version: graph.version.clone(),
            entry: graph.function_of(NodeId::ENTRY).map(|spec| spec.name.clone()).unwrap_or_default(),
            home: manifest.home.clone(),
            since: now,
        };
        release.put_in_force(store).await
    }
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
    /// AWS did not answer, or refused.
    #[error(transparent)]
    Aws(#[from] AwsError),
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
