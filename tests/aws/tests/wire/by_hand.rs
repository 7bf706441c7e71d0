//! One function deployed by hand, with everything around it.

use aws_sdk_lambda::types::{
    DestinationConfig, Environment, FunctionCode, FunctionResponseType, OnFailure, Runtime,
};
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use aws_sdk_sqs::types::QueueAttributeName;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use caribou_model::Region;
use caribou_runtime::aws::Account;
use caribou_runtime::port::StageAddress;
use caribou_test_aws::{ACCOUNT, Clients, hex};

use crate::deployed::packed;

/// Lambda may take the role.
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",
    "Principal":{"Service":"lambda.amazonaws.com"}}]}"#;

/// Packs a bootstrap as Lambda takes it.
pub(crate) fn archive(bootstrap: &str) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().unix_permissions(0o755);
    archive.start_file("bootstrap", options).unwrap();
    std::io::Write::write_all(&mut archive, &std::fs::read(bootstrap).unwrap()).unwrap();
    archive.finish().unwrap().into_inner()
}

/// Deploys the parrot to a region, under a name.
pub(crate) async fn deploy(clients: &Clients, name: &str, region: Region) -> StageAddress {
    let account: Account = ACCOUNT.parse().unwrap();
    let address = StageAddress {
        workflow: "birds".into(),
        version: "0.1.0".into(),
        function: name.into(),
        region: region.clone(),
    };
    let name = address.deployed_name();
    let bucket = account.bucket(&region);
    let place = CreateBucketConfiguration::builder()
        .location_constraint(BucketLocationConstraint::from(region.code()))
        .build();
    let created = clients.s3.create_bucket().bucket(&bucket).create_bucket_configuration(place).send().await;
    assert!(created.is_ok() || format!("{created:?}").contains("BucketAlreadyOwnedByYou"), "{created:?}");
    let archive = std::fs::read(packed(env!("CARGO_BIN_EXE_caribou-test-aws-parrot"))).unwrap();
    let uploaded =
        clients.s3.put_object().bucket(&bucket).key("code/birds/parrot.zip").body(archive.clone().into());
    uploaded.send().await.unwrap();
    let role = clients
        .iam
        .create_role()
        .role_name(Account::role_name("birds"))
        .assume_role_policy_document(TRUST)
        .send()
        .await;
    assert!(role.is_ok() || format!("{role:?}").contains("EntityAlreadyExists"), "{role:?}");

    let topic = clients.sns.create_topic().name(&name).send().await.unwrap();
    let dead =
        clients.sqs.create_queue().queue_name(Account::dead_queue_name(&address)).send().await.unwrap();
    assert!(dead.queue_url().is_some());
    let redrive =
        format!(r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":"3"}}"#, account.dead_queue_arn(&address));
    let queue =
        clients.sqs.create_queue().queue_name(&name).attributes(QueueAttributeName::RedrivePolicy, redrive);
    queue.send().await.unwrap();

    let variables = [
        ("CARIBOU_WORKFLOW", "birds"),
        ("CARIBOU_VERSION", "0.1.0"),
        ("CARIBOU_FUNCTION", &address.function),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let function = clients
        .lambda
        .create_function()
        .function_name(&name)
        .role(account.role_arn("birds", &region))
        .runtime(Runtime::Providedal2023)
        .handler("bootstrap")
        .timeout(10)
        .environment(Environment::builder().set_variables(Some(variables)).build())
        .code(FunctionCode::builder().s3_bucket(&bucket).s3_key("code/birds/parrot.zip").build());
    let function = function.send().await.unwrap();
    // where the deployer puts it
    let sha256 = hex(&STANDARD.decode(function.code_sha256().unwrap()).unwrap());
    let key = format!("{}{sha256}.zip", Account::code("birds"));
    clients.s3.put_object().bucket(&bucket).key(key).body(archive.into()).send().await.unwrap();

    let destination = OnFailure::builder().destination(account.queue_arn(&address)).build();
    let config =
        clients.lambda.put_function_event_invoke_config().function_name(&name).maximum_retry_attempts(1);
    let config = config.destination_config(DestinationConfig::builder().on_failure(destination).build());
    config.send().await.unwrap();
    let mapping = clients.lambda.create_event_source_mapping().function_name(&name);
    let mapping = mapping.event_source_arn(account.queue_arn(&address)).batch_size(10);
    mapping.function_response_types(FunctionResponseType::ReportBatchItemFailures).send().await.unwrap();
    let subscription = clients.sns.subscribe().topic_arn(topic.topic_arn().unwrap()).protocol("lambda");
    let subscription = subscription.endpoint(account.function_arn(&address)).attributes(
        "RedrivePolicy",
        format!(r#"{{"deadLetterTargetArn":"{}"}}"#, account.queue_arn(&address)),
    );
    subscription.return_subscription_arn(true).send().await.unwrap();
    address
}
