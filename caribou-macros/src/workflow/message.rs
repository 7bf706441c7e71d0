//! What each message carries: the arguments of the node that receives it, and what is read further on.

use std::collections::BTreeSet;

use super::body::{Body, Code, GlueForm, Stage, TypeSource, Use, VarId};
use super::place::{ArgumentPlace, NodeForm, Places};
use super::point::NodeIndex;
use super::slice::{self, Act};

/// One value of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// An argument of the receiver, built by the sender.
    Argument(usize),
    Variable(VarId),
    /// The outputs of all items of a map.
    Items,
}

/// What goes where.
#[derive(Debug)]
pub(crate) struct Messages {
    /// The slice of every node; empty for the result.
    pub(crate) slices: Vec<Vec<Act>>,
    /// For every node and slot: the values, in order.
    pub(crate) slots: Vec<Vec<Vec<Content>>>,
    /// For every node: the values besides its arguments that its slice has, in order.
    pub(crate) relays: Vec<Vec<VarId>>,
}

/// Finds out what every message carries.
pub(crate) fn messages(body: &Body, places: &Places) -> Messages {
    let count = places.nodes.len();
    let mut messages = Messages {
        slices: vec![Vec::new(); count],
        slots: vec![Vec::new(); count],
        relays: vec![Vec::new(); count],
    };
    for index in (0..count).rev() {
        let node = NodeIndex(index);
        if node != places.result() {
            messages.slices[index] = slice::after(body, places, node);
        }
        let relays = messages.arriving(body, places, node);
        let mut variables = relays.clone();
        variables.extend(join_reads(body, places, node));
        messages.relays[index] = relays.into_iter().collect();
        messages.slots[index] = (0..places.nodes[index].slots.len())
            .map(|slot| {
                let mine = variables.iter().filter(|id| carrier(places, node, **id) == Some(slot));
                arguments(body, places, node, slot).chain(mine.map(|id| Content::Variable(*id))).collect()
            })
            .collect();
    }
    messages
}

/// What is made for a node by whoever fills a slot.
fn arguments(body: &Body, places: &Places, node: NodeIndex, slot: usize) -> impl Iterator<Item = Content> {
    let made = match places.nodes[node.0].form {
        NodeForm::Stage(stage) if body.stages[stage.0].map.is_some() => {
            (0..body.stages[stage.0].function_arguments().len()).map(Content::Argument).collect()
        }
        NodeForm::Collect(_) if slot == 1 => vec![Content::Items],
        _ => {
            let built = slice::built_at(body, places, node, ArgumentPlace::Slot(slot));
            built.into_iter().map(|(argument, _)| Content::Argument(argument)).collect()
        }
    };
    made.into_iter()
}

/// The first slot at whose point a variable is known.
fn carrier(places: &Places, node: NodeIndex, variable: VarId) -> Option<usize> {
    places.nodes[node.0].slots.iter().position(|point| places.known_at(variable, *point))
}

/// The variables that a sync node needs before it goes on.
pub(crate) fn join_reads(body: &Body, places: &Places, node: NodeIndex) -> BTreeSet<VarId> {
    let raw = slice::built_at(body, places, node, ArgumentPlace::Join);
    join_uses(body, places, node, raw.into_iter().map(|(_, code)| code))
}

/// Those that it decodes; the others it passes on.
pub(crate) fn join_decodes(body: &Body, places: &Places, node: NodeIndex) -> BTreeSet<VarId> {
    let raw = slice::built_at(body, places, node, ArgumentPlace::Join);
    let made = raw.into_iter().map(|(_, code)| code).filter(|code| slice::bare(body, code).is_none());
    join_uses(body, places, node, made)
}

fn join_uses<'b>(
    body: &'b Body,
    places: &Places,
    node: NodeIndex,
    arguments: impl Iterator<Item = &'b Code>,
) -> BTreeSet<VarId> {
    let glue = slice::join(places, node);
    let uses = arguments.flat_map(|code| &code.uses);
    let uses = uses.chain(glue.iter().flat_map(|id| &body.glue[id.0].code.uses));
    let mut reads = roots(body, uses);
    for bind in glue.iter().flat_map(|id| &body.glue[id.0].binds) {
        reads.remove(bind);
    }
    reads
}

/// The variables behind some uses; what an alias points at instead of the alias.
pub(crate) fn roots<'u>(body: &'u Body, uses: impl IntoIterator<Item = &'u Use>) -> BTreeSet<VarId> {
    let mut found = BTreeSet::new();
    for touch in uses {
        match alias(body, touch.variable) {
            Some(code) => found.extend(roots(body, code)),
            None => drop(found.insert(touch.variable)),
        }
    }
    found
}

/// What an alias reads, if the variable is one.
pub(crate) fn alias(body: &Body, variable: VarId) -> Option<&[Use]> {
    let glue = body
        .glue
        .iter()
        .find(|glue| matches!(glue.form, GlueForm::Alias(_)) && glue.binds.contains(&variable))?;
    Some(&glue.code.uses)
}

