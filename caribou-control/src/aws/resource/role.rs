//! The role of a workflow's functions: who may take it, what they may do, and what the author's own policy adds.
//!
//! Every version has policies of its own, so that deploys and migrations of different versions do not write over one another's
//! grants, and the runs of an old version keep what its author gave it.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_iam::types::Tag;
use caribou_model::Region;
use caribou_runtime::aws::Account;
use serde_json::Value;

use super::field::{canonical, differs, superfluous_tags};
use super::inline_policy::{decoded, document, inline, put, remove_inline};
use super::{Differing, Fields, Id, Kind, Resource, optional};
use crate::aws::connection::Aws;
use crate::aws::error::AwsError;
use crate::aws::place::WORKFLOW;
use crate::aws::policy::{self, Exactness, Grants, characters};

/// What the names of Caribou's own policies begin with; a version follows.
const CARIBOU: &str = "caribou-";
/// What the names of those that a manifest names begin with; a version follows.
const AUTHOR: &str = "author-";
/// The tag that tells the home region: two workflows of one name with different homes would share the role.
const HOME: &str = "caribou:home";
/// What the keys of the tags begin with that tell where else the workflow is or was; a region follows. A manifest may name a region no
/// longer whose things are still there.
const REGION: &str = "caribou:region:";
/// IAM's limit for the inline policies of a role, white space not counted.
const MOST_CHARACTERS: usize = 10_240;

pub(in crate::aws) struct Role {
    pub(in crate::aws) workflow: String,
    pub(in crate::aws) home: Region,
    /// The version whose policies these are.
    pub(in crate::aws) version: String,
    /// Caribou's own policy.
    pub(in crate::aws) policy: String,
    /// The author's.
    pub(in crate::aws) author: Option<String>,
    /// How exactly it names things.
    pub(in crate::aws) exactness: Exactness,
    /// Where functions of the version may be.
    regions: BTreeSet<String>,
}

/// What a role has for a version.
pub(in crate::aws) struct Given {
    /// What Caribou's own policy gives.
    pub(in crate::aws) grants: Grants,
    /// The author's policy.
    pub(in crate::aws) author: Option<String>,
    /// How many characters the policies of all other versions have.
    pub(in crate::aws) others: usize,
}

impl Given {
    pub(in crate::aws) async fn read(
        aws: &Aws,
        home: &Region,
        workflow: &str,
        version: &str,
    ) -> Result<Self, AwsError> {
        let id = Id::new(Kind::Role, home, Account::role_name(workflow));
        let mut given = Self { grants: Grants::none(workflow), author: None, others: 0 };
        for name in inline(aws, &id).await?.into_iter().filter(|name| version_of(name).is_some()) {
            let Some(document) = document(aws, &id, &name).await? else { continue };
            if version_of(&name) != Some(version) {
                given.others += characters(&document);
            } else if name.starts_with(CARIBOU) {
                given.grants = Grants::read(aws.account(), workflow, &document);
            } else {
                given.author = Some(document);
            }
        }
        Ok(given)
    }
}

impl Role {
    /// A role that gives a version all of this, as exactly as fits beside the policies of all `others`. Half of the room is left
    /// for the versions to come, if that can be.
    pub(in crate::aws) fn giving(
        account: &Account,
        home: &Region,
        version: &str,
        grants: &Grants,
        author: Option<String>,
        others: usize,
    ) -> Result<Self, AwsError> {
        let taken = author.as_deref().map_or(0, characters) + others;
        let room = MOST_CHARACTERS.saturating_sub(taken);
        let policies = [Exactness::Names, Exactness::Versions, Exactness::Regions]
            .map(|exactness| (grants.at(exactness).document(account, home), exactness));
        let own = policies.each_ref().map(|(policy, _)| characters(policy));
        let fits = |most: usize| own.iter().position(|own| *own <= most);
        let Some(chosen) = fits(room / 2).or_else(|| (own[2] <= room).then_some(2)) else {
            let own = own[2];
            return Err(AwsError::PolicyTooLong {
                characters: own + taken,
                own,
                others,
                most: MOST_CHARACTERS,
            });
        };
        let (policy, exactness) = policies[chosen].clone();
        Ok(Self {
            workflow: grants.workflow.clone(),
            home: home.clone(),
            version: version.to_owned(),
            policy,
            author,
            exactness,
            regions: grants.all.iter().map(|grant| grant.region.clone()).filter(|code| code != "*").collect(),
        })
    }

