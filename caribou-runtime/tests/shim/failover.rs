//! When a message goes home: only where it is certain that no region has it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use async_trait::async_trait;
use caribou_runtime::RunStatus;
use caribou_runtime::model::{Epoch, Placement, Plan, Region, Timestamp};
use caribou_runtime::port::{Ports, SendError, StageAddress, Transport};
use serde_json::json;

use crate::map_workflows::SPREAD;
use crate::platform::{Platform, wait};
use crate::workflows::{CHAIN, FORK};

const HOME: Region = Region::aws("us-east-1");
const AWAY: Region = Region::aws("eu-north-1");

/// What becomes of a message that is sent away from home.
#[derive(Clone, Copy)]
enum Answer {
    Accepted,
    /// It was accepted, and the answer lost.
    Lost,
    /// Nothing was accepted.
    Refused,
    /// The instance freezes before the message is out, and then gets the next answer.
    Frozen,
}

/// A transport that answers by a script, and as it should when that is at its end.
struct Scripted {
    inner: Arc<dyn Transport>,
    script: Arc<Mutex<VecDeque<Answer>>>,
}

#[async_trait]
impl Transport for Scripted {
    async fn send(
        &self,
        to: &StageAddress,
        body: &str,
        not_before: Option<Timestamp>,
    ) -> Result<(), SendError> {
        let (region, cause) = (to.region.clone(), "it is down".to_owned());
        let next = || if region == HOME { None } else { self.script.lock().unwrap().pop_front() };
        let mut answer = next();
        while let Some(Answer::Frozen) = answer {
            let mut frozen = true;
            let once =
                |_: &mut Context<'_>| if mem::take(&mut frozen) { Poll::Pending } else { Poll::Ready(()) };
            poll_fn(once).await;
            answer = next();
        }
        match answer.unwrap_or(Answer::Accepted) {
            Answer::Accepted | Answer::Frozen => self.inner.send(to, body, not_before).await,
            Answer::Lost => {
                self.inner.send(to, body, not_before).await?;
                Err(SendError::Ambiguous { region, cause })
            }
            Answer::Refused => Err(SendError::NotAccepted { region, cause }),
        }
    }
}

/// A workflow whose stages are all away, and the script of what goes there.
fn away(workflow: &'static caribou_runtime::Workflow) -> (Platform, Arc<Mutex<VecDeque<Answer>>>) {
    let script = Arc::new(Mutex::new(VecDeque::new()));
    let scripted = |ports: Ports| {
        let (inner, script) = (ports.transport.clone(), script.clone());
        Ports { transport: Arc::new(Scripted { inner, script }), ..ports }
    };
    let platform = Platform::between(workflow, scripted);
    let graph = (workflow.graph)();
    let placement = Placement::uniform(AWAY, graph.stages().count());
    let (epoch, expires) = (Epoch(1), Timestamp::from_millis(u64::MAX));
    platform.switch(&Plan { epoch, expires, hours: vec![placement; 24], ..Plan::at_home(&graph, HOME) });
    (platform, script)
}

fn regions(messages: &[(StageAddress, String)]) -> Vec<Region> {
    messages.iter().map(|(to, _)| to.region.clone()).collect()
}

#[test]
fn what_is_refused_for_certain_goes_home() {
    let (mut platform, script) = away(&CHAIN);
    platform.start(json!(4));
    let (to, request) = platform.take_one();
    script.lock().unwrap().extend([Answer::Refused]);
    let event = platform.event(&request);
    platform.handle(&to, event.clone()).unwrap();
    assert_eq!(regions(&platform.take_all()), [HOME]);
    // A retry reads where it went.
    platform.handle(&to, event).unwrap();
    assert_eq!(regions(&platform.take_all()), [HOME]);
}

