//! The linear parts of a problem as functions of the placement: means of carbon and cost, and the length of a path.

use caribou_model::Metric;

use super::pairwise::Pairwise;
use crate::objective::Objective;
use crate::problem::Problem;
use crate::score::Scorer;

/// The zero function of a problem's stages, each over the regions that are permitted to it, with a pair for each two
/// stages that an edge joins.
pub(super) fn zero(problem: &Problem) -> Pairwise {
    let domains: Vec<usize> = problem.permitted().iter().map(Vec::len).collect();
    let mut joined: Vec<[usize; 2]> = Vec::new();
    for edge in problem.edges() {
        if let [Some(a), Some(b)] = [edge.from, edge.to].map(|node| problem.host(node))
            && a != b
            && !joined.contains(&[a.min(b), a.max(b)])
        {
            joined.push([a.min(b), a.max(b)]);
        }
    }
    Pairwise::zero(&domains, &joined)
}

/// Adds what a node is worth in each region where it may run.
pub(super) fn add_node(sum: &mut Pairwise, problem: &Problem, node: usize, worth: impl Fn(usize) -> f64) {
    let values = problem.sites(node).iter().map(|&site| worth(usize::from(site)));
    match problem.host(node) {
        None => sum.constant += values.sum::<f64>(),
        Some(stage) => {
            for (term, value) in sum.single[stage].iter_mut().zip(values) {
                *term += value;
            }
        }
    }
}

/// Adds what an edge is worth between each two regions where its ends may be.
pub(super) fn add_edge(
    sum: &mut Pairwise,
    problem: &Problem,
    edge: usize,
    worth: impl Fn(usize, usize) -> f64,
) {
    let ends = problem.edges()[edge];
    let sites = [ends.from, ends.to].map(|node| problem.sites(node));
    let worth = |from: u8, to: u8| worth(usize::from(from), usize::from(to));
    match [ends.from, ends.to].map(|node| problem.host(node)) {
        [Some(from), Some(to)] if from != to => {
            let wanted = [from.min(to), from.max(to)];
            let Some(pair) = sum.pairs.iter_mut().find(|pair| pair.stages == wanted) else { return };
            for (i, &site) in sites[0].iter().enumerate() {
                for (j, &other) in sites[1].iter().enumerate() {
                    let [row, column] = if from < to { [i, j] } else { [j, i] };
                    pair.terms[row * pair.width + column] += worth(site, other);
                }
            }
        }
        [Some(stage), Some(_)] => {
            for (term, &site) in sum.single[stage].iter_mut().zip(sites[0]) {
                *term += worth(site, site);
            }
        }
        [Some(stage), None] => {
            for (term, &site) in sum.single[stage].iter_mut().zip(sites[0]) {
                *term += worth(site, sites[1][0]);
            }
        }
        [None, Some(stage)] => {
            for (term, &site) in sum.single[stage].iter_mut().zip(sites[1]) {
                *term += worth(sites[0][0], site);
            }
        }
        [None, None] => sum.constant += worth(sites[0][0], sites[1][0]),
    }
}

/// The part of an objective that is a mean of carbon and cost, at an hour.
pub(super) fn known_part(scorer: &Scorer<'_>, objective: &Objective, hour: usize) -> Pairwise {
    let problem = scorer.problem();
    let mut sum = zero(problem);
    for metric in [Metric::Carbon, Metric::Cost] {
        let weight = objective.weight(metric, hour);
        if weight <= 0.0 {
            continue;
        }
        for node in 0..problem.nodes() {
            add_node(&mut sum, problem, node, |site| weight * scorer.node_mean(metric, hour, node, site));
        }
        for edge in 0..problem.edges().len() {
            add_edge(&mut sum, problem, edge, |from, to| {
                weight * scorer.edge_mean(metric, hour, edge, from, to)
            });
        }
    }
    sum
}
