//! The bridge plays its parts of AWS as AWS does.

use std::time::Duration;

use caribou_local::Faults;
use caribou_model::Region;
use caribou_runtime::aws::Account;
use caribou_runtime::local::http::{Ask, Http};
use caribou_runtime::port::StageAddress;
use caribou_test_aws::front::{Outage, since};
use caribou_test_aws::{ACCOUNT, Clients, Machine};
use http::Method;
use serde_json::Value;

use crate::by_hand::deploy;

const WEST: Region = Region::aws("us-west-2");
const PATIENCE: Duration = Duration::from_mins(1);

/// A parrot in the west, and the clients of who deployed it through the front.
async fn parrot() -> Option<(Machine, Clients, StageAddress)> {
    let machine = Machine::start().await.unwrap()?;
    let clients = Clients::new(machine.front.endpoint(), &WEST, "DEPLOYER");
    let address = deploy(&clients, "parrot", WEST).await;
    Some((machine, clients, address))
}

fn account() -> Account {
    ACCOUNT.parse().unwrap()
}

/// The events that the parrot has seen.
async fn events(machine: &Machine, parrot: &StageAddress) -> Vec<Value> {
    let log = machine.control.logs(parrot, 1 << 20).await.unwrap();
    log.lines()
        .filter_map(|line| line.split_once("EVENT ").map(|(_, event)| serde_json::from_str(event).unwrap()))
        .collect()
}

