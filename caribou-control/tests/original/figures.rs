//! The hand-made tables, with every figure worked out.

use caribou_control::original::{Deviations, Imported, Model};
use caribou_model::{Limit, Metric, Region, Statistic, Strictness};
use caribou_solver::Scorer;
use serde_json::json;

use crate::tables::{KIB, Tables};

/// kW of an instance with one vCPU, half busy: 0.74 W + 0.5 x 2.76 W, and 1769 MB of memory.
const KW: f64 = 0.002_12 + 0.000_372_5 * 1769.0 / 1024.0;
/// USD of a second of it.
const SECOND: f64 = 1e-5 * 1769.0 / 1024.0;
const READ: f64 = 2.5e-7;
const WRITE: f64 = 1.25e-6;
const MESSAGE: f64 = 5e-7;
const WEST: [u8; 4] = [1; 4];

/// gCO2eq, USD and seconds of a placement, averages.
fn figures(imported: &Imported, model: Model, placement: [u8; 4]) -> [f64; 3] {
    let case = imported.case(model, 10, 1).unwrap();
    let scorer = Scorer::new(&case.problem, &case.samples);
    let mut scratch = scorer.scratch();
    let mut evaluation = scorer.evaluate(&placement, &mut scratch);
    Metric::ALL.map(|metric| evaluation.value(metric, Statistic::Average, 0))
}

fn assert_close(found: [f64; 3], expected: [f64; 3]) {
    for (found, expected) in found.into_iter().zip(expected) {
        assert!((found / expected - 1.0).abs() < 1e-6, "{found} is not {expected}");
    }
}

#[test]
fn at_home_the_originals_figures_are_those_worked_out_by_hand() {
    let home = figures(&Tables::diamond().read().unwrap(), Model::ORIGINAL, [0; 4]);
    // b departs last, at 0.5 + 0.1 + 1.9 s, and arrives 0.1 s later; c's arrival at 3.9 s is not waited for.
    let runtime = 0.5 + 0.1 + 1.9 + 0.1 + 1.0;
    // 20 KiB of c are written, then both, 30 KiB; each arrival writes 1 KiB twice more. The client reads 9 KiB.
    let writes = 20.0 + 30.0 + 4.0;
    let messages = 1.0 + 2.0 + 1.0;
    let cost = 5.1 * SECOND + 4e-6 + writes * WRITE + (8.0 + 3.0) * READ + messages * MESSAGE;
    // Payloads, 1 KiB of answer for each arrival, 1 KiB of the message that invokes d.
    let moved = (10.0 + 10.0 + 11.0 + 21.0 + 1.0) * KIB * 1e-3 * 400.0;
    let client = (1.0 + 9.0) * KIB * 1e-3 * 410.0;
    let traffic = 1e-6 * f64::midpoint(410.0, 400.0);
    let carbon = 5.1 / 3600.0 * KW * 1.1 * 400.0 + moved + client + traffic;
    assert_close(home, [carbon, cost, runtime]);
}

#[test]
fn a_region_never_tried_has_homes_times_by_its_relative_performance() {
    let west = figures(&Tables::diamond().read().unwrap(), Model::ORIGINAL, WEST);
    // 0.02 s of distance in a message, 0.1 s in an arrival.
    let runtime = 0.75 + 0.12 + 1.9 * 1.5 + 0.2 + 1.5;
    let cost = 5.1 * 1.5 * SECOND + 4e-6 + 54.0 * WRITE + 11.0 * READ + 4.0 * MESSAGE;
    let moved = 53.0 * KIB * 1e-3 * 100.0;
    let client = 10.0 * KIB * 1e-3 * 410.0;
    let traffic = 0.5e-6 * 410.0 + 0.5e-6 * f64::midpoint(400.0, 100.0);
    let carbon = 5.1 * 1.5 / 3600.0 * KW * 1.1 * 100.0 + moved + client + traffic;
    assert_close(west, [carbon, cost, runtime]);
}

#[test]
fn data_that_leaves_a_region_is_paid_for_and_counts_both_grids() {
    let imported = Tables::diamond().read().unwrap();
    let [carbon, cost, _] = figures(&imported, Model::ORIGINAL, [0; 4]);
    let [mixed_carbon, mixed_cost, _] = figures(&imported, Model::ORIGINAL, [0, 1, 0, 0]);
    let egress = (10.0 + 11.0 + 1.0) * KIB * 0.02;
    assert!((mixed_cost - cost - egress - 2.0 * 0.5 * SECOND).abs() < 1e-11, "{mixed_cost} {cost}");
    let moved = 22.0 * KIB * 1e-3 * (250.0 - 400.0);
    let executed = 2.0 / 3600.0 * KW * 1.1 * (1.5 * 100.0 - 400.0);
    assert!((mixed_carbon - carbon - moved - executed).abs() < 1e-9, "{mixed_carbon} {carbon}");
}

