//! A request is received: the run is pinned, the glue over its input evaluated, its first messages sent.

use std::sync::Arc;

use caribou_model::{ClientRecord, NodeId, Placement, Plan, RunId, Timestamp};
use serde_json::Value as Json;

use super::Inner;
use super::attempt::Attempt;
use super::claim::Claim;
use super::error::{HandleError, Refusal};
use super::event::{Event, Handled};
use super::hold::{Claimed, Hold};
use super::stage::Stopped;
use crate::pin::hash;
use crate::port::BlobError;
use crate::request::{Received, Request};
use crate::run::RunRecord;
use crate::{Delivery, Pin, Step, Value, Values};

impl Inner {
    pub(crate) async fn handle_request(&self, event: &Event) -> Result<Handled, HandleError> {
        let Received { request, again, returns } = Request::read(&event.body).map_err(Refusal::from)?;
        if let Some(resumption) = request.resume {
            return self.handle_resumption(event, &request, resumption, again).await;
        }
        let hold = self.entry_hold(event, &request).await?;
        let Some(record) = hold.run.clone() else { return Ok(Handled::Duplicate) };
        let mut attempt = Attempt::new(self, event, &record.pin, NodeId::ENTRY);
        attempt.returned = returns > 0;
        attempt.client = Some(ClientRecord {
            latency_ms: request.sent.map(|sent| event.received.since(sent).as_secs_f64() * 1e3),
            bytes: event.body.len() as u64 + request.input_blob.as_ref().map_or(0, |blob| blob.bytes),
        });
        let now = self.ports.clock.now();
        let claimed = hold.claim(&attempt.ledger, again, now, self.function.attempts()).await?;
        // What the first entry pinned holds for every later one.
        let pinned = match &claimed {
            Claimed::Mine(hold) | Claimed::Repeat(hold) | Claimed::Exhausted(hold) => {
                hold.run.as_ref().map_or_else(|| record.pin.clone(), |record| record.pin.clone())
            }
            Claimed::Drop => return Ok(Handled::Duplicate),
            Claimed::Wait { until } => return self.park(event, NodeId::ENTRY, *until).await,
        };
        let mut attempt = Attempt { pin: &pinned, ..attempt };
        let run = pinned.run.clone();
        match claimed {
            Claimed::Mine(mut hold) => {
                attempt.hold_on(&hold);
                let worked = match attempt.input(&request).await {
                    Ok(input) => attempt.evaluate(input),
                    Err(stopped) => Err(stopped),
                };
                attempt.conclude(&mut hold, worked).await?;
            }
            Claimed::Repeat(mut hold) => attempt.repeat(&mut hold).await?,
            Claimed::Exhausted(mut hold) => {
                attempt.hold_on(&hold);
                let input = attempt.input_of(&request).await;
                attempt.fail(&mut hold, self.exhausted(), vec![input]).await?;
            }
            Claimed::Drop | Claimed::Wait { .. } => {}
        }
        Ok(Handled::Accepted { run })
    }

    /// Refuses requests that are not for this function.
    pub(crate) fn check_request(&self, request: &Request) -> Result<(), Refusal> {
        let version = request.version.as_deref().unwrap_or(&self.graph.version);
        self.check_version(&request.workflow, version)?;
        let entry = self.graph.function_of(NodeId::ENTRY).map(|function| &function.name);
        if let Some(entry) = entry.filter(|entry| **entry != self.function.name) {
            let (entry, served) = (entry.clone(), self.function.name.clone());
            return Err(Refusal::NotTheEntry { entry, served });
        }
        Ok(())
    }

