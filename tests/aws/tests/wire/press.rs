//! The example: deployed to four regions, run, migrated, run again, removed.
//!
//! `CARIBOU_WIRE_RUNS=200 cargo test -p caribou-test-aws --test wire press -- --nocapture` makes 200 runs before the migration
//! and 200 after it; without the variable it is a few.

use std::time::Instant;

use caribou_control::aws::remove;
use caribou_model::Epoch;
use caribou_test_aws::Machine;
use caribou_test_aws::machine::{CALIFORNIA, QUEBEC, REGIONS};
use image_press::scene::{Light, Scene};
use image_press::{Photo, press};
use serde_json::Value as Json;

use crate::deployed::{HOME, OnAws, PATIENCE};

/// How many runs before the migration and after it, each.
const RUNS: &str = "CARIBOU_WIRE_RUNS";
const FEW: u64 = 8;
/// Different photos, and runs side by side.
const PHOTOS: u64 = 6;

fn runs() -> u64 {
    std::env::var(RUNS).map_or(FEW, |runs| runs.parse().unwrap())
}

fn photos() -> Vec<Json> {
    let photo = |seed: u64| {
        let light = if seed.is_multiple_of(2) { Light::Day } else { Light::Night };
        let file = Scene { seed, light }.png(48, 32).unwrap();
        serde_json::to_value(Photo { name: format!("photo-{seed}.png"), file: file.as_slice().into() })
            .unwrap()
    };
    (0..PHOTOS).map(photo).collect()
}

async fn run_all(on_aws: &OnAws<'_>, epoch: Epoch) {
    let (photos, runs, began) = (photos(), runs(), Instant::now());
    let mut done = 0;
    while done < runs {
        let some = (runs - done).min(PHOTOS);
        on_aws.hold(epoch, &photos[..usize::try_from(some).unwrap()]).await;
        done += some;
    }
    println!(
        "{runs} runs under plan {epoch} equal the plain call, in {:.0} s",
        began.elapsed().as_secs_f64()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_is_deployed_to_four_regions_run_migrated_run_again_and_removed() {
    let Some(machine) = Machine::start().await.unwrap() else { return };
    let on_aws = OnAws::new(&machine, &press::WORKFLOW).await;
    let first = on_aws.migrate(&REGIONS).await;
    run_all(&on_aws, first).await;
    let second = on_aws.migrate(&[QUEBEC, HOME, CALIFORNIA]).await;
    run_all(&on_aws, second).await;
    machine.settled(PATIENCE).await.unwrap();
    assert_eq!(machine.bridge.lost(), Vec::<String>::new());

    let census = machine.census().await.unwrap();
    let regions = census.iter().filter(|line| line.contains(" function ")).map(|line| line.split(' ').next());
    assert_eq!(regions.collect::<std::collections::BTreeSet<_>>().len(), REGIONS.len(), "{census:#?}");
    println!("{} resources are there", census.len());
    let workflow = &on_aws.deployed.graph.workflow;
    let mut removed = 0;
    let left = remove(on_aws.aws(), workflow, &HOME, &REGIONS, &mut |_| removed += 1).await.unwrap();
    println!("{removed} resources were removed");
    assert!(left.is_empty(), "{left:?}");
    machine.bridge.look().await.unwrap();
    assert_eq!(machine.bridge.functions(), []);
    assert_eq!(machine.census().await.unwrap(), Vec::<String>::new());
}
