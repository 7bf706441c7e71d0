//! Plans in the home region's store.

use bytes::Bytes;
use caribou_model::{Plan, Region, Timestamp};

use crate::key;
use crate::port::{Condition, Item, Put, Store, StoreError};

/// Why a plan could not be read or switched.
#[derive(Debug, thiserror::Error)]
pub enum PlanStoreError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What lies there is no plan.
    #[error("the plan of {workflow} {version} in {home} cannot be read: {cause}; solve and migrate again")]
    Unreadable {
        /// The workflow's name.
        workflow: String,
        /// Its version.
        version: String,
        /// The home region.
        home: Region,
        /// What the JSON reader found.
        cause: serde_json::Error,
    },
}

/// What became of a switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Switched {
    /// The plan is in force, under this revision.
    Yes {
        /// What the next switch must expect.
        revision: u64,
    },
    /// Another plan is in force than was expected: read it, and decide again.
    Stale,
}

/// Reads the plan in force, with its revision. `None` if the workflow was never solved: its runs go home.
///
/// # Errors
///
/// [`PlanStoreError`] if home does not answer or the plan is unreadable.
pub async fn read(
    store: &dyn Store,
    home: &Region,
    workflow: &str,
    version: &str,
) -> Result<Option<(Plan, u64)>, PlanStoreError> {
    let Some(Item { value, revision }) = store.get(home, &key::plan(workflow, version)).await? else {
        return Ok(None);
    };
    let plan = serde_json::from_slice(&value).map_err(|cause| PlanStoreError::Unreadable {
        workflow: workflow.to_owned(),
        version: version.to_owned(),
        home: home.clone(),
        cause,
    })?;
    Ok(Some((plan, revision)))
}

/// Puts a plan in force by one conditional write. `expected` is the revision that [`read`] gave, or `None` if there
/// was no plan.
///
/// # Errors
///
/// [`PlanStoreError`] if home does not answer; the switch may have happened: read again.
pub async fn switch(
    store: &dyn Store,
    plan: &Plan,
    expected: Option<u64>,
) -> Result<Switched, PlanStoreError> {
    let unreadable = |cause| PlanStoreError::Unreadable {
        workflow: plan.workflow.clone(),
        version: plan.version.clone(),
        home: plan.home.clone(),
        cause,
    };
    let value = Bytes::from(serde_json::to_vec(plan).map_err(unreadable)?);
    let condition = expected.map_or(Condition::Absent, Condition::Revision);
    // A plan is kept when it has expired: its epoch must go on rising.
    let never = Timestamp::from_millis(u64::MAX);
    let key = key::plan(&plan.workflow, &plan.version);
    match store.put(&plan.home, &key, value, condition, never).await? {
        Put::Written(revision) => Ok(Switched::Yes { revision }),
        Put::Refused(_) => Ok(Switched::Stale),
    }
}
