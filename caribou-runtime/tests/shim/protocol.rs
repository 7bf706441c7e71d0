//! The shim, event by event, over regions in memory.

use std::future::Future;
use std::time::Duration;

use caribou_runtime::memory::World;
use caribou_runtime::model::{Epoch, NodeId, Placement, Plan, Region, RunId, Timestamp};
use caribou_runtime::plan::Switched;
use caribou_runtime::port::{Clock, StageAddress};
use caribou_runtime::{
    Client, Deployment, Event, HandleError, Handled, Request, RunStatus, Shim, ShimError, Workflow, plan,
};
use serde_json::{Value as Json, json};

use crate::platform::Platform;
use crate::workflows::{CHAIN, FORK};

const HOME: Region = Region::aws("us-east-1");
const AWAY: Region = Region::aws("eu-north-1");

fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

/// Shims and a client around one world.
struct Bench {
    world: World,
    workflow: &'static Workflow,
    deliveries: u32,
}

impl Bench {
    fn new(workflow: &'static Workflow) -> Self {
        Self { world: World::new(1), workflow, deliveries: 0 }
    }

    fn shim(&self, function: &str, region: &Region) -> Result<Shim, ShimError> {
        let deployment = Deployment {
            workflow: self.workflow,
            function: function.into(),
            region: region.clone(),
            home: HOME,
            probe_share: 0.0,
            run_deadline: Duration::from_hours(1),
            plan_cache: Duration::from_mins(1),
        };
        Shim::new(deployment, self.world.ports())
    }

    fn client(&self) -> Client {
        let graph = (self.workflow.graph)();
        let entry = &graph.function_of(NodeId::ENTRY).unwrap().name;
        Client::new(self.workflow.name, "0.1.0", entry, HOME, self.world.ports())
    }

    fn event(&mut self, body: &str) -> Event {
        self.deliveries += 1;
        let received = self.world.now();
        Event {
            body: body.into(),
            request_id: format!("request-{}", self.deliveries),
            message_id: None,
            deadline: received.plus(Duration::from_mins(1)),
            received,
            cold: false,
        }
    }

    fn handle(&mut self, to: &StageAddress, event: Event) -> Result<Handled, HandleError> {
        wait(self.shim(&to.function, &to.region).unwrap().handle(event))
    }

    /// Starts a run.
    fn start(&self, run: &str, input: Json) -> RunId {
        wait(self.client().start(Some(run.parse().unwrap()), input)).unwrap()
    }

    /// The next message; there is exactly one.
    fn message(&self) -> (StageAddress, String) {
        let [message] = <[_; 1]>::try_from(self.world.take_messages()).unwrap();
        message
    }

    /// Delivers the one message that is due.
    fn deliver(&mut self) -> Handled {
        let (to, body) = self.message();
        let event = self.event(&body);
        self.handle(&to, event).unwrap()
    }

    fn status(&self, run: &RunId) -> RunStatus {
        wait(self.client().status(run)).unwrap()
    }

    fn switch(&self, region: Region, epoch: u64, expected: Option<u64>) -> Switched {
        let graph = (self.workflow.graph)();
        let placement = Placement::uniform(region, graph.stages().count());
        let expires = self.world.now().plus(Duration::from_hours(24));
        let plan =
            Plan { epoch: Epoch(epoch), expires, hours: vec![placement; 24], ..Plan::at_home(&graph, HOME) };
        wait(plan::switch(&*self.world.ports().store, &plan, expected)).unwrap()
    }
}

#[test]
fn a_run_goes_from_its_request_to_its_result() {
    let mut bench = Bench::new(&CHAIN);
    let run = bench.start("r", json!(4));
    assert_eq!(bench.status(&run), RunStatus::Unknown);
    assert_eq!(bench.deliver(), Handled::Accepted { run: run.clone() });
    assert!(matches!(bench.status(&run), RunStatus::Running { .. }));
    assert_eq!([bench.deliver(), bench.deliver()], [Handled::Done, Handled::Done]);
    let RunStatus::Succeeded { result, pin, .. } = bench.status(&run) else { panic!() };
    assert_eq!((result, pin.epoch), (json!(9), Epoch(0)));
    assert!(bench.world.take_messages().is_empty());
}

