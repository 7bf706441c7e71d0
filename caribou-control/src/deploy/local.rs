//! The embedded cloud.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use caribou_local::{Control, FunctionDeployment};
use caribou_model::{FunctionSpec, NodeId, Region};
use caribou_runtime::port::StageAddress;

use super::{DeployError, Deployer, Need, Progress};
use crate::state::Deployed;

/// Deploys the functions of one workflow to an embedded cloud.
#[derive(Clone, Copy)]
pub struct LocalDeployer<'a> {
    /// The cloud.
    pub control: &'a Control,
    /// The workflow.
    pub deployed: &'a Deployed,
}

#[async_trait]
impl Deployer for LocalDeployer<'_> {
    fn deployed(&self) -> &Deployed {
        self.deployed
    }

    async fn deploy(
        &self,
        needs: &BTreeSet<Need>,
        progress: &mut Progress<'_>,
    ) -> Result<Vec<Need>, DeployError> {
        let mut done = Vec::new();
        for need in needs {
            let Need { function, region } = need;
            let Some(spec) = self.deployed.spec(function) else { continue };
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

    /// Instances that know the plan before end, and new ones read the plan at once.
    async fn renew_entries(&self) -> Result<(), DeployError> {
        let entry = self.deployed.graph.function_of(NodeId::ENTRY);
        let mut entries = self.present().await?;
        entries.retain(|need| entry.is_some_and(|spec| spec.name == need.function));
        self.deploy(&entries, &mut |_| ()).await.map(drop)
    }
}

impl LocalDeployer<'_> {
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
            services: caribou_local::Services::Embedded,
        }
    }
}