#[test]
fn a_refusal_after_a_lost_answer_is_not_certain() {
    let (mut platform, script) = away(&CHAIN);
    let run = platform.start(json!(4));
    let (to, request) = platform.take_one();
    script.lock().unwrap().extend([Answer::Lost, Answer::Refused, Answer::Refused]);
    let event = platform.event(&request);
    platform.handle(&to, event).unwrap();
    let messages = platform.take_all();
    assert_eq!(regions(&messages), [AWAY, AWAY]);
    for (to, body) in messages {
        let event = platform.event(&body);
        platform.handle(&to, event).unwrap();
    }
    platform.deliver_all();
    assert!(matches!(platform.status(&run), RunStatus::Succeeded { .. }));
    assert_eq!((platform.calls("double"), platform.calls("increment")), (1, 1));
}

#[test]
fn what_an_earlier_delivery_may_have_sent_does_not_move() {
    for workflow in [&CHAIN, &SPREAD] {
        let (mut platform, script) = away(workflow);
        platform.start(json!(4));
        let (to, request) = platform.take_one();
        let event = platform.event(&request);
        platform.handle(&to, event.clone()).unwrap();
        let first = platform.take_all();
        // The instance died before the platform knew; now nobody there answers for a while.
        script.lock().unwrap().extend([Answer::Refused; 3]);
        platform.handle(&to, event).unwrap();
        let again = platform.take_all();
        assert_eq!(regions(&first), regions(&again), "{}", workflow.name);
    }
}

#[test]
fn an_attempt_that_wakes_up_after_another_has_sent_its_outcome_moves_nothing() {
    let (mut platform, script) = away(&CHAIN);
    platform.start(json!(4));
    let (to, request) = platform.take_one();
    let event = platform.event(&request);
    script.lock().unwrap().extend([Answer::Frozen]);
    let frozen = platform.freeze(&to, event.clone());
    platform.handle(&to, event).unwrap();
    assert_eq!(regions(&platform.take_all()), [AWAY]);
    script.lock().unwrap().extend([Answer::Refused; 2]);
    wait(frozen).unwrap();
    assert_eq!(regions(&platform.take_all()), [AWAY]);
}

#[test]
fn a_large_input_goes_home_with_its_request() {
    let (platform, script) = away(&CHAIN);
    script.lock().unwrap().extend([Answer::Refused]);
    platform.start(json!("x".repeat(300_000)));
    let (to, request) = platform.take_one();
    assert_eq!(to.region, HOME);
    assert!(request.contains(r#""r":"aws:us-east-1""#) && !request.contains("eu-north-1"), "{request}");
}

/// A transport in which nobody answers in one region, and nothing is accepted in another.
struct Silent {
    inner: Arc<dyn Transport>,
}

const SILENT: Region = Region::aws("ca-central-1");

#[async_trait]
impl Transport for Silent {
    async fn send(
        &self,
        to: &StageAddress,
        body: &str,
        not_before: Option<Timestamp>,
    ) -> Result<(), SendError> {
        let (region, cause) = (to.region.clone(), "it is down".to_owned());
        match &region {
            region if *region == SILENT => Err(SendError::Ambiguous { region: region.clone(), cause }),
            region if *region == AWAY => Err(SendError::NotAccepted { region: region.clone(), cause }),
            _ => self.inner.send(to, body, not_before).await,
        }
    }
}

#[test]
fn a_message_that_fails_keeps_none_of_the_others_from_going_home() {
    let silent =
        |ports: Ports| Ports { transport: Arc::new(Silent { inner: ports.transport.clone() }), ..ports };
    let mut platform = Platform::between(&FORK, silent);
    let placement = Placement::new(&[HOME, SILENT, AWAY]).unwrap();
    let (epoch, expires) = (Epoch(1), Timestamp::from_millis(u64::MAX));
    let graph = (FORK.graph)();
    platform.switch(&Plan { epoch, expires, hours: vec![placement; 24], ..Plan::at_home(&graph, HOME) });
    platform.start(json!(4));
    platform.deliver_one();
    let (to, body) = platform.take_one();
    let event = platform.event(&body);
    assert!(platform.handle(&to, event).is_err());
    let (to, _) = platform.take_one();
    assert_eq!((to.region, to.function.as_str()), (HOME, "flaky"));
}
