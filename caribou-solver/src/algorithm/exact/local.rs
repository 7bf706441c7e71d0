//! Good placements without a proof.

use super::pairwise::{Pairwise, least};

/// A placement where a function is small: each stage where the tightened function has it least, then one stage after
/// the other to where the function itself is less, until none is.
pub(super) fn minimise(function: &Pairwise, tightened: &Pairwise) -> Vec<usize> {
    let mut placement: Vec<usize> = tightened
        .single
        .iter()
        .map(|terms| {
            let least = least(terms);
            terms.iter().position(|&term| term <= least).unwrap_or(0)
        })
        .collect();
    descend(function, &mut placement);
    placement
}

/// Moves one stage after the other to where a function is less, until none is.
pub(super) fn descend(function: &Pairwise, placement: &mut [usize]) {
    // Each move lowers the value; the limit guards against moves that only rounding makes.
    for _ in 0..100 {
        let mut moved = false;
        for stage in 0..placement.len() {
            for region in 0..function.single[stage].len() {
                if function.change(placement, stage, region) < -1e-12 * function.single[stage][region].abs() {
                    placement[stage] = region;
                    moved = true;
                }
            }
        }
        if !moved {
            break;
        }
    }
}

/// Moves of one stage, and of two joined stages to one region, that lower a function, the most promising first.
pub(super) fn moves(function: &Pairwise, regions: &[Vec<u8>], placement: &[usize]) -> Vec<(f64, Vec<usize>)> {
    let mut moves = Vec::new();
    let mut consider = |change: f64, stages: &[(usize, usize)]| {
        if change < 0.0 {
            let mut next = placement.to_vec();
            for &(stage, region) in stages {
                next[stage] = region;
            }
            moves.push((change, next));
        }
    };
    for (stage, terms) in function.single.iter().enumerate() {
        for region in (0..terms.len()).filter(|&region| region != placement[stage]) {
            consider(function.change(placement, stage, region), &[(stage, region)]);
        }
    }
    for pair in &function.pairs {
        let [a, b] = pair.stages;
        for (i, region) in regions[a].iter().enumerate() {
            let Some(j) = regions[b].iter().position(|other| other == region) else { continue };
            if i == placement[a] || j == placement[b] {
                continue;
            }
            let mut between = placement.to_vec();
            between[a] = i;
            let change = function.change(placement, a, i) + function.change(&between, b, j);
            consider(change, &[(a, i), (b, j)]);
        }
    }
    moves.sort_by(|a, b| a.0.total_cmp(&b.0));
    moves
}

/// Two moves at once that lower a function together and are expected to keep a limit: one that lowers the function,
/// and one that makes up for what the first costs in `length`, of which `room` is left. The most promising first.
pub(super) fn exchanges(
    function: &Pairwise,
    length: &Pairwise,
    room: f64,
    placement: &[usize],
    most: usize,
) -> Vec<Vec<usize>> {
    struct Move {
        stage: usize,
        region: usize,
        change: f64,
        longer: f64,
    }
    let mut moves = Vec::new();
    for (stage, terms) in function.single.iter().enumerate() {
        for region in (0..terms.len()).filter(|&region| region != placement[stage]) {
            let change = function.change(placement, stage, region);
            let longer = length.change(placement, stage, region);
            moves.push(Move { stage, region, change, longer });
        }
    }
    let mut found: Vec<(f64, &Move, &Move)> = Vec::new();
    for gain in moves.iter().filter(|gain| gain.change < 0.0 && gain.longer > room) {
        for pay in moves.iter().filter(|pay| pay.longer < 0.0 && pay.stage != gain.stage) {
            let change = gain.change + pay.change;
            if change < 0.0 && gain.longer + pay.longer <= room {
                found.push((change, gain, pay));
            }
        }
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    let both = |(_, gain, pay): &(f64, &Move, &Move)| {
        let mut next = placement.to_vec();
        (next[gain.stage], next[pay.stage]) = (gain.region, pay.region);
        next
    };
    found.iter().take(most).map(both).collect()
}
