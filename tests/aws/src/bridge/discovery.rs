//! What is deployed, read from moto.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use aws_sdk_lambda::operation::get_function_event_invoke_config::GetFunctionEventInvokeConfigError;
use aws_sdk_lambda::types::EventSourceMappingConfiguration;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use caribou_local::ControlError;
use caribou_model::Region;
use caribou_runtime::aws::Account;

use super::hosted::{Hosted, Subscription};
use super::queue::{Mapping, Poller};
use super::{Name, Shared};
use crate::request::Deployed;
use crate::{ACCOUNT, Clients, Wrong, hex};

impl Shared {
    /// Hosts what is deployed in a region, and nothing else.
    pub(super) async fn look(self: &Arc<Self>, region: &Region) -> Result<(), Wrong> {
        let _one = self.looking.lock().await;
        let clients = self.clients(region)?;
        let mut found: BTreeMap<Name, Hosted> = BTreeMap::new();
        let mut pages = clients.lambda.list_functions().into_paginator().send();
        while let Some(page) = pages.next().await {
            for function in page?.functions() {
                let mut hosted = Hosted::read(region, function)?;
                events_of(clients, &mut hosted).await?;
                found.insert((region.clone(), hosted.address.deployed_name()), hosted);
            }
        }
        self.host(&found).await?;
        self.forget(region, &found).await?;
        let stale = self.subscribe(region, &mut found).await?;
        self.known().functions.extend(found);
        for arn in stale {
            self.clients(region)?.sns.unsubscribe().subscription_arn(arn).send().await?;
        }
        self.poll(region).await
    }

    /// Sees to something that was deployed just now.
    pub(super) async fn deployed(
        self: &Arc<Self>,
        region: &Region,
        deployed: &Deployed,
    ) -> Result<(), Wrong> {
        let _one = self.looking.lock().await;
        let (name, is_known) = match deployed {
            Deployed::Mapping => return self.poll(region).await,
            Deployed::Subscription(name) => (name, true),
            Deployed::Function(name) => {
                (name, self.known().functions.contains_key(&(region.clone(), name.clone())))
            }
        };
        if !is_known {
            // it is seen to when it is subscribed to its topic
            return Ok(());
        }
        let clients = self.clients(region)?;
        let function = clients.lambda.get_function().function_name(name).send().await?;
        let mut hosted =
            Hosted::read(region, function.configuration().ok_or("a function without configuration")?)?;
        events_of(clients, &mut hosted).await?;
        let mut found = BTreeMap::from([((region.clone(), name.clone()), hosted)]);
        self.host(&found).await?;
        self.subscribe(region, &mut found).await?;
        self.known().functions.extend(found);
        self.poll(region).await
    }

    async fn host(&self, found: &BTreeMap<Name, Hosted>) -> Result<(), Wrong> {
        for (name, hosted) in found {
            let known = self.known().functions.get(name).cloned();
            if !known.is_some_and(|known| known.is_served_as(hosted)) {
                let bootstrap = self.bootstrap(hosted).await?;
                self.control.deploy(&hosted.deployment(&bootstrap, &self.front, &self.endpoint)).await?;
            }
        }
        Ok(())
    }

