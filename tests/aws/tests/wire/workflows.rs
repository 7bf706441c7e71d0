//! Every workflow of the end-to-end tests, over four regions, against the plain call.

use caribou_runtime::Workflow;
use caribou_test_aws::Machine;
use caribou_test_aws::machine::{CALIFORNIA, OREGON, QUEBEC};
use caribou_tests::workflows::{
    branches, chain, diamond, gates, once, pages, payloads, relays, text2speech, trip,
};
use serde_json::{Value as Json, json};

use crate::deployed::{HOME, OnAws};

/// Runs inputs at home and under a plan over four regions.
async fn hold(machine: &Machine, workflow: &'static Workflow, inputs: &[Json]) {
    let on_aws = OnAws::new(machine, workflow).await;
    let epoch = on_aws.migrate(&[QUEBEC, OREGON, HOME, CALIFORNIA]).await;
    on_aws.hold(epoch, inputs).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sync_nodes_gates_branches_and_relays_give_what_the_plain_call_gives() {
    let Some(machine) = Machine::start().await.unwrap() else { return };
    let seeds: Vec<Json> = (0..4).map(|seed| json!(seed)).collect();
    hold(&machine, &diamond::diamond::WORKFLOW, &seeds).await;
    hold(&machine, &gates::gates::WORKFLOW, &seeds).await;
    hold(&machine, &branches::branches::WORKFLOW, &seeds).await;
    let order = |customer: Json| json!({"item": "boots", "customer": customer});
    hold(&machine, &relays::relays::WORKFLOW, &[order(json!(7)), order(json!(null))]).await;
    // one of its functions may not run in us-west-1
    let speech = OnAws::new(&machine, &text2speech::text2speech_censoring::WORKFLOW).await;
    let epoch = speech.migrate(&[QUEBEC, HOME, OREGON]).await;
    let text = |text: &str| json!({ "text": text });
    let texts = [text("hello"), text("hello darn world"), text("")];
    speech.hold(epoch, &texts).await;
    machine.settled(crate::deployed::PATIENCE).await.unwrap();
    assert_eq!(machine.bridge.lost(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn maps_failures_as_values_and_payloads_of_every_size_give_what_the_plain_call_gives() {
    let Some(machine) = Machine::start().await.unwrap() else { return };
    let book = |length: u64| json!({"length": length, "hand": "left"});
    hold(&machine, &pages::book::WORKFLOW, &[book(0), book(1), book(9), book(2_000)]).await;
    let trip = |miles: u64, nights: u64| json!({"Trip": {"miles": miles, "nights": nights}});
    let trips = [trip(100, 3), trip(100, 30), trip(10_000, 3), json!({"Stay": 2}), json!("Nothing")];
    hold(&machine, &trip::travel::WORKFLOW, &trips).await;
    let halves = |size: usize, left: u8, right: u8| json!({"size": size, "left": left, "right": right});
    // what travels inline, in one item, and as a blob; equal and different
    let sizes = [210 * 1024, 16 * 1024 + 1, 1, 0];
    let inputs: Vec<Json> =
        sizes.iter().flat_map(|size| [halves(*size, 1, 1), halves(*size, 1, 2)]).collect();
    hold(&machine, &payloads::halves::WORKFLOW, &inputs).await;
    hold(&machine, &chain::ten_in_a_row::WORKFLOW, &[json!(7)]).await;
    machine.settled(crate::deployed::PATIENCE).await.unwrap();
    assert_eq!(machine.bridge.lost(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn glue_is_evaluated_once_and_everybody_sees_the_same() {
    let Some(machine) = Machine::start().await.unwrap() else { return };
    let on_aws = OnAws::new(&machine, &once::tickets::WORKFLOW).await;
    let epoch = on_aws.migrate(&[QUEBEC, CALIFORNIA]).await;
    for seats in [1, 2] {
        let run = on_aws.client().start(None, json!(seats)).await.unwrap();
        let tickets = on_aws.outcome(&run, epoch).await.unwrap();
        for seen in tickets.as_array().unwrap() {
            let seen = seen.as_array().unwrap();
            assert!(seen.iter().all(|ticket| *ticket == seen[0]), "{tickets}");
        }
    }
}
