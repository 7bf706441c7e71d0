//! A Lambda function that knows nothing of Caribou: it does what its event says, and answers it.

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_runtime::run(service_fn(parrot)).await
}

async fn parrot(event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    match event.payload["do"].as_str() {
        Some("fail") => {
            Err(Diagnostic { error_type: "NoLuck".into(), error_message: "it is raining".into() })
        }
        Some("exit") => std::process::exit(3),
        Some("wait") => std::future::pending().await,
        Some("environment") => {
            Ok(json!(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect::<Vec<_>>()))
        }
        _ => Ok(event.payload),
    }
}
