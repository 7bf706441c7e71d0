//! A Lambda function that knows nothing of Caribou, for tests of the bridge: it does what its event says, and answers it.

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_runtime::run(service_fn(parrot)).await
}

async fn parrot(event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    println!("EVENT {}", event.payload);
    let records = event.payload["Records"].as_array().cloned().unwrap_or_default();
    if records.iter().any(|record| record["Sns"]["Message"] == "fail") {
        return Err(Diagnostic { error_type: "NoLuck".into(), error_message: "it is raining".into() });
    }
    if event.payload["rawPath"].is_string() {
        return Ok(json!({"statusCode": 202, "headers": {"x-parrot": "yes"}, "body": event.payload["body"]}));
    }
    let stay = records.iter().filter(|record| record["body"] == "stay");
    let stay: Vec<_> = stay.map(|record| json!({"itemIdentifier": record["messageId"]})).collect();
    Ok(json!({ "batchItemFailures": stay }))
}