    /// Hosts no longer what is not there any more.
    async fn forget(&self, region: &Region, found: &BTreeMap<Name, Hosted>) -> Result<(), Wrong> {
        let known: BTreeMap<Name, Hosted> = {
            let known = self.known();
            let here = known.functions.iter().filter(|((place, _), _)| place == region);
            here.map(|(name, hosted)| (name.clone(), hosted.clone())).collect()
        };
        for (name, hosted) in known {
            if !found.contains_key(&name) {
                self.known().functions.remove(&name);
                match self.control.remove(&hosted.address).await {
                    // events that are under way end with an error when they call what is not there any more
                    Ok(()) | Err(ControlError::Refused { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// The bootstrap of a function, out of its archive in the region's bucket.
    async fn bootstrap(&self, hosted: &Hosted) -> Result<PathBuf, Wrong> {
        let sha256 = hex(&STANDARD.decode(&hosted.code)?);
        let place = self.code.join(&sha256);
        if place.exists() {
            return Ok(place);
        }
        let region = &hosted.address.region;
        let bucket = ACCOUNT.parse::<Account>()?.bucket(region);
        let key = format!("{}{sha256}.zip", Account::code(&hosted.address.workflow));
        let object = self.clients(region)?.s3.get_object().bucket(&bucket).key(&key).send().await;
        let object = object.map_err(|error| format!("{bucket}/{key}: {error:?}"))?;
        let archive = object.body.collect().await?.into_bytes();
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(archive))?;
        let mut bootstrap = Vec::new();
        archive.by_name("bootstrap")?.read_to_end(&mut bootstrap)?;
        let unfinished = place.with_extension("unfinished");
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o755).open(&unfinished)?;
        std::io::Write::write_all(&mut file, &bootstrap)?;
        drop(file);
        std::fs::rename(&unfinished, &place)?;
        Ok(place)
    }

    /// Subscribes to each topic that one of these functions is subscribed to. Gives its other subscriptions.
    async fn subscribe(
        &self,
        region: &Region,
        found: &mut BTreeMap<Name, Hosted>,
    ) -> Result<Vec<String>, Wrong> {
        let sns = &self.clients(region)?.sns;
        let (mut functions, mut own) = (Vec::new(), BTreeMap::new());
        let mut pages = sns.list_subscriptions().into_paginator().send();
        while let Some(page) = pages.next().await {
            for subscription in page?.subscriptions() {
                let (Some(arn), Some(topic), Some(endpoint)) =
                    (subscription.subscription_arn(), subscription.topic_arn(), subscription.endpoint())
                else {
                    continue;
                };
                match subscription.protocol() {
                    Some("lambda") => functions.push((arn.to_owned(), topic.to_owned(), endpoint.to_owned())),
                    Some("http") if endpoint.starts_with(&self.endpoint) => {
                        own.insert(endpoint.to_owned(), arn.to_owned());
                    }
                    _ => {}
                }
            }
        }
        let mut wanted = BTreeSet::new();
        for (arn, topic, function) in functions {
            let Some((name, hosted)) = found.iter_mut().find(|(_, hosted)| hosted.arn == function) else {
                continue;
            };
            let endpoint = format!("{}/topics/{}/{}", self.endpoint, region.code(), name.1);
            if !own.contains_key(&endpoint) {
                sns.subscribe().topic_arn(&topic).protocol("http").endpoint(&endpoint).send().await?;
            }
            wanted.insert(endpoint);
            let attributes = sns.get_subscription_attributes().subscription_arn(&arn).send().await?;
            let policy = attributes.attributes().and_then(|attributes| attributes.get("RedrivePolicy"));
            let redrive = policy.and_then(|policy| {
                let policy: serde_json::Value = serde_json::from_str(policy).ok()?;
                policy["deadLetterTargetArn"].as_str().map(str::to_owned)
            });
            hosted.subscription = Some(Subscription { arn, topic, redrive });
        }
        own.retain(|endpoint, _| !wanted.contains(endpoint));
        Ok(own.into_values().collect())
    }

    /// Takes back all subscriptions of its own.
    pub(super) async fn unsubscribe(&self, region: &Region) -> Result<(), Wrong> {
        for arn in self.subscribe(region, &mut BTreeMap::new()).await? {
            self.clients(region)?.sns.unsubscribe().subscription_arn(arn).send().await?;
        }
        Ok(())
    }

    /// Polls the queues that feed functions of the region, and no other.
    async fn poll(self: &Arc<Self>, region: &Region) -> Result<(), Wrong> {
        let lambda = &self.clients(region)?.lambda;
        let mut mappings = BTreeMap::new();
        let mut pages = lambda.list_event_source_mappings().into_paginator().send();
        while let Some(page) = pages.next().await {
            for mapping in page?.event_source_mappings() {
                if let Some(mapping) = self.mapping(region, mapping)? {
                    mappings.insert(mapping.queue.clone(), mapping);
                }
            }
        }
        let mut known = self.known();
        known.pollers.retain(|queue, poller| {
            poller.mapping.region != *region || mappings.get(queue) == Some(&poller.mapping)
        });
        for (queue, mapping) in mappings {
            known.pollers.entry(queue).or_insert_with(|| Poller::start(Arc::clone(self), mapping));
        }
        Ok(())
    }

    fn mapping(
        &self,
        region: &Region,
        mapping: &EventSourceMappingConfiguration,
    ) -> Result<Option<Mapping>, Wrong> {
        if mapping.state() != Some("Enabled") {
            return Ok(None);
        }
        let queue = mapping.event_source_arn().ok_or("a mapping without a queue")?;
        let function = mapping.function_arn().ok_or("a mapping without a function")?;
        let known = self.known();
        let Some(hosted) = known.functions.values().find(|hosted| hosted.arn == function) else {
            return Ok(None);
        };
        Ok(Some(Mapping {
            region: region.clone(),
            queue: queue.to_owned(),
            function: hosted.address.clone(),
            timeout_s: hosted.timeout_s,
            batch: mapping.batch_size().unwrap_or(10).clamp(1, 10),
            partial: !mapping.function_response_types().is_empty(),
        }))
    }
}

/// What happens to a function's asynchronous events that fail.
async fn events_of(clients: &Clients, hosted: &mut Hosted) -> Result<(), Wrong> {
    let asked = clients.lambda.get_function_event_invoke_config().function_name(&hosted.arn).send().await;
    let config = match asked {
        Ok(config) => config,
        Err(error)
            if error
                .as_service_error()
                .is_some_and(GetFunctionEventInvokeConfigError::is_resource_not_found_exception) =>
        {
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(retries) = config.maximum_retry_attempts() {
        hosted.retries = retries.try_into()?;
    }
    let destination = config.destination_config().and_then(|destination| destination.on_failure());
    hosted.failures = destination.and_then(|destination| destination.destination()).map(str::to_owned);
    Ok(())
}
