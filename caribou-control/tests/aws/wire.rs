//! The way to moto: names the account, counts the calls, and loses one if asked to. Functions answer here as bootstraps do, since
//! moto does not start them; `tests/aws` of the workspace does.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use caribou_model::Region;

/// What is lost of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The request, before it is sent.
    Request,
    /// The answer: what was asked is done.
    Answer,
}

/// All calls of one account.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    client: SharedHttpClient,
    account: String,
    calls: Arc<AtomicUsize>,
    lost: Arc<Mutex<Option<(usize, Loss)>>>,
    closed: Arc<Mutex<Option<String>>>,
    refusal: Arc<Mutex<Option<Refusal>>>,
    takes_anything: Arc<AtomicBool>,
    failed: Arc<Mutex<Option<String>>>,
}

/// What Lambda answers for a while instead of what it should.
#[derive(Debug)]
struct Refusal {
    method: &'static str,
    path_end: &'static str,
    times: usize,
    code: &'static str,
    message: &'static str,
}

#[derive(Debug)]
struct Connector {
    wire: Wire,
    inner: SharedHttpConnector,
}

impl Wire {
    pub(crate) fn of(account: &str) -> Self {
        Self {
            client: caribou_control::aws::connection::http_client(),
            account: account.to_owned(),
            calls: Arc::default(),
            lost: Arc::default(),
            closed: Arc::default(),
            refusal: Arc::default(),
            takes_anything: Arc::default(),
            failed: Arc::default(),
        }
    }

    /// Calls made so far.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Loses the call that `after` others come before.
    pub(crate) fn lose(&self, after: usize, loss: Loss) {
        *self.lost.lock().unwrap() = Some((self.calls() + after, loss));
    }

    /// Loses nothing any more.
    pub(crate) fn mend(&self) {
        *self.lost.lock().unwrap() = None;
    }

    /// From now on a region knows nobody of the account, as one that is not enabled.
    pub(crate) fn close(&self, region: &Region) {
        *self.closed.lock().unwrap() = Some(region.code().to_owned());
    }

    /// From now on functions take every event, as no bootstrap does.
    pub(crate) fn take_anything(&self) {
        self.takes_anything.store(true, Ordering::SeqCst);
    }

    /// Until it is removed, a function is one that Lambda could not make.
    pub(crate) fn fail(&self, function: &str) {
        *self.failed.lock().unwrap() = Some(format!("/functions/{function}"));
    }

    /// Whether the answer to a request describes the function that failed.
    fn describes_the_failed(&self, request: &HttpRequest) -> bool {
        let path = request.uri().split('?').next().unwrap_or_default().trim_end_matches("/configuration");
        let mut failed = self.failed.lock().unwrap();
        if !failed.as_ref().is_some_and(|failed| path.ends_with(failed)) {
            return false;
        }
        if request.method() == "DELETE" {
            *failed = None;
        }
        request.method() == "GET"
    }

    /// What a function answers to an event that holds nothing.
    fn answer(&self, request: &HttpRequest) -> Option<HttpResponse> {
        let path = request.uri().split('?').next().unwrap_or_default();
        if !path.ends_with("/invocations") {
            return None;
        }
        if self.takes_anything.load(Ordering::SeqCst) {
            return Some(HttpResponse::new(StatusCode::try_from(200).unwrap(), SdkBody::from("{}")));
        }
        let refused =
            serde_json::json!({ "errorType": caribou_runtime::lambda::REFUSED, "errorMessage": "no event" });
        let mut answer =
            HttpResponse::new(StatusCode::try_from(200).unwrap(), SdkBody::from(refused.to_string()));
        answer.headers_mut().insert("x-amz-function-error", "Unhandled");
        Some(answer)
    }

    /// Lambda refuses the next calls of this kind.
    pub(crate) fn refuse(
        &self,
        (method, path_end): (&'static str, &'static str),
        times: usize,
        (code, message): (&'static str, &'static str),
    ) {
        *self.refusal.lock().unwrap() = Some(Refusal { method, path_end, times, code, message });
    }

    fn refusal(&self, request: &HttpRequest) -> Option<HttpResponse> {
        let mut refusal = self.refusal.lock().unwrap();
        let Refusal { method, path_end, times, code, message } = refusal.as_mut()?;
        let path = request.uri().split('?').next().unwrap_or_default();
        if *times == 0 || request.method() != *method || !path.trim_end_matches('/').ends_with(*path_end) {
            return None;
        }
        *times -= 1;
        let body = serde_json::json!({ "Message": message, "Type": "User" }).to_string();
        let mut answer = HttpResponse::new(StatusCode::try_from(400).unwrap(), SdkBody::from(body));
        answer.headers_mut().insert("x-amzn-errortype", *code);
        Some(answer)
    }

    /// Whether a request goes to the closed region: its signature says where to.
    fn is_closed(&self, request: &HttpRequest) -> bool {
        let closed = self.closed.lock().unwrap();
        let scope = closed.as_ref().map(|region| format!("/{region}/"));
        scope.is_some_and(|scope| {
            request.headers().get("authorization").is_some_and(|text| text.contains(&scope))
        })
    }

    /// Whether the call that was to be lost was.
    pub(crate) fn has_lost(&self) -> bool {
        self.lost.lock().unwrap().is_none()
    }
}

impl HttpClient for Wire {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        parts: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.client.http_connector(settings, parts);
        SharedHttpConnector::new(Connector { wire: self.clone(), inner })
    }
}

impl HttpConnector for Connector {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let number = self.wire.calls.fetch_add(1, Ordering::SeqCst);
        request.headers_mut().insert("x-moto-account-id", self.wire.account.clone());
        let lost = self.wire.lost.lock().unwrap().take_if(|(which, _)| *which == number);
        if let Some(answer) = self.wire.refusal(&request).or_else(|| self.wire.answer(&request)) {
            return HttpConnectorFuture::ready(Ok(answer));
        }
        if self.wire.is_closed(&request) {
            // as STS answers
            let error = "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code>\
                         <Message>The security token included in the request is invalid.</Message></Error></ErrorResponse>";
            let status = StatusCode::try_from(403).unwrap();
            return HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(error))));
        }
        let gone = || ConnectorError::io("the line was cut".into());
        match lost {
            None if self.wire.describes_the_failed(&request) => {
                let answer = self.inner.call(request);
                HttpConnectorFuture::new(async move {
                    let answer = answer.await?;
                    let (status, headers) = (answer.status(), answer.headers().clone());
                    let body = ByteStream::new(answer.into_body()).collect().await.unwrap().to_vec();
                    let body = String::from_utf8(body)
                        .unwrap()
                        .replace(r#""State": "Active""#, r#""State": "Failed""#);
                    assert!(body.contains("Failed"), "{body}");
                    let mut failed = HttpResponse::new(status, SdkBody::from(body));
                    *failed.headers_mut() = headers;
                    failed.headers_mut().remove("content-length");
                    Ok(failed)
                })
            }
            None => self.inner.call(request),
            Some((_, Loss::Request)) => HttpConnectorFuture::ready(Err(gone())),
            Some((_, Loss::Answer)) => {
                let answer = self.inner.call(request);
                HttpConnectorFuture::new(async move {
                    let answer = answer.await?;
                    // the service has done it once its answer begins
                    drop(answer);
                    Err(gone())
                })
            }
        }
    }
}
