//! Everything that the functions of a version need in their regions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use caribou_model::manifest::AwsFunction;
use caribou_model::{FunctionSpec, NodeId, Region};
use caribou_runtime::port::StageAddress;

use super::archive::Archives;
use super::connection::Aws;
use super::error::AwsError;
use super::place::Place;
use super::policy::Grant;
use super::resource::bucket::Bucket;
use super::resource::code::{Code, From};
use super::resource::failure::FailureDestination;
use super::resource::function::{Function, Package, code_of};
use super::resource::given::Given;
use super::resource::log_group::LogGroup;
use super::resource::mapping::Mapping;
use super::resource::permission::Permission;
use super::resource::queue::Queue;
use super::resource::role::Role;
use super::resource::subscription::Subscription;
use super::resource::table::Table;
use super::resource::topic::Topic;
use super::resource::url::FunctionUrl;
use super::resource::{Kind, Resource};
use crate::deploy::Need;
use crate::state::Deployed;

/// What is wanted, home first, and in the order in which it is made.
pub(super) struct Wanted {
    pub(super) resources: Vec<Box<dyn Resource>>,
    /// What the user should know of it.
    pub(super) notes: Vec<String>,
}

/// A workflow, its code, and the account that it goes to.
#[derive(Clone, Copy)]
pub(super) struct Plan<'a> {
    pub(super) aws: &'a Aws,
    pub(super) deployed: &'a Deployed,
    pub(super) archives: &'a Archives,
}

