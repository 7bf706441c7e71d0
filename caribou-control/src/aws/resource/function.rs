//! A function of a version in a region.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_lambda::operation::get_function_configuration::GetFunctionConfigurationOutput;
use aws_sdk_lambda::types::{
    Architecture as LambdaArchitecture, Environment, EphemeralStorage, FunctionCode, LastUpdateStatus,
    PackageType, RecursiveLoop, Runtime, State,
};
use caribou_model::{Architecture, FunctionSpec};

use super::code::Code;
use super::field::{differs, superfluous_tags};
use super::{Differing, Fields, Id, Kind, Resource, optional};
use crate::aws::archive::{base64, from_base64};
use crate::aws::connection::Aws;
use crate::aws::difference::{Action, Difference};
use crate::aws::error::AwsError;
use crate::aws::patience::{self, Seen, insist, is_busy, role_is_new_or_busy, until};
use crate::aws::place::Place;

/// The one name that `provided` runtimes start.
const HANDLER: &str = "bootstrap";
/// Archive or image.
const PACKAGE: &str = "package";
/// There if the function could not be made.
const STATE: &str = "state";
/// There if its last change failed.
const LAST_CHANGE: &str = "last change";
/// The first part of the names of Caribou's own variables, whose values may be shown.
const OWN: &str = "CARIBOU_";

pub(in crate::aws) struct Function {
    pub(in crate::aws) place: Place,
    pub(in crate::aws) spec: FunctionSpec,
    pub(in crate::aws) role: String,
    pub(in crate::aws) package: Package,
    /// Caribou's and the function's own variables.
    pub(in crate::aws) variables: BTreeMap<String, String>,
}

/// What the function is started from.
pub(in crate::aws) enum Package {
    Archive { code: Code, layers: Vec<String> },
    Image(String),
}

impl Function {
    fn architecture(&self) -> LambdaArchitecture {
        match self.spec.architecture {
            Architecture::X86_64 => LambdaArchitecture::X8664,
            Architecture::Arm64 => LambdaArchitecture::Arm64,
        }
    }

    fn environment(&self) -> Environment {
        Environment::builder().set_variables(Some(self.variables.clone().into_iter().collect())).build()
    }

    fn storage(&self) -> Result<EphemeralStorage, AwsError> {
        let size = self.spec.ephemeral_storage_mb.cast_signed();
        EphemeralStorage::builder().size(size).build().map_err(AwsError::internal)
    }

    fn variables(fields: Fields, variables: impl IntoIterator<Item = (String, String)>) -> Fields {
        variables.into_iter().fold(fields, |fields, (name, value)| {
            let field = format!("variable {name}");
            if name.starts_with(OWN) { fields.with(field, value) } else { fields.with_hidden(field, value) }
        })
    }

    /// Lambda ends chains in which a function calls itself sixteen times by way of topics and queues. A workflow may call one
    /// function in more stages than that, and a parked message comes back until its run's deadline; Caribou's hop limit and
    /// deadline end chains that have none.
    async fn allow_loops(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let put = aws.at(&id.region).lambda.put_function_recursion_config().function_name(&id.name);
        let sent = put.recursive_loop(RecursiveLoop::Allow).send().await;
        // moto does not know this, and answers that there is no such thing
        optional(sent.map_err(id.fault("lambda:PutFunctionRecursionConfig"))).map(drop)
    }

    async fn allows_loops(&self, aws: &Aws) -> Result<bool, AwsError> {
        let id = self.id();
        let get = aws.at(&id.region).lambda.get_function_recursion_config().function_name(&id.name);
        let found = optional(get.send().await.map_err(id.fault("lambda:GetFunctionRecursionConfig")))?;
        Ok(found.is_none_or(|found| found.recursive_loop() == Some(&RecursiveLoop::Allow)))
    }

    async fn change_code(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let clients = aws.at(&id.region);
        insist(aws.clock(), patience::FUNCTION, is_busy, || async {
            let update = clients.lambda.update_function_code().function_name(&id.name);
            let update = update.architectures(self.architecture());
            let update = match &self.package {
                Package::Archive { code, .. } => update.s3_bucket(code.bucket()).s3_key(code.key()),
                Package::Image(image) => update.image_uri(image),
            };
            update.send().await.map(drop).map_err(id.fault("lambda:UpdateFunctionCode"))
        })
        .await?;
        ready(aws, &id).await
    }

