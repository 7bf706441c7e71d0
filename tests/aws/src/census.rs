//! Everything that moto has, kind by kind.

use std::collections::BTreeMap;

use caribou_model::Region;

use crate::{Clients, Wrong};

/// Everything that is in these regions and in the account, each as its region, its kind and its name, in order.
///
/// # Errors
///
/// If moto does not answer.
pub async fn census(clients: &BTreeMap<Region, Clients>) -> Result<Vec<String>, Wrong> {
    let mut all = Vec::new();
    for (region, clients) in clients {
        for (kind, names) in [
            ("function", functions(clients).await?),
            ("mapping", mappings(clients).await?),
            ("topic", topics(clients).await?),
            ("subscription", subscriptions(clients).await?),
            ("queue", queues(clients).await?),
            ("table", clients.dynamodb.list_tables().send().await?.table_names().to_vec()),
            ("log group", log_groups(clients).await?),
        ] {
            all.extend(names.into_iter().map(|name| format!("{region} {kind} {name}")));
        }
    }
    if let Some(clients) = clients.values().next() {
        for (kind, names) in [
            ("bucket", buckets(clients).await?),
            ("role", roles(clients).await?),
            ("policy", policies(clients).await?),
        ] {
            all.extend(names.into_iter().map(|name| format!("account {kind} {name}")));
        }
    }
    all.sort();
    Ok(all)
}

async fn functions(clients: &Clients) -> Result<Vec<String>, Wrong> {
    let mut names = Vec::new();
    let mut pages = clients.lambda.list_functions().into_paginator().send();
    while let Some(page) = pages.next().await {
        names.extend(
            page?.functions().iter().filter_map(|function| function.function_name()).map(str::to_owned),
        );
    }
    Ok(names)
}

async fn mappings(clients: &Clients) -> Result<Vec<String>, Wrong> {
    let listed = clients.lambda.list_event_source_mappings().send().await?;
    let named = |mapping: &aws_sdk_lambda::types::EventSourceMappingConfiguration| {
        format!("{} to {}", mapping.event_source_arn().unwrap_or("?"), mapping.function_arn().unwrap_or("?"))
    };
    Ok(listed.event_source_mappings().iter().map(named).collect())
}

async fn topics(clients: &Clients) -> Result<Vec<String>, Wrong> {
    let mut names = Vec::new();
    let mut pages = clients.sns.list_topics().into_paginator().send();
    while let Some(page) = pages.next().await {
        names.extend(page?.topics().iter().filter_map(|topic| topic.topic_arn()).map(str::to_owned));
    }
    Ok(names)
}

async fn subscriptions(clients: &Clients) -> Result<Vec<String>, Wrong> {
    let mut names = Vec::new();
    let mut pages = clients.sns.list_subscriptions().into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page?;
        let endpoints = page.subscriptions().iter().filter_map(|subscription| subscription.endpoint());
        names.extend(endpoints.map(str::to_owned));
    }
    Ok(names)
}

async fn queues(clients: &Clients) -> Result<Vec<String>, Wrong> {
    let mut names = Vec::new();
    let mut pages = clients.sqs.list_queues().max_results(1000).into_paginator().send();
    while let Some(page) = pages.next().await {
        names.extend(page?.queue_urls().iter().cloned());
    }
    Ok(names)
}

async fn log_groups(clients: &Clients) -> Result<Vec<String>, Wrong> {
    let mut names = Vec::new();
    let mut pages = clients.logs.describe_log_groups().into_paginator().send();
    while let Some(page) = pages.next().await {
        names.extend(page?.log_groups().iter().filter_map(|group| group.log_group_name()).map(str::to_owned));
    }
    Ok(names)
}

async fn buckets(clients: &Clients) -> Result<Vec<String>, Wrong> {
    let listed = clients.s3.list_buckets().send().await?;
    Ok(listed.buckets().iter().filter_map(|bucket| bucket.name()).map(str::to_owned).collect())
}

async fn roles(clients: &Clients) -> Result<Vec<String>, Wrong> {
    let listed = clients.iam.list_roles().send().await?;
    Ok(listed.roles().iter().map(|role| role.role_name().to_owned()).collect())
}

async fn policies(clients: &Clients) -> Result<Vec<String>, Wrong> {
    let own = aws_sdk_iam::types::PolicyScopeType::Local;
    let listed = clients.iam.list_policies().scope(own).send().await?;
    Ok(listed.policies().iter().filter_map(|policy| policy.policy_name()).map(str::to_owned).collect())
}