impl Plan<'_> {
    /// Everything that these functions need. What they may do is added to what the version's functions may do already.
    pub(super) async fn wanted(&self, needs: &BTreeSet<Need>) -> Result<Wanted, AwsError> {
        let Deployed { graph, manifest, .. } = self.deployed;
        let (home, workflow) = (&manifest.home, &graph.workflow);
        let account = self.aws.account();
        if let Some(need) = needs.iter().find(|need| need.function.ends_with("-dead")) {
            return Err(AwsError::Name { function: need.function.clone() });
        }
        let mut resources: Vec<Box<dyn Resource>> = Vec::new();
        let mut notes = Vec::new();
        let given = Given::read(self.aws, home, workflow, &graph.version).await?;
        let grant = |need: &Need| Grant::new(&need.region, self.place(need).name());
        let grants: Vec<Grant> = needs.iter().map(grant).collect();
        let role = Role::giving(account, home, &graph.version, given, &grants, self.author()?)?;
        if role.has_patterns {
            notes.push(format!(
                "the policy of role {} names functions by patterns of the workflow's own names, as IAM takes no more characters",
                role.id().name
            ));
        }
        resources.push(Box::new(role));
        let regions: BTreeSet<&Region> = needs.iter().map(|need| &need.region).collect();
        for region in &regions {
            self.aws.require_enabled(region).await?;
        }
        for region in regions {
            let (account, region) = (account.clone(), region.clone());
            resources.push(Box::new(Bucket { account: account.clone(), region: region.clone() }));
            resources.push(Box::new(Table { account, region, workflow: workflow.clone() }));
        }
        let mut codes = BTreeMap::new();
        for need in needs {
            let Some(spec) = self.deployed.spec(&need.function) else { continue };
            let package = self.package(spec, &need.region).await?;
            if let Package::Archive { code, .. } = &package {
                codes.insert((need.region.clone(), code.sha256), code.clone());
            }
            resources.extend(self.of_function(need, spec, package));
        }
        resources.extend(codes.into_values().map(|code| Box::new(code) as Box<dyn Resource>));
        resources.sort_by_key(|resource| {
            let id = resource.id();
            (id.region != *home, id.region, id.kind.rank(), id.name, id.kind)
        });
        Ok(Wanted { resources, notes })
    }

    pub(super) fn place(&self, need: &Need) -> Place {
        let graph = &self.deployed.graph;
        let address = StageAddress {
            workflow: graph.workflow.clone(),
            version: graph.version.clone(),
            function: need.function.clone(),
            region: need.region.clone(),
        };
        Place { account: self.aws.account().clone(), address }
    }

    fn of_function(&self, need: &Need, spec: &FunctionSpec, package: Package) -> Vec<Box<dyn Resource>> {
        let Deployed { graph, manifest, .. } = self.deployed;
        let place = self.place(need);
        let timeout = Duration::from_secs(spec.timeout_s.into());
        let queue = |is_dead| Queue { place: place.clone(), is_dead, timeout };
        let mut resources: Vec<Box<dyn Resource>> = vec![
            Box::new(LogGroup { place: place.clone(), retention_days: manifest.aws.log_retention_days }),
            Box::new(queue(true)),
            Box::new(queue(false)),
            Box::new(Topic { place: place.clone() }),
            Box::new(Function {
                place: place.clone(),
                spec: spec.clone(),
                role: place.account.role_arn(&graph.workflow, &manifest.home),
                package,
                variables: self.variables(&place, spec),
            }),
            Box::new(FailureDestination {
                place: place.clone(),
                retries: spec.retries,
                deadline_s: manifest.runs.deadline_s,
            }),
            Box::new(Permission { place: place.clone() }),
            Box::new(Mapping { place: place.clone() }),
            Box::new(Subscription { place: place.clone() }),
        ];
        // requests are received by the function of the first stage
        if graph.function_of(NodeId::ENTRY).is_some_and(|entry| entry.name == spec.name) {
            resources.push(Box::new(FunctionUrl { place, who: manifest.aws.function_url }));
        }
        resources
    }

    /// The function's own variables, and Caribou's, which nobody may change.
    fn variables(&self, place: &Place, spec: &FunctionSpec) -> BTreeMap<String, String> {
        let manifest = &self.deployed.manifest;
        let StageAddress { workflow, version, function, .. } = &place.address;
        let own = spec.environment.iter().map(|(name, value)| (name.clone(), value.clone()));
        let set = [
            ("CARIBOU_WORKFLOW", workflow.clone()),
            ("CARIBOU_VERSION", version.clone()),
            ("CARIBOU_FUNCTION", function.clone()),
            ("CARIBOU_HOME", manifest.home.to_string()),
            ("CARIBOU_PROBE_SHARE", manifest.runs.probe_share.to_string()),
            ("CARIBOU_RUN_DEADLINE_S", manifest.runs.deadline_s.to_string()),
            ("CARIBOU_ACCOUNT", place.account.to_string()),
        ];
        own.chain(set.map(|(name, value)| (name.to_owned(), value))).collect()
    }

    async fn package(&self, spec: &FunctionSpec, region: &Region) -> Result<Package, AwsError> {
        let AwsFunction { layers, image, .. } = self.deployed.manifest.aws.function(&spec.name);
        let elsewhere =
            |what: String| AwsError::Elsewhere { function: spec.name.clone(), what, region: region.clone() };
        if let Some(image) = image {
            let image = AwsFunction::in_region(&image, region);
            let is_here = image.contains(&format!(".dkr.ecr.{}.", region.code()));
            return if is_here { Ok(Package::Image(image)) } else { Err(elsewhere(image)) };
        }
        let layers: Vec<String> = layers.iter().map(|layer| AwsFunction::in_region(layer, region)).collect();
        let is_here = |layer: &&String| layer.split(':').nth(3) == Some(region.code());
        if let Some(layer) = layers.iter().find(|layer| !is_here(layer)) {
            return Err(elsewhere(layer.clone()));
        }
        let (sha256, from) = self.code(spec).await?;
        let (account, workflow) = (self.aws.account().clone(), self.deployed.graph.workflow.clone());
        Ok(Package::Archive {
            code: Code { account, region: region.clone(), workflow, sha256, from },
            layers,
        })
    }

    /// The archive at hand, or the one that the function has at home.
    async fn code(&self, spec: &FunctionSpec) -> Result<([u8; 32], From), AwsError> {
        if let Some(archive) = self.archives.of(spec) {
            return Ok((archive.sha256(), From::File(archive.path().to_path_buf())));
        }
        let home = &self.deployed.manifest.home;
        let at_home = Need { function: spec.name.clone(), region: home.clone() };
        let found = code_of(self.aws, &self.place(&at_home).id(Kind::Function)).await?;
        let sha256 = found.ok_or_else(|| AwsError::NoCode { function: spec.name.clone() })?;
        Ok((sha256, From::Region(home.clone())))
    }

    /// The author's own policy.
    fn author(&self) -> Result<Option<String>, AwsError> {
        let Some(name) = &self.deployed.manifest.aws.policy else { return Ok(None) };
        read_policy(&self.deployed.package.join(name)).map(Some)
    }
}

/// Reads a policy, which has to look like one: IAM checks the rest.
fn read_policy(path: &Path) -> Result<String, AwsError> {
    let wrong = |why: String| AwsError::Policy { path: path.to_path_buf(), why };
    let text = std::fs::read_to_string(path).map_err(|cause| wrong(format!("cannot be read: {cause}")))?;
    let policy: serde_json::Value =
        serde_json::from_str(&text).map_err(|cause| wrong(format!("is no JSON: {cause}")))?;
    if policy.get("Statement").is_none() {
        return Err(wrong("is no IAM policy: it has no `Statement`".into()));
    }
    Ok(policy.to_string())
}
