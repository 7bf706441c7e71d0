//! A slice as Rust code.

mod binding;
mod send;
mod step;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::body::{Body, Use, UseKind, VarId};
use super::compiled::{self, Compiled};
use super::message::{self, Content};
use super::place::{ArgumentPlace, NodeForm};
use super::point::NodeIndex;
use super::slice::{self, Act, Reach};
use crate::errors::Errors;

const FAULT: &str = "this is a fault in caribou, please report it";

/// The code of a slice, and the positions of the values that it decodes.
#[derive(Debug)]
pub(crate) struct Emitted {
    pub(crate) code: TokenStream,
    pub(crate) reads: BTreeSet<u16>,
}

/// The slice of a node: what it does once it has its value.
pub(crate) fn after(compiled: &Compiled, node: NodeIndex, errors: &mut Errors) -> Emitted {
    let incoming = compiled.messages.incoming(&compiled.body, &compiled.places, node);
    let acts = &compiled.messages.slices[node.0];
    let mut emitter = Emitter::new(compiled, node == NodeIndex::ENTRY, incoming, acts, errors);
    let mut code = TokenStream::new();
    if node == NodeIndex::ENTRY {
        code.extend(emitter.parameters());
    } else {
        for id in &compiled.body.parameters {
            if emitter.needed.contains(id) {
                code.extend(emitter.arrive(*id));
            }
        }
    }
    code.extend(emitter.steps(acts, Reach::Never, None));
    if let Some(id) = emitter.late.keys().next() {
        let name = compiled.name(*id).clone();
        emitter.errors.at(&name, format!("`{name}` is not there where it is sent; {FAULT}"));
    }
    if let NodeForm::Stage(stage) = compiled.places.nodes[node.0].form {
        let arguments = compiled.body.stages[stage.0].function_arguments().len();
        emitter.reads.extend((0..arguments).map(position));
    }
    Emitted { code, reads: emitter.reads }
}

