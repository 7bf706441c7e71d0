//! What somebody changed by hand is found, and mended.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::TimeToLiveSpecification;
use aws_sdk_lambda::types::Environment;
use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use caribou_control::aws::{Account, Kind};
use caribou_control::deploy::at_home;
use caribou_model::manifest::FunctionUrl;
use caribou_runtime::port::StageAddress;

use crate::desk::Desk;
use crate::workflow::HOME;

const NAME: &str = "press-0_1_0-resize";
const LOGS: &str = "/aws/lambda/press-0_1_0-resize";

struct Hand {
    account: Account,
    address: StageAddress,
    iam: aws_sdk_iam::Client,
    s3: aws_sdk_s3::Client,
    lambda: aws_sdk_lambda::Client,
    sqs: aws_sdk_sqs::Client,
    sns: aws_sdk_sns::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    dynamodb: aws_sdk_dynamodb::Client,
}

impl Hand {
    fn at(desk: &Desk) -> Self {
        let config = desk.config(&HOME);
        let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build();
        Self {
            account: desk.aws.account().clone(),
            address: StageAddress {
                workflow: "press".into(),
                version: "0.1.0".into(),
                function: "resize".into(),
                region: HOME,
            },
            iam: aws_sdk_iam::Client::new(&config),
            s3: aws_sdk_s3::Client::from_conf(s3),
            lambda: aws_sdk_lambda::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            sns: aws_sdk_sns::Client::new(&config),
            logs: aws_sdk_cloudwatchlogs::Client::new(&config),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
        }
    }

    fn queue(&self) -> String {
        self.account.queue_url(&self.address)
    }

    async fn mapping(&self) -> String {
        let list =
            self.lambda.list_event_source_mappings().event_source_arn(self.account.queue_arn(&self.address));
        let found = list.send().await.unwrap();
        assert_eq!(found.event_source_mappings().len(), 1);
        found.event_source_mappings()[0].uuid().unwrap().to_owned()
    }

    async fn subscription(&self) -> String {
        let list = self.sns.list_subscriptions_by_topic().topic_arn(self.account.topic_arn(&self.address));
        let found = list.send().await.unwrap();
        assert_eq!(found.subscriptions().len(), 1);
        found.subscriptions()[0].subscription_arn().unwrap().to_owned()
    }

