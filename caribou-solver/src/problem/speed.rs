//! How fast each stage runs in each region.

use caribou_model::{Graph, RegionFacts, RunSample};

use super::HOME;

/// With fewer samples of a stage in a region than this, the region's facts tell its speed there.
const ENOUGH: usize = 10;

/// Speeds relative to the home region, by node and region.
///
/// A region where a stage has run often enough, and at home too, has the stage's own ratio: its mean duration at home over
/// that in the region. A stage that waits for its neighbours more than it computes is so told apart from one that does
/// not. Elsewhere it is the region's relative speed. Both runs at home and in the region are taken as a fair draw of the
/// same requests, as probes are.
pub(super) fn of_nodes(graph: &Graph, runs: &[RunSample], regions: &[RegionFacts]) -> Vec<f64> {
    let mut speeds: Vec<f64> =
        graph.nodes.iter().flat_map(|_| regions.iter().map(|facts| facts.relative_speed)).collect();
    for (stage, (node, _)) in graph.stages().enumerate() {
        let mean_in = |facts: &RegionFacts| {
            let samples = runs.iter().filter_map(|run| run.stages.get(stage)?.as_ref());
            let (sum, count) = samples
                .filter(|sample| sample.region == facts.region)
                .fold((0.0, 0_usize), |(sum, count), sample| (sum + sample.duration_s, count + 1));
            (count >= ENOUGH && sum > 0.0).then_some(sum / count as f64)
        };
        let Some(at_home) = mean_in(&regions[HOME]) else { continue };
        for (index, facts) in regions.iter().enumerate().skip(HOME + 1) {
            if let Some(there) = mean_in(facts) {
                let speed = regions[HOME].relative_speed * at_home / there;
                speeds[node.index() * regions.len() + index] = speed.clamp(0.001, 1000.0);
            }
        }
    }
    speeds
}