    fn tags(&self) -> Result<Vec<Tag>, AwsError> {
        let tag = |(key, value): (String, String)| Tag::builder().key(key).value(value).build();
        self.marks().into_iter().map(tag).collect::<Result<_, _>>().map_err(AwsError::internal)
    }

    /// By which the role is known as that of this workflow, with this home, in these regions.
    fn marks(&self) -> Vec<(String, String)> {
        let own =
            [(WORKFLOW.to_owned(), self.workflow.clone()), (HOME.to_owned(), self.home.code().to_owned())];
        let regions = self.regions.iter().map(|code| (format!("{REGION}{code}"), "used".to_owned()));
        own.into_iter().chain(regions).collect()
    }

    /// Whether a tag tells of a region that this version does not need.
    fn is_of_another_region(&self, tag: &Tag) -> bool {
        tag.key().strip_prefix(REGION).is_some_and(|code| !self.regions.contains(code))
    }

    fn policies(&self) -> Vec<(String, &String)> {
        let Self { version, policy, author, .. } = self;
        let author = author.iter().map(|author| (format!("{AUTHOR}{version}"), author));
        std::iter::once((format!("{CARIBOU}{version}"), policy)).chain(author).collect()
    }

    async fn put_policies(&self, aws: &Aws) -> Result<(), AwsError> {
        for (name, document) in self.policies() {
            put(aws, &self.id(), &name, document).await?;
        }
        Ok(())
    }

    /// Writes Caribou's own policy of the version and leaves the author's alone.
    pub(in crate::aws) async fn put_own_policy(&self, aws: &Aws) -> Result<(), AwsError> {
        put(aws, &self.id(), &format!("{CARIBOU}{}", self.version), &self.policy).await
    }

    /// Whether a policy is another version's.
    fn is_of_another(&self, name: &str) -> bool {
        version_of(name).is_some_and(|version| version != self.version)
    }
}

/// The version that a policy belongs to.
fn version_of(policy: &str) -> Option<&str> {
    policy.strip_prefix(CARIBOU).or_else(|| policy.strip_prefix(AUTHOR))
}

/// Takes back everything that a version could do.
pub(in crate::aws) async fn withdraw(aws: &Aws, id: &Id, version: &str) -> Result<(), AwsError> {
    for prefix in [CARIBOU, AUTHOR] {
        remove_inline(aws, id, &format!("{prefix}{version}")).await?;
    }
    Ok(())
}

/// A policy's statements, each a property of its own.
fn with_policy(fields: Fields, name: &str, document: &str) -> Fields {
    let statements = serde_json::from_str::<Value>(document).ok();
    let statements = statements.and_then(|mut document| match document["Statement"].take() {
        Value::Array(statements) => Some(statements),
        statement => statement.is_object().then(|| vec![statement]),
    });
    let Some(statements) = statements else { return fields.with(format!("policy {name}"), document) };
    statements.into_iter().enumerate().fold(fields, |fields, (number, statement)| {
        let sid = statement["Sid"].as_str().map_or_else(|| format!("#{number}"), str::to_owned);
        fields.with(format!("policy {name} {sid}"), canonical(&statement.to_string()))
    })
}

#[async_trait]
impl Resource for Role {
    fn id(&self) -> Id {
        Id::new(Kind::Role, &self.home, Account::role_name(&self.workflow))
    }

    fn wanted(&self) -> Option<Fields> {
        let fields = Fields::default().with("trust", canonical(&policy::trust()));
        let fields = self
            .policies()
            .into_iter()
            .fold(fields, |fields, (name, document)| with_policy(fields, &name, document));
        Some(fields.with_tags(self.marks()))
    }

