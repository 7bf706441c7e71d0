//! `#[caribou::workflow]`: from the body to the graph and its slices.
//!
//! | module | what it does |
//! |---|---|
//! | `desugar`, `names` | rewrites shadowed names, `join!`, early returns in simpler words |
//! | `lower`, `body` | lifts stage calls out of expressions; names become variables |
//! | `scope`, `uses`, `arguments` | which variable a name means, and what glue does to it |
//! | `leave`, `flow` | glue that may leave the workflow; which way an early return went |
//! | `refuse`, `unawaited` | what the language does not have, with the way out |
//! | `point`, `place` | when each value is there; nodes, their slots, gates |
//! | `slice` | the part of the body that each node runs |
//! | `message` | what each message carries |
//! | `edge` | the graph's edges and their conditions |
//! | `types` | types that only inference knows |
//! | `emit`, `expand` | Rust code |

mod arguments;
mod body;
mod compiled;
mod desugar;
mod edge;
mod emit;
mod expand;
mod flow;
mod leave;
mod lower;
mod message;
mod names;
mod options;
mod place;
mod point;
mod refuse;
mod scope;
mod slice;
mod types;
mod unawaited;
mod uses;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::ItemFn;

use crate::errors::Errors;
use crate::signature::Signature;
use compiled::Compiled;
use names::Names;
use options::Options;

/// Expands the attribute. The author's function is kept whatever is wrong.
pub(crate) fn expand(options: TokenStream, item: &TokenStream) -> TokenStream {
    let Ok(function) = syn::parse2::<ItemFn>(item.clone()) else {
        let error = syn::Error::new_spanned(item, "`#[caribou::workflow]` stands on an `async fn`")
            .to_compile_error();
        return quote!(#item #error);
    };
    let mut errors = Errors::default();
    let signature = Signature::read(&function, "workflow", &mut errors);
    let options = Options::parse(options, &mut errors);
    let compiled = compile(&function, &signature, &mut errors);
    let expansion = match compiled {
        Some(compiled) if errors.is_empty() => expand::workflow(&compiled, &signature, &options, &mut errors),
        _ => expand::marker(&signature),
    };
    let expansion = if errors.is_empty() { expansion } else { expand::marker(&signature) };
    let errors = errors.to_tokens();
    quote! {
        #function
        #expansion
        #errors
    }
}

/// Compiles the body; nothing if a mistake in it makes the rest meaningless.
fn compile(function: &ItemFn, signature: &Signature, errors: &mut Errors) -> Option<Compiled> {
    let mistakes = errors.count();
    let mut names = Names::default();
    names.take_all(function.block.to_token_stream());
    for parameter in &signature.parameters {
        names.take_all(parameter.name.to_token_stream());
    }
    let (items, statements) = items_apart(&function.block);
    for item in &items {
        refuse::check_item(item, errors);
    }
    refuse::check_inner_items(&statements, errors);
    let statements = desugar::desugar(&signature.parameters, statements, &mut names, errors);
    unawaited::check(&statements, errors);
    if errors.count() > mistakes {
        return None;
    }
    let body = lower::lower(&signature.parameters, statements, items, names, errors);
    if errors.count() > mistakes {
        return None;
    }
    if body.stages.is_empty() {
        if errors.is_empty() {
            errors.at(
                &function.sig.ident,
                "this workflow calls no caribou function: write at least one stage, `stage(..).await?`",
            );
        }
        return None;
    }
    Some(Compiled::new(body, signature.output.clone()))
}

/// The items, in Rust's sense, among the statements of a body, and the statements.
fn items_apart(block: &syn::Block) -> (Vec<syn::Item>, Vec<syn::Stmt>) {
    let mut items = Vec::new();
    let mut statements = Vec::new();
    for statement in &block.stmts {
        match statement {
            syn::Stmt::Item(item) => items.push(item.clone()),
            other => statements.push(other.clone()),
        }
    }
    (items, statements)
}

#[cfg(test)]
mod tests;
