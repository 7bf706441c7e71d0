//! Calls a function to see that it can work.

use aws_sdk_lambda::primitives::Blob;
use serde_json::Value;

use super::connection::Aws;
use super::error::AwsError;
use super::patience::{ROLE, insist, role_is_new};
use super::resource::Id;
use super::resource::function::ready;

/// An event that looks like those of SNS and SQS and holds nothing. The shim refuses it before it touches the store.
const NOTHING: &str = r#"{"Records":[]}"#;
/// How the shim calls a refusal.
const REFUSED: &str = caribou_runtime::lambda::REFUSED;

/// Calls a function with an event that holds nothing, once the function is ready. A bootstrap that started refuses it; one
/// that does not start, or another program, answers otherwise. (moto answers with a text of its own and no error.)
pub(super) async fn call(aws: &Aws, id: &Id) -> Result<(), AwsError> {
    ready(aws, id).await?;
    let clients = aws.at(&id.region);
    let answer = insist(aws.clock(), ROLE, role_is_new, || async {
        let invoke = clients.lambda.invoke().function_name(&id.name).payload(Blob::new(NOTHING));
        invoke.send().await.map_err(id.fault("lambda:InvokeFunction"))
    })
    .await?;
    let Some(error) = answer.function_error() else { return Ok(()) };
    let payload = answer.payload().map(Blob::as_ref).unwrap_or_default();
    judge(error, payload).map_err(|said| AwsError::DoesNotAnswer { id: id.clone(), said })
}

/// Whether this error is the shim's refusal; what it is otherwise.
fn judge(error: &str, payload: &[u8]) -> Result<(), String> {
    let answer: Value = serde_json::from_slice(payload).unwrap_or_default();
    match (answer["errorType"].as_str(), answer["errorMessage"].as_str()) {
        (Some(REFUSED), _) => Ok(()),
        (Some(kind), Some(message)) => Err(format!("{kind}: {message}")),
        (Some(text), None) | (None, Some(text)) => Err(text.to_owned()),
        (None, None) => Err(error.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_an_answer_and_a_failed_start_is_none() {
        let refused = r#"{"errorType":"caribou.Refused","errorMessage":"the event cannot be read"}"#;
        assert_eq!(judge("Unhandled", refused.as_bytes()), Ok(()));
        let failed = r#"{"errorType":"Runtime.ExitError","errorMessage":"exit status 1"}"#;
        assert_eq!(judge("Unhandled", failed.as_bytes()), Err("Runtime.ExitError: exit status 1".into()));
        assert_eq!(judge("Unhandled", b""), Err("Unhandled".into()));
    }
}
