//! Taking runs up again, event by event; and what is told of them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use caribou_runtime::client::{MapDetail, NodeState, RunDetail, RunFilter, RunState};
use caribou_runtime::model::Region;
use caribou_runtime::{Handled, RetryError, RunStatus, Step, Workflow};
use serde_json::{Value as Json, json};

use crate::platform::Platform;
use crate::shaky::{Order, SHAKY};
use crate::workflows::{BRANCH, CHAIN, ENTRY, FORK};

const AWAY: Region = Region::aws("eu-north-1");
const HOUR: Duration = Duration::from_hours(1);

fn order(at: &str, items: u32) -> Order {
    Order { at: at.into(), items, n: 1, times: 1, ..Order::default() }
}

fn input(order: &Order) -> Json {
    serde_json::to_value(order).unwrap()
}

/// What the plain call gives.
fn plain(workflow: &Workflow, input: Json) -> Json {
    let mut call = (workflow.plain)(input);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match call.as_mut().poll(&mut context) {
        std::task::Poll::Ready(result) => result.unwrap(),
        std::task::Poll::Pending => panic!("the plain call waits"),
    }
}

fn result(platform: &Platform, run: &caribou_runtime::model::RunId) -> Json {
    match platform.status(run) {
        RunStatus::Succeeded { result, .. } => result,
        status => panic!("{status:?}"),
    }
}

fn states(detail: &RunDetail) -> Vec<(&str, NodeState)> {
    detail.nodes.iter().map(|node| (node.name.as_str(), node.state)).collect()
}

#[test]
fn two_requests_at_once_take_a_run_up_once() {
    let mut platform = Platform::new(&SHAKY);
    let order = order("count", 2);
    let run = platform.start(input(&order));
    platform.deliver_all();
    assert_eq!((platform.retry(&run).unwrap(), platform.retry(&run).unwrap()), (1, 1));
    let requests = platform.take_all();
    let handled: Vec<Handled> = requests
        .iter()
        .map(|(to, body)| {
            let event = platform.event(body);
            platform.handle(to, event).unwrap()
        })
        .collect();
    assert_eq!(handled, [Handled::Accepted { run: run.clone() }, Handled::Duplicate]);
    platform.deliver_all();
    assert_eq!(result(&platform, &run), plain(&SHAKY, input(&order)));
    assert_eq!((platform.calls("count"), platform.calls("merge")), (2, 1));
    // A duplicate that comes when everything is over does nothing.
    let event = platform.event(&requests[0].1);
    assert_eq!(platform.handle(&requests[0].0, event).unwrap(), Handled::Duplicate);
    assert!(platform.take_all().is_empty());
}

#[test]
fn a_request_that_is_delivered_again_sends_again_what_the_entry_decided() {
    let mut platform = Platform::new(&CHAIN);
    let run = platform.start(json!(4));
    platform.measures.lose(["double"]);
    platform.deliver_all();
    platform.advance(HOUR);
    platform.measures.lose([]);
    platform.retry(&run).unwrap();
    platform.measures.lose(["double"]);
    let (to, body) = platform.take_one();
    let event = platform.event(&body);
    platform.handle(&to, event.clone()).unwrap();
    platform.measures.lose([]);
    assert_eq!(platform.handle(&to, event).unwrap(), Handled::Accepted { run: run.clone() });
    platform.deliver_all();
    assert_eq!(result(&platform, &run), json!(9));
}

#[test]
fn a_run_that_passed_its_deadline_goes_on_where_a_message_was_lost() {
    let mut platform = Platform::new(&SHAKY);
    platform.measures.lose(["merge"]);
    let order = order("", 2);
    let run = platform.start(input(&order));
    platform.deliver_all();
    assert!(matches!(platform.retry(&run), Err(RetryError::Running { .. })));
    platform.advance(HOUR);
    let RunStatus::Failed { stage: None, .. } = platform.status(&run) else { panic!() };
    platform.measures.lose([]);
    platform.retry(&run).unwrap();
    platform.deliver_all();
    assert_eq!(result(&platform, &run), plain(&SHAKY, input(&order)));
    assert_eq!((platform.calls("branch"), platform.calls("merge")), (1, 1));
}

