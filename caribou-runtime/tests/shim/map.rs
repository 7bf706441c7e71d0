//! Maps: the items of one stage, all the way there and back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use caribou_runtime::RunStatus;
use caribou_runtime::memory::{Faults, Report, Simulation};
use caribou_runtime::model::{AttemptOutcome, Placement, Plan, Region, Timestamp};
use caribou_runtime::port::{Condition, Item, Page, Ports, Put, Store, StoreError};
use serde_json::json;

use crate::first_law::{holds, plan, seeds, simulation, succeeded};
use crate::map_workflows::{LISTS, MAPS, SPREAD};
use crate::platform::{Measures, Platform};

#[test]
fn the_items_of_a_map_each_run_once_and_their_order_is_kept() {
    let report = simulation(&MAPS, 3).run([json!(5)]);
    assert_eq!(holds(&report), 0);
    let RunStatus::Succeeded { result, .. } = &report.runs.values().next().unwrap() else { panic!() };
    assert_eq!(*result, json!([1, 2_500_002, 5_000_003, 7_500_004, 10_000_005]));
    let mut items: Vec<_> =
        report.calls.iter().filter(|call| call.stage == "scale#2").map(|call| call.item.unwrap()).collect();
    items.sort_unstable();
    assert_eq!(items, [0, 1, 2, 3, 4]);
    let told: BTreeSet<_> = report.records_of("run-0", "scale").map(|record| record.item).collect();
    assert_eq!(told, (0..5).map(Some).collect());
    assert!(report.records_of("run-0", "collect").all(|record| record.item.is_none()));
}

#[test]
fn a_map_without_items_is_complete_at_once() {
    for seed in 0..20 {
        let report = simulation(&MAPS, seed).run([json!(0)]);
        assert_eq!((holds(&report), succeeded(&report)), (0, 1));
        assert_eq!(report.calls_of("run-0", "scale"), 0);
        let count = report.records_of("run-0", "count").next().unwrap();
        let taken: Vec<_> = count.successors.iter().map(|edge| (edge.to.0, edge.taken)).collect();
        assert_eq!(taken, [(2, false), (3, true), (6, false), (7, true)]);
    }
}

#[test]
fn what_the_items_share_is_stored_once_and_large_values_travel_as_blobs() {
    let measures = Measures::default();
    let report = simulation(&LISTS, 2).ports(measures.wrap()).run([json!(20_000)]);
    assert_eq!((holds(&report), succeeded(&report)), (0, 1));
    assert!(report.messages.iter().all(|message| message.bytes < 1_000), "{:?}", report.messages);
    assert!(measures.largest_item() < 4_000, "{}", measures.largest_item());
    let collect = report.records_of("run-0", "collect").next().unwrap();
    assert!(collect.bytes_in > 120_000, "{}", collect.bytes_in);
    // Of each item its list, and the list that they share.
    for total in report.records_of("run-0", "total") {
        assert!(total.bytes_in > 40_000, "{}", total.bytes_in);
    }
}

#[test]
fn all_items_run_in_the_region_of_their_stage() {
    for seed in 0..9 {
        let report = simulation(&MAPS, seed).run([json!(4)]);
        for stage in ["scale", "scale#2", "increment"] {
            let regions: BTreeSet<_> =
                report.records_of("run-0", stage).map(|record| record.region.clone()).collect();
            assert_eq!(regions.len(), 1, "{stage}: {regions:?}");
        }
    }
}

#[test]
fn a_map_whose_region_is_down_goes_home_as_a_whole() {
    let away = Region::aws("eu-north-1");
    let at_home = Region::aws("us-east-1");
    let [home, down] = [at_home.clone(), away.clone()];
    let placement = Placement::new(&[home.clone(), down, home.clone(), home.clone(), home]).unwrap();
    let plan = Plan { hours: vec![placement; 24], ..plan(&MAPS, 0) };
    let faults = Faults { down: [away].into(), ..Faults::default() };
    let regions = ["us-east-1", "eu-north-1"].map(Region::aws);
    for seed in 0..10 {
        let simulation = Simulation::new(&MAPS).regions(regions.clone()).plan(plan.clone()).seed(seed);
        let report = simulation.faults(faults.clone()).run([json!(5)]);
        assert_eq!((holds(&report), succeeded(&report)), (0, 1));
        assert_eq!(report.records_of("run-0", "scale").count(), 5);
        assert!(report.records_of("run-0", "scale").all(|record| record.region == at_home));
    }
}

#[test]
fn an_item_that_fails_for_good_fails_the_run_and_is_named() {
    let report = simulation(&MAPS, 1).run([json!(20)]);
    let RunStatus::Failed { stage, item, error, input, .. } = report.runs.values().next().unwrap() else {
        panic!("{:?}", report.runs)
    };
    assert_eq!((stage.as_deref(), *item, error.as_str()), (Some("scale"), Some(13), "13 is refused"));
    assert_eq!(input, &[json!(13), json!(20)]);
    assert_eq!(report.calls_of("run-0", "scale#2"), 0);
}

