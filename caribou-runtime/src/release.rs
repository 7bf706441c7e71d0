//! The version of a workflow that receives new runs.
//!
//! It lies in the home region's store, and is switched by one write once all functions of the version are deployed; clients
//! read it to know whom to ask. Runs under way keep the version that they began with.

use bytes::Bytes;
use caribou_model::{Region, Timestamp};
use serde::{Deserialize, Serialize};

use crate::key;
use crate::port::{Condition, Put, Store, StoreError};

/// A version that was deployed, and how to start a run of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The workflow.
    pub workflow: String,
    /// Its version.
    pub version: String,
    /// The function of its first stage, which receives requests.
    pub entry: String,
    /// Its home region.
    pub home: Region,
    /// When it was put in force.
    pub since: Timestamp,
}

/// Why the release could not be read or switched.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The release cannot be put into JSON: a defect.
    #[error("the release of {workflow} cannot be written: {cause}; please report this")]
    Unwritable {
        /// The workflow's name.
        workflow: String,
        /// What the JSON writer said.
        cause: serde_json::Error,
    },
    /// What lies there is no release.
    #[error("the release of {workflow} in {home} cannot be read: {cause}; deploy the workflow again")]
    Unreadable {
        /// The workflow's name.
        workflow: String,
        /// The home region.
        home: Region,
        /// What the JSON reader found.
        cause: serde_json::Error,
    },
    /// Another deployment switched at the same time.
    #[error(
        "another deployment of {workflow} was put in force meanwhile; look which it is, and deploy again if need be"
    )]
    Stale {
        /// The workflow's name.
        workflow: String,
    },
}

impl Release {
    /// Reads the release in force, with its revision. `None` if the workflow is not deployed.
    ///
    /// # Errors
    ///
    /// [`ReleaseError`] if home does not answer or what lies there is unreadable.
    pub async fn read(
        store: &dyn Store,
        home: &Region,
        workflow: &str,
    ) -> Result<Option<(Self, u64)>, ReleaseError> {
        let Some(item) = store.get(home, &key::release(workflow)).await? else { return Ok(None) };
        let release = serde_json::from_slice(&item.value).map_err(|cause| ReleaseError::Unreadable {
            workflow: workflow.to_owned(),
            home: home.clone(),
            cause,
        })?;
        Ok(Some((release, item.revision)))
    }

    /// Puts this release in force, unless the same is already, and returns the one in force.
    ///
    /// # Errors
    ///
    /// [`ReleaseError`] as for [`read`](Self::read) and [`switch`](Self::switch).
    pub async fn put_in_force(self, store: &dyn Store) -> Result<Self, ReleaseError> {
        let found = Self::read(store, &self.home, &self.workflow).await?;
        match found {
            Some((found, _)) if Self { since: found.since, ..self.clone() } == found => Ok(found),
            found => {
                self.switch(store, found.map(|(_, revision)| revision)).await?;
                Ok(self)
            }
        }
    }

    /// Takes back what is in force, if there is anything: the workflow is deployed no longer.
    ///
    /// # Errors
    ///
    /// [`ReleaseError::Stale`] if another was put in force meanwhile; [`ReleaseError::Store`] if home does not answer.
    pub async fn withdraw(
        store: &dyn Store,
        home: &Region,
        workflow: &str,
        now: Timestamp,
    ) -> Result<(), ReleaseError> {
        let key = key::release(workflow);
        let Some(item) = store.get(home, &key).await? else { return Ok(()) };
        // a store removes nothing at once: what has expired is not there any more
        match store.put(home, &key, item.value, Condition::Revision(item.revision), now).await? {
            Put::Written(_) => Ok(()),
            Put::Refused(_) => Err(ReleaseError::Stale { workflow: workflow.to_owned() }),
        }
    }

    /// Puts this release in force. `expected` is the revision that [`read`](Self::read) gave, or `None` if there was none.
    ///
    /// # Errors
    ///
    /// [`ReleaseError::Stale`] if another was put in force meanwhile; [`ReleaseError::Store`] if home does not answer: the
    /// switch may have happened.
    pub async fn switch(&self, store: &dyn Store, expected: Option<u64>) -> Result<u64, ReleaseError> {
        let unwritable = |cause| ReleaseError::Unwritable { workflow: self.workflow.clone(), cause };
        let value = Bytes::from(serde_json::to_vec(self).map_err(unwritable)?);
        let condition = expected.map_or(Condition::Absent, Condition::Revision);
        let never = Timestamp::from_millis(u64::MAX);
        match store.put(&self.home, &key::release(&self.workflow), value, condition, never).await? {
            Put::Written(revision) => Ok(revision),
            Put::Refused(_) => Err(ReleaseError::Stale { workflow: self.workflow.clone() }),
        }
    }
}
