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
/// that does not start, or another program, answers otherwise.
pub(super) async fn call(aws: &Aws, id: &Id) -> Result<(), AwsError> {
    ready(aws, id).await?;
    let clients = aws.at(&id.region);
    let answer = insist(aws.clock(), ROLE, role_is_new, || async {
        let invoke = clients.lambda.invoke().function_name(&id.name).payload(Blob::new(NOTHING));
        invoke.send().await.map_err(id.fault("lambda:InvokeFunction"))
    })
    .await?;
    let payload = answer.payload().map(Blob::as_ref).unwrap_or_default();
    judge(answer.function_error(), payload).map_err(|said| AwsError::DoesNotAnswer { id: id.clone(), said })
}

/// Whether this answer is the shim's refusal; what it is otherwise.
fn judge(error: Option<&str>, payload: &[u8]) -> Result<(), String> {
    let Some(error) = error else {
        return Err(
            "it took an event that holds nothing, which a bootstrap of this workflow refuses".to_owned()
        );
    };
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
        let failing = |payload: &str| judge(Some("Unhandled"), payload.as_bytes());
        assert_eq!(failing(refused), Ok(()));
        let failed = r#"{"errorType":"Runtime.ExitError","errorMessage":"exit status 1"}"#;
        assert_eq!(failing(failed), Err("Runtime.ExitError: exit status 1".into()));
        assert_eq!(failing(""), Err("Unhandled".into()));
        assert!(judge(None, refused.as_bytes()).unwrap_err().contains("bootstrap of this workflow"));
    }
}