#[test]
fn more_items_than_a_map_may_have_fail_the_run_with_that_cause() {
    let report = simulation(&SPREAD, 1).run([json!(10_001)]);
    let RunStatus::Failed { stage, error, .. } = report.runs.values().next().unwrap() else { panic!() };
    assert_eq!(stage.as_deref(), Some("input"));
    assert!(error.starts_with("a map has more than 10000 items"), "{error}");
    assert_eq!(report.calls.len(), 0);
}

/// Items of a run whose function was called more often than once.
fn repeated(report: &Report) -> usize {
    let mut calls = BTreeMap::<_, u32>::new();
    for call in &report.calls {
        *calls.entry((&call.run, &call.stage, call.item)).or_default() += 1;
    }
    calls.values().filter(|count| **count > 1).count()
}

#[test]
fn with_faults_maps_of_several_shards_are_their_plain_call_or_fail_and_none_hangs() {
    let faults = Faults { crash: 0.0005, freeze: 0.0002, lost_answer: 0.002, ..Faults::some() };
    let (mut runs, mut failed, mut again) = (0, 0, 0);
    for seed in seeds(6) {
        let measures = Measures::default();
        let simulation = simulation(&MAPS, seed).faults(faults.clone()).ports(measures.wrap());
        let report = simulation.run([json!(300)]);
        failed += holds(&report);
        runs += report.runs.len();
        again += repeated(&report);
        assert_eq!(measures.largest_set(), 256);
        assert!(measures.largest_item() < 400_000, "{}", measures.largest_item());
    }
    println!("{failed} of {runs} runs failed, {again} items ran again");
    assert!(failed * 3 <= runs && again > 0, "{failed} of {runs} runs failed, {again} items ran again");
}

/// A store in which a set is not read after the addition but before it.
struct Hasty(Arc<dyn Store>);

#[async_trait]
impl Store for Hasty {
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
        self.0.put(region, key, value, condition, expires).await
    }

    async fn add(
        &self,
        region: &Region,
        key: &str,
        member: u32,
        expires: Timestamp,
    ) -> Result<BTreeSet<u32>, StoreError> {
        let mut whole = self.0.add(region, key, member, expires).await?;
        whole.remove(&member);
        Ok(whole)
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
fn the_check_finds_a_map_that_is_never_collected() {
    let hasty = |ports: Ports| Ports { store: Arc::new(Hasty(ports.store.clone())), ..ports };
    let report = simulation(&MAPS, 1).ports(hasty).run([json!(5)]);
    assert_eq!(report.check_first_law().unwrap_err().what, "it hangs");
}

#[test]
fn duplicates_run_no_item_twice_and_collect_a_map_once() {
    let faults = Faults { duplicate: 0.9, delay: Duration::from_secs(90), ..Faults::default() };
    for seed in 0..20 {
        let report = simulation(&MAPS, seed).faults(faults.clone()).run([json!(6)]);
        assert_eq!((holds(&report), succeeded(&report), repeated(&report)), (0, 1, 0));
        for name in ["collect", "collect#2", "collect#3"] {
            let is_done = |outcome| outcome == AttemptOutcome::Succeeded;
            let done = report.records_of("run-0", name).filter(|record| is_done(record.outcome));
            assert_eq!(done.count(), 1, "{name}");
        }
    }
}

#[test]
fn ten_thousand_items_are_collected_and_nothing_in_the_store_grows_with_them() {
    let mut platform = Platform::new(&SPREAD);
    let run = platform.start(json!(10_000));
    platform.deliver_all();
    let RunStatus::Succeeded { result, .. } = platform.status(&run) else {
        panic!("{:?}", platform.status(&run))
    };
    let wanted: Vec<u64> = (0..10_000).map(|item| item % 13 * 2).collect();
    assert_eq!(result, json!({ "Ok": wanted }));
    assert_eq!(platform.calls("risky"), 10_000);
    assert_eq!(platform.measures.largest_set(), 256);
    // The result is the largest.
    assert!(platform.measures.largest_item() < 16_000, "{}", platform.measures.largest_item());
    assert!(platform.measures.sent() <= 10_010, "{}", platform.measures.sent());
}

#[test]
fn a_dispatch_that_was_interrupted_goes_on_where_it_stopped() {
    let mut platform = Platform::new(&SPREAD);
    let run = platform.start(json!(2_000));
    let (to, request) = platform.take_one();
    let event = platform.event(&request);
    // The request itself was sent before.
    platform.measures.fail_after(1_101);
    assert!(platform.handle(&to, event.clone()).is_err());
    platform.measures.fail_after(usize::MAX);
    let again = caribou_runtime::Event { deadline: Timestamp::from_millis(u64::MAX), ..event };
    assert!(platform.handle(&to, again.clone()).is_ok());
    let sent = platform.measures.sent();
    assert!((2_001..2_001 + 256).contains(&sent), "{sent} messages for 2000 items");
    // What was handed over is not sent again.
    assert!(platform.handle(&to, again).is_ok());
    assert_eq!(platform.measures.sent(), sent);
    platform.deliver_all();
    assert!(matches!(platform.status(&run), RunStatus::Succeeded { .. }));
    assert_eq!(platform.calls("risky"), 2_000);
}
