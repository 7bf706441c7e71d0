//! What a role has for a version.

use std::collections::BTreeSet;

use caribou_model::Region;

use super::inline_policy::{document, inline};
use super::role::{CARIBOU, id, version_of};
use super::role_tags;
use crate::aws::connection::Aws;
use crate::aws::error::AwsError;
use crate::aws::policy::{Grants, characters};

/// What a role has for a version.
pub(in crate::aws) struct Given {
    /// What Caribou's own policy gives.
    pub(in crate::aws) grants: Grants,
    /// Its text.
    pub(super) policy: Option<String>,
    /// The author's policy.
    pub(in crate::aws) author: Option<String>,
    /// How many characters the policies of all other versions have.
    pub(in crate::aws) others: usize,
    /// Where the workflow is or was.
    pub(in crate::aws) regions: BTreeSet<String>,
}

impl Given {
    pub(in crate::aws) fn nothing(workflow: &str) -> Self {
        let (grants, regions) = (Grants::none(workflow), BTreeSet::new());
        Self { grants, policy: None, author: None, others: 0, regions }
    }

    pub(in crate::aws) async fn read(
        aws: &Aws,
        home: &Region,
        workflow: &str,
        version: &str,
    ) -> Result<Self, AwsError> {
        let id = id(home, workflow);
        let regions = role_tags::regions(aws, &id, workflow).await?.into_iter();
        let mut given = Self::nothing(workflow);
        given.regions = regions.map(|region| region.code().to_owned()).collect();
        for name in inline(aws, &id).await? {
            let Some(of) = version_of(&name) else { continue };
            let Some(document) = document(aws, &id, &name).await? else { continue };
            if of != version {
                given.others += characters(&document);
            } else if name.starts_with(CARIBOU) {
                given.grants = Grants::read(aws.account(), workflow, &document);
                given.policy = Some(document);
            } else {
                given.author = Some(document);
            }
        }
        Ok(given)
    }
}
