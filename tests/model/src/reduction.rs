//! Which steps need not be looked at in more than one order.
//!
//! Two steps of different invocations whose effects do not touch each other lead to the same state in either order. So where
//! all that some invocations may do next touches nothing that any other may touch before them, only their steps are
//! looked at, and the others' later: a *persistent set*. Every state in which nothing is under way is still reached, and
//! with it every step that anything can do (P. Godefroid, Partial-Order Methods for the Verification of Concurrent Systems,
//! LNCS 1032, 1996, chapters 3 and 4; executions here are finite, since each answers a call).
//!
//! What may touch what follows from the graph: an invocation for a node touches the node's claim, the arrivals and messages of
//! its successors, and the run's record; its messages lead to the node's descendants only.

use std::collections::{BTreeMap, BTreeSet};

use caribou_runtime::Workflow;
use caribou_runtime::model::NodeId;
use caribou_runtime::port::Condition;

use crate::call::{Place, Question};
use crate::invocation::Invocation;
use crate::state::{State, Step};

/// What the graph says of who may touch what.
#[derive(Clone, Debug)]
pub struct Reduction {
    ancestors: BTreeMap<NodeId, BTreeSet<NodeId>>,
    slots: BTreeMap<NodeId, usize>,
    /// Who fills which slot of which node.
    writers: BTreeMap<(NodeId, u8), BTreeSet<NodeId>>,
}

impl Reduction {
    /// That of a workflow.
    pub fn of(workflow: &Workflow) -> Self {
        let graph = (workflow.graph)();
        let nodes = || (0..graph.nodes.len()).filter_map(|node| u16::try_from(node).ok()).map(NodeId);
        let mut ancestors: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
        let mut writers: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for edge in &graph.edges {
            writers.entry((edge.to, edge.slot)).or_default().insert(edge.from);
        }
        // Every edge leads to a larger node.
        for node in nodes() {
            let mut above = BTreeSet::new();
            for edge in graph.edges.iter().filter(|edge| edge.to == node) {
                above.insert(edge.from);
                above.extend(ancestors.get(&edge.from).into_iter().flatten().copied());
            }
            ancestors.insert(node, above);
        }
        let slots =
            nodes().map(|node| (node, graph.node(node).map_or(1, |node| node.slots.into()))).collect();
        Self { ancestors, slots, writers }
    }

    /// The steps from a state that suffice.
    pub fn steps(&self, state: &State) -> Vec<Step> {
        let mut at: BTreeMap<NodeId, Vec<&Invocation>> = BTreeMap::new();
        for one in state.invocations.values() {
            at.entry(one.node).or_default().push(one);
        }
        let live: BTreeSet<NodeId> = at.keys().copied().collect();
        for (node, group) in &at {
            // While somebody has to act no time passes, which would touch everything.
            let somebody_acts = group.iter().any(|one| !one.is_idle());
            let apart = group
                .iter()
                .all(|one| one.open.iter().all(|open| self.is_apart(&open.question, *node, state, &live)));
            if somebody_acts && apart {
                return group.iter().flat_map(|one| state.steps_of(one)).collect();
            }
        }
        state.steps()
    }

    /// Whether nobody at another node can touch what a call of an invocation for `node` touches, before it is answered.
    fn is_apart(&self, question: &Question, node: NodeId, state: &State, live: &BTreeSet<NodeId>) -> bool {
        let alone = || self.ancestors.get(&node).is_some_and(|above| above.is_disjoint(live));
        match question {
            // A message that is sent is one more invocation.
            Question::Send { .. } | Question::Sleep | Question::Blob(_) => true,
            Question::Get(at) => at.key.contains("/plan/") || self.is_settled(at, state),
            Question::Put(at, _, condition) if at.key.contains("/arrival/") => {
                self.is_settled(at, state)
                    || (*condition == Condition::Absent && alone() && self.is_own_slot(at, node, state, live))
            }
            Question::Put(at, ..) => at.key.contains("/claim/") && alone(),
            Question::Add(at, _) => self.is_full(at, state),
        }
    }

    /// An arrival is written once: there it is only read.
    fn is_settled(&self, at: &Place, state: &State) -> bool {
        at.key.contains("/arrival/") && state.items.contains_key(at)
    }

    /// Nobody else fills this slot, and the sync node has not begun to read.
    fn is_own_slot(&self, at: &Place, node: NodeId, state: &State, live: &BTreeSet<NodeId>) -> bool {
        let Some((before, slot)) = at.key.rsplit_once('/') else { return false };
        let Some((before, to)) = before.rsplit_once('/') else { return false };
        let (Ok(to), Ok(slot)) = (to.parse().map(NodeId), slot.parse::<u8>()) else { return false };
        // The arrivals of a map's items have a longer key.
        if !before.rsplit_once('/').is_some_and(|(before, _)| before.ends_with("/arrival")) {
            return false;
        }
        let set = Place {
            region: at.region.clone(),
            key: format!("{}/{to}", before.replace("/arrival/", "/arrived/")),
        };
        let filled = state.sets.get(&set).is_some_and(|set| set.contains(&slot.into()));
        let writers = self.writers.get(&(to, slot));
        !filled && !live.contains(&to) && writers.is_some_and(|writers| writers.iter().eq([&node]))
    }

    /// Nothing more can be added.
    fn is_full(&self, at: &Place, state: &State) -> bool {
        let Some((before, node)) = at.key.rsplit_once('/') else { return false };
        let simple = before.rsplit_once('/').is_some_and(|(before, _)| before.ends_with("/arrived"));
        let slots = node.parse().ok().and_then(|node| self.slots.get(&NodeId(node)));
        let filled = state.sets.get(at).map(BTreeSet::len);
        simple && slots.is_some() && slots == filled.as_ref()
    }
}
