//! The edges of the graph: who fills which slot, and under which condition.

use std::collections::BTreeMap;

use quote::ToTokens;

use super::body::{Body, BranchId, Code, VarId};
use super::flow;
use super::message::{Content, Messages};
use super::place::{ArmPath, NodeForm, Places};
use super::point::NodeIndex;
use super::slice::{Act, Reach};
use crate::text;

/// An edge, as the graph has it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) slot: usize,
    pub(crate) when: Option<String>,
    pub(crate) carries: Vec<String>,
}

/// Decisions that must all have fallen so, outermost first.
type Path = ArmPath;

/// The edges, ordered by sender, receiver and slot, each once.
pub(crate) fn edges(body: &Body, places: &Places, messages: &Messages) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (from, acts) in messages.slices.iter().enumerate() {
        let mut tracer = Tracer::default();
        tracer.walk(acts, Reach::Never, &Vec::new());
        for ((to, slot), paths) in tracer.sends {
            let own = &places.nodes[from].path;
            let paths: Vec<Path> =
                paths.into_iter().filter_map(|path| flow::possible(body, own, path)).collect();
            if paths.is_empty() {
                continue;
            }
            let when = condition(body, paths);
            let carries = carries(body, places, messages, to, slot);
            edges.push(Edge { from, to: to.0, slot, when, carries });
        }
    }
    edges
}

#[derive(Default)]
struct Tracer {
    sends: BTreeMap<(NodeIndex, usize), Vec<Path>>,
}

impl Tracer {
    /// Notes all sends under `path`; returns on which ways the end of the block is reached, and on which not.
    fn walk(&mut self, acts: &[Act], end: Reach, path: &Path) -> Ways {
        let mut ways: BTreeMap<BranchId, Ways> = BTreeMap::new();
        for (index, act) in acts.iter().enumerate() {
            match act {
                Act::Send { node, slot } => self.sends.entry((*node, *slot)).or_default().push(path.clone()),
                Act::Branch { branch, arms, .. } => {
                    for (index, arm) in arms.iter().enumerate() {
                        let mut path = path.clone();
                        path.push((*branch, index));
                        let inner = self.walk(&arm.acts, arm.end, &path);
                        ways.entry(*branch).or_default().extend(inner);
                    }
                }
                Act::Inside { branch, body, .. } => {
                    let inner = self.walk(&body.acts, body.end, path);
                    ways.entry(*branch).or_default().extend(inner);
                }
                Act::Resolved { branch, rest, otherwise } => {
                    let Ways { reached, missed } = ways.remove(branch).unwrap_or_default();
                    let mut after = Ways::default();
                    for path in &reached {
                        after.extend(self.walk(&rest.acts, rest.end, path));
                    }
                    for path in &missed {
                        after.extend(self.walk(&otherwise.acts, otherwise.end, path));
                    }
                    if index + 1 == acts.len() && end != Reach::Never {
                        return after;
                    }
                }
                _ => {}
            }
        }
        let whole = vec![path.clone()];
        if end == Reach::Always {
            Ways { reached: whole, missed: Vec::new() }
        } else {
            Ways { reached: Vec::new(), missed: whole }
        }
    }
}

/// The ways on which the end of a block is reached, and those on which it is not.
#[derive(Clone, Debug, Default)]
struct Ways {
    reached: Vec<Path>,
    missed: Vec<Path>,
}

impl Ways {
    fn extend(&mut self, other: Self) {
        self.reached.extend(other.reached);
        self.missed.extend(other.missed);
    }
}

/// The condition that holds on exactly these paths; `None` if it always does.
fn condition(body: &Body, paths: Vec<Path>) -> Option<String> {
    let paths = simplify(body, paths);
    if paths.iter().any(Vec::is_empty) {
        return None;
    }
    let alone = paths.len() == 1 && paths[0].len() == 1;
    let texts = paths.iter().map(|path| {
        let parts = path.iter().map(|(branch, arm)| decision(body, *branch, *arm, alone));
        parts.collect::<Vec<_>>().join(" && ")
    });
    Some(texts.collect::<Vec<_>>().join(" || "))
}