#[test]
fn without_its_deviations_prices_and_sizes_are_found_and_the_last_arrival_is_waited_for() {
    let west = figures(&Tables::diamond().read().unwrap(), Model::Original(Deviations::NONE), WEST);
    // c arrives last, after 1.2 + 0.12 + 1.5 + 2.1 s.
    let runtime = 1.2 + 0.12 + 1.5 + 2.1 + 1.5;
    // An answer takes 3 KiB, and the message that invokes d is larger than 64 KiB.
    let writes = 20.0 + 30.0 + 2.0 * 3.0 * 2.0;
    let cost = 5.1 * 1.5 * SECOND + 4e-6 + writes * 2e-6 + 11.0 * READ + 5.0 * MESSAGE;
    assert!((west[1] / cost - 1.0).abs() < 1e-6, "{} is not {cost}", west[1]);
    assert!((west[2] / runtime - 1.0).abs() < 1e-6, "{} is not {runtime}", west[2]);
}

#[test]
fn each_deviation_is_switched_off_on_its_own() {
    let imported = Tables::diamond().read().unwrap();
    let [carbon, cost, runtime] = figures(&imported, Model::ORIGINAL, WEST);
    let change = |deviations| {
        let found = figures(&imported, Model::Original(deviations), WEST);
        [found[0] - carbon, found[1] - cost, found[2] - runtime]
    };
    let assert = |change: [f64; 3], expected: [f64; 3]| {
        for (found, expected) in change.into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6 * expected.abs() + 1e-11, "{found} is not {expected}");
        }
    };
    let prices = change(Deviations { prices_not_found: false, ..Deviations::ALL });
    assert(prices, [0.0, 54.0 * (2e-6 - WRITE), 0.0]);
    // Two answers of 3 KiB in the place of 1 KiB, each written twice, and a message of 65 KiB in the place of 1 KiB.
    let sizes = change(Deviations { sync_sizes_not_found: false, ..Deviations::ALL });
    assert(sizes, [68.0 * KIB * 1e-3 * 100.0, 8.0 * WRITE + MESSAGE, 0.0]);
    let arrival = change(Deviations { starts_at_last_caller: false, ..Deviations::ALL });
    assert!((arrival[2] - (1.2 + 0.12 + 1.5 + 2.1 - 0.87 - 2.85 - 0.2)).abs() < 1e-5, "{arrival:?}");
    // Every list of these tables has one value, which is always drawn.
    assert(change(Deviations { last_never_drawn: false, ..Deviations::ALL }), [0.0; 3]);
}

#[test]
fn an_instance_that_is_not_invoked_is_told_to_the_sync_node() {
    let never = "/instance_summary/a/to_instance/c/invocation_probability";
    let tables = Tables::diamond().set("workflow_instance_table.json", never, json!(0.0));
    let [_, cost, runtime] = figures(&tables.read().unwrap(), Model::ORIGINAL, [0; 4]);
    let expected = 4.0 * SECOND + 3e-6 + (10.0 + 2.0 + 4.0) * WRITE + (3.0 + 3.0) * READ + 3.0 * MESSAGE;
    assert!((cost / expected - 1.0).abs() < 1e-6, "{cost} is not {expected}");
    assert!((runtime - 3.6).abs() < 1e-6, "{runtime}");
}

#[test]
fn the_last_value_is_drawn_unless_the_original_is_mirrored() {
    let list = "/instance_summary/d/executions/at_region/aws:us-east-1";
    let both = json!({"durations_s": [1.0, 3.0], "auxiliary_data": {"1.0": [[0.0]], "3.0": [[0.0]]}});
    let imported = Tables::diamond().set("workflow_instance_table.json", list, both).read().unwrap();
    let runtime = |model| figures(&imported, model, [0; 4])[2];
    assert!((runtime(Model::ORIGINAL) - 3.6).abs() < 1e-6);
    let drawn = Deviations { last_never_drawn: false, ..Deviations::ALL };
    assert!(runtime(Model::Original(drawn)) > 3.7);
}

