//! Everything that an account has in some regions, asked by the services' own lists, a line each.

use aws_config::SdkConfig;

use crate::desk::Desk;

/// Everything there is, sorted. The account's number is left out, so that accounts can be compared.
pub(crate) async fn everything(desk: &Desk) -> Vec<String> {
    let mut lines = iam(desk).await;
    for region in &desk.regions {
        for line in of_region(&desk.config(region)).await {
            lines.push(format!("{}: {line}", region.code()));
        }
    }
    let account = desk.aws.account().as_str();
    let mut lines: Vec<String> = lines.into_iter().map(|line| line.replace(account, "ACCOUNT")).collect();
    lines.sort();
    lines
}

async fn iam(desk: &Desk) -> Vec<String> {
    let iam = aws_sdk_iam::Client::new(desk.aws.config());
    let mut lines = Vec::new();
    for role in iam.list_roles().send().await.unwrap().roles() {
        lines.push(format!(
            "role {} {}",
            role.role_name(),
            role.assume_role_policy_document().unwrap_or_default()
        ));
        let name = role.role_name();
        for tag in iam.list_role_tags().role_name(name).send().await.unwrap().tags() {
            lines.push(format!("role {name} is tagged {} {}", tag.key(), tag.value()));
        }
        let policies = iam.list_role_policies().role_name(role.role_name()).send().await.unwrap();
        for name in policies.policy_names() {
            let policy =
                iam.get_role_policy().role_name(role.role_name()).policy_name(name).send().await.unwrap();
            lines.push(format!("policy {name} {}", policy.policy_document()));
        }
    }
    lines
}

async fn of_region(config: &SdkConfig) -> Vec<String> {
    let mut lines = Vec::new();
    let lambda = aws_sdk_lambda::Client::new(config);
    for function in lambda.list_functions().send().await.unwrap().functions() {
        let name = function.function_name().unwrap();
        let (memory, code) = (function.memory_size().unwrap(), function.code_sha256().unwrap());
        lines.push(format!("function {name} {memory} {code}"));
        if let Ok(policy) = lambda.get_policy().function_name(name).send().await {
            let policy: serde_json::Value = serde_json::from_str(policy.policy().unwrap()).unwrap();
            let sids =
                policy["Statement"].as_array().unwrap().iter().map(|statement| statement["Sid"].to_string());
            // AWS refuses a second statement of one name; moto takes it
            let mut sids: Vec<String> = sids.collect();
            sids.dedup();
            lines.push(format!("function {name} may be called by {}", sids.join(", ")));
        }
        if let Ok(failure) = lambda.get_function_event_invoke_config().function_name(name).send().await {
            lines.push(format!("function {name} retries {:?}", failure.maximum_retry_attempts()));
        }
        if let Ok(url) = lambda.get_function_url_config().function_name(name).send().await {
            lines.push(format!("function {name} has a URL {}", url.auth_type()));
        }
    }
    for mapping in lambda.list_event_source_mappings().send().await.unwrap().event_source_mappings() {
        lines.push(format!(
            "mapping {} {:?}",
            mapping.event_source_arn().unwrap(),
            mapping.function_response_types()
        ));
    }
    let sqs = aws_sdk_sqs::Client::new(config);
    for url in sqs.list_queues().send().await.unwrap().queue_urls() {
        let all = aws_sdk_sqs::types::QueueAttributeName::All;
        let attributes = sqs.get_queue_attributes().queue_url(url).attribute_names(all).send().await.unwrap();
        let mut attributes: Vec<String> =
            attributes.attributes().unwrap().iter().map(|(name, value)| format!("{name} {value}")).collect();
        attributes.retain(|attribute| !attribute.contains("Timestamp"));
        attributes.sort();
        lines.push(format!("queue {}", attributes.join(", ")));
    }
    let sns = aws_sdk_sns::Client::new(config);
    for topic in sns.list_topics().send().await.unwrap().topics() {
        lines.push(format!("topic {}", topic.topic_arn().unwrap()));
    }
    for subscription in sns.list_subscriptions().send().await.unwrap().subscriptions() {
        let (topic, endpoint) = (subscription.topic_arn().unwrap(), subscription.endpoint().unwrap());
        let arn = subscription.subscription_arn().unwrap();
        let attributes = sns.get_subscription_attributes().subscription_arn(arn).send().await.unwrap();
        let redrive = attributes.attributes().unwrap().get("RedrivePolicy").cloned();
        lines.push(format!("subscription {topic} {endpoint} {redrive:?}"));
    }
    let logs = aws_sdk_cloudwatchlogs::Client::new(config);
    for group in logs.describe_log_groups().send().await.unwrap().log_groups() {
        lines.push(format!("log group {} {:?}", group.log_group_name().unwrap(), group.retention_in_days()));
    }
    let dynamodb = aws_sdk_dynamodb::Client::new(config);
    for table in dynamodb.list_tables().send().await.unwrap().table_names() {
        let ttl = dynamodb.describe_time_to_live().table_name(table).send().await.unwrap();
        let ttl = ttl.time_to_live_description.and_then(|ttl| ttl.attribute_name);
        lines.push(format!("table {table} {ttl:?}"));
    }
    lines.extend(buckets(config).await);
    lines
}

/// S3 lists the buckets of all regions.
async fn buckets(config: &SdkConfig) -> Vec<String> {
    let s3 = aws_sdk_s3::config::Builder::from(config).force_path_style(true).build();
    let s3 = aws_sdk_s3::Client::from_conf(s3);
    let region = config.region().unwrap().as_ref();
    let mut lines = Vec::new();
    for bucket in s3.list_buckets().send().await.unwrap().buckets() {
        let name = bucket.name().unwrap();
        if !name.ends_with(region) {
            continue;
        }
        let policy = s3.get_bucket_policy().bucket(name).send().await.ok().and_then(|found| found.policy);
        let rules = s3.get_bucket_lifecycle_configuration().bucket(name).send().await.ok();
        let rules: Vec<String> = rules
            .iter()
            .flat_map(aws_sdk_s3::operation::get_bucket_lifecycle_configuration::GetBucketLifecycleConfigurationOutput::rules)
            .map(|rule| rule.id().unwrap_or_default().to_owned())
            .collect();
        let block = s3.get_public_access_block().bucket(name).send().await.is_ok();
        lines.push(format!("bucket {name} {policy:?} {rules:?} {block}"));
        for object in s3.list_objects_v2().bucket(name).send().await.unwrap().contents() {
            lines.push(format!("object {}", object.key().unwrap()));
        }
    }
    lines
}
