//! The first law: a deployed run equals the plain call, whatever the network and the machines do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::workflows::{BRANCH, CHAIN, FORK, GATE, LARGE, all};
use async_trait::async_trait;
use bytes::Bytes;
use caribou_runtime::memory::{Faults, Report, Simulation};
use caribou_runtime::model::{AttemptOutcome, Epoch, Graph, Hour, Placement, Plan, Region, Timestamp};
use caribou_runtime::port::{Condition, Item, Page, Ports, Put, Store, StoreError};
use caribou_runtime::{RunStatus, Workflow};
use serde_json::json;

const REGIONS: [&str; 3] = ["us-east-1", "ca-central-1", "eu-north-1"];

/// A plan in which the stages take turns over the regions, differently in every hour.
pub(crate) fn plan(workflow: &Workflow, seed: u64) -> Plan {
    let graph: Graph = (workflow.graph)();
    let stages = graph.stages().count();
    let hour = |hour: u64| {
        let region =
            |stage: u64| Region::aws(REGIONS[((seed + hour) / 3_u64.pow(stage as u32) % 3) as usize]);
        let regions: Vec<Region> = (0..stages as u64).map(region).collect();
        Placement::new(&regions).unwrap()
    };
    Plan {
        epoch: Epoch(5),
        expires: Timestamp::from_millis(u64::MAX),
        hours: (0..24).map(hour).collect(),
        ..Plan::at_home(&graph, Region::aws("us-east-1"))
    }
}

pub(crate) fn simulation(workflow: &'static Workflow, seed: u64) -> Simulation {
    Simulation::new(workflow).seed(seed).plan(plan(workflow, seed))
}