#[test]
fn a_clients_retry_is_the_same_run() {
    let mut bench = Bench::new(&CHAIN);
    bench.start("r", json!(4));
    bench.deliver();
    let first = bench.message();
    bench.start("r", json!(4));
    assert_eq!(bench.deliver(), Handled::Duplicate);
    assert!(bench.world.take_messages().is_empty());
    let event = bench.event(&first.1);
    assert_eq!(bench.handle(&first.0, event).unwrap(), Handled::Done);
}

#[test]
fn a_retry_keeps_the_pin_of_the_first_entry_when_the_plan_has_changed() {
    let mut bench = Bench::new(&CHAIN);
    assert_eq!(bench.switch(HOME, 1, None), Switched::Yes { revision: 1 });
    let run = bench.start("r", json!(4));
    let (to, body) = bench.message();
    let event = bench.event(&body);
    bench.handle(&to, event.clone()).unwrap();
    let first = bench.message();
    assert!(matches!(bench.switch(AWAY, 2, Some(1)), Switched::Yes { .. }));
    assert_eq!(bench.handle(&to, event).unwrap(), Handled::Accepted { run });
    let again = bench.message();
    assert_eq!((first.0.region.clone(), again.0.region), (HOME, HOME));
}

#[test]
fn a_switch_that_expects_another_plan_is_stale() {
    let bench = Bench::new(&CHAIN);
    assert_eq!(bench.switch(AWAY, 1, Some(7)), Switched::Stale);
    assert_eq!(bench.switch(AWAY, 1, None), Switched::Yes { revision: 1 });
    assert_eq!(bench.switch(AWAY, 2, None), Switched::Stale);
}

#[test]
fn a_client_sends_its_request_to_the_region_of_the_first_stage() {
    let mut bench = Bench::new(&CHAIN);
    bench.switch(AWAY, 1, None);
    let run = bench.start("r", json!(4));
    let (to, body) = bench.message();
    assert_eq!(to.region, AWAY);
    let event = bench.event(&body);
    bench.handle(&to, event).unwrap();
    let RunStatus::Running { .. } = bench.status(&run) else { panic!() };
}

