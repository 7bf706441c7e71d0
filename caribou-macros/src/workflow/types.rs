//! The types that only the compiler knows: found by a closure that is never called.
//!
//! The closure is the author's body again, with a tag on every value whose type a slice must know.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Expr;

use super::body::{Block, BlockId, Body, BranchId, Decision, End, GlueForm, Item, Stage};
use super::compiled::Compiled;
use super::flow;
use crate::signature::Signature;

/// The tags and the closure, if a slice needs any.
pub(crate) fn closure(compiled: &Compiled, signature: &Signature) -> TokenStream {
    if compiled.inferred.is_empty() {
        return TokenStream::new();
    }
    let tags = compiled.inferred.iter().filter_map(|id| compiled.type_name(*id));
    let parameters = signature.parameters.iter().map(|parameter| {
        let (name, ty) = (&parameter.name, &parameter.ty);
        let mutable = parameter.mutable.then(|| syn::Token![mut](Span::mixed_site()));
        quote!(#mutable #name: #ty)
    });
    let output = &signature.output;
    let statements = block(compiled, &compiled.body.root);
    quote! {
        #(let #tags = __caribou::Tag::new();)*
        let _ = async |#(#parameters),*| -> #output { #statements };
    }
}

fn block(compiled: &Compiled, block: &Block) -> TokenStream {
    let body = &compiled.body;
    let mut code = TokenStream::new();
    for item in &block.items {
        code.extend(match *item {
            Item::Glue(id) => {
                let glue = &body.glue[id.0];
                let expr = &flow::returned(glue.code.expr.clone());
                match &glue.form {
                    GlueForm::Let(pattern) | GlueForm::Alias(pattern) => quote!(let #pattern = #expr;),
                    GlueForm::LetElse(pattern, diverge) => quote!(let #pattern = #expr else #diverge;),
                    GlueForm::Statement => quote!(#expr;),
                    GlueForm::Decision(_) => TokenStream::new(),
                }
            }
            Item::Stage(id) => {
                let stage = &body.stages[id.0];
                let call = call(stage);
                let bind = stage.pattern.as_ref().map(|pattern| quote!(let #pattern =));
                quote!(#bind #call;)
            }
            Item::Branch(id) => {
                let branch = &body.branches[id.0];
                let arms: Vec<_> = branch.arms.iter().map(|arm| self::block(compiled, &arm.block)).collect();
                let decided = decided(body, id, &arms);
                let bind = branch.pattern.as_ref().map(|pattern| quote!(let #pattern =));
                let semicolon = bind.as_ref().map(|_| quote!(;));
                quote!(#bind #decided #semicolon)
            }
            Item::Head(..) => TokenStream::new(),
        });
        for id in body.binds(*item) {
            let variable = body.variable(*id);
            let name = &variable.name;
            if let Some(tag) = compiled.type_name(*id).filter(|_| variable.first == *id) {
                code.extend(quote!(#tag.of(&#name);));
            }
        }
    }
    let root = block.id == BlockId(0);
    code.extend(match &block.end {
        End::Unit if root => quote!(::core::result::Result::Ok(())),
        End::Unit => TokenStream::new(),
        End::Value(code) => {
            let expr = flow::returned(code.expr.clone());
            if root { quote!(::core::result::Result::Ok(#expr)) } else { quote!(#expr) }
        }
        End::Fallible(code) => {
            let expr = &code.expr;
            let output = &compiled.output;
            if root { quote!(#expr) } else { quote!(::core::convert::identity::<#output>(#expr)?) }
        }
    });
    code
}

/// The `if` or `match` of a branch as the author wrote it, with other arms.
pub(crate) fn decided(body: &Body, branch: BranchId, arms: &[TokenStream]) -> TokenStream {
    let (code, decision) = body.decision(branch);
    branching(&code.expr, decision, arms)
}

/// An `if` or `match` with these arms.
pub(crate) fn branching(expr: &Expr, decision: &Decision, arms: &[TokenStream]) -> TokenStream {
    match (decision, arms) {
        (Decision::If, [then, otherwise]) if otherwise.is_empty() => quote!(if #expr { #then }),
        (Decision::If, [then, otherwise]) => quote!(if #expr { #then } else { #otherwise }),
        (Decision::Match(patterns), arms) => quote!(match #expr { #(#patterns => { #arms })* }),
        (Decision::If, _) => TokenStream::new(),
    }
}

/// The stage call as the author wrote it, but for what was lifted out of its arguments.
fn call(stage: &Stage) -> TokenStream {
    let mut call = stage.call.clone();
    // the closure or function of a map has nothing that could be lifted out
    let own = if stage.map.is_some() { 1 } else { stage.arguments.len() };
    for (argument, code) in call.args.iter_mut().zip(&stage.arguments).take(own) {
        argument.clone_from(&code.expr);
    }
    let question = &stage.question;
    quote!(#call.await #question)
}