/// As many seeds as `CARIBOU_SEEDS` says, for a longer look.
pub(crate) fn seeds(usual: u64) -> std::ops::Range<u64> {
    0..std::env::var("CARIBOU_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(usual)
}

#[track_caller]
pub(crate) fn holds(report: &Report) -> usize {
    report.check_first_law().unwrap_or_else(|violation| panic!("{violation}"))
}

pub(crate) fn succeeded(report: &Report) -> usize {
    report.runs.values().filter(|run| matches!(run, RunStatus::Succeeded { .. })).count()
}

#[test]
fn without_faults_every_run_succeeds_and_every_stage_runs_once() {
    for workflow in all() {
        for seed in 0..50 {
            let report = simulation(workflow, seed).probe_share(0.3).run((1..5).map(|n| json!(n)));
            assert_eq!(holds(&report), 0);
            assert_eq!(succeeded(&report), 4);
            let mut calls = BTreeMap::<_, u32>::new();
            for call in &report.calls {
                *calls.entry((&call.run, &call.stage, call.item)).or_default() += 1;
            }
            assert!(calls.values().all(|count| *count == 1), "{calls:?}");
            assert!(report.dead_letters.is_empty());
        }
    }
}

#[test]
fn with_faults_every_run_is_its_plain_call_or_fails_and_none_hangs() {
    let (mut runs, mut failed) = (0, 0);
    for workflow in all() {
        for seed in seeds(200) {
            let report =
                simulation(workflow, seed).faults(Faults::some()).run([json!(2), json!(3), json!(6)]);
            failed += holds(&report);
            runs += report.runs.len();
        }
    }
    println!("{failed} of {runs} runs failed");
    assert!(failed * 100 <= runs, "{failed} of {runs} runs failed");
}

#[test]
fn with_heavy_faults_no_run_gives_a_wrong_result_and_none_hangs() {
    let faults = Faults { duplicate: 0.4, crash: 0.05, freeze: 0.02, lost_answer: 0.05, ..Faults::some() };
    for workflow in all() {
        for seed in seeds(200) {
            holds(&simulation(workflow, seed).faults(faults.clone()).run([json!(2), json!(3)]));
        }
    }
}

#[test]
fn a_duplicate_runs_no_stage_twice_and_fires_a_sync_node_once() {
    let faults = Faults { duplicate: 0.9, delay: Duration::from_secs(90), ..Faults::default() };
    for workflow in all() {
        for seed in 0..60 {
            let report = simulation(workflow, seed).faults(faults.clone()).run([json!(4)]);
            assert_eq!(holds(&report), 0);
            let harmless = |stage: &str| stage == "harmless";
            let mut calls = BTreeMap::<_, u32>::new();
            for call in report.calls.iter().filter(|call| !harmless(&call.stage)) {
                *calls.entry((&call.stage, call.item)).or_default() += 1;
            }
            assert!(calls.values().all(|count| *count == 1), "{calls:?}\n{}", report.schedule);
        }
    }
}

#[test]
fn all_successors_see_one_and_the_same_attempt() {
    let faults = Faults { crash: 0.03, freeze: 0.05, duplicate: 0.3, ..Faults::some() };
    let mut repeated = 0;
    for seed in 0..300 {
        let report = simulation(&FORK, seed).faults(faults.clone()).run([json!(4)]);
        holds(&report);
        repeated += usize::from(report.calls_of("run-0", "stamp") > 1);
    }
    assert!(repeated > 10, "the faults made a function run again in {repeated} runs only");
}

#[test]
fn a_superseded_attempt_sends_the_recorded_outcome() {
    let faults = Faults { freeze: 0.08, ..Faults::default() };
    let mut superseded = 0;
    for seed in 0..300 {
        let report = simulation(&FORK, seed).faults(faults.clone()).run([json!(4)]);
        holds(&report);
        let is = |outcome| outcome == AttemptOutcome::Superseded;
        superseded += report.telemetry.iter().filter(|record| is(record.outcome)).count();
    }
    assert!(superseded > 10, "{superseded} attempts were superseded");
}

#[test]
fn two_equal_payloads_at_a_sync_node_stay_two() {
    let report = simulation(&BRANCH, 1).run([json!(4)]);
    let [RunStatus::Succeeded { result, .. }] = &report.runs.values().collect::<Vec<_>>()[..] else {
        panic!("{:#?}", report.runs);
    };
    assert_eq!(*result, json!(18));
}

#[test]
fn a_parked_delivery_is_not_lost() {
    let faults = Faults { duplicate: 1.0, crash: 0.05, platform_attempts: 1, ..Faults::default() };
    let mut parked = 0;
    for seed in 0..100 {
        let report = simulation(&CHAIN, seed).faults(faults.clone()).run([json!(4)]);
        holds(&report);
        let sends = report.messages.len();
        parked += usize::from(sends > report.telemetry.iter().map(|record| record.successors.len()).sum());
    }
    assert!(parked > 0);
}

#[test]
fn transient_errors_are_tried_again_within_the_budget() {
    let report = simulation(&FORK, 3).run([json!(50)]);
    // Sums of a run whose plain call (attempt 9) succeeds at once.
    assert_eq!(holds(&report), 0);
    assert_eq!(report.calls_of("run-0", "flaky"), 3);
    let outcomes: Vec<_> = report.records_of("run-0", "flaky").map(|record| record.outcome).collect();
    assert_eq!(outcomes, [AttemptOutcome::Retried, AttemptOutcome::Retried, AttemptOutcome::Succeeded]);
}

#[test]
fn a_permanent_error_fails_the_run_with_its_stage_and_input_and_nothing_downstream_runs() {
    let report = simulation(&CHAIN, 3).run([json!(13), json!(1)]);
    let failed = report.runs.values().next().unwrap();
    let RunStatus::Failed { stage, error, input, .. } = failed else { panic!("{failed:?}") };
    assert_eq!((stage.as_deref(), error.as_str()), (Some("double"), "13 is refused"));
    assert_eq!(input, &[json!(13)]);
    assert_eq!((report.calls_of("run-0", "double"), report.calls_of("run-0", "increment")), (1, 0));
    assert_eq!(succeeded(&report), 1, "an error leaves no trace in the next event");
}

#[test]
fn a_panic_is_an_error_of_the_stage_and_the_instance_stays_healthy() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let report = std::panic::catch_unwind(|| {
        let mut panicking = FORK;
        panicking.plain = |_| Box::pin(async { Err(caribou_runtime::Error::permanent("it panics")) });
        simulation(Box::leak(Box::new(panicking)), 3).run([json!(100), json!(1)])
    });
    std::panic::set_hook(hook);
    let report = report.unwrap();
    let RunStatus::Failed { error, .. } = report.runs.values().next().unwrap() else { panic!() };
    assert_eq!(error, "panicked: 100 is too much");
    assert_eq!(report.calls_of("run-0", "flaky"), 3);
}