    async fn actual(&self, aws: &Aws) -> Result<Option<Fields>, AwsError> {
        let id = self.id();
        let iam = &aws.at(&self.home).iam;
        let asked = iam.get_role().role_name(&id.name).send().await;
        let Some(found) = optional(asked.map_err(id.fault("iam:GetRole")))? else { return Ok(None) };
        let role = found.role();
        let trust = role.and_then(|role| role.assume_role_policy_document()).map(decoded);
        let mut tags = role.map(|role| role.tags().to_vec()).unwrap_or_default();
        tags.retain(|tag| !self.is_of_another_region(tag));
        let mut fields = Fields::default().with_some("trust", trust.map(|trust| canonical(&trust)));
        for name in inline(aws, &id).await?.into_iter().filter(|name| !self.is_of_another(name)) {
            if let Some(document) = document(aws, &id, &name).await? {
                fields = with_policy(fields, &name, &document);
            }
        }
        for arn in attached(aws, &id).await? {
            fields = fields.with(format!("attached {arn}"), "attached");
        }
        Ok(Some(fields.with_tags(tags.into_iter().map(|tag| (tag.key, tag.value)))))
    }

    async fn create(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let create = aws.at(&self.home).iam.create_role().role_name(&id.name);
        let create = create.description(format!("Functions of the Caribou workflow {}", self.workflow));
        let create = create.assume_role_policy_document(policy::trust());
        let create = create.set_tags(Some(self.tags()?));
        create.send().await.map_err(id.fault("iam:CreateRole"))?;
        self.put_policies(aws).await
    }

    /// A policy that neither a version nor its manifest has is taken away: the role may do what they say and no more.
    async fn update(&self, aws: &Aws, differing: &[Differing]) -> Result<(), AwsError> {
        let id = self.id();
        let iam = &aws.at(&self.home).iam;
        if differs(differing, "trust") {
            let update = iam.update_assume_role_policy().role_name(&id.name);
            let update = update.policy_document(policy::trust());
            update.send().await.map_err(id.fault("iam:UpdateAssumeRolePolicy"))?;
        }
        if differs(differing, "policy") {
            for name in inline(aws, &id).await? {
                let is_wanted = self.policies().iter().any(|(wanted, _)| *wanted == name);
                if !is_wanted && !self.is_of_another(&name) {
                    remove_inline(aws, &id, &name).await?;
                }
            }
            self.put_policies(aws).await?;
        }
        for arn in differing.iter().filter_map(|one| one.field.strip_prefix("attached ")) {
            detach(aws, &id, arn).await?;
        }
        if differs(differing, "tag") {
            let tag = iam.tag_role().role_name(&id.name).set_tags(Some(self.tags()?));
            tag.send().await.map_err(id.fault("iam:TagRole"))?;
        }
        let superfluous = superfluous_tags(differing);
        if !superfluous.is_empty() {
            let untag = iam.untag_role().role_name(&id.name).set_tag_keys(Some(superfluous));
            untag.send().await.map_err(id.fault("iam:UntagRole"))?;
        }
        Ok(())
    }

    async fn delete(&self, aws: &Aws) -> Result<(), AwsError> {
        delete(aws, &self.id()).await
    }
}

/// The tags of the role, if there is such a role, of this workflow.
async fn tags(aws: &Aws, id: &Id, workflow: &str) -> Result<Option<Vec<Tag>>, AwsError> {
    let asked = aws.at(&id.region).iam.get_role().role_name(&id.name).send().await;
    let found = optional(asked.map_err(id.fault("iam:GetRole")))?;
    let tags = found.and_then(|found| found.role).and_then(|role| role.tags).unwrap_or_default();
    let is_its_own = tags.iter().any(|tag| tag.key() == WORKFLOW && tag.value() == workflow);
    Ok(is_its_own.then_some(tags))
}

/// Whether there is such a role, of this workflow.
pub(in crate::aws) async fn exists(aws: &Aws, id: &Id, workflow: &str) -> Result<bool, AwsError> {
    Ok(tags(aws, id, workflow).await?.is_some())
}

