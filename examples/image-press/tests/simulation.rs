//! The workflow in simulated regions: where its stages run, what goes over the wire, what it bears.

use std::time::Duration;

use caribou::testing::{Faults, Outage, Region, Simulation};
use image_press::scene::{Light, Scene};
use image_press::{Photo, Release, press};

const CANADA: Region = Region::aws("ca-central-1");
const SWEDEN: Region = Region::aws("eu-north-1");

fn photo(light: Light, width: u32) -> Photo {
    let file = Scene { seed: 3, light }.png(width, width * 2 / 3).unwrap_or_default();
    Photo { name: "lake.png".into(), file: file.into() }
}

/// The pictures are made in Canada, the card in Sweden, everything else at home.
fn spread() -> Simulation {
    let simulation = Simulation::new(&press::WORKFLOW).place("card", SWEDEN);
    ["denoise", "develop", "resize"].into_iter().fold(simulation, |set, stage| set.place(stage, CANADA))
}

#[test]
fn a_photo_by_day_is_not_denoised_and_every_other_stage_runs_once_where_it_is_placed() {
    let report = spread().run([photo(Light::Day, 120)]);
    let run = report.run("run-0");
    let release: Release = run.result().unwrap();
    assert!(!release.assets.is_empty());
    assert!(run.calls("denoise").is_empty());
    for stage in ["inspect", "develop", "resize", "palette", "card", "publish"] {
        assert_eq!(run.calls(stage).len(), 1, "{stage}");
    }
    assert_eq!(run.regions("develop"), ["ca-central-1"].into());
    assert_eq!(run.regions("card"), ["eu-north-1"].into());
    assert_eq!(run.regions("publish"), ["us-east-1"].into());
    assert_eq!(run.stages().first(), Some(&"inspect"));
    assert_eq!(run.stages().last(), Some(&"publish"), "it waits for all others");
}

#[test]
fn large_pictures_travel_as_blobs_and_messages_stay_small() {
    let report = spread().run([photo(Light::Night, 900)]);
    let run = report.run("run-0");
    assert_eq!(run.calls("denoise").len(), 1);
    assert!(
        run.messages("develop").iter().all(|message| message.bytes < 2_000),
        "{:?}",
        run.messages("develop")
    );
}

#[test]
fn a_bad_day_and_a_region_that_is_cut_off_change_no_release() {
    let outage = Outage::new(CANADA, Duration::from_secs(1), Duration::from_secs(40));
    let faults = Faults { outages: vec![outage], ..Faults::some() };
    for seed in 0..8 {
        let simulation = spread().seed(seed).faults(faults.clone()).work(|_| Duration::from_secs(1));
        let report = simulation.run([photo(Light::Day, 120), photo(Light::Night, 120)]);
        report.check_first_law().unwrap_or_else(|violation| panic!("{violation}"));
    }
}
