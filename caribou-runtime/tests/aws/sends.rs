//! Which sends certainly were not accepted, told apart over real connections.

use std::time::Duration;

use caribou_runtime::aws::{self, SdkConfig};
use caribou_runtime::local::SystemClock;
use caribou_runtime::model::{Region, Timestamp};
use caribou_runtime::port::{Clock as _, SendError, StageAddress};

use crate::dynamodb::config;
use crate::wire::{Answer, Wire};

fn to() -> StageAddress {
    StageAddress {
        workflow: "press".into(),
        version: "0.1.0".into(),
        function: "resize".into(),
        region: Region::aws("ca-central-1"),
    }
}

async fn send_with(config: &SdkConfig, body: &str, not_before: Option<Timestamp>) -> Result<(), SendError> {
    let ports = aws::ports("123456789012".parse().unwrap(), config);
    ports.transport.send(&to(), body, not_before).await
}

async fn send(endpoint: &str) -> Result<(), SendError> {
    send_with(&config(endpoint), "{}", None).await
}

#[track_caller]
fn not_accepted(sent: Result<(), SendError>) -> String {
    match sent {
        Err(SendError::NotAccepted { cause, .. }) => cause,
        other => panic!("it is certain, and yet: {other:?}"),
    }
}

#[track_caller]
fn refused(sent: Result<(), SendError>) -> String {
    match sent {
        Err(SendError::Refused { cause, .. }) => cause,
        other => panic!("it was refused, and yet: {other:?}"),
    }
}

#[track_caller]
fn unsendable(sent: Result<(), SendError>) -> String {
    match sent {
        Err(SendError::Unsendable { cause }) => cause,
        other => panic!("nobody takes it, and yet: {other:?}"),
    }
}

#[track_caller]
fn ambiguous(sent: Result<(), SendError>) -> String {
    match sent {
        Err(SendError::Ambiguous { cause, .. }) => cause,
        other => panic!("nobody knows, and yet: {other:?}"),
    }
}

fn refusal(code: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>No.</Message></Error></ErrorResponse>"
    )
}

#[tokio::test]
async fn without_a_connection_nothing_was_accepted() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let cause = not_accepted(send(&endpoint).await);
    assert!(cause.contains("sns:Publish was not sent") && cause.contains("VPC"), "{cause}");
    let cause = not_accepted(send("http://nowhere.invalid").await);
    assert!(cause.contains("dns"), "{cause}");
}

#[tokio::test]
async fn without_tls_nothing_was_accepted() {
    // It speaks no TLS.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let plain = format!("https://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    let cause = not_accepted(send(&plain).await);
    assert!(cause.contains("TLS") || cause.contains("corrupt"), "{cause}");
    server.join().unwrap();
}

#[tokio::test]
async fn without_credentials_nothing_was_accepted() {
    let wire = Wire::answering(Answer::published()).await;
    let config = SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(
            aws_credential_types::credential_fn::provide_credentials_fn(|| async {
                Err(aws_credential_types::provider::error::CredentialsError::not_loaded("there are none"))
            }),
        ))
        .endpoint_url(&wire.endpoint)
        .build();
    let cause = not_accepted(send_with(&config, "{}", None).await);
    assert!(cause.contains("AWS_ACCESS_KEY_ID"), "{cause}");
    assert!(wire.take().is_empty());
}

