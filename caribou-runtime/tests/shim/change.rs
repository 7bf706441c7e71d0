//! Change under way: new plans and new versions while runs are in flight.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use caribou_runtime::memory::{Faults, Report, Simulation};
use caribou_runtime::model::{Epoch, Graph, Placement, Plan, Region, Timestamp};
use caribou_runtime::port::StageAddress;
use caribou_runtime::{Request, Workflow};

use crate::first_law::{holds, seeds};
use crate::workflows::{CHAIN, FORK};

const HOME: Region = Region::aws("us-east-1");
const CANADA: Region = Region::aws("ca-central-1");
const SWEDEN: Region = Region::aws("eu-north-1");
const BEGINNING: u64 = 1_700_000_000_000;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A plan that puts everything into one region.
fn plan(workflow: &Workflow, epoch: u64, region: Region, expires: Timestamp) -> Plan {
    let graph: Graph = (workflow.graph)();
    let placement = Placement::uniform(region, graph.stages().count());
    Plan { epoch: Epoch(epoch), expires, hours: vec![placement; 24], ..Plan::at_home(&graph, HOME) }
}

fn never() -> Timestamp {
    Timestamp::from_millis(u64::MAX)
}

/// Where the stages of the runs of each epoch ran.
fn regions(report: &Report) -> BTreeMap<Epoch, BTreeSet<String>> {
    let mut regions: BTreeMap<Epoch, BTreeSet<String>> = BTreeMap::new();
    for record in
        report.telemetry.iter().filter(|record| !["input", "result"].contains(&record.stage.as_str()))
    {
        regions.entry(record.epoch).or_default().insert(record.region.code().to_owned());
    }
    regions
}

/// Every run has one plan, from its entry to its end.
fn have_one_plan_each(report: &Report) {
    let mut epochs: BTreeMap<_, BTreeSet<Epoch>> = BTreeMap::new();
    for record in &report.telemetry {
        epochs.entry(&record.run).or_default().insert(record.epoch);
    }
    assert!(epochs.values().all(|epochs| epochs.len() == 1), "{epochs:?}\n{}", report.schedule);
}

#[test]
fn runs_in_flight_keep_their_plan_while_another_is_put_in_force() {
    for workflow in [&CHAIN, &FORK] {
        for seed in seeds(20) {
            let report = Simulation::new(workflow)
                .seed(seed)
                .plan(plan(workflow, 5, CANADA, never()))
                .switch_at(seconds(60), plan(workflow, 6, SWEDEN, never()))
                // An entry that cannot read the plan would send its run home.
                .faults(Faults { outage: 0.0, lost_request: 0.0, lost_answer: 0.0, ..Faults::some() })
                .work(|_| seconds(10))
                .every(seconds(5))
                .run(1..40);
            holds(&report);
            have_one_plan_each(&report);
            let only = |region: &Region| BTreeSet::from([region.code().to_owned()]);
            assert_eq!(regions(&report), [(Epoch(5), only(&CANADA)), (Epoch(6), only(&SWEDEN))].into());
        }
    }
}

#[test]
fn a_plan_that_expires_never_splits_a_run_in_two() {
    let expires = Timestamp::from_millis(BEGINNING).plus(seconds(60));
    for seed in seeds(20) {
        let report = Simulation::new(&FORK)
            .seed(seed)
            .plan(plan(&FORK, 5, SWEDEN, expires))
            .faults(Faults { outage: 0.0, clock_skew: seconds(8), ..Faults::some() })
            .work(|_| seconds(10))
            .every(seconds(5))
            .run(1..30);
        holds(&report);
        have_one_plan_each(&report);
        let only = |region: &Region| BTreeSet::from([region.code().to_owned()]);
        assert_eq!(regions(&report), [(Epoch(0), only(&HOME)), (Epoch(5), only(&SWEDEN))].into());
    }
}

/// The next version of `CHAIN`.
fn next() -> &'static Workflow {
    let graph = || Graph { version: "0.2.0".into(), ..(CHAIN.graph)() };
    Box::leak(Box::new(Workflow { version: "0.2.0", graph, ..CHAIN }))
}

#[test]
fn runs_in_flight_keep_their_version_while_another_is_rolled_out_beside_it() {
    for seed in seeds(20) {
        let report = Simulation::new(&CHAIN)
            .seed(seed)
            .plan(plan(&CHAIN, 5, CANADA, never()))
            .roll_out_at(seconds(60), next())
            .faults(Faults { outage: 0.0, ..Faults::some() })
            .work(|_| seconds(10))
            .every(seconds(5))
            .run(1..30);
        holds(&report);
        assert!(report.dead_letters.is_empty(), "{:?}", report.dead_letters);
        let mut versions: BTreeMap<_, BTreeSet<&str>> = BTreeMap::new();
        for record in &report.telemetry {
            versions.entry(record.run.as_str()).or_default().insert(&record.version);
        }
        for (run, versions) in versions {
            let n: u64 = run.trim_start_matches("run-").parse().unwrap();
            let version = if n * 5 < 60 { "0.1.0" } else { "0.2.0" };
            assert_eq!(versions, [version].into(), "{run}");
        }
    }
}

#[test]
fn what_is_of_an_unknown_version_is_refused_with_its_reason_and_kept() {
    let to = |version: &str| StageAddress {
        workflow: "chain".into(),
        version: version.into(),
        function: "double".into(),
        region: HOME,
    };
    let message = r#"{"c":1,"w":"chain","v":"0.9.0","g":7,"r":"lost","e":0,"h":0,"f":0,"d":1700003600000,"p":"us-east-1/--","n":1,"m":0,"a":1,"k":1,"s":1700000000000,"y":["BA"]}"#;
    let request = Request {
        workflow: "chain".into(),
        version: Some("0.9.0".into()),
        run: Some("lost".parse().unwrap()),
        input: 4.into(),
        input_blob: None,
        sent: None,
        traceparent: None,
        resume: None,
    };
    let report = Simulation::new(&CHAIN)
        .send_at(seconds(1), to("0.1.0"), message)
        .send_at(seconds(2), to("0.1.0"), request.encode().unwrap())
        .send_at(seconds(3), to("0.9.0"), message)
        .run([4]);
    assert_eq!((holds(&report), report.run("run-0").result()), (0, Ok(9)));
    let reasons: Vec<&str> = report.dead_letters.iter().map(|letter| letter.reason.as_str()).collect();
    let refused =
        "the event is refused: it is for version 0.9.0 of workflow `chain`; this bootstrap serves 0.1.0";
    assert_eq!(reasons, [refused, refused, "nothing is deployed there"]);
    assert_eq!(report.dead_letters[0].body, message);
    assert_eq!(report.dead_letters[0].run.as_ref().unwrap().as_str(), "lost");
}