/// Where the workflow is or was, as its role tells. A code that is none is left out.
pub(in crate::aws) async fn regions(
    aws: &Aws,
    id: &Id,
    workflow: &str,
) -> Result<BTreeSet<Region>, AwsError> {
    let tags = tags(aws, id, workflow).await?.unwrap_or_default();
    let codes = tags.iter().filter_map(|tag| tag.key().strip_prefix(REGION));
    Ok(codes.filter_map(|code| format!("aws:{code}").parse().ok()).collect())
}

/// Notes that nothing of the workflow is in these regions any more.
pub(in crate::aws) async fn leave(aws: &Aws, id: &Id, regions: &[Region]) -> Result<(), AwsError> {
    let keys = regions.iter().map(|region| format!("{REGION}{}", region.code())).collect();
    let untag = aws.at(&id.region).iam.untag_role().role_name(&id.name).set_tag_keys(Some(keys));
    optional(untag.send().await.map_err(id.fault("iam:UntagRole"))).map(drop)
}

/// Removes a role with its policies.
pub(in crate::aws) async fn delete(aws: &Aws, id: &Id) -> Result<(), AwsError> {
    for name in inline(aws, id).await? {
        remove_inline(aws, id, &name).await?;
    }
    for arn in attached(aws, id).await? {
        detach(aws, id, &arn).await?;
    }
    let sent = aws.at(&id.region).iam.delete_role().role_name(&id.name).send().await;
    optional(sent.map_err(id.fault("iam:DeleteRole"))).map(drop)
}

/// The ARNs of the managed policies, of which there are 20 at the most.
async fn attached(aws: &Aws, id: &Id) -> Result<Vec<String>, AwsError> {
    let asked = aws.at(&id.region).iam.list_attached_role_policies().role_name(&id.name).send().await;
    let found = optional(asked.map_err(id.fault("iam:ListAttachedRolePolicies")))?;
    let policies = found.and_then(|found| found.attached_policies).unwrap_or_default();
    Ok(policies.into_iter().filter_map(|policy| policy.policy_arn).collect())
}

async fn detach(aws: &Aws, id: &Id, arn: &str) -> Result<(), AwsError> {
    let detach = aws.at(&id.region).iam.detach_role_policy().role_name(&id.name).policy_arn(arn);
    optional(detach.send().await.map_err(id.fault("iam:DetachRolePolicy"))).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::policy::Grant;

    #[test]
    fn a_role_gives_as_exactly_as_fits_and_says_when_nothing_does() {
        let home = Region::aws("us-east-1");
        let account: Account = "123456789012".parse().unwrap();
        let mut grants = Grants::none("press");
        let giving = |grants: &Grants, author: usize, others: usize| {
            Role::giving(&account, &home, "0.1.0", grants, Some("x".repeat(author)), others)
                .map(|role| role.exactness)
        };
        for number in 0..10 {
            grants.add(Grant::new(&home, format!("press-0_1_0-function_{number}")));
        }
        assert_eq!(giving(&grants, 0, 0).unwrap(), Exactness::Names);
        assert_eq!(giving(&grants, 6000, 0).unwrap(), Exactness::Versions, "half of the room is kept free");
        assert_eq!(giving(&grants, 3000, 3000).unwrap(), Exactness::Versions);
        assert_eq!(giving(&grants, 8500, 0).unwrap(), Exactness::Regions, "unless there is no other way");
        let error = giving(&grants, 5200, 5000).unwrap_err().to_string();
        assert!(error.contains("IAM takes 10240") && error.contains("shorten the file"), "{error}");
        assert!(error.contains("5000 of other versions") && error.contains("caribou collect"), "{error}");
    }

    #[test]
    fn a_policy_belongs_to_the_version_that_its_name_ends_with() {
        assert_eq!(version_of("caribou-0.1.0-rc.1"), Some("0.1.0-rc.1"));
        assert_eq!(version_of("author-0.1.0"), Some("0.1.0"));
        assert_eq!(version_of("more"), None);
    }
}