/// What the steps of a slice bind.
pub(crate) fn bound(body: &Body, acts: &[Act]) -> BTreeSet<VarId> {
    let mut bound = BTreeSet::new();
    slice::visit(acts, &mut |act| bound.extend(slice::native_binds(body, act)));
    bound
}

/// What the steps of a slice touch themselves.
pub(crate) fn touched(body: &Body, places: &Places, acts: &[Act]) -> Vec<Use> {
    let mut uses = Vec::new();
    slice::visit(acts, &mut |act| uses.extend(slice::native_uses(body, places, act)));
    uses
}

impl Messages {
    /// The variables that must arrive for a node's slice.
    fn arriving(&self, body: &Body, places: &Places, node: NodeIndex) -> BTreeSet<VarId> {
        let acts = &self.slices[node.0];
        let mut needed = roots(body, &touched(body, places, acts));
        needed.extend(self.sent(acts));
        slice::visit(acts, &mut |act| {
            needed.extend(slice::handed_over(body, places, act).into_iter().map(|touch| touch.variable));
        });
        for bind in bound(body, acts) {
            needed.remove(&bind);
        }
        if node == NodeIndex::ENTRY {
            for parameter in &body.parameters {
                needed.remove(parameter);
            }
        }
        needed
    }

    /// The variables that the steps of a slice send.
    pub(crate) fn sent(&self, acts: &[Act]) -> BTreeSet<VarId> {
        let mut sent = BTreeSet::new();
        slice::visit(acts, &mut |act| {
            if let Act::Send { node, slot } = act {
                sent.extend(self.slots[node.0][*slot].iter().filter_map(|content| match content {
                    Content::Variable(id) => Some(*id),
                    Content::Argument(_) | Content::Items => None,
                }));
            }
        });
        sent
    }

    /// The variables that travel at all.
    pub(crate) fn travelling(&self) -> BTreeSet<VarId> {
        let contents = self.slots.iter().flatten().flatten();
        contents
            .filter_map(|content| match content {
                Content::Variable(id) => Some(*id),
                Content::Argument(_) | Content::Items => None,
            })
            .collect()
    }

    /// What reaches a node once all its slots are filled, in order.
    pub(crate) fn joined(&self, node: NodeIndex) -> Vec<Content> {
        self.slots[node.0].concat()
    }

    /// What a node's slice finds, in order: a stage's arguments, then the rest.
    pub(crate) fn incoming(&self, body: &Body, places: &Places, node: NodeIndex) -> Vec<Content> {
        let relays = self.relays[node.0].iter().map(|id| Content::Variable(*id));
        match places.nodes[node.0].form {
            NodeForm::Entry => body.parameters.iter().map(|id| Content::Variable(*id)).collect(),
            NodeForm::Stage(stage) => {
                let arguments = 0..body.stages[stage.0].function_arguments().len();
                arguments.map(Content::Argument).chain(relays).collect()
            }
            NodeForm::Result => Vec::new(),
            _ => self.joined(node),
        }
    }
}

/// The variables whose type must be found by inference: they travel, or the slice that binds them may not say enough.
pub(crate) fn inferred(body: &Body, messages: &Messages) -> BTreeSet<VarId> {
    let mut found = BTreeSet::new();
    let travelling = messages.travelling();
    let bare = bare_arguments(body);
    for (index, variable) in body.variables.iter().enumerate() {
        let id = VarId(index);
        let unknown = match variable.source {
            TypeSource::Inferred => travelling.contains(&id) || (variable.is_chosen() && !bare.contains(&id)),
            TypeSource::PartOfOutput => travelling.contains(&id),
            _ => false,
        };
        if unknown {
            found.insert(variable.first);
        }
    }
    found
}

/// The variables that are only ever handed to a stage as they are, or returned. A map's items are taken apart.
fn bare_arguments(body: &Body) -> BTreeSet<VarId> {
    let arguments = body.stages.iter().flat_map(Stage::function_arguments).chain(body.root.end.code());
    let items = body.stages.iter().flat_map(|stage| stage.arguments.iter().take(stage.first_argument()));
    let bare: BTreeSet<VarId> = arguments
        .clone()
        .filter(|code| matches!(code.expr, syn::Expr::Path(_)))
        .flat_map(|code| code.uses.iter().map(|touch| touch.variable))
        .collect();
    let others = arguments.filter(|code| !matches!(code.expr, syn::Expr::Path(_)));
    let others = others.chain(items).chain(body.glue.iter().map(|glue| &glue.code));
    let arms = body.branches.iter().flat_map(|branch| &branch.arms);
    let others = others.chain(arms.filter_map(|arm| arm.block.end.code()));
    let touched: BTreeSet<VarId> =
        others.flat_map(|code| code.uses.iter().map(|touch| touch.variable)).collect();
    bare.difference(&touched).copied().collect()
}
