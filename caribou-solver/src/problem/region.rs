//! The regions in play and the distances between them.

use std::collections::BTreeSet;

use caribou_model::manifest::RegionRules;
use caribou_model::{Graph, LatencyTable, Manifest, Placement, Region, RegionFacts, RunSample};

use super::ProblemError;

/// Checks that every region and function that is named is known, and that every function may run at home.
pub(super) fn check_names(
    graph: &Graph,
    manifest: &Manifest,
    regions: &[RegionFacts],
) -> Result<(), ProblemError> {
    for (index, facts) in regions.iter().enumerate() {
        if regions[..index].iter().any(|other| other.region == facts.region) {
            return Err(ProblemError::DuplicateRegion(facts.region.clone()));
        }
    }
    for name in manifest.functions.keys() {
        if !graph.functions.iter().any(|function| function.name == *name) {
            return Err(ProblemError::UnknownFunction(name.clone()));
        }
    }
    let allowed_by_manifest = manifest.regions.allowed_by_name().chain([&manifest.home]);
    let allowed_by_functions = manifest.functions.values().flat_map(RegionRules::allowed_by_name);
    for region in allowed_by_manifest.chain(allowed_by_functions) {
        known(regions, region, || "caribou.toml".into())?;
    }
    for function in &graph.functions {
        for region in &function.allow {
            known(regions, region, || format!("function `{}`", function.name))?;
        }
        if !manifest.permits(function, &manifest.home) {
            let (function, home) = (function.name.clone(), manifest.home.clone());
            return Err(ProblemError::HomeNotPermitted { function, home });
        }
    }
    Ok(())
}

fn known<'a>(
    regions: &'a [RegionFacts],
    region: &Region,
    named_by: impl FnOnce() -> String,
) -> Result<&'a RegionFacts, ProblemError> {
    regions
        .iter()
        .find(|facts| facts.region == *region)
        .ok_or_else(|| ProblemError::UnknownRegion { region: region.clone(), named_by: named_by() })
}

/// Home, then every region that a stage may use or where a run was observed.
pub(super) fn in_play(
    graph: &Graph,
    runs: &[RunSample],
    regions: &[RegionFacts],
    manifest: &Manifest,
) -> Result<Vec<RegionFacts>, ProblemError> {
    let mut observed: BTreeSet<&Region> = BTreeSet::new();
    for run in runs {
        let stages = run.stages.iter().flatten().map(|stage| &stage.region);
        let edges = run.edges.iter().flatten().flat_map(|edge| [&edge.from, &edge.to]);
        for region in stages.chain(edges).chain([&run.entry]) {
            if observed.insert(region) {
                known(regions, region, || format!("run {} of the workload", run.run))?;
            }
        }
    }
    let mut in_play = vec![known(regions, &manifest.home, || "caribou.toml".into())?.clone()];
    in_play.extend(
        regions
            .iter()
            .filter(|facts| facts.region != manifest.home)
            .filter(|facts| {
                let permitted = graph.stages().any(|(_, spec)| manifest.permits(spec, &facts.region));
                permitted || observed.contains(&facts.region)
            })
            .cloned(),
    );
    if in_play.len() > Placement::MOST_REGIONS {
        return Err(ProblemError::TooManyRegions(in_play.len()));
    }
    Ok(in_play)
}

/// Median round trips in seconds, by from and to; nothing within a region.
pub(super) fn distances(regions: &[RegionFacts], latencies: &LatencyTable) -> Result<Vec<f64>, ProblemError> {
    let mut distances = Vec::with_capacity(regions.len() * regions.len());
    for from in regions {
        for to in regions {
            let [from, to] = [&from.region, &to.region];
            if from == to {
                distances.push(0.0);
                continue;
            }
            let Some(round_trip) = latencies.round_trip(from, to) else {
                return Err(ProblemError::UnknownLatency { from: from.clone(), to: to.clone() });
            };
            let seconds = round_trip.p50.0;
            if !(0.0..=60.0).contains(&seconds) {
                return Err(ProblemError::BadLatency { from: from.clone(), to: to.clone(), seconds });
            }
            distances.push(seconds);
        }
    }
    Ok(distances)
}