#[test]
fn a_message_of_the_time_before_does_not_end_the_run_and_its_work_counts() {
    let mut platform = Platform::new(&FORK);
    let run = platform.start(json!(4));
    platform.deliver_one();
    platform.deliver_one();
    let [first, second] = <[_; 2]>::try_from(platform.take_all()).unwrap();
    platform.advance(HOUR);
    platform.retry(&run).unwrap();
    platform.deliver_one();
    // It comes after its deadline, in a run whose deadline is another one now.
    let event = platform.event(&first.1);
    assert_eq!(platform.handle(&first.0, event).unwrap(), Handled::Done);
    let letter = platform.event(&second.1);
    platform.give_up(&second.0, letter, "it timed out").unwrap();
    assert!(matches!(platform.status(&run), RunStatus::Running { .. }));
    platform.deliver_all();
    assert_eq!(result(&platform, &run), json!([8, true]));
    assert_eq!((platform.calls("stamp"), platform.calls("flaky"), platform.calls("flaky#2")), (1, 1, 1));
}

#[test]
fn a_message_that_was_given_up_before_anybody_claimed_it_is_sent_again() {
    let mut platform = Platform::new(&CHAIN);
    let run = platform.start(json!(4));
    platform.deliver_one();
    let (to, body) = platform.take_one();
    let letter = platform.event(&body);
    platform.give_up(&to, letter, "throttled").unwrap();
    platform.retry(&run).unwrap();
    platform.deliver_all();
    assert_eq!((result(&platform, &run), platform.calls("double")), (json!(9), 1));
}

#[test]
fn a_caught_failure_stays_what_it_was() {
    let mut platform = Platform::new(&crate::map_workflows::RESCUE);
    platform.measures.lose(["increment"]);
    let run = platform.start(json!(13));
    platform.deliver_all();
    platform.advance(HOUR);
    platform.measures.lose([]);
    platform.retry(&run).unwrap();
    platform.deliver_all();
    assert_eq!(result(&platform, &run), json!([8, { "message": "13 is refused", "permanent": true }]));
    assert_eq!((platform.calls("risky"), states(&platform.show(&run))[1].1), (1, NodeState::Caught));
}

/// The chain, whose glue over the input fails once.
static HESITANT: Workflow = Workflow {
    name: "hesitant",
    route: |step, values, outbox| {
        static CALLS: AtomicU32 = AtomicU32::new(0);
        if step == Step::After(ENTRY) && CALLS.fetch_add(1, Ordering::Relaxed) == 0 {
            return Err(caribou_runtime::RouteError::NoSuchStep(step));
        }
        (CHAIN.route)(step, values, outbox)
    },
    graph: || caribou_runtime::model::Graph { workflow: "hesitant".into(), ..(CHAIN.graph)() },
    ..CHAIN
};

#[test]
fn where_the_entry_failed_it_runs_again_from_the_input_that_was_kept() {
    let mut platform = Platform::new(&HESITANT);
    let run = platform.start(json!(4));
    platform.deliver_all();
    let RunStatus::Failed { stage, input, .. } = platform.status(&run) else { panic!() };
    assert_eq!((stage.as_deref(), input.as_slice()), (Some("input"), &[json!(4)][..]));
    platform.retry(&run).unwrap();
    platform.deliver_all();
    assert_eq!(result(&platform, &run), json!(9));
}

#[test]
fn a_dead_request_is_received_after_all_with_its_large_input() {
    let mut platform = Platform::new(&SHAKY);
    let order = Order { padding: "x".repeat(200_000), ..order("", 1) };
    let run = platform.start(input(&order));
    let (to, body) = platform.take_one();
    assert!(body.len() < 1_000);
    let letter = platform.event(&body);
    platform.give_up(&to, letter, "it crashed").unwrap();
    let shown = platform.show(&run);
    assert_eq!((shown.summary.state, &shown.input[0]), (RunState::Failed, &input(&order)));
    platform.retry(&run).unwrap();
    platform.deliver_all();
    assert_eq!(result(&platform, &run), plain(&SHAKY, input(&order)));
}