#[tokio::test]
async fn what_is_refused_until_somebody_changes_something_tells_what_to_do() {
    let cases = [
        (404, "NotFound", "caribou deploy"),
        (403, "AuthorizationError", "permission `sns:Publish`"),
        (403, "ExpiredToken", "credentials have expired"),
        (403, "InvalidClientTokenId", "region is enabled"),
        (400, "InvalidParameter", "deploy the workflow again"),
    ];
    for (status, code, remedy) in cases {
        let wire = Wire::answering(Answer::xml(status, &refusal(code))).await;
        let error = send(&wire.endpoint).await;
        let text = error.clone().unwrap_err().to_string();
        assert!(text.contains("aws:ca-central-1") && text.contains("sns:Publish"), "{text}");
        let cause = refused(error);
        assert!(cause.contains(code) && cause.contains(remedy), "{cause}");
        assert_eq!(wire.take().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn what_is_too_much_at_a_time_is_told_apart_and_waiting_is_left_to_the_caller() {
    let wire = Wire::answering(Answer::xml(429, &refusal("Throttled"))).await;
    let sent = send(&wire.endpoint).await;
    let Err(SendError::Busy { cause, .. }) = sent else { panic!("{sent:?}") };
    assert!(cause.contains("a higher quota of sns"), "{cause}");
    assert_eq!(wire.take().len(), 1);
}

#[tokio::test]
async fn an_answer_that_tells_of_a_failure_within_leaves_a_doubt() {
    for status in [500, 503, 408] {
        let wire = Wire::answering(Answer::xml(status, &refusal("InternalFailure"))).await;
        ambiguous(send(&wire.endpoint).await);
        assert_eq!(wire.take().len(), 1, "a send is made once");
    }
    let wire = Wire::answering(Answer::xml(200, "this is no answer of SNS")).await;
    ambiguous(send(&wire.endpoint).await);
}

#[tokio::test]
async fn a_connection_that_ends_after_the_request_leaves_a_doubt() {
    let wire = Wire::answering(Answer::HangUp).await;
    let cause = ambiguous(send(&wire.endpoint).await);
    assert!(cause.contains("was not answered"), "{cause}");
}

#[tokio::test]
async fn a_server_that_never_answers_leaves_a_doubt() {
    let wire = Wire::answering(Answer::Silence).await;
    let cause = ambiguous(send(&wire.endpoint).await);
    assert!(cause.contains("timeout"), "{cause}");
}

#[tokio::test]
async fn a_message_goes_to_the_topic_of_its_receiver_as_it_is() {
    let wire = Wire::answering(Answer::published()).await;
    send_with(&config(&wire.endpoint), "{\"text\":\"a + b & ä\"}", None).await.unwrap();
    send_with(&config(&wire.endpoint), "a\u{FFFE}b", Some(Timestamp::from_millis(1))).await.unwrap();
    let asked = wire.take();
    assert_eq!(asked[0].action(), "Publish");
    assert_eq!(asked[0].parameter("TopicArn"), "arn:aws:sns:ca-central-1:123456789012:press-0_1_0-resize");
    assert!(asked[0].header("authorization").contains("/ca-central-1/sns/"), "{asked:?}");
    assert_eq!(asked[0].parameter("Message"), "{\"text\":\"a + b & ä\"}");
    assert!(asked[1].parameter("Message").is_ascii(), "{asked:?}");
}

#[tokio::test]
async fn a_message_that_is_too_large_as_it_is_sent_is_not_sent() {
    let wire = Wire::answering(Answer::published()).await;
    let config = config(&wire.endpoint);
    let largest = "x".repeat(256 * 1024);
    send_with(&config, &largest, None).await.unwrap();
    assert_eq!(wire.take().len(), 1);
    let cause = unsendable(send_with(&config, &format!("{largest}x"), None).await);
    assert!(cause.contains("262145 bytes") && cause.contains("SNS takes 262144"), "{cause}");
    // In base64 it is a third larger.
    let packed = format!("\u{FFFE}{}", "x".repeat(200 * 1024));
    unsendable(send_with(&config, &packed, None).await);
    assert!(wire.take().is_empty());
}

#[tokio::test]
async fn what_is_to_come_later_waits_in_the_queue_of_its_receiver() {
    let body = r#"{"MessageId":"m","MD5OfMessageBody":"5d41402abc4b2a76b9719d911017c592"}"#;
    let wire = Wire::answering(Answer::Whole(200, "application/x-amz-json-1.0", body.into())).await;
    for (wait, delay) in [(Duration::from_millis(1_200), 2), (Duration::from_hours(2), 900)] {
        let instant = SystemClock.now().plus(wait);
        send_with(&config(&wire.endpoint), "hello", Some(instant)).await.unwrap();
        let [asked] = <[_; 1]>::try_from(wire.take()).unwrap();
        assert_eq!(asked.action(), "SendMessage");
        let message: serde_json::Value = serde_json::from_slice(&asked.body).unwrap();
        let url = message["QueueUrl"].as_str().unwrap();
        assert!(url.ends_with("/123456789012/press-0_1_0-resize"), "{url}");
        assert!(
            delay == 900 && message["DelaySeconds"] == 900 || message["DelaySeconds"].as_u64() <= Some(delay)
        );
        assert!(message["DelaySeconds"].as_u64() >= Some(1), "{message}");
        let attribute = &message["MessageAttributes"]["caribou-not-before"]["StringValue"];
        assert_eq!(*attribute, instant.as_millis().to_string());
    }
}