    async fn change_configuration(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let clients = aws.at(&id.region);
        let storage = self.storage()?;
        insist(aws.clock(), patience::FUNCTION, role_is_new_or_busy, || async {
            let update = clients.lambda.update_function_configuration().function_name(&id.name);
            let update = update.role(&self.role).environment(self.environment());
            let update = update.memory_size(self.spec.memory_mb.cast_signed());
            let update = update.timeout(self.spec.timeout_s.cast_signed()).ephemeral_storage(storage.clone());
            let update = match &self.package {
                Package::Archive { layers, .. } => {
                    update.runtime(Runtime::Providedal2023).handler(HANDLER).set_layers(Some(layers.clone()))
                }
                Package::Image(_) => update,
            };
            update.send().await.map(drop).map_err(id.fault("lambda:UpdateFunctionConfiguration"))
        })
        .await?;
        ready(aws, &id).await
    }
}

#[async_trait]
impl Resource for Function {
    fn id(&self) -> Id {
        self.place.id(Kind::Function)
    }

    fn wanted(&self) -> Option<Fields> {
        let fields = Fields::default()
            .with("role", &self.role)
            .with("memory in MB", self.spec.memory_mb)
            .with("timeout in seconds", self.spec.timeout_s)
            .with("storage in MB", self.spec.ephemeral_storage_mb)
            .with("architecture", self.architecture())
            .with("loops", "allowed");
        let fields = match &self.package {
            Package::Archive { code, layers } => fields
                .with(PACKAGE, PackageType::Zip)
                .with("runtime", Runtime::Providedal2023)
                .with("handler", HANDLER)
                .with("code", base64(&code.sha256))
                .with_some("layers", (!layers.is_empty()).then(|| layers.join(", "))),
            Package::Image(image) => fields.with(PACKAGE, PackageType::Image).with("image", image),
        };
        Some(Self::variables(fields, self.variables.clone()).with_tags(self.place.tags()))
    }

    async fn actual(&self, aws: &Aws) -> Result<Option<Fields>, AwsError> {
        let id = self.id();
        let asked = aws.at(&id.region).lambda.get_function().function_name(&id.name).send().await;
        let Some(found) = optional(asked.map_err(id.fault("lambda:GetFunction")))? else { return Ok(None) };
        let Some(configuration) = &found.configuration else { return Ok(None) };
        let layers: Vec<&str> = configuration.layers().iter().filter_map(|layer| layer.arn()).collect();
        let fields = Fields::default()
            .with_some("role", configuration.role())
            .with_some("memory in MB", configuration.memory_size())
            .with_some("timeout in seconds", configuration.timeout())
            .with_some("storage in MB", configuration.ephemeral_storage().map(EphemeralStorage::size))
            .with_some("architecture", configuration.architectures().first())
            .with_some("layers", (!layers.is_empty()).then(|| layers.join(", ")));
        let has_failed = |failed: bool| failed.then_some("failed");
        let fields = fields
            .with_some(STATE, has_failed(configuration.state() == Some(&State::Failed)))
            .with_some(LAST_CHANGE, has_failed(last_change_failed(configuration.last_update_status())));
        let fields = if configuration.package_type() == Some(&PackageType::Image) {
            let image = found.code().and_then(|code| code.image_uri());
            fields.with(PACKAGE, PackageType::Image).with_some("image", image)
        } else {
            fields
                .with(PACKAGE, PackageType::Zip)
                .with_some("runtime", configuration.runtime())
                .with_some("handler", configuration.handler())
                .with_some("code", configuration.code_sha256())
        };
        let loops = if self.allows_loops(aws).await? { "allowed" } else { "ended" };
        let fields = fields.with("loops", loops);
        let variables = configuration.environment().and_then(|environment| environment.variables());
        let fields = Self::variables(fields, variables.cloned().unwrap_or_default());
        Ok(Some(fields.with_tags(found.tags.unwrap_or_default())))
    }

    async fn create(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let clients = aws.at(&id.region);
        let storage = self.storage()?;
        insist(aws.clock(), patience::ROLE, role_is_new_or_busy, || async {
            let create = clients.lambda.create_function().function_name(&id.name).role(&self.role);
            let create = create.memory_size(self.spec.memory_mb.cast_signed());
            let create = create.timeout(self.spec.timeout_s.cast_signed()).ephemeral_storage(storage.clone());
            let create = create.architectures(self.architecture()).environment(self.environment());
            let create = create.set_tags(Some(self.place.tags().into_iter().collect()));
            let create = match &self.package {
                Package::Archive { code, layers } => {
                    let from = FunctionCode::builder().s3_bucket(code.bucket()).s3_key(code.key()).build();
                    let create = create.runtime(Runtime::Providedal2023).handler(HANDLER).code(from);
                    create.set_layers((!layers.is_empty()).then(|| layers.clone()))
                }
                Package::Image(image) => create
                    .package_type(PackageType::Image)
                    .code(FunctionCode::builder().image_uri(image).build()),
            };
            create.send().await.map(drop).map_err(id.fault("lambda:CreateFunction"))
        })
        .await?;
        ready(aws, &id).await?;
        self.allow_loops(aws).await
    }

