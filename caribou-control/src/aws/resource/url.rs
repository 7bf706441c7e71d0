//! Where requests come in over HTTP, if the manifest wants it.

use async_trait::async_trait;
use aws_sdk_lambda::types::FunctionUrlAuthType as Auth;
use caribou_model::manifest::FunctionUrl as Who;

use super::permission::{URL, remove, statements};
use super::{Differing, Fields, Id, Kind, Resource, optional};
use crate::aws::connection::Aws;
use crate::aws::error::AwsError;
use crate::aws::place::Place;

pub(in crate::aws) struct FunctionUrl {
    pub(in crate::aws) place: Place,
    pub(in crate::aws) who: Who,
}

impl FunctionUrl {
    fn auth(&self) -> Auth {
        if self.who == Who::Public { Auth::None } else { Auth::AwsIam }
    }

    /// Everybody may call the function through its URL, and only through it. Since October 2025 that takes two statements.
    async fn open(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let lambda = &aws.at(&id.region).lambda;
        for statement in URL {
            remove(aws, &id, statement).await?;
            let add = lambda.add_permission().function_name(&id.name).statement_id(statement).principal("*");
            let add = if statement == URL[0] {
                add.action("lambda:InvokeFunctionUrl").function_url_auth_type(Auth::None)
            } else {
                add.action("lambda:InvokeFunction").invoked_via_function_url(true)
            };
            add.send().await.map_err(id.fault("lambda:AddPermission"))?;
        }
        Ok(())
    }

    async fn close(&self, aws: &Aws) -> Result<(), AwsError> {
        for statement in URL {
            remove(aws, &self.id(), statement).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Resource for FunctionUrl {
    fn id(&self) -> Id {
        self.place.id(Kind::FunctionUrl)
    }

    fn wanted(&self) -> Option<Fields> {
        let fields = Fields::default().with("authentication", self.auth().as_str());
        match self.who {
            Who::None => None,
            Who::Iam => Some(fields),
            Who::Public => Some(URL.iter().fold(fields, |fields, statement| {
                fields.with(format!("statement {statement}"), "everybody")
            })),
        }
    }

    async fn actual(&self, aws: &Aws) -> Result<Option<Fields>, AwsError> {
        let id = self.id();
        let asked = aws.at(&id.region).lambda.get_function_url_config().function_name(&id.name).send().await;
        let found = optional(asked.map_err(id.fault("lambda:GetFunctionUrlConfig")))?;
        // without a URL there are no statements: they are added after it, and removed before it
        let Some(found) = found else { return Ok(None) };
        let fields = Fields::default().with("authentication", found.auth_type());
        let statements = statements(aws, &id).await?;
        let ours = statements.iter().filter_map(|statement| statement["Sid"].as_str());
        let mut ours: Vec<&str> = ours.filter(|sid| URL.contains(sid)).collect();
        ours.dedup();
        Ok(Some(
            ours.into_iter().fold(fields, |fields, sid| fields.with(format!("statement {sid}"), "everybody")),
        ))
    }

    async fn create(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let create = aws.at(&id.region).lambda.create_function_url_config().function_name(&id.name);
        let sent = create.auth_type(self.auth()).send().await;
        sent.map_err(id.fault("lambda:CreateFunctionUrlConfig"))?;
        if self.who == Who::Public { self.open(aws).await } else { Ok(()) }
    }

    async fn update(&self, aws: &Aws, _: &[Differing]) -> Result<(), AwsError> {
        let id = self.id();
        if self.who != Who::Public {
            self.close(aws).await?;
        }
        let update = aws.at(&id.region).lambda.update_function_url_config().function_name(&id.name);
        let sent = update.auth_type(self.auth()).send().await;
        sent.map_err(id.fault("lambda:UpdateFunctionUrlConfig"))?;
        if self.who == Who::Public { self.open(aws).await } else { Ok(()) }
    }

    async fn delete(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        self.close(aws).await?;
        let delete = aws.at(&id.region).lambda.delete_function_url_config().function_name(&id.name);
        optional(delete.send().await.map_err(id.fault("lambda:DeleteFunctionUrlConfig"))).map(drop)
    }
}
