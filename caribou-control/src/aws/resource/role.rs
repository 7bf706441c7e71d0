//! The role of a workflow's functions: who may take it, what they may do, and what the author's own policy adds.
//!
//! What all versions need is in one policy. Every version has policies of its own besides, so that deploys and migrations of
//! different versions do not write over one another's grants, and the runs of an old version keep what its author gave it.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_iam::types::Tag;
use caribou_model::Region;
use caribou_runtime::aws::Account;
use serde_json::Value;

use super::field::{canonical, differs, superfluous_tags};
use super::given::Given;
use super::inline_policy::{decoded, document, inline, put, remove_inline};
use super::{Differing, Fields, Id, Kind, Resource, optional, role_tags};
use crate::aws::connection::Aws;
use crate::aws::error::AwsError;
use crate::aws::patience::{ROLE, insist, is_busy};
use crate::aws::place::WORKFLOW;
use crate::aws::policy::{self, Exactness, Grant, characters};

/// The policy that all versions share.
const SHARED: &str = "caribou";
/// What the names of Caribou's own policies for one version begin with; the version follows.
pub(super) const CARIBOU: &str = "caribou-";
/// What the names of those that a manifest names begin with; the version follows.
const AUTHOR: &str = "author-";
/// The tag that tells the home region: two workflows of one name with different homes would share the role.
const HOME: &str = "caribou:home";
/// IAM's limit for the inline policies of a role, white space not counted.
const MOST_CHARACTERS: usize = 10_240;
/// What the shared policy may take of it with exact names: those of some ten regions.
const EXACT: usize = MOST_CHARACTERS / 5;

pub(in crate::aws) struct Role {
    pub(in crate::aws) workflow: String,
    pub(in crate::aws) home: Region,
    /// The version whose policies these are.
    pub(in crate::aws) version: String,
    /// What all versions may do.
    pub(in crate::aws) shared: String,
    /// What this version may do.
    pub(in crate::aws) policy: String,
    /// What its author adds.
    pub(in crate::aws) author: Option<String>,
    /// Whether functions are named by patterns.
    pub(in crate::aws) has_patterns: bool,
    /// Where functions of the version may be, and those of others.
    regions: BTreeSet<String>,
}

impl Role {
    /// A role that gives a version what it has already and these `grants`, as exactly as fits beside the policies of the others.
    /// A text that is there and gives all of this stays, so that nothing differs when another version comes or goes.
    pub(in crate::aws) fn giving(
        account: &Account,
        home: &Region,
        version: &str,
        given: Given,
        grants: &[Grant],
        author: Option<String>,
    ) -> Result<Self, AwsError> {
        let Given { grants: mut all, policy: found, mut regions, others, .. } = given;
        for grant in grants {
            all.add(grant.clone());
            regions.insert(grant.region.clone());
        }
        let shared = policy::shared(account, home, &all.workflow, &regions, EXACT);
        let taken = author.as_deref().map_or(0, characters) + others + characters(&shared);
        let room = MOST_CHARACTERS.saturating_sub(taken);
        let texts = [Exactness::Names, Exactness::Versions, Exactness::Regions].map(|exactness| {
            let grants = all.at(exactness);
            (grants.document(account, home), !grants.is_exact())
        });
        let own = texts.each_ref().map(|(text, _)| characters(text));
        let found = found.as_deref().map(canonical);
        let stays = texts.iter().position(|(text, _)| found.as_ref() == Some(&canonical(text)));
        let chosen = stays
            .filter(|stays| own[*stays] <= room)
            // so that there is room for further versions
            .or_else(|| own.iter().position(|own| *own <= room / 4))
            .or_else(|| (own[2] <= room).then_some(2));
        let Some(chosen) = chosen else {
            let (characters, own) = (own[2] + taken, own[2]);
            return Err(AwsError::PolicyTooLong { characters, own, others, most: MOST_CHARACTERS });
        };
        let (policy, has_patterns) = texts[chosen].clone();
        let (workflow, home, version) = (all.workflow, home.clone(), version.to_owned());
        Ok(Self { workflow, home, version, shared, policy, author, has_patterns, regions })
    }

    fn tags(&self) -> Result<Vec<Tag>, AwsError> {
        let tag = |(key, value): (String, String)| Tag::builder().key(key).value(value).build();
        self.marks().into_iter().map(tag).collect::<Result<_, _>>().map_err(AwsError::internal)
    }

