//! The role of a workflow's functions: who may take it, what they may do, and what the author's own policy adds.

use async_trait::async_trait;
use aws_sdk_iam::types::Tag;
use caribou_model::Region;
use caribou_runtime::aws::Account;
use serde_json::Value;

use super::field::{canonical, differs, superfluous_tags};
use super::{Differing, Fields, Id, Kind, Resource, optional};
use crate::aws::connection::Aws;
use crate::aws::error::AwsError;
use crate::aws::place::WORKFLOW;
use crate::aws::policy::{self, Exactness, Grants, characters};

/// Caribou's own policy.
const CARIBOU: &str = "caribou";
/// The policy that the manifest names.
const AUTHOR: &str = "author";
/// The tag that tells the home region: two workflows of one name with different homes would share the role.
const HOME: &str = "caribou:home";
/// IAM's limit for the inline policies of a role, white space not counted.
const MOST_CHARACTERS: usize = 10_240;

pub(in crate::aws) struct Role {
    pub(in crate::aws) account: Account,
    pub(in crate::aws) workflow: String,
    pub(in crate::aws) home: Region,
    /// Caribou's own policy.
    pub(in crate::aws) policy: String,
    /// The author's.
    pub(in crate::aws) author: Option<String>,
    /// How exactly it names things.
    pub(in crate::aws) exactness: Exactness,
}

impl Role {
    /// A role that gives all of this, as exactly as fits.
    pub(in crate::aws) fn giving(
        account: &Account,
        home: &Region,
        grants: &Grants,
        author: Option<String>,
    ) -> Result<Self, AwsError> {
        let taken = author.as_deref().map_or(0, characters);
        let mut own = 0;
        for exactness in [Exactness::Names, Exactness::Versions, Exactness::Regions] {
            let policy = grants.at(exactness).document(account, home);
            own = characters(&policy);
            if own + taken <= MOST_CHARACTERS {
                let (account, home) = (account.clone(), home.clone());
                return Ok(Self {
                    account,
                    workflow: grants.workflow.clone(),
                    home,
                    policy,
                    author,
                    exactness,
                });
            }
        }
        Err(AwsError::PolicyTooLong { characters: own + taken, own, most: MOST_CHARACTERS })
    }

    /// What the role's policy gives now.
    pub(in crate::aws) async fn given(aws: &Aws, home: &Region, workflow: &str) -> Result<Grants, AwsError> {
        let id = Id::new(Kind::Role, home, Account::role_name(workflow));
        let policy = document(aws, &id, CARIBOU).await?;
        Ok(policy
            .map_or_else(|| Grants::none(workflow), |policy| Grants::read(aws.account(), workflow, &policy)))
    }

    fn tags(&self) -> Result<Vec<Tag>, AwsError> {
        let tag = |(key, value): (&str, String)| Tag::builder().key(key).value(value).build();
        self.marks().map(tag).into_iter().collect::<Result<_, _>>().map_err(AwsError::internal)
    }

    /// By which the role is known as that of this workflow, with this home.
    fn marks(&self) -> [(&'static str, String); 2] {
        [(WORKFLOW, self.workflow.clone()), (HOME, self.home.code().to_owned())]
    }

    fn policies(&self) -> impl Iterator<Item = (&'static str, &String)> {
        std::iter::once((CARIBOU, &self.policy)).chain(self.author.iter().map(|author| (AUTHOR, author)))
    }

    async fn put_policies(&self, aws: &Aws) -> Result<(), AwsError> {
        for (name, document) in self.policies() {
            self.put(aws, name, document).await?;
        }
        Ok(())
    }

    /// Writes Caribou's own policy and leaves the author's alone.
    pub(in crate::aws) async fn put_own_policy(&self, aws: &Aws) -> Result<(), AwsError> {
        self.put(aws, CARIBOU, &self.policy).await
    }

    async fn put(&self, aws: &Aws, name: &str, document: &str) -> Result<(), AwsError> {
        let id = self.id();
        let put = aws.at(&self.home).iam.put_role_policy().role_name(&id.name).policy_name(name);
        put.policy_document(document).send().await.map(drop).map_err(id.fault("iam:PutRolePolicy"))
    }
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
        let fields = Fields::default().with("trust", canonical(&policy::trust(&self.account)));
        let fields =
            self.policies().fold(fields, |fields, (name, document)| with_policy(fields, name, document));
        Some(fields.with_tags(self.marks()))
    }