    /// The run record as this entry would write it.
    pub(crate) async fn entry_hold(&self, event: &Event, request: &Request) -> Result<Hold, HandleError> {
        self.check_request(request)?;
        let run = run_of_request(event, request);
        let now = self.ports.clock.now();
        let plan = self.plans.current(&*self.ports.store, &self.graph, now).await;
        let pin = self.pin(run, &plan, now, request.traceparent.clone());
        let expires = pin.kept_until();
        let record = RunRecord {
            pin,
            started: event.received,
            entry_region: self.deployment.region.clone(),
            function: self.function.name.clone(),
            kept_until: expires,
            entry: Claim::first(event, 0),
            input: None,
            end: None,
        };
        Ok(Hold::of_entry(record, expires))
    }

    fn pin(&self, run: RunId, plan: &Arc<Plan>, now: Timestamp, traceparent: Option<String>) -> Pin {
        let Self { deployment, graph, .. } = self;
        let hour = now.hour();
        let probe = Pin::draw(&run) < deployment.probe_share;
        let at_home = || Placement::uniform(deployment.home.clone(), graph.stages().count());
        let placement = plan.placement(hour).filter(|_| !probe).cloned().unwrap_or_else(at_home);
        Pin {
            workflow: graph.workflow.clone(),
            version: graph.version.clone(),
            graph: self.fingerprint,
            epoch: plan.epoch,
            hour,
            probe,
            forwarded: placement.region_of(0) != Some(&deployment.region),
            deadline: now.plus(deployment.run_deadline),
            home: deployment.home.clone(),
            placement,
            traceparent,
            resumed: 0,
            run,
        }
    }
}

impl Attempt<'_> {
    /// The input of a request, wherever it lies.
    async fn input(&mut self, request: &Request) -> Result<Json, Stopped> {
        let Some(blob) = &request.input_blob else { return Ok(request.input.clone()) };
        match self.ledger.get_blob(&blob.region, &blob.key).await {
            Ok(content) => {
                self.bytes_in += content.len() as u64;
                serde_json::from_slice(&content).map_err(|cause| Stopped::ForGood {
                    error: format!("the input in blob `{}` is not JSON: {cause}", blob.key),
                    input: vec![Value::Json(json_or_text(&content))],
                })
            }
            Err(error @ BlobError::Missing { .. }) => {
                let input = vec![Value::Blob { reference: blob.clone(), content: None }];
                Err(Stopped::ForGood { error: error.to_string(), input })
            }
            Err(error) => Err(Stopped::Event(error.into())),
        }
    }

    /// The input of a request that is not worked on any more, to be kept: as JSON where it can be had, else as it lies.
    pub(crate) async fn input_of(&self, request: &Request) -> Value {
        let Some(blob) = &request.input_blob else { return Value::Json(request.input.clone()) };
        match self.hasty().get_blob(&blob.region, &blob.key).await {
            Ok(content) => Value::Json(json_or_text(&content)),
            Err(error) => {
                tracing::warn!(run = %self.pin.run, %error, "the input is kept as a reference");
                Value::Blob { reference: blob.clone(), content: None }
            }
        }
    }

    /// Evaluates the glue over the input.
    pub(super) fn evaluate(&self, input: Json) -> Result<Vec<Delivery>, Stopped> {
        let names = self.shim.deployment.workflow.parameters;
        let values = parameters_of(names, input)
            .map_err(|(error, input)| Stopped::ForGood { error, input: vec![Value::Json(input)] })?;
        match self.route(Step::After(NodeId::ENTRY), Values::new(values)) {
            Ok((_, decided)) => Ok(decided.into_parts().0),
            Err(Stopped::ForGood { error, input }) => {
                Err(Stopped::ForGood { error, input: vec![input_of(names, input)] })
            }
            Err(stopped) => Err(stopped),
        }
    }
}

/// The input that has these parameters.
fn input_of(names: &[&str], mut parameters: Vec<Value>) -> Value {
    match (names, parameters.pop()) {
        ([_], Some(only)) => only,
        ([], _) | (_, None) => Value::Json(Json::Null),
        (names, Some(last)) => {
            parameters.push(last);
            let entries = names.iter().zip(parameters).filter_map(|(name, value)| match value {
                Value::Json(json) => Some(((*name).to_owned(), json)),
                Value::Inline(_) | Value::Blob { .. } => None,
            });
            Value::Json(Json::Object(entries.collect()))
        }
    }
}