    /// By which the role is known as that of this workflow, with this home, in these regions.
    fn marks(&self) -> Vec<(String, String)> {
        let own =
            [(WORKFLOW.to_owned(), self.workflow.clone()), (HOME.to_owned(), self.home.code().to_owned())];
        let regions =
            self.regions.iter().map(|code| (role_tags::of_region(code), role_tags::USED.to_owned()));
        own.into_iter().chain(regions).collect()
    }

    /// Whether a tag tells of a region or a version that this one has nothing to do with.
    fn is_of_others(&self, tag: &Tag) -> bool {
        role_tags::region_of(tag.key()).is_some_and(|code| !self.regions.contains(code))
            || role_tags::version_of(tag.key()).is_some_and(|version| version != self.version)
    }

    fn policies(&self) -> Vec<(String, &String)> {
        let Self { version, shared, policy, author, .. } = self;
        let own = [(SHARED.to_owned(), shared), (format!("{CARIBOU}{version}"), policy)];
        let author = author.iter().map(|author| (format!("{AUTHOR}{version}"), author));
        own.into_iter().chain(author).collect()
    }

    /// To be called when the role is tagged: another deployment may have added regions meanwhile.
    async fn put_policies(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        for (name, document) in self.policies().into_iter().filter(|(name, _)| name != SHARED) {
            put(aws, &id, &name, document).await?;
        }
        share(aws, &id, &self.workflow, &self.regions).await
    }

    /// Writes Caribou's own policy of the version and leaves all others alone.
    pub(in crate::aws) async fn put_own_policy(&self, aws: &Aws) -> Result<(), AwsError> {
        put(aws, &self.id(), &format!("{CARIBOU}{}", self.version), &self.policy).await
    }

    /// Whether a policy is another version's.
    fn is_of_another(&self, name: &str) -> bool {
        version_of(name).is_some_and(|version| version != self.version)
    }
}

/// The version that a policy belongs to.
pub(super) fn version_of(policy: &str) -> Option<&str> {
    policy.strip_prefix(CARIBOU).or_else(|| policy.strip_prefix(AUTHOR))
}

/// The role of a workflow.
pub(in crate::aws) fn id(home: &Region, workflow: &str) -> Id {
    Id::new(Kind::Role, home, Account::role_name(workflow))
}

/// Takes back everything that a version could do.
pub(in crate::aws) async fn withdraw(aws: &Aws, id: &Id, version: &str) -> Result<(), AwsError> {
    for prefix in [CARIBOU, AUTHOR] {
        remove_inline(aws, id, &format!("{prefix}{version}")).await?;
    }
    role_tags::note_nothing(aws, id, version, None).await
}

/// The versions that have policies.
pub(in crate::aws) async fn versions(aws: &Aws, id: &Id) -> Result<BTreeSet<String>, AwsError> {
    let names = inline(aws, id).await?;
    Ok(names.iter().filter_map(|name| version_of(name)).map(str::to_owned).collect())
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
        id(&self.home, &self.workflow)
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
        tags.retain(|tag| !self.is_of_others(tag));
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
        let tags = self.tags()?;
        insist(aws.clock(), ROLE, is_busy, || async {
            let create = aws.at(&self.home).iam.create_role().role_name(&id.name);
            let create = create.description(format!("Functions of the Caribou workflow {}", self.workflow));
            let create = create.assume_role_policy_document(policy::trust()).set_tags(Some(tags.clone()));
            create.send().await.map(drop).map_err(id.fault("iam:CreateRole"))
        })
        .await?;
        self.put_policies(aws).await
    }

    /// A policy that neither a version nor its manifest has is taken away: the role may do what they say and no more.
    async fn update(&self, aws: &Aws, differing: &[Differing]) -> Result<(), AwsError> {
        let id = self.id();
        if differs(differing, "trust") {
            insist(aws.clock(), ROLE, is_busy, || async {
                let update = aws.at(&self.home).iam.update_assume_role_policy().role_name(&id.name);
                let sent = update.policy_document(policy::trust()).send().await;
                sent.map(drop).map_err(id.fault("iam:UpdateAssumeRolePolicy"))
            })
            .await?;
        }
        for arn in differing.iter().filter_map(|one| one.field.strip_prefix("attached ")) {
            detach(aws, &id, arn).await?;
        }
        if differs(differing, "tag") {
            role_tags::tag(aws, &id, self.tags()?).await?;
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
        let superfluous = superfluous_tags(differing);
        if superfluous.is_empty() { Ok(()) } else { role_tags::untag(aws, &id, superfluous).await }
    }

    async fn delete(&self, aws: &Aws) -> Result<(), AwsError> {
        delete(aws, &self.id()).await
    }
}