#[test]
fn input_that_does_not_fit_fails_the_run_at_its_entry() {
    let report = simulation(&CHAIN, 3).run([json!({"no": "number"})]);
    let status = report.runs.values().next().unwrap();
    let RunStatus::Failed { stage, error, .. } = status else { panic!("{status:?}") };
    assert_eq!(stage.as_deref(), Some("input"));
    assert!(error.contains("parameter 0 of the workflow is not of type `u64`"), "{error}");
}

#[test]
fn an_expired_plan_means_home() {
    let expired = Plan { expires: Timestamp::from_millis(1_699_999_999_999), ..plan(&CHAIN, 7) };
    let report = Simulation::new(&CHAIN).plan(expired).run([json!(1)]);
    assert_eq!(holds(&report), 0);
    for record in report.telemetry.iter().filter(|record| record.stage != "input") {
        assert_eq!((record.region.code(), record.epoch), ("us-east-1", Epoch(0)));
    }
}

#[test]
fn a_run_follows_the_plan_of_its_hour_and_probes_stay_home() {
    let plan = plan(&CHAIN, 7);
    let hour = Hour::new(22).unwrap();
    let report = Simulation::new(&CHAIN).plan(plan.clone()).probe_share(0.5).run((0..40).map(|n| json!(n)));
    let mut probes = 0;
    for record in report.telemetry.iter().filter(|record| record.stage == "increment") {
        assert_eq!((record.hour, record.epoch), (hour, Epoch(5)));
        let planned = plan.placement(hour).unwrap().region_of(1).unwrap();
        probes += usize::from(record.probe);
        assert_eq!(record.region, if record.probe { Region::aws("us-east-1") } else { planned.clone() });
    }
    assert!((10..30).contains(&probes), "{probes} probes of 40");
}

#[test]
fn an_undisturbed_stage_writes_the_store_twice() {
    let report = simulation(&CHAIN, 4).run([json!(1)]);
    let double = report.records_of("run-0", "double").next().unwrap();
    assert_eq!((double.store_reads, double.store_writes), (0, 2));
    let entry = report.records_of("run-0", "input").next().unwrap();
    assert_eq!((entry.store_reads, entry.store_writes), (0, 2));
}

#[test]
fn a_region_that_is_down_is_replaced_by_home_and_the_telemetry_says_so() {
    let away = Region::aws("eu-north-1");
    let placement = Placement::new(&[Region::aws("us-east-1"), away.clone()]).unwrap();
    let plan = Plan { hours: vec![placement; 24], ..plan(&CHAIN, 0) };
    let faults = Faults { down: [away].into(), ..Faults::default() };
    let regions = ["us-east-1", "eu-north-1"].map(Region::aws);
    for seed in 0..20 {
        let report = Simulation::new(&CHAIN)
            .regions(regions.clone())
            .plan(plan.clone())
            .seed(seed)
            .faults(faults.clone())
            .run([json!(1)]);
        assert_eq!(holds(&report), 0);
        let double = report.records_of("run-0", "double").next().unwrap();
        assert_eq!(double.successors[0].region, Some(Region::aws("us-east-1")));
        assert_eq!(report.records_of("run-0", "increment").next().unwrap().region.code(), "us-east-1");
    }
}

#[test]
fn telemetry_tells_of_every_edge_whether_it_was_taken() {
    let report = simulation(&BRANCH, 2).run([json!(4), json!(3)]);
    let taken = |run: &str| -> Vec<(u16, bool)> {
        let record = report.records_of(run, "double").next().unwrap();
        record.successors.iter().map(|successor| (successor.to.0, successor.taken)).collect()
    };
    assert_eq!(taken("run-0"), [(2, true), (3, true), (4, false)]);
    assert_eq!(taken("run-1"), [(2, true), (3, false), (4, true)]);
}

#[test]
fn large_values_travel_as_blobs_and_their_bytes_are_counted_once() {
    let report = simulation(&LARGE, 2).run([json!(30_000)]);
    assert_eq!(holds(&report), 0);
    assert!(report.messages.iter().all(|message| message.bytes < 1_000));
    let total = report.records_of("run-0", "total").next().unwrap();
    assert!(total.bytes_in > 120_000, "{}", total.bytes_in);
    let sent: u64 = report.records_of("run-0", "repeat").map(|record| record.successors[0].bytes).sum();
    assert!((60_000..200_000).contains(&sent), "{sent}");
}

