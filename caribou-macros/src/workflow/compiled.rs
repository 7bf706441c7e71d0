//! A workflow as the expansion needs it: the body, where everything happens, what travels, and the nodes' names.

use std::collections::{BTreeSet, HashSet};

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Expr, Type};

use super::body::{Body, Code, StageId, TypeSource, VarId};
use super::message::{self, Messages};
use super::place::{self, NodeForm, Places};
use super::point::NodeIndex;

/// A compiled body.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) body: Body,
    pub(crate) places: Places,
    pub(crate) messages: Messages,
    /// First versions of the variables whose type is found by inference.
    pub(crate) inferred: BTreeSet<VarId>,
    /// What the workflow returns: a `Result`.
    pub(crate) output: Type,
    /// The constant of each node.
    constants: Vec<Ident>,
}

impl Compiled {
    /// Compiles a body.
    pub(crate) fn new(body: Body, output: Type) -> Self {
        let places = place::place(&body);
        let messages = message::messages(&body, &places);
        let inferred = message::inferred(&body, &messages);
        let constants = constants(&body, &places);
        Self { body, places, messages, inferred, output, constants }
    }

    /// The constant that holds a node's id.
    pub(crate) fn constant(&self, node: NodeIndex) -> &Ident {
        &self.constants[node.0]
    }

    /// All nodes.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = NodeIndex> {
        (0..self.places.nodes.len()).map(NodeIndex)
    }

    /// The name under which a variable is bound, or passed on.
    pub(crate) fn name(&self, id: VarId) -> &Ident {
        &self.body.variable(id).name
    }

    /// The variable that stands for the type of another.
    pub(crate) fn type_name(&self, id: VarId) -> Option<Ident> {
        let first = self.body.variable(id).first;
        let name = &self.body.variable(first).name;
        let namesakes = self.inferred.iter().filter(|other| **other < first && self.name(**other) == name);
        let number = match namesakes.count() {
            0 => String::new(),
            earlier => format!("_{}", earlier + 1),
        };
        let tag = || format_ident!("{name}_type{number}", span = Span::mixed_site());
        self.inferred.contains(&first).then(tag)
    }

    /// An expression that decodes a variable from a position.
    pub(crate) fn take(&self, id: VarId, index: u16) -> TokenStream {
        let values = values();
        let index = proc_macro2::Literal::u16_unsuffixed(index);
        let ty = match &self.body.variable(id).source {
            TypeSource::Declared(ty) => ty.to_token_stream(),
            TypeSource::Output(stage) => self.output_type(*stage),
            TypeSource::Bool => quote!(bool),
            TypeSource::Index => quote!(u16),
            TypeSource::Result => {
                let output = &self.output;
                quote!(__caribou::Success<#output>)
            }
            TypeSource::PartOfOutput | TypeSource::Inferred => {
                // if the type cannot travel, the error stands at the variable
                let span = Span::mixed_site().located_at(self.name(id).span());
                let tag = self.type_name(id).map(|mut tag| {
                    tag.set_span(span);
                    tag
                });
                let mut index = index;
                index.set_span(span);
                let values = Ident::new("values", span);
                return quote_spanned!(span=> #tag.take(#values, #index)?);
            }
        };
        quote!(#values.take::<#ty>(#index)?)
    }

    /// The type of what a stage call yields.
    pub(crate) fn output_type(&self, stage: StageId) -> TokenStream {
        let stage = &self.body.stages[stage.0];
        let function = &stage.function;
        let mut output = quote!(__caribou::Output<#function>);
        if stage.map.is_some() {
            output = quote!(::std::vec::Vec<#output>);
        }
        if stage.question.is_none() {
            output = quote!(::core::result::Result<#output, __caribou::Error>);
        }
        output
    }

    /// Whether the compiler knows the type of this code from what stands before it.
    pub(crate) fn is_typed(&self, code: &Code) -> bool {
        let place = match &code.expr {
            Expr::MethodCall(call) if call.method == "clone" && call.args.is_empty() => &*call.receiver,
            other => other,
        };
        let Some(root) = super::uses::root(place) else { return false };
        let touch = code.uses.iter().find(|touch| touch.ident == *root);
        touch.is_some_and(|touch| {
            let variable = self.body.variable(touch.variable);
            match variable.source {
                TypeSource::Inferred | TypeSource::Result => self.inferred.contains(&variable.first),
                _ => true,
            }
        })
    }
}

/// The generated code's name for what has arrived.
pub(crate) fn values() -> Ident {
    Ident::new("values", Span::mixed_site())
}

/// The generated code's name for what is sent.
pub(crate) fn out() -> Ident {
    Ident::new("out", Span::mixed_site())
}

/// A constant for every node, called as the node is.
fn constants(body: &Body, places: &Places) -> Vec<Ident> {
    let mut taken = HashSet::from(["WORKFLOW".to_owned()]);
    let mut constants = Vec::new();
    for node in &places.nodes {
        let base = match node.form {
            NodeForm::Entry => "INPUT".to_owned(),
            NodeForm::Result => "RESULT".to_owned(),
            NodeForm::Collect(_) => "COLLECT".to_owned(),
            NodeForm::Gate(_) | NodeForm::EndGate(..) | NodeForm::SpreadGate(_) => "GATE".to_owned(),
            NodeForm::Stage(stage) => body.stages[stage.0].name().trim_start_matches("r#").to_uppercase(),
        };
        let mut name = base.clone();
        let mut number = 2;
        while !taken.insert(name.clone()) {
            name = format!("{base}_{number}");
            number += 1;
        }
        constants.push(Ident::new(&name, Span::mixed_site()));
    }
    constants
}