/// What a sync node with a stage, or the result, does once everything has arrived.
pub(crate) fn join(compiled: &Compiled, node: NodeIndex, errors: &mut Errors) -> Emitted {
    let Compiled { body, places, messages, .. } = compiled;
    let incoming = messages.joined(node);
    let glue = slice::join(places, node);
    let raw = slice::built_at(body, places, node, ArgumentPlace::Join);
    let acts: Vec<Act> = glue.iter().map(|id| Act::Glue(*id)).collect();
    let mut emitter = Emitter::new(compiled, false, incoming, &acts, errors);

    // what arrived and what is made of it, in the order in which the author declares it
    let mut order: Vec<(VarId, Option<usize>)> =
        message::join_decodes(body, places, node).into_iter().map(|id| (id, None)).collect();
    let first = |index: usize| body.glue[glue[index].0].binds.first().copied();
    order.extend((0..glue.len()).filter_map(|index| first(index).map(|id| (id, Some(index)))));
    let raw_uses = raw.iter().flat_map(|(_, code)| &code.uses);
    let uses = raw_uses.chain(glue.iter().flat_map(|id| &body.glue[id.0].code.uses));
    let aliases = emitter.aliases(&uses.cloned().collect::<Vec<_>>());
    order.extend(aliases.into_iter().map(|id| (id, None)));
    order.sort_unstable();
    let mut code = TokenStream::new();
    for (id, index) in order {
        code.extend(match index {
            Some(index) => emitter.act(&acts[index]),
            None => emitter.arrive(id),
        });
    }

    let node_places = &places.nodes[node.0];
    let mut values = Vec::new();
    for (index, place) in node_places.arguments.iter().enumerate() {
        values.push(match place {
            ArgumentPlace::Slot(_) => emitter.forward(Content::Argument(index)),
            ArgumentPlace::Join => emitter.argument(node, index),
        });
    }
    if node_places.arguments.is_empty() && node_places.form == NodeForm::Result {
        values.push(unit());
    }
    for id in &messages.relays[node.0] {
        values.push(emitter.forward(Content::Variable(*id)));
    }
    let out = compiled::out();
    code.extend(quote!(#out.proceed([#(#values),*]);));
    Emitted { code, reads: emitter.reads }
}

fn unit() -> TokenStream {
    let out = compiled::out();
    quote!(#out.encode(&())?)
}

fn position(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}

struct Emitter<'c> {
    compiled: &'c Compiled,
    errors: &'c mut Errors,
    incoming: Vec<Content>,
    /// What the slice touches itself, aliases resolved, and the aliases.
    needed: BTreeSet<VarId>,
    /// Whether it is the entry's, where nothing is encoded yet.
    entry: bool,
    /// What it binds itself.
    native: BTreeSet<VarId>,
    /// What must be encoded as soon as it is bound, because it may be moved before it is sent.
    kept: BTreeSet<VarId>,
    /// What is encoded where it is bound and sent where it is out of sight, and whether it was bound already.
    outliving: BTreeMap<VarId, bool>,
    /// What it hands over as it is.
    handed: BTreeSet<VarId>,
    /// How often each variable is sent along.
    sends: HashMap<VarId, usize>,
    /// Choices that the very next step makes and nothing else reads: they need no name.
    tested: BTreeSet<VarId>,
    /// Whether the slice is over where a block ends without a value.
    last: bool,
    /// The names in sight, innermost block last.
    scopes: Vec<HashMap<String, VarId>>,
    /// What is bound so far.
    bound: BTreeSet<VarId>,
    /// Slots that were filled before these variables were bound.
    late: BTreeMap<VarId, BTreeSet<(NodeIndex, usize, usize)>>,
    reads: BTreeSet<u16>,
}

impl<'c> Emitter<'c> {
    fn new(
        compiled: &'c Compiled,
        entry: bool,
        incoming: Vec<Content>,
        acts: &[Act],
        errors: &'c mut Errors,
    ) -> Self {
        let Compiled { body, places, messages, .. } = compiled;
        let touched = message::touched(body, places, acts);
        let mut native = message::bound(body, acts);
        let sent = messages.sent(acts);
        let mut sends = HashMap::new();
        let mut handed = BTreeSet::new();
        slice::visit(acts, &mut |act| {
            handed.extend(slice::handed_over(body, places, act).into_iter().map(|touch| touch.variable));
            if let Act::Send { node, slot } = act {
                for content in &messages.slots[node.0][*slot] {
                    if let Content::Variable(id) = content {
                        *sends.entry(*id).or_default() += 1;
                    }
                }
            }
        });
        if entry {
            native.extend(&body.parameters);
        }
        let moved = |id: &VarId| {
            let written = native
                .iter()
                .any(|other| other > id && body.variable(*other).first == body.variable(*id).first);
            written || touched.iter().any(|touch| touch.variable == *id && touch.kind != UseKind::Borrow)
        };
        let kept = native.intersection(&sent).copied().filter(moved).collect();
        let tested = &tested(body, acts) - &sent;
        let mut emitter = Self {
            compiled,
            errors,
            incoming,
            needed: message::roots(body, &touched),
            entry,
            native,
            kept,
            outliving: BTreeMap::new(),
            handed,
            sends,
            tested,
            last: true,
            scopes: vec![HashMap::new()],
            bound: BTreeSet::new(),
            late: BTreeMap::new(),
            reads: BTreeSet::new(),
        };
        let aliases = emitter.aliases(&touched);
        emitter.needed.extend(aliases);
        emitter
    }

    /// Whether the slice does anything with a variable.
    fn wants(&self, id: VarId) -> bool {
        self.needed.contains(&id) || self.handed.contains(&id) || self.sends.contains_key(&id)
    }

    /// The aliases among some uses, with those that they lead to.
    fn aliases(&self, uses: &[Use]) -> BTreeSet<VarId> {
        let mut found = BTreeSet::new();
        for touch in uses {
            if let Some(behind) = message::alias(&self.compiled.body, touch.variable) {
                found.insert(touch.variable);
                found.extend(self.aliases(behind));
            }
        }
        found
    }
}

/// Choices that one branch makes, right after they are there: they need no name.
fn tested(body: &Body, acts: &[Act]) -> BTreeSet<VarId> {
    let mut tests: HashMap<VarId, usize> = HashMap::new();
    slice::visit(acts, &mut |act| {
        if let Act::Branch { branch, .. } = act {
            *tests.entry(body.branches[branch.0].chosen).or_default() += 1;
        }
    });
    let mut found = tested_next(body, acts);
    found.retain(|id| tests.get(id) == Some(&1));
    found
}

/// Choices that the very next step makes.
fn tested_next(body: &Body, acts: &[Act]) -> BTreeSet<VarId> {
    let mut found = BTreeSet::new();
    for pair in acts.windows(2) {
        if let [Act::Glue(id), Act::Branch { branch, .. }] = pair {
            let chosen = body.branches[branch.0].chosen;
            found.extend(body.glue[id.0].binds.iter().filter(|bind| **bind == chosen));
        }
    }
    for act in acts {
        let inner = match act {
            Act::Branch { arms, .. } => arms.iter().collect(),
            Act::Inside { body, .. } => vec![body],
            Act::Resolved { rest, otherwise, .. } => vec![rest, otherwise],
            _ => Vec::new(),
        };
        found.extend(inner.into_iter().flat_map(|arm| tested_next(body, &arm.acts)));
    }
    found
}

fn number(index: usize) -> Literal {
    Literal::usize_unsuffixed(index)
}