async fn publish(clients: &Clients, to: &StageAddress, message: &str) -> String {
    let published = clients.sns.publish().topic_arn(account().topic_arn(to)).message(message).send().await;
    published.unwrap().message_id().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_reaches_the_function_as_sns_tells_it() {
    let Some((machine, clients, parrot)) = parrot().await else { return };
    let text = "one \"quoted\" \u{1F99C}";
    let id = publish(&clients, &parrot, text).await;
    machine.settled(PATIENCE).await.unwrap();
    let events = events(&machine, &parrot).await;
    assert_eq!(events.len(), 1, "{events:?}");
    let record = &events[0]["Records"][0];
    assert_eq!(record["EventSource"], "aws:sns");
    assert_eq!(record["Sns"]["Message"], text);
    assert_eq!(record["Sns"]["MessageId"], id);
    assert_eq!(record["Sns"]["TopicArn"], account().topic_arn(&parrot));
    assert!(record["EventSubscriptionArn"].as_str().unwrap().starts_with(&account().topic_arn(&parrot)));
    assert!(machine.bridge.lost().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_fails_goes_to_the_failure_destination_and_from_there_to_the_function() {
    let Some((machine, clients, parrot)) = parrot().await else { return };
    publish(&clients, &parrot, "fail").await;
    machine.settled(PATIENCE).await.unwrap();
    let events = events(&machine, &parrot).await;
    // one retry, as the invoke config says; then the notice out of the queue
    assert_eq!(events.len(), 3, "{events:?}");
    let record = &events[2]["Records"][0];
    assert_eq!(record["eventSourceARN"], account().queue_arn(&parrot));
    let notice: Value = serde_json::from_str(record["body"].as_str().unwrap()).unwrap();
    assert_eq!(notice["requestPayload"], events[0]);
    assert_eq!(notice["requestContext"]["approximateInvokeCount"], 2);
    assert_eq!(notice["responsePayload"]["errorType"], "NoLuck");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_batch_only_those_stay_in_the_queue_that_the_function_names_and_those_die_in_the_end() {
    let Some((machine, clients, parrot)) = parrot().await else { return };
    let queue = account().queue_url(&parrot);
    for body in ["go", "stay", "go"] {
        clients.sqs.send_message().queue_url(&queue).message_body(body).send().await.unwrap();
    }
    machine.settled(PATIENCE).await.unwrap();
    let events = events(&machine, &parrot).await;
    let records = events.iter().flat_map(|event| event["Records"].as_array().unwrap());
    let mut bodies: Vec<&str> = records.map(|record| record["body"].as_str().unwrap()).collect();
    bodies.sort_unstable();
    assert_eq!(bodies, ["go", "go", "stay", "stay", "stay"], "{events:?}");
    let dead = format!("{queue}-dead");
    let dead = clients.sqs.receive_message().queue_url(dead).send().await.unwrap();
    assert_eq!(dead.messages().len(), 1);
    assert_eq!(dead.messages()[0].body(), Some("stay"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_for_later_comes_later_with_its_attributes() {
    let Some((machine, clients, parrot)) = parrot().await else { return };
    let attribute =
        aws_sdk_sqs::types::MessageAttributeValue::builder().data_type("Number").string_value("7");
    let queue = account().queue_url(&parrot);
    let sent = clients.sqs.send_message().queue_url(&queue).message_body("later").delay_seconds(1);
    sent.message_attributes("lucky", attribute.build().unwrap()).send().await.unwrap();
    assert_eq!(machine.bridge.queued().await.unwrap(), 1);
    machine.settled(PATIENCE).await.unwrap();
    let events = events(&machine, &parrot).await;
    assert_eq!(events.len(), 1, "{events:?}");
    let record = &events[0]["Records"][0];
    let waited = |name: &str| record["attributes"][name].as_str().unwrap().parse::<u64>().unwrap();
    assert!(waited("ApproximateFirstReceiveTimestamp") >= waited("SentTimestamp") + 1000, "{record}");
    assert_eq!(record["messageAttributes"]["lucky"]["stringValue"], "7");
    assert_eq!(record["messageAttributes"]["lucky"]["dataType"], "Number");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_url_passes_a_request_and_its_answer_through() {
    let Some((machine, _, parrot)) = parrot().await else { return };
    let url = machine.bridge.url(&WEST, &parrot.deployed_name());
    let (server, path) = url.split_at(url.find("/urls").unwrap());
    let answer = Http::new(server).ask(Ask::new(Method::POST, path).body("hello")).await.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (202, &b"hello"[..]));
    assert_eq!(answer.headers["x-parrot"], "yes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_region_that_is_down_refuses_and_duplicates_and_delays_come_when_they_are_asked_for() {
    let Some((machine, clients, parrot)) = parrot().await else { return };
    machine.set_down(&[(WEST, Outage::Refuses)], Faults::default()).await.unwrap();
    let before = machine.front.counts();
    let refused = clients.sns.publish().topic_arn(account().topic_arn(&parrot)).message("no").send().await;
    let code = refused.unwrap_err();
    assert!(format!("{code:?}").contains("UnrecognizedClientException"), "{code:?}");
    assert!(since(&before, &machine.front.counts()).is_empty());

    let faults = Faults { duplicate: 1.0, ..Faults::default() };
    machine.set_down(&[], faults).await.unwrap();
    machine.bridge.set_delay(Duration::from_millis(200));
    publish(&clients, &parrot, "yes").await;
    let counted = since(&before, &machine.front.counts());
    let counted: Vec<_> =
        counted.iter().map(|(request, count)| (request.operation.as_str(), *count)).collect();
    assert_eq!(counted, [("Publish", 1)]);
    while events(&machine, &parrot).await.len() < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    machine.settled(PATIENCE).await.unwrap();
    let events = events(&machine, &parrot).await;
    assert_eq!(events.len(), 2, "{events:?}");
    assert_eq!(events[0], events[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_census_finds_every_kind_and_nothing_of_the_bridges_own() {
    let Some((machine, clients, parrot)) = parrot().await else { return };
    let name = parrot.deployed_name();
    clients.logs.create_log_group().log_group_name(Account::log_group(&parrot)).send().await.unwrap();
    let census = machine.census().await.unwrap();
    let kinds: Vec<&str> = census.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert_eq!(
        kinds,
        ["bucket", "role", "function", "log", "mapping", "queue", "queue", "subscription", "topic"],
        "{census:?}"
    );
    assert!(census.contains(&format!("aws:us-west-2 function {name}")), "{census:?}");
}
