//! Brings functions to regions of AWS.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use caribou_model::Region;

use super::archive::Archives;
use super::collect::Needed;
use super::connection::Aws;
use super::difference::{Change, Difference, look};
use super::error::AwsError;
use super::patience::SEEN;
use super::resource::{Kind, function, role_tags};
use super::together::{Work, all};
use super::wanted::{Plan, Wanted};
use super::{apply, inventory, verify};
use crate::deploy::{DeployError, Deployer, Need, Progress, under_plan};
use crate::state::Deployed;

/// Is told what was just done.
pub type Watch<'w> = dyn FnMut(&Change) + Send + 'w;

/// Deploys the functions of one version of a workflow to AWS.
///
/// There is no file that says what is on AWS: names are derived, and what is wanted is compared with what is there. Doing
/// something again therefore does what is missing, wherever it stopped.
///
/// ```no_run
/// # async fn deploy(deployed: &caribou_control::state::Deployed) -> Result<(), Box<dyn std::error::Error>> {
/// use caribou_control::aws::{Archive, Archives, Aws, AwsDeployer, regions_of};
/// use caribou_control::deploy::{Deployer, at_home};
///
/// let aws = Aws::connect(&deployed.manifest.home).await?;
/// let archives = Archives::shared(Archive::read("target/caribou/press.zip".as_ref())?);
/// let regions = regions_of(&deployed.manifest, &deployed.graph, &[]);
/// let deployer = AwsDeployer { aws: &aws, deployed, archives: &archives, regions: &regions };
/// let needs = at_home(&deployed.graph, &deployed.manifest.home);
/// print!("{}", deployer.difference(&needs).await?); // a dry run
/// deployer.bring(&needs, &mut |change| println!("{change}")).await?;
/// deployer.verify(&needs).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct AwsDeployer<'a> {
    /// The account.
    pub aws: &'a Aws,
    /// The workflow.
    pub deployed: &'a Deployed,
    /// Its code.
    pub archives: &'a Archives,
    /// Every region where something of the workflow may be: [`regions_of`](super::regions_of).
    pub regions: &'a [Region],
}

