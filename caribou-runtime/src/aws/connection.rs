//! The HTTP client of all calls to AWS: one pool of connections, made at the first call.

use std::sync::OnceLock;
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// How long a connection may take: name, TCP and TLS, which is three to four round trips to the farthest region.
pub(super) const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// How long an unused connection is kept. Services close theirs a little later; one that was closed costs a repetition.
const IDLE: Duration = Duration::from_secs(20);

/// Connections to AWS.
///
/// A connector that trusts the platform's root certificates reads and parses some 140 of them, and the SDK would make one
/// for every client. This one is made when the first `https` request is: a function that handles an event without any, as on
/// one machine, never pays, and all clients share it.
#[derive(Debug, Default)]
pub(super) struct Connection {
    plain: OnceLock<Connector>,
    secure: OnceLock<Connector>,
}

impl Connection {
    /// The client that SDKs take.
    pub(super) fn shared() -> (SharedHttpClient, SharedHttpConnector) {
        let connector = SharedHttpConnector::new(Self::default());
        (SharedHttpClient::new(Selector(connector.clone())), connector)
    }

    fn of(&self, request: &HttpRequest) -> &Connector {
        if request.uri().starts_with("https:") {
            self.secure.get_or_init(|| connector(TrustStore::default()))
        } else {
            self.plain.get_or_init(|| connector(TrustStore::empty()))
        }
    }
}

fn connector(trusted: TrustStore) -> Connector {
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT_WITHIN).build();
    let mut builder = Connector::builder()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .connector_settings(settings)
        .pool_idle_timeout(IDLE);
    if let Ok(context) = TlsContext::builder().with_trust_store(trusted).build() {
        builder = builder.tls_context(context);
    }
    builder.build()
}

impl HttpConnector for Connection {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.of(&request).call(request)
    }
}

/// Gives every client the same connections, whatever timeouts it asks for: these are the same for all.
#[derive(Debug)]
struct Selector(SharedHttpConnector);

impl HttpClient for Selector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        self.0.clone()
    }
}

/// Whether a request was certainly not sent: its name was not found, or there was no connection, or no TLS.
pub(super) fn is_unconnected(error: &ConnectorError) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
            return error.is_connect();
        }
        next = error.source();
    }
    error.is_user()
}

/// An error and its causes in one line.
pub(super) fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