    /// Changes one thing; what kind of thing it is. `None` behind the last.
    async fn spoil(&self, number: usize) -> Option<Kind> {
        let Self { account, address, iam, s3, lambda, sqs, sns, logs, dynamodb } = self;
        let bucket = account.bucket(&HOME);
        let (topic, queue) = (account.topic_arn(address), self.queue());
        let everything =
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
        let role = "caribou-press";
        let workflow = "caribou:workflow";
        Some(match number {
            0 => {
                iam.put_role_policy()
                    .role_name(role)
                    .policy_name("caribou-0.1.0")
                    .policy_document(everything)
                    .send()
                    .await
                    .unwrap();
                Kind::Role
            }
            1 => {
                iam.put_role_policy()
                    .role_name(role)
                    .policy_name("more")
                    .policy_document(everything)
                    .send()
                    .await
                    .unwrap();
                Kind::Role
            }
            2 => {
                let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;
                iam.update_assume_role_policy().role_name(role).policy_document(trust).send().await.unwrap();
                Kind::Role
            }
            3 => {
                let made = iam
                    .create_policy()
                    .policy_name("by-hand")
                    .policy_document(everything)
                    .send()
                    .await
                    .unwrap();
                let arn = made.policy().unwrap().arn().unwrap();
                iam.attach_role_policy().role_name(role).policy_arn(arn).send().await.unwrap();
                Kind::Role
            }
            4 => {
                iam.untag_role().role_name(role).tag_keys(workflow).send().await.unwrap();
                Kind::Role
            }
            5 => {
                s3.delete_public_access_block().bucket(bucket).send().await.unwrap();
                Kind::Bucket
            }
            6 => {
                s3.delete_bucket_policy().bucket(bucket).send().await.unwrap();
                Kind::Bucket
            }
            7 => {
                s3.delete_bucket_lifecycle().bucket(bucket).send().await.unwrap();
                Kind::Bucket
            }
            8 => {
                let list = s3.list_objects_v2().bucket(&bucket).prefix("code/press/").send().await.unwrap();
                s3.delete_object()
                    .bucket(bucket)
                    .key(list.contents()[0].key().unwrap())
                    .send()
                    .await
                    .unwrap();
                Kind::Code
            }
            9 => {
                let off = TimeToLiveSpecification::builder()
                    .enabled(false)
                    .attribute_name("expires")
                    .build()
                    .unwrap();
                let update = dynamodb.update_time_to_live().table_name("caribou-press");
                update.time_to_live_specification(off).send().await.unwrap();
                Kind::Table
            }
            10 => {
                dynamodb.delete_table().table_name("caribou-press").send().await.unwrap();
                Kind::Table
            }
            11 => {
                logs.delete_retention_policy().log_group_name(LOGS).send().await.unwrap();
                Kind::LogGroup
            }
            12 => {
                logs.delete_log_group().log_group_name(LOGS).send().await.unwrap();
                Kind::LogGroup
            }
            13 => {
                let short = HashMap::from([(Attribute::MessageRetentionPeriod, "60".to_owned())]);
                sqs.set_queue_attributes()
                    .queue_url(format!("{queue}-dead"))
                    .set_attributes(Some(short))
                    .send()
                    .await
                    .unwrap();
                Kind::DeadQueue
            }
            14 => {
                let open = HashMap::from([
                    (Attribute::VisibilityTimeout, "1".to_owned()),
                    (Attribute::Policy, everything.replace("\"Action\"", "\"Principal\":\"*\",\"Action\"")),
                ]);
                sqs.set_queue_attributes().queue_url(queue).set_attributes(Some(open)).send().await.unwrap();
                Kind::Queue
            }
            15 => {
                sqs.untag_queue().queue_url(queue).tag_keys(workflow).send().await.unwrap();
                Kind::Queue
            }
            16 => {
                let open =
                    everything.replace("\"Action\":\"*\"", "\"Principal\":\"*\",\"Action\":\"sns:Publish\"");
                let set = sns
                    .set_topic_attributes()
                    .topic_arn(topic)
                    .attribute_name("Policy")
                    .attribute_value(open);
                set.send().await.unwrap();
                Kind::Topic
            }
            17 => {
                sns.untag_resource().resource_arn(topic).tag_keys(workflow).send().await.unwrap();
                Kind::Topic
            }
            18 => {
                lambda
                    .update_function_configuration()
                    .function_name(NAME)
                    .memory_size(128)
                    .send()
                    .await
                    .unwrap();
                Kind::Function
            }
            19 => {
                let other = Environment::builder().variables("TOKEN", "of-somebody-else").build();
                lambda
                    .update_function_configuration()
                    .function_name(NAME)
                    .environment(other)
                    .send()
                    .await
                    .unwrap();
                Kind::Function
            }
            20 => {
                let key = "code/press/by-hand.zip";
                let put = s3.put_object().bucket(&bucket).key(key).body(b"other code".to_vec().into());
                put.send().await.unwrap();
                lambda
                    .update_function_code()
                    .function_name(NAME)
                    .s3_bucket(bucket)
                    .s3_key(key)
                    .send()
                    .await
                    .unwrap();
                Kind::Function
            }
            21 => {
                let untag = lambda
                    .untag_resource()
                    .resource(account.function_arn(address))
                    .tag_keys("caribou:version");
                untag.send().await.unwrap();
                Kind::Function
            }
            22 => {
                lambda.delete_function_event_invoke_config().function_name(NAME).send().await.unwrap();
                Kind::FailureDestination
            }
            23 => {
                // moto keeps the first that it was given
                lambda.delete_function_event_invoke_config().function_name(NAME).send().await.unwrap();
                let put =
                    lambda.put_function_event_invoke_config().function_name(NAME).maximum_retry_attempts(0);
                put.send().await.unwrap();
                Kind::FailureDestination
            }
            24 => {
                lambda
                    .remove_permission()
                    .function_name(NAME)
                    .statement_id("caribou-topic")
                    .send()
                    .await
                    .unwrap();
                Kind::Permission
            }
            25 => {
                let add = lambda.add_permission().function_name(NAME).statement_id("anybody").principal("*");
                add.action("lambda:InvokeFunction").send().await.unwrap();
                Kind::Permission
            }
            26 => {
                sns.unsubscribe().subscription_arn(self.subscription().await).send().await.unwrap();
                Kind::Subscription
            }
            27 => {
                let set = sns.set_subscription_attributes().subscription_arn(self.subscription().await);
                set.attribute_name("RawMessageDelivery").attribute_value("true").send().await.unwrap();
                Kind::Subscription
            }
            28 => {
                lambda
                    .update_event_source_mapping()
                    .uuid(self.mapping().await)
                    .batch_size(1)
                    .send()
                    .await
                    .unwrap();
                Kind::Mapping
            }
            29 => {
                lambda.delete_event_source_mapping().uuid(self.mapping().await).send().await.unwrap();
                Kind::Mapping
            }
            30 => {
                lambda.delete_function_url_config().function_name(NAME).send().await.unwrap();
                Kind::FunctionUrl
            }
            31 => {
                lambda
                    .remove_permission()
                    .function_name(NAME)
                    .statement_id("caribou-url")
                    .send()
                    .await
                    .unwrap();
                Kind::FunctionUrl
            }
            _ => return None,
        })
    }
}

