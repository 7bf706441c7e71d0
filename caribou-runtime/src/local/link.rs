//! A caller's connection to the embedded cloud.

use caribou_model::Region;

use super::http::{Answer, Ask, Http, HttpError};
use super::wire::{CALLER_INSTANCE, CALLER_REGION, Refused};

/// The client, and who calls.
pub(super) struct Link {
    http: Http,
    region: Option<Region>,
    instance: Option<String>,
}

impl Link {
    pub(super) fn new(endpoint: &str, region: Option<Region>, instance: Option<&str>) -> Self {
        Self { http: Http::new(endpoint), region, instance: instance.map(str::to_owned) }
    }

    /// Asks in the caller's name.
    pub(super) async fn ask(&self, mut ask: Ask) -> Result<Answer, HttpError> {
        if let Some(region) = &self.region {
            ask = ask.header(CALLER_REGION, region);
        }
        if let Some(instance) = &self.instance {
            ask = ask.header(CALLER_INSTANCE, instance);
        }
        self.http.ask(ask).await
    }
}

/// What a refusal says, as one sentence.
pub(super) fn refusal(answer: &Answer) -> String {
    match serde_json::from_slice::<Refused>(&answer.body) {
        Ok(Refused { error, remedy }) => format!("{error}; {remedy}"),
        Err(_) => format!("status {}: {}", answer.status, String::from_utf8_lossy(&answer.body)),
    }
}