#[test]
fn a_run_whose_input_nobody_kept_cannot_be_taken_up() {
    let mut platform = Platform::new(&CHAIN);
    let run = platform.start(json!(4));
    // The claim of the entry is written, its outcome is not, and nobody hears of its event again.
    platform.measures.write_at_most(1);
    let (to, body) = platform.take_one();
    let event = platform.event(&body);
    platform.handle(&to, event).unwrap_err();
    platform.measures.write_at_most(usize::MAX);
    platform.advance(HOUR);
    assert!(matches!(platform.retry(&run), Err(RetryError::NoInput { .. })), "{:?}", platform.status(&run));
}

#[test]
fn only_a_run_that_has_failed_is_taken_up() {
    let mut platform = Platform::new(&CHAIN);
    let run = platform.start(json!(4));
    let error = platform.retry(&run).unwrap_err().to_string();
    assert!(error.contains("there is no run `run`"), "{error}");
    platform.deliver_one();
    let error = platform.retry(&run).unwrap_err().to_string();
    assert!(error.contains("is under way"), "{error}");
    platform.deliver_all();
    let error = platform.retry(&run).unwrap_err().to_string();
    assert!(error.contains("has succeeded"), "{error}");
    assert!(platform.take_all().is_empty());
}

#[test]
fn everything_that_a_retry_needs_is_kept_for_14_days() {
    let large = |at| Order { padding: "x".repeat(20_000), ..order(at, 3) };
    for at in ["merge", "work#2", "count"] {
        let mut platform = Platform::new(&SHAKY);
        let run = platform.start(input(&large(at)));
        platform.deliver_all();
        platform.advance(HOUR * (14 * 24));
        platform.retry(&run).unwrap();
        platform.deliver_all();
        assert_eq!(result(&platform, &run), plain(&SHAKY, input(&large(at))), "{at}");
        assert_eq!(platform.calls("branch"), 1);
    }
    let mut platform = Platform::new(&SHAKY);
    let run = platform.start(input(&large("merge")));
    platform.deliver_all();
    platform.advance(HOUR * (14 * 24 + 1));
    assert!(matches!(platform.retry(&run), Err(RetryError::Unknown { .. })));
}

#[test]
fn of_a_map_only_the_items_that_have_not_arrived_are_sent() {
    let mut platform = Platform::new(&SHAKY);
    let order = Order { item: Some(270), ..order("work#2", 600) };
    let run = platform.start(input(&order));
    platform.deliver_all();
    let shown = platform.show(&run);
    let items = MapDetail { total: Some(600), done: 599, failed: 1, begun: 0 };
    assert_eq!((shown.nodes[5].state, shown.nodes[5].items), (NodeState::Failed, Some(items)));
    let (calls, sent) = (platform.calls("work#2"), platform.measures.sent());
    platform.retry(&run).unwrap();
    platform.deliver_all();
    assert_eq!(result(&platform, &run), plain(&SHAKY, input(&order)));
    assert_eq!((calls, platform.calls("work#2")), (600, 601));
    let again = platform.measures.sent() - sent;
    assert!(again < 20, "{again} messages");
}

#[test]
fn what_was_in_a_region_that_is_gone_goes_home_and_what_was_done_there_stays_done() {
    for at in ["work", "branch", "merge", "work#2", "count"] {
        let mut platform = Platform::new(&SHAKY);
        platform.place(&AWAY);
        let order = Order { item: (at == "work#2").then_some(1), ..order(at, 3) };
        let run = platform.start(input(&order));
        platform.deliver_all();
        assert!(matches!(platform.status(&run), RunStatus::Failed { .. }));
        platform.measures.undeploy([AWAY]);
        platform.retry(&run).unwrap();
        platform.deliver_all();
        assert_eq!(result(&platform, &run), plain(&SHAKY, input(&order)), "{at}");
        for stage in ["work", "branch", "branch#2", "merge", "count"] {
            assert_eq!(platform.calls(stage), 1 + usize::from(stage == at), "{stage} after {at}");
        }
        assert_eq!(platform.calls("work#2"), 3 + usize::from(at == "work#2"));
    }
}

