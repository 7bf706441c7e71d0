//! The right of a function's topic to call the function, and nobody else's.

use async_trait::async_trait;
use serde_json::Value;

use super::{Differing, Fields, Id, Kind, Resource, optional};
use crate::aws::connection::Aws;
use crate::aws::error::{AwsError, Fault};
use crate::aws::place::Place;

/// The statement that lets the topic in.
pub(super) const TOPIC: &str = "caribou-topic";
/// The statements that let everybody use a function's URL.
pub(super) const URL: [&str; 2] = ["caribou-url", "caribou-url-invoke"];

pub(in crate::aws) struct Permission {
    pub(in crate::aws) place: Place,
}

#[async_trait]
impl Resource for Permission {
    fn id(&self) -> Id {
        self.place.id(Kind::Permission)
    }

    fn wanted(&self) -> Option<Fields> {
        let fields = Fields::default().with("who", "sns.amazonaws.com").with("what", "lambda:InvokeFunction");
        Some(fields.with("source", self.place.topic_arn()))
    }

    async fn actual(&self, aws: &Aws) -> Result<Option<Fields>, AwsError> {
        let statements = statements(aws, &self.id()).await?;
        let fields = statements.iter().map(|statement| {
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let sid = statement["Sid"].as_str().unwrap_or_default();
            let fields = Fields::default()
                .with_some("who", text(&statement["Principal"]["Service"]).or(text(&statement["Principal"])))
                .with_some("what", text(&statement["Action"]))
                .with_some("source", text(&statement["Condition"]["ArnLike"]["AWS:SourceArn"]));
            (sid, fields)
        });
        let fields: Vec<(&str, Fields)> = fields.filter(|(sid, _)| !URL.contains(sid)).collect();
        let ours = fields.iter().find(|(sid, _)| *sid == TOPIC).map(|(_, fields)| fields.clone());
        // whoever else may call the function is not in the manifest
        let others = fields.iter().filter(|(sid, _)| *sid != TOPIC);
        let others = others.map(|(sid, _)| (format!("statement {sid}"), "there"));
        Ok(match (ours, others.collect::<Vec<_>>()) {
            (None, others) if others.is_empty() => None,
            (ours, others) => {
                let fields = ours.unwrap_or_default();
                Some(others.into_iter().fold(fields, |fields, (name, value)| fields.with(name, value)))
            }
        })
    }

    async fn create(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let add = aws.at(&id.region).lambda.add_permission().function_name(&id.name).statement_id(TOPIC);
        let add = add.action("lambda:InvokeFunction").principal("sns.amazonaws.com");
        let sent = add.source_arn(self.place.topic_arn()).send().await;
        sent.map(drop).map_err(id.fault("lambda:AddPermission"))
    }

    /// A statement cannot be changed: what is wrong goes, then the right one is added.
    async fn update(&self, aws: &Aws, differing: &[Differing]) -> Result<(), AwsError> {
        let id = self.id();
        for other in differing.iter().filter_map(|one| one.field.strip_prefix("statement ")) {
            remove(aws, &id, other).await?;
        }
        if differing.iter().any(|one| !one.field.starts_with("statement ")) {
            remove(aws, &id, TOPIC).await?;
            self.create(aws).await?;
        }
        Ok(())
    }

    async fn delete(&self, aws: &Aws) -> Result<(), AwsError> {
        remove(aws, &self.id(), TOPIC).await
    }
}

/// Who may call a function, by statement.
pub(super) async fn statements(aws: &Aws, id: &Id) -> Result<Vec<Value>, AwsError> {
    let asked = aws.at(&id.region).lambda.get_policy().function_name(&id.name).send().await;
    let Some(found) = optional(asked.map_err(id.fault("lambda:GetPolicy")))? else { return Ok(Vec::new()) };
    let policy: Value = serde_json::from_str(found.policy().unwrap_or("{}")).map_err(|cause| {
        AwsError::refused("lambda:GetPolicy", &id.region, &id.name, Fault::Other, cause.to_string())
    })?;
    Ok(policy["Statement"].as_array().cloned().unwrap_or_default())
}

/// Takes a statement away.
pub(super) async fn remove(aws: &Aws, id: &Id, statement: &str) -> Result<(), AwsError> {
    let remove = aws.at(&id.region).lambda.remove_permission().function_name(&id.name);
    let sent = remove.statement_id(statement).send().await;
    optional(sent.map_err(id.fault("lambda:RemovePermission"))).map(drop)
}