/// What a client sent as its input; as a text if it is no JSON.
fn json_or_text(content: &[u8]) -> Json {
    serde_json::from_slice(content).unwrap_or_else(|_| String::from_utf8_lossy(content).into())
}

/// One parameter is the input itself, several are an object's entries by name, none are `null`.
fn parameters_of(names: &[&str], input: Json) -> Result<Vec<Value>, (String, Json)> {
    match (names, input) {
        ([], Json::Null) => Ok(Vec::new()),
        ([], input) => Err(("the workflow has no parameters; its input is `null`".into(), input)),
        ([_], input) => Ok(vec![Value::Json(input)]),
        (names, Json::Object(mut entries)) => {
            if let Some(unknown) = entries.keys().find(|key| !names.contains(&key.as_str())) {
                let error = format!("the workflow has no parameter `{unknown}`; it has {}", names.join(", "));
                return Err((error, Json::Object(entries)));
            }
            // An absent parameter is `null`: right for an `Option`, and told by name for any other type.
            Ok(names.iter().map(|name| Value::Json(entries.remove(*name).unwrap_or_default())).collect())
        }
        (names, input) => {
            let error =
                format!("the input of this workflow is an object with the parameters {}", names.join(", "));
            Err((error, input))
        }
    }
}

/// The run of a request: the one that it names, or that of its message. What is sent again names it, for its message has
/// another id.
pub(super) fn run_of_request(event: &Event, request: &Request) -> RunId {
    let derived = || run_of(event.message_id.as_ref().unwrap_or(&event.request_id));
    request.run.clone().unwrap_or_else(derived)
}

/// The run of a request that names none: the same for every delivery of its message, and every retry of them.
pub(crate) fn run_of(request_id: &str) -> RunId {
    let hashed = || {
        let (a, b) = (hash(request_id.as_bytes()), hash(format!("run {request_id}").as_bytes()));
        RunId::try_from(format!("{a:016x}{b:016x}"))
    };
    let run = RunId::try_from(request_id.to_owned()).or_else(|_| hashed());
    // Hexadecimal digits are always a run id.
    run.unwrap_or_else(|_| unreachable!())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn several_parameters_are_taken_by_name() {
        let values = parameters_of(&["a", "b"], json!({"b": 2, "a": 1})).unwrap();
        assert_eq!(values, [Value::Json(json!(1)), Value::Json(json!(2))]);
        assert_eq!(parameters_of(&["a", "b"], json!({"a": 1})).unwrap()[1], Value::Json(Json::Null));
    }

    #[test]
    fn an_input_is_put_together_again_from_its_parameters() {
        let whole = |names: &[&str], input: Json| {
            input_of(names, parameters_of(names, input.clone()).unwrap()) == Value::Json(input)
        };
        assert!(
            whole(&[], Json::Null)
                && whole(&["a"], json!([1]))
                && whole(&["a", "b"], json!({"a": 1, "b": [2]}))
        );
    }

    #[test]
    fn an_input_that_does_not_fit_is_told_what_would() {
        let error = |names: &[&str], input| parameters_of(names, input).unwrap_err().0;
        assert!(error(&["a", "b"], json!({"c": 1})).contains("no parameter `c`; it has a, b"));
        assert!(error(&["a", "b"], json!(1)).contains("an object with the parameters a, b"));
        assert!(error(&[], json!(1)).contains("no parameters"));
    }

    #[test]
    fn a_delivery_gives_its_run_always_the_same_id() {
        assert_eq!(run_of("c6af9ac6-7b61").as_str(), "c6af9ac6-7b61");
        assert_eq!(run_of("not an id!"), run_of("not an id!"));
        assert_ne!(run_of("not an id!"), run_of("not an id?"));
    }
}
