//! DynamoDB in this process, behind its HTTP interface; and the contract of the store against it.

use caribou_runtime::aws::{self, SdkConfig};
use caribou_runtime::model::Region;
use caribou_runtime::port::Ports;
use dynoxide::Database;

/// A DynamoDB with the table of a workflow.
pub(crate) struct DynamoDb {
    pub(crate) endpoint: String,
}

impl DynamoDb {
    pub(crate) async fn start(workflow: &str) -> Self {
        let database = Database::memory().unwrap();
        let request = serde_json::json!({
            "TableName": format!("caribou-{workflow}"),
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [
                { "AttributeName": "group", "KeyType": "HASH" },
                { "AttributeName": "name", "KeyType": "RANGE" },
            ],
            "AttributeDefinitions": [
                { "AttributeName": "group", "AttributeType": "S" },
                { "AttributeName": "name", "AttributeType": "S" },
            ],
        });
        database.create_table(serde_json::from_value(request).unwrap()).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(dynoxide::server::serve_on(listener, database));
        Self { endpoint }
    }

    pub(crate) fn ports(&self) -> Ports {
        aws::ports("123456789012".parse().unwrap(), &config(&self.endpoint))
    }
}

/// The configuration of a caller of an endpoint on this machine.
pub(crate) fn config(endpoint: &str) -> SdkConfig {
    let credentials = aws_credential_types::Credentials::for_tests();
    SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .build()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_keeps_its_contract_on_dynamodb() {
    let dynamodb = DynamoDb::start("w").await;
    crate::contract::holds(dynamodb.ports()).await;
    let page =
        dynamodb.ports().store.list(&Region::aws("us-east-1"), "w/claim/big/", None, 100).await.unwrap();
    assert!((1..=4).contains(&page.items.len()) && page.next.is_some(), "a page ends after about 1 MB");
}

#[test]
fn the_store_keeps_its_contract_in_memory() {
    let mut checked = std::pin::pin!(crate::contract::holds(caribou_runtime::memory::World::new(1).ports()));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    while checked.as_mut().poll(&mut context).is_pending() {}
}
