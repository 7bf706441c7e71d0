//! All interfaces on one port of the loopback interface.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::serve::ListenerExt;
use http::StatusCode;
use http::header::ORIGIN;
use tokio::net::TcpListener;

use crate::platform::Platform;
use crate::refusal::Refusal;
use crate::{CloudError, control_api, region_api, runtime_api};

/// Listens on a port of the loopback interface.
pub(crate) async fn listen(port: u16) -> Result<(TcpListener, String), CloudError> {
    let failed = |cause: io::Error| match cause.kind() {
        io::ErrorKind::AddrInUse => CloudError::PortTaken(port),
        _ => CloudError::Port { port, cause },
    };
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, format!("http://{address}")))
}

/// Serves until the runtime ends.
pub(crate) async fn serve(listener: TcpListener, platform: Arc<Platform>) {
    let routes = Router::new()
        .merge(runtime_api::routes())
        .merge(region_api::routes())
        .merge(control_api::routes())
        .fallback(unknown_path)
        .layer(middleware::from_fn(refuse_browsers))
        .with_state(platform);
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    if let Err(error) = axum::serve(listener, routes).await {
        tracing::error!(%error, "the embedded cloud does not listen any more");
    }
}

async fn unknown_path(request: Request) -> Refusal {
    let error = format!("the embedded cloud has nothing at {} {}", request.method(), request.uri().path());
    Refusal::new(StatusCode::NOT_FOUND, error, "use the client of the same version")
}

/// The interfaces start programs, so no web page may reach them through a user's browser.
async fn refuse_browsers(request: Request, next: Next) -> Result<Response, Refusal> {
    if request.headers().contains_key(ORIGIN) {
        let error = "the embedded cloud does not talk to web pages";
        return Err(Refusal::new(StatusCode::FORBIDDEN, error, "use the `caribou` command"));
    }
    Ok(next.run(request).await)
}