    async fn update(&self, aws: &Aws, differing: &[Differing]) -> Result<(), AwsError> {
        let id = self.id();
        at_rest(aws, &id).await?;
        if must_be_remade(differing) {
            delete(aws, &id).await?;
            return self.create(aws).await;
        }
        if ["code", "image", "architecture", LAST_CHANGE].iter().any(|field| differs(differing, field)) {
            self.change_code(aws).await?;
        }
        if differs(differing, "loops") {
            self.allow_loops(aws).await?;
        }
        let is_apart =
            |one: &Differing| matches!(one.field.as_str(), "code" | "image" | "architecture" | "loops");
        if differing.iter().any(|one| !is_apart(one) && !one.field.starts_with("tag ")) {
            self.change_configuration(aws).await?;
        }
        let lambda = &aws.at(&id.region).lambda;
        let arn = self.place.function_arn();
        if differs(differing, "tag") {
            let tag = lambda.tag_resource().resource(&arn);
            let tag = tag.set_tags(Some(self.place.tags().into_iter().collect()));
            tag.send().await.map_err(id.fault("lambda:TagResource"))?;
        }
        let superfluous = superfluous_tags(differing);
        if !superfluous.is_empty() {
            let untag = lambda.untag_resource().resource(&arn).set_tag_keys(Some(superfluous));
            untag.send().await.map_err(id.fault("lambda:UntagResource"))?;
        }
        Ok(())
    }

    async fn delete(&self, aws: &Aws) -> Result<(), AwsError> {
        delete(aws, &self.id()).await
    }
}

/// Refuses what cannot be done: an archive does not become an image, nor an image an archive.
pub(in crate::aws) fn check_package(difference: &Difference) -> Result<(), AwsError> {
    for change in difference.to_do().filter(|change| change.id.kind == Kind::Function) {
        let Action::Update(differing) = &change.action else { continue };
        if let Some(package) = differing.iter().find(|one| one.field == PACKAGE) {
            return Err(package.fixed(change.id.clone()));
        }
    }
    Ok(())
}

/// Whether a change takes another function: one that could not be made never can be used.
pub(in crate::aws) fn must_be_remade(differing: &[Differing]) -> bool {
    differs(differing, STATE)
}

fn last_change_failed(status: Option<&LastUpdateStatus>) -> bool {
    status == Some(&LastUpdateStatus::Failed)
}

/// Removes the function, and with it its permissions and its failure destination.
pub(in crate::aws) async fn delete(aws: &Aws, id: &Id) -> Result<(), AwsError> {
    let clients = aws.at(&id.region);
    insist(aws.clock(), patience::FUNCTION, is_busy, || async {
        let sent = clients.lambda.delete_function().function_name(&id.name).send().await;
        optional(sent.map(drop).map_err(id.fault("lambda:DeleteFunction"))).map(drop)
    })
    .await
}

/// Waits until the function can be called and changed. One that was not called for weeks is inactive, and wakes as it is.
pub(in crate::aws) async fn ready(aws: &Aws, id: &Id) -> Result<(), AwsError> {
    let found = at_rest(aws, id).await?;
    let failed = |reason: Option<&str>| {
        let said = reason.unwrap_or("no reason given").to_owned();
        Err(AwsError::DoesNotAnswer { id: id.clone(), said })
    };
    if found.state() == Some(&State::Failed) {
        return failed(found.state_reason());
    }
    if last_change_failed(found.last_update_status()) {
        return failed(found.last_update_status_reason());
    }
    Ok(())
}

/// Waits until nothing is done to the function any more, whether it succeeded or not.
async fn at_rest(aws: &Aws, id: &Id) -> Result<GetFunctionConfigurationOutput, AwsError> {
    let clients = aws.at(&id.region);
    until(aws.clock(), id, patience::FUNCTION, || async {
        let asked = clients.lambda.get_function_configuration().function_name(&id.name).send().await;
        let found = asked.map_err(id.fault("lambda:GetFunctionConfiguration"))?;
        Ok(match (found.state(), found.last_update_status()) {
            (Some(State::Pending), _) => Seen::NotYet("pending".into()),
            (_, Some(LastUpdateStatus::InProgress)) => Seen::NotYet("being changed".into()),
            _ => Seen::Ready(found),
        })
    })
    .await
}

/// The code of a function that is there.
pub(in crate::aws) async fn code_of(aws: &Aws, id: &Id) -> Result<Option<[u8; 32]>, AwsError> {
    let asked = aws.at(&id.region).lambda.get_function_configuration().function_name(&id.name).send().await;
    let found = optional(asked.map_err(id.fault("lambda:GetFunctionConfiguration")))?;
    Ok(found.as_ref().and_then(|found| found.code_sha256()).and_then(from_base64))
}
