//! Notices to failure destinations.

use std::sync::Arc;
use std::time::Duration;

use caribou_runtime::local::SystemClock;
use caribou_runtime::local::http::{Ask, Http};
use caribou_runtime::port::{Clock, StageAddress};
use http::{Method, Uri};

use super::Platform;
use crate::event::event;
use crate::message::{self, Message, Mode};
use crate::services::{OnFailure, Then};

/// How long a destination may take to answer.
const WITHIN: Duration = Duration::from_secs(10);
/// The pause before a notice is sent again, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

impl Platform {
    /// What is done about a failed event of a function.
    pub(super) fn on_failure(&self, address: &StageAddress) -> OnFailure {
        let state = self.state();
        let services = state.deployed.get(address).map(|(known, _)| known.deployment.services.clone());
        drop(state);
        services.unwrap_or_default().on_failure()
    }

    /// Whether a message waits for its failure destination rather than for its function.
    pub(super) fn awaits_destination(&self, message: &Message) -> bool {
        matches!(message.mode, Mode::Failure { .. })
            && matches!(self.on_failure(&message.to).then, Then::Notice(_))
    }

    /// Sends a notice until it is taken, and removes its message.
    pub(super) async fn notify(self: Arc<Self>, number: u64, address: StageAddress) {
        let mut pause = PAUSE.0;
        loop {
            match self.post(number, &address).await {
                Ok(()) => break,
                Err(cause) => {
                    tracing::warn!(%cause, function = address.function, "a failure destination is not reached");
                }
            }
            SystemClock.sleep(pause).await;
            pause = (pause * 2).min(PAUSE.1);
        }
        self.complete(number, address, bytes::Bytes::new());
    }

    async fn post(&self, number: u64, address: &StageAddress) -> Result<(), String> {
        let Then::Notice(url) = self.on_failure(address).then else { return Ok(()) };
        let stored = self.disk.read().and_then(|stored| message::load(&stored, number));
        let Some((message, body)) = stored.map_err(|error| error.to_string())? else { return Ok(()) };
        let uri: Uri = url.parse().map_err(|_| format!("`{url}` is no URL"))?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let server = url.strip_suffix(path).unwrap_or(&url);
        let ask = Ask::new(Method::POST, path).body(event(&message, &body)).within(WITHIN);
        let answer = Http::new(server).ask(ask).await.map_err(|error| error.to_string())?;
        if answer.status.is_success() { Ok(()) } else { Err(format!("{url} answers {}", answer.status)) }
    }
}