impl AwsDeployer<'_> {
    /// What has to be done so that these functions are there as they should be. Nothing is changed: this is the dry run, and
    /// what finds drift.
    ///
    /// # Errors
    ///
    /// [`AwsError`] if AWS does not answer, or if what is wanted cannot be.
    pub async fn difference(&self, needs: &BTreeSet<Need>) -> Result<Difference, AwsError> {
        let Wanted { resources, notes } = self.plan().wanted(needs).await?;
        let difference = look(self.aws, &resources).await?;
        function::check_package(&difference)?;
        Ok(Difference { notes, ..difference })
    }

    /// Does what [`difference`](Self::difference) tells, and returns it: home first, then what others need. `watch` is told
    /// each change that was made.
    ///
    /// # Errors
    ///
    /// [`AwsError`]; what was done stays, and the next call goes on from there.
    pub async fn bring(&self, needs: &BTreeSet<Need>, watch: &mut Watch<'_>) -> Result<Difference, AwsError> {
        let Wanted { resources, notes } = self.plan().wanted(needs).await?;
        let difference = look(self.aws, &resources).await?;
        function::check_package(&difference)?;
        let home = &self.deployed.manifest.home;
        apply::apply(self.aws, home, &resources, &difference, watch).await?;
        if difference.to_do().any(Change::remakes) {
            // permissions, failure destinations and URLs went with the old function
            let rest = look(self.aws, &resources).await?;
            apply::apply(self.aws, home, &resources, &rest, watch).await?;
        }
        Ok(Difference { notes, ..difference })
    }

    /// What this version needs under a plan, for [`collect`](super::collect()): what else there is of the workflow is not needed.
    /// To be called with the version and the plan in force.
    pub fn needed(&self, plan: &caribou_model::Plan) -> Needed {
        let Deployed { graph, manifest, .. } = self.deployed;
        let addresses = under_plan(graph, plan).iter().map(|need| self.plan().place(need).address).collect();
        Needed {
            workflow: graph.workflow.clone(),
            home: manifest.home.clone(),
            functions: addresses,
            deadline: Duration::from_secs(manifest.runs.deadline_s.into()),
            log_retention_days: manifest.aws.log_retention_days,
        }
    }

    fn plan(&self) -> Plan<'_> {
        Plan { aws: self.aws, deployed: self.deployed, archives: self.archives }
    }

    /// What is needed and not there as it should be.
    async fn lacking(&self, needs: &BTreeSet<Need>) -> Result<BTreeSet<Need>, AwsError> {
        let difference = self.difference(needs).await?;
        let lacks = |need: &Need| {
            let place = self.plan().place(need);
            let [log_group, dead] = [Kind::LogGroup, Kind::DeadQueue].map(|kind| place.id(kind).name);
            let name = place.name();
            difference.to_do().filter(|change| !role_tags::is_note_only(change)).any(
                |Change { id, .. }| {
                    let is_shared = matches!(id.kind, Kind::Role | Kind::Bucket | Kind::Code | Kind::Table);
                    let is_its_own = id.name == name || id.name == log_group || id.name == dead;
                    (id.kind == Kind::Role || id.region == need.region) && (is_shared || is_its_own)
                },
            )
        };
        Ok(needs.iter().filter(|need| lacks(need)).cloned().collect())
    }

    async fn present_in(&self, region: &Region) -> Result<Vec<Need>, AwsError> {
        let names = inventory::function_names(self.aws, region).await?;
        let functions = self.deployed.graph.functions.iter();
        let needs = functions.map(|spec| Need { function: spec.name.clone(), region: region.clone() });
        Ok(needs.filter(|need| names.contains(&self.plan().place(need).name())).collect())
    }

    fn check(&self, needs: &BTreeSet<Need>) -> Result<(), DeployError> {
        let Deployed { manifest, .. } = self.deployed;
        for Need { function, region } in needs {
            if let Some(spec) = self.deployed.spec(function)
                && !manifest.permits(spec, region)
            {
                let (function, region) = (function.clone(), region.clone());
                return Err(DeployError::NotPermitted { function, region });
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Deployer for AwsDeployer<'_> {
    fn deployed(&self) -> &Deployed {
        self.deployed
    }

    async fn deploy(
        &self,
        needs: &BTreeSet<Need>,
        progress: &mut Progress<'_>,
    ) -> Result<Vec<Need>, DeployError> {
        self.check(needs)?;
        if needs.is_empty() {
            return Ok(Vec::new());
        }
        needs.iter().for_each(&mut *progress);
        self.bring(needs, &mut |_| ()).await?;
        Ok(needs.iter().cloned().collect())
    }

    /// Functions that are there, whether all that they need is or not.
    async fn present(&self) -> Result<BTreeSet<Need>, DeployError> {
        let mut looks: Vec<Work<'_, Vec<Need>>> = Vec::new();
        for region in self.regions {
            looks.push(Box::pin(self.present_in(region)));
        }
        Ok(all(looks).await?.into_iter().flatten().collect())
    }

    /// An instance reads the plan anew within a minute.
    async fn renew_entries(&self) -> Result<(), DeployError> {
        Ok(())
    }

    /// What lacks anything, so that a deployment that was interrupted is finished.
    async fn missing(&self, needs: &BTreeSet<Need>) -> Result<BTreeSet<Need>, DeployError> {
        Ok(self.lacking(needs).await?)
    }

    /// Everything that the functions need is as it should be (some services show only after seconds what was written, so it is
    /// looked at again for half a minute), and each function was called: with an event that the shim
    /// refuses without touching anything, which only a bootstrap does that was started, read its environment and found its
    /// workflow.
    async fn verify(&self, needs: &BTreeSet<Need>) -> Result<(), DeployError> {
        let begun = self.aws.clock().now();
        while let Some(Need { function, region }) = self.lacking(needs).await?.pop_first() {
            if self.aws.clock().now().since(begun) >= SEEN.within {
                return Err(DeployError::Missing { function, region });
            }
            self.aws.clock().sleep(SEEN.every).await;
        }
        let mut calls: Vec<Work<'_, ()>> = Vec::new();
        for need in needs {
            let id = self.plan().place(need).id(Kind::Function);
            calls.push(Box::pin(async move { verify::call(self.aws, &id).await }));
        }
        all(calls).await?;
        Ok(())
    }
}
