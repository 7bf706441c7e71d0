//! Checks of facts and runs, before anything is computed with them.

use caribou_model::{Graph, HOURS, Hour, NodeId, NodeKind, RegionFacts, RunSample};

use super::ProblemError;

/// Checks that every figure of a region is in range, and returns its carbon intensities of the month by hour.
pub(crate) fn facts(region: &RegionFacts, month: u8) -> Result<[f64; HOURS], ProblemError> {
    let check = |field: &str, value: f64, fits: bool, range| {
        if fits {
            Ok(())
        } else {
            Err(ProblemError::BadFact { region: region.region.clone(), field: field.into(), value, range })
        }
    };
    check("pue", region.pue, (1.0..=100.0).contains(&region.pue), "from 1 to 100")?;
    let carbon_free = region.carbon_free;
    check("carbon_free", carbon_free, (0.0..=1.0).contains(&carbon_free), "from 0 to 1")?;
    let speed = region.relative_speed;
    check("relative_speed", speed, (0.001..=1000.0).contains(&speed), "from 0.001 to 1000")?;
    let prices = &region.prices;
    for (field, price) in [
        ("x86_usd_per_gb_s", prices.x86_usd_per_gb_s),
        ("arm_usd_per_gb_s", prices.arm_usd_per_gb_s),
        ("usd_per_request", prices.usd_per_request),
        ("usd_per_message", prices.usd_per_message),
        ("usd_per_write", prices.usd_per_write),
        ("usd_per_read", prices.usd_per_read),
        ("usd_per_blob_write", prices.usd_per_blob_write),
        ("usd_per_blob_read", prices.usd_per_blob_read),
        ("usd_per_gb_between_regions", prices.usd_per_gb_between_regions),
        ("usd_per_gb_to_internet", prices.usd_per_gb_to_internet),
    ] {
        check(field, price, (0.0..=1e6).contains(&price), "from 0 to 1,000,000")?;
    }
    let mut intensities = [0.0; HOURS];
    for hour in Hour::all() {
        let intensity = region
            .carbon
            .at(month, hour)
            .ok_or_else(|| ProblemError::NoCarbon { region: region.region.clone(), month })?;
        if !(0.0..=1e6).contains(&intensity.0) {
            let field = format!("carbon intensity (month {month}, {hour})");
            check(&field, intensity.0, false, "from 0 to 1,000,000 gCO2eq/kWh")?;
        }
        intensities[hour.index()] = intensity.0;
    }
    Ok(intensities)
}

/// No run takes longer than a hundred days. So every figure that is computed from it is within single precision.
const LONGEST_S: f64 = 100.0 * 24.0 * 3600.0;

/// Checks that a run fits the graph: every figure a number, every stage reached, every edge between nodes that ran.
pub(crate) fn run(graph: &Graph, run: &RunSample) -> Result<(), ProblemError> {
    sound(graph, run).map_err(|fault| ProblemError::UnsoundRun { run: run.run.clone(), fault })
}

fn sound(graph: &Graph, run: &RunSample) -> Result<(), String> {
    let stages = graph.stages().count();
    if (run.stages.len(), run.edges.len()) != (stages, graph.edges.len()) {
        let (has, edges) = (run.stages.len(), run.edges.len());
        return Err(format!(
            "it has {has} stages and {edges} edges, the graph has {stages} and {}",
            graph.edges.len()
        ));
    }
    let time = |what: &str, seconds: f64| {
        let fits = (0.0..=LONGEST_S).contains(&seconds);
        if fits { Ok(()) } else { Err(format!("{what} is {seconds} s")) }
    };
    time("its runtime", run.runtime_s)?;
    for ((node, _), stage) in graph.stages().zip(&run.stages) {
        let Some(stage) = stage else { continue };
        let name = &graph.nodes[node.index()].name;
        time(&format!("the duration of `{name}`"), stage.duration_s)?;
        time(&format!("the billed time of `{name}`"), stage.billed_s)?;
        time(&format!("the CPU time of `{name}`"), stage.cpu_s.unwrap_or(0.0))?;
        if stage.attempts == 0 {
            return Err(format!("`{name}` ran without an attempt"));
        }
    }
    let stage_ran: Vec<bool> = run.stages.iter().map(Option::is_some).collect();
    let reached = |id: NodeId| {
        graph.edges.iter().zip(&run.edges).any(|(edge, sample)| edge.to == id && sample.is_some())
    };
    let mut stage = 0;
    let mut ran = Vec::with_capacity(graph.nodes.len());
    for (index, node) in graph.nodes.iter().enumerate() {
        let reached = index == 0 || reached(NodeId(index as u16));
        let this_ran = match node.kind {
            NodeKind::Stage { .. } => {
                stage += 1;
                stage_ran[stage - 1]
            }
            NodeKind::Entry | NodeKind::Result => true,
            NodeKind::Gate { .. } | NodeKind::Collect { .. } => reached,
        };
        if this_ran && !reached {
            return Err(format!("`{}` ran, but no edge that leads to it was taken", node.name));
        }
        ran.push(this_ran);
    }
    for (edge, sample) in graph.edges.iter().zip(&run.edges) {
        let Some(sample) = sample else { continue };
        let [from, to] = [edge.from, edge.to].map(|id| &graph.nodes[id.index()].name);
        time(&format!("the latency of edge `{from}` -> `{to}`"), sample.latency_s.unwrap_or(0.0))?;
        if !(ran[edge.from.index()] && ran[edge.to.index()]) {
            return Err(format!("edge `{from}` -> `{to}` was taken, but not both of its ends ran"));
        }
    }
    Ok(())
}
