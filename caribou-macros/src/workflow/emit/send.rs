//! What is sent: arguments, the result, and what is passed on.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Expr;
use syn::spanned::Spanned;

use super::{Emitter, FAULT, number, unit};
use crate::workflow::body::{Code, End, Map, StageId};
use crate::workflow::compiled;
use crate::workflow::message::Content;
use crate::workflow::place::NodeForm;
use crate::workflow::point::NodeIndex;
use crate::workflow::slice;

impl Emitter<'_> {
    /// An argument of a node, encoded.
    pub(super) fn argument(&mut self, node: NodeIndex, index: usize) -> TokenStream {
        let compiled = self.compiled;
        let out = compiled::out();
        let NodeForm::Stage(stage) = compiled.places.nodes[node.0].form else {
            return self.result();
        };
        let stage = &compiled.body.stages[stage.0];
        let code = &stage.function_arguments()[index];
        if let Some(forwarded) = self.handed_over(code) {
            return forwarded;
        }
        let value = reference(self.code(code));
        if compiled.is_typed(code) {
            return quote!(#out.encode(#value)?);
        }
        self::argument(&stage.function, index, &value, code.expr.span())
    }

    /// A variable that arrived and goes on as it is.
    fn handed_over(&mut self, code: &Code) -> Option<TokenStream> {
        let touch = slice::bare(&self.compiled.body, code)?;
        let content = Content::Variable(touch.variable);
        let arrived = !self.entry && !self.native.contains(&touch.variable);
        (arrived && self.position_of(content).is_some()).then(|| self.forward(content))
    }

    /// The result, encoded.
    pub(super) fn result(&mut self) -> TokenStream {
        let compiled = self.compiled;
        let (out, output) = (compiled::out(), &compiled.output);
        match &compiled.body.root.end {
            End::Unit => unit(),
            End::Fallible(code) => {
                let value = self.success(code);
                quote!(#out.encode(&#value)?)
            }
            End::Value(code) => {
                if let Some(forwarded) = self.handed_over(code) {
                    return forwarded;
                }
                let value = reference(self.code(code));
                if compiled.is_typed(code) {
                    quote!(#out.encode(#value)?)
                } else {
                    quote!(#out.encode::<__caribou::Success<#output>>(#value)?)
                }
            }
        }
    }

    /// A value that arrived, passed on as it is.
    pub(super) fn forward(&mut self, content: Content) -> TokenStream {
        let values = compiled::values();
        if let Some(index) = self.position_of(content) {
            let index = Literal::u16_unsuffixed(index);
            quote!(#values.forward(#index)?)
        } else {
            self.errors.push(syn::Error::new(
                Span::call_site(),
                format!("a value of this workflow is not where it is read; {FAULT}"),
            ));
            unit()
        }
    }

    /// The items of a map, each with its arguments, and what all of them share.
    fn dispatch(&mut self, node: NodeIndex, stage: StageId, map: &Map) -> TokenStream {
        let compiled = self.compiled;
        let stage = &compiled.body.stages[stage.0];
        let (out, constant) = (compiled::out(), compiled.constant(node));
        let mut shared = Vec::new();
        let mut each = Vec::new();
        for (index, code) in stage.function_arguments().iter().enumerate() {
            if map.is_each(index) {
                self.check(&code.uses);
                let value = reference(code.expr.clone());
                each.push(self::argument(&stage.function, index, &value, code.expr.span()));
                shared.push(quote!(::core::option::Option::None));
            } else {
                let value = self.argument(node, index);
                shared.push(quote!(::core::option::Option::Some(#value)));
            }
        }
        let items = stage.arguments.first().map(|items| self.code(items));
        let (item, each_item) = (&map.item, quote!([#(#each),*].into()));
        let own = Ident::new("own", Span::mixed_site());
        quote! {
            let #own = __caribou::each(#items, |#item| ::core::result::Result::Ok(#each_item))?;
            #out.dispatch(Self::#constant, [#(#shared),*], #own);
        }
    }

    /// The output of one item of a map.
    fn item(&self, node: NodeIndex, stage: StageId) -> TokenStream {
        let compiled = self.compiled;
        let stage = &compiled.body.stages[stage.0];
        let (values, out, function) = (compiled::values(), compiled::out(), &stage.function);
        let constant = compiled.constant(node);
        let output = if stage.question.is_some() {
            quote!(#values.output::<__caribou::Output<#function>>()?)
        } else {
            quote!(#values.outcome::<__caribou::Output<#function>>()?)
        };
        quote!(#out.send(Self::#constant, 1, [#out.encode(&#output)?]);)
    }

    pub(super) fn send(&mut self, node: NodeIndex, slot: usize) -> TokenStream {
        let compiled = self.compiled;
        match compiled.places.nodes[node.0].form {
            NodeForm::Stage(stage) => {
                if let Some(map) = &compiled.body.stages[stage.0].map {
                    return self.dispatch(node, stage, map);
                }
            }
            NodeForm::Collect(stage) if slot == 1 => return self.item(node, stage),
            _ => {}
        }
        let mut values = Vec::new();
        for (index, content) in compiled.messages.slots[node.0][slot].iter().enumerate() {
            values.push(match *content {
                Content::Argument(argument) => self.argument(node, argument),
                Content::Variable(id) if self.has(id) => self.encoded(id),
                Content::Variable(id) if self.native.contains(&id) => {
                    self.late.entry(id).or_default().insert((node, slot, index));
                    let out = compiled::out();
                    quote!(#out.later())
                }
                content @ (Content::Variable(_) | Content::Items) => self.forward(content),
            });
        }
        let result = node == compiled.places.result();
        if result && slot == 0 && compiled.places.nodes[node.0].slots.len() == 1 && values.is_empty() {
            values.push(unit());
        }
        let out = compiled::out();
        let (node, slot) = (compiled.constant(node), number(slot));
        quote!(#out.send(Self::#node, #slot, [#(#values),*]);)
    }
}

/// An argument as the type that the function asks for. If it asks for none, that is said at the argument.
fn argument(function: &syn::Path, index: usize, value: &Expr, at: Span) -> TokenStream {
    let span = Span::mixed_site().located_at(at);
    let (out, mut index) = (Ident::new("out", span), number(index));
    index.set_span(span);
    quote_spanned!(span=> #out.argument::<#function, #index>(#value)?)
}

/// `&expr`, with parentheses where they are needed.
fn reference(expr: Expr) -> Expr {
    Expr::Reference(syn::ExprReference {
        attrs: Vec::new(),
        and_token: syn::Token![&](Span::mixed_site()),
        mutability: None,
        expr: Box::new(expr),
    })
}