    async fn actual(&self, aws: &Aws) -> Result<Option<Fields>, AwsError> {
        let id = self.id();
        let iam = &aws.at(&self.home).iam;
        let asked = iam.get_role().role_name(&id.name).send().await;
        let Some(found) = optional(asked.map_err(id.fault("iam:GetRole")))? else { return Ok(None) };
        let role = found.role();
        let trust = role.and_then(|role| role.assume_role_policy_document()).map(decoded);
        let tags = role.map(|role| role.tags().to_vec()).unwrap_or_default();
        let mut fields = Fields::default().with_some("trust", trust.map(|trust| canonical(&trust)));
        for name in inline(aws, &id).await? {
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
        let create = create.assume_role_policy_document(policy::trust(&self.account));
        let create = create.set_tags(Some(self.tags()?));
        create.send().await.map_err(id.fault("iam:CreateRole"))?;
        self.put_policies(aws).await
    }

    /// A policy that neither Caribou nor the manifest knows is taken away: the role may do what they say and no more.
    async fn update(&self, aws: &Aws, differing: &[Differing]) -> Result<(), AwsError> {
        let id = self.id();
        let iam = &aws.at(&self.home).iam;
        if differs(differing, "trust") {
            let update = iam.update_assume_role_policy().role_name(&id.name);
            let update = update.policy_document(policy::trust(&self.account));
            update.send().await.map_err(id.fault("iam:UpdateAssumeRolePolicy"))?;
        }
        if differs(differing, "policy") {
            for name in inline(aws, &id).await? {
                if !self.policies().any(|(wanted, _)| wanted == name) {
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

/// The author's policy that a role has.
pub(in crate::aws) async fn author(aws: &Aws, id: &Id) -> Result<Option<String>, AwsError> {
    document(aws, id, AUTHOR).await
}

/// Whether there is such a role, of this workflow.
pub(in crate::aws) async fn exists(aws: &Aws, id: &Id, workflow: &str) -> Result<bool, AwsError> {
    let asked = aws.at(&id.region).iam.get_role().role_name(&id.name).send().await;
    let found = optional(asked.map_err(id.fault("iam:GetRole")))?;
    let tags =
        found.as_ref().and_then(|found| found.role()).map(aws_sdk_iam::types::Role::tags).unwrap_or_default();
    Ok(tags.iter().any(|tag| tag.key() == WORKFLOW && tag.value() == workflow))
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

/// The names of the inline policies. There is no room for so many that they would come in pages.
async fn inline(aws: &Aws, id: &Id) -> Result<Vec<String>, AwsError> {
    let asked = aws.at(&id.region).iam.list_role_policies().role_name(&id.name).send().await;
    let found = optional(asked.map_err(id.fault("iam:ListRolePolicies")))?;
    Ok(found.map(|found| found.policy_names).unwrap_or_default())
}

/// The ARNs of the managed policies, of which there are 20 at the most.
async fn attached(aws: &Aws, id: &Id) -> Result<Vec<String>, AwsError> {
    let asked = aws.at(&id.region).iam.list_attached_role_policies().role_name(&id.name).send().await;
    let found = optional(asked.map_err(id.fault("iam:ListAttachedRolePolicies")))?;
    let policies = found.and_then(|found| found.attached_policies).unwrap_or_default();
    Ok(policies.into_iter().filter_map(|policy| policy.policy_arn).collect())
}

async fn document(aws: &Aws, id: &Id, name: &str) -> Result<Option<String>, AwsError> {
    let get = aws.at(&id.region).iam.get_role_policy().role_name(&id.name).policy_name(name);
    let found = optional(get.send().await.map_err(id.fault("iam:GetRolePolicy")))?;
    Ok(found.map(|found| decoded(found.policy_document())))
}

async fn remove_inline(aws: &Aws, id: &Id, name: &str) -> Result<(), AwsError> {
    let delete = aws.at(&id.region).iam.delete_role_policy().role_name(&id.name).policy_name(name);
    optional(delete.send().await.map_err(id.fault("iam:DeleteRolePolicy"))).map(drop)
}

async fn detach(aws: &Aws, id: &Id, arn: &str) -> Result<(), AwsError> {
    let detach = aws.at(&id.region).iam.detach_role_policy().role_name(&id.name).policy_arn(arn);
    optional(detach.send().await.map_err(id.fault("iam:DetachRolePolicy"))).map(drop)
}

/// IAM writes documents as URLs are written.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| byte == b'%');
        plain.push(escaped.unwrap_or(byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::policy::Grant;

    #[test]
    fn documents_are_read_as_iam_writes_them() {
        assert_eq!(decoded("%7B%22a%22%3A%22%25%22%7D"), r#"{"a":"%"}"#);
        assert_eq!(decoded(r#"{"a":"100%"}"#), r#"{"a":"100%"}"#);
    }

    #[test]
    fn a_role_gives_as_exactly_as_fits_and_says_when_nothing_does() {
        let home = Region::aws("us-east-1");
        let account: Account = "123456789012".parse().unwrap();
        let mut grants = Grants::none("press");
        let giving = |grants: &Grants, author: usize| {
            Role::giving(&account, &home, grants, Some("x".repeat(author))).map(|role| role.exactness)
        };
        for number in 0..20 {
            grants.add(Grant::new(&home, format!("press-0_1_0-function_{number}")));
        }
        assert_eq!(giving(&grants, 0).unwrap(), Exactness::Names);
        assert_eq!(giving(&grants, 6000).unwrap(), Exactness::Versions);
        let error = giving(&grants, 10_200).unwrap_err().to_string();
        assert!(error.contains("IAM takes 10240") && error.contains("shorten the file"), "{error}");
    }
}
