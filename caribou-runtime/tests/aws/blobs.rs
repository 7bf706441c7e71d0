//! Blobs over real connections.

use bytes::Bytes;
use caribou_runtime::aws;
use caribou_runtime::model::{Region, Timestamp};
use caribou_runtime::port::{BlobError, Blobs};

use crate::dynamodb::config;
use crate::wire::{Answer, Wire};

const HOME: Region = Region::aws("us-east-1");
const NEVER: Timestamp = Timestamp::from_millis(u64::MAX);

fn blobs(wire: &Wire) -> std::sync::Arc<dyn Blobs> {
    aws::ports("123456789012".parse().unwrap(), &config(&wire.endpoint)).blobs
}

fn refusal(code: &str) -> String {
    format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>No.</Message></Error>")
}

#[tokio::test]
async fn a_blob_is_put_and_fetched_under_its_own_path_with_a_signature() {
    let wire = Wire::start(None, |asked| match asked.action().as_str() {
        "GET" => Answer::Whole(200, "application/octet-stream", vec![7; 3_000_000]),
        _ => Answer::xml(200, ""),
    })
    .await;
    let blobs = blobs(&wire);
    blobs.put(&HOME, "press/r 1/3.17/1/ä", Bytes::from_static(b"content"), NEVER).await.unwrap();
    assert_eq!(blobs.get(&HOME, "press/r-1/input").await.unwrap(), vec![7; 3_000_000]);
    let asked = wire.take();
    let path = "/caribou-123456789012-us-east-1/blobs/press/r%201/3.17/1/%C3%A4";
    assert_eq!(asked[0].line, format!("PUT {path} HTTP/1.1"));
    assert_eq!(asked[0].body, b"content");
    // On plain HTTP the body is hashed: SHA-256 of `content`.
    let hash = "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73";
    assert_eq!(asked[0].header("x-amz-content-sha256"), hash);
    let authorization = asked[0].header("authorization");
    assert!(authorization.contains("/us-east-1/s3/aws4_request"), "{authorization}");
    assert!(authorization.contains("SignedHeaders=host;x-amz-content-sha256;x-amz-date"), "{authorization}");
    assert_eq!(asked[1].line, "GET /caribou-123456789012-us-east-1/blobs/press/r-1/input HTTP/1.1");
}

#[tokio::test]
async fn a_blob_that_is_not_there_is_missing_and_a_bucket_that_is_not_there_is_told() {
    let wire = Wire::answering(Answer::xml(404, &refusal("NoSuchKey"))).await;
    let missing = blobs(&wire).get(&HOME, "press/r/input").await.unwrap_err();
    assert_eq!(missing, BlobError::Missing { region: HOME, key: "press/r/input".into() });
    assert_eq!(wire.take().len(), 1);
    for (status, code, remedy) in [
        (404, "NoSuchBucket", "no bucket here"),
        (403, "AccessDenied", "`s3:GetObject`, and `s3:ListBucket`"),
    ] {
        let wire = Wire::answering(Answer::xml(status, &refusal(code))).await;
        let error = blobs(&wire).get(&HOME, "press/r/input").await.unwrap_err().to_string();
        assert!(error.contains(code) && error.contains(remedy) && error.contains("aws:us-east-1"), "{error}");
        assert_eq!(wire.take().len(), 1, "what is refused stays refused");
    }
}

#[tokio::test]
async fn what_fails_within_is_asked_again() {
    for failing in [Answer::xml(503, &refusal("SlowDown")), Answer::xml(500, ""), Answer::HangUp] {
        let count = std::sync::atomic::AtomicUsize::new(0);
        let wire =
            Wire::start(None, move |_| match count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                0 | 1 => failing.clone(),
                _ => Answer::Whole(200, "application/octet-stream", b"here".to_vec()),
            })
            .await;
        assert_eq!(blobs(&wire).get(&HOME, "press/r/input").await.unwrap(), "here");
        assert_eq!(wire.take().len(), 3);
    }
    let wire = Wire::answering(Answer::xml(503, &refusal("SlowDown"))).await;
    let error = blobs(&wire).put(&HOME, "press/r/input", Bytes::new(), NEVER).await.unwrap_err();
    assert!(matches!(error, BlobError::Unreachable { .. }));
    assert_eq!(wire.take().len(), 3);
}
