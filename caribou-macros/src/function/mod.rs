//! `#[caribou::function]`.

mod context;
mod environment;
mod expand;
mod options;

use proc_macro2::TokenStream;
use quote::quote;
use syn::ItemFn;

use crate::errors::Errors;
use crate::signature::Signature;

pub(crate) use expand::{caribou, marker};
use options::Options;
pub(crate) use options::name;

/// Expands the attribute. The author's function is kept whatever is wrong.
pub(crate) fn expand(options: TokenStream, item: &TokenStream) -> TokenStream {
    let Ok(mut function) = syn::parse2::<ItemFn>(item.clone()) else {
        let error = syn::Error::new_spanned(item, "`#[caribou::function]` stands on an `async fn`")
            .to_compile_error();
        return quote!(#item #error);
    };
    let mut errors = Errors::default();
    let signature = Signature::read(&function, "function", &mut errors);
    let options = Options::parse(options, &mut errors);
    let name = signature.deployed_name(options.name.as_ref(), "function", &mut errors);
    let method = function.sig.receiver().is_some();
    let expansion = match (signature.deployable, method) {
        (true, _) => {
            // a missing `async` is reported once, here, and not again by whoever awaits the function
            function.sig.asyncness.get_or_insert_default();
            expand::implementation(&signature, &options, &name)
        }
        (false, false) => expand::placeholder(&signature, &options, &mut errors),
        (false, true) => TokenStream::new(),
    };
    if let Some(parameter) = &signature.context {
        context::bind(&mut function, parameter, &name, &options);
    }
    let errors = errors.to_tokens();
    quote! {
        #[allow(clippy::unused_async)]
        #function
        #expansion
        #errors
    }
}

#[cfg(test)]
mod tests;
