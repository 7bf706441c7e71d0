//! The edges of the graph: who fills which slot, and under which condition.

use std::collections::BTreeMap;

use super::body::{Body, BranchId};
use super::message::{Content, Messages};
use super::place::{NodeForm, Places};
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

/// Decisions that must all have fallen so, outermost first; arm 0 is the `if`, arm 1 the `else`.
type Path = Vec<(BranchId, usize)>;

/// The edges, ordered by sender, receiver and slot, each once.
pub(crate) fn edges(body: &Body, places: &Places, messages: &Messages) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (from, acts) in messages.slices.iter().enumerate() {
        let mut tracer = Tracer::default();
        tracer.walk(acts, Reach::Never, &Vec::new());
        for ((to, slot), paths) in tracer.sends {
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
    let paths = simplify(paths);
    if paths.iter().any(Vec::is_empty) {
        return None;
    }
    let several = paths.len() > 1;
    let texts = paths.iter().map(|path| {
        let single = path.len() == 1 && !several;
        let parts = path.iter().map(|(branch, arm)| {
            let text = &body.branches[branch.0].text;
            match (arm, text.contains("||") && !single) {
                (0, false) => text.clone(),
                (0, true) => format!("({text})"),
                _ => format!("!({text})"),
            }
        });
        parts.collect::<Vec<_>>().join(" && ")
    });
    Some(texts.collect::<Vec<_>>().join(" || "))
}

/// Two paths that differ in one decision only are one path without it.
fn simplify(mut paths: Vec<Path>) -> Vec<Path> {
    loop {
        let mut merged = None;
        'search: for (first, one) in paths.iter().enumerate() {
            for (second, other) in paths.iter().enumerate().skip(first + 1) {
                if one == other {
                    merged = Some((first, second, one.clone()));
                    break 'search;
                }
                let differing: Vec<usize> =
                    (0..one.len().min(other.len())).filter(|i| one[*i] != other[*i]).collect();
                if let ([only], true) = (differing.as_slice(), one.len() == other.len())
                    && one[*only].0 == other[*only].0
                {
                    let mut path = one.clone();
                    path.remove(*only);
                    merged = Some((first, second, path));
                    break 'search;
                }
            }
        }
        let Some((first, second, path)) = merged else { return paths };
        paths.remove(second);
        paths.remove(first);
        paths.push(path);
    }
}

/// The names of what a message carries.
fn carries(body: &Body, places: &Places, messages: &Messages, to: NodeIndex, slot: usize) -> Vec<String> {
    let mut names = Vec::new();
    for content in &messages.slots[to.0][slot] {
        match content {
            Content::Variable(id) => names.push(name(body, *id)),
            Content::Argument(index) => {
                let code = match places.nodes[to.0].form {
                    NodeForm::Stage(stage) => Some(&body.stages[stage.0].arguments[*index]),
                    _ => body.root.end.code(),
                };
                let Some(code) = code else { continue };
                let lifted = code.uses.iter().find(|touch| !body.variable(touch.variable).is_authored());
                names.push(if let Some(touch) = lifted {
                    name(body, touch.variable)
                } else {
                    let text = text::of(&code.expr);
                    text.strip_suffix(".clone()").map(str::to_owned).unwrap_or(text)
                });
            }
        }
    }
    names
}

/// What an author would call a variable.
fn name(body: &Body, id: super::body::VarId) -> String {
    let condition = body.branches.iter().find(|branch| branch.condition == id);
    match condition {
        Some(branch) => branch.text.clone(),
        None => body.variable(id).name.to_string(),
    }
}
