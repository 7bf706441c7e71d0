//! What leads from a function's queue to the function: letters in batches, of which each is put back that could not be noted.

use async_trait::async_trait;
use aws_sdk_lambda::types::{EventSourceMappingConfiguration, FunctionResponseType};

use super::{Differing, Fields, Id, Kind, Resource, optional};
use crate::aws::connection::Aws;
use crate::aws::error::{AwsError, Fault};
use crate::aws::patience::{self, Patience, Seen, insist, is_busy, role_is_new_or_busy, until};
use crate::aws::place::Place;

/// Letters of a batch.
const BATCH: i32 = 10;

pub(in crate::aws) struct Mapping {
    pub(in crate::aws) place: Place,
}

impl Mapping {
    /// Those that are there and stay. AWS has one for each queue and function, and refuses a second; moto makes as many as it
    /// is asked for.
    async fn all(&self, aws: &Aws) -> Result<Vec<EventSourceMappingConfiguration>, AwsError> {
        let mut all = self.listed(aws).await?;
        all.retain(|mapping| !is_going(mapping));
        Ok(all)
    }

    async fn listed(&self, aws: &Aws) -> Result<Vec<EventSourceMappingConfiguration>, AwsError> {
        let id = self.id();
        // by the queue alone: a function that is gone is not known
        let list = aws.at(&id.region).lambda.list_event_source_mappings();
        let asked = list.event_source_arn(self.place.queue_arn()).send().await;
        let found = optional(asked.map_err(id.fault("lambda:ListEventSourceMappings")))?;
        Ok(found.and_then(|found| found.event_source_mappings).unwrap_or_default())
    }

    /// Waits until one that is being removed is gone.
    async fn gone(&self, aws: &Aws) -> Result<(), AwsError> {
        until(aws.clock(), &self.id(), patience::MAPPING, || async {
            let is_there = self.listed(aws).await?.iter().any(is_going);
            Ok(if is_there { Seen::NotYet("deleting".into()) } else { Seen::Ready(()) })
        })
        .await
    }

    /// Lambda checks that the role may receive from the queue, which may not be known everywhere yet.
    async fn make(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let clients = aws.at(&id.region);
        insist(aws.clock(), patience::ROLE, role_is_new_or_busy, || async {
            let create = clients.lambda.create_event_source_mapping().function_name(&id.name);
            let create = create.event_source_arn(self.place.queue_arn()).batch_size(BATCH).enabled(true);
            let create = create.function_response_types(FunctionResponseType::ReportBatchItemFailures);
            let create = create.set_tags(Some(self.place.tags().into_iter().collect()));
            create.send().await.map(drop).map_err(id.fault("lambda:CreateEventSourceMapping"))
        })
        .await
    }

    async fn remove(&self, aws: &Aws, uuid: &str) -> Result<(), AwsError> {
        let id = self.id();
        let clients = aws.at(&id.region);
        insist(aws.clock(), patience::MAPPING, is_busy, || async {
            let sent = clients.lambda.delete_event_source_mapping().uuid(uuid).send().await;
            optional(sent.map_err(id.fault("lambda:DeleteEventSourceMapping"))).map(drop)
        })
        .await
    }

    /// One that is being made or changed takes no further change.
    async fn settled(&self, aws: &Aws, uuid: &str) -> Result<(), AwsError> {
        let id = self.id();
        let clients = aws.at(&id.region);
        let patience: Patience = patience::MAPPING;
        until(aws.clock(), &id, patience, || async {
            let asked = clients.lambda.get_event_source_mapping().uuid(uuid).send().await;
            let found = optional(asked.map_err(id.fault("lambda:GetEventSourceMapping")))?;
            let state = found.and_then(|found| found.state).unwrap_or_default();
            let moves = ["Creating", "Enabling", "Disabling", "Updating"].contains(&state.as_str());
            Ok(if moves { Seen::NotYet(state.to_lowercase()) } else { Seen::Ready(()) })
        })
        .await
    }
}

fn is_going(mapping: &EventSourceMappingConfiguration) -> bool {
    mapping.state() == Some("Deleting")
}

#[async_trait]
impl Resource for Mapping {
    fn id(&self) -> Id {
        self.place.id(Kind::Mapping)
    }

    fn wanted(&self) -> Option<Fields> {
        let fields = Fields::default().with("batch", BATCH).with("enabled", true);
        Some(fields.with("reports", FunctionResponseType::ReportBatchItemFailures).with("mappings", 1))
    }

    async fn actual(&self, aws: &Aws) -> Result<Option<Fields>, AwsError> {
        let all = self.all(aws).await?;
        let Some(first) = all.first() else { return Ok(None) };
        let enabled = !matches!(first.state(), Some("Disabled" | "Disabling"));
        let fields = Fields::default().with_some("batch", first.batch_size()).with("enabled", enabled);
        let reports = first.function_response_types().first();
        Ok(Some(fields.with_some("reports", reports).with("mappings", all.len())))
    }

    /// As long as one is being removed there can be no other.
    async fn create(&self, aws: &Aws) -> Result<(), AwsError> {
        match self.make(aws).await {
            Err(error) if error.fault() == Some(Fault::Conflict) => {
                if !self.listed(aws).await?.iter().any(is_going) {
                    return Err(error);
                }
                self.gone(aws).await?;
                self.make(aws).await
            }
            made => made,
        }
    }

    async fn update(&self, aws: &Aws, _: &[Differing]) -> Result<(), AwsError> {
        let id = self.id();
        let mut all = self.all(aws).await?.into_iter();
        let Some(uuid) = all.next().and_then(|first| first.uuid) else { return self.create(aws).await };
        for uuid in all.filter_map(|further| further.uuid) {
            self.remove(aws, &uuid).await?;
        }
        self.settled(aws, &uuid).await?;
        let clients = aws.at(&id.region);
        insist(aws.clock(), patience::MAPPING, is_busy, || async {
            let update = clients.lambda.update_event_source_mapping().uuid(&uuid).function_name(&id.name);
            let update = update.batch_size(BATCH).enabled(true);
            let update = update.function_response_types(FunctionResponseType::ReportBatchItemFailures);
            update.send().await.map(drop).map_err(id.fault("lambda:UpdateEventSourceMapping"))
        })
        .await
    }

    async fn delete(&self, aws: &Aws) -> Result<(), AwsError> {
        for uuid in self.all(aws).await?.into_iter().filter_map(|mapping| mapping.uuid) {
            self.settled(aws, &uuid).await?;
            self.remove(aws, &uuid).await?;
        }
        Ok(())
    }
}
