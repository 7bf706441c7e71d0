//! How many requests a warm run makes, on the wire.

use std::collections::BTreeMap;

use caribou_runtime::Workflow;
use caribou_test_aws::Machine;
use caribou_test_aws::front::{Counts, since};
use caribou_tests::workflows::diamond::diamond;
use caribou_tests::workflows::pages::book;
use caribou_tests::workflows::relays::relays;
use serde_json::{Value as Json, json};

use crate::deployed::{HOME, OnAws, PATIENCE};

/// Runs that are counted together.
const RUNS: u64 = 4;

/// Requests of one function in all runs that are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Each {
    published: u64,
    read: u64,
    written: u64,
    blobs: u64,
    other: u64,
}

/// Requests of each function in warm runs, by its name.
async fn of_a_warm_run(
    machine: &Machine,
    workflow: &'static Workflow,
    input: Json,
) -> BTreeMap<String, Each> {
    let on_aws = OnAws::new(machine, workflow).await;
    let epoch = on_aws.migrate(&[HOME]).await;
    let inputs = vec![input; 1];
    // one at a time, so that one instance of each function is warm
    on_aws.hold(epoch, &inputs).await;
    machine.settled(PATIENCE).await.unwrap();
    let before = machine.front.counts();
    for _ in 0..RUNS {
        on_aws.hold(epoch, &inputs).await;
        machine.settled(PATIENCE).await.unwrap();
    }
    let counted = by_function(&since(&before, &machine.front.counts()), workflow);
    println!("\n{}: requests of a warm run", (workflow.graph)().workflow);
    println!("{:24} {:>9} {:>6} {:>8} {:>6}", "function", "publishes", "reads", "writes", "blobs");
    for (function, Each { published, read, written, blobs, other }) in &counted {
        let [published, read, written, blobs] =
            [published, read, written, blobs].map(|count| *count as f64 / RUNS as f64);
        println!("{function:24} {published:>9.2} {read:>6.2} {written:>8.2} {blobs:>6.2}");
        assert!(*other == 0, "{function} asks for something else");
    }
    counted
}

fn by_function(counts: &Counts, workflow: &Workflow) -> BTreeMap<String, Each> {
    let graph = (workflow.graph)();
    let prefix = format!("{}-{}-", graph.workflow, graph.version.replace('.', "_"));
    let mut all: BTreeMap<String, Each> = BTreeMap::new();
    for (request, count) in counts {
        let Some(function) = request.caller.strip_prefix(&prefix) else { continue };
        let each = all.entry(function.to_owned()).or_default();
        match (request.service.as_str(), request.operation.as_str()) {
            ("sns", "Publish") => each.published += count,
            ("dynamodb", "GetItem" | "Query" | "BatchGetItem") => each.read += count,
            ("dynamodb", "PutItem" | "UpdateItem" | "DeleteItem" | "TransactWriteItems") => {
                each.written += count;
            }
            ("s3", _) => each.blobs += count,
            _ => each.other += count,
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warm_hop_is_one_publish_and_two_writes_and_an_edge_to_a_sync_node_two_writes() {
    let Some(machine) = Machine::start().await.unwrap() else { return };

    let order = json!({"item": "boots", "customer": 7});
    let counted = of_a_warm_run(&machine, &relays::WORKFLOW, order).await;
    for function in ["charge", "ship"] {
        let each = counted[function];
        assert_eq!(each.published, RUNS, "{function}: {each:?}");
        assert!(each.written <= 2 * RUNS && each.read == 0 && each.blobs == 0, "{function}: {each:?}");
    }
    // the function of the first stage is the entry too, which sends to it; the last stage writes the result
    assert!(
        counted["price"].written <= (2 + 2) * RUNS && counted["price"].published == 2 * RUNS,
        "{counted:?}"
    );
    assert!(counted["receipt"].written <= (2 + 1) * RUNS && counted["receipt"].published == 0, "{counted:?}");

    let counted = of_a_warm_run(&machine, &diamond::WORKFLOW, json!(5)).await;
    let sum = |of: fn(&Each) -> u64| counted.values().map(of).sum::<u64>();
    // to both producers and to the sync node
    assert_eq!(sum(|each| each.published), 3 * RUNS, "{counted:?}");
    // the entry, three stages, two edges at the sync node, and the result
    assert!(sum(|each| each.written) <= (4 * 2 + 2 * 2 + 1) * RUNS, "{counted:?}");
    assert!(counted["right"].written <= (2 + 2) * RUNS, "{counted:?}");

    of_a_warm_run(&machine, &book::WORKFLOW, json!({"length": 10, "hand": "left"})).await;
}
