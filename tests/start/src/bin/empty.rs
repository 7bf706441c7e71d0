//! The least that a Lambda function in Rust can be: `lambda_runtime` and a handler that returns what it is given.

use lambda_runtime::{Error, LambdaEvent, service_fn};

async fn handle(event: LambdaEvent<serde_json::Value>) -> Result<serde_json::Value, Error> {
    Ok(event.payload)
}

fn main() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(lambda_runtime::run(service_fn(handle)))
}
