//! What a request to AWS asks, as it looks on the wire.

use caribou_model::Region;
use http::{HeaderMap, Method};

/// What a request asks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// Whose it is: the access key.
    pub caller: String,
    /// The region that it was signed for.
    pub region: Region,
    /// The service, as in policies: `sns`, `dynamodb`.
    pub service: String,
    /// What it is to do: `Publish`, `UpdateItem`; of services without names for it the method and the path.
    pub operation: String,
}

impl Request {
    /// Reads a request. `None` if it was not signed, and so is none to AWS.
    pub fn read(method: &Method, path: &str, headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let credential = text("authorization")?.split_once("Credential=")?.1.split([',', ' ']).next()?;
        let mut parts = credential.split('/');
        let (caller, _day, region, service) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let operation = match text("x-amz-target").and_then(|target| target.rsplit_once('.')) {
            Some((_, operation)) => operation.to_owned(),
            None => match field(body, "Action") {
                Some(action) if matches!(service, "sns" | "iam" | "sts" | "sqs") => action,
                _ if service == "s3" => s3_operation(method, path).to_owned(),
                _ => format!("{method} {path}"),
            },
        };
        Some(Self {
            caller: caller.to_owned(),
            region: format!("aws:{region}").parse().ok()?,
            service: service.to_owned(),
            operation,
        })
    }

    /// Whether it changes what has to be done when something is published or sent.
    pub(crate) fn deploys(&self) -> bool {
        match self.service.as_str() {
            "sns" => matches!(self.operation.as_str(), "Subscribe" | "SetSubscriptionAttributes"),
            "lambda" => {
                let Some((method, path)) = self.operation.split_once(' ') else { return false };
                let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
                method != "GET"
                    && (matches!(last, "code" | "configuration" | "event-invoke-config")
                        || path.contains("event-source-mappings"))
            }
            _ => false,
        }
    }
}

/// A field of a form.
pub(crate) fn field(form: &[u8], name: &str) -> Option<String> {
    let form = std::str::from_utf8(form).ok()?;
    let value = form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.to_owned())
}

fn s3_operation(method: &Method, path: &str) -> &'static str {
    let key = path.trim_start_matches('/').split_once('/').is_some_and(|(_, key)| !key.is_empty());
    match (method.as_str(), key) {
        ("GET", true) => "GetObject",
        ("PUT", true) => "PutObject",
        ("HEAD", true) => "HeadObject",
        ("DELETE", true) => "DeleteObject",
        ("GET", false) => "ListObjects",
        ("PUT", false) => "CreateBucket",
        ("DELETE", false) => "DeleteBucket",
        _ => "Other",
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(service: &str, target: Option<&'static str>) -> HeaderMap {
        let signed =
            format!("AWS4-HMAC-SHA256 Credential=ME/20260101/us-west-2/{service}/aws4_request, Signature=0");
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_str(&signed).unwrap());
        if let Some(target) = target {
            headers.insert("x-amz-target", HeaderValue::from_static(target));
        }
        headers
    }

    fn operation(service: &str, target: Option<&'static str>, path: &str, body: &str) -> String {
        let request = Request::read(&Method::PUT, path, &headers(service, target), body.as_bytes()).unwrap();
        assert_eq!((request.caller.as_str(), request.region.code()), ("ME", "us-west-2"));
        request.operation
    }

    #[test]
    fn every_protocol_names_its_operation_somewhere_else() {
        assert_eq!(operation("dynamodb", Some("DynamoDB_20120810.UpdateItem"), "/", "{}"), "UpdateItem");
        assert_eq!(operation("sns", None, "/", "Version=1&Action=Publish&Message=Action%3DNo"), "Publish");
        assert_eq!(operation("s3", None, "/bucket/blobs/w/1", "Action=No"), "PutObject");
        assert_eq!(
            operation("lambda", None, "/2015-03-31/functions/f/code", "{}"),
            "PUT /2015-03-31/functions/f/code"
        );
        assert_eq!(Request::read(&Method::GET, "/", &HeaderMap::new(), b""), None);
    }
}
