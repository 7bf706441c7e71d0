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

    /// The function that it calls to wait for an answer, by its name or ARN.
    pub(crate) fn calls(&self) -> Option<String> {
        let path = self.operation.strip_prefix("POST /2015-03-31/functions/")?;
        let function = path.strip_suffix("/invocations")?;
        (self.service == "lambda").then(|| function.replace("%3A", ":"))
    }

    /// What it deploys, of what has to be known before something is published or sent.
    pub(crate) fn deploys(&self, body: &[u8]) -> Option<Deployed> {
        match self.service.as_str() {
            "sns" => match self.operation.as_str() {
                "Subscribe" if field(body, "Protocol").as_deref() == Some("lambda") => {
                    Some(Deployed::Subscription(last(&field(body, "Endpoint")?, 0)?))
                }
                // a topic is called as its function
                "SetSubscriptionAttributes" => {
                    Some(Deployed::Function(last(&field(body, "SubscriptionArn")?, 1)?))
                }
                _ => None,
            },
            "lambda" => {
                let (method, path) = self.operation.split_once(' ')?;
                let mut parts = path.trim_matches('/').split('/').skip(1);
                match (method, parts.next()?, parts.next(), parts.next()) {
                    ("GET", ..) => None,
                    (_, "event-source-mappings", ..) => Some(Deployed::Mapping),
                    (_, "functions", Some(name), Some("code" | "configuration" | "event-invoke-config")) => {
                        Some(Deployed::Function(last(name, 0)?))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// What was deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deployed {
    /// A function of this name is subscribed to a topic.
    Subscription(String),
    /// Something about the function of this name has changed.
    Function(String),
    /// A queue feeds a function.
    Mapping,
}

/// The last part of an ARN or of a name, or one so many before it.
fn last(arn: &str, before: usize) -> Option<String> {
    arn.replace("%3A", ":").rsplit(':').nth(before).map(str::to_owned)
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

    #[test]
    fn what_is_deployed_is_known_by_its_name() {
        let deployed = |service: &str, path: &str, body: &str| {
            let request =
                Request::read(&Method::PUT, path, &headers(service, None), body.as_bytes()).unwrap();
            request.deploys(body.as_bytes())
        };
        let endpoint = "arn%3Aaws%3Alambda%3Aus-west-2%3A123456789012%3Afunction%3Abirds-1-owl";
        let subscribe = |protocol: &str| {
            deployed("sns", "/", &format!("Action=Subscribe&Protocol={protocol}&Endpoint={endpoint}"))
        };
        assert_eq!(subscribe("lambda"), Some(Deployed::Subscription("birds-1-owl".into())));
        assert_eq!(subscribe("http"), None);
        let path = "/2019-09-25/functions/birds-1-owl/event-invoke-config";
        assert_eq!(deployed("lambda", path, "{}"), Some(Deployed::Function("birds-1-owl".into())));
        let path = "/2015-03-31/event-source-mappings/";
        assert_eq!(deployed("lambda", path, "{}"), Some(Deployed::Mapping));
    }
}
