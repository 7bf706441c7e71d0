//! `#[caribou::workflow]`: from the body to the graph and its slices.
//!
//! | module | what it does |
//! |---|---|
//! | `lower`, `body` | lifts stage calls out of expressions; names become variables |
//! | `scope`, `uses` | which variable a name means, and what glue does to it |
//! | `refuse` | what the language does not have, with the way out |
//! | `point`, `place` | when each value is there; nodes, their slots, gates |
//! | `slice` | the part of the body that each node runs |
//! | `message` | what each message carries |
//! | `edge` | the graph's edges and their conditions |
//! | `types` | types that only inference knows |
//! | `emit`, `expand` | Rust code |

mod body;
mod compiled;
mod edge;
mod emit;
mod expand;
mod lower;
mod message;
mod options;
mod place;
mod point;
mod refuse;
mod scope;
mod slice;
mod types;
mod uses;

use proc_macro2::TokenStream;
use quote::quote;
use syn::ItemFn;

use crate::errors::Errors;
use crate::signature::Signature;
use compiled::Compiled;
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
    let body = lower::lower(&signature.parameters, (*function.block).clone(), errors);
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

#[cfg(test)]
mod tests;