#[test]
fn another_delivery_meets_a_live_lease_and_is_parked_until_it_ends() {
    let mut bench = Bench::new(&FORK);
    bench.start("r", json!(50));
    bench.deliver();
    bench.deliver();
    let (to, body) = bench.world.take_messages().remove(0);
    let first = bench.event(&body);
    let until = first.deadline.plus(Duration::from_secs(5));
    let error = bench.handle(&to, first.clone()).unwrap_err();
    assert_eq!(error.to_string(), "attempt 1 of 3 at stage `flaky` failed: not yet");
    assert!(!error.is_refusal());

    let other = bench.event(&body);
    assert_eq!(bench.handle(&to, other).unwrap(), Handled::Parked { until });
    let (parked_to, parked) = bench.message();
    assert_eq!(
        (parked_to, parked.replace(r#""f":8"#, r#""f":0"#)),
        (to.clone(), body.clone()),
        "it is sent again"
    );

    let error = bench.handle(&to, first).unwrap_err();
    assert!(error.to_string().starts_with("attempt 2"), "the platform's retry takes over at once: {error}");

    bench.world.advance(Duration::from_secs(65));
    let other = bench.event(&body);
    assert_eq!(bench.handle(&to, other).unwrap(), Handled::Done, "the third attempt succeeds");
}

#[test]
fn what_cannot_be_handled_is_refused_with_the_reason() {
    let mut bench = Bench::new(&CHAIN);
    bench.start("r", json!(4));
    bench.deliver();
    let (to, body) = bench.message();
    let elsewhere = StageAddress { function: "increment".into(), ..to.clone() };
    for (to, body, why) in [
        (&to, "hello".to_owned(), "neither a message nor a request"),
        (&to, r#"{"caribou":1,"request":{"workflow":"press"}}"#.to_owned(), "serves `chain`"),
        (&to, r#"{"caribou":1,"request":{"workflow":"chain","version":"9"}}"#.to_owned(), "serves 0.1.0"),
        (
            &elsewhere,
            r#"{"caribou":1,"request":{"workflow":"chain"}}"#.to_owned(),
            "received by function `double`",
        ),
        (&to, body.replace(r#""v":"0.1.0""#, r#""v":"0.2.0""#), "version 0.2.0"),
        (&to, body.replace(r#""w":"chain""#, r#""w":"press""#), "workflow `press`"),
        (&to, body.replace(r#""n":1"#, r#""n":2"#), "function `double` does not serve"),
        (&to, body.replace(r#""n":1"#, r#""n":77"#), "does not serve"),
        (&to, body.replace("usE1/--", "usE1/-"), "has 1 stages, the workflow has 2"),
        (&to, body.replace(r#""f":0"#, r#""f":4"#), "not of the kind"),
    ] {
        let event = bench.event(&body);
        let error = bench.handle(to, event).unwrap_err();
        assert!(error.is_refusal() && error.to_string().contains(why), "{error}");
    }
    assert!(bench.world.take_messages().is_empty());
}

#[test]
fn a_function_that_the_workflow_does_not_have_cannot_be_served() {
    let error = Bench::new(&CHAIN).shim("press", &HOME).err().unwrap().to_string();
    assert!(error.contains("has no function `press`; it has `double`, `increment`"), "{error}");
}

#[test]
fn a_run_that_passes_its_deadline_fails_with_that_cause() {
    let mut bench = Bench::new(&CHAIN);
    let run = bench.start("r", json!(4));
    bench.deliver();
    bench.world.advance(Duration::from_hours(1));
    let RunStatus::Failed { stage: None, error, .. } = bench.status(&run) else { panic!() };
    assert!(error.contains("passed its deadline"), "{error}");
    assert_eq!(bench.deliver(), Handled::Done);
    let RunStatus::Failed { stage, error, .. } = bench.status(&run) else { panic!() };
    assert_eq!(stage.as_deref(), Some("double"));
    assert!(error.contains("passed its deadline before stage `double`"), "{error}");
    assert!(bench.world.take_messages().is_empty());
}

#[test]
fn a_message_in_a_loop_ends_its_run() {
    let mut bench = Bench::new(&CHAIN);
    let run = bench.start("r", json!(4));
    bench.deliver();
    let (to, body) = bench.message();
    let event = bench.event(&body.replace(r#""k":1"#, r#""k":9999"#));
    assert_eq!(bench.handle(&to, event).unwrap(), Handled::Done);
    let RunStatus::Failed { error, .. } = bench.status(&run) else { panic!() };
    assert!(error.contains("9999 hops"), "{error}");
}

#[test]
fn a_dead_letter_of_finished_work_sends_its_messages_again() {
    let mut bench = Bench::new(&CHAIN);
    bench.start("r", json!(4));
    bench.deliver();
    let (to, body) = bench.message();
    let event = bench.event(&body);
    bench.handle(&to, event).unwrap();
    let sent = bench.message();
    let letter = bench.event(&body);
    wait(bench.shim("double", &HOME).unwrap().handle_failure(letter, "it timed out")).unwrap();
    assert_eq!(bench.message().0, sent.0);
}

#[test]
fn a_dead_letter_that_no_attempt_claimed_fails_the_run_with_the_reason() {
    let mut bench = Bench::new(&CHAIN);
    let run = bench.start("r", json!(4));
    bench.deliver();
    let (_, body) = bench.message();
    let letter = bench.event(&body);
    wait(bench.shim("double", &HOME).unwrap().handle_failure(letter, "throttled for 6 hours")).unwrap();
    let RunStatus::Failed { stage, error, .. } = bench.status(&run) else { panic!() };
    assert_eq!(stage.as_deref(), Some("double"));
    assert!(error.contains("gave up delivering to function `double`: throttled for 6 hours"), "{error}");
}

#[test]
fn a_dead_request_leaves_a_failed_run() {
    let mut bench = Bench::new(&CHAIN);
    let run = bench.start("r", json!(4));
    let (_, body) = bench.message();
    let letter = bench.event(&body);
    wait(bench.shim("double", &HOME).unwrap().handle_failure(letter, "it crashed")).unwrap();
    let RunStatus::Failed { stage, input, .. } = bench.status(&run) else { panic!() };
    assert_eq!((stage.as_deref(), input.as_slice()), (Some("input"), &[json!(4)][..]));
}

#[test]
fn a_large_input_travels_as_a_blob() {
    let mut bench = Bench::new(&CHAIN);
    let run = bench.start("r", json!({"text": "x".repeat(300_000)}));
    let (to, body) = bench.message();
    assert!(body.len() < 500);
    let event = bench.event(&body);
    bench.handle(&to, event).unwrap();
    let RunStatus::Failed { error, input, .. } = bench.status(&run) else { panic!() };
    assert!(error.contains("not of type `u64`"), "{error}");
    assert_eq!(input[0]["text"].as_str().map(str::len), Some(300_000));
}

#[test]
fn waiting_ends_when_its_time_is_over() {
    let bench = Bench::new(&CHAIN);
    let run = bench.start("r", json!(4));
    let before: Timestamp = bench.world.now();
    let status = wait(bench.client().wait(&run, Duration::from_millis(100), Duration::from_secs(2))).unwrap();
    assert_eq!(status, RunStatus::Unknown);
    assert_eq!(bench.world.now().since(before), Duration::from_secs(2));
}

#[test]
fn handling_an_event_can_move_between_threads() {
    fn sendable<T: Send>(_: T) {}
    let mut bench = Bench::new(&CHAIN);
    let event = bench.event("");
    let shim = bench.shim("double", &HOME).unwrap();
    sendable(shim.handle(event.clone()));
    sendable(shim.handle_failure(event, "it crashed"));
}

/// A message to `double`, and the bench on which its run has begun.
fn at_double() -> (Bench, RunId, StageAddress, String) {
    let mut bench = Bench::new(&CHAIN);
    let run = bench.start("r", json!(4));
    bench.deliver();
    let (to, body) = bench.message();
    (bench, run, to, body)
}

#[test]
fn what_was_parked_sends_again_what_was_recorded_meanwhile() {
    // The instance whose delivery was parked, or another, may have recorded it, and died before its sends.
    let (mut bench, _, to, body) = at_double();
    let parked = body.replace(r#""f":0"#, r#""f":8"#);
    let event = bench.event(&body);
    bench.handle(&to, event).unwrap();
    let sent = bench.message();
    let event = bench.event(&parked);
    assert_eq!(bench.handle(&to, event).unwrap(), Handled::Done);
    assert_eq!(bench.message().0, sent.0);
    let event = bench.event(&body);
    assert_eq!(bench.handle(&to, event).unwrap(), Handled::Duplicate, "any other duplicate is dropped");
}

#[test]
fn a_parked_request_sends_again_what_was_recorded_meanwhile() {
    let mut bench = Bench::new(&CHAIN);
    bench.start("r", json!(4));
    let (to, body) = bench.message();
    let event = bench.event(&body);
    bench.handle(&to, event).unwrap();
    let sent = bench.message();
    let event = bench.event(&body.replacen(r#"{"caribou":1,"#, r#"{"caribou":1,"again":true,"#, 1));
    assert!(matches!(bench.handle(&to, event).unwrap(), Handled::Accepted { .. }));
    assert_eq!(bench.message().0, sent.0);
}

#[test]
fn an_invocation_whose_time_is_over_takes_nothing_over() {
    let mut bench = Bench::new(&FORK);
    bench.start("r", json!(50));
    bench.deliver();
    bench.deliver();
    let (to, body) = bench.world.take_messages().remove(0);
    let event = bench.event(&body);
    bench.handle(&to, event.clone()).unwrap_err();
    bench.world.advance(Duration::from_secs(66));
    let late = bench.handle(&to, event).unwrap_err().to_string();
    assert_eq!(late, "the invocation's time was over before its work was claimed");
}

#[test]
fn a_request_that_is_sent_again_names_its_run_for_its_message_has_another_id() {
    let mut platform = Platform::new(&CHAIN);
    let to = StageAddress {
        workflow: "chain".into(),
        version: "0.1.0".into(),
        function: "double".into(),
        region: HOME,
    };
    let of_message = |event: Event| Event { message_id: Some("m-1".into()), ..event };
    let body = r#"{"caribou":1,"request":{"workflow":"chain","input":1}}"#;
    // The first delivery claims the entry, and comes to no outcome.
    platform.measures.write_at_most(1);
    let first = of_message(platform.event(body));
    platform.handle(&to, first.clone()).unwrap_err();
    platform.measures.write_at_most(usize::MAX);
    let second = of_message(platform.event(body));
    assert!(matches!(platform.handle(&to, second).unwrap(), Handled::Parked { .. }));
    let named = |(_, body): (_, String)| Request::decode(&body).unwrap().run.unwrap();
    assert_eq!(named(platform.take_one()).as_str(), "m-1");
    let third = of_message(platform.event(body));
    platform.give_up(&to, third, "no luck").unwrap();
    assert_eq!(named(platform.take_one()).as_str(), "m-1");
}
