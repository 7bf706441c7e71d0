//! One pooled HTTP client, whose errors say whether the request may have arrived.

use std::time::Duration;

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;

/// How long connecting may take. The server is on this machine: a connection is made at once or not at all.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// A client of one server. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    endpoint: String,
}

/// What is asked: the path starts with a slash and is encoded already.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The method.
    pub method: Method,
    /// The path below the endpoint.
    pub path: String,
    /// Headers.
    pub headers: Vec<(HeaderName, String)>,
    /// The body; empty for none.
    pub body: Bytes,
    /// How long the answer may take.
    pub within: Duration,
}

/// What was answered, with the whole body.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The request was certainly not sent.
    #[error("no connection to {endpoint}: {cause}; is the embedded cloud running?")]
    NotSent {
        /// The server.
        endpoint: String,
        /// What happened.
        cause: String,
    },
    /// The request may have arrived, but its answer did not.
    #[error("no answer from {endpoint}: {cause}")]
    NotAnswered {
        /// The server.
        endpoint: String,
        /// What happened.
        cause: String,
    },
}

impl Ask {
    /// A request without headers and body, to be answered within 30 s.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        let within = Duration::from_secs(30);
        Self { method, path: path.into(), headers: Vec::new(), body: Bytes::new(), within }
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// The same with a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The same with another time for the answer.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }
}

impl Http {
    /// A client of the server at `endpoint`: `http://HOST:PORT`. Nothing is connected yet.
    pub fn new(endpoint: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_WITHIN));
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self { client, endpoint: endpoint.trim_end_matches('/').to_owned() }
    }

    /// The server.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Asks and waits for the whole answer.
    ///
    /// # Errors
    ///
    /// [`HttpError`] if there is none; an answer of any status is no error.
    pub async fn ask(&self, ask: Ask) -> Result<Answer, HttpError> {
        let within = ask.within;
        let not_sent = |cause: String| HttpError::NotSent { endpoint: self.endpoint.clone(), cause };
        let not_answered = |cause: String| HttpError::NotAnswered { endpoint: self.endpoint.clone(), cause };
        let mut request = Request::builder().method(ask.method).uri(format!("{}{}", self.endpoint, ask.path));
        for (name, value) in ask.headers {
            let value = HeaderValue::try_from(value).map_err(|error| not_sent(error.to_string()))?;
            request = request.header(name, value);
        }
        let request = request.body(Full::new(ask.body)).map_err(|error| not_sent(error.to_string()))?;
        let exchange = async {
            let response = self.client.request(request).await.map_err(|error| {
                let cause = with_causes(&error);
                if error.is_connect() { not_sent(cause) } else { not_answered(cause) }
            })?;
            let (head, body) = response.into_parts();
            let body = body.collect().await.map_err(|error| not_answered(with_causes(&error)))?;
            Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
        };
        match tokio::time::timeout(within, exchange).await {
            Ok(outcome) => outcome,
            Err(_) => Err(not_answered(format!("it took longer than {} s", within.as_secs_f64()))),
        }
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_to_a_closed_port_was_certainly_not_sent() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let error = Http::new(&endpoint).ask(Ask::new(Method::GET, "/")).await.unwrap_err();
        assert!(matches!(error, HttpError::NotSent { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_connection_that_breaks_after_the_request_leaves_it_open_whether_it_arrived() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            std::io::Read::read(&mut stream, &mut [0; 1024]).unwrap()
        });
        let error = Http::new(&endpoint).ask(Ask::new(Method::GET, "/")).await.unwrap_err();
        assert!(matches!(error, HttpError::NotAnswered { .. }), "{error}");
        assert!(server.join().unwrap() > 0);
    }
}