#[test]
fn a_first_function_that_reads_the_plan_redirects_to_another_region() {
    let redirector = json!({"a": {
        "cpu_utilization": 0.5,
        "executions": {
            "at_region": {"aws:us-east-1": {"durations_s": [0.2], "auxiliary_data": {"0.2": [[0.0, 0.1]]}}},
            "auxiliary_index_translation": {"data_transfer_during_execution_gb": 0, "a": 1},
        },
    }});
    let file = "workflow_instance_table.json";
    let without = Tables::diamond().set(file, "/start_hop_summary/wpd_at_function_probability", json!(1.0));
    let [carbon, cost, runtime] = figures(&without.read().unwrap(), Model::ORIGINAL, WEST);
    let imported = without.set(file, "/start_hop_summary/at_redirector", redirector).read().unwrap();
    let redirected = figures(&imported, Model::ORIGINAL, WEST);
    // At home for 0.2 s; after 0.1 s it sends 1 KiB, which takes 0.22 s (never measured) and 0.05 s of distance.
    assert!((redirected[2] - runtime - 0.1 - 0.27).abs() < 1e-6, "{redirected:?} {runtime}");
    let of_redirector = 0.2 * SECOND + 1e-6 + MESSAGE + KIB * 0.02;
    assert!((redirected[1] - cost - of_redirector).abs() < 1e-11, "{redirected:?} {cost}");
    let emitted = 0.2 / 3600.0 * KW * 1.1 * 400.0 + KIB * 1e-3 * 250.0;
    assert!((redirected[0] - carbon - emitted).abs() < 1e-9, "{redirected:?} {carbon}");
    let home = figures(&imported, Model::ORIGINAL, [0; 4]);
    assert!((home[2] - 3.6).abs() < 1e-6, "nothing is redirected at home: {home:?}");
}

#[test]
fn under_this_projects_model_a_run_at_home_takes_what_the_tables_say() {
    let imported = Tables::diamond().read().unwrap();
    let [_, cost, runtime] = figures(&imported, Model::Caribou, [0; 4]);
    assert!((runtime - 4.9).abs() < 1e-6, "d waits for c's arrival at 3.9 s: {runtime}");
    assert!(cost > 5.1 * SECOND + 4e-6, "{cost}");
    let workload = imported.workload(3, 1);
    let run = &workload.runs[0];
    assert_eq!(
        run.stages.iter().flatten().map(|stage| stage.duration_s).collect::<Vec<_>>(),
        [1.0, 2.0, 1.1, 1.0]
    );
    assert_eq!(run.stages[0].as_ref().unwrap().user_network_bytes, Some(1_073_742));
    assert_eq!(workload, imported.workload(3, 1));
}

#[test]
fn limits_priorities_and_prices_are_this_projects() {
    let imported = Tables::diamond().read().unwrap();
    let manifest = imported.manifest();
    let [hard, soft] = &manifest.constraints[..] else { panic!("{:?}", manifest.constraints) };
    assert_eq!(
        (hard.metric, hard.statistic, hard.strictness),
        (Metric::Runtime, Statistic::P95, Strictness::Hard)
    );
    assert_eq!(hard.limit, Limit::RelativeToHome(1.25));
    assert_eq!((soft.statistic, soft.strictness), (Statistic::Average, Strictness::Soft));
    assert_eq!(soft.limit, Limit::Absolute(0.5));
    assert_eq!(manifest.priority(), [Metric::Cost, Metric::Carbon, Metric::Runtime]);
    assert_eq!(manifest.runs.expected_per_month, Some(1000));
    let west = imported.regions().iter().find(|facts| facts.region == Region::aws("us-west-1")).unwrap();
    assert!((west.relative_speed - 1.0 / 1.5).abs() < 1e-12);
    assert!((west.prices.usd_per_write - 2e-6).abs() < 1e-15);
}

#[test]
fn a_conditional_edge_into_a_sync_node_is_always_taken_and_a_skipped_instance_has_one_in_its_place() {
    let file = "workflow_instance_table.json";
    let sometimes =
        |from: &str, to: &str| format!("/instance_summary/{from}/to_instance/{to}/invocation_probability");
    let tables = Tables::diamond().set(file, &sometimes("a", "c"), json!(0.5)).set(
        file,
        &sometimes("b", "d"),
        json!(0.5),
    );
    let imported = tables.read().unwrap();
    let graph = imported.graph();
    let edges: Vec<(usize, usize, u8, bool)> = graph
        .edges
        .iter()
        .map(|edge| (edge.from.index(), edge.to.index(), edge.slot, edge.when.is_some()))
        .collect();
    let (always, sometimes) = (false, true);
    assert_eq!(
        edges,
        [
            (0, 1, 0, always),
            (1, 2, 0, always),
            (1, 3, 0, sometimes),
            (1, 4, 1, sometimes),
            (2, 4, 0, always),
            (3, 4, 1, always),
            (4, 5, 0, always),
            (1, 5, 0, sometimes),
            (2, 5, 0, sometimes),
        ]
        .into_iter()
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect::<Vec<_>>()
    );
    for model in [Model::Caribou, Model::ORIGINAL] {
        assert!(figures(&imported, model, [0, 1, 1, 0])[2] > 1.0);
    }
}
