//! Puts a new plan in force: functions first, then a check, then one conditional write.

use std::collections::BTreeSet;

use caribou_model::{Epoch, Graph, Plan, PlanError};
use caribou_runtime::plan::{self, PlanStoreError, Switched};
use caribou_runtime::port::Store;

use crate::deploy::{DeployError, Deployer, Need, Progress, under_plan};

/// The plan in force.
#[derive(Clone, Debug, PartialEq)]
pub struct InForce {
    /// The plan; everything at home if the workflow was never solved.
    pub plan: Plan,
    /// What the next switch must expect; `None` if no plan was ever put in force.
    pub revision: Option<u64>,
}

/// What a migration did.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Migrated {
    /// The epoch now in force.
    pub epoch: Epoch,
    /// Functions that were deployed for it.
    pub deployed: Vec<Need>,
}

/// Why a plan was not put in force. Runs go on under the one before.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The plan does not fit the workflow.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A function was not deployed.
    #[error("the plan was not switched: {0}")]
    Deploy(#[from] DeployError),
    /// The home region did not answer.
    #[error("the plan was not switched: {0}")]
    Store(#[from] PlanStoreError),
    /// Another plan came first.
    #[error(
        "another plan was put in force meanwhile; look at the difference again (`caribou plan`), then migrate again"
    )]
    Stale,
}

impl InForce {
    /// Reads the plan in force from the home region.
    ///
    /// # Errors
    ///
    /// [`PlanStoreError`] if home does not answer.
    pub async fn read(
        store: &dyn Store,
        graph: &Graph,
        home: &caribou_model::Region,
    ) -> Result<Self, PlanStoreError> {
        let found = plan::read(store, home, &graph.workflow, &graph.version).await?;
        Ok(match found {
            Some((plan, revision)) => Self { plan, revision: Some(revision) },
            None => Self { plan: Plan::at_home(graph, home.clone()), revision: None },
        })
    }

    /// The epoch of the plan that follows this one.
    pub fn next_epoch(&self) -> Epoch {
        Epoch(self.plan.epoch.0 + 1)
    }
}

/// Deploys what the plan needs, checks that it is there, and switches. Then the function that receives requests is
/// started anew wherever it is, so that the next request follows the new plan.
///
/// # Errors
///
/// [`MigrateError`]; the plan before stays in force, unless the last step alone failed: then instances that still know
/// it use it for a minute.
pub async fn migrate(
    deployer: &dyn Deployer,
    store: &dyn Store,
    in_force: &InForce,
    next: &Plan,
    progress: &mut Progress<'_>,
) -> Result<Migrated, MigrateError> {
    let graph = &deployer.deployed().graph;
    next.validate(graph)?;
    let needs = under_plan(graph, next);
    let missing: BTreeSet<Need> = deployer.missing(&needs).await?;
    let added = deployer.deploy(&missing, progress).await?;
    deployer.verify(&needs).await?;
    if plan::switch(store, next, in_force.revision).await? == Switched::Stale {
        return Err(MigrateError::Stale);
    }
    deployer.renew_entries().await?;
    Ok(Migrated { epoch: next.epoch, deployed: added })
}
