//! [`Blobs`] on S3, with two requests: PUT and GET.
//!
//! The SDK of S3 would make a bootstrap 1.1 MB larger, so these are signed here. Over TLS the body is not hashed as well:
//! what TLS protects already would cost a small function 40 ms for each MB. Elsewhere, as on one machine, it is.
//!
//! When a blob may be removed is not told to S3: a rule of the bucket removes all of them when no run needs them any more.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use bytes::{Bytes, BytesMut};
use caribou_model::{Region, Timestamp};
use http::Method;

use super::Adapter;
use super::connection::is_unconnected;
use super::failure::{Failure, Kind};
use crate::backoff::Backoff;
use crate::port::{BlobError, Blobs};

/// How often a request is made.
const TRIES: u32 = 3;
/// The wait before the second of these; the next is four times as long.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How long the first byte of an answer may take, and each further part of it.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long each MB of a blob may take on its way out, besides.
const MB_WITHIN: Duration = Duration::from_secs(2);
/// The header that says whose the bucket has to be.
const EXPECTED_OWNER: &str = "x-amz-expected-bucket-owner";
/// The longest answer that is read of a refusal, in bytes.
const LONGEST_REFUSAL: usize = 64 * 1024;

/// Why a blob is not to be had.
enum Unanswered {
    Missing,
    Failed(Failure),
}

#[async_trait]
impl Blobs for Adapter {
    async fn put(
        &self,
        region: &Region,
        key: &str,
        content: Bytes,
        _expires: Timestamp,
    ) -> Result<(), BlobError> {
        self.ask(region, key, Method::PUT, content).await.map(drop)
    }

    async fn get(&self, region: &Region, key: &str) -> Result<Bytes, BlobError> {
        self.ask(region, key, Method::GET, Bytes::new()).await
    }
}

impl Adapter {
    /// Makes a request until there is an answer that another would not change.
    async fn ask(
        &self,
        region: &Region,
        key: &str,
        method: Method,
        content: Bytes,
    ) -> Result<Bytes, BlobError> {
        let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT, 4, key);
        loop {
            let failure = match self.ask_once(region, key, &method, content.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(Unanswered::Missing) => {
                    return Err(BlobError::Missing { region: region.clone(), key: key.to_owned() });
                }
                Err(Unanswered::Failed(failure)) => failure,
            };
            let passes = matches!(failure.kind, Kind::NotSent | Kind::Throttled | Kind::Doubtful);
            if !passes || backoff.tries() + 1 >= TRIES {
                return Err(failure.of_blob(region, key));
            }
            tokio::time::sleep(backoff.wait()).await;
        }
    }

    async fn ask_once(
        &self,
        region: &Region,
        key: &str,
        method: &Method,
        content: Bytes,
    ) -> Result<Bytes, Unanswered> {
        let action = if *method == Method::PUT { "s3:PutObject" } else { "s3:GetObject" };
        let failed = |failure| Err(Unanswered::Failed(failure));
        let megabytes = u32::try_from(content.len() / 1_000_000).unwrap_or(u32::MAX);
        let within = ANSWER_WITHIN.saturating_add(MB_WITHIN.saturating_mul(megabytes));
        let request = match self.signed(region, key, method, content).await {
            Ok(request) => request,
            Err(cause) => return failed(Failure::without_credentials(action, &cause)),
        };
        let response = match tokio::time::timeout(within, self.access.connector().call(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                return failed(Failure::of_unanswered(action, is_unconnected(&error), &error));
            }
            Err(late) => return failed(Failure::of_unanswered(action, false, &late)),
        };
        let status = response.status().as_u16();
        let accepted = (200..300).contains(&status);
        let most = if accepted { usize::MAX } else { LONGEST_REFUSAL };
        let body = match collect(response.into_body(), most).await {
            Ok(body) => body,
            Err(error) => return failed(Failure::of_unanswered(action, false, &error)),
        };
        if accepted {
            return Ok(body);
        }
        let said = String::from_utf8_lossy(&body);
        let (code, message) = (element(&said, "Code"), element(&said, "Message"));
        if status == 404 && *method == Method::GET && matches!(code, "NoSuchKey" | "") {
            return Err(Unanswered::Missing);
        }
        failed(Failure::of_answer(action, status, code, message))
    }

    /// A request with the signature of the caller.
    async fn signed(
        &self,
        region: &Region,
        key: &str,
        method: &Method,
        content: Bytes,
    ) -> Result<HttpRequest, String> {
        let identity = self.access.credentials().await?.into();
        let url =
            format!("{}/blobs/{}", self.access.bucket_url(&self.account.bucket(region), region), path(key));
        let mut settings = SigningSettings::default();
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(region.code())
            .name("s3")
            .time(SystemTime::now())
            .settings(settings)
            .build();
        let parameters = parameters.map_err(|error| error.to_string())?.into();
        let body = if url.starts_with("https:") {
            SignableBody::UnsignedPayload
        } else {
            SignableBody::Bytes(&content)
        };
        // A bucket of this name that is not the account's own gets nothing.
        let owner = (EXPECTED_OWNER, self.account.as_str());
        let signable = SignableRequest::new(method.as_str(), &url, std::iter::once(owner), body);
        let signed = sign(signable.map_err(|error| error.to_string())?, &parameters);
        let (instructions, _) = signed.map_err(|error| error.to_string())?.into_parts();
        let request =
            http::Request::builder().method(method).uri(&url).header(EXPECTED_OWNER, self.account.as_str());
        let request = request.body(SdkBody::from(content));
        let mut request = request.map_err(|error| error.to_string())?;
        instructions.apply_to_request_http1x(&mut request);
        HttpRequest::try_from(request).map_err(|error| error.to_string())
    }
}

/// The body of an answer, as long as parts of it come in time.
async fn collect(body: SdkBody, most: usize) -> Result<Bytes, ConnectorError> {
    let mut stream = ByteStream::new(body);
    let mut whole = BytesMut::new();
    loop {
        let next = tokio::time::timeout(ANSWER_WITHIN, stream.next()).await;
        match next.map_err(|late| ConnectorError::timeout(late.into()))? {
            Some(part) => {
                let part = part.map_err(|error| ConnectorError::io(error.into()))?;
                if whole.is_empty() && stream.size_hint().1 == Some(0) {
                    return Ok(part);
                }
                whole.extend_from_slice(&part);
                if whole.len() >= most {
                    return Ok(whole.freeze());
                }
            }
            None => return Ok(whole.freeze()),
        }
    }
}

/// A key as a path: everything but letters, digits, `-`, `_`, `.`, `~` and `/` becomes `%XX`.
fn path(key: &str) -> String {
    let mut path = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
    }
    path
}

/// The text of an element of a refusal, as S3 writes it.
fn element<'t>(xml: &'t str, name: &str) -> &'t str {
    let found = xml.split_once(&format!("<{name}>")).and_then(|(_, behind)| behind.split_once('<'));
    found.map_or("", |(text, _)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_path_in_which_only_slashes_are_kept() {
        assert_eq!(path("press/r-1/3.17/1/0"), "press/r-1/3.17/1/0");
        assert_eq!(path("a b/ä+%?#"), "a%20b/%C3%A4%2B%25%3F%23");
    }

    #[test]
    fn a_refusal_tells_its_code() {
        let xml = "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>It is not.</Message></Error>";
        assert_eq!((element(xml, "Code"), element(xml, "Message")), ("NoSuchKey", "It is not."));
        assert_eq!((element("", "Code"), element("<Code>", "Code")), ("", ""));
    }
}