#[test]
fn a_gate_decides_once() {
    for seed in 0..50 {
        let faults = Faults { duplicate: 0.5, ..Faults::default() };
        let report = simulation(&GATE, seed).faults(faults).run([json!(1), json!(2)]);
        assert_eq!(holds(&report), 0);
        let decided =
            report.records_of("run-0", "gate#1").filter(|record| record.outcome == AttemptOutcome::Succeeded);
        assert_eq!(decided.count(), 1);
    }
}

/// A store that writes whatever the condition.
struct Careless(Arc<dyn Store>);

#[async_trait]
impl Store for Careless {
    async fn get(&self, region: &Region, key: &str) -> Result<Option<Item>, StoreError> {
        self.0.get(region, key).await
    }

    async fn put(
        &self,
        region: &Region,
        key: &str,
        value: Bytes,
        _condition: Condition,
        expires: Timestamp,
    ) -> Result<Put, StoreError> {
        self.0.put(region, key, value, Condition::Any, expires).await
    }

    async fn add(
        &self,
        region: &Region,
        key: &str,
        member: u32,
        expires: Timestamp,
    ) -> Result<BTreeSet<u32>, StoreError> {
        self.0.add(region, key, member, expires).await
    }

    async fn list(
        &self,
        region: &Region,
        prefix: &str,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Page, StoreError> {
        self.0.list(region, prefix, after, limit).await
    }
}

#[test]
fn the_check_finds_a_store_that_ignores_its_conditions() {
    let faults = Faults { crash: 0.03, freeze: 0.05, duplicate: 0.3, ..Faults::some() };
    let careless = |ports: Ports| Ports { store: Arc::new(Careless(ports.store.clone())), ..ports };
    let found = (0..100).find_map(|seed| {
        let simulation = simulation(&FORK, seed).faults(faults.clone()).ports(careless);
        simulation.run([json!(4)]).check_first_law().err()
    });
    let violation = found.expect("a law that cannot be broken is not checked");
    assert!(violation.to_string().contains("receives"), "it prints its schedule");
}

/// A store that forgets every other outcome which it says it has written.
struct Forgetful(Arc<dyn Store>, AtomicUsize);

#[async_trait]
impl Store for Forgetful {
    async fn get(&self, region: &Region, key: &str) -> Result<Option<Item>, StoreError> {
        self.0.get(region, key).await
    }

    async fn put(
        &self,
        region: &Region,
        key: &str,
        value: Bytes,
        condition: Condition,
        expires: Timestamp,
    ) -> Result<Put, StoreError> {
        let outcome = key.contains("/claim/") && matches!(condition, Condition::Revision(_));
        if outcome && self.1.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            return Ok(Put::Written(u64::MAX));
        }
        self.0.put(region, key, value, condition, expires).await
    }

    async fn add(
        &self,
        region: &Region,
        key: &str,
        member: u32,
        expires: Timestamp,
    ) -> Result<BTreeSet<u32>, StoreError> {
        self.0.add(region, key, member, expires).await
    }

    async fn list(
        &self,
        region: &Region,
        prefix: &str,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Page, StoreError> {
        self.0.list(region, prefix, after, limit).await
    }
}

#[test]
fn the_check_finds_a_store_that_forgets_outcomes_before_their_messages_are_sent() {
    let faults = Faults { crash: 0.03, vanish: 0.3, ..Faults::default() };
    let forgetful = |ports: Ports| {
        let store = Arc::new(Forgetful(ports.store.clone(), AtomicUsize::new(0)));
        Ports { store, ..ports }
    };
    let violations: BTreeSet<String> = (0..200)
        .filter_map(|seed| {
            let simulation = simulation(&FORK, seed).faults(faults.clone()).ports(forgetful);
            simulation.run([json!(4)]).check_first_law().err().map(|violation| violation.what)
        })
        .collect();
    let is_told = |what: &str| violations.iter().any(|violation| violation.contains(what));
    assert!(is_told("messages with different values went to"), "{violations:#?}");
    assert!(is_told("came to nothing") && is_told("called the function of stamp twice"), "{violations:#?}");
}

#[test]
fn the_same_seed_gives_the_same_schedule() {
    let run = || simulation(&GATE, 11).faults(Faults::some()).run([json!(1), json!(2)]).schedule;
    assert_eq!(run(), run());
}