#[tokio::test]
async fn whatever_is_changed_by_hand_is_found_by_its_kind_and_mended() {
    let Some(mut desk) = Desk::new().await else { return };
    desk.deployed.manifest.aws.function_url = FunctionUrl::Public;
    let needs = at_home(&desk.deployed.graph, &HOME);
    let deployer = desk.deployer();
    deployer.bring(&needs, &mut |_| ()).await.unwrap();
    let hand = Hand::at(&desk);
    let mut kinds = Vec::new();
    for number in 0.. {
        let Some(kind) = hand.spoil(number).await else { break };
        let drift = deployer.difference(&needs).await.unwrap();
        let found: Vec<Kind> = drift.to_do().map(|change| change.id.kind).collect();
        assert_eq!(found, [kind], "{number}: {drift}");
        let shown = format!("{drift}{}", serde_json::to_string(&drift).unwrap());
        assert!(!shown.contains("do-not-show-me") && !shown.contains("of-somebody-else"), "{shown}");
        deployer.bring(&needs, &mut |_| ()).await.unwrap();
        let rest = deployer.difference(&needs).await.unwrap();
        assert!(rest.is_empty(), "{number}: {rest}");
        kinds.push(kind);
    }
    kinds.dedup();
    let all = [
        Kind::Role,
        Kind::Bucket,
        Kind::Code,
        Kind::Table,
        Kind::LogGroup,
        Kind::DeadQueue,
        Kind::Queue,
        Kind::Topic,
        Kind::Function,
        Kind::FailureDestination,
        Kind::Permission,
        Kind::Subscription,
        Kind::Mapping,
        Kind::FunctionUrl,
    ];
    assert_eq!(kinds, all, "each kind of resource drifts");
}

#[tokio::test]
async fn functions_and_topics_that_were_removed_by_hand_come_back() {
    let Some(desk) = Desk::new().await else { return };
    let needs = at_home(&desk.deployed.graph, &HOME);
    let deployer = desk.deployer();
    deployer.bring(&needs, &mut |_| ()).await.unwrap();
    let hand = Hand::at(&desk);
    hand.lambda.delete_function().function_name(NAME).send().await.unwrap();
    hand.sns.delete_topic().topic_arn(hand.account.topic_arn(&hand.address)).send().await.unwrap();
    hand.sqs.delete_queue().queue_url(hand.queue()).send().await.unwrap();
    assert!(!deployer.difference(&needs).await.unwrap().is_empty());
    deployer.bring(&needs, &mut |_| ()).await.unwrap();
    let rest = deployer.difference(&needs).await.unwrap();
    assert!(rest.is_empty(), "{rest}");
}

#[tokio::test]
async fn a_url_that_is_not_wanted_any_more_goes() {
    let Some(mut desk) = Desk::new().await else { return };
    let needs = at_home(&desk.deployed.graph, &HOME);
    for (who, authentication) in [
        (FunctionUrl::Iam, Some("AWS_IAM")),
        (FunctionUrl::Public, Some("NONE")),
        (FunctionUrl::Iam, Some("AWS_IAM")),
        (FunctionUrl::None, None),
    ] {
        desk.deployed.manifest.aws.function_url = who;
        desk.deployer().bring(&needs, &mut |_| ()).await.unwrap();
        let rest = desk.deployer().difference(&needs).await.unwrap();
        assert!(rest.is_empty(), "{who:?}: {rest}");
        let url = Hand::at(&desk).lambda.get_function_url_config().function_name(NAME).send().await.ok();
        assert_eq!(url.as_ref().map(|url| url.auth_type().as_str()), authentication);
    }
}