#[test]
fn every_node_of_a_run_tells_how_it_stands() {
    use NodeState::{Done, Failed, Skipped, Waiting, Working};
    let mut platform = Platform::new(&BRANCH);
    let run = platform.start(json!(3));
    platform.deliver_one();
    let names = ["input", "double", "increment", "increment#2", "sum", "result"];
    let of = |states: [NodeState; 6]| names.into_iter().zip(states).collect::<Vec<_>>();
    assert_eq!(states(&platform.show(&run)), of([Done, Waiting, Waiting, Waiting, Waiting, Waiting]));
    platform.deliver_one();
    // 3 * 2 is no multiple of 4: the second increment is skipped, and has filled its slot.
    let shown = platform.show(&run);
    assert_eq!(states(&shown), of([Done, Done, Waiting, Skipped, Waiting, Waiting]));
    assert_eq!(shown.nodes[4].arrived, Some(1));
    platform.deliver_all();
    let shown = platform.show(&run);
    assert_eq!(states(&shown), of([Done, Done, Done, Skipped, Done, Done]));
    assert_eq!((shown.nodes[1].attempt, shown.result), (Some(1), Some(json!(1007))));

    let mut platform = Platform::new(&FORK);
    let run = platform.start(json!(50));
    platform.deliver_one();
    platform.deliver_one();
    let (to, body) = platform.take_all().remove(0);
    let event = platform.event(&body);
    platform.handle(&to, event).unwrap_err();
    let shown = platform.show(&run);
    assert_eq!((shown.nodes[2].state, shown.nodes[2].attempt), (Working, Some(1)));
    platform.advance(Duration::from_mins(2));
    assert_eq!(platform.show(&run).nodes[2].state, NodeState::Lost);

    let mut platform = Platform::new(&CHAIN);
    let run = platform.start(json!(13));
    platform.deliver_all();
    let shown = platform.show(&run);
    let double = &shown.nodes[1];
    assert_eq!((double.state, double.error.as_deref()), (Failed, Some("13 is refused")));
    assert_eq!((shown.summary.stage.as_deref(), &shown.input), (Some("double"), &vec![json!(13)]));
    assert_eq!(shown.nodes[2].state, Waiting);
}

#[test]
fn the_newest_runs_are_listed_first_page_by_page() {
    let mut platform = Platform::new(&CHAIN);
    for (n, run) in ["c", "a", "d", "b"].into_iter().enumerate() {
        platform.start_as(run, json!(if n == 2 { 13 } else { 4 }));
        platform.advance(Duration::from_secs(1));
        platform.deliver_all();
    }
    let ids = |filter: &RunFilter, limit| -> Vec<String> {
        let told = platform.runs(filter, limit);
        assert_eq!(told.unreadable, 0);
        told.runs.iter().map(|run| run.run.to_string()).collect()
    };
    assert_eq!(ids(&RunFilter::default(), 9), ["b", "d", "a", "c"]);
    let first = platform.runs(&RunFilter::default(), 3);
    assert_eq!(first.matching, 4);
    let last = first.runs.last().unwrap();
    let rest = RunFilter { before: Some((last.started, last.run.clone())), ..RunFilter::default() };
    assert_eq!(ids(&rest, 3), ["c"]);
    let failed = RunFilter { state: Some(RunState::Failed), ..RunFilter::default() };
    assert_eq!(ids(&failed, 9), ["d"]);
    let run = &platform.runs(&failed, 1).runs[0];
    assert_eq!((run.stage.as_deref(), run.error.as_deref()), (Some("double"), Some("13 is refused")));
}

#[test]
fn an_error_of_any_length_is_kept_in_part() {
    let mut platform = Platform::new(&SHAKY);
    let run = platform.start(json!({ "n": "x".repeat(50_000) }));
    platform.deliver_all();
    let RunStatus::Failed { error, .. } = platform.status(&run) else { panic!() };
    assert!((8_000..9_000).contains(&error.len()) && error.contains(".. (cut, of "), "{} bytes", error.len());
}