/// Writes the policy that all versions share: for the regions that the role's tags tell of, and for `also`, whose tags may be too
/// young to be read.
pub(in crate::aws) async fn share(
    aws: &Aws,
    id: &Id,
    workflow: &str,
    also: &BTreeSet<String>,
) -> Result<(), AwsError> {
    let noted = role_tags::regions(aws, id, workflow).await?.into_iter();
    let regions = noted.map(|region| region.code().to_owned()).chain(also.iter().cloned()).collect();
    put(aws, id, SHARED, &policy::shared(aws.account(), &id.region, workflow, &regions, EXACT)).await
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
    use crate::aws::policy::Grants;

    fn account() -> Account {
        "123456789012".parse().unwrap()
    }

    fn giving(given: Given, functions: usize, author: usize) -> Result<Role, AwsError> {
        in_regions(&["us-east-1"], given, functions, author)
    }

    fn in_regions(
        regions: &[&'static str],
        given: Given,
        functions: usize,
        author: usize,
    ) -> Result<Role, AwsError> {
        let home = Region::aws("us-east-1");
        let grant = |number: usize, region: &&'static str| {
            Grant::new(&Region::aws(region), format!("press-0_1_0-function_{number}"))
        };
        let grants =
            (0..functions).flat_map(|number| regions.iter().map(move |region| grant(number, region)));
        let grants: Vec<Grant> = grants.collect();
        Role::giving(&account(), &home, "0.1.0", given, &grants, Some("x".repeat(author)))
    }

    fn beside(others: usize) -> Given {
        Given { others, ..Given::nothing("press") }
    }

    #[test]
    fn a_role_gives_as_exactly_as_fits_and_says_when_nothing_does() {
        let has_patterns =
            |functions, others, author| giving(beside(others), functions, author).unwrap().has_patterns;
        assert!(!has_patterns(9, 0, 0));
        assert!(has_patterns(40, 0, 0), "room is kept for further versions");
        assert!(has_patterns(9, 4000, 0) && has_patterns(9, 0, 4000) && has_patterns(9, 4000, 4000));
        let Err(error) = giving(beside(5000), 9, 4800) else { panic!("too long") };
        let error = error.to_string();
        assert!(error.contains("IAM takes 10240") && error.contains("shorten the file"), "{error}");
        assert!(error.contains("5000 of other versions") && error.contains("caribou collect"), "{error}");
    }

    #[test]
    fn at_least_a_dozen_versions_in_four_regions_fit_in_a_role() {
        let mut given = beside(0);
        let mut versions = 0;
        let regions = ["us-east-1", "us-west-1", "us-west-2", "ca-central-1"];
        while let Ok(role) = in_regions(&regions, beside(given.others), 7, 0) {
            given.others += characters(&role.policy);
            versions += 1;
        }
        assert!(versions >= 12, "{versions}");
    }

    #[test]
    fn what_a_role_gives_stays_as_it_is_written_when_other_versions_come_and_go() {
        let first = giving(beside(0), 9, 0).unwrap();
        let given = |others| Given {
            grants: Grants::read(&account(), "press", &first.policy),
            policy: Some(first.policy.clone()),
            ..beside(others)
        };
        assert_eq!(giving(given(6000), 9, 0).unwrap().policy, first.policy);
        assert_ne!(giving(beside(8000), 9, 0).unwrap().policy, first.policy);
        let all: BTreeSet<String> = ["us-east-1".to_owned()].into();
        assert_eq!(giving(given(0), 0, 0).unwrap().policy, first.policy);
        assert_eq!(first.regions, all);
    }

    #[test]
    fn a_region_is_noted_though_a_pattern_covers_it() {
        let mut given = beside(0);
        given.grants.add(Grant { region: "*".into(), name: "press-0_1_0-*".into() });
        let role = giving(given, 1, 0).unwrap();
        assert!(role.has_patterns && role.regions.contains("us-east-1"));
    }

    #[test]
    fn a_policy_belongs_to_the_version_that_its_name_ends_with() {
        assert_eq!(version_of("caribou-0.1.0-rc.1"), Some("0.1.0-rc.1"));
        assert_eq!(version_of("author-0.1.0"), Some("0.1.0"));
        assert_eq!((version_of("more"), version_of("caribou")), (None, None));
    }
}