/// When an arm is taken.
fn decision(body: &Body, branch: BranchId, arm: usize, alone: bool) -> String {
    let arms = &body.branches[branch.0].arms;
    match arms[arm].text.as_str() {
        "" => format!("!({})", arms[0].text),
        text if !alone && (text.contains("||") || text.contains(" is ")) => format!("({text})"),
        text => text.to_owned(),
    }
}

/// Paths that differ in one decision only, and have every arm of it, are one path without it.
fn simplify(body: &Body, mut paths: Vec<Path>) -> Vec<Path> {
    paths.sort();
    paths.dedup();
    while let Some((index, place)) = superfluous(body, &paths) {
        let mut path = paths[index].clone();
        paths.retain(|other| !same_but_for(other, &path, place));
        path.remove(place);
        paths.push(path);
        paths.sort();
        paths.dedup();
    }
    paths
}

/// A decision of a path that makes no difference.
fn superfluous(body: &Body, paths: &[Path]) -> Option<(usize, usize)> {
    let places = |index: usize| (0..paths[index].len()).rev().map(move |place| (index, place));
    (0..paths.len()).flat_map(places).find(|(index, place)| {
        let (branch, _) = paths[*index][*place];
        let alike = paths.iter().filter(|other| same_but_for(other, &paths[*index], *place));
        alike.count() == body.branches[branch.0].arms.len()
    })
}

/// Whether two paths are the same but for the arm at one place.
fn same_but_for(one: &Path, other: &Path, place: usize) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).enumerate().all(
            |(index, (one, other))| {
                if index == place { one.0 == other.0 } else { one == other }
            },
        )
}

/// The names of what a message carries.
fn carries(body: &Body, places: &Places, messages: &Messages, to: NodeIndex, slot: usize) -> Vec<String> {
    let mut names = Vec::new();
    let form = places.nodes[to.0].form;
    if let NodeForm::Stage(stage) = form
        && let stage = &body.stages[stage.0]
        && let Some(map) = &stage.map
    {
        let items = stage.arguments.first().map(|items| format!("each of {}", code_name(body, items)));
        let shared = stage.function_arguments().iter().enumerate().filter(|(index, _)| !map.is_each(*index));
        return items.into_iter().chain(shared.map(|(_, code)| code_name(body, code))).collect();
    }
    for content in &messages.slots[to.0][slot] {
        match (content, form) {
            (Content::Variable(id), _) => names.push(name(body, *id)),
            (Content::Items, NodeForm::Collect(stage)) => {
                let stage = &body.stages[stage.0];
                names.push(match stage.binds.as_slice() {
                    [only] if body.variable(*only).is_authored() => name(body, *only),
                    _ => format!("{}_output", stage.name()),
                });
            }
            (Content::Argument(index), NodeForm::Stage(stage)) => {
                names.push(code_name(body, &body.stages[stage.0].arguments[*index]));
            }
            (Content::Argument(_) | Content::Items, _) => {
                names.extend(body.root.end.code().map(|code| code_name(body, code)));
            }
        }
    }
    names
}

/// What an author would call the value of some code.
fn code_name(body: &Body, code: &Code) -> String {
    let lifted = code.uses.iter().find(|touch| !body.variable(touch.variable).is_authored());
    if let Some(touch) = lifted {
        return name(body, touch.variable);
    }
    let text = text::of(body.names.restored(code.expr.to_token_stream()));
    text.strip_suffix(".clone()").map(str::to_owned).unwrap_or(text)
}

/// What an author would call a variable.
fn name(body: &Body, id: VarId) -> String {
    match body.branches.iter().find(|branch| branch.chosen == id) {
        Some(branch) if branch.arms.iter().any(|arm| arm.text.is_empty()) => branch.arms[0].text.clone(),
        Some(branch) => {
            let text = &branch.arms[0].text;
            text.split_once(" is ").map_or_else(|| text.clone(), |(matched, _)| format!("arm of {matched}"))
        }
        None => body.display(id),
    }
}
