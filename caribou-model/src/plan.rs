//! The deployment plan: for each hour of the day, the region of every stage.

use serde::{Deserialize, Serialize};

use crate::{Epoch, Graph, HOURS, Hour, NodeId, NodeKind, Region, Timestamp};

/// Where every stage runs, in one hour.
///
/// Compact, because every message carries the placement of its run: the regions in use, and for each stage (in the
/// order of [`Graph::stages`]) the index of its region.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Placement {
    regions: Vec<Region>,
    stages: Vec<u8>,
}

impl Placement {
    /// All `stages` stages in one region.
    pub fn uniform(region: Region, stages: usize) -> Self {
        Self { regions: vec![region], stages: vec![0; stages] }
    }

    /// One region per stage, in the order of [`Graph::stages`].
    ///
    /// # Errors
    ///
    /// [`PlanError::TooManyRegions`] if more than 62 different regions are named.
    pub fn new(per_stage: &[Region]) -> Result<Self, PlanError> {
        let mut regions: Vec<Region> = Vec::new();
        let mut stages = Vec::with_capacity(per_stage.len());
        for region in per_stage {
            let index = regions.iter().position(|known| known == region).unwrap_or_else(|| {
                regions.push(region.clone());
                regions.len() - 1
            });
            if index >= Self::MOST_REGIONS {
                return Err(PlanError::TooManyRegions);
            }
            stages.push(index as u8);
        }
        Ok(Self { regions, stages })
    }

    /// The most regions one placement may name: what one character of a message can index.
    pub const MOST_REGIONS: usize = 62;

    /// The regions in use, each once.
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// For each stage, the index of its region in [`Self::regions`].
    pub fn indices(&self) -> &[u8] {
        &self.stages
    }

    /// The region of the stage with this stage index.
    pub fn region_of(&self, stage_index: usize) -> Option<&Region> {
        self.regions.get(usize::from(*self.stages.get(stage_index)?))
    }

    /// The region where a node runs: a stage's own, the host's of a gate or of what collects
    /// a map, `home` for a result that is a sync node.
    ///
    /// The entry has none: any region may receive a request. `None` too for a node that the graph does not have.
    pub fn region_of_node<'a>(&'a self, graph: &Graph, id: NodeId, home: &'a Region) -> Option<&'a Region> {
        match graph.node(id)?.kind {
            NodeKind::Entry => None,
            NodeKind::Result => Some(home),
            NodeKind::Stage { .. } | NodeKind::Gate { .. } | NodeKind::Collect { .. } => {
                self.region_of(graph.stage_index(graph.host(id)?)?)
            }
        }
    }

    /// How many stages it places.
    pub fn len(&self) -> usize {
        self.stages.len()
    }

    /// Whether it places no stage at all.
    pub fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }
}

/// A deployment plan: a placement for each hour of the day, with a version and an expiry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The workflow it is for.
    pub workflow: String,
    /// The version of the workflow it is for.
    pub version: String,
    /// Which plan it is; each newer plan has a larger epoch.
    pub epoch: Epoch,
    /// From this instant on it is not used any more: runs go home.
    pub expires: Timestamp,
    /// The home region.
    pub home: Region,
    /// 24 placements, by UTC hour.
    pub hours: Vec<Placement>,
}

/// Why a plan cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// More different regions than a message can index.
    #[error("a placement names more than 62 regions; allow fewer regions in caribou.toml")]
    TooManyRegions,
    /// Not 24 hours.
    #[error("the plan has {0} hours instead of 24; solve again")]
    WrongHours(usize),
    /// An hour places another number of stages than the workflow has.
    #[error(
        "hour {hour} of the plan places {placed} stages, the workflow has {stages}; solve again for this version"
    )]
    WrongStages {
        /// The hour of the day.
        hour: Hour,
        /// Stages in the placement.
        placed: usize,
        /// Stages in the graph.
        stages: usize,
    },
    /// The plan is for another workflow or version.
    #[error("the plan is for {plan}, not for {wanted}; solve again for this version")]
    WrongWorkflow {
        /// What the plan is for.
        plan: String,
        /// What was asked for.
        wanted: String,
    },
}

impl Plan {
    /// The plan of a workflow that was never solved: every stage at home, epoch 0, without an expiry.
    pub fn at_home(graph: &Graph, home: Region) -> Self {
        let placement = Placement::uniform(home.clone(), graph.stages().count());
        Self {
            workflow: graph.workflow.clone(),
            version: graph.version.clone(),
            epoch: Epoch(0),
            expires: Timestamp::from_millis(u64::MAX),
            home,
            hours: vec![placement; HOURS],
        }
    }

    /// The placement of an hour, if the plan has it.
    pub fn placement(&self, hour: Hour) -> Option<&Placement> {
        self.hours.get(hour.index())
    }

    /// Every region that the plan uses in any hour, each once, home first.
    pub fn regions(&self) -> Vec<Region> {
        let mut regions = vec![self.home.clone()];
        for region in self.hours.iter().flat_map(Placement::regions) {
            if !regions.contains(region) {
                regions.push(region.clone());
            }
        }
        regions
    }

    /// Checks that the plan fits a graph.
    ///
    /// # Errors
    ///
    /// [`PlanError`] says what does not fit.
    pub fn validate(&self, graph: &Graph) -> Result<(), PlanError> {
        if (&self.workflow, &self.version) != (&graph.workflow, &graph.version) {
            return Err(PlanError::WrongWorkflow {
                plan: format!("{} {}", self.workflow, self.version),
                wanted: format!("{} {}", graph.workflow, graph.version),
            });
        }
        if self.hours.len() != HOURS {
            return Err(PlanError::WrongHours(self.hours.len()));
        }
        let stages = graph.stages().count();
        for (hour, placement) in Hour::all().zip(&self.hours) {
            let sound = placement.stages.iter().all(|&index| usize::from(index) < placement.regions.len());
            if placement.len() != stages || !sound {
                return Err(PlanError::WrongStages { hour, placed: placement.len(), stages });
            }
            if placement.regions.len() > Placement::MOST_REGIONS {
                return Err(PlanError::TooManyRegions);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placement_names_each_region_once() {
        let [a, b] = [Region::aws("us-east-1"), Region::aws("ca-central-1")];
        let placement = Placement::new(&[a.clone(), b.clone(), a.clone()]).unwrap();
        assert_eq!(placement.regions(), [a.clone(), b]);
        assert_eq!(placement.region_of(2), Some(&a));
        assert_eq!(placement.region_of(3), None);
    }

    #[test]
    fn more_regions_than_a_message_can_index_are_refused() {
        let regions: Vec<Region> = (0..63).map(|n| format!("xx-{n}").parse().unwrap()).collect();
        assert_eq!(Placement::new(&regions), Err(PlanError::TooManyRegions));
    }
}
